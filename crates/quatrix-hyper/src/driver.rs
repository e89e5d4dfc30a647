//! The driver of the core, awaited, with a lock around the session and a bell for those who wait.
//!
//! The lock is held to look at the session and never across an await, a callback or a person who types. A carrier that
//! is dropped, wherever it stands, gives its call up; the session then has the bell rung, so that others take over what it carried.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use quatrix_proto::{
    Answer, CallId, CallOptions, Challenge, Config, Declined, Error, Event, ExchangeId, Failure, Misuse, Prepared,
    Session, Step, Task, TaskStep, Ticket, Timestamp, Transmit,
};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::streams::{NoStreams, Streams};
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
    bell: Notify,
}

pub(crate) type OnEvent = Box<dyn Fn(&Event) + Send + Sync>;
pub(crate) type SecondFactor = Box<dyn Fn(Challenge) -> Result<Answer, Declined> + Send + Sync>;

struct State {
    session: Session,
    /// Somebody is telling the observer. Events that happen meanwhile are left to them, which keeps the order.
    telling: bool,
}

impl Driver {
    pub(crate) fn new(
        session: Session,
        config: Arc<Config>,
        transport: Arc<Transport>,
        on_event: Option<OnEvent>,
        second_factor: Option<SecondFactor>,
    ) -> Self {
        let state = Mutex::new(State { session, telling: false });
        Self { config, transport, on_event, second_factor, origin: Instant::now(), state, bell: Notify::new() }
    }

    /// Submits a command and carries it to its end.
    pub(crate) async fn run<T, S: Streams>(
        &self,
        command: impl FnOnce(&mut Session, Timestamp) -> Ticket<T>,
        streams: &mut S,
    ) -> Result<T, Error> {
        let (ticket, mut step) = self.look(|session, now| {
            let ticket = command(session, now);
            let step = session.poll_call(now, ticket.id());
            (ticket, step)
        });
        let mut carrier = Carrier { driver: self, call: ticket.id(), exchange: None, arrived: false };
        self.tell_events();
        loop {
            step = match step {
                Step::Send(transmit) => carrier.send(transmit, streams).await,
                Step::Wait(_) => carrier.wait().await,
                Step::Ask(challenge) => carrier.ask(challenge),
                Step::Ready(outcome) => {
                    carrier.arrived = true;
                    return ticket.decode(outcome);
                }
            };
        }
    }

    /// Carries a request.
    pub(crate) async fn call<S: Streams>(
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
            let result = self.call(prepared, CallOptions::default(), &mut NoStreams).await;
            task.handle(self.now(), result, 0);
        }
    }

    /// Does something to the session of which there may be something to tell.
    pub(crate) fn act<T>(&self, action: impl FnOnce(&mut Session, Timestamp) -> T) -> T {
        let result = self.look(action);
        self.tell_events();
        result
    }

    /// Hands the latest events to the observer.
    fn tell_events(&self) {
        // While a panic unwinds, events are left to the next teller: a second panic would end the program.
        if let Some(on_event) = &self.on_event
            && !std::thread::panicking()
        {
            let mut teller = Teller { driver: self, telling: false };
            while let Some(event) = teller.next() {
                on_event(&event);
            }
        }
    }

    /// Takes the session in hand, and rings the bell if those who wait may go on by it.
    pub(crate) fn look<T>(&self, action: impl FnOnce(&mut Session, Timestamp) -> T) -> T {
        let mut state = self.lock();
        let now = self.now();
        let before = state.session.wakes();
        let result = action(&mut state.session, now);
        let news = state.session.wakes() != before;
        drop(state);
        if news {
            self.bell.notify_waiters();
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
struct Carrier<'a> {
    driver: &'a Driver,
    call: CallId,
    /// The exchange under way.
    exchange: Option<ExchangeId>,
    arrived: bool,
}

impl Carrier<'_> {
    async fn send<S: Streams>(&mut self, transmit: Transmit, streams: &mut S) -> Step {
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
        let bell = self.driver.bell.notified();
        let step = self.poll();
        let Step::Wait(until) = step else { return step };
        // Either may come first; the core says what it means.
        let _ = timeout(until.saturating_since(self.driver.now()), bell).await;
        self.poll()
    }

    fn poll(&self) -> Step {
        let step = self.driver.look(|session, now| session.poll_call(now, self.call));
        // What ends by its own deadline is an event that nobody else has seen.
        if let Step::Ready(_) = step {
            self.driver.tell_events();
        }
        step
    }

    fn ask(&self, challenge: Challenge) -> Step {
        let mut asking = Asking { carrier: self, answer: Err(Declined) };
        if let Some(second_factor) = &self.driver.second_factor {
            asking.answer = second_factor(challenge);
        }
        drop(asking);
        self.poll()
    }
}

impl Drop for Carrier<'_> {
    fn drop(&mut self) {
        if !self.arrived {
            self.driver.act(|session, now| {
                if let Some(exchange) = self.exchange {
                    session.handle_failure(now, exchange, Failure::aborted());
                }
                session.cancel(now, self.call);
            });
        }
    }
}

/// Somebody is asked for an answer. If that panics, they have none.
struct Asking<'a> {
    carrier: &'a Carrier<'a>,
    answer: Result<Answer, Declined>,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        let answer = std::mem::replace(&mut self.answer, Err(Declined));
        self.carrier.driver.act(|session, now| session.handle_answer(now, self.carrier.call, answer));
    }
}

/// Whoever tells the observer, one at a time.
struct Teller<'a> {
    driver: &'a Driver,
    telling: bool,
}

impl Teller<'_> {
    fn next(&mut self) -> Option<Event> {
        let mut state = self.driver.lock();
        if state.telling && !self.telling {
            return None;
        }
        let event = state.session.poll_event();
        self.telling = event.is_some();
        state.telling = self.telling;
        event
    }
}

impl Drop for Teller<'_> {
    fn drop(&mut self) {
        // Only if the observer has panicked: the events after it are for the next teller.
        if self.telling {
            self.driver.lock().telling = false;
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
        let calls = || client.driver().look(|session, _| format!("{session:?}"));
        {
            let mut call = pin!(client.call(&GetProfile));
            assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            assert!(calls().contains("calls: 1"), "{}", calls());
        }
        assert!(calls().contains("calls: 0"), "{}", calls());
    }
}
