//! How a client is to be.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use quatrix_proto::{
    Answer, ApiKey, Challenge, Config, Declined, Error, Event, Invalid, ProxyRule, Session, TransportError,
    TransportErrorKind,
};
use rustls::crypto::ring;
use ureq::config::ConfigBuilder;
use ureq::tls::{PemItem, RootCerts, TlsConfig, TlsProvider};
use ureq::typestate::AgentScope;
use ureq::{Agent, Proxy};

use crate::client::Client;
use crate::driver::{OnEvent, SecondFactor, Shared};
use crate::resolver::{DeferredResolver, NameResolver};
use crate::stage;
use crate::transport::{Timeouts, Transport};

/// Idle connections that are kept: as many as threads are likely to talk at once.
const MAX_IDLE: usize = 64;
const MAX_IDLE_TIMEOUT: Duration = Duration::from_secs(15);
/// ureq reads the head of an answer into one buffer, so that bounds it.
const INPUT: usize = 64 * 1024;
const MAX_HEAD: usize = INPUT - 1;
/// Uploads go out in pieces of this size.
const OUTPUT: usize = 64 * 1024;

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
    adjust: Option<Adjust>,
    shared: Option<Arc<Transport>>,
    second_factor: Option<SecondFactor>,
    on_event: Option<OnEvent>,
}

type AgentConfig = ConfigBuilder<AgentScope>;
type Adjust = Box<dyn FnOnce(AgentConfig) -> AgentConfig + Send>;

enum Roots {
    BuiltIn,
    #[cfg(feature = "platform-verifier")]
    Platform,
    Pem(Vec<u8>),
}

impl Builder {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config: Ok(config),
            key: None,
            roots: Roots::BuiltIn,
            proxy: Ok(ProxyRule::environment(|name| std::env::var_os(name))),
            names: NameResolver::of_the_system(),
            patience: Timeouts { connect: Duration::from_secs(10), stall: Duration::from_secs(30) },
            adjust: None,
            shared: None,
            second_factor: None,
            on_event: None,
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
    /// For many sessions in one program.
    pub fn share_connections(self, other: &Client) -> Self {
        Self { shared: Some(Arc::clone(&other.shared().transport)), ..self }
    }

    /// Has challenges answered by this, for programs that must run alone.
    ///
    /// Calls then wait for the answer; one of them asks for it, once for each challenge, and once more if the server
    /// refuses the first answer. [`Declined`] leaves the challenge to the callers.
    ///
    /// It runs on the thread of that call. It may use the client; but a call that needs the session waits for this very
    /// answer, until the deadline of that call if it has one. Its panic counts as [`Declined`].
    pub fn second_factor(
        self,
        provider: impl Fn(Challenge) -> Result<Answer, Declined> + Send + Sync + 'static,
    ) -> Self {
        Self { second_factor: Some(Box::new(provider)), ..self }
    }

    /// Calls this for everything that happens to the session, in order, one at a time, on whichever thread makes it
    /// happen.
    ///
    /// It may use the client. It should be quick: that thread waits, and an observer that falls 32 events behind loses
    /// the oldest.
    ///
    /// A call is an event itself. An observer that makes one for every event keeps itself busy for ever: let it act on
    /// what is not of its own making, such as [`Event::LoggedIn`], and leave [`Event::Exchanged`] alone.
    pub fn on_event(self, observer: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self { on_event: Some(Box::new(observer)), ..self }
    }

    /// Adjusts the configuration of the ureq agent: client certificates, address families, buffers.
    ///
    /// What keeps a session safe (no redirects, no headers of ureq's own) is set afterwards.
    ///
    /// **Outside semver:** ureq's types may change in any release of this crate.
    #[cfg(feature = "unstable-ureq")]
    pub fn adjust_agent(mut self, adjust: impl FnOnce(AgentConfig) -> AgentConfig + Send + 'static) -> Self {
        self.adjust = Some(Box::new(adjust));
        self
    }

    /// Makes the client.
    ///
    /// It connects when it is first used.
    ///
    /// # Errors
    /// The first setting that cannot be used: [`Error::Invalid`], or [`Error::Transport`] for roots.
    pub fn build(self) -> Result<Client, Error> {
        let config = self.config?.interactive(self.second_factor.is_some()).observe(self.on_event.is_some());
        let transport = match self.shared {
            Some(transport) => transport,
            None => {
                let rule = self.proxy?;
                let proxy = rule.towards(config.server())?.map(proxy).transpose()?;
                // A client that shares the connections may be for a server over plain http.
                let https_only = proxy.is_some() || config.server().is_encrypted();
                let agent = agent(root_certs(self.roots)?, proxy, self.names, self.patience, self.adjust, https_only);
                Arc::new(Transport::new(agent))
            }
        };
        let config = Arc::new(config);
        // Each `RandomState` has keys of its own, which come from the system.
        let seed = RandomState::new().hash_one(());
        let session = match self.key {
            Some(key) => Session::with_api_key(Arc::clone(&config), seed, key),
            None => Session::new(Arc::clone(&config), seed),
        };
        Ok(Client::of(Shared::new(config, session, transport, self.second_factor, self.on_event)))
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

fn agent(
    roots: RootCerts,
    proxy: Option<Proxy>,
    names: NameResolver,
    patience: Timeouts,
    adjust: Option<Adjust>,
    https_only: bool,
) -> Agent {
    let Timeouts { connect, stall } = patience;
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(roots)
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .proxy(proxy)
        .max_idle_connections(MAX_IDLE)
        .max_idle_connections_per_host(MAX_IDLE)
        .max_idle_age(MAX_IDLE_TIMEOUT)
        .max_response_header_size(MAX_HEAD)
        .input_buffer_size(INPUT)
        .output_buffer_size(OUTPUT)
        // Phases only: a budget for the whole, or for names, would cost ureq a thread for each request.
        .timeout_connect(Some(connect))
        .timeout_per_read(Some(stall))
        .timeout_per_write(Some(stall))
        // Against a head that trickles in. Longer than one silence, or else what is left of it would be set on the
        // socket anew for each read.
        .timeout_recv_response(Some(stall.saturating_mul(2)));
    let config = match adjust {
        Some(adjust) => adjust(config),
        None => config,
    };
    // What the core relies on has the last word.
    let config = config
        .https_only(https_only)
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent("")
        .accept("")
        .accept_encoding("")
        .build();
    Agent::with_parts(config, stage::connector(names), DeferredResolver)
}

fn root_certs(roots: Roots) -> Result<RootCerts, TransportError> {
    let pem = match roots {
        Roots::BuiltIn => return Ok(RootCerts::WebPki),
        #[cfg(feature = "platform-verifier")]
        Roots::Platform => return Ok(RootCerts::PlatformVerifier),
        Roots::Pem(pem) => pem,
    };
    let refused = || TransportError::unsent(TransportErrorKind::Tls);
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| refused().with_source(error))? {
            certificates.push(certificate);
        }
    }
    match certificates.is_empty() {
        true => Err(refused().with_detail("the text of the roots holds no certificate")),
        false => Ok(certificates.into()),
    }
}

fn proxy(proxy: &quatrix_proto::Proxy) -> Result<Proxy, TransportError> {
    Proxy::new(proxy.expose_url()).map_err(|error| TransportError::unsent(TransportErrorKind::Proxy).with_source(error))
}
