//! The one loop that carries a call through. Every decision in it is the session's.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::Response;
use quatrix_proto::{
    Answer, CallId, CallOptions, Challenge, Config, Declined, Error, Event, Misuse, Prepared, Session, Step, Ticket,
    Timestamp,
};

use crate::trace;
use crate::transport::{BodyIo, Transport};

/// What the clones of a client share.
pub(crate) struct Shared {
    pub(crate) config: Arc<Config>,
    pub(crate) transport: Arc<Transport>,
    guarded: Mutex<Guarded>,
    /// Notified when those who wait may go on.
    changed: Condvar,
    second_factor: Option<SecondFactor>,
    on_event: Option<OnEvent>,
}

pub(crate) type SecondFactor = Box<dyn Fn(Challenge) -> Result<Answer, Declined> + Send + Sync>;
pub(crate) type OnEvent = Box<dyn Fn(&Event) + Send + Sync>;

/// Never locked across IO or a callback.
struct Guarded {
    session: Session,
    /// How many threads wait until the session may let them go on.
    waiting: usize,
    /// Some thread is handing events to the observer, and will hand over what comes meanwhile.
    delivering: bool,
}

impl Shared {
    pub(crate) fn new(
        config: Arc<Config>,
        session: Session,
        transport: Arc<Transport>,
        second_factor: Option<SecondFactor>,
        on_event: Option<OnEvent>,
    ) -> Self {
        let guarded = Mutex::new(Guarded { session, waiting: 0, delivering: false });
        Self { config, transport, guarded, changed: Condvar::new(), second_factor, on_event }
    }

    /// Gives a command and carries it through.
    pub(crate) fn run<T>(&self, command: impl FnOnce(&mut Session, Timestamp) -> Ticket<T>) -> Result<T, Error> {
        let ticket = self.change(command);
        self.drive(ticket, &mut BodyIo::default())
    }

    /// Sends a request through the session.
    pub(crate) fn call(
        &self,
        prepared: Prepared,
        options: CallOptions,
        ends: &mut BodyIo<'_>,
    ) -> Result<Response<Bytes>, Error> {
        if prepared.source_range().is_some() && ends.source.is_none() {
            return Err(Misuse::NoSource.into());
        }
        let ticket = self.change(|session, now| session.call_prepared(now, prepared, options));
        self.drive(ticket, ends)
    }

    pub(crate) fn drive<T>(&self, ticket: Ticket<T>, ends: &mut BodyIo<'_>) -> Result<T, Error> {
        let id = ticket.id();
        let mut pending = CallGuard { shared: self, id: Some(id) };
        loop {
            let (step, seen) = self.change(|session, now| (session.poll_call(now, id), session.wakes()));
            self.deliver_events();
            match step {
                Step::Send(transmit) => {
                    let (exchange, spec) = (transmit.exchange, transmit.spec());
                    let result = self.transport.exchange(transmit, ends);
                    trace::exchanged(spec, &result);
                    self.change(|session, now| match result {
                        Ok(response) => session.handle_response(now, exchange, response),
                        Err(failure) => session.handle_failure(now, exchange, failure),
                    });
                }
                Step::Wait(until) => self.wait(seen, until),
                Step::Ask(challenge) => self.ask(id, challenge),
                Step::Ready(outcome) => {
                    pending.id = None;
                    return ticket.decode(outcome);
                }
            }
        }
    }

    /// Waits until the session may let more calls go on than it did then, or until this moment.
    fn wait(&self, seen: u64, until: Timestamp) {
        let longest = until.saturating_since(self.transport.now());
        let mut guarded = self.lock();
        guarded.waiting += 1;
        let woken = self.changed.wait_timeout_while(guarded, longest, |guarded| guarded.session.wakes() == seen);
        let (mut guarded, _) = woken.unwrap_or_else(PoisonError::into_inner);
        guarded.waiting -= 1;
    }

    fn ask(&self, call: CallId, challenge: Challenge) {
        let mut asked = Asked { shared: self, call, answer: Err(Declined) };
        if let Some(second_factor) = &self.second_factor {
            asked.answer = second_factor(challenge);
        }
    }

    /// Does something to the session, and wakes those who wait if they may go on by it.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Session, Timestamp) -> T) -> T {
        let mut guarded = self.lock();
        let now = self.transport.now();
        let before = guarded.session.wakes();
        let result = change(&mut guarded.session, now);
        let news = guarded.waiting > 0 && guarded.session.wakes() != before;
        drop(guarded);
        if news {
            self.changed.notify_all();
        }
        result
    }

    /// Looks at the session.
    pub(crate) fn with_session<T>(&self, with_session: impl FnOnce(&Session) -> T) -> T {
        with_session(&self.lock().session)
    }

    /// Hands the latest events to the observer, in their order whichever thread does so.
    pub(crate) fn deliver_events(&self) {
        let Some(on_event) = &self.on_event else { return };
        if std::mem::replace(&mut self.lock().delivering, true) {
            return;
        }
        let mut delivering = EventDelivery { shared: self, ended: false };
        while let Some(event) = delivering.next() {
            on_event(&event);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Guarded> {
        // No callback runs under the lock and the session does not panic: whatever poisoned it left it whole.
        self.guarded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call whose caller may go away, by a panic: it is given up then.
struct CallGuard<'a> {
    shared: &'a Shared,
    id: Option<CallId>,
}

impl Drop for CallGuard<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.shared.change(|session, now| session.cancel(now, id));
        }
    }
}

/// A question under way. If it ends without an answer, by a panic, it counts as declined.
struct Asked<'a> {
    shared: &'a Shared,
    call: CallId,
    answer: Result<Answer, Declined>,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        let answer = std::mem::replace(&mut self.answer, Err(Declined));
        self.shared.change(|session, now| session.handle_answer(now, self.call, answer));
    }
}

/// The right to hand over events. It ends with the last event, or by a panic of the observer.
struct EventDelivery<'a> {
    shared: &'a Shared,
    ended: bool,
}

impl EventDelivery<'_> {
    /// The next event. To find none and to end are one: an event that comes later finds nobody telling.
    fn next(&mut self) -> Option<Event> {
        let mut guarded = self.shared.lock();
        let event = guarded.session.poll_event();
        self.ended = event.is_none();
        guarded.delivering = !self.ended;
        event
    }
}

impl Drop for EventDelivery<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.shared.lock().delivering = false;
        }
    }
}
