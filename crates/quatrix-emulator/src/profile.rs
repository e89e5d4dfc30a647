//! What the service says about the account and about whoever is logged in.

use http::Response;
use serde_json::json;

use crate::accounts::Account;
use crate::body::Body;
use crate::reply;
use crate::server::{Caller, Server};

/// 2017-07-14, when these accounts were made.
const CREATED: u32 = 1_500_000_000;

/// What the account as a whole may store.
const ACCOUNT_LIMIT: u64 = 1 << 40;

impl Server {
    pub(crate) fn account_metadata(&self) -> Response<Body> {
        reply::ok(&json!({ "status": "A", "title": "Quatrix emulator", "language": "en_GB", "default_logo": true }))
    }

    pub(crate) fn profile(&self, caller: &Caller) -> Response<Body> {
        let person = &self.people[caller.person];
        let account = &person.account;
        let name = if account.name.is_empty() { &account.user } else { &account.name };
        let mut profile = json!({
            "id": person.id,
            "name": name,
            "email": account.user,
            "super_admin": "N",
            "operations": 191,
            "max_file_size": ACCOUNT_LIMIT,
            "max_files_per_share": 1000,
            "plan": "emulator",
            "is_contact": account.contact,
            "language": "en_GB",
            "channel_id": person.channel,
            "account_id": self.site.account,
            "storage_id": self.site.storage,
            "created": CREATED,
            "modified": CREATED,
            "quota": limit_of(account),
            "status": "A",
            "uid": 1000 + caller.person,
            "gid": 1000,
            "has_key": false,
            "pgp_enabled": false,
            "message_signature": "",
            "services": [],
            "share_types": { "restricted_share": true, "public_share": true, "tracked_share": true },
            "unique_login": account.user,
            "auth_methods": [],
            "account_status": "A",
            "sftp_url": "",
            "forced_auth": [],
            "sftp_login": "",
        });
        if !account.contact {
            profile["home_id"] = json!(person.home);
        }
        reply::ok(&profile)
    }

    pub(crate) fn profile_info(&self, caller: &Caller) -> Response<Body> {
        let account = &self.people[caller.person].account;
        reply::ok(&json!({
            "user_used": 0,
            "user_limit": limit_of(account),
            "acc_used": 0,
            "acc_limit": ACCOUNT_LIMIT,
        }))
    }
}

/// -1 means that only the limit of the whole applies.
fn limit_of(account: &Account) -> i64 {
    account.limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX))
}
