//! `GET /session/login`

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;

use crate::challenge::Factor;
use crate::endpoint::{Auth, BodyKind, Endpoint, Prepared, Spec};
use crate::error::{Error, Invalid, InvalidResponse, InvalidResponseKind};
use crate::secret::SessionId;
use crate::server::Server;
use crate::wire;

pub(crate) static SPEC: Spec = Spec::get("session.login", "/session/login")
    .auth(Auth::Basic)
    .unauthorized_is_an_answer()
    .body_kind(BodyKind::Small)
    .statuses(&[200, 207]);

/// Logs in with user and password; takes [`Authorization::Basic`](crate::Authorization::Basic).
///
/// `GET /session/login`: 200 grants a session; 207 grants a partial one and names the second factor in `Mfa-Code`; 401
/// refuses.
///
/// [`Session::login`](crate::Session::login) does this and all that may follow.
///
/// ```
/// use quatrix_proto::api::LogIn;
/// use quatrix_proto::{Authorization, Credentials, Endpoint, Server};
/// # use bytes::Bytes;
///
/// let credentials = Credentials::new("test@example.com", "qwerty")?;
/// let request = LogIn.prepare(&Server::default())?.into_request(Authorization::Basic(&credentials));
/// assert_eq!(request.uri(), "https://api.quatrix.it/api/1.0/session/login");
/// assert_eq!(request.headers()["authorization"], "Basic dGVzdEBleGFtcGxlLmNvbTpxd2VydHk=");
///
/// # let response = http::Response::new(Bytes::from(r#"{"session_id": "5b1c"}"#));
/// let data = LogIn::decode(response)?; // the answer of your HTTP client
/// assert_eq!(data.session_id.expose(), "5b1c");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "sessionLoginGet")]
#[derive(Clone, Copy, Debug, Default)]
pub struct LogIn;

/// What a login was granted.
#[doc(alias = "SessionLoginResp")]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoginResponse {
    /// The session, or the partial session that the second factor needs.
    pub session_id: SessionId,
    /// The second factor that is due (207). `None`: logged in (200).
    pub second_factor: Option<Factor>,
}

impl Endpoint for LogIn {
    type Response = LoginResponse;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        wire::plain(&SPEC, server)
    }

    fn decode(response: http::Response<Bytes>) -> Result<LoginResponse, Error> {
        wire::empty(&SPEC, &response)?;
        match answered_id(&SPEC, &response)? {
            Some(session_id) => Ok(LoginResponse { session_id, second_factor: second_factor(&response) }),
            None => Err(InvalidResponse::new(SPEC.name, response.status(), InvalidResponseKind::NoSessionId).into()),
        }
    }
}

/// The factor that a 207 names.
pub(crate) fn second_factor(response: &http::Response<Bytes>) -> Option<Factor> {
    let partial = response.status() == StatusCode::MULTI_STATUS;
    partial.then(|| Factor::from_mfa_code(mfa_code(response)))
}

/// The number in the `Mfa-Code` header, of an answer with any status.
pub(crate) fn mfa_code(response: &http::Response<Bytes>) -> Option<i64> {
    response.headers().get("mfa-code")?.to_str().ok()?.trim().parse().ok()
}

/// The session id of an answer: in the body by every spec, in an `X-Auth-Token` header by the early documentation of
/// API 1.0 (Q5).
pub(crate) fn answered_id(spec: &'static Spec, response: &http::Response<Bytes>) -> Result<Option<SessionId>, Error> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(default)]
        session_id: Option<SessionId>,
    }
    let in_body = match response.body().is_empty() {
        true => None,
        false => wire::body::<Body>(spec, response)?.session_id,
    };
    Ok(in_body.or_else(|| {
        let header = response.headers().get("x-auth-token")?;
        SessionId::new(header.to_str().ok()?).ok()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Authorization;
    use crate::secret::SessionId;

    fn answer(status: u16, headers: &[(&str, &str)], body: &'static str) -> Result<(String, Option<Factor>), String> {
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        match LogIn::decode(response.body(Bytes::from_static(body.as_bytes())).unwrap()) {
            Ok(granted) => Ok((granted.session_id.expose().to_owned(), granted.second_factor)),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn the_request_is_the_published_one() {
        let credentials = crate::Credentials::new("test@example.com", "qwerty").unwrap();
        let request = LogIn.prepare(&Server::default()).unwrap().into_request(Authorization::Basic(&credentials));
        assert_eq!(request.method(), "GET");
        assert_eq!(request.uri(), "https://api.quatrix.it/api/1.0/session/login");
        let mut headers: Vec<_> = request.headers().iter().map(|(n, v)| (n.as_str(), v.to_str().unwrap())).collect();
        headers.sort_unstable();
        assert_eq!(
            headers,
            [
                ("accept", "application/json"),
                ("accept-encoding", "identity"),
                ("authorization", "Basic dGVzdEBleGFtcGxlLmNvbTpxd2VydHk="),
                ("content-type", "application/json"),
                ("user-agent", "quatrix-rs/0.1.0"),
            ]
        );
        assert!(request.body().is_empty());
    }

    #[test]
    fn a_prefix_stands_before_the_session_id() {
        let server = Server::default().with_token_prefix("Token").unwrap();
        let id = SessionId::new("abc").unwrap();
        let request = crate::api::KeepAlive.prepare(&server).unwrap().into_request(Authorization::Session(&id));
        assert_eq!(request.headers()["x-auth-token"], "Token abc");
    }

    #[test]
    fn q01_every_kind_of_second_factor_is_reported() {
        let factor = |code: &'static str| answer(207, &[("MFA-CODE", code)], r#"{"session_id":"a"}"#).unwrap().1;
        assert_eq!(factor("71"), Some(Factor::Totp));
        assert_eq!(factor("73"), Some(Factor::Pin));
        assert_eq!(factor("61"), Some(Factor::Other(61)));
        assert_eq!(factor("x"), Some(Factor::Unnamed));
        assert_eq!(answer(207, &[], r#"{"session_id":"a"}"#).unwrap().1, Some(Factor::Unnamed));
        assert_eq!(answer(200, &[("Mfa-Code", "71")], r#"{"session_id":"a"}"#).unwrap().1, None);
    }

    #[test]
    fn q05_the_id_is_read_from_the_body_then_from_the_header() {
        let header = [("X-Auth-Token", "from-header")];
        assert_eq!(answer(200, &header, r#"{"session_id":"from-body"}"#).unwrap().0, "from-body");
        assert_eq!(answer(200, &header, r#"{"account_id":null}"#).unwrap().0, "from-header");
        assert_eq!(answer(200, &header, "").unwrap().0, "from-header");
        assert_eq!(answer(200, &header, r#"{"session_id":null}"#).unwrap().0, "from-header");
    }

    #[test]
    fn m22_a_success_without_a_usable_id_is_nonsense() {
        let invalid_response = |body| answer(200, &[], body).unwrap_err();
        let says = |what: &str| format!("session.login: invalid response (status 200): {what}");
        assert_eq!(invalid_response("{}"), says("no usable session id"));
        assert_eq!(
            invalid_response(r#"{"session_id":"a","session_id":"b"}"#),
            says("field session_id is missing or duplicated")
        );
        assert_eq!(invalid_response(r#"{"session_id":7}"#), says("field session_id has an invalid value"));
        assert_eq!(invalid_response(r#"{"session_id":"ca nary"}"#), says("field session_id has an invalid value"));
        assert_eq!(invalid_response(r#"{"session_id":"#), says("body is not JSON at line 1, column 14"));
    }
}
