//! Responses: JSON, empty, and the error model.

use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;
use serde_json::{Value, json};

use crate::body::Body;
use crate::settings::Refused;

/// `Mfa-Code` and error code of a required captcha: assumed, because it is the unused number between 71 and 73.
pub(crate) const CAPTCHA_CODE: i64 = 72;

/// Returns a JSON response.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    // Only maps with keys that are not text fail to serialize, and no response has one.
    let text = serde_json::to_vec(value).unwrap_or_default();
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Returns a 200 with JSON.
pub(crate) fn ok(value: &impl Serialize) -> Response<Body> {
    json(StatusCode::OK, value)
}

/// Returns a 200 without a body.
pub(crate) fn empty() -> Response<Body> {
    Response::new(Body::default())
}

/// Rejection of a request, sent as the error model `{code, msg, details}`.
#[derive(Clone, Debug)]
pub(crate) struct ErrorResponse {
    status: u16,
    model: Value,
    header: Option<(&'static str, HeaderValue)>,
}

impl ErrorResponse {
    pub(crate) fn new(status: u16, code: i64, message: impl Into<String>) -> Self {
        Self { status, model: json!({ "code": code, "msg": message.into() }), header: None }
    }

    pub(crate) fn from_setting(refused: Refused, message: impl Into<String>) -> Self {
        Self::new(refused.status, refused.code, message)
    }

    pub(crate) fn no_captcha() -> Self {
        Self::new(401, CAPTCHA_CODE, "not allowed without captcha")
    }

    /// A value that this operation does not accept.
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(400, 10, message)
    }

    pub(crate) fn missing(name: &str) -> Self {
        Self::new(400, 11, format!("missing parameter: {name}"))
    }

    /// An item, key or link that does not exist.
    pub(crate) fn not_found() -> Self {
        Self::new(404, 20, "not found")
    }

    pub(crate) fn exists() -> Self {
        Self::new(400, 30, "object exists: an item has this name")
    }

    pub(crate) fn expired() -> Self {
        Self::new(404, 60, "expired")
    }

    pub(crate) fn over_quota() -> Self {
        Self::new(400, 122, "quota exceeded")
    }

    pub(crate) fn unknown_path() -> Self {
        Self::new(404, 20, "not found: unknown operation")
    }

    pub(crate) fn not_emulated(operation: &str) -> Self {
        Self {
            header: Some(("x-quatrix-emulator", HeaderValue::from_static("not-emulated"))),
            ..Self::new(404, 21, "not supported: this operation is not emulated")
                .with("details", json!({ "operation": operation }))
        }
    }

    pub(crate) fn wrong_method(allowed: &[&str]) -> Self {
        let allowed = HeaderValue::from_str(&allowed.join(", ")).ok();
        Self {
            header: allowed.map(|allowed| (ALLOW.as_str(), allowed)),
            ..Self::new(405, 21, "not supported: use another method, see Allow")
        }
    }

    /// More calls than the rate limit allows, with the seconds to wait if configured.
    pub(crate) fn too_many(wait: Option<u64>) -> Self {
        Self { header: wait.map(|wait| ("retry-after", wait.into())), ..Self::new(429, -1, "too many requests") }
    }

    /// Adds a field to the error model.
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.model[name] = value.into();
        self
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = json(status, &self.model);
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}
