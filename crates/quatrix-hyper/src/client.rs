//! The client: a session that many tasks share.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use quatrix_proto::{
    Answer, CallOptions, Config, Credentials, Endpoint, Error, Login, Logout, Saved, Session, State, Task, Ticket,
    Timestamp,
};

use crate::body_io::NoBodyIo;
use crate::builder::Builder;
use crate::driver::Driver;

/// Async client of one account. A clone is another handle of the same session, which any number of tasks can share.
///
/// Its futures do nothing until they are polled and own all that they need, so they can be spawned. Dropping one cancels
/// its call; if that call led a login after an expiry, one of the waiting calls takes over.
#[derive(Clone)]
pub struct Client(Arc<Driver>);

impl Client {
    /// Returns a logged-out client with default settings.
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

    /// Logs in.
    ///
    /// [`Login::Challenged`] is no error: call [`answer`](Self::answer) next.
    ///
    /// # Errors
    /// [`Error::Api`] if the server rejects the password, which is not retried, and those of any call.
    pub fn login(&self, credentials: Credentials) -> impl Future<Output = Result<Login, Error>> + Send + use<> {
        self.command(move |session, now| session.login(now, credentials))
    }

    /// Answers the pending challenge.
    ///
    /// A wrong answer is no error but [`Login::Challenged`] again.
    ///
    /// # Errors
    /// [`Error::Misuse`] without a pending challenge, and those of any call. An answer is not retried.
    pub fn answer(&self, answer: Answer) -> impl Future<Output = Result<Login, Error>> + Send + use<> {
        self.command(move |session, now| session.answer(now, answer))
    }

    /// Makes a call. It logs in again after an expiry, and retries where that is safe.
    ///
    /// # Errors
    /// Whatever the call ends with.
    pub fn call<E>(&self, endpoint: &E) -> impl Future<Output = Result<E::Response, Error>> + Send + use<E> + 'static
    where
        E: Endpoint,
    {
        self.call_with(endpoint, CallOptions::default())
    }

    /// Makes a call as [`call`](Self::call) does, with a deadline, its own retries or headers.
    ///
    /// # Errors
    /// Whatever the call ends with.
    pub fn call_with<E>(
        &self,
        endpoint: &E,
        options: CallOptions,
    ) -> impl Future<Output = Result<E::Response, Error>> + Send + use<E> + 'static
    where
        E: Endpoint,
    {
        let driver = Arc::clone(&self.0);
        let prepared = endpoint.prepare(driver.config.server());
        async move { E::decode(driver.call(prepared?, options, &mut NoBodyIo).await?) }
    }

    /// Sends a keepalive now, even if none is due.
    ///
    /// # Errors
    /// Whatever the call ends with.
    pub fn keepalive(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.command(Session::keepalive)
    }

    /// Keeps the session alive for as long as it is polled: `tokio::spawn(client.run_keepalive())`.
    ///
    /// It sends a keepalive after each interval without another request, and needs one timer.
    ///
    /// # Errors
    /// The reason why the session has ended. An expired session that can log in again does not end.
    pub fn run_keepalive(&self) -> impl Future<Output = Result<Infallible, Error>> + Send + use<> {
        self.command(Session::run_keepalive)
    }

    /// Logs out: forgets the password, ends waiting calls, and sends the logout to the server.
    ///
    /// # Errors
    /// Currently none: see [`Logout::confirmed`] for a logout that did not reach the server.
    pub fn logout(&self) -> impl Future<Output = Result<Logout, Error>> + Send + use<> {
        self.command(Session::logout)
    }

    /// Runs a task without a source or sink of the caller's.
    ///
    /// # Errors
    /// Whatever it ends with.
    pub fn run<T>(&self, task: T) -> impl Future<Output = Result<T::Output, Error>> + Send + use<T>
    where
        T: Task + Send,
    {
        let driver = Arc::clone(&self.0);
        async move { driver.run_task(task).await }
    }

    /// Resumes a saved session.
    ///
    /// With credentials it can log in again when it expires.
    ///
    /// # Errors
    /// [`Error::Misuse`] unless there is no session yet, the saved one belongs to the same server, and the credentials
    /// are not those of another user.
    pub fn resume(&self, saved: Saved, credentials: Option<Credentials>) -> Result<(), Error> {
        self.0.act(|session, now| session.resume(now, saved, credentials)).map_err(Error::from)
    }

    /// Returns the session, or the pending challenge, for [`resume`](Self::resume) in another process.
    ///
    /// It is a secret.
    pub fn save(&self) -> Option<Saved> {
        self.0.with_session(|session, _| session.save())
    }

    /// Returns the state of the session.
    pub fn state(&self) -> State {
        self.0.with_session(|session, _| session.state())
    }

    /// Returns the user of the last login or resumed session.
    pub fn user(&self) -> Option<String> {
        self.0.with_session(|session, _| session.user().map(str::to_owned))
    }

    /// Returns the settings of the session.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Forgets the password, so that an expiry ends the session.
    pub fn forget_password(&self) {
        self.0.act(|session, _| session.forget_password());
    }

    pub(crate) fn from_driver(driver: Driver) -> Self {
        Self(Arc::new(driver))
    }

    pub(crate) fn driver(&self) -> &Arc<Driver> {
        &self.0
    }

    /// Runs a command without a source or sink of the caller's.
    fn command<T, C>(&self, command: C) -> impl Future<Output = Result<T, Error>> + Send + use<T, C>
    where
        C: FnOnce(&mut Session, Timestamp) -> Ticket<T> + Send,
    {
        let driver = Arc::clone(&self.0);
        async move { driver.run(command, &mut NoBodyIo).await }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("server", self.config().server()).finish_non_exhaustive()
    }
}
