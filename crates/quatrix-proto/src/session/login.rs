//! Logging in: the first time, and again after an expiry.

use bytes::Bytes;
use http::StatusCode;

use super::active::Active;
use super::answer::Challenged;
use super::call::CallResult;
use super::{CallId, Event, Login, Phase, Session, SharedExchange};
use crate::api::{LOG_IN, LogIn, answered_id, mfa_code};
use crate::challenge::{Challenge, Factor};
use crate::config::Config;
use crate::credentials::Credentials;
use crate::endpoint::Endpoint;
use crate::error::{ApiError, Error, Invalid, LoggedOut, TransportError, TransportErrorKind};
use crate::secret::SessionId;
use crate::time::Timestamp;

#[cfg_attr(feature = "_internals", derive(Clone))]
pub(super) struct LoggingIn {
    pub(super) attempt: Attempt,
    pub(super) shared_exchange: SharedExchange,
}

/// One way into a session, from the password to the last answer.
#[derive(Clone)]
pub(super) struct Attempt {
    /// `None` where a pending challenge was resumed without them.
    pub(super) credentials: Option<Credentials>,
    /// The command that is told how it ends. A login after an expiry has none.
    pub(super) command: Option<CallId>,
    /// The answer that is told how it goes on.
    pub(super) answer: Option<CallId>,
    /// Whether it replaces a session that expired.
    pub(super) again: bool,
    /// Whether the credentials are kept once they have led to a session.
    pub(super) keep: bool,
    /// It could not be sent once already.
    pub(super) unsent: bool,
    /// How many answers the driver has given.
    pub(super) asked: u8,
}

/// What the server made of a login.
pub(super) enum Verdict {
    Granted(SessionId),
    Partial(SessionId, Factor),
    Captcha(SessionId),
    Refused(Box<ApiError>),
    Failed(Error),
}

impl Attempt {
    pub(super) fn first(credentials: Credentials, command: CallId, keep: bool) -> Self {
        Self { command: Some(command), ..Self::resumed(Some(credentials), keep) }
    }

    fn again(credentials: Credentials) -> Self {
        Self { again: true, ..Self::resumed(Some(credentials), true) }
    }

    pub(super) fn resumed(credentials: Option<Credentials>, keep: bool) -> Self {
        Self { credentials, command: None, answer: None, again: false, keep, unsent: false, asked: 0 }
    }
}

impl Verdict {
    pub(super) fn read(config: &Config, response: http::Response<Bytes>) -> Self {
        let is_captcha = |code| config.compat.is_captcha(code);
        if response.status().is_success() {
            return match LogIn::decode(response) {
                Ok(granted) => match granted.second_factor {
                    None => Self::Granted(granted.session_id),
                    Some(Factor::Other(code)) if is_captcha(Some(code)) => Self::Captcha(granted.session_id),
                    Some(factor) => Self::Partial(granted.session_id, factor),
                },
                Err(error) => Self::Failed(error),
            };
        }
        if !matches!(response.status(), StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Self::Failed(Error::from_answer(LOG_IN.name, &response));
        }
        let error = ApiError::read(LOG_IN.name, &response);
        // Unblocking needs a session id, so a signal without one can only be reported (Q6).
        let id = answered_id(&LOG_IN, &response).ok().flatten();
        let signalled = is_captcha(mfa_code(&response)) || is_captcha(error.code().map(|code| code.0));
        match id {
            Some(id) if signalled || response.status() == StatusCode::UNAUTHORIZED => Self::Captcha(id),
            // A bare 401 counts as a refusal too: repeating it might lock the account.
            _ if error.code().is_some() || response.status() == StatusCode::UNAUTHORIZED => {
                Self::Refused(Box::new(error))
            }
            _ => Self::Failed(Error::Api(Box::new(error))),
        }
    }
}

impl Session {
    pub(super) fn start_login(&mut self, now: Timestamp, attempt: Attempt, leader: CallId) -> Result<(), Invalid> {
        let shared_exchange = self.shared_exchange_led_by(now, leader, &LogIn)?;
        self.enter(Phase::LoggingIn(Box::new(LoggingIn { attempt, shared_exchange })));
        Ok(())
    }

    /// A call finds the session gone and the credentials kept: it carries the login for all.
    pub(super) fn log_in_again(&mut self, now: Timestamp, leader: CallId) -> Result<(), Invalid> {
        match &self.kept {
            Some(credentials) => {
                let attempt = Attempt::again(credentials.clone());
                self.start_login(now, attempt, leader)
            }
            None => Ok(()),
        }
    }

    pub(super) fn handle_login_response(
        &mut self,
        now: Timestamp,
        logging_in: LoggingIn,
        response: http::Response<Bytes>,
    ) {
        let LoggingIn { attempt, shared_exchange } = logging_in;
        let verdict = Verdict::read(&self.config, response);
        if let (Verdict::Granted(_) | Verdict::Partial(..) | Verdict::Captcha(_), Some(credentials)) =
            (&verdict, &attempt.credentials)
        {
            self.user = Some(credentials.shared_user());
        }
        match verdict {
            Verdict::Granted(token) => self.become_active(attempt, token, shared_exchange.sent),
            Verdict::Partial(partial, factor) => {
                let challenge = Challenge::SecondFactor { factor, refused: 0 };
                self.challenged(Challenged::new(now, partial, challenge, attempt));
            }
            Verdict::Captcha(partial) => {
                self.challenged(Challenged::new(now, partial, Challenge::Captcha { refused: 0 }, attempt));
            }
            Verdict::Refused(error) => self.become_refused(&attempt, error),
            Verdict::Failed(error) => self.login_came_to_nothing(&attempt, error),
        }
    }

    pub(super) fn handle_login_failure(&mut self, now: Timestamp, logging_in: LoggingIn, failure: TransportError) {
        const MAX_TAKEOVERS: u8 = 2;

        let LoggingIn { mut attempt, shared_exchange } = logging_in;
        let vanished = failure.kind() == TransportErrorKind::Aborted && attempt.again;
        if vanished && self.takeovers < MAX_TAKEOVERS {
            self.takeovers += 1;
            // An answer that this login was part of went with it.
            self.end_command(&attempt, Err(failure.into()));
            return self.become_logged_out(LoggedOut::Expired);
        }
        let unsent = failure.kind().is_transient() && !failure.may_have_been_sent();
        if unsent && !attempt.unsent {
            attempt.unsent = true;
            let leader = shared_exchange.leader;
            if self.start_login(now, attempt.clone(), leader).is_ok() {
                return;
            }
        }
        self.login_came_to_nothing(&attempt, failure.into());
    }

    /// There is a session: kept credentials are those that made it.
    pub(super) fn become_active(&mut self, attempt: Attempt, token: SessionId, sent: Timestamp) {
        self.epoch += 1;
        self.takeovers = 0;
        self.enter(Phase::Active(Active::granted(token, sent)));
        self.events.push(|| Event::LoggedIn { again: attempt.again });
        self.end_command(&attempt, Ok(Login::Active));
        self.calls.iter_mut().for_each(|call| call.login_failed_meanwhile = false);
        self.kept = attempt.credentials.filter(|_| attempt.keep);
    }

    /// The server said no: it is not asked again without a new command.
    pub(super) fn become_refused(&mut self, attempt: &Attempt, error: Box<ApiError>) {
        self.kept = None;
        self.become_logged_out(LoggedOut::Refused(error.clone()));
        self.end_command(attempt, Err(Error::Api(error.clone())));
        self.fail_waiting(&LoggedOut::Refused(error).into());
    }

    /// Nobody said no: the next call may try again where credentials are kept.
    pub(super) fn login_came_to_nothing(&mut self, attempt: &Attempt, error: Error) {
        let why = LoggedOut::Failed(error.clone().into());
        self.become_logged_out(why.clone());
        self.end_command(attempt, Err(error));
        self.fail_waiting(&why.into());
    }

    /// Tells the commands behind an attempt, those that still wait.
    pub(super) fn end_command(&mut self, attempt: &Attempt, result: Result<Login, Error>) {
        for command in [attempt.command, attempt.answer].into_iter().flatten() {
            self.calls.end(command, result.clone().map(CallResult::Login));
        }
    }
}
