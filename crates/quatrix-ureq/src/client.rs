//! The client: a session that many threads share.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use quatrix_proto::task::{Task, TaskStep};
use quatrix_proto::{Answer, CallOptions, Config, Credentials, Endpoint, Error, Login, Logout, Saved, Session, State};

use crate::builder::Builder;
use crate::driver::Driver;
use crate::keep_alive::KeepAliveGuard;
use crate::transport::BodyIo;

/// Blocking client of one account. A clone is another handle of the same session, which any number of threads can share.
///
/// Every method blocks until its call has ended. After an expiry one call logs in again for all waiting calls, if the
/// client keeps the password and needs no second factor, or [`Builder::second_factor`] answers it.
#[derive(Clone)]
pub struct Client {
    driver: Arc<Driver>,
}

impl Client {
    /// Returns a logged-out client with default settings.
    ///
    /// Use [`Client::builder`] to set certificates, a proxy, an API key or a provider of second factors.
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn new(config: impl Into<Config>) -> Result<Self, Error> {
        Self::builder(config).build()
    }

    /// Returns a builder with default settings, for this server or these settings of the session.
    pub fn builder(config: impl Into<Config>) -> Builder {
        Builder::new(config.into())
    }

    pub(crate) fn from_driver(driver: Driver) -> Self {
        Self { driver: Arc::new(driver) }
    }

    pub(crate) fn driver(&self) -> &Driver {
        &self.driver
    }

    /// Logs in.
    ///
    /// [`Login::Challenged`] is no error: call [`answer`](Self::answer) next.
    ///
    /// # Errors
    /// [`Error::Api`] if the server rejects the password, which is not retried, [`Error::Misuse`] if there is a session
    /// already, and those of any call.
    pub fn login(&self, credentials: Credentials) -> Result<Login, Error> {
        self.driver.run(|session, now| session.login(now, credentials))
    }

    /// Answers the pending challenge.
    ///
    /// A wrong answer is no error but [`Login::Challenged`] again.
    ///
    /// # Errors
    /// [`Error::Misuse`] without a pending challenge of that kind, and those of any call. An answer is not retried.
    pub fn answer(&self, answer: Answer) -> Result<Login, Error> {
        self.driver.run(|session, now| session.answer(now, answer))
    }

    /// Makes a call. It logs in again after an expiry, and retries where that is safe.
    ///
    /// # Errors
    /// Whatever it ends with.
    pub fn call<E: Endpoint>(&self, endpoint: &E) -> Result<E::Response, Error> {
        self.call_with(endpoint, CallOptions::default())
    }

    /// Makes a call as [`call`](Self::call) does, with a deadline, its own retries or headers.
    ///
    /// # Errors
    /// Whatever it ends with.
    pub fn call_with<E: Endpoint>(&self, endpoint: &E, options: CallOptions) -> Result<E::Response, Error> {
        let prepared = endpoint.prepare(self.driver.config.server())?;
        E::decode(self.driver.call(prepared, options, &mut BodyIo::default())?)
    }

    /// Sends a keepalive now, even if none is due.
    ///
    /// # Errors
    /// Whatever it ends with.
    pub fn keepalive(&self) -> Result<(), Error> {
        self.driver.run(Session::keepalive)
    }

    /// Keeps the session alive until it ends: sends a keepalive after each interval without another request.
    ///
    /// It blocks until then; [`spawn_keepalive`](Self::spawn_keepalive) does the same on a thread of its own.
    ///
    /// # Errors
    /// The reason why the session has ended. An expired session that can log in again does not end.
    pub fn run_keepalive(&self) -> Result<Infallible, Error> {
        self.driver.run(Session::run_keepalive)
    }

    /// Keeps the session alive on a thread of its own, until the guard is dropped or the session ends.
    ///
    /// # Errors
    /// [`TransportErrorKind::Local`](crate::TransportErrorKind::Local) if the system starts no thread.
    pub fn spawn_keepalive(&self) -> Result<KeepAliveGuard, Error> {
        KeepAliveGuard::spawn(&self.driver)
    }

    /// Logs out: forgets the password, ends waiting calls, and sends the logout to the server.
    ///
    /// # Errors
    /// Currently none: see [`Logout::confirmed`] for a logout that did not reach the server.
    pub fn logout(&self) -> Result<Logout, Error> {
        self.driver.run(Session::logout)
    }

    /// Resumes a saved session.
    ///
    /// With credentials it can log in again when it expires.
    ///
    /// # Errors
    /// [`Error::Misuse`] unless there is no session yet, the saved one belongs to the same server, and the credentials
    /// are not those of another user.
    pub fn resume(&self, saved: Saved, credentials: Option<Credentials>) -> Result<(), Error> {
        self.driver.with_session(|session, now| session.resume(now, saved, credentials))?;
        self.driver.deliver_events();
        Ok(())
    }

    /// Returns the session, or the pending challenge, for [`resume`](Self::resume) in another process.
    ///
    /// It is a secret.
    pub fn save(&self) -> Option<Saved> {
        self.driver.read_session(Session::save)
    }

    /// Forgets the password, so that an expiry ends the session.
    pub fn forget_password(&self) {
        self.driver.with_session(|session, _| session.forget_password());
    }

    /// Returns the state of the session.
    pub fn state(&self) -> State {
        self.driver.read_session(Session::state)
    }

    /// Returns the user of the last login or resumed session.
    pub fn user(&self) -> Option<String> {
        self.driver.read_session(|session| session.user().map(str::to_owned))
    }

    /// Returns the settings of the session.
    pub fn config(&self) -> &Config {
        &self.driver.config
    }

    /// Runs a task without a source or sink of the caller's.
    ///
    /// # Errors
    /// Whatever it ends with.
    pub fn run<T: Task>(&self, mut task: T) -> Result<T::Output, Error> {
        loop {
            match task.poll(self.driver.transport.now(), self.driver.config.server()) {
                TaskStep::Call(prepared) => {
                    let result = self.driver.call(prepared, CallOptions::default(), &mut BodyIo::default());
                    task.handle(self.driver.transport.now(), result, 0);
                }
                TaskStep::Done(result) => return result,
            }
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("server", self.config().server())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
