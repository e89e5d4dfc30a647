//! `GET /session/logout`

use bytes::Bytes;
use http::StatusCode;

use crate::endpoint::{BodyKind, Endpoint, Prepared, Spec};
use crate::error::{Error, ErrorCode, Invalid};
use crate::server::Server;
use crate::wire;

pub(super) static SPEC: Spec =
    Spec::get("session.logout", "/session/logout").unauthorized_is_an_answer().body_kind(BodyKind::Small);

/// Closes a session.
///
/// `GET /session/logout`. Only 200 is documented; the C# client takes code 70 as logged out already, and a 401 says the
/// same.
///
/// [`Session::logout`](crate::Session::logout) does this and forgets what it must.
///
/// ```
/// use quatrix_proto::api::LogOut;
/// use quatrix_proto::{Authorization, Endpoint, Server, SessionId};
/// # use bytes::Bytes;
///
/// let session_id = SessionId::new("5b1c")?;
/// let request = LogOut.prepare(&Server::default())?.into_request(Authorization::Session(&session_id));
/// assert_eq!(request.uri(), "https://api.quatrix.it/api/1.0/session/logout");
///
/// # let response = http::Response::new(Bytes::new());
/// LogOut::decode(response)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "sessionLogoutGet")]
#[derive(Clone, Copy, Debug, Default)]
pub struct LogOut;

impl Endpoint for LogOut {
    /// Nothing: the session is closed, or was already.
    type Response = ();

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        wire::plain(&SPEC, server)
    }

    fn decode(response: http::Response<Bytes>) -> Result<(), Error> {
        match wire::empty(&SPEC, &response) {
            Err(error) if error.status() == Some(StatusCode::UNAUTHORIZED) => Ok(()),
            Err(error) if error.code() == Some(ErrorCode::NOT_ALLOWED) => Ok(()),
            result => result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &'static str) -> Result<(), Error> {
        LogOut::decode(http::Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap())
    }

    #[test]
    fn logged_out_already_is_logged_out() {
        assert!(answer(200, "").is_ok());
        assert!(answer(401, "").is_ok());
        assert!(answer(400, r#"{"code":70,"msg":"not allowed"}"#).is_ok());
        assert_eq!(answer(503, "").unwrap_err().status().unwrap(), 503);
    }
}
