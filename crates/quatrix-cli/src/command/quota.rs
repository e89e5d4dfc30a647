//! `quatrix quota`

use quatrix_ureq::proto::api::GetProfileInfo;
use serde_json::json;

use crate::failure::Failure;
use crate::out;
use crate::settings::Settings;
use crate::units::bytes;

/// Show used and total storage.
#[derive(clap::Args)]
pub(crate) struct Quota {}

impl Quota {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let info = settings.with_client(|client| Ok(client.call_with(&GetProfileInfo, settings.call_options())?))?;
        // -1: the user has no limit of their own.
        let user_limit = info.user_limit.filter(|limit| *limit >= 0);
        let of = |used: Option<u64>, limit: Option<i64>| {
            let used = used.map_or_else(|| "an unknown amount".to_owned(), bytes);
            match limit.and_then(|limit| u64::try_from(limit).ok()) {
                Some(limit) => format!("{used} of {}", bytes(limit)),
                None => used,
            }
        };
        let text =
            format!("You:     {}\nAccount: {}", of(info.user_used, user_limit), of(info.acc_used, info.acc_limit));
        let json = json!({
            "user_used": info.user_used,
            "user_limit": user_limit,
            "account_used": info.acc_used,
            "account_limit": info.acc_limit,
        });
        out::report(settings.json, &json, &text)
    }
}
