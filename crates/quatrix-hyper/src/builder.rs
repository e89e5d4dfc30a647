//! How a client is made.

use std::collections::hash_map::RandomState;
use std::fmt;
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

/// The settings of a [`Client`]; [`Client::builder`] makes one.
///
/// What cannot be used is said by [`build`](Self::build).
#[must_use = "a builder does nothing until it builds"]
pub struct Builder {
    config: Result<Config, Error>,
    key: Option<ApiKey>,
    roots: Roots,
    proxy: Result<ProxyRule, Invalid>,
    names: NameResolver,
    patience: Timeouts,
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
            names: NameResolver::of_the_system(),
            patience: Timeouts { connect: Duration::from_secs(10), stall: Duration::from_secs(30) },
            shared: None,
            on_event: None,
            second_factor: None,
        }
    }

    /// Takes other settings of the session, the server among them.
    pub fn config(self, config: Config) -> Self {
        Self { config: Ok(config), ..self }
    }

    /// Puts an application's name first in `User-Agent`, such as `acme-backup/2.1`.
    pub fn user_agent(self, application: &str) -> Self {
        self.configured(|config| config.with_user_agent(application))
    }

    /// Sends this header with every request.
    pub fn header(self, name: HeaderName, value: HeaderValue) -> Self {
        self.configured(|config| config.with_header(name, value))
    }

    /// Lets an API key stand for the session: no login, keepalive or logout.
    pub fn api_key(self, key: ApiKey) -> Self {
        Self { key: Some(key), ..self }
    }

    /// Trusts the authorities in this PEM text, instead of those that browsers trust.
    pub fn roots(self, pem: impl Into<Vec<u8>>) -> Self {
        Self { roots: Roots::Pem(pem.into()), ..self }
    }

    /// Trusts the authorities that the operating system trusts.
    #[cfg(feature = "platform-verifier")]
    pub fn platform_roots(self) -> Self {
        Self { roots: Roots::Platform, ..self }
    }

    /// Connects through this proxy, `http://[USER:PASSWORD@]HOST:PORT`, whatever the environment says.
    ///
    /// It is asked for a tunnel (`CONNECT`) and sees nothing but the server's name; with a server over plain `http` it is
    /// refused by [`build`](Self::build). By default `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` decide, except for servers
    /// on this machine or over plain `http`.
    pub fn proxy(self, url: impl Into<String>) -> Self {
        Self { proxy: ProxyRule::fixed(&url.into()), ..self }
    }

    /// Connects straight to the server, whatever the environment says.
    pub fn no_proxy(self) -> Self {
        Self { proxy: Ok(ProxyRule::direct()), ..self }
    }

    /// Has names looked up by this, instead of by the operating system.
    ///
    /// It runs on a thread that may block, when a connection is made; what it finds is tried in this order, within the
    /// time for connecting. Errors are shown.
    pub fn resolver(self, look_up: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static) -> Self {
        Self { names: NameResolver::by(look_up), ..self }
    }

    /// Sets how long it may take until there is a connection: name, socket, proxy and TLS.
    ///
    /// Default: 10 seconds.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.patience.connect = timeout;
        self
    }

    /// Sets how long an exchange may go without a byte in either direction, such as while the server thinks.
    ///
    /// Default: 30 seconds. An exchange that moves may last longer.
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.patience.stall = timeout;
        self
    }

    /// Uses the connections of another client, and so its roots, proxy and timeouts; what this builder says of them
    /// does not count.
    ///
    /// For many sessions in one program: making the trust in a client anew takes a millisecond.
    pub fn share_connections(self, other: &Client) -> Self {
        Self { shared: Some(Arc::clone(&other.driver().transport)), ..self }
    }

    /// Calls this for everything that happens to the session, in order, one at a time, by whichever future makes it
    /// happen.
    ///
    /// It may use the client. It should be quick: the future that calls it waits, and an observer that falls 32 events
    /// behind loses the oldest.
    ///
    /// A call is an event itself. An observer that makes one for every event keeps itself busy for ever: let it act on
    /// what is not of its own making, such as [`Event::LoggedIn`], and leave [`Event::Exchanged`] alone.
    pub fn on_event(self, observer: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self { on_event: Some(Box::new(observer)), ..self }
    }

    /// Has challenges answered by this, for programs that must run alone.
    ///
    /// Calls then wait for the answer; one of them asks for it, once for each challenge, and once more if the server
    /// refuses the first answer.
    ///
    /// It is called within a future, so it should not block: computing a code from a secret is quick, asking a person
    /// is not. It may use the client; but a call that needs the session waits for this very answer, until the deadline of
    /// that call if it has one. Its panic counts as [`Declined`].
    pub fn second_factor(
        self,
        provider: impl Fn(Challenge) -> Result<Answer, Declined> + Send + Sync + 'static,
    ) -> Self {
        Self { second_factor: Some(Box::new(provider)), ..self }
    }

    /// Makes the client.
    ///
    /// It connects when it is first used.
    ///
    /// # Errors
    /// The first setting that cannot be used: [`Error::Invalid`], or [`Error::Transport`] for roots.
    pub fn build(self) -> Result<Client, Error> {
        let config = self.config?.observe(self.on_event.is_some()).interactive(self.second_factor.is_some());
        let transport = match self.shared {
            Some(transport) => transport,
            None => {
                let proxy = self.proxy?;
                proxy.towards(config.server())?;
                Arc::new(Transport::new(tls::config(&self.roots)?, proxy, self.names, self.patience))
            }
        };
        let config = Arc::new(config);
        // Each `RandomState` has keys of its own, which come from the system.
        let seed = RandomState::new().hash_one(());
        let session = match self.key {
            Some(key) => Session::with_api_key(Arc::clone(&config), seed, key),
            None => Session::new(Arc::clone(&config), seed),
        };
        Ok(Client::over(Driver::new(session, config, transport, self.on_event, self.second_factor)))
    }

    fn configured(self, change: impl FnOnce(Config) -> Result<Config, Invalid>) -> Self {
        Self { config: self.config.and_then(|config| change(config).map_err(Error::from)), ..self }
    }
}

/// Neither key nor proxy nor headers are shown.
impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = self.config.as_ref().ok().map(Config::server);
        f.debug_struct("Builder").field("server", &server).finish_non_exhaustive()
    }
}
