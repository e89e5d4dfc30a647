//! Credentials are sent to their own server only, and for their own user: every command, against servers that keep what
//! they are sent.

use std::fs;

use serde_json::json;

use crate::recorder::{ACTIVE, Recorder};
use crate::support::{Home, here, names};

const ANN: &str = "ann@example.com";
const BOB: &str = "bob@example.com";
const ENVIRONMENT: &str = "of-the-environment-4711";
const CONFIGURED: &str = "of-the-configuration-4711";
const KEPT_KEY: &str = "of-the-kept-key-4711";
/// The token of every login at the servers here.
const TOKEN: &str = "of-the-session-4711";

/// What is named, and the secret that must not arrive anywhere.
struct Case {
    what: &'static str,
    variables: Vec<(&'static str, String)>,
    config: Option<serde_json::Value>,
    kept: Option<Kept>,
    options: Vec<String>,
    secret: &'static str,
}

#[derive(Clone, Copy)]
enum Kept {
    SessionAtOwn,
    SessionAtOther,
    KeyAtOwn,
}

/// The cases of a credential whose own server is `own`, or unknown, while another one is named.
fn cases(own: &str, other: &str) -> Vec<Case> {
    let case =
        |what, secret| Case { what, variables: Vec::new(), config: None, kept: None, options: Vec::new(), secret };
    let user = || ("QUATRIX_USER", ANN.to_owned());
    let password = || ("QUATRIX_PASSWORD", ENVIRONMENT.to_owned());
    let key = || ("QUATRIX_API_KEY", ENVIRONMENT.to_owned());
    let token = || ("QUATRIX_SESSION", ENVIRONMENT.to_owned());
    let at = |server: &str| ("QUATRIX_BASE_URL", server.to_owned());
    let to = |server: &str| vec!["--base-url".to_owned(), server.to_owned()];
    let for_bob = || vec!["--user".to_owned(), BOB.to_owned()];
    let kept = Some(Kept::SessionAtOther);
    let configured_key = Some(json!({ "default": { "base_url": own, "api_key_file": "configured" } }));
    let configured_password =
        |server: &str| Some(json!({ "default": { "base_url": server, "user": ANN, "password_file": "configured" } }));
    let configured_server = Some(json!({ "default": { "base_url": other } }));
    vec![
        Case { variables: vec![key()], kept, ..case("a key, and a session kept elsewhere", ENVIRONMENT) },
        Case { variables: vec![token()], kept, ..case("a token, and a session kept elsewhere", ENVIRONMENT) },
        Case { variables: vec![user(), password()], kept, ..case("a password, and a session elsewhere", ENVIRONMENT) },
        Case {
            variables: vec![key()],
            config: configured_server.clone(),
            ..case("a key, a configured server", ENVIRONMENT)
        },
        Case {
            variables: vec![token()],
            config: configured_server.clone(),
            ..case("a token, a configured server", ENVIRONMENT)
        },
        Case {
            variables: vec![user(), password()],
            config: configured_server,
            ..case("a password, a configured server", ENVIRONMENT)
        },
        Case {
            variables: vec![at(own), token()],
            options: to(other),
            ..case("a token and its server, another by option", ENVIRONMENT)
        },
        Case {
            variables: vec![at(other)],
            config: configured_key.clone(),
            ..case("a configured key, QUATRIX_BASE_URL", CONFIGURED)
        },
        Case {
            options: to(other),
            config: configured_key,
            ..case("a configured key, another server by option", CONFIGURED)
        },
        Case {
            variables: vec![at(other)],
            config: configured_password(own),
            ..case("a configured password, QUATRIX_BASE_URL", CONFIGURED)
        },
        Case {
            options: to(other),
            config: configured_password(own),
            ..case("a configured password, an option", CONFIGURED)
        },
        Case {
            options: for_bob(),
            config: configured_password(other),
            ..case("a configured password, --user", CONFIGURED)
        },
        Case {
            variables: vec![("QUATRIX_USER", BOB.to_owned())],
            config: configured_password(other),
            ..case("a configured password, QUATRIX_USER", CONFIGURED)
        },
        Case {
            variables: vec![at(other), user(), password()],
            options: for_bob(),
            ..case("a password of one user, --user", ENVIRONMENT)
        },
        Case { options: to(other), kept: Some(Kept::SessionAtOwn), ..case("a kept session, another server", TOKEN) },
        Case {
            variables: vec![at(other)],
            kept: Some(Kept::SessionAtOwn),
            ..case("a kept session, QUATRIX_BASE_URL", TOKEN)
        },
        Case { options: to(other), kept: Some(Kept::KeyAtOwn), ..case("a kept key, another server", KEPT_KEY) },
        Case { options: for_bob(), kept, ..case("a kept session, --user", TOKEN) },
        Case { options: for_bob(), kept: Some(Kept::KeyAtOwn), ..case("a kept key, --user", KEPT_KEY) },
    ]
}

/// Every command that there is, by its own list, with arguments that let it reach the server.
fn every_command(home: &Home) -> Vec<Vec<String>> {
    let folder = here(home, "man");
    home.run(&["man", "--dir", &folder]).ok();
    let local = home.write("local", "text").display().to_string();
    let new = here(home, "new");
    let pages = names(&folder).into_iter().filter(|name| name != "quatrix.1");
    pages
        .map(|page| {
            let command = page.strip_prefix("quatrix-").unwrap().strip_suffix(".1").unwrap();
            let arguments: &[&str] = match command {
                "login" | "answer" | "status" | "keepalive" | "logout" | "token" | "doctor" | "quota" | "man"
                | "demo" => &[],
                "ls" | "stat" | "find" | "rm" => &["/x"],
                "mkdir" => &["/new"],
                "get" => &["/x", &new],
                "put" => &[&local, "/x"],
                "mirror" => &[&local, "/x"],
                "cp" | "mv" => &["/x", "/y"],
                "api" => &["GET", "/profile"],
                "completion" => &["bash"],
                "emulator" => &["--listen", "127.0.0.1:0", "--exit-with-stdin"],
                new => panic!("{new}: give it arguments here, so that its credentials are watched, too"),
            };
            [&[command], arguments].concat().into_iter().map(str::to_owned).collect()
        })
        .collect()
}

/// A home with what a login at this server keeps; the session file is what it leaves.
fn kept(server: &Recorder, login: &[&str], stdin: &str) -> Vec<u8> {
    let home = Home::new();
    let login = [&["login", "--base-url", &server.base_url], login].concat();
    let ended = home.run_with_stdin(&login, stdin);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(server.has_received(stdin), "the recorder finds what it looks for");
    fs::read(home.session_file()).unwrap()
}

#[test]
fn no_command_sends_credentials_to_another_server_or_for_another_user() {
    let own = Recorder::start(ACTIVE, TOKEN, ANN);
    let other = Recorder::start(ACTIVE, TOKEN, ANN);
    let by_password = ["--user", ANN, "--password-stdin"];
    let session_at_own = kept(&own, &by_password, "of-a-login-4711");
    let session_at_other = kept(&other, &by_password, "of-a-login-4711");
    let key_at_own = kept(&own, &["--api-key"], KEPT_KEY);
    let mut home = Home::new();
    home.variables.clear();
    home.write("configured", CONFIGURED);
    let commands = every_command(&home);
    assert!(commands.len() >= 22, "{commands:?}");
    for case in cases(&own.base_url, &other.base_url) {
        for command in &commands {
            let _ = fs::remove_file(home.session_file());
            match case.kept {
                Some(Kept::SessionAtOwn) => restore(&home, &session_at_own),
                Some(Kept::SessionAtOther) => restore(&home, &session_at_other),
                Some(Kept::KeyAtOwn) => restore(&home, &key_at_own),
                None => {}
            }
            let mut arguments: Vec<_> = command.iter().map(String::as_str).collect();
            if command[0] != "emulator" {
                arguments.extend(["--retries", "0"]);
                arguments.extend(case.options.iter().map(String::as_str));
            }
            let mut run = home.command(&arguments);
            run.envs(case.variables.iter().cloned());
            if let Some(config) = &case.config {
                run.env("QUATRIX_CONFIG", home.write("config.json", &config.to_string()));
            }
            let ended = run.output().unwrap();
            let arrived = (own.has_received(case.secret), other.has_received(case.secret));
            assert_eq!(arrived, (false, false), "{}: {command:?}: {ended:?}", case.what);
        }
    }
}

#[test]
fn credentials_reach_the_server_that_is_theirs() {
    let own = Recorder::start(ACTIVE, TOKEN, ANN);
    let mut home = Home::new();
    home.variables.clear();
    home.write("configured", CONFIGURED);
    let arrives = |variables: &[(&str, &str)], options: &[&str], config: serde_json::Value, secret: &str| {
        let mut run = home.command(&[&["status"], options].concat());
        run.envs(variables.iter().copied());
        run.env("QUATRIX_CONFIG", home.write("config.json", &config.to_string()));
        assert!(run.output().unwrap().status.success(), "{variables:?} {options:?} {config}");
        assert!(own.has_received(secret), "{variables:?} {options:?} {config}");
    };
    let (at, nothing) = (("QUATRIX_BASE_URL", &*own.base_url), json!({}));
    let to = ["--base-url", &*own.base_url];
    for server in [(&[at][..], &[][..]), (&[][..], &to[..])] {
        let with = |variables: &[(&'static str, &'static str)]| [server.0, variables].concat();
        arrives(&with(&[("QUATRIX_API_KEY", ENVIRONMENT)]), server.1, nothing.clone(), ENVIRONMENT);
        arrives(&with(&[("QUATRIX_SESSION", ENVIRONMENT)]), server.1, nothing.clone(), ENVIRONMENT);
        let password = [("QUATRIX_USER", ANN), ("QUATRIX_PASSWORD", ENVIRONMENT)];
        arrives(&with(&password), server.1, nothing.clone(), ENVIRONMENT);
    }
    let key = json!({ "default": { "base_url": own.base_url, "api_key_file": "configured" } });
    arrives(&[], &[], key.clone(), CONFIGURED);
    arrives(&[at], &to, key, CONFIGURED);
    let password = json!({ "default": { "base_url": own.base_url, "user": ANN, "password_file": "configured" } });
    arrives(&[], &["--user", ANN], password, CONFIGURED);
}

fn restore(home: &Home, session: &[u8]) {
    home.write(".local/state/quatrix/default.session", std::str::from_utf8(session).unwrap());
}
