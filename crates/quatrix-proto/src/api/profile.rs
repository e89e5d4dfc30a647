//! `GET /profile`

use bytes::Bytes;
use serde::Deserialize;

use crate::endpoint::{Endpoint, Prepared, Spec};
use crate::error::{Error, Invalid};
use crate::id::{FileId, UserId};
use crate::lenient::{self, UnknownFields};
use crate::server::Server;
use crate::wire;

pub(super) static SPEC: Spec = Spec::get("profile.get", "/profile").replay_safe();

/// Asks who is logged in.
///
/// `GET /profile`.
#[derive(Clone, Copy, Debug, Default)]
pub struct GetProfile;

/// The user of a session.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Profile {
    /// The user's id.
    #[serde(default, deserialize_with = "lenient::id")]
    pub id: Option<UserId>,
    /// The name that others see.
    #[serde(default, deserialize_with = "lenient::text")]
    pub name: String,
    /// The address that logs in.
    #[serde(default, deserialize_with = "lenient::text")]
    pub email: String,
    /// The id of the user's root folder. A contact has none.
    #[serde(default, deserialize_with = "lenient::id")]
    pub home_id: Option<FileId>,
    /// Bytes that one file may have; `None`: no limit of its own.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub max_file_size: Option<i64>,
    /// Bytes that the user may store; -1: the account's limit applies.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub quota: Option<i64>,
    /// Whether this is a contact, who has no file area. The C# client logs contacts out; here the caller decides.
    #[serde(default, deserialize_with = "lenient::flag")]
    pub is_contact: Option<bool>,
    /// Such as `en_GB`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub language: String,
    /// What else there was.
    #[serde(flatten)]
    pub extra: UnknownFields,
}

impl Endpoint for GetProfile {
    type Response = Profile;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        wire::plain(&SPEC, server)
    }

    fn decode(response: http::Response<Bytes>) -> Result<Profile, Error> {
        wire::decode(&SPEC, &response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_may_be_null_or_in_quotes() {
        let body = r#"{"id":"u1","name":"Me","email":"me@acme.com","home_id":"h1","max_file_size":null,"quota":"-1",
            "is_contact":false,"language":"en_GB","plan":"business"}"#;
        let profile = GetProfile::decode(http::Response::new(Bytes::from_static(body.as_bytes()))).unwrap();
        assert_eq!((profile.id, profile.home_id), ("u1".parse().ok(), "h1".parse().ok()));
        assert_eq!(profile.name, "Me");
        assert_eq!((profile.max_file_size, profile.quota, profile.is_contact), (None, Some(-1), Some(false)));
        assert_eq!(profile.extra.text("plan"), Some("business"));
    }
}
