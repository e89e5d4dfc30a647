//! `GET /session/keepalive`

use bytes::Bytes;

use crate::endpoint::{BodyKind, Endpoint, Prepared, Spec};
use crate::error::{Error, Invalid};
use crate::server::Server;
use crate::wire;

pub(crate) static SPEC: Spec =
    Spec::get("session.keepalive", "/session/keepalive").body_kind(BodyKind::Small).replay_safe();

/// Refreshes the expiration time of a session, which ends after 15 minutes without a call.
///
/// `GET /session/keepalive`: 200 without a body, or 401. Any call keeps a session alive; this one does nothing else.
///
/// [`Session::run_keepalive`](crate::Session::run_keepalive) sends it when it is due.
///
/// ```
/// use quatrix_proto::api::KeepAlive;
/// use quatrix_proto::{Authorization, Endpoint, Server, SessionId};
/// # use bytes::Bytes;
///
/// let session_id = SessionId::new("5b1c")?;
/// let request = KeepAlive.prepare(&Server::default())?.into_request(Authorization::Session(&session_id));
/// assert_eq!(request.uri(), "https://api.quatrix.it/api/1.0/session/keepalive");
/// assert_eq!(request.headers()["x-auth-token"], "5b1c");
///
/// # let response = http::Response::new(Bytes::new());
/// KeepAlive::decode(response)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "sessionKeepaliveGet")]
#[derive(Clone, Copy, Debug, Default)]
pub struct KeepAlive;

impl Endpoint for KeepAlive {
    type Response = ();

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        wire::plain(&SPEC, server)
    }

    fn decode(response: http::Response<Bytes>) -> Result<(), Error> {
        wire::empty(&SPEC, &response)
    }
}
