//! Blocking driver of the core: a session behind a lock, and a notification for waiting calls.
//!
//! The lock is never held during IO or a callback.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::Response;
use quatrix_proto::{
    Answer, CallId, CallOptions, Challenge, Config, Declined, Error, Event, Misuse, Prepared, Session, Step, Ticket,
    Timestamp,
};

use crate::trace;
use crate::transport::{BodyIo, Transport};

/// A session, its transport and its callbacks; shared by the clones of a client.
pub(crate) struct Driver {
    pub(crate) config: Arc<Config>,
    pub(crate) transport: Arc<Transport>,
    state: Mutex<State>,
    /// Notified when waiting calls may continue.
    wakeup: Condvar,
    second_factor: Option<SecondFactor>,
    on_event: Option<OnEvent>,
}

pub(crate) type SecondFactor = Box<dyn Fn(Challenge) -> Result<Answer, Declined> + Send + Sync>;
pub(crate) type OnEvent = Box<dyn Fn(&Event) + Send + Sync>;

struct State {
    session: Session,
    /// Number of threads that wait for `wakeup`.
    waiting: usize,
    /// Whether a thread is delivering events to the observer. It also delivers those that other threads cause, in order.
    delivering: bool,
}

impl Driver {
    pub(crate) fn new(
        config: Arc<Config>,
        session: Session,
        transport: Arc<Transport>,
        second_factor: Option<SecondFactor>,
        on_event: Option<OnEvent>,
    ) -> Self {
        let state = Mutex::new(State { session, waiting: 0, delivering: false });
        Self { config, transport, state, wakeup: Condvar::new(), second_factor, on_event }
    }

    /// Submits a command and drives it to its result.
    pub(crate) fn run<T>(&self, command: impl FnOnce(&mut Session, Timestamp) -> Ticket<T>) -> Result<T, Error> {
        let ticket = self.with_session(command);
        self.drive(ticket, &mut BodyIo::default())
    }

    /// Submits a request and drives it to its response.
    pub(crate) fn call(
        &self,
        prepared: Prepared,
        options: CallOptions,
        body_io: &mut BodyIo<'_>,
    ) -> Result<Response<Bytes>, Error> {
        if prepared.source_range().is_some() && body_io.source.is_none() {
            return Err(Misuse::NoSource.into());
        }
        let ticket = self.with_session(|session, now| session.call_prepared(now, prepared, options));
        self.drive(ticket, body_io)
    }

    /// Drives a submitted call to its result.
    pub(crate) fn drive<T>(&self, ticket: Ticket<T>, body_io: &mut BodyIo<'_>) -> Result<T, Error> {
        let id = ticket.id();
        let mut guard = CallGuard { driver: self, id: Some(id) };
        loop {
            let (step, seen) = self.with_session(|session, now| (session.poll_call(now, id), session.wakes()));
            self.deliver_events();
            match step {
                Step::Send(transmit) => {
                    let (exchange, spec) = (transmit.exchange, transmit.spec());
                    let result = self.transport.exchange(transmit, body_io);
                    trace::exchanged(spec, &result);
                    self.with_session(|session, now| match result {
                        Ok(response) => session.handle_response(now, exchange, response),
                        Err(failure) => session.handle_failure(now, exchange, failure),
                    });
                }
                Step::Wait(until) => self.wait(seen, until),
                Step::Ask(challenge) => self.ask(id, challenge),
                Step::Ready(outcome) => {
                    guard.id = None;
                    return ticket.decode(outcome);
                }
            }
        }
    }

    /// Waits for a wakeup after the one that was `seen`, until the time that the core returned.
    fn wait(&self, seen: u64, until: Timestamp) {
        let timeout = until.saturating_since(self.transport.now());
        let mut state = self.lock();
        state.waiting += 1;
        let woken = self.wakeup.wait_timeout_while(state, timeout, |state| state.session.wakes() == seen);
        let (mut state, _) = woken.unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
    }

    fn ask(&self, call: CallId, challenge: Challenge) {
        let mut provided = ProviderGuard { driver: self, call, answer: Err(Declined) };
        if let Some(second_factor) = &self.second_factor {
            provided.answer = second_factor(challenge);
        }
    }

    /// Changes the session, and wakes waiting calls if the change concerns them.
    pub(crate) fn with_session<T>(&self, change: impl FnOnce(&mut Session, Timestamp) -> T) -> T {
        let mut state = self.lock();
        let now = self.transport.now();
        let before = state.session.wakes();
        let result = change(&mut state.session, now);
        let wakes = state.waiting > 0 && state.session.wakes() != before;
        drop(state);
        if wakes {
            self.wakeup.notify_all();
        }
        result
    }

    /// Reads the session.
    pub(crate) fn read_session<T>(&self, read: impl FnOnce(&Session) -> T) -> T {
        read(&self.lock().session)
    }

    /// Delivers pending events to the observer, in order.
    pub(crate) fn deliver_events(&self) {
        let Some(on_event) = &self.on_event else { return };
        if std::mem::replace(&mut self.lock().delivering, true) {
            return;
        }
        let mut delivery = EventDelivery { driver: self, ended: false };
        while let Some(event) = delivery.next() {
            on_event(&event);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Only the core runs under the lock, and a panic of the core leaves the session consistent.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cancels the call when dropped before it has finished, which only a panic does.
struct CallGuard<'a> {
    driver: &'a Driver,
    id: Option<CallId>,
}

impl Drop for CallGuard<'_> {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            self.driver.with_session(|session, now| session.cancel(now, id));
        }
    }
}

/// Hands the provider's answer to the session; declines the challenge when the provider panics.
struct ProviderGuard<'a> {
    driver: &'a Driver,
    call: CallId,
    answer: Result<Answer, Declined>,
}

impl Drop for ProviderGuard<'_> {
    fn drop(&mut self) {
        let answer = std::mem::replace(&mut self.answer, Err(Declined));
        self.driver.with_session(|session, now| session.handle_answer(now, self.call, answer));
    }
}

/// Exclusive right to deliver events; released with the last event or by a panic of the observer.
struct EventDelivery<'a> {
    driver: &'a Driver,
    ended: bool,
}

impl EventDelivery<'_> {
    /// Returns the next event. Without one, it releases the right under the same lock, so that no event is missed.
    fn next(&mut self) -> Option<Event> {
        let mut state = self.driver.lock();
        let event = state.session.poll_event();
        self.ended = event.is_none();
        state.delivering = !self.ended;
        event
    }
}

impl Drop for EventDelivery<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.driver.lock().delivering = false;
        }
    }
}
