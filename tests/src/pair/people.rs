//! Users and their credentials.

use std::sync::LazyLock;

use bytes::Bytes;
use quatrix_emulator::{Account, Accounts, Now, Server, Settings};
use quatrix_proto::api::GetProfile;
use quatrix_proto::{Answer, ApiKey, Authorization, Challenge, Credentials, Endpoint as _, FileId};

use crate::stage::{PASSWORD, me};

/// Nothing, a second factor of either kind, a captcha.
pub(super) const USERS: [&str; 4] = ["user@example.com", AUTHENTICATOR, "pin@example.com", "captcha@example.com"];
pub(super) const AUTHENTICATOR: &str = "totp@example.com";

/// The homes of all users: the ids of the accounts do not depend on the seed of a run.
static HOMES: LazyLock<Vec<FileId>> = LazyLock::new(|| {
    let mut accounts = Accounts::default();
    let with_key = |account: Account| Account { api_key: Some(account.user.clone()), ..account };
    accounts.accounts = accounts.accounts.into_iter().map(with_key).collect();
    let mut server = Server::new(Settings::default(), accounts);
    let home = |user: &&str| {
        let key = ApiKey::new(*user).expect("a user name is no strange key");
        let request = prepared(&GetProfile).into_request(Authorization::Key(&key));
        let profile = GetProfile::decode(server.handle(Now::default(), request)).expect("the key is right");
        profile.home_id.expect("no account is a contact's")
    };
    USERS.iter().map(home).collect()
});

/// A place that no test connects to.
pub(super) fn address() -> quatrix_proto::Server {
    quatrix_proto::Server::at("https://acme.example/api/1.0").expect("an address like any other")
}

pub(super) fn prepared(endpoint: &impl quatrix_proto::Endpoint) -> quatrix_proto::Prepared {
    endpoint.prepare(&address()).expect("the endpoints of these tests can be written down")
}

pub(super) fn home_of(user: &str) -> FileId {
    let place = USERS.iter().position(|other| *other == user).unwrap_or_default();
    HOMES[place].clone()
}

pub(super) fn credentials(user: &'static str, right: bool) -> Credentials {
    match right {
        true => me(user),
        false => Credentials::new(user, "forgotten").expect("a plain word"),
    }
}

/// Whether the `Authorization` of a login is this user's, with the right password or the wrong one.
pub(super) fn logs_in(request: &http::Request<Bytes>, user: &str) -> bool {
    let sent = request.headers().get("authorization");
    [PASSWORD, "forgotten"].into_iter().any(|password| {
        let credentials = Credentials::new(user, password).expect("known users");
        let login = prepared(&quatrix_proto::api::LogIn).into_request(Authorization::Basic(&credentials));
        sent == login.headers().get("authorization")
    })
}

/// Returns a right or a wrong answer to a challenge.
pub(super) fn answer(server: &Server, now: Now, user: &str, challenge: Challenge, right: bool) -> Answer {
    let code = match challenge {
        _ if !right => "000000".to_owned(),
        Challenge::Captcha { .. } => "test-captcha-4711".to_owned(),
        _ => server.code(now, user).unwrap_or_default(),
    };
    challenge.answer(code)
}
