//! Logging out, from wherever the session stands.

use bytes::Bytes;

use super::answer::AnswerStep;
use super::call::{Answered, Kind, Status};
use super::login::Verdict;
use super::{CallId, Carried, Logout, Phase, Session};
use crate::api::{LogOut, SecondFactor};
use crate::endpoint::Endpoint;
use crate::error::LoggedOut;
use crate::secret::SessionId;
use crate::time::Timestamp;

#[cfg_attr(feature = "_internals", derive(Clone))]
pub(super) struct LoggingOut {
    /// Who carries the logout; `None`: that caller is gone.
    pub(super) command: Option<CallId>,
    pub(super) awaiting: Awaiting,
    pub(super) carried: Carried,
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

    pub(super) fn forget(&mut self, caller: CallId) {
        self.command = self.command.filter(|command| *command != caller);
    }
}

impl Session {
    pub(super) fn start_logout(&mut self, now: Timestamp, command: CallId) {
        if matches!(self.phase, Phase::LoggingOut(_)) {
            return;
        }
        self.identity += 1;
        self.kept = None;
        self.takeovers = 0;
        match self.take_phase() {
            Phase::LoggedOut(_) | Phase::ApiKey(_) => self.finish_logout(true),
            Phase::LoggingIn(logging_in) => match logging_in.carried.exchange {
                None => self.finish_logout(true),
                Some(_) => self.wait_for_answer(command, Awaiting::Login, logging_in.carried),
            },
            Phase::Answering(answering) => match answering.carried.exchange {
                None => self.log_token_out(now, Some(command), answering.challenged.partial),
                Some(_) => {
                    let awaiting = match answering.step {
                        AnswerStep::Code(_) => Awaiting::Code(answering.challenged.partial),
                        AnswerStep::Captcha { .. } | AnswerStep::Check => {
                            Awaiting::Captcha(answering.challenged.partial)
                        }
                    };
                    self.wait_for_answer(command, awaiting, answering.carried);
                }
            },
            Phase::Challenged(challenged) => self.log_token_out(now, Some(command), challenged.partial),
            Phase::Active(active) => self.log_token_out(now, Some(command), active.token),
            other @ Phase::LoggingOut(_) => self.enter(other),
        }
    }

    fn wait_for_answer(&mut self, command: CallId, awaiting: Awaiting, carried: Carried) {
        self.enter(Phase::LoggingOut(Box::new(LoggingOut { command: Some(command), awaiting, carried })));
    }

    fn log_token_out(&mut self, now: Timestamp, command: Option<CallId>, token: SessionId) {
        let carried = command.and_then(|command| self.carried_by(now, command, &LogOut).ok());
        match carried {
            Some(carried) => {
                let awaiting = Awaiting::Logout(token);
                self.enter(Phase::LoggingOut(Box::new(LoggingOut { command, awaiting, carried })));
            }
            None => self.finish_logout(false),
        }
    }

    pub(super) fn logout_answered(&mut self, now: Timestamp, logging_out: LoggingOut, response: http::Response<Bytes>) {
        let LoggingOut { command, awaiting, .. } = logging_out;
        match awaiting {
            Awaiting::Logout(_) => self.finish_logout(LogOut::decode(response).is_ok()),
            Awaiting::Login => match Verdict::read(&self.config, response) {
                Verdict::Granted(token) | Verdict::Partial(token, _) | Verdict::Captcha(token) => {
                    self.log_token_out(now, command, token);
                }
                Verdict::Refused(_) => self.finish_logout(true),
                Verdict::Failed(_) => self.finish_logout(false),
            },
            Awaiting::Code(partial) => {
                let granted = SecondFactor::decode(response).ok().and_then(|granted| granted.session_id);
                self.log_token_out(now, command, granted.unwrap_or(partial));
            }
            Awaiting::Captcha(token) => self.log_token_out(now, command, token),
        }
    }

    pub(super) fn logout_failed(&mut self, now: Timestamp, logging_out: LoggingOut) {
        match logging_out.awaiting {
            Awaiting::Login | Awaiting::Logout(_) => self.finish_logout(false),
            Awaiting::Code(token) | Awaiting::Captcha(token) => self.log_token_out(now, logging_out.command, token),
        }
    }

    /// Logged out, and everybody who asked for it is told.
    fn finish_logout(&mut self, confirmed: bool) {
        self.become_logged_out(LoggedOut::ByUser);
        for call in self.calls.iter_mut() {
            if matches!((&call.kind, &call.status), (Kind::Logout, Status::Waiting)) {
                call.status = Status::Done(Ok(Answered::Logout(Logout { confirmed })));
            }
        }
    }
}
