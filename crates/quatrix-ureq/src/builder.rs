//! Client builder.

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
use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use ureq::config::ConfigBuilder;
use ureq::tls::{PemItem, RootCerts, TlsConfig, TlsProvider};
use ureq::typestate::AgentScope;
use ureq::{Agent, Proxy};

use crate::client::Client;
use crate::driver::{Driver, OnEvent, SecondFactor};
use crate::resolver::{DeferredResolver, NameResolver};
use crate::stage;
use crate::transport::{Timeouts, Transport};

/// Maximum number of idle connections: as many as threads are likely to use at once.
const MAX_IDLE: usize = 64;
const MAX_IDLE_TIMEOUT: Duration = Duration::from_secs(15);
/// Size of the buffer that ureq reads a response head into, which limits the head.
const INPUT_BUFFER: usize = 64 * 1024;
const MAX_HEAD: usize = INPUT_BUFFER - 1;
/// Size of the pieces in which uploads are sent.
const OUTPUT_BUFFER: usize = 64 * 1024;

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
            resolver: NameResolver::system(),
            timeouts: Timeouts { connect: Duration::from_secs(10), stall: Duration::from_secs(30) },
            adjust: None,
            shared: None,
            second_factor: None,
            on_event: None,
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
    /// For many sessions in one program.
    pub fn share_connections(self, other: &Client) -> Self {
        Self { shared: Some(Arc::clone(&other.driver().transport)), ..self }
    }

    /// Answers challenges with this function, for programs that run unattended.
    ///
    /// Calls wait for the answer. One of them runs the function on its own thread: once for each challenge, and once more
    /// if the server rejects the first answer. [`Declined`] returns the challenge to the callers.
    ///
    /// The function may use the client, but a call that needs the session waits for this very answer, until its own
    /// deadline if it has one. A panic counts as [`Declined`].
    pub fn second_factor(
        self,
        provider: impl Fn(Challenge) -> Result<Answer, Declined> + Send + Sync + 'static,
    ) -> Self {
        Self { second_factor: Some(Box::new(provider)), ..self }
    }

    /// Calls this observer for every event of the session, in order and one at a time, on the thread that causes the
    /// event.
    ///
    /// The observer may use the client. It should be quick: the thread waits for it, and an observer that falls 32 events
    /// behind loses the oldest.
    ///
    /// Every call is an event itself: an observer that makes a call for each [`Event::Exchanged`] never ends. React to
    /// events that calls of the observer do not cause, such as [`Event::LoggedIn`].
    pub fn on_event(self, observer: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self { on_event: Some(Box::new(observer)), ..self }
    }

    /// Adjusts the configuration of the ureq agent: client certificates, address families, buffers.
    ///
    /// The settings that keep a session safe (no redirects, no headers of ureq's own) are applied afterwards.
    ///
    /// **Outside semver:** ureq's types may change in any release of this crate.
    #[cfg(feature = "unstable-ureq")]
    pub fn adjust_agent(mut self, adjust: impl FnOnce(AgentConfig) -> AgentConfig + Send + 'static) -> Self {
        self.adjust = Some(Box::new(adjust));
        self
    }

    /// Builds the client, without connecting.
    ///
    /// # Errors
    /// The first invalid setting: [`Error::Invalid`], or
    /// [`TransportErrorKind::Local`] for certificates that cannot be used.
    pub fn build(self) -> Result<Client, Error> {
        let config = self.config?.interactive(self.second_factor.is_some()).observe(self.on_event.is_some());
        let transport = match self.shared {
            Some(transport) => transport,
            None => {
                let rule = self.proxy?;
                let proxy = rule.towards(config.server())?.map(proxy).transpose()?;
                // A client that shares these connections may use a server over plain http.
                let https_only = proxy.is_some() || config.server().is_https();
                let agent =
                    agent(root_certs(self.roots)?, proxy, self.resolver, self.timeouts, self.adjust, https_only);
                Arc::new(Transport::new(agent))
            }
        };
        let config = Arc::new(config);
        // Each `RandomState` has its own random keys from the system.
        let seed = RandomState::new().hash_one(());
        let session = match self.key {
            Some(key) => Session::with_api_key(Arc::clone(&config), seed, key),
            None => Session::new(Arc::clone(&config), seed),
        };
        Ok(Client::from_driver(Driver::new(config, session, transport, self.second_factor, self.on_event)))
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

fn agent(
    roots: RootCerts,
    proxy: Option<Proxy>,
    resolver: NameResolver,
    timeouts: Timeouts,
    adjust: Option<Adjust>,
    https_only: bool,
) -> Agent {
    let Timeouts { connect, stall } = timeouts;
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
        .input_buffer_size(INPUT_BUFFER)
        .output_buffer_size(OUTPUT_BUFFER)
        // Only limits for phases: a limit for the whole request, or for names, costs ureq a thread for each request.
        .timeout_connect(Some(connect))
        .timeout_per_read(Some(stall))
        .timeout_per_write(Some(stall))
        // Limits a response head that arrives byte by byte. It exceeds the stall timeout, because ureq would otherwise
        // set the remaining time on the socket for each read.
        .timeout_recv_response(Some(stall.saturating_mul(2)));
    let config = match adjust {
        Some(adjust) => adjust(config),
        None => config,
    };
    // Applied last, because the core relies on these settings.
    let config = config
        .https_only(https_only)
        .http_status_as_error(false)
        .max_redirects(0)
        .user_agent("")
        .accept("")
        .accept_encoding("")
        .build();
    Agent::with_parts(config, stage::connector(resolver), DeferredResolver)
}

fn root_certs(roots: Roots) -> Result<RootCerts, TransportError> {
    let pem = match roots {
        Roots::BuiltIn => return Ok(RootCerts::WebPki),
        #[cfg(feature = "platform-verifier")]
        Roots::Platform => return Ok(RootCerts::PlatformVerifier),
        Roots::Pem(pem) => pem,
    };
    let invalid =
        || TransportError::unsent(TransportErrorKind::Local).with_detail("the roots hold no valid PEM certificate");
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| invalid().with_source(error))? {
            // ureq itself skips a certificate that rustls cannot read.
            let checked = RootCertStore::empty().add(CertificateDer::from(certificate.der()));
            checked.map_err(|error| invalid().with_source(error))?;
            certificates.push(certificate);
        }
    }
    match certificates.is_empty() {
        true => Err(invalid()),
        false => Ok(certificates.into()),
    }
}

fn proxy(proxy: &quatrix_proto::Proxy) -> Result<Proxy, TransportError> {
    Proxy::new(proxy.expose_url()).map_err(|error| TransportError::unsent(TransportErrorKind::Local).with_source(error))
}
