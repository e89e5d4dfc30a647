//! `GET /profile/info`

use bytes::Bytes;
use serde::Deserialize;

use crate::endpoint::{Endpoint, Prepared, Spec};
use crate::error::{Error, Invalid};
use crate::lenient;
use crate::server::Server;
use crate::wire;

pub(super) static SPEC: Spec = Spec::get("profile.info", "/profile/info").replay_safe();

/// Asks how much the user and the account store, and may store.
///
/// `GET /profile/info`.
#[doc(alias = "profileInfoGet")]
#[derive(Clone, Copy, Debug, Default)]
pub struct GetProfileInfo;

/// How much the user and the account store, and may store, in bytes.
#[doc(alias = "ProfileInfoResp")]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ProfileInfo {
    /// What the user stores.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub user_used: Option<u64>,
    /// What the user may store; -1: the account's limit applies.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub user_limit: Option<i64>,
    /// What all users of the account store.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub acc_used: Option<u64>,
    /// What all users of the account may store.
    #[serde(default, deserialize_with = "lenient::integer")]
    pub acc_limit: Option<i64>,
}

impl Endpoint for GetProfileInfo {
    type Response = ProfileInfo;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        wire::plain(&SPEC, server)
    }

    fn decode(response: http::Response<Bytes>) -> Result<ProfileInfo, Error> {
        wire::decode(&SPEC, &response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::known::{answer, sent};

    #[test]
    fn the_published_fields_are_read() {
        assert_eq!(sent(&GetProfileInfo).0, "GET /api/1.0/profile/info");
        let json = r#"{"user_used":3,"user_limit":-1,"acc_used":"50","acc_limit":null}"#;
        let info = ProfileInfo { user_used: Some(3), user_limit: Some(-1), acc_used: Some(50), acc_limit: None };
        assert_eq!(GetProfileInfo::decode(answer(200, json)).unwrap(), info);
    }
}
