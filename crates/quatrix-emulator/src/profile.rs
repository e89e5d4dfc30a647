//! Account metadata and profiles.

use http::Response;
use serde_json::json;

use crate::accounts::Account;
use crate::auth::Caller;
use crate::body::Body;
use crate::response;
use crate::server::{CREATED, Server};

/// Quota of the whole site, in bytes.
pub(crate) const ACCOUNT_LIMIT: u64 = 1 << 40;

/// Unix group of all accounts, and the first Unix user.
pub(crate) const GID: u32 = 1000;

impl Server {
    pub(crate) fn account_metadata(&self) -> Response<Body> {
        response::ok(&json!({ "status": "A", "title": "Quatrix emulator", "language": "en_GB", "default_logo": true }))
    }

    pub(crate) fn profile(&self, caller: &Caller) -> Response<Body> {
        let person = &self.people[caller.person];
        let account = &person.account;
        let mut profile = json!({
            "id": person.id,
            "name": person.name(),
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
            "created": CREATED.seconds(),
            "modified": CREATED.seconds(),
            "quota": limit_of(account),
            "status": "A",
            "uid": self.uid(caller),
            "gid": GID,
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
            profile["home_id"] = json!(person.tree.home);
        }
        response::ok(&profile)
    }

    pub(crate) fn profile_info(&self, caller: &Caller) -> Response<Body> {
        let person = &self.people[caller.person];
        response::ok(&json!({
            "user_used": person.tree.used(),
            "user_limit": limit_of(&person.account),
            "acc_used": self.used(),
            "acc_limit": ACCOUNT_LIMIT,
        }))
    }

    /// Bytes stored by all accounts.
    pub(crate) fn used(&self) -> u64 {
        self.people.iter().map(|person| person.tree.used()).sum()
    }

    /// The Unix user that owns the caller's files.
    pub(crate) fn uid(&self, caller: &Caller) -> u32 {
        GID + u32::try_from(caller.person).unwrap_or_default()
    }
}

/// Returns the quota of an account; -1 means that only the quota of the site applies.
fn limit_of(account: &Account) -> i64 {
    account.limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX))
}
