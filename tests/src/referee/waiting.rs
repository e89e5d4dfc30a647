//! Judges whether those who wait are told when they may go on: a driver wakes them when [`Session::wakes`] has grown.
//!
//! Whether a call would wait is tried on a copy of the session. What each step shows adds up: a call that waits until
//! some moment still would just before it, and whatever happens meanwhile either leaves it so or is told.

use quatrix_proto::{CallId, Session, Step, Timestamp};

use super::sent::holds;
use super::{Invariant, Watched};

impl Watched {
    /// Does something to the session. Its `actor` will poll by itself, all others that may go on must be told.
    pub(super) fn act<T>(&mut self, now: Timestamp, actor: Option<CallId>, act: impl FnOnce(&mut Session) -> T) -> T {
        let others: Vec<_> = self.record.calls.iter().map(|call| call.id).filter(|id| Some(*id) != actor).collect();
        if others.is_empty() {
            return act(&mut self.session);
        }
        let before = self.session.clone();
        let result = act(&mut self.session);
        if self.session.wakes() == before.wakes() {
            let overlooked = others.into_iter().any(|call| match rests_until(&before, now, call) {
                Some(until) => rests_until(&self.session, now, call) < Some(until),
                None => false,
            });
            self.note(holds(!overlooked, Invariant::I12, "a call may go on, and nobody is told"));
        }
        result
    }

    /// A call was told to wait.
    pub(super) fn waits(&mut self, call: CallId, until: Timestamp) {
        let just_before = Timestamp::from_micros(until.as_micros().saturating_sub(1));
        let rests = rests_until(&self.session, just_before, call) >= Some(until);
        self.note(holds(rests, Invariant::I12, "a call that waits may go on before its time"));
    }
}

/// Until when the call would wait, if it would.
fn rests_until(session: &Session, now: Timestamp, call: CallId) -> Option<Timestamp> {
    match session.clone().poll_call(now, call) {
        Step::Wait(until) => Some(until),
        Step::Send(_) | Step::Ask(_) | Step::Ready(_) => None,
    }
}
