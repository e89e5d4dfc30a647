//! One face for both adapters, so that one suite can test them.

use std::sync::{Arc, LazyLock};

use quatrix_proto::{
    Answer, ApiKey, Challenge, Config, Credentials, Declined, Endpoint, Error, Event, Login, Logout, Saved, Server,
    State, Task,
};
use tokio::runtime::Runtime;

/// Answers challenges in the client's stead.
pub type Provider = Arc<dyn Fn(Challenge) -> Result<Answer, Declined> + Send + Sync>;
/// Hears of events.
pub type Observer = Arc<dyn Fn(&Event) + Send + Sync>;

/// What a client under test is made of.
#[derive(Clone)]
pub struct Setup {
    /// The settings of the session.
    pub config: Config,
    /// PEM certificates to trust.
    pub roots: Option<String>,
    /// An API key instead of a login.
    pub key: Option<ApiKey>,
    /// Answers challenges.
    pub provider: Option<Provider>,
    /// Hears of events.
    pub observer: Option<Observer>,
}

impl Setup {
    /// Nothing but settings.
    pub fn new(config: impl Into<Config>) -> Self {
        Self { config: config.into(), roots: None, key: None, provider: None, observer: None }
    }
}

/// A client under test: the methods that both adapters have, with blocking signatures.
pub trait Subject: Clone + Send + Sync + 'static {
    /// Builds one.
    fn build(setup: Setup) -> Result<Self, Error>;
    /// See `Client::login`.
    fn login(&self, credentials: Credentials) -> Result<Login, Error>;
    /// See `Client::answer`.
    fn answer(&self, answer: Answer) -> Result<Login, Error>;
    /// See `Client::call`.
    fn call<E: Endpoint<Response: Send> + Sync>(&self, endpoint: &E) -> Result<E::Response, Error>;
    /// See `Client::run`.
    fn run<T: Task<Output: Send> + Send + 'static>(&self, task: T) -> Result<T::Output, Error>;
    /// See `Client::keepalive`.
    fn keepalive(&self) -> Result<(), Error>;
    /// See `Client::logout`.
    fn logout(&self) -> Result<Logout, Error>;
    /// See `Client::resume`.
    fn resume(&self, saved: Saved, credentials: Option<Credentials>) -> Result<(), Error>;
    /// See `Client::save`.
    fn save(&self) -> Option<Saved>;
    /// See `Client::state`.
    fn state(&self) -> State;
    /// The server that the client is for.
    fn server(&self) -> &Server;
    /// The client's `Debug` text.
    fn debug(&self) -> String;
}

/// Builds with either builder; they have the same methods.
macro_rules! build {
    ($client:ty, $setup:expr) => {{
        let Setup { config, roots, key, provider, observer } = $setup;
        let mut builder = <$client>::builder(config).no_proxy();
        if let Some(roots) = roots {
            builder = builder.roots(roots);
        }
        if let Some(key) = key {
            builder = builder.api_key(key);
        }
        if let Some(provider) = provider {
            builder = builder.second_factor(move |challenge| provider(challenge));
        }
        if let Some(observer) = observer {
            builder = builder.on_event(move |event| observer(event));
        }
        builder.build()
    }};
}

impl Subject for quatrix_ureq::Client {
    fn build(setup: Setup) -> Result<Self, Error> {
        build!(Self, setup)
    }
    fn login(&self, credentials: Credentials) -> Result<Login, Error> {
        self.login(credentials)
    }
    fn answer(&self, answer: Answer) -> Result<Login, Error> {
        self.answer(answer)
    }
    fn call<E: Endpoint<Response: Send> + Sync>(&self, endpoint: &E) -> Result<E::Response, Error> {
        self.call(endpoint)
    }
    fn run<T: Task<Output: Send> + Send + 'static>(&self, task: T) -> Result<T::Output, Error> {
        self.run(task)
    }
    fn keepalive(&self) -> Result<(), Error> {
        self.keepalive()
    }
    fn logout(&self) -> Result<Logout, Error> {
        self.logout()
    }
    fn resume(&self, saved: Saved, credentials: Option<Credentials>) -> Result<(), Error> {
        self.resume(saved, credentials)
    }
    fn save(&self) -> Option<Saved> {
        self.save()
    }
    fn state(&self) -> State {
        self.state()
    }
    fn server(&self) -> &Server {
        self.config().server()
    }
    fn debug(&self) -> String {
        format!("{self:?}")
    }
}

/// Every future of the async client runs here; threads of a test may block on it at once.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a test machine has threads"));

impl Subject for quatrix_hyper::Client {
    fn build(setup: Setup) -> Result<Self, Error> {
        build!(Self, setup)
    }
    fn login(&self, credentials: Credentials) -> Result<Login, Error> {
        RUNTIME.block_on(self.login(credentials))
    }
    fn answer(&self, answer: Answer) -> Result<Login, Error> {
        RUNTIME.block_on(self.answer(answer))
    }
    fn call<E: Endpoint<Response: Send> + Sync>(&self, endpoint: &E) -> Result<E::Response, Error> {
        RUNTIME.block_on(self.call(endpoint))
    }
    fn run<T: Task<Output: Send> + Send + 'static>(&self, task: T) -> Result<T::Output, Error> {
        RUNTIME.block_on(self.run(task))
    }
    fn keepalive(&self) -> Result<(), Error> {
        RUNTIME.block_on(self.keepalive())
    }
    fn logout(&self) -> Result<Logout, Error> {
        RUNTIME.block_on(self.logout())
    }
    fn resume(&self, saved: Saved, credentials: Option<Credentials>) -> Result<(), Error> {
        self.resume(saved, credentials)
    }
    fn save(&self) -> Option<Saved> {
        self.save()
    }
    fn state(&self) -> State {
        self.state()
    }
    fn server(&self) -> &Server {
        self.config().server()
    }
    fn debug(&self) -> String {
        format!("{self:?}")
    }
}
