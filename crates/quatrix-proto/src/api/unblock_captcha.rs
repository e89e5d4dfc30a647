//! `POST /session/unblock-captcha`, since 2020-01 `GET /session/unblock-captcha?token=` (Q7)

use bytes::Bytes;
use http::StatusCode;
use serde::{Deserialize, Serialize};

use crate::endpoint::{BodyKind, Endpoint, Prepared, Spec};
use crate::error::{Error, Invalid};
use crate::secret::CaptchaToken;
use crate::server::Server;
use crate::wire;

pub(super) static POST: Spec = Spec::post("session.unblock_captcha", "/session/unblock-captcha")
    .unauthorized_is_an_answer()
    .body_kind(BodyKind::Small)
    .statuses(&[200, 401]);
pub(super) static GET: Spec = Spec::get("session.unblock_captcha", "/session/unblock-captcha")
    .unauthorized_is_an_answer()
    .body_kind(BodyKind::Small)
    .statuses(&[200, 401]);

/// Unblocks a session with a solved captcha; takes the session id that the login came with.
///
/// `POST /session/unblock-captcha`, since 2020-01 `GET /session/unblock-captcha?token=` (Q7). 200 and 401 both carry
/// `{valid}`: a 401 means that the captcha was wrong, not that the session is lost.
///
/// [`Session::answer`](crate::Session::answer) does this and all that may follow.
///
/// ```
/// use quatrix_proto::api::UnblockCaptcha;
/// use quatrix_proto::{Authorization, Endpoint, Server, SessionId};
/// # use bytes::Bytes;
///
/// let session_id = SessionId::new("5b1c")?;
/// let request = UnblockCaptcha::new("solved")
///     .prepare(&Server::default())?
///     .into_request(Authorization::Session(&session_id));
/// assert_eq!(request.uri(), "https://api.quatrix.it/api/1.0/session/unblock-captcha");
/// assert_eq!(request.body(), r#"{"token":"solved"}"#);
///
/// # let response = http::Response::new(Bytes::from(r#"{"valid": true}"#));
/// assert!(UnblockCaptcha::decode(response)?.valid);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "sessionUnblockCaptchaPost")]
#[doc(alias = "sessionUnblockCaptchaGet")]
#[doc(alias = "UnblockCaptchaReq")]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UnblockCaptcha {
    /// What the solved captcha gave.
    pub token: CaptchaToken,
    /// Which of the two published forms is sent.
    pub method: CaptchaMethod,
}

/// The two published forms of the operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CaptchaMethod {
    /// `POST {"token": ..}`: published until 2019-12.
    #[default]
    Post,
    /// `GET ?token=..`: published since 2020-01. The token stands in a URL, which proxies like to log.
    Get,
}

/// Whether the captcha was right.
#[doc(alias = "SessionUnblockCaptchaResp")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CaptchaResponse {
    /// Whether the captcha was right.
    pub valid: bool,
}

impl UnblockCaptcha {
    /// Takes the form that was published until 2019-12, a POST.
    pub fn new(token: impl Into<CaptchaToken>) -> Self {
        Self { token: token.into(), method: CaptchaMethod::Post }
    }

    /// Sets which of the two published forms is sent.
    #[must_use]
    pub fn method(mut self, method: CaptchaMethod) -> Self {
        self.method = method;
        self
    }
}

impl Endpoint for UnblockCaptcha {
    type Response = CaptchaResponse;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        #[derive(Serialize)]
        struct Body<'a> {
            token: &'a str,
        }
        let token = self.token.expose();
        match self.method {
            CaptchaMethod::Post => wire::secret_json(&POST, server, &Body { token }),
            CaptchaMethod::Get => wire::with_values(&GET, server, &[], &[("token", token)]),
        }
    }

    fn decode(response: http::Response<Bytes>) -> Result<CaptchaResponse, Error> {
        #[derive(Deserialize)]
        struct Body {
            valid: bool,
        }
        if response.status() == StatusCode::UNAUTHORIZED {
            return Ok(CaptchaResponse { valid: false });
        }
        wire::decode(&POST, &response).map(|Body { valid }| CaptchaResponse { valid })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Authorization;

    #[test]
    fn q07_the_token_travels_in_the_body_or_in_the_query() {
        let request = |method| {
            let endpoint = UnblockCaptcha::new("a&b").method(method);
            endpoint.prepare(&Server::default()).unwrap().into_request(Authorization::None)
        };
        let (post, get) = (request(CaptchaMethod::Post), request(CaptchaMethod::Get));
        assert_eq!((post.method().as_str(), post.uri().path()), ("POST", "/api/1.0/session/unblock-captcha"));
        assert_eq!((post.uri().query(), post.body().as_ref()), (None, br#"{"token":"a&b"}"#.as_slice()));
        assert_eq!((get.method().as_str(), get.uri().query()), ("GET", Some("token=a%26b")));
        assert!(get.body().is_empty() && !get.headers().contains_key("content-length"));
    }

    #[test]
    fn a_401_means_a_wrong_captcha() {
        let answer = |status: u16, body: &'static str| {
            UnblockCaptcha::decode(
                http::Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap(),
            )
        };
        assert!(answer(200, r#"{"valid":true}"#).unwrap().valid);
        assert!(!answer(200, r#"{"valid":false}"#).unwrap().valid);
        assert!(!answer(401, r#"{"valid":false}"#).unwrap().valid);
        assert!(!answer(401, "").unwrap().valid);
        assert_eq!(answer(400, r#"{"code":11,"msg":"token"}"#).unwrap_err().code(), Some(crate::ErrorCode(11)));
        assert!(matches!(answer(200, "{}").unwrap_err(), Error::InvalidResponse(_)));
    }
}
