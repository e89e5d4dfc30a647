//! The table of `docs/cli.md`, row by row.

use super::*;

const A: &str = "https://a.quatrix.it/api/1.0";
const B: &str = "https://b.quatrix.it/api/1.0";

/// What is named, in words: `option server=A user=ann key`.
fn accounts(text: &str) -> Accounts {
    let mut accounts = Accounts::default();
    for line in text.split(';').map(str::trim).filter(|line| !line.is_empty()) {
        let (origin, words) = line.split_once(' ').unwrap();
        if origin == "profile" {
            accounts.has_profile_option = true;
            continue;
        }
        let (account, origin) = match origin {
            "option" => (&mut accounts.option, Origin::Option),
            "env" => (&mut accounts.environment, Origin::Environment),
            "config" => (&mut accounts.configuration, Origin::Configuration),
            other => panic!("{other}"),
        };
        for word in words.split(' ') {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            let secret =
                || Some(Setting { value: Secret::Text("x".to_owned()), origin, name: format!("{origin:?} {name}") });
            match name {
                "server" => account.server = Some(Setting { value: server(value), origin, name: word.to_owned() }),
                "user" => {
                    let name = format!("{origin:?} user");
                    account.user = Some(Setting { value: value.to_owned(), origin, name });
                }
                "key" => account.key = secret(),
                "token" => account.token = secret(),
                "password" => account.password = secret(),
                other => panic!("{other}"),
            }
        }
    }
    accounts
}

fn server(name: &str) -> Server {
    Server::at(if name == "A" { A } else { B }).unwrap()
}

/// What is used, in words: `Option key for ann at A`.
fn resolved(purpose: Purpose, named: &str, kept: &str) -> String {
    let accounts = accounts(named);
    let kept = kept.split_once(' ').map(|(name, user)| Owner { server: server(name), user: user.to_owned() });
    let kept = || Ok(kept.clone());
    let identity = match accounts.resolve(purpose, kept) {
        Ok(identity) => identity,
        Err(failure) => return format!("exit {}", failure.exit() as u8),
    };
    let for_user =
        |user: Option<&Setting<String>>| user.map_or_else(String::new, |user| format!(" for {}", user.value));
    let by = match &identity.by {
        By::Key { key, user } => format!("{}{}", key.name, for_user(*user)),
        By::Token { token, user } => format!("{}{}", token.name, for_user(*user)),
        By::Password { password, user } => format!("{}{}", password.name, for_user(user.as_ref())),
        By::Kept => "kept".to_owned(),
        By::Nothing(NoCredentials::NotLoggedIn) => return "nobody".to_owned(),
        By::Nothing(NoCredentials::OtherServer { .. }) => return "kept is of another server".to_owned(),
        By::Nothing(NoCredentials::OtherUser { .. }) => return "kept is of another user".to_owned(),
    };
    let at = identity.server.map_or("?", |server| if server.to_string() == A { "A" } else { "B" });
    format!("{by} at {at}")
}

#[track_caller]
fn check(purpose: Purpose, rows: &[(&str, &str, &str)]) {
    for (named, kept, expected) in rows {
        assert_eq!(resolved(purpose, named, kept), *expected, "{named}; kept: {kept}");
    }
}

/// What is kept: nothing, or Ann's session at A.
const NONE: &str = "";
const ANN: &str = "A ann";

#[test]
fn the_first_credentials_that_are_complete_are_used() {
    check(
        Purpose::Work,
        &[
            ("", NONE, "nobody"),
            ("", ANN, "kept at A"),
            ("option server=A user=ann key password", ANN, "Option key for ann at A"),
            ("option server=A user=ann password; env key", ANN, "Option password for ann at A"),
            ("env server=A user=ann key token password", NONE, "Environment key for ann at A"),
            ("env server=A token password", ANN, "Environment token at A"),
            ("env server=A user=bob password; config server=A key", ANN, "Environment password for bob at A"),
            ("config server=A key password user=bob", ANN, "Configuration key for bob at A"),
            ("config server=A password user=bob", ANN, "Configuration password for bob at A"),
        ],
    );
}

#[test]
fn what_is_incomplete_is_skipped_unless_it_is_an_option() {
    check(
        Purpose::Work,
        &[
            ("env password", ANN, "kept at A"),
            ("env user=ann password", ANN, "kept at A"),
            ("env server=A password", ANN, "kept at A"),
            ("env key", ANN, "kept at A"),
            ("env token", NONE, "nobody"),
            ("config key", ANN, "kept at A"),
            ("config server=A password", ANN, "kept at A"),
            ("option server=A password", NONE, "exit 2"),
            ("option user=ann password", NONE, "exit 2"),
            ("option key", NONE, "exit 2"),
            ("option user=ann; env server=A password", NONE, "Environment password for ann at A"),
            ("env server=A password; config server=A user=ann", NONE, "Environment password for ann at A"),
            ("option password", ANN, "Option password for ann at A"),
            ("option key", ANN, "Option key at A"),
        ],
    );
}

#[test]
fn credentials_belong_to_their_server() {
    check(
        Purpose::Work,
        &[
            ("option server=B", ANN, "kept is of another server"),
            ("env server=B", ANN, "kept is of another server"),
            ("config server=B", ANN, "kept is of another server"),
            ("env server=B; option server=A", ANN, "kept at A"),
            ("option server=B; env key", NONE, "Environment key at B"),
            ("option server=B; env user=ann password", NONE, "Environment password for ann at B"),
            ("option server=B; env token", NONE, "Environment token at B"),
            ("option server=B; env server=A token", NONE, "nobody"),
            ("option server=B; env server=A key", NONE, "nobody"),
            ("option server=B; env server=A user=ann password", NONE, "nobody"),
            ("option server=A; env server=A key", NONE, "Environment key at A"),
            (
                "option server=B; env server=A user=ann password; config server=B key",
                NONE,
                "Configuration key for ann at B",
            ),
            ("env key; config server=B", NONE, "nobody"),
            ("env user=ann password; config server=B", NONE, "nobody"),
            ("option server=B; config server=A key", NONE, "nobody"),
            ("env server=B; config server=A user=ann password", NONE, "nobody"),
            ("option server=B; config user=ann password", NONE, "nobody"),
            ("env server=A; config server=A key", NONE, "Configuration key at A"),
        ],
    );
}

#[test]
fn no_other_user_than_the_named_one_is_acted_as() {
    check(
        Purpose::Work,
        &[
            ("option user=bob", ANN, "kept is of another user"),
            ("env user=bob", ANN, "kept is of another user"),
            ("config user=bob", ANN, "kept is of another user"),
            ("config server=B user=bob; option server=A", ANN, "kept at A"),
            ("option user=ANN", ANN, "kept at A"),
            ("option user=ann; env user=bob", ANN, "kept at A"),
            ("option server=A user=bob password", ANN, "Option password for bob at A"),
            ("option user=bob; env server=A password", ANN, "Environment password for bob at A"),
            ("option user=bob; env server=A user=ann password", ANN, "kept is of another user"),
            ("option user=bob; config server=A user=ann password", ANN, "kept is of another user"),
            ("env user=bob; config server=A user=ann password", NONE, "nobody"),
            ("option user=Ann; config server=A user=ann password", NONE, "Configuration password for Ann at A"),
            ("option server=A user=bob; env key", ANN, "Environment key for bob at A"),
            ("env server=A user=bob key", ANN, "Environment key for bob at A"),
            ("config server=A user=bob; env server=A key", ANN, "Environment key at A"),
            ("option server=A user=bob; env token", ANN, "Environment token for bob at A"),
        ],
    );
}

#[test]
fn an_option_for_the_profile_comes_before_credentials_of_the_environment() {
    let work = [
        ("profile work; env server=A user=bob key token password", ANN, "kept is of another user"),
        ("profile work; env server=A key token", ANN, "kept at A"),
        ("profile work; env server=B key", ANN, "kept is of another server"),
        ("profile work; env server=A key", NONE, "nobody"),
        ("profile work; env server=A key; config server=A key", NONE, "Configuration key at A"),
        ("profile work; option server=A key; env server=B key", NONE, "Option key at A"),
    ];
    check(Purpose::Work, &work);
    check(Purpose::Logout, &[("profile work; env token", ANN, "kept at A")]);
    check(
        Purpose::Login,
        &[
            ("profile work; env server=A user=ann key password", NONE, "nobody"),
            ("profile work; option password; env server=A user=ann password", NONE, "Option password for ann at A"),
        ],
    );
}

#[test]
fn a_logout_is_of_a_token_or_of_what_is_kept_and_of_nothing_in_its_place() {
    check(
        Purpose::Logout,
        &[
            ("", ANN, "kept at A"),
            ("", NONE, "nobody"),
            ("env server=A token", ANN, "Environment token at A"),
            ("option server=A; env token", ANN, "Environment token at A"),
            ("env token", ANN, "exit 2"),
            ("env key", ANN, "exit 2"),
            ("option server=A; env server=B token", ANN, "exit 2"),
            ("option server=A; env server=B key", ANN, "exit 2"),
            ("env server=A key", ANN, "kept at A"),
            ("option key", ANN, "kept at A"),
            ("config server=A key", ANN, "kept at A"),
            ("env server=A user=ann password", ANN, "kept at A"),
            ("option server=B", ANN, "kept is of another server"),
            ("option user=bob", ANN, "kept is of another user"),
        ],
    );
}

#[test]
fn credentials_that_were_meant_for_this_run_are_reported_without_asking_for_details() {
    let notices = |named: &str| {
        let accounts = accounts(named);
        let kept = Owner { server: server("A"), user: "ann".to_owned() };
        let identity = accounts.resolve(Purpose::Work, || Ok(Some(kept.clone()))).unwrap();
        identity
            .skipped
            .iter()
            .filter(|skipped| skipped.is_notice())
            .map(|skipped| skipped.name.clone())
            .collect::<Vec<_>>()
    };
    for (named, expected) in [
        ("env key", &["Environment key"][..]),
        ("env token", &["Environment token"]),
        ("config key", &["Configuration key"]),
        ("env password", &[]),
        ("config password", &[]),
        ("env user=ann password", &["Environment password"]),
        ("env server=A password", &[]),
        ("profile work; env key token password", &["Environment key", "Environment token"]),
        ("option server=A; env server=B key password", &["Environment key", "Environment password"]),
        ("env server=A; config server=B key", &[]),
    ] {
        assert_eq!(notices(named), expected, "{named}");
    }
}

#[test]
fn a_session_that_exists_needs_no_password() {
    check(
        Purpose::ExistingSession,
        &[
            ("env server=A user=ann password", ANN, "kept at A"),
            ("option server=A user=bob password", ANN, "kept is of another user"),
            ("env server=A key", ANN, "Environment key at A"),
            ("env server=A token", ANN, "Environment token at A"),
            ("config server=A user=ann password", NONE, "nobody"),
        ],
    );
}

#[test]
fn a_login_takes_what_it_is_given() {
    check(
        Purpose::Login,
        &[
            ("option password", ANN, "Option password for ann at A"),
            ("option server=B password", ANN, "Option password at B"),
            ("option password", NONE, "Option password at ?"),
            ("option key", NONE, "Option key at ?"),
            ("env server=A token password", ANN, "Environment password for ann at A"),
            ("env server=A user=ann key password", ANN, "Environment key for ann at A"),
            ("option user=bob; env server=A key password", ANN, "Environment password for bob at A"),
            ("option user=bob password; env server=A key", ANN, "Option password for bob at A"),
            ("env key", ANN, "kept at A"),
            ("env user=ann password", ANN, "kept at A"),
            ("env user=bob password", ANN, "kept is of another user"),
            ("config server=A user=ann password; option user=bob", NONE, "nobody"),
        ],
    );
}

#[test]
fn what_was_skipped_is_named_with_its_reason() {
    let accounts = accounts("env password; config server=A user=ann password; option user=bob");
    let identity = accounts.resolve(Purpose::Work, || Ok(None)).unwrap();
    let text = identity.failure().text("default");
    assert_eq!(
        text,
        "quatrix: not logged in\n  Environment password is not used: no server is named beside it; Configuration \
         password is not used: it belongs to ann, and Option user names bob\n  Next: quatrix login\n"
    );
}

#[test]
fn both_users_and_both_servers_are_named() {
    let text = |named: &str| {
        let accounts = accounts(named);
        let kept = Owner { server: server("A"), user: "ann".to_owned() };
        accounts.refusal(kept).unwrap().failure(&[]).text("default")
    };
    let error = text("option user=bob");
    assert!(
        error.starts_with("quatrix: not logged in as bob, named by Option user: the session belongs to ann\n"),
        "{error}"
    );
    let error = text("env server=B");
    let expected = format!("quatrix: not logged in to {B}, named by server=B: the session belongs to {A}\n");
    assert!(error.starts_with(&expected), "{error}");
}
