//! Which credentials come first, and what a command reports of those that it does not use.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::json;

use crate::accounts::{ANN, BOB, secret, server};
use crate::recorder::{ACTIVE, Recorder};
use crate::support::Home;

const KEY: &str = "of-the-environment-4711";

/// A home without variables, and Ann's session kept in two profiles.
fn home_of_ann() -> Home {
    let mut home = Home::of(server());
    let (api, password) = (home.emulator.api().to_owned(), secret(&home, ANN, "password"));
    for profile in ["default", "work"] {
        let login = ["login", "--base-url", &api, "--user", ANN, "--password-file", &password, "--profile", profile];
        home.run(&login).ok();
    }
    home.variables.clear();
    home
}

/// Runs a command with these variables.
fn run(home: &Home, variables: &[(&str, &str)], args: &[&str]) -> crate::support::Ended {
    crate::support::Ended::of(home.command(args).envs(variables.iter().copied()).output().unwrap())
}

fn is_alive(home: &Home) -> bool {
    home.run(&["status"]).code == Some(0)
}

#[test]
fn a_secret_of_the_environment_is_not_sent_to_another_server_than_the_one_beside_it() {
    let (own, other) = (Recorder::start(ACTIVE, "token", ANN), Recorder::start(ACTIVE, "token", ANN));
    let mut home = Home::new();
    home.variables.clear();
    let file = home.write("secret", KEY).display().to_string();
    let user = ("QUATRIX_USER", ANN);
    for secret in [
        &[("QUATRIX_API_KEY", KEY)][..],
        &[("QUATRIX_API_KEY_FILE", &file)],
        &[user, ("QUATRIX_PASSWORD", KEY)],
        &[user, ("QUATRIX_PASSWORD_FILE", &file)],
        &[("QUATRIX_SESSION", KEY)],
    ] {
        let variables = [&[("QUATRIX_BASE_URL", &*own.base_url)][..], secret].concat();
        let name = variables.last().unwrap().0;
        for command in [&["mkdir", "/x"][..], &["login"], &["doctor"], &["token"], &["logout"]] {
            let ended = run(&home, &variables, &[command, &["--base-url", &other.base_url]].concat());
            assert!(!own.has_received(KEY) && !other.has_received(KEY), "{name} {command:?}");
            let is_of_a_session = matches!(command[0], "token" | "logout") && name.starts_with("QUATRIX_PASSWORD");
            if (command[0], name) != ("login", "QUATRIX_SESSION") && !is_of_a_session {
                let why = format!("{name} is not used: it belongs to {}, named by QUATRIX_BASE_URL", own.base_url);
                assert_eq!(ended.err.matches(&why).count(), 1, "{name} {command:?}: {ended:?}");
            }
        }
    }
}

#[test]
fn an_option_for_the_profile_comes_before_credentials_of_the_environment() {
    let home = home_of_ann();
    let api = home.emulator.api();
    let bob = [("QUATRIX_BASE_URL", api), ("QUATRIX_API_KEY", "bob-key-4711")];
    let acts = |ended: crate::support::Ended| ended.json()["user"].as_str().unwrap().to_owned();
    let work = run(&home, &bob, &["status", "--json", "--profile", "work"]);
    assert_eq!(work.err, "{\"note\":\"QUATRIX_API_KEY is not used: --profile is to be used\"}\n");
    assert_eq!(acts(work), ANN);
    let by_variable = [&bob[..], &[("QUATRIX_PROFILE", "work")]].concat();
    assert_eq!(acts(run(&home, &by_variable, &["status", "--json"])), BOB);
    let elsewhere = server();
    let at_other = [("QUATRIX_BASE_URL", elsewhere.api()), bob[1]];
    run(&home, &at_other, &["status", "--profile", "work"]).failed(4);
    let login = run(&home, &bob, &["login", "--profile", "new"]);
    assert!(login.err.contains("QUATRIX_API_KEY is not used"), "{login:?}");
    assert!(!login.out.contains("No login is needed"), "{login:?}");
    let token = [bob[0], ("QUATRIX_SESSION", "not-a-session")];
    assert_eq!(run(&home, &token, &["logout", "--profile", "work"]).code, Some(0));
    assert_eq!(run(&home, &[], &["status", "--profile", "work"]).code, Some(4));
    assert!(is_alive(&home), "the session of the other profile goes on");
}

#[test]
fn a_key_or_token_without_a_server_is_reported_and_a_lone_password_is_not() {
    let home = home_of_ann();
    let note = |name: &str| format!("quatrix: {name} is not used: no server is named beside it\n");
    for name in ["QUATRIX_API_KEY", "QUATRIX_SESSION", "QUATRIX_API_KEY_FILE"] {
        let ended = run(&home, &[(name, "x")], &["status"]);
        assert_eq!((ended.code, ended.err), (Some(0), note(name)));
    }
    run(&home, &[("QUATRIX_PASSWORD", "x")], &["status"]).ok();
    let user = ("QUATRIX_USER", ANN);
    assert_eq!(run(&home, &[user, ("QUATRIX_PASSWORD", "x")], &["status"]).err, note("QUATRIX_PASSWORD"));
    let config = json!({ "default": { "api_key_file": "key" } }).to_string();
    let config = home.write("config.json", &config).display().to_string();
    let ended = run(&home, &[("QUATRIX_CONFIG", &config)], &["status"]);
    assert_eq!(ended.err, note(&format!("api_key_file in {config}")));
}

#[test]
fn a_login_that_keeps_a_living_session_names_what_comes_before_it() {
    let home = home_of_ann();
    let variables = [("QUATRIX_BASE_URL", home.emulator.api()), ("QUATRIX_API_KEY", "bob-key-4711")];
    let login = run(&home, &variables, &["login", "--user", ANN]);
    assert!(login.out.starts_with("Already logged in"), "{login:?}");
    assert!(login.err.contains("QUATRIX_API_KEY is used before what is kept now"), "{login:?}");
}

#[test]
fn a_logout_that_cannot_use_the_token_or_key_of_the_environment_changes_nothing() {
    let home = home_of_ann();
    let kept = fs::read(home.session_file()).unwrap();
    let elsewhere = ("QUATRIX_BASE_URL", "https://other.quatrix.it");
    for name in ["QUATRIX_SESSION", "QUATRIX_API_KEY"] {
        let error = run(&home, &[(name, "x")], &["logout"]).failed(2);
        assert!(error.starts_with(&format!("quatrix: {name} is not used: no server is named beside it\n")), "{error}");
        let error = run(&home, &[(name, "x"), elsewhere], &["logout", "--base-url", home.emulator.api()]).failed(2);
        assert!(error.contains("it belongs to https://other.quatrix.it"), "{error}");
    }
    assert_eq!(fs::read(home.session_file()).unwrap(), kept);
    assert!(is_alive(&home));
}

#[test]
fn a_logout_ends_what_is_kept_whatever_other_commands_would_use() {
    let home = home_of_ann();
    let api = home.emulator.api().to_owned();
    let password = secret(&home, ANN, "password");
    let key = secret(&home, BOB, "key");
    let config = json!({ "default": { "base_url": &api, "api_key_file": &key } }).to_string();
    let config = home.write("config.json", &config).display().to_string();
    let logouts = || home.asked().iter().filter(|(_, path, _)| path == "/session/logout").count();
    let cases = [
        (vec![("QUATRIX_BASE_URL", &*api), ("QUATRIX_API_KEY", "bob-key-4711")], vec![], "QUATRIX_API_KEY"),
        (vec![("QUATRIX_CONFIG", &*config)], vec![], &*format!("api_key_file in {config}")),
        (vec![], vec!["--api-key-file", &*key], ""),
    ];
    for (variables, options, still) in &cases {
        home.run(&["login", "--base-url", &api, "--user", ANN, "--password-file", &password]);
        let before = logouts();
        let out = run(&home, variables, &[&["logout"][..], options].concat()).ok();
        let note = match still.is_empty() {
            true => String::new(),
            false => format!("{still} is still set: the commands that follow use it.\n"),
        };
        assert_eq!(out, format!("Logged out of {api}.\n{note}"));
        assert!(!home.session_file().exists());
        assert_eq!(logouts(), before + 1, "the server was told");
    }
    let json = run(&home, &cases[0].0, &["logout", "--json"]).json();
    assert_eq!(json, json!({ "state": "logged_out", "still_set": "QUATRIX_API_KEY" }));
    assert_eq!(home.run(&["logout", "--profile", "third"]).ok(), "Nobody was logged in with the profile third.\n");
}

#[test]
fn a_session_of_the_environment_that_has_ended_is_named_and_no_login_is_suggested() {
    let home = home_of_ann();
    let token = home.run_for_a_secret(&["token"]).ok();
    home.emulator.expire(None);
    let variables = [("QUATRIX_BASE_URL", home.emulator.api()), ("QUATRIX_SESSION", token.trim())];
    for command in [&["status"][..], &["ls"], &["keepalive"], &["mkdir", "/x"], &["status", "--user", ANN]] {
        let error = run(&home, &variables, command).failed(4);
        assert!(error.contains("The session in QUATRIX_SESSION has ended"), "{command:?}: {error}");
        assert!(error.ends_with("  Next: unset QUATRIX_SESSION\n"), "{command:?}: {error}");
    }
}

#[test]
fn an_error_about_another_server_or_user_names_the_setting() {
    let home = home_of_ann();
    let other = "https://other.quatrix.it";
    let config = json!({ "default": { "base_url": other } }).to_string();
    let config = home.write("config.json", &config).display().to_string();
    let error = run(&home, &[], &["status", "--base-url", other]).failed(4);
    assert!(error.contains("named by --base-url: the session"), "{error}");
    let error = run(&home, &[("QUATRIX_HOST", "other")], &["status"]).failed(4);
    assert!(error.contains("named by QUATRIX_HOST: the session"), "{error}");
    let error = run(&home, &[("QUATRIX_CONFIG", &config)], &["status"]).failed(4);
    assert!(error.contains(&format!("named by base_url in {config}: the session")), "{error}");
    let error = run(&home, &[("QUATRIX_USER", BOB)], &["status"]).failed(4);
    assert!(error.contains("not logged in as bob@example.com, named by QUATRIX_USER: the session"), "{error}");
}

#[test]
fn a_login_that_cannot_be_kept_sends_no_secret() {
    let other = Recorder::start(ACTIVE, "token", ANN);
    let password = ["--user", ANN, "--password-stdin"];
    for defect in ["mode", "link", "folder"] {
        let mut home = Home::new();
        home.variables.clear();
        let file = home.session_file();
        let target = home.write("target", "");
        home.write(".local/state/quatrix/default.session", "{}");
        match defect {
            "mode" => fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap(),
            "link" => fs::remove_file(&file).and_then(|()| symlink(&target, &file)).unwrap(),
            _ => {
                fs::remove_file(&file).and_then(|()| fs::create_dir(&file)).unwrap();
            }
        }
        for args in [&password[..], &["--api-key"]] {
            let login = [&["login", "--base-url", &other.base_url], args].concat();
            home.run_with_stdin(&login, KEY).failed(13);
            assert!(!other.has_received(KEY), "{defect} {args:?}");
        }
    }
}

#[test]
fn a_secret_and_the_file_with_it_contradict_each_other() {
    let home = home_of_ann();
    for name in ["QUATRIX_API_KEY", "QUATRIX_PASSWORD"] {
        let file = format!("{name}_FILE");
        let error = run(&home, &[(name, "x"), (&file, "y")], &["status"]).failed(2);
        assert!(error.starts_with(&format!("quatrix: {name} and {file} contradict each other")), "{error}");
    }
}

#[test]
fn a_hint_is_about_the_credentials_that_were_refused() {
    let home = home_of_ann();
    let api = ("QUATRIX_BASE_URL", home.emulator.api());
    let key = ("QUATRIX_API_KEY", "ann-key-4711");
    let error = run(&home, &[api, key], &["status", "--user", BOB]).failed(4);
    assert!(error.contains("belongs to ann@example.com") && !error.contains("wrong"), "{error}");
    let error = run(&home, &[api, ("QUATRIX_API_KEY", "wrong")], &["status"]).failed(4);
    assert!(error.contains("The API key (QUATRIX_API_KEY) is wrong"), "{error}");
    let password = ("QUATRIX_PASSWORD", "two\nlines");
    for command in ["status", "login", "doctor"] {
        let error = run(&home, &[api, ("QUATRIX_USER", ANN), password], &[command]);
        assert_eq!(error.code, Some(2), "{error:?}");
        assert!(error.err.contains("QUATRIX_PASSWORD: ") && !error.err.contains("QUATRIX_USER"), "{error:?}");
    }
}
