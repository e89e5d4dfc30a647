//! The client: a session behind a lock, and the one loop that drives it.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;

use quatrix_proto::task::{Task, TaskStep};
use quatrix_proto::{Answer, CallOptions, Config, Credentials, Endpoint, Error, Login, Logout, Saved, Session, State};

use crate::builder::Builder;
use crate::driver::Driver;
use crate::keep_alive::KeepAliveGuard;
use crate::transport::BodyIo;

/// A client of one account.
///
/// Clones share its session and its connections; threads may use it at the same time.
///
/// Every method blocks until its call has ended. A call that finds the session expired logs in again, once for all
/// calls that wait, if the password is kept and no second factor stands in the way (or
/// [`Builder::second_factor`] answers it).
#[derive(Clone)]
pub struct Client {
    driver: Arc<Driver>,
}

impl Client {
    /// Makes a client with every default.
    ///
    /// For a server other than Quatrix' own certificates, a proxy, an API key, or answers to second factors:
    /// [`Client::builder`].
    ///
    /// # Errors
    /// The environment names a proxy that cannot be used.
    pub fn new(config: impl Into<Config>) -> Result<Self, Error> {
        Self::builder(config).build()
    }

    /// Starts from the defaults, for this server or these settings.
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
    /// If it ends with [`Login::Challenged`], [`answer`](Self::answer) comes next.
    ///
    /// # Errors
    /// [`Error::Api`] if the server refuses, [`Error::Misuse`] if there is a session already, and those of any
    /// exchange.
    pub fn login(&self, credentials: Credentials) -> Result<Login, Error> {
        self.driver.run(|session, now| session.login(now, credentials))
    }

    /// Answers the pending challenge.
    ///
    /// A wrong answer is [`Login::Challenged`] once more.
    ///
    /// # Errors
    /// [`Error::Misuse`] if no challenge of that kind is pending, and those of any exchange.
    pub fn answer(&self, answer: Answer) -> Result<Login, Error> {
        self.driver.run(|session, now| session.answer(now, answer))
    }

    /// Makes one call.
    ///
    /// # Errors
    /// Whatever it ends with.
    pub fn call<E: Endpoint>(&self, endpoint: &E) -> Result<E::Response, Error> {
        self.call_with(endpoint, CallOptions::default())
    }

    /// Makes a call as [`call`](Self::call) does, with a deadline, other repetitions or headers.
    ///
    /// # Errors
    /// Whatever it ends with.
    pub fn call_with<E: Endpoint>(&self, endpoint: &E, options: CallOptions) -> Result<E::Response, Error> {
        let prepared = endpoint.prepare(self.driver.config.server())?;
        E::decode(self.driver.call(prepared, options, &mut BodyIo::default())?)
    }

    /// Sends a keepalive now, due or not.
    ///
    /// # Errors
    /// Whatever it ends with.
    pub fn keepalive(&self) -> Result<(), Error> {
        self.driver.run(Session::keepalive)
    }

    /// Keeps the session alive until it ends: it sends a keepalive whenever nothing else was sent for the interval.
    ///
    /// It blocks for as long; [`spawn_keepalive`](Self::spawn_keepalive) does the same on a thread of its own.
    ///
    /// # Errors
    /// Why there is no session any more. A session that can log itself in again is waited for.
    pub fn run_keepalive(&self) -> Result<Infallible, Error> {
        self.driver.run(Session::run_keepalive)
    }

    /// Keeps the session alive on a thread of its own, until the guard is dropped or the session ends.
    ///
    /// # Errors
    /// No thread is to be had.
    pub fn spawn_keepalive(&self) -> Result<KeepAliveGuard, Error> {
        KeepAliveGuard::spawn(&self.driver)
    }

    /// Logs out.
    ///
    /// Kept credentials are forgotten, calls that wait for the session end at once.
    ///
    /// # Errors
    /// None that leaves a session behind in this program; see [`Logout::confirmed`].
    pub fn logout(&self) -> Result<Logout, Error> {
        self.driver.run(Session::logout)
    }

    /// Takes up a session that [`save`](Self::save) put down, perhaps in another process.
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

    /// Writes down what it takes to go on in another process: of a session, or of a pending challenge.
    ///
    /// It is a secret.
    pub fn save(&self) -> Option<Saved> {
        self.driver.read_session(Session::save)
    }

    /// Forgets the password.
    ///
    /// An expiry then ends the session.
    pub fn forget_password(&self) {
        self.driver.with_session(|session, _| session.forget_password());
    }

    /// Where the session stands.
    pub fn state(&self) -> State {
        self.driver.read_session(Session::state)
    }

    /// The user that logged in last, or was resumed.
    pub fn user(&self) -> Option<String> {
        self.driver.read_session(|session| session.user().map(str::to_owned))
    }

    /// The settings of the session.
    pub fn config(&self) -> &Config {
        &self.driver.config
    }

    /// Carries out a task that needs no bytes of the caller's.
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
