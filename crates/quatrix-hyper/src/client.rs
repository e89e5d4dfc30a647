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

/// A session with one server, for as many tasks as like to share it: a clone is another handle of the same session.
///
/// Its futures do nothing until they are polled, and may be dropped at any moment: the call is then given up, and if it
/// was carrying something that others wait for, such as a login after an expiry, one of them takes over. They hold on to
/// the session by themselves and can be spawned.
#[derive(Clone)]
pub struct Client(Arc<Driver>);

impl Client {
    /// Makes a client with the defaults, on which nobody has logged in.
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn new(config: impl Into<Config>) -> Result<Self, Error> {
        Self::builder(config).build()
    }

    /// Starts from the defaults, for this server or these settings.
    pub fn builder(config: impl Into<Config>) -> Builder {
        Builder::new(config.into())
    }

    /// Logs in.
    ///
    /// [`Login::Challenged`] is no error: [`answer`](Self::answer) comes next.
    ///
    /// # Errors
    /// [`Error::Api`] if the server refuses the password. It is sent once and never again by itself.
    pub fn login(&self, credentials: Credentials) -> impl Future<Output = Result<Login, Error>> + Send + use<> {
        self.command(move |session, now| session.login(now, credentials))
    }

    /// Answers the pending challenge.
    ///
    /// A wrong answer is no error: it ends in [`Login::Challenged`] once more.
    ///
    /// # Errors
    /// [`Error::Misuse`] if there is no challenge; an answer is never sent again by itself.
    pub fn answer(&self, answer: Answer) -> impl Future<Output = Result<Login, Error>> + Send + use<> {
        self.command(move |session, now| session.answer(now, answer))
    }

    /// Makes a call, logging in again or repeating it where that is right.
    ///
    /// # Errors
    /// Whatever the call ends with.
    pub fn call<E>(&self, endpoint: &E) -> impl Future<Output = Result<E::Response, Error>> + Send + use<E> + 'static
    where
        E: Endpoint,
    {
        self.call_with(endpoint, CallOptions::default())
    }

    /// Makes a call as [`call`](Self::call) does, with a deadline, other repetitions or headers.
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

    /// Sends a keepalive now, due or not.
    ///
    /// # Errors
    /// Whatever the call ends with.
    pub fn keepalive(&self) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        self.command(Session::keepalive)
    }

    /// Keeps the session alive for as long as it is polled: `tokio::spawn(client.run_keepalive())`.
    ///
    /// It sends a keepalive whenever nothing else was sent for the interval, and takes one timer in between.
    ///
    /// # Errors
    /// Why there is no session any more. A session that can log itself in again is waited for.
    pub fn run_keepalive(&self) -> impl Future<Output = Result<Infallible, Error>> + Send + use<> {
        self.command(Session::run_keepalive)
    }

    /// Logs out: the password is forgotten, waiting calls end at once, and the server is told.
    ///
    /// # Errors
    /// None is known: that the server could not be told is no error, see [`Logout::confirmed`].
    pub fn logout(&self) -> impl Future<Output = Result<Logout, Error>> + Send + use<> {
        self.command(Session::logout)
    }

    /// Carries out a task that needs no bytes of the caller's.
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

    /// Takes up a saved session.
    ///
    /// With credentials it can log in again when it expires.
    ///
    /// # Errors
    /// [`Error::Misuse`] unless there is no session yet, the saved one belongs to the same server, and the credentials
    /// are not those of another user.
    pub fn resume(&self, saved: Saved, credentials: Option<Credentials>) -> Result<(), Error> {
        self.0.act(|session, now| session.resume(now, saved, credentials)).map_err(Error::from)
    }

    /// Writes down what it takes to go on in another process: of a session, or of a pending challenge.
    ///
    /// It is a secret.
    pub fn save(&self) -> Option<Saved> {
        self.0.with_session(|session, _| session.save())
    }

    /// Where the session stands.
    pub fn state(&self) -> State {
        self.0.with_session(|session, _| session.state())
    }

    /// The user that logged in last, or was resumed.
    pub fn user(&self) -> Option<String> {
        self.0.with_session(|session, _| session.user().map(str::to_owned))
    }

    /// The settings of the session.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// Forgets the password.
    ///
    /// An expiry then ends the session.
    pub fn forget_password(&self) {
        self.0.act(|session, _| session.forget_password());
    }

    pub(crate) fn from_driver(driver: Driver) -> Self {
        Self(Arc::new(driver))
    }

    pub(crate) fn driver(&self) -> &Arc<Driver> {
        &self.0
    }

    /// Carries a command without bytes of the caller's.
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
