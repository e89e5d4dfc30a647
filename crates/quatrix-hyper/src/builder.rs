//! Client builder.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::future::Future;
use std::hash::BuildHasher;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use quatrix_proto::{Answer, ApiKey, Challenge, Config, Declined, Error, Event, Invalid, ProxyRule, Session};

use crate::client::Client;
use crate::driver::{Driver, OnEvent, SecondFactor};
use crate::resolver::NameResolver;
use crate::tls::{self, Roots};
use crate::transport::{Timeouts, Transport};

/// Builder of a [`Client`]; returned by [`Client::builder`].
///
/// Setters do not fail: [`build`](Self::build) returns the error for an invalid setting.
#[must_use = "a builder does nothing until it builds"]
pub struct Builder {
    config: Result<Config, Invalid>,
    key: Option<ApiKey>,
    roots: Roots,
    proxy: Result<ProxyRule, Invalid>,
    resolver: NameResolver,
    timeouts: Timeouts,
    shared: Option<Arc<Transport>>,
    on_event: Option<OnEvent>,
    second_factor: Option<SecondFactor>,
}

impl Builder {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config: Ok(config),
            key: None,
            roots: Roots::Public,
            proxy: Ok(ProxyRule::environment(|name| std::env::var_os(name))),
            resolver: NameResolver::system(),
            timeouts: Timeouts { connect: Duration::from_secs(10), stall: Duration::from_secs(30) },
            shared: None,
            on_event: None,
            second_factor: None,
        }
    }

    /// Prepends the application's name to `User-Agent`, for example `acme-backup/2.1`.
    pub fn user_agent(self, application: &str) -> Self {
        self.configured(|config| config.with_user_agent(application))
    }

    /// Sends this header with every request.
    pub fn header(self, name: HeaderName, value: HeaderValue) -> Self {
        self.configured(|config| config.with_header(name, value))
    }

    /// Authenticates with an API key instead of a session: without login, keepalive or logout.
    pub fn api_key(self, key: ApiKey) -> Self {
        Self { key: Some(key), ..self }
    }

    /// Trusts only the certificate authorities in this PEM text, instead of those that browsers trust.
    pub fn roots(self, pem: impl Into<Vec<u8>>) -> Self {
        Self { roots: Roots::Pem(pem.into()), ..self }
    }

    /// Trusts the certificate authorities that the operating system trusts.
    #[cfg(feature = "platform-verifier")]
    pub fn platform_roots(self) -> Self {
        Self { roots: Roots::Platform, ..self }
    }

    /// Connects through this proxy, `http://[USER:PASSWORD@]HOST:PORT`, and ignores the environment.
    ///
    /// The client requests a tunnel (`CONNECT`), so the proxy sees only the server's name. [`build`](Self::build) rejects
    /// a proxy for a server over plain `http`. Default: `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, except for servers on
    /// this machine or over plain `http`.
    pub fn proxy(self, url: impl Into<String>) -> Self {
        Self { proxy: ProxyRule::fixed(&url.into()), ..self }
    }

    /// Connects directly to the server and ignores the environment.
    pub fn no_proxy(self) -> Self {
        Self { proxy: Ok(ProxyRule::direct()), ..self }
    }

    /// Resolves host names with this function instead of the operating system.
    ///
    /// It runs on a thread that may block, once for each new connection. The client tries the addresses in order, within
    /// the connect timeout, and reports an error of this function as the source of its own.
    pub fn resolver(self, look_up: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static) -> Self {
        Self { resolver: NameResolver::new(look_up), ..self }
    }

    /// Sets the maximum time for connecting: name, socket, proxy and TLS together.
    ///
    /// Default: 10 seconds.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.connect = timeout;
        self
    }

    /// Sets the maximum time in an exchange without a byte in either direction.
    ///
    /// Default: 30 seconds. An exchange that makes progress may last longer.
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.timeouts.stall = timeout;
        self
    }

    /// Shares the connections of another client, with its roots, proxy and timeouts; this builder's own are ignored.
    ///
    /// For many sessions in one program: parsing the roots for each client takes a millisecond.
    pub fn share_connections(self, other: &Client) -> Self {
        Self { shared: Some(Arc::clone(&other.driver().transport)), ..self }
    }

    /// Calls this observer for every event of the session, in order and one at a time, within the future that causes the
    /// event.
    ///
    /// The observer may use the client. It should be quick: the future waits for it, and an observer that falls 32 events
    /// behind loses the oldest.
    ///
    /// Every call is an event itself: an observer that makes a call for each [`Event::Exchanged`] never ends. React to
    /// events that calls of the observer do not cause, such as [`Event::LoggedIn`].
    pub fn on_event(self, observer: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self { on_event: Some(Box::new(observer)), ..self }
    }

    /// Answers challenges with this async function, for programs that run unattended.
    ///
    /// Calls wait for the answer. One of them awaits the function: once for each challenge, and once more if the server
    /// rejects the first answer. [`Declined`] returns the challenge to the callers. If the call that awaits the function
    /// is dropped, so is the function's future, and another waiting call starts it again.
    ///
    /// The function may use the client, but a call that needs the session waits for this very answer, until its own
    /// deadline if it has one. A panic counts as [`Declined`].
    pub fn second_factor<F>(self, provider: impl Fn(Challenge) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Answer, Declined>> + Send + 'static,
    {
        Self { second_factor: Some(Box::new(move |challenge| Box::pin(provider(challenge)))), ..self }
    }

    /// Builds the client, without connecting.
    ///
    /// # Errors
    /// The first invalid setting: [`Error::Invalid`], or
    /// [`TransportErrorKind::Local`](crate::TransportErrorKind::Local) for certificates that cannot be used.
    pub fn build(self) -> Result<Client, Error> {
        let config = self.config?.observe(self.on_event.is_some()).interactive(self.second_factor.is_some());
        let transport = match self.shared {
            Some(transport) => transport,
            None => {
                let proxy = self.proxy?;
                proxy.towards(config.server())?;
                Arc::new(Transport::new(tls::config(&self.roots)?, proxy, self.resolver, self.timeouts))
            }
        };
        let config = Arc::new(config);
        // Each `RandomState` has its own random keys from the system.
        let seed = RandomState::new().hash_one(());
        let session = match self.key {
            Some(key) => Session::with_api_key(Arc::clone(&config), seed, key),
            None => Session::new(Arc::clone(&config), seed),
        };
        Ok(Client::from_driver(Driver::new(session, config, transport, self.on_event, self.second_factor)))
    }

    fn configured(self, set: impl FnOnce(Config) -> Result<Config, Invalid>) -> Self {
        Self { config: self.config.and_then(set), ..self }
    }
}

/// Omits the key, the proxy and the headers, which may be secret.
impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = self.config.as_ref().ok().map(Config::server);
        f.debug_struct("Builder").field("server", &server).finish_non_exhaustive()
    }
}
