//! Exchanges as they are: the library's client would hide what is to be seen here.

use std::cell::Cell;
use std::fs;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request};
use quatrix_ureq::proto::{ApiKey, Authorization, Credentials, Endpoint, Invalid, ProxyRule, Server, SessionId};
use rustls::crypto::ring;
use serde_json::Value;
use ureq::tls::{PemItem, RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Proxy};

use super::finding::Findings;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::Settings;

/// Connections to one server, and what was noticed on them in passing.
pub(super) struct Wire {
    agent: Agent,
    pub(super) server: Server,
    pub(super) proxied: bool,
    calls: Cell<u32>,
    busy: Cell<Option<bool>>,
}

/// Who speaks.
pub(super) enum Speaker {
    Nobody,
    Key(ApiKey),
    Session(SessionId),
}

/// An answer.
pub(super) struct Seen {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Wire {
    pub(super) fn new(settings: &Settings, server: Server) -> Result<Self, Failure> {
        let roots = match &settings.ca_cert {
            None => RootCerts::WebPki,
            Some(path) => {
                let pem = fs::read(path).map_err(|error| Failure::file(path, &error))?;
                let items = ureq::tls::parse_pem(&pem).flatten();
                items
                    .filter_map(|item| if let PemItem::Certificate(one) = item { Some(one) } else { None })
                    .collect::<Vec<_>>()
                    .into()
            }
        };
        let unusable = |invalid: Invalid| Failure::usage(invalid.to_string());
        let rule = match &settings.proxy {
            Some(proxy) => ProxyRule::fixed(&proxy.value).map_err(|invalid| proxy.invalid(invalid))?,
            None => ProxyRule::environment(|name| std::env::var_os(name)),
        };
        let proxy = rule.towards(&server).map_err(unusable)?.map(|proxy| Proxy::new(proxy.expose_url()));
        let proxy = proxy.transpose().map_err(|_| Failure::usage("the proxy cannot be used"))?;
        let tls = TlsConfig::builder().provider(TlsProvider::Rustls).root_certs(roots);
        let tls = tls.unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()));
        let config = Agent::config_builder()
            .tls_config(tls.build())
            .proxy(proxy.clone())
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent("")
            .accept("")
            .accept_encoding("")
            .timeout_connect(Some(settings.timeout))
            .timeout_recv_response(Some(settings.timeout))
            .timeout_per_read(Some(settings.timeout));
        let agent = config.build().new_agent();
        Ok(Self { agent, server, proxied: proxy.is_some(), calls: Cell::new(0), busy: Cell::new(None) })
    }

    /// Sends what the endpoint sends.
    pub(super) fn ask(&self, endpoint: &impl Endpoint, speaker: &Speaker) -> Result<Seen, Failure> {
        self.send(self.request(endpoint, speaker.authorization())?)
    }

    pub(super) fn log_in(&self, endpoint: &impl Endpoint, credentials: &Credentials) -> Result<Seen, Failure> {
        self.send(self.request(endpoint, Authorization::Basic(credentials))?)
    }

    /// As [`ask`](Self::ask), with a body that is not part of the endpoint.
    pub(super) fn ask_with(
        &self,
        endpoint: &impl Endpoint,
        speaker: &Speaker,
        body: &'static [u8],
    ) -> Result<Seen, Failure> {
        self.send(self.request(endpoint, speaker.authorization())?.map(|_| Bytes::from_static(body)))
    }

    /// Asks and reads the answer; an error of the server is one here.
    pub(super) fn get<E: Endpoint>(&self, endpoint: &E, speaker: &Speaker) -> Result<E::Response, Failure> {
        let seen = self.ask(endpoint, speaker)?;
        let mut response = http::Response::new(seen.body);
        *response.status_mut() = http::StatusCode::from_u16(seen.status).unwrap_or_default();
        *response.headers_mut() = seen.headers;
        Ok(E::decode(response)?)
    }

    fn request(&self, endpoint: &impl Endpoint, authorization: Authorization<'_>) -> Result<Request<Bytes>, Failure> {
        let prepared = endpoint.prepare(&self.server).map_err(|invalid| Failure::usage(invalid.to_string()))?;
        Ok(prepared.into_request(authorization))
    }

    fn send(&self, request: Request<Bytes>) -> Result<Seen, Failure> {
        self.calls.set(self.calls.get() + 1);
        let (head, body) = request.into_parts();
        let answer = match body.is_empty() {
            true => self.agent.run(Request::from_parts(head, ())),
            false => self.agent.run(Request::from_parts(head, &body[..])),
        };
        // No URL is part of these errors; names of hosts may be, which are the user's own to see.
        let failed = |error: ureq::Error| Failure::new(Exit::Network, format!("no answer: {error}"));
        let mut answer = answer.map_err(failed)?;
        let body = answer.body_mut().with_config().limit(8 * 1024 * 1024).read_to_vec().map_err(failed)?;
        let (head, _) = answer.into_parts();
        let seen = Seen { status: head.status.as_u16(), headers: head.headers, body: body.into() };
        if seen.status == 429 {
            self.busy.set(Some(seen.header("retry-after").is_some()));
            return Err(Failure::new(
                Exit::RateLimited,
                format!("the server has had enough after {} calls", self.calls.get()),
            ));
        }
        Ok(seen)
    }

    /// Notes what was noticed in passing.
    pub(super) fn count(&self, findings: &mut Findings) {
        let calls = self.calls.get();
        findings.note(
            "Q16",
            "a limit to the number of calls",
            match self.busy.get() {
                None => format!("not met in {calls} calls"),
                Some(true) => format!("429 after {calls} calls, with Retry-After"),
                Some(false) => format!("429 after {calls} calls, without Retry-After"),
            },
        );
    }
}

impl Speaker {
    fn authorization(&self) -> Authorization<'_> {
        match self {
            Self::Nobody => Authorization::None,
            Self::Key(key) => Authorization::Key(key),
            Self::Session(id) => Authorization::Session(id),
        }
    }
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// What the body says, if it is JSON.
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// `401, code 14`, without the text, which may name somebody.
    pub(super) fn refusal(&self) -> String {
        match self.json()["code"].as_i64() {
            Some(code) => format!("{}, code {code}", self.status),
            None => format!("{}, no code", self.status),
        }
    }

    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
