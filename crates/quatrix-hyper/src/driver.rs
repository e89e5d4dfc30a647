//! The driver of the core, awaited, with a lock around the session and a bell for those who wait.
//!
//! The lock is held to look at the session and never across an await, a callback or a person who types. A carrier that
//! is dropped, wherever it stands, gives its call up; the session then has the bell rung, so that others take over what it carried.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use quatrix_proto::{
    Answer, CallId, CallOptions, Challenge, Config, Declined, Error, Event, ExchangeId, Misuse, Prepared, Session,
    Step, Task, TaskStep, Ticket, Timestamp, Transmit, TransportError,
};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::body_io::{BodyIo, NoBodyIo};
use crate::trace;
use crate::transport::Transport;

/// A session, and what it takes to drive it.
pub(crate) struct Driver {
    pub(crate) config: Arc<Config>,
    pub(crate) transport: Arc<Transport>,
    pub(crate) on_event: Option<OnEvent>,
    pub(crate) second_factor: Option<SecondFactor>,
    origin: Instant,
    state: Mutex<State>,
    /// Rung when those who wait may go on.
    wakeup: Notify,
}

pub(crate) type OnEvent = Box<dyn Fn(&Event) + Send + Sync>;
pub(crate) type SecondFactor = Box<dyn Fn(Challenge) -> Result<Answer, Declined> + Send + Sync>;

struct State {
    session: Session,
    /// Somebody is telling the observer. Events that happen meanwhile are left to them, which keeps the order.
    delivering: bool,
}

impl Driver {
    pub(crate) fn new(
        session: Session,
        config: Arc<Config>,
        transport: Arc<Transport>,
        on_event: Option<OnEvent>,
        second_factor: Option<SecondFactor>,
    ) -> Self {
        let state = Mutex::new(State { session, delivering: false });
        Self { config, transport, on_event, second_factor, origin: Instant::now(), state, wakeup: Notify::new() }
    }

    /// Submits a command and carries it to its end.
    pub(crate) async fn run<T, S: BodyIo>(
        &self,
        command: impl FnOnce(&mut Session, Timestamp) -> Ticket<T>,
        streams: &mut S,
    ) -> Result<T, Error> {
        let (ticket, mut step) = self.with_session(|session, now| {
            let ticket = command(session, now);
            let step = session.poll_call(now, ticket.id());
            (ticket, step)
        });
        let mut guard = CallGuard { driver: self, call: ticket.id(), exchange: None, arrived: false };
        self.deliver_events();
        loop {
            step = match step {
                Step::Send(transmit) => guard.send(transmit, streams).await,
                Step::Wait(_) => guard.wait().await,
                Step::Ask(challenge) => guard.ask(challenge),
                Step::Ready(outcome) => {
                    guard.arrived = true;
                    return ticket.decode(outcome);
                }
            };
        }
    }

    /// Carries a request.
    pub(crate) async fn call<S: BodyIo>(
        &self,
        prepared: Prepared,
        options: CallOptions,
        streams: &mut S,
    ) -> Result<Response<Bytes>, Error> {
        if prepared.source_range().is_some() && !S::SOURCE {
            return Err(Misuse::NoSource.into());
        }
        self.run(|session, now| session.call_prepared(now, prepared, options), streams).await
    }

    /// Carries a task out, call by call.
    pub(crate) async fn run_task<T: Task>(&self, mut task: T) -> Result<T::Output, Error> {
        loop {
            let prepared = match task.poll(self.now()) {
                TaskStep::Call(prepared) => prepared,
                TaskStep::Done(result) => return result,
            };
            let result = self.call(prepared, CallOptions::default(), &mut NoBodyIo).await;
            task.handle(self.now(), result, 0);
        }
    }

    /// Does something to the session of which there may be something to tell.
    pub(crate) fn act<T>(&self, action: impl FnOnce(&mut Session, Timestamp) -> T) -> T {
        let result = self.with_session(action);
        self.deliver_events();
        result
    }

    /// Hands the latest events to the observer.
    fn deliver_events(&self) {
        // While a panic unwinds, events are left to the next teller: a second panic would end the program.
        if let Some(on_event) = &self.on_event
            && !std::thread::panicking()
        {
            let mut delivery = EventDelivery { driver: self, delivering: false };
            while let Some(event) = delivery.next() {
                on_event(&event);
            }
        }
    }

    /// Takes the session in hand, and rings the bell if those who wait may go on by it.
    pub(crate) fn with_session<T>(&self, action: impl FnOnce(&mut Session, Timestamp) -> T) -> T {
        let mut state = self.lock();
        let now = self.now();
        let before = state.session.wakes();
        let result = action(&mut state.session, now);
        let news = state.session.wakes() != before;
        drop(state);
        if news {
            self.wakeup.notify_waiters();
        }
        result
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.origin.elapsed().into()
    }

    /// A panic under the lock can only be one of the core's, which keeps the session whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever carries a call. Going away before it has arrived gives it up.
struct CallGuard<'a> {
    driver: &'a Driver,
    call: CallId,
    /// The exchange under way.
    exchange: Option<ExchangeId>,
    arrived: bool,
}

impl CallGuard<'_> {
    async fn send<S: BodyIo>(&mut self, transmit: Transmit, streams: &mut S) -> Step {
        let (exchange, spec) = (transmit.exchange, transmit.spec());
        // A call without a deadline has none here either.
        let deadline = self.driver.origin.checked_add(Duration::from_micros(transmit.deadline.as_micros()));
        self.exchange = Some(exchange);
        let result = self.driver.transport.exchange(transmit, deadline, streams).await;
        self.exchange = None;
        trace::exchanged(spec, &result);
        self.driver.act(|session, now| {
            match result {
                Ok(response) => session.handle_response(now, exchange, response),
                Err(failure) => session.handle_failure(now, exchange, failure),
            }
            session.poll_call(now, self.call)
        })
    }

    /// Waits for the moment that the core named, or for the bell.
    async fn wait(&self) -> Step {
        // Listening begins before the session is looked at: what changes after that look is heard.
        let wakeup = self.driver.wakeup.notified();
        let step = self.poll();
        let Step::Wait(until) = step else { return step };
        // Either may come first; the core says what it means.
        let _ = timeout(until.saturating_since(self.driver.now()), wakeup).await;
        self.poll()
    }

    fn poll(&self) -> Step {
        let step = self.driver.with_session(|session, now| session.poll_call(now, self.call));
        // What ends by its own deadline is an event that nobody else has seen.
        if let Step::Ready(_) = step {
            self.driver.deliver_events();
        }
        step
    }

    fn ask(&self, challenge: Challenge) -> Step {
        let mut asking = Asking { guard: self, answer: Err(Declined) };
        if let Some(second_factor) = &self.driver.second_factor {
            asking.answer = second_factor(challenge);
        }
        drop(asking);
        self.poll()
    }
}

impl Drop for CallGuard<'_> {
    fn drop(&mut self) {
        if !self.arrived {
            self.driver.act(|session, now| {
                if let Some(exchange) = self.exchange {
                    session.handle_failure(now, exchange, TransportError::aborted());
                }
                session.cancel(now, self.call);
            });
        }
    }
}

/// Somebody is asked for an answer. If that panics, they have none.
struct Asking<'a> {
    guard: &'a CallGuard<'a>,
    answer: Result<Answer, Declined>,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let answer = std::mem::replace(&mut self.answer, Err(Declined));
        self.guard.driver.act(|session, now| session.handle_answer(now, self.guard.call, answer));
    }
}

/// Whoever tells the observer, one at a time.
struct EventDelivery<'a> {
    driver: &'a Driver,
    delivering: bool,
}

impl EventDelivery<'_> {
    fn next(&mut self) -> Option<Event> {
        let mut state = self.driver.lock();
        if state.delivering && !self.delivering {
            return None;
        }
        let event = state.session.poll_event();
        self.delivering = event.is_some();
        state.delivering = self.delivering;
        event
    }
}

impl Drop for EventDelivery<'_> {
    fn drop(&mut self) {
        // Only if the observer has panicked: the events after it are for the next teller.
        if self.delivering {
            self.driver.lock().delivering = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use quatrix_proto::api::GetProfile;
    use quatrix_proto::{ApiKey, Server};

    use crate::Client;

    #[tokio::test]
    async fn m36_a_dropped_future_leaves_nothing_in_the_session() {
        let server = Server::at("http://127.0.0.1:1/api/1.0").unwrap();
        let client = Client::builder(server).api_key(ApiKey::new("k").unwrap()).build().unwrap();
        let calls = || client.driver().with_session(|session, _| format!("{session:?}"));
        {
            let mut call = pin!(client.call(&GetProfile));
            assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            assert!(calls().contains("calls: 1"), "{}", calls());
        }
        assert!(calls().contains("calls: 0"), "{}", calls());
    }
}
