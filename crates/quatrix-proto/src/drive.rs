//! The driver as two functions over closures, for whoever has a transport of their own and one caller at a time.

use std::time::Duration;

use bytes::Bytes;

use crate::challenge::Declined;
use crate::error::{Error, TransportError};
use crate::session::{CallId, Session, Step, Ticket, Transmit};
use crate::time::Timestamp;

/// Drives one call to its end.
///
/// `clock` says how long ago the driver's origin was, `http` carries out one exchange, `sleep` waits. A driver that is
/// asked ([`Step::Ask`]) declines: write the loop of the [crate's manual](crate) where a program has answers.
///
/// ```
/// use std::time::{Duration, Instant};
/// use quatrix_proto::{Config, Credentials, Login, Server, Session, Transmit, TransportError, TransportErrorKind, drive};
/// # use bytes::Bytes;
///
/// fn send(transmit: Transmit) -> Result<http::Response<Bytes>, TransportError> {
///     // Your HTTP client here.
///     # assert_eq!(transmit.request.uri().path(), "/api/1.0/session/login");
///     # Ok(http::Response::new(Bytes::from(r#"{"session_id": "5b1c"}"#)))
/// }
///
/// let start = Instant::now();
/// let clock = || start.elapsed().into();
/// let mut session = Session::new(Config::new(Server::account("acme")?), 4711);
///
/// let ticket = session.login(clock(), Credentials::new("me@acme.com", "qwerty")?);
/// assert_eq!(drive(&mut session, ticket, clock, send, std::thread::sleep)?, Login::Active);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Whatever the call ends with.
pub fn drive<T>(
    session: &mut Session,
    ticket: Ticket<T>,
    clock: impl Fn() -> Timestamp,
    mut http: impl FnMut(Transmit) -> Result<http::Response<Bytes>, TransportError>,
    mut sleep: impl FnMut(Duration),
) -> Result<T, Error> {
    let mut leader = CallGuard::new(session, ticket.id());
    loop {
        match leader.poll(clock()) {
            Next::Send(transmit) => {
                let exchange = transmit.exchange;
                let result = http(transmit);
                leader.report(clock(), exchange, result);
            }
            Next::Sleep(wait) => sleep(wait),
            Next::Ready(outcome) => return ticket.decode(outcome),
        }
    }
}

/// Drives one call to its end, as [`drive`] does, awaited.
///
/// Dropping the future at any point gives the call up.
///
/// # Errors
/// Whatever the call ends with.
pub async fn drive_async<T>(
    session: &mut Session,
    ticket: Ticket<T>,
    clock: impl Fn() -> Timestamp,
    mut http: impl AsyncFnMut(Transmit) -> Result<http::Response<Bytes>, TransportError>,
    mut sleep: impl AsyncFnMut(Duration),
) -> Result<T, Error> {
    let mut leader = CallGuard::new(session, ticket.id());
    loop {
        match leader.poll(clock()) {
            Next::Send(transmit) => {
                let exchange = transmit.exchange;
                let result = http(transmit).await;
                leader.report(clock(), exchange, result);
            }
            Next::Sleep(wait) => sleep(wait).await,
            Next::Ready(outcome) => return ticket.decode(outcome),
        }
    }
}

/// Whoever carries a call; going away gives it up.
struct CallGuard<'a> {
    session: &'a mut Session,
    call: CallId,
    now: Timestamp,
}

enum Next {
    Send(Transmit),
    Sleep(Duration),
    Ready(crate::session::Outcome),
}

impl<'a> CallGuard<'a> {
    fn new(session: &'a mut Session, call: CallId) -> Self {
        Self { session, call, now: Timestamp::ZERO }
    }

    fn poll(&mut self, now: Timestamp) -> Next {
        self.now = now;
        loop {
            match self.session.poll_call(now, self.call) {
                Step::Send(transmit) => return Next::Send(transmit),
                Step::Wait(until) => return Next::Sleep(until.saturating_since(now)),
                Step::Ask(_) => self.session.handle_answer(now, self.call, Err(Declined)),
                Step::Ready(outcome) => return Next::Ready(outcome),
            }
        }
    }

    fn report(
        &mut self,
        now: Timestamp,
        exchange: crate::session::ExchangeId,
        result: Result<http::Response<Bytes>, TransportError>,
    ) {
        self.now = now;
        match result {
            Ok(response) => self.session.handle_response(now, exchange, response),
            Err(failure) => self.session.handle_failure(now, exchange, failure),
        }
    }
}

impl Drop for CallGuard<'_> {
    fn drop(&mut self) {
        self.session.cancel(self.now, self.call);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::{Config, Credentials, Login, Server, State};

    fn session() -> (Session, Ticket<Login>) {
        let mut session = Session::new(Config::new(Server::default()), 1);
        let ticket = session.login(Timestamp::ZERO, Credentials::new("me@acme.com", "qwerty").unwrap());
        (session, ticket)
    }

    #[test]
    fn a_wait_is_slept_and_the_call_goes_on() {
        let (mut session, login) = session();
        let time = Cell::new(Duration::ZERO);
        let clock = || time.get().into();
        let granted = |_| Ok(http::Response::new(Bytes::from_static(b"{\"session_id\":\"one\"}")));
        assert_eq!(drive(&mut session, login, clock, granted, |_| panic!()).unwrap(), Login::Active);

        let profile = session.call(clock(), &crate::api::GetProfile);
        let mut answers = 0;
        let busy_once = |_| {
            answers += 1;
            let status = if answers == 1 { 503 } else { 200 };
            Ok(http::Response::builder().status(status).body(Bytes::from_static(b"{\"name\":\"Me\"}")).unwrap())
        };
        let sleep = |wait| time.set(time.get() + wait);
        assert_eq!(drive(&mut session, profile, clock, busy_once, sleep).unwrap().name, "Me");
        assert!(time.get() > Duration::ZERO);
    }

    #[test]
    fn m36_a_dropped_future_gives_its_call_up() {
        let (mut session, login) = session();
        {
            let never = async |_| std::future::pending().await;
            let mut drive = pin!(drive_async(&mut session, login, || Timestamp::ZERO, never, async |_| ()));
            assert!(matches!(drive.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
        }
        assert!(matches!(session.state(), State::LoggedOut(_)));
    }
}
