//! `GET /account/metadata`

use bytes::Bytes;
use serde::Deserialize;

use crate::endpoint::{Auth, Endpoint, Prepared, Spec};
use crate::error::{Error, Invalid};
use crate::lenient::{self, UnknownFields};
use crate::server::Server;
use crate::wire;

pub(super) static SPEC: Spec = Spec::get("account.metadata", "/account/metadata").auth(Auth::None).replay_safe();

/// Asks what account lives at this server; needs no login.
///
/// `GET /account/metadata`. It works without a login, which makes it the way to ask whether a host is a Quatrix account
/// at all.
///
/// A name that does not resolve, a 404 or an answer that is no JSON mean that none does (source: the C# client).
#[derive(Clone, Copy, Debug, Default)]
pub struct GetAccountMetadata;

/// What an account tells everybody.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct AccountMetadata {
    /// `A` active, `S` suspended.
    #[serde(default, deserialize_with = "lenient::text")]
    pub status: String,
    /// The name that the account shows.
    #[serde(default, deserialize_with = "lenient::text")]
    pub title: String,
    /// Such as `en_GB`.
    #[serde(default, deserialize_with = "lenient::text")]
    pub language: String,
    /// What else there was.
    #[serde(flatten)]
    pub extra: UnknownFields,
}

impl AccountMetadata {
    /// Whether nobody can log in here at the moment.
    pub fn is_suspended(&self) -> bool {
        self.status == "S"
    }
}

impl Endpoint for GetAccountMetadata {
    type Response = AccountMetadata;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        wire::plain(&SPEC, server)
    }

    fn decode(response: http::Response<Bytes>) -> Result<AccountMetadata, Error> {
        wire::decode(&SPEC, &response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_fields_are_read() {
        let body = r#"{"status":"S","title":"Acme","language":"en_GB","default_logo":true}"#;
        let metadata = GetAccountMetadata::decode(http::Response::new(Bytes::from_static(body.as_bytes()))).unwrap();
        assert!(metadata.is_suspended());
        assert_eq!((metadata.title.as_str(), metadata.language.as_str()), ("Acme", "en_GB"));
        assert_eq!(metadata.extra.json("default_logo").as_deref(), Some("true"));
    }
}
