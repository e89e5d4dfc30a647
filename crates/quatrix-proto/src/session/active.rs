//! While there is a session: the idle clock, keepalives, and what a 401 means.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use super::call::{Call, CallResult, Kind, RunKeepAlive, Status};
use super::poll::Step;
use super::{CallId, Phase, Session, SharedExchange};
use crate::api::KeepAlive;
use crate::endpoint::BaseKind;
use crate::error::{LoggedOut, TransportError, TransportErrorKind};
use crate::secret::SessionId;
use crate::time::Timestamp;

/// Between two tries of a keepalive that matters to a session which may still be alive.
pub(super) const MAX_REST: Duration = Duration::from_secs(60);

#[cfg_attr(feature = "_internals", derive(Clone))]
pub(super) struct Active {
    pub(super) token: SessionId,
    /// The server has accepted the token since it was granted or resumed.
    pub(super) confirmed: bool,
    /// When the last request that succeeded was *sent*: the server's idle clock cannot be older than that.
    pub(super) used: Timestamp,
    /// A keepalive on behalf of all: whether a 401 means expiry, or before a transfer.
    pub(super) probe: Option<Box<SharedExchange>>,
}

impl Active {
    pub(super) fn granted(token: SessionId, sent: Timestamp) -> Self {
        Self { token, confirmed: true, used: sent, probe: None }
    }

    /// Nobody knows how long it has been idle.
    pub(super) fn resumed(token: SessionId) -> Self {
        Self { token, confirmed: false, used: Timestamp::ZERO, probe: None }
    }
}

impl Session {
    /// A call that finds a session: it goes out, perhaps after a keepalive.
    pub(super) fn send_active(&mut self, now: Timestamp, id: CallId) -> Step {
        let Phase::Active(active) = &self.phase else {
            return Step::Wait(now);
        };
        let idle = now.saturating_since(active.used);
        let Some(call) = self.calls.get(id) else {
            return self.end_now(id, LoggedOut::ByUser);
        };
        if let Some(probe) = active.probe.as_deref().filter(|probe| probe.leader == id) {
            return Step::Wait(probe.deadline.min(call.deadline));
        }
        match &call.kind {
            Kind::Request(request) => {
                // A transfer may last for long and does not count as use (Q10): it pays for a keepalive first, early
                // enough that the session outlives it. How long a resumed session was idle is not known.
                let idle = !active.confirmed || idle >= self.config.keepalive_interval / 2;
                let due = idle && active.probe.is_none();
                if due && !request.keepalive_sent && !self.counts_as_use(request.prepared.spec) {
                    return self.tend(now, id);
                }
                if request.prepared.spec.base == BaseKind::Files && !self.config.compat.chunk_tokens {
                    return self.send_own(now, id, None);
                }
            }
            Kind::RunKeepAlive(run) => {
                let due = match active.confirmed {
                    true => active.used.saturating_add(run.interval).max(run.not_before),
                    false => run.not_before,
                };
                if now < due {
                    return Step::Wait(due);
                }
            }
            // Commands end when their phase does.
            Kind::Login | Kind::Answer | Kind::Logout => return Step::Wait(now),
        }
        let header = self.current_token();
        self.send_own(now, id, header)
    }

    fn tend(&mut self, now: Timestamp, id: CallId) -> Step {
        if let Some(Call { kind: Kind::Request(request), .. }) = self.calls.get_mut(id) {
            request.keepalive_sent = true;
        }
        self.start_probe(now, id)
    }

    /// A held call: one keepalive decides for all of them, carried by the first that polls.
    pub(super) fn decide_held(&mut self, now: Timestamp, id: CallId) -> Step {
        let Some(Call { status: Status::Held { epoch, .. }, deadline, .. }) = self.calls.get(id) else {
            return self.end_now(id, LoggedOut::ByUser);
        };
        let deadline = *deadline;
        match &self.phase {
            Phase::Active(active) if *epoch == self.epoch => match &active.probe {
                None => self.start_probe(now, id),
                Some(probe) => Step::Wait(probe.deadline.min(deadline)),
            },
            _ => {
                self.send_again_after_401(id);
                self.go_on(now, id)
            }
        }
    }

    fn start_probe(&mut self, now: Timestamp, leader: CallId) -> Step {
        let probe = match self.shared_exchange_led_by(now, leader, &KeepAlive) {
            Ok(probe) => probe,
            Err(invalid) => return self.end_now(leader, invalid),
        };
        if let Phase::Active(active) = &mut self.phase {
            active.probe = Some(Box::new(probe));
        }
        self.send_shared(now)
    }

    pub(super) fn handle_probe_response(&mut self, mut active: Active, response: &http::Response<Bytes>) {
        let sent = active.probe.take().map(|probe| probe.sent);
        self.enter(Phase::Active(active));
        match response.status() {
            StatusCode::UNAUTHORIZED => return self.become_expired(),
            status if status.is_success() => {
                self.budget.earn();
                self.note_success(self.epoch, sent.unwrap_or_default());
            }
            _ => {}
        }
        self.release_held();
    }

    /// A carrier that went away proves nothing: the next held call that polls asks again.
    pub(super) fn handle_probe_failure(&mut self, mut active: Active, failure: &TransportError) {
        active.probe = None;
        self.enter(Phase::Active(active));
        if failure.kind() != TransportErrorKind::Aborted {
            self.release_held();
        }
    }

    /// The session is not known to have ended: each 401 was its call's own answer.
    fn release_held(&mut self) {
        for call in self.calls.iter_mut() {
            if let Status::Held { epoch, .. } = &call.status
                && *epoch == self.epoch
                && let Status::Held { response, .. } = std::mem::replace(&mut call.status, Status::Waiting)
            {
                call.status = Status::Done(Ok(CallResult::Response(response)));
            }
        }
    }

    /// The server has accepted a request that was sent then.
    pub(super) fn note_success(&mut self, epoch: u64, sent: Timestamp) {
        if let Phase::Active(active) = &mut self.phase
            && epoch == self.epoch
        {
            active.confirmed = true;
            active.used = active.used.max(sent);
        }
    }

    /// Nothing succeeded for as long as the server keeps an idle session.
    pub(super) fn is_past_its_life(&self, now: Timestamp) -> bool {
        match &self.phase {
            Phase::Active(active) => active.confirmed && now.saturating_since(active.used) >= self.config.lifetime,
            _ => false,
        }
    }

    /// The server has given the session up. Kept credentials may make another.
    pub(super) fn become_expired(&mut self) {
        self.takeovers = 0;
        self.become_logged_out(LoggedOut::Expired);
    }

    pub(super) fn run_keepalive_answered(
        &mut self,
        now: Timestamp,
        id: CallId,
        epoch: u64,
        sent: Timestamp,
        response: &http::Response<Bytes>,
    ) {
        self.events.exchanged(id, &crate::api::KEEP_ALIVE, Ok(response.status()));
        match response.status() {
            status if status.is_success() => {
                self.note_success(epoch, sent);
                self.rest_until(id, Timestamp::ZERO, 0);
            }
            StatusCode::UNAUTHORIZED => {
                if epoch == self.epoch && matches!(self.phase, Phase::Active(_)) {
                    self.become_expired();
                }
                self.rest_until(id, Timestamp::ZERO, 0);
            }
            _ => self.run_keepalive_failed(now, id),
        }
    }

    /// A lost keepalive is tried again soon while the session can still be alive, then at leisure: the next call will
    /// find out.
    pub(super) fn run_keepalive_failed(&mut self, now: Timestamp, id: CallId) {
        let interval = self.config.keepalive_interval;
        let failures = match self.calls.get(id) {
            Some(Call { kind: Kind::RunKeepAlive(run), .. }) => run.failures.saturating_add(1),
            _ => return,
        };
        let rest = match self.is_past_its_life(now) {
            true => interval,
            false => self.rng.backoff(failures, interval.min(MAX_REST)).max(Duration::from_secs(1)),
        };
        self.rest_until(id, now.saturating_add(rest), failures);
    }

    fn rest_until(&mut self, id: CallId, not_before: Timestamp, failures: u8) {
        if let Some(Call { kind: Kind::RunKeepAlive(run), status, .. }) = self.calls.get_mut(id) {
            let interval = match failures {
                0 => self.rng.around(self.config.keepalive_interval),
                // The round is not over: what was due stays due, and a new roll of the dice does not put it off.
                _ => run.interval,
            };
            *run = RunKeepAlive { interval, not_before, failures };
            *status = Status::Waiting;
        }
    }
}
