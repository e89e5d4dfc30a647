//! Async driver of the core: a session behind a lock, and a notification for waiting calls.
//!
//! The lock is never held across an await or a callback. Dropping a call cancels it; if it led a shared exchange, the
//! session wakes the waiting calls, and one of them leads the next.

use std::future::{Future, poll_fn};
use std::pin::Pin;
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

/// A session, its transport and its callbacks; shared by the clones of a client.
pub(crate) struct Driver {
    pub(crate) config: Arc<Config>,
    pub(crate) transport: Arc<Transport>,
    pub(crate) on_event: Option<OnEvent>,
    pub(crate) second_factor: Option<SecondFactor>,
    origin: Instant,
    state: Mutex<State>,
    /// Notified when waiting calls may continue.
    wakeup: Notify,
}

pub(crate) type OnEvent = Box<dyn Fn(&Event) + Send + Sync>;
pub(crate) type SecondFactor = Box<dyn Fn(Challenge) -> Answering + Send + Sync>;
type Answering = Pin<Box<dyn Future<Output = Result<Answer, Declined>> + Send>>;

struct State {
    session: Session,
    /// Whether a call is delivering events to the observer. It also delivers those that other calls cause, in order.
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

    /// Submits a command and drives it to its result.
    pub(crate) async fn run<T, S: BodyIo>(
        &self,
        command: impl FnOnce(&mut Session, Timestamp) -> Ticket<T>,
        body_io: &mut S,
    ) -> Result<T, Error> {
        let (ticket, mut step) = self.with_session(|session, now| {
            let ticket = command(session, now);
            let step = session.poll_call(now, ticket.id());
            (ticket, step)
        });
        let mut guard = CallGuard { driver: self, call: ticket.id(), exchange: None, is_finished: false };
        self.deliver_events();
        loop {
            step = match step {
                Step::Send(transmit) => guard.send(transmit, body_io).await,
                Step::Wait(_) => guard.wait().await,
                Step::Ask(challenge) => guard.ask(challenge).await,
                Step::Ready(outcome) => {
                    guard.is_finished = true;
                    return ticket.decode(outcome);
                }
            };
        }
    }

    /// Submits a request and drives it to its response.
    pub(crate) async fn call<S: BodyIo>(
        &self,
        prepared: Prepared,
        options: CallOptions,
        body_io: &mut S,
    ) -> Result<Response<Bytes>, Error> {
        if prepared.source_range().is_some() && !S::SOURCE {
            return Err(Misuse::NoSource.into());
        }
        self.run(|session, now| session.call_prepared(now, prepared, options), body_io).await
    }

    /// Runs a task, call by call.
    pub(crate) async fn run_task<T: Task>(&self, mut task: T) -> Result<T::Output, Error> {
        loop {
            let prepared = match task.poll(self.now(), self.config.server()) {
                TaskStep::Call(prepared) => prepared,
                TaskStep::Done(result) => return result,
            };
            let result = self.call(prepared, CallOptions::default(), &mut NoBodyIo).await;
            task.handle(self.now(), result, 0);
        }
    }

    /// Changes the session and delivers the events of the change.
    pub(crate) fn act<T>(&self, action: impl FnOnce(&mut Session, Timestamp) -> T) -> T {
        let result = self.with_session(action);
        self.deliver_events();
        result
    }

    /// Delivers pending events to the observer, in order.
    fn deliver_events(&self) {
        // During a panic, events stay for the next delivery: a second panic would abort the program.
        if let Some(on_event) = &self.on_event
            && !std::thread::panicking()
        {
            let mut delivery = EventDelivery { driver: self, delivering: false };
            while let Some(event) = delivery.next() {
                on_event(&event);
            }
        }
    }

    /// Changes the session, and wakes waiting calls if the change concerns them.
    pub(crate) fn with_session<T>(&self, action: impl FnOnce(&mut Session, Timestamp) -> T) -> T {
        let mut state = self.lock();
        let now = self.now();
        let before = state.session.wakes();
        let result = action(&mut state.session, now);
        let wakes = state.session.wakes() != before;
        drop(state);
        if wakes {
            self.wakeup.notify_waiters();
        }
        result
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.origin.elapsed().into()
    }

    /// Only the core runs under the lock, and a panic of the core leaves the session consistent.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cancels the call when dropped before it has finished.
struct CallGuard<'a> {
    driver: &'a Driver,
    call: CallId,
    /// The exchange in flight.
    exchange: Option<ExchangeId>,
    is_finished: bool,
}

impl CallGuard<'_> {
    async fn send<S: BodyIo>(&mut self, transmit: Transmit, body_io: &mut S) -> Step {
        let (exchange, spec) = (transmit.exchange, transmit.spec());
        // `None` for a call without a deadline: its timestamp is out of range.
        let deadline = self.driver.origin.checked_add(Duration::from_micros(transmit.deadline.as_micros()));
        self.exchange = Some(exchange);
        let result = self.driver.transport.exchange(transmit, deadline, body_io).await;
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

    /// Waits for a wakeup, until the time that the core returned.
    async fn wait(&self) -> Step {
        // Registered before the poll, so that no wakeup after it is missed.
        let wakeup = self.driver.wakeup.notified();
        let step = self.poll();
        let Step::Wait(until) = step else { return step };
        // Timeout or wakeup: the next poll decides.
        let _ = timeout(until.saturating_since(self.driver.now()), wakeup).await;
        self.poll()
    }

    fn poll(&self) -> Step {
        let step = self.driver.with_session(|session, now| session.poll_call(now, self.call));
        // A call that ends by its own deadline causes an event.
        if let Step::Ready(_) = step {
            self.driver.deliver_events();
        }
        step
    }

    async fn ask(&self, challenge: Challenge) -> Step {
        let answer = match &self.driver.second_factor {
            Some(second_factor) => self.provide_answer(second_factor, challenge).await,
            None => Err(Declined),
        };
        self.handle_answer(answer);
        self.poll()
    }

    /// Awaits the provider. Its panic declines, but a dropped call does not: another call asks the provider again.
    async fn provide_answer(&self, second_factor: &SecondFactor, challenge: Challenge) -> Result<Answer, Declined> {
        let mut answering = self.declines_on_panic(|| second_factor(challenge));
        poll_fn(|cx| self.declines_on_panic(|| answering.as_mut().poll(cx))).await
    }

    fn declines_on_panic<T>(&self, provider: impl FnOnce() -> T) -> T {
        let mut panic_guard = ProviderGuard { guard: self, has_returned: false };
        let result = provider();
        panic_guard.has_returned = true;
        result
    }

    fn handle_answer(&self, answer: Result<Answer, Declined>) {
        self.driver.act(|session, now| session.handle_answer(now, self.call, answer));
    }
}

impl Drop for CallGuard<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            self.driver.act(|session, now| {
                if let Some(exchange) = self.exchange {
                    session.handle_failure(now, exchange, TransportError::aborted());
                }
                session.cancel(now, self.call);
            });
        }
    }
}

/// Declines the challenge when the provider panics.
struct ProviderGuard<'a> {
    guard: &'a CallGuard<'a>,
    has_returned: bool,
}

impl Drop for ProviderGuard<'_> {
    fn drop(&mut self) {
        if !self.has_returned {
            self.guard.handle_answer(Err(Declined));
        }
    }
}

/// Exclusive right to deliver events; released with the last event or by a panic of the observer.
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
        // Only after a panic of the observer: the next delivery continues.
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
