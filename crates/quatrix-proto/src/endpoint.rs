//! What one operation of the API is: its [`Spec`], its request, and how its answer is read.

use std::ops::Range;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};

use crate::content_range::Wanted;
use crate::credentials::Credentials;
use crate::error::{Error, Invalid};
use crate::secret::{ApiKey, SessionId};
use crate::server::Server;

pub(crate) const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const ANY: HeaderValue = HeaderValue::from_static("*/*");
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");
/// What the core calls itself where nobody else has.
pub(crate) const DEFAULT_USER_AGENT: HeaderValue =
    HeaderValue::from_static(concat!("quatrix-rs/", env!("CARGO_PKG_VERSION")));

/// One operation of the API: a request and the answer that belongs to it.
///
/// An endpoint is a plain value. It works without a [`Session`](crate::Session): prepare it, add an
/// [`Authorization`], send the request with any HTTP client, decode what comes back.
///
/// ```
/// use quatrix_proto::api::GetAccountMetadata;
/// use quatrix_proto::{Authorization, Endpoint, Server};
///
/// let request = GetAccountMetadata.prepare(&Server::account("acme")?)?.into_request(Authorization::None);
/// assert_eq!(request.uri(), "https://acme.quatrix.it/api/1.0/account/metadata");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Endpoint {
    /// What a good answer holds.
    type Response;

    /// Writes the request, all but the authorization.
    ///
    /// # Errors
    /// [`Invalid`] if a value cannot be sent; the message names it.
    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid>;

    /// Reads the answer.
    ///
    /// # Errors
    /// [`Error::Api`] if the server said no, [`Error::InvalidResponse`] if the answer cannot be understood.
    fn decode(response: http::Response<Bytes>) -> Result<Self::Response, Error>;
}

/// What is known of an operation before any value is: the same for every call of it.
#[derive(Debug)]
pub struct Spec {
    pub(crate) name: &'static str,
    pub(crate) verb: Verb,
    pub(crate) path: &'static str,
    pub(crate) base: BaseKind,
    pub(crate) auth: Auth,
    pub(crate) unauthorized: Unauthorized,
    pub(crate) replay: Replay,
    pub(crate) body_kind: BodyKind,
    pub(crate) statuses: &'static [u16],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// Which base the path is under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BaseKind {
    Api,
    Files,
}

/// Which authentication an operation takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Auth {
    /// None: it works before a login, and touches no session.
    None,
    /// User and password; only the login itself.
    Basic,
    /// The session id, or an API key in its stead.
    Session,
}

/// What a 401 to an operation says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unauthorized {
    /// Perhaps that the session has ended.
    MayMeanExpiry,
    /// Something about this very request: a wrong code, a wrong captcha.
    IsAnAnswer,
}

/// Whether an operation may be sent again when it may have been carried out already.
///
/// The HTTP method does not say so: logout, revoke and finalize are GETs in this API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Replay {
    /// A second time changes nothing.
    Safe,
    /// A second time may do it twice.
    Never,
}

/// How large an answer is let through, and as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    /// A session answer: tiny.
    Small,
    /// JSON of any operation.
    Json,
    /// Bytes for the caller's sink; only a refusal is kept.
    Stream,
}

impl Spec {
    pub(crate) const fn get(name: &'static str, path: &'static str) -> Self {
        Self::new(Verb::Get, name, path)
    }

    pub(crate) const fn post(name: &'static str, path: &'static str) -> Self {
        Self::new(Verb::Post, name, path)
    }

    /// The usual case: a JSON operation of the session, not to be repeated.
    pub(crate) const fn new(verb: Verb, name: &'static str, path: &'static str) -> Self {
        Self {
            name,
            verb,
            path,
            base: BaseKind::Api,
            auth: Auth::Session,
            unauthorized: Unauthorized::MayMeanExpiry,
            replay: Replay::Never,
            body_kind: BodyKind::Json,
            statuses: &[200],
        }
    }

    pub(crate) const fn auth(mut self, auth: Auth) -> Self {
        self.auth = auth;
        self
    }

    pub(crate) const fn files_base(mut self) -> Self {
        self.base = BaseKind::Files;
        self
    }

    pub(crate) const fn unauthorized_is_an_answer(mut self) -> Self {
        self.unauthorized = Unauthorized::IsAnAnswer;
        self
    }

    pub(crate) const fn replay_safe(mut self) -> Self {
        self.replay = Replay::Safe;
        self
    }

    pub(crate) const fn body_kind(mut self, body_kind: BodyKind) -> Self {
        self.body_kind = body_kind;
        self
    }

    /// The statuses of success, where they are others than 200 alone.
    pub(crate) const fn statuses(mut self, statuses: &'static [u16]) -> Self {
        self.statuses = statuses;
        self
    }

    /// The name that logs show, such as `session.keepalive`.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The HTTP method.
    pub const fn method(&self) -> Method {
        match self.verb {
            Verb::Get => Method::GET,
            Verb::Post => Method::POST,
            Verb::Put => Method::PUT,
            Verb::Patch => Method::PATCH,
            Verb::Delete => Method::DELETE,
        }
    }

    /// The path below its base with names for values, such as `/file/metadata/{id}`.
    ///
    /// It holds no secret.
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// Whether the path is below the base of file uploads instead of the API's.
    pub const fn is_below_files_base(&self) -> bool {
        matches!(self.base, BaseKind::Files)
    }

    /// Which authentication it takes.
    pub const fn authentication(&self) -> Auth {
        self.auth
    }

    /// Whether it may be sent again when it may have been carried out already.
    pub const fn replay(&self) -> Replay {
        self.replay
    }

    /// The statuses of success.
    pub const fn success(&self) -> &'static [u16] {
        self.statuses
    }
}

/// A request that lacks only its authorization.
///
/// The session keeps it while a call lasts, so that it can be sent again; cloning copies no bytes.
#[derive(Clone)]
pub struct Prepared {
    pub(crate) spec: &'static Spec,
    server: Server,
    target: PathAndQuery,
    body: Payload,
    sink: Wanted,
    extra: Vec<(HeaderName, HeaderValue)>,
}

/// What a request carries.
#[derive(Clone)]
enum Payload {
    None,
    Json(Bytes),
    /// Bytes that the caller holds; the driver reads them while it sends.
    Source(Range<u64>),
}

/// Who sends a request.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Authorization<'a> {
    /// Nobody in particular.
    None,
    /// A user with a password, for [`LogIn`](crate::api::LogIn).
    Basic(&'a Credentials),
    /// A session, whole or partial.
    Session(&'a SessionId),
    /// The holder of an API key.
    Key(&'a ApiKey),
}

impl Prepared {
    pub(crate) fn new(spec: &'static Spec, server: &Server, target: PathAndQuery) -> Self {
        Self { spec, server: server.clone(), target, body: Payload::None, sink: Wanted::default(), extra: Vec::new() }
    }

    pub(crate) fn json(mut self, body: impl Into<Bytes>) -> Self {
        self.body = Payload::Json(body.into());
        self
    }

    pub(crate) fn source(mut self, range: Range<u64>) -> Self {
        self.body = Payload::Source(range);
        self
    }

    /// Says what the sink of a streamed answer still lacks.
    pub(crate) fn sink(mut self, wanted: Wanted) -> Self {
        self.sink = wanted;
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.extra.push((name, value));
        self
    }

    /// What is known of the operation.
    pub fn spec(&self) -> &'static Spec {
        self.spec
    }

    pub(crate) fn wanted(&self) -> Wanted {
        self.sink
    }

    /// Which bytes of the caller's source are the body, if it is not in the request itself.
    pub fn source_range(&self) -> Option<Range<u64>> {
        match &self.body {
            Payload::Source(range) => Some(range.clone()),
            Payload::None | Payload::Json(_) => None,
        }
    }

    /// The whole request: every header but `Host`, which belongs to the transport.
    pub fn into_request(self, authorization: Authorization<'_>) -> Request<Bytes> {
        let authorization = match authorization {
            Authorization::None => None,
            Authorization::Basic(credentials) => Some((AUTHORIZATION, credentials.header())),
            Authorization::Session(id) => Some((X_AUTH_TOKEN, id.header(self.server.token_prefix()))),
            Authorization::Key(key) => Some((AUTHORIZATION, key.header(Some("Bearer")))),
        };
        self.build(authorization, &DEFAULT_USER_AGENT, &[])
    }

    /// The session's form of [`Prepared::into_request`]: the authorization comes as a ready header, and the request
    /// can be made again.
    pub(crate) fn request(
        &self,
        authorization: Option<(HeaderName, HeaderValue)>,
        user_agent: &HeaderValue,
        extra: &[(HeaderName, HeaderValue)],
    ) -> Request<Bytes> {
        self.clone().build(authorization, user_agent, extra)
    }

    fn build(
        self,
        authorization: Option<(HeaderName, HeaderValue)>,
        user_agent: &HeaderValue,
        extra: &[(HeaderName, HeaderValue)],
    ) -> Request<Bytes> {
        let (content_type, length, body) = match self.body {
            Payload::None => (JSON, (self.spec.verb != Verb::Get).then_some(0), Bytes::new()),
            Payload::Json(body) => (JSON, Some(body.len() as u64), body),
            Payload::Source(range) => (BYTES, Some(range.end - range.start), Bytes::new()),
        };
        let accept = if self.spec.body_kind == BodyKind::Stream { ANY } else { JSON };

        let mut headers = HeaderMap::with_capacity(6 + self.extra.len() + extra.len());
        headers.insert(CONTENT_TYPE, content_type);
        headers.insert(ACCEPT, accept);
        headers.insert(ACCEPT_ENCODING, IDENTITY);
        headers.insert(USER_AGENT, user_agent.clone());
        for (name, value) in extra.iter().cloned().chain(self.extra) {
            headers.insert(name, value);
        }
        if let Some(length) = length {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        if let Some((name, value)) = authorization {
            headers.insert(name, value);
        }

        let base = match self.spec.base {
            BaseKind::Api => self.server.api(),
            BaseKind::Files => self.server.files(),
        };
        let mut parts = http::uri::Parts::default();
        parts.scheme = Some(base.scheme.clone());
        parts.authority = Some(base.authority.clone());
        parts.path_and_query = Some(self.target);

        let mut request = Request::new(body);
        *request.method_mut() = self.spec.method();
        *request.uri_mut() = Uri::from_parts(parts).expect("scheme, authority and path are all there");
        *request.headers_mut() = headers;
        request
    }
}

/// The path may hold an upload key or a download link, the body a code: neither is shown.
impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared")
            .field("endpoint", &self.spec.name)
            .field("server", &self.server)
            .field("source", &self.source_range())
            .finish_non_exhaustive()
    }
}
