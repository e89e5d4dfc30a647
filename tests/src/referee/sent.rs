//! Checks the steps that a session returns to callers.

use std::time::Duration;

use http::header::AUTHORIZATION;
use quatrix_proto::{Auth, CallId, State, Step, Timestamp, Transmit};

use super::record::{Asked, Kind, Last, Leaving, Record, Shared};
use super::{Invariant, Violation};

/// A moment that was within reach is not, once the clock has gone back.
pub(super) const LONG_WAIT: &str = "a wait before a repetition is longer than the longest";

impl Record {
    /// Checks the step returned for this call in the given session state.
    pub(super) fn polled(&mut self, now: Timestamp, id: CallId, step: &Step, state: &State) -> Result<(), Violation> {
        let lost = matches!(step, Step::Ready(outcome) if format!("{outcome:?}") == "Outcome(Misuse(UnknownCall))");
        let Some(call) = self.call(id).copied() else {
            return holds(lost, Invariant::I2, "a call goes on after its end");
        };
        let (rides, same) = (call.rides(), call.identity == self.identity);
        match step {
            Step::Ready(outcome) => {
                self.ended(now, id);
                holds(!lost, Invariant::I2, "a call has ended without its outcome")?;
                let told = outcome.may_have_been_executed().unwrap_or_else(|| call.maybe_executed());
                let own = matches!(call.asked, Asked::Call { .. } | Asked::KeepAlive);
                let true_to_fact = !own || told == call.maybe_executed();
                holds(
                    true_to_fact,
                    Invariant::I13,
                    "a caller is told wrongly whether its request may have been executed",
                )
            }
            Step::Ask(_) => {
                holds(same, Invariant::I11, "a call of another identity is asked")?;
                holds(self.asked < 6, Invariant::I9, "the driver is asked for ever")
            }
            Step::Wait(until) => {
                let longest = now.saturating_add(Duration::from_secs(60 * 60));
                holds(now < *until && *until <= longest, Invariant::I7, "a wait without end, or without a pause")?;
                let flies = matches!(call.last, Last::InFlight { .. });
                holds(same || !rides || flies, Invariant::I11, "a call waits under another identity")?;
                let rests = call.last == Last::Again && matches!(state, State::Active { .. });
                let rests = rests && call.asked != Asked::RunKeepAlive && self.shared.is_none();
                let most = now.saturating_add(self.limits.max_retry_after);
                holds(!rests || *until <= most, Invariant::I9, LONG_WAIT)
            }
            Step::Send(sent) => self.sent(now, id, sent, state),
        }
    }

    fn sent(&mut self, now: Timestamp, id: CallId, sent: &Transmit, state: &State) -> Result<(), Violation> {
        let rides = sent.spec().authentication() != Auth::None;
        let name = sent.spec().name();
        let Some(call) = self.call(id) else {
            return Ok(());
        };
        let (asked, identity, newcomer) = (call.asked, call.identity, call.newcomer);
        let kind = match (name, asked) {
            ("session.login", _) => Some(Kind::Login),
            ("session.second_factor", _) => Some(Kind::Code),
            ("session.unblock_captcha", _) => Some(Kind::Captcha),
            ("session.logout", _) => Some(Kind::Logout),
            // Nothing else is sent with a partial token.
            _ if rides && matches!(state, State::Answering) => Some(Kind::Check),
            ("session.keepalive", Asked::Call { .. }) => Some(Kind::Probe),
            _ => None,
        };
        let out = rides && asked != Asked::Logout && identity != self.identity;
        holds(!out, Invariant::I11, "a call is sent under another identity")?;
        self.token_sent(sent, kind)?;
        match kind {
            None => self.own_sent(now, id, sent),
            Some(kind) => {
                self.may_be_shared(id, kind, newcomer)?;
                self.shared = Some(Shared { kind, exchange: sent.exchange, carrier: id, sent: now });
                Ok(())
            }
        }
    }

    fn token_sent(&self, sent: &Transmit, kind: Option<Kind>) -> Result<(), Violation> {
        let header = |name| Some(sent.request.headers().get(name)?.to_str().unwrap_or("not text"));
        let authorization = header(AUTHORIZATION);
        let key = authorization.filter(|value| !value.starts_with("Basic "));
        let Some(token) = header(http::HeaderName::from_static("x-auth-token")).or(key) else {
            let silent = authorization.is_none() || self.leaving == Leaving::No;
            return holds(silent, Invariant::I5, "a password leaves after a logout");
        };
        match (self.leaving, kind) {
            (Leaving::Left, _) => return broken(Invariant::I5, "a token is sent after a logout"),
            (Leaving::UnderWay, Some(Kind::Logout)) | (Leaving::No, _) => {}
            (Leaving::UnderWay, _) => return broken(Invariant::I5, "a token is sent during a logout"),
        }
        // A prefix may stand before it.
        let token = token.rsplit(' ').next();
        holds(token == self.token.as_deref(), Invariant::I3, "another token than the newest is sent")
    }

    fn may_be_shared(&mut self, id: CallId, kind: Kind, newcomer: bool) -> Result<(), Violation> {
        holds(self.shared.is_none(), Invariant::I1, "two shared exchanges are in flight")?;
        match kind {
            Kind::Login => {
                let may = self.password.may_leave_for(id, newcomer);
                if self.password.leaves() {
                    self.asked = 0;
                }
                holds(may, Invariant::I4, "a password leaves without a reason")
            }
            Kind::Code | Kind::Captcha => {
                let given = self.answers > 0;
                self.answers = self.answers.saturating_sub(1);
                holds(given, Invariant::I9, "an answer is sent more often than it was given")
            }
            Kind::Logout => holds(std::mem::take(&mut self.logout), Invariant::I9, "a logout is sent again"),
            Kind::Check | Kind::Probe => Ok(()),
        }
    }

    fn own_sent(&mut self, now: Timestamp, id: CallId, sent: &Transmit) -> Result<(), Violation> {
        let (grants, most) = (self.grants, self.limits.attempts);
        let counts = sent.spec().authentication() == Auth::Session
            && !sent.spec().is_below_files_base()
            && sent.spec().name() != "file.download";
        let Some(call) = self.call(id) else {
            return Ok(());
        };
        let last =
            std::mem::replace(&mut call.last, Last::InFlight { exchange: sent.exchange, grants, sent: now, counts });
        let most = match call.asked {
            Asked::Call { attempts, .. } => attempts,
            Asked::KeepAlive => most,
            Asked::RunKeepAlive => return Ok(()),
            Asked::Login | Asked::Answer | Asked::Logout => {
                return broken(Invariant::I9, "a command sends a request of its own");
            }
        };
        call.sent = call.sent.saturating_add(1);
        match last {
            Last::Nothing | Last::Again => {}
            Last::Unauthorized => call.replays += 1,
            Last::InFlight { .. } => return broken(Invariant::I9, "a call is sent twice at once"),
            Last::Final => return broken(Invariant::I9, "a call is sent again that may have been carried out"),
        }
        holds(call.replays <= 1, Invariant::I4, "a call is sent again after its second 401")?;
        holds(call.sent <= most + call.replays, Invariant::I9, "a call is sent too often")
    }
}

pub(super) fn holds(holds: bool, invariant: Invariant, what: &'static str) -> Result<(), Violation> {
    if holds { Ok(()) } else { broken(invariant, what) }
}

fn broken(invariant: Invariant, what: &'static str) -> Result<(), Violation> {
    Err(Violation::new(invariant, what))
}
