//! Any operation, by method and path.

use bytes::Bytes;
use http::Method;

use crate::endpoint::{Endpoint, Prepared, Replay, Spec, Verb};
use crate::error::{Error, Invalid};
use crate::server::Server;
use crate::wire;

/// The path is the caller's and may hold a capability: logs show the method alone.
const fn spec(verb: Verb, name: &'static str) -> Spec {
    Spec::new(verb, name, "/..")
}

static GET: Spec = spec(Verb::Get, "raw.get");
static GET_SAFE: Spec = spec(Verb::Get, "raw.get").replay_safe();
static POST: Spec = spec(Verb::Post, "raw.post");
static POST_SAFE: Spec = spec(Verb::Post, "raw.post").replay_safe();
static PUT: Spec = spec(Verb::Put, "raw.put");
static PUT_SAFE: Spec = spec(Verb::Put, "raw.put").replay_safe();
static PATCH: Spec = spec(Verb::Patch, "raw.patch");
static PATCH_SAFE: Spec = spec(Verb::Patch, "raw.patch").replay_safe();
static DELETE: Spec = spec(Verb::Delete, "raw.delete");
static DELETE_SAFE: Spec = spec(Verb::Delete, "raw.delete").replay_safe();

/// An operation that has no type of its own here: method, path below the API base, JSON body.
///
/// The answer comes back as it is, whatever its status.
///
/// ```
/// use quatrix_proto::api::Raw;
/// use quatrix_proto::{Authorization, Endpoint, Server, SessionId};
///
/// let tags = Raw::get("/file/tags/4711").replay_safe();
/// let id = SessionId::new("5b1c")?;
/// let request = tags.prepare(&Server::default())?.into_request(Authorization::Session(&id));
/// assert_eq!(request.uri(), "https://api.quatrix.it/api/1.0/file/tags/4711");
/// assert!(Raw::get("//evil.com/").prepare(&Server::default()).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct Raw {
    method: Method,
    path: String,
    body: Bytes,
    replay: Replay,
}

impl Raw {
    /// Makes an operation of a method (`GET`, `POST`, `PUT`, `PATCH`, `DELETE`) and path, query included.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: Bytes::new(), replay: Replay::Never }
    }

    /// Makes a GET.
    ///
    /// It is not taken to be safe to repeat: several GETs of this API change something.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// Makes a POST with a JSON body, as text.
    pub fn post(path: impl Into<String>, json: impl Into<Bytes>) -> Self {
        Self::new(Method::POST, path).with_body(json)
    }

    /// Sends this as the JSON body.
    #[must_use]
    pub fn with_body(mut self, json: impl Into<Bytes>) -> Self {
        self.body = json.into();
        self
    }

    /// Says that a second time changes nothing, so that the session may repeat it after a failure.
    #[must_use]
    pub fn replay_safe(mut self) -> Self {
        self.replay = Replay::Safe;
        self
    }

    fn spec(&self) -> Option<&'static Spec> {
        let safe = self.replay == Replay::Safe;
        let pick = |once: &'static Spec, again: &'static Spec| Some(if safe { again } else { once });
        match self.method {
            Method::GET => pick(&GET, &GET_SAFE),
            Method::POST => pick(&POST, &POST_SAFE),
            Method::PUT => pick(&PUT, &PUT_SAFE),
            Method::PATCH => pick(&PATCH, &PATCH_SAFE),
            Method::DELETE => pick(&DELETE, &DELETE_SAFE),
            _ => None,
        }
    }
}

impl Endpoint for Raw {
    type Response = http::Response<Bytes>;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        let spec = self.spec().ok_or_else(|| Invalid::new("method", "is not GET, POST, PUT, PATCH or DELETE"))?;
        let prepared = wire::verbatim(spec, server, &self.path)?;
        Ok(if self.body.is_empty() { prepared } else { prepared.json(self.body.clone()) })
    }

    fn decode(response: http::Response<Bytes>) -> Result<http::Response<Bytes>, Error> {
        Ok(response)
    }
}

impl std::fmt::Debug for Raw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Raw").field("method", &self.method).field("replay", &self.replay).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Authorization;

    #[test]
    fn only_a_plain_path_is_taken() {
        let refused = |path: &str| Raw::get(path).prepare(&Server::default()).unwrap_err().to_string();
        assert_eq!(refused("profile"), "path starts with one slash");
        assert_eq!(refused("//evil.com/x"), "path starts with one slash");
        assert_eq!(refused("https://evil.com/"), "path starts with one slash");
        assert_eq!(refused("/a/../../b"), "path has a dotted segment");
        assert_eq!(refused("/a/%2e%2E/b"), "path has a dotted segment");
        assert_eq!(refused("/a#b"), "path has a character that must be percent-encoded");
        assert_eq!(refused("/a b"), "path has a character that must be percent-encoded");
        assert_eq!(refused("/a\\b"), "path has a character that must be percent-encoded");
        assert_eq!(refused("/\u{e4}"), "path has a character that must be percent-encoded");
        assert_eq!(refused("/a\r\nX: 1"), "path has a character that must be percent-encoded");
        let trace = Raw::new(Method::TRACE, "/a").prepare(&Server::default()).unwrap_err();
        assert_eq!(trace.to_string(), "method is not GET, POST, PUT, PATCH or DELETE");
    }

    #[test]
    fn the_trailing_slashes_of_the_api_are_kept() {
        let request = Raw::get("/tracking/?date=2026").prepare(&Server::default()).unwrap();
        let request = request.into_request(Authorization::None);
        assert_eq!(request.uri(), "https://api.quatrix.it/api/1.0/tracking/?date=2026");
    }

    #[test]
    fn repeating_is_the_callers_word_not_the_methods() {
        let replay = |raw: Raw| raw.prepare(&Server::default()).unwrap().spec().replay();
        assert_eq!(replay(Raw::get("/contact/upgrade/1")), Replay::Never);
        assert_eq!(replay(Raw::get("/contact").replay_safe()), Replay::Safe);
    }

    #[test]
    fn debug_hides_path_and_body() {
        let raw = Raw::post("/upload/finalize/canary", "{\"code\":\"canary\"}");
        let prepared = raw.prepare(&Server::default()).unwrap();
        assert!(!format!("{raw:?} {prepared:?}").contains("canary"));
    }
}
