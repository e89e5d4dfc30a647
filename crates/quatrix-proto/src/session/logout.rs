//! Logging out, from wherever the session stands.

use bytes::Bytes;

use super::answer::AnswerStep;
use super::call::{CallResult, Kind, Status};
use super::login::Verdict;
use super::{Logout, Phase, Session, SharedExchange};
use crate::api::{LogOut, SecondFactor};
use crate::endpoint::Endpoint;
use crate::error::{LoggedOut, TransportError, TransportErrorKind};
use crate::secret::SessionId;
use crate::time::Timestamp;

#[cfg_attr(feature = "_internals", derive(Clone))]
pub(super) struct LoggingOut {
    pub(super) awaiting: Awaiting,
    pub(super) shared_exchange: SharedExchange,
}

/// The answer that is waited for.
#[cfg_attr(feature = "_internals", derive(Clone))]
pub(super) enum Awaiting {
    /// A login was under way; it may yet grant a token.
    Login,
    /// A code was under way; it may yet grant another token than this.
    Code(SessionId),
    /// A captcha was under way, or whether one has logged in: the token stays what it is.
    Captcha(SessionId),
    /// The logout of this token.
    Logout(SessionId),
}

impl LoggingOut {
    /// What the logout is sent with.
    pub(super) fn token(&self) -> Option<&SessionId> {
        match &self.awaiting {
            Awaiting::Logout(token) => Some(token),
            Awaiting::Login | Awaiting::Code(_) | Awaiting::Captcha(_) => None,
        }
    }
}

impl Session {
    pub(super) fn start_logout(&mut self, now: Timestamp) {
        if matches!(self.phase, Phase::LoggingOut(_)) {
            return;
        }
        self.identity += 1;
        self.kept = None;
        self.takeovers = 0;
        match self.take_phase() {
            Phase::LoggedOut(_) | Phase::ApiKey(_) => self.finish_logout(true),
            Phase::LoggingIn(logging_in) => match logging_in.shared_exchange.exchange {
                None => self.finish_logout(true),
                Some(_) => self.wait_for_answer(Awaiting::Login, logging_in.shared_exchange),
            },
            Phase::Answering(answering) => match answering.shared_exchange.exchange {
                None => self.log_token_out(now, answering.challenged.partial),
                Some(_) => {
                    let awaiting = match answering.step {
                        AnswerStep::Code(_) => Awaiting::Code(answering.challenged.partial),
                        AnswerStep::Captcha { .. } | AnswerStep::Check => {
                            Awaiting::Captcha(answering.challenged.partial)
                        }
                    };
                    self.wait_for_answer(awaiting, answering.shared_exchange);
                }
            },
            Phase::Challenged(challenged) => self.log_token_out(now, challenged.partial),
            Phase::Active(active) => self.log_token_out(now, active.token),
            other @ Phase::LoggingOut(_) => self.enter(other),
        }
    }

    fn wait_for_answer(&mut self, awaiting: Awaiting, shared_exchange: SharedExchange) {
        self.enter(Phase::LoggingOut(Box::new(LoggingOut { awaiting, shared_exchange })));
    }

    /// The first caller that waits for a logout carries it.
    fn log_token_out(&mut self, now: Timestamp, token: SessionId) {
        let command = self.calls.waiting_logout();
        let shared_exchange = command.and_then(|command| self.shared_exchange_led_by(now, command, &LogOut).ok());
        match shared_exchange {
            Some(shared_exchange) => self.wait_for_answer(Awaiting::Logout(token), shared_exchange),
            None => self.finish_logout(false),
        }
    }

    pub(super) fn handle_logout_response(
        &mut self,
        now: Timestamp,
        logging_out: LoggingOut,
        response: http::Response<Bytes>,
    ) {
        let LoggingOut { awaiting, .. } = logging_out;
        match awaiting {
            Awaiting::Logout(_) => self.finish_logout(LogOut::decode(response).is_ok()),
            Awaiting::Login => match Verdict::read(&self.config, response) {
                Verdict::Granted(token) | Verdict::Partial(token, _) | Verdict::Captcha(token) => {
                    self.log_token_out(now, token);
                }
                Verdict::Refused(_) => self.finish_logout(true),
                Verdict::Failed(_) => self.finish_logout(false),
            },
            Awaiting::Code(partial) => {
                let granted = SecondFactor::decode(response).ok().and_then(|granted| granted.session_id);
                self.log_token_out(now, granted.unwrap_or(partial));
            }
            Awaiting::Captcha(token) => self.log_token_out(now, token),
        }
    }

    pub(super) fn handle_logout_failure(&mut self, now: Timestamp, logging_out: LoggingOut, failure: &TransportError) {
        let unsent = logging_out.shared_exchange.exchange.is_none();
        match logging_out.awaiting {
            // Its caller vanished before it was sent: another one may carry it.
            Awaiting::Logout(token) if unsent && failure.kind() == TransportErrorKind::Aborted => {
                self.log_token_out(now, token);
            }
            Awaiting::Login | Awaiting::Logout(_) => self.finish_logout(false),
            Awaiting::Code(token) | Awaiting::Captcha(token) => self.log_token_out(now, token),
        }
    }

    /// Logged out, and everybody who asked for it is told.
    fn finish_logout(&mut self, confirmed: bool) {
        self.become_logged_out(LoggedOut::ByUser);
        for call in self.calls.iter_mut() {
            if matches!((&call.kind, &call.status), (Kind::Logout, Status::Waiting)) {
                call.status = Status::Done(Ok(CallResult::Logout(Logout { confirmed })));
            }
        }
    }
}
