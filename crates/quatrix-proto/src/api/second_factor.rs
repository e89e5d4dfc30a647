//! `POST /session/login`

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Serialize;

use crate::api::log_in::{answered_id, second_factor};
use crate::challenge::Factor;
use crate::endpoint::{BodyKind, Endpoint, Prepared, Spec};
use crate::error::{Error, Invalid};
use crate::secret::{Code, SessionId};
use crate::server::Server;
use crate::wire;

pub(super) static SPEC: Spec = Spec::post("session.second_factor", "/session/login")
    .unauthorized_is_an_answer()
    .body_kind(BodyKind::Small)
    .statuses(&[200, 207]);

/// Answers the second factor; takes the partial session id of the login.
///
/// `POST /session/login`. The answer may bring another session id (Q4), or ask for yet another factor (207); 401 with
/// code 83 or 84 means a wrong code or PIN.
///
/// [`Session::answer`](crate::Session::answer) does this and all that may follow.
///
/// ```
/// use quatrix_proto::api::SecondFactor;
/// use quatrix_proto::{Authorization, Endpoint, Server, SessionId};
///
/// let partial = SessionId::new("5b1c")?; // of the login's answer
/// let request = SecondFactor::totp("654321")
///     .prepare(&Server::default())?
///     .into_request(Authorization::Session(&partial));
/// assert_eq!(request.uri(), "https://api.quatrix.it/api/1.0/session/login");
/// assert_eq!(request.headers()["x-auth-token"], "5b1c");
/// assert_eq!(request.body(), r#"{"auth_type":"2FA","code":"654321"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "sessionLoginPost")]
#[doc(alias = "SessionLoginPostResp")]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SecondFactor {
    /// Kind of the second factor that is answered.
    pub factor: Factor,
    /// The code or PIN, as the user typed it.
    pub code: Code,
    /// How the code is written into the request.
    pub encoding: CodeEncoding,
}

/// How a code is written into the request (Q2).
///
/// A code is never tried in another form by itself: a wrong try may count towards a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodeEncoding {
    /// As it is: every spec since 2018-06-21.
    #[default]
    Plain,
    /// Base64 of its UTF-8: the spec of 2018-06-13.
    Base64,
    /// Base64 for a PIN, plain for an authenticator code: the C# client of 2018-02.
    PinInBase64,
}

/// What a second factor was granted.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SecondFactorResponse {
    /// The id to go on with. `None`: the one that was sent.
    pub session_id: Option<SessionId>,
    /// Another factor that is due (207). `None`: logged in (200).
    pub second_factor: Option<Factor>,
}

impl SecondFactor {
    /// Answers a factor with its code, sent as plain text.
    pub fn new(factor: Factor, code: impl Into<Code>) -> Self {
        Self { factor, code: code.into(), encoding: CodeEncoding::Plain }
    }

    /// Answers with the code of an authenticator.
    pub fn totp(code: impl Into<Code>) -> Self {
        Self::new(Factor::Totp, code)
    }

    /// Answers with a PIN.
    pub fn pin(pin: impl Into<Code>) -> Self {
        Self::new(Factor::Pin, pin)
    }

    /// Sets how the code is written into the request.
    #[must_use]
    pub fn encoding(mut self, encoding: CodeEncoding) -> Self {
        self.encoding = encoding;
        self
    }
}

impl Endpoint for SecondFactor {
    type Response = SecondFactorResponse;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        #[derive(Serialize)]
        struct Body<'a> {
            auth_type: &'static str,
            code: &'a str,
        }
        let auth_type = self.factor.auth_type();
        let in_base64 = match self.encoding {
            CodeEncoding::Plain => false,
            CodeEncoding::Base64 => true,
            CodeEncoding::PinInBase64 => self.factor == Factor::Pin,
        };
        let encoded = in_base64.then(|| zeroize::Zeroizing::new(STANDARD.encode(self.code.expose())));
        let code = match &encoded {
            Some(encoded) => encoded.as_str(),
            None => self.code.expose(),
        };
        wire::secret_json(&SPEC, server, &Body { auth_type, code })
    }

    fn decode(response: http::Response<Bytes>) -> Result<SecondFactorResponse, Error> {
        wire::empty(&SPEC, &response)?;
        Ok(SecondFactorResponse { session_id: answered_id(&SPEC, &response)?, second_factor: second_factor(&response) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Authorization;

    fn body(answer: &SecondFactor) -> String {
        let request = answer.prepare(&Server::default()).unwrap().into_request(Authorization::None);
        assert_eq!(request.headers()["content-length"], request.body().len().to_string());
        String::from_utf8(request.body().to_vec()).unwrap()
    }

    #[test]
    fn q02_codes_are_plain_or_base64_by_setting() {
        let with = |answer: SecondFactor, encoding| body(&answer.encoding(encoding));
        let totp = || SecondFactor::totp("654321");
        let pin = || SecondFactor::pin("12345");
        assert_eq!(body(&totp()), r#"{"auth_type":"2FA","code":"654321"}"#);
        assert_eq!(with(totp(), CodeEncoding::Base64), r#"{"auth_type":"2FA","code":"NjU0MzIx"}"#);
        assert_eq!(with(totp(), CodeEncoding::PinInBase64), r#"{"auth_type":"2FA","code":"654321"}"#);
        assert_eq!(body(&pin()), r#"{"auth_type":"PIN","code":"12345"}"#);
        assert_eq!(with(pin(), CodeEncoding::Base64), r#"{"auth_type":"PIN","code":"MTIzNDU="}"#);
        assert_eq!(with(pin(), CodeEncoding::PinInBase64), r#"{"auth_type":"PIN","code":"MTIzNDU="}"#);
    }

    #[test]
    fn q03_the_body_is_flat() {
        assert!(!body(&SecondFactor::totp("1")).contains("value"));
    }

    #[test]
    fn q04_an_answer_without_an_id_keeps_the_one_that_was_sent() {
        let decode =
            |body: &'static str| SecondFactor::decode(http::Response::new(Bytes::from_static(body.as_bytes())));
        assert!(decode("").unwrap().session_id.is_none());
        assert!(decode("{}").unwrap().session_id.is_none());
        assert_eq!(decode(r#"{"session_id":"new"}"#).unwrap().session_id.unwrap().expose(), "new");
    }

    #[test]
    fn a_wrong_code_is_the_servers_error() {
        let response = http::Response::builder().status(401);
        let response = response.body(Bytes::from_static(br#"{"code":83,"msg":"Wrong code"}"#)).unwrap();
        let error = SecondFactor::decode(response).unwrap_err();
        assert_eq!(error.code(), Some(crate::ErrorCode::WRONG_CODE));
    }
}
