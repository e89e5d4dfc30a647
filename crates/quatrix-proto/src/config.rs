//! What a session is told once and for all.

use std::time::Duration;

use http::{HeaderName, HeaderValue};

use crate::endpoint::DEFAULT_USER_AGENT;
use crate::error::Invalid;
use crate::server::Server;

mod compat;

pub use compat::{CaptchaForm, Compat};

/// The settings of a [`Session`](crate::Session).
///
/// Sessions can share one (`Arc<Config>`).
///
/// The defaults suit an application with one account. [`Compat`] has the settings for what the evidence about the server
/// leaves open.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) server: Server,
    pub(crate) user_agent: HeaderValue,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) lifetime: Duration,
    pub(crate) keepalive_interval: Duration,
    pub(crate) exchange_timeout: Duration,
    pub(crate) attempts: u8,
    pub(crate) max_retry_after: Duration,
    pub(crate) keep_credentials: bool,
    pub(crate) ask: bool,
    pub(crate) observe: bool,
    pub(crate) compat: Compat,
    pub(crate) session_limit: usize,
    pub(crate) json_limit: usize,
}

impl Config {
    /// Takes the defaults, for this server.
    pub fn new(server: Server) -> Self {
        Self {
            server,
            user_agent: DEFAULT_USER_AGENT,
            headers: Vec::new(),
            lifetime: Duration::from_secs(15 * 60),
            keepalive_interval: Duration::from_secs(10 * 60),
            exchange_timeout: Duration::from_secs(90),
            attempts: 3,
            max_retry_after: Duration::from_secs(30),
            keep_credentials: true,
            ask: false,
            observe: false,
            compat: Compat::default(),
            session_limit: 64 * 1024,
            json_limit: 64 * 1024 * 1024,
        }
    }

    /// The server that the session is for.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Puts an application's name before ours in `User-Agent`: `acme-backup/2.1 quatrix-rs/0.1.0`.
    ///
    /// # Errors
    /// [`Invalid`] if a header cannot carry it.
    pub fn with_user_agent(mut self, application: &str) -> Result<Self, Invalid> {
        let ours = DEFAULT_USER_AGENT.to_str().unwrap_or_default().to_owned();
        self.user_agent = HeaderValue::try_from(format!("{application} {ours}"))
            .map_err(|_| Invalid::new("user agent", "holds a character that a header cannot carry"))?;
        Ok(self)
    }

    /// Sends this header with every request, such as one that a gateway in front of the server wants.
    ///
    /// # Errors
    /// [`Invalid`] for a header that the core or the transport sets itself, credentials among them.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Result<Self, Invalid> {
        self.headers.push(checked_header(name, value)?);
        Ok(self)
    }

    /// Sets how long a session lives without a call.
    ///
    /// Default: 15 minutes, which is what the server documents. Kept between 30 seconds and a day.
    #[must_use]
    pub fn with_idle_timeout(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime.clamp(Duration::from_secs(30), Duration::from_secs(24 * 60 * 60));
        self
    }

    /// Sets how long a session may be idle before [`Session::run_keepalive`](crate::Session::run_keepalive) sends a
    /// keepalive, give or take a tenth.
    ///
    /// Default: 10 minutes. Kept between 10 seconds and a day.
    #[must_use]
    pub fn with_keepalive_interval(mut self, interval: Duration) -> Self {
        self.keepalive_interval = interval.clamp(Duration::from_secs(10), Duration::from_secs(24 * 60 * 60));
        self
    }

    /// Sets after which time an exchange of the session itself (login, answer, probe, logout) counts as lost although
    /// its driver has not reported it.
    ///
    /// Default: 90 seconds. Kept between one second and an hour.
    #[must_use]
    pub fn with_exchange_timeout(mut self, timeout: Duration) -> Self {
        self.exchange_timeout = timeout.clamp(Duration::from_secs(1), Duration::from_secs(60 * 60));
        self
    }

    /// Sets how often a call is sent at most, the first time included.
    ///
    /// Default: 3. Logging in, answering and logging out are not repeated this way.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u8) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// Sets the longest `Retry-After` that is waited for; beyond it the answer is returned at once.
    ///
    /// Default: 30 seconds.
    #[must_use]
    pub fn with_max_retry_after(mut self, longest: Duration) -> Self {
        self.max_retry_after = longest.min(Duration::from_secs(60 * 60));
        self
    }

    /// Forgets the password as soon as it has logged in.
    ///
    /// A session that expires then stays logged out; by default the password is kept (wiped at logout) and used once
    /// for each expiry.
    #[must_use]
    pub fn forget_credentials(mut self) -> Self {
        self.keep_credentials = false;
        self
    }

    /// Says that the driver can answer challenges by itself: calls then wait for the answer, and one of them gets
    /// [`Step::Ask`](crate::Step::Ask).
    #[must_use]
    pub fn interactive(mut self, ask: bool) -> Self {
        self.ask = ask;
        self
    }

    /// Records events for [`Session::poll_event`](crate::Session::poll_event).
    #[must_use]
    pub fn observe(mut self, observe: bool) -> Self {
        self.observe = observe;
        self
    }

    /// Sets what the evidence about the server leaves open.
    #[must_use]
    pub fn with_compat(mut self, compat: Compat) -> Self {
        self.compat = compat;
        self
    }

    /// Sets the largest answers that are taken, in bytes: of session operations (default 64 KiB) and of all others
    /// (default 64 MiB).
    ///
    /// Only what goes to a sink is unlimited.
    #[must_use]
    pub fn with_limits(mut self, session: usize, json: usize) -> Self {
        self.session_limit = session;
        self.json_limit = json;
        self
    }
}

impl From<Server> for Config {
    fn from(server: Server) -> Self {
        Self::new(server)
    }
}

/// Refuses headers that would contradict what the core sends, replace credentials, or change what the connection is for.
pub(crate) fn checked_header(name: HeaderName, value: HeaderValue) -> Result<(HeaderName, HeaderValue), Invalid> {
    const OURS: [&str; 19] = [
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "content-range",
        "content-type",
        "cookie",
        "expect",
        "host",
        "http2-settings",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-auth-token",
    ];
    match OURS.contains(&name.as_str()) {
        true => Err(Invalid::new("header", format!("{name} is set by the client itself"))),
        false => Ok((name, value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m17_settings_are_kept_within_reason() {
        let config = Config::new(Server::default())
            .with_idle_timeout(Duration::ZERO)
            .with_keepalive_interval(Duration::MAX)
            .with_exchange_timeout(Duration::MAX)
            .with_attempts(0);
        assert_eq!(config.lifetime, Duration::from_secs(30));
        assert_eq!(config.keepalive_interval, Duration::from_secs(86_400));
        assert_eq!(config.exchange_timeout, Duration::from_secs(3_600));
        assert_eq!(config.attempts, 1);
    }

    #[test]
    fn headers_of_the_client_itself_are_refused() {
        let with = |name: &'static str| {
            let (name, value) = (HeaderName::from_static(name), HeaderValue::from_static("x"));
            Config::new(Server::default()).with_header(name, value).map(|_| ())
        };
        assert!(with("x-gateway").is_ok());
        for name in [
            "authorization",
            "x-auth-token",
            "host",
            "content-length",
            "cookie",
            "upgrade",
            "te",
            "expect",
            "connection",
        ] {
            assert_eq!(with(name).unwrap_err().to_string(), format!("header {name} is set by the client itself"));
        }
    }

    #[test]
    fn m27_a_user_agent_that_no_header_carries_is_refused() {
        let with = |name: &str| Config::new(Server::default()).with_user_agent(name);
        assert_eq!(with("acme/1").unwrap().user_agent, "acme/1 quatrix-rs/0.1.0");
        assert!(with("acme\r\nX-Evil: 1").is_err() && with("a\0").is_err());
    }
}
