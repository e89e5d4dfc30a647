//! What a login replaces and keeps, and where its secrets and codes come from.

use std::fs;

use serde_json::json;

use crate::accounts::{ANN, BOB, secret, server};
use crate::support::{Ended, Home, here};

const CAROL: &str = "carol@example.com";

fn home_of_ann() -> Home {
    let home = Home::of(server());
    log_in(&home, ANN).ok();
    home
}

fn log_in(home: &Home, user: &str) -> Ended {
    home.run(&["login", "--user", user, "--password-file", &secret(home, user, "password")])
}

/// Whether the server still takes this token.
fn is_alive(home: &Home, token: &str) -> bool {
    let mut status = home.command(&["status"]);
    status.env("QUATRIX_SESSION", token.trim()).output().unwrap().status.success()
}

#[test]
fn a_login_ends_the_session_that_it_replaces() {
    let home = home_of_ann();
    let key = secret(&home, BOB, "key");
    for replacing in [
        &["login", "-v", "--user", BOB, "--password-file", &secret(&home, BOB, "password")][..],
        &["login", "-v", "--user", CAROL, "--password-file", &secret(&home, CAROL, "password")],
        &["login", "-v", "--api-key-file", &key],
    ] {
        log_in(&home, ANN);
        let old = home.run_for_a_secret(&["token"]).ok();
        assert!(is_alive(&home, &old));
        let login = home.run(replacing);
        let note = format!("ended the session that was kept before, at {} as {ANN}\n", home.emulator.api());
        assert!(login.err.contains(&note), "{login:?}");
        assert!(!is_alive(&home, &old));
    }
}

#[test]
fn a_login_that_fails_leaves_the_session_that_was_kept() {
    let home = home_of_ann();
    let token = home.run_for_a_secret(&["token"]).ok();
    let wrong = home.write("wrong", "wrong\n").display().to_string();
    for args in [&["login", "--user", ANN, "--password-file", &wrong][..], &["login", "--api-key-file", &wrong]] {
        let error = home.run(args).failed(4);
        assert!(error.contains("What was kept before is still kept."), "{error}");
    }
    assert!(is_alive(&home, &token));
    assert_eq!(home.run_for_a_secret(&["token"]).ok(), token);
}

#[test]
fn a_login_reports_configured_credentials_that_come_before_what_it_kept() {
    let home = Home::of(server());
    let api = home.emulator.api();
    for (kind, field) in [("key", "api_key_file"), ("password", "password_file")] {
        let file = secret(&home, BOB, kind);
        let config = json!({ "default": { "base_url": api, "user": BOB, field: file } }).to_string();
        let config = home.write(".config/quatrix/config.json", &config);
        let login = log_in(&home, BOB);
        assert_eq!(login.code, Some(0), "{login:?}");
        let note = format!("quatrix: {field} in {} is used before what is kept now\n", config.display());
        assert_eq!(login.err, note);
    }
}

#[test]
fn a_command_that_logs_in_names_the_code_that_is_missing_or_wrong() {
    let home = Home::of(server()).with("QUATRIX_USER", CAROL).with("QUATRIX_PASSWORD", "carol-password-4711");
    let status = |name: &str, value: &str| {
        let mut command = home.command(&["status"]);
        Ended::of(command.env(name, value).output().unwrap())
    };
    let failing = status("QUATRIX_CODE_COMMAND", "exit 3").failed(5);
    assert!(failing.contains("QUATRIX_CODE_COMMAND failed: exit status: 3"), "{failing}");
    for (name, value) in [("QUATRIX_CODE_COMMAND", "echo 11111"), ("QUATRIX_CODE", "11111")] {
        let wrong = status(name, value).failed(4);
        assert!(wrong.contains(&format!("The server refused the code of {name}")), "{wrong}");
        assert!(!wrong.contains("password is wrong"), "{wrong}");
    }
    status("QUATRIX_CODE", "24680").ok();
}

#[test]
fn a_pipe_in_place_of_a_key_file_is_read_and_not_waited_for_without_end() {
    let home = Home::of(server());
    let pipe = here(&home, "pipe");
    assert!(std::process::Command::new("mkfifo").args(["-m", "600", &pipe]).status().unwrap().success());
    let args = ["status", "--api-key-file", &pipe, "--allow-insecure-files", "--max-time"];
    let error = home.run(&[&args[..], &["1"]].concat()).failed(13);
    assert!(error.contains("nothing was written to this pipe in time"), "{error}");
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::write(pipe, "ann-key-4711\n").unwrap()
    });
    home.run(&[&args[..], &["60"]].concat()).ok();
    writer.join().unwrap();
}

#[test]
fn an_empty_user_is_refused() {
    let home = home_of_ann();
    for command in ["status", "login", "logout"] {
        assert!(home.run(&[command, "--user", ""]).failed(2).contains("--user: the address is empty"));
    }
}

#[test]
fn status_names_the_source_of_the_credentials() {
    let home = home_of_ann();
    let key = secret(&home, BOB, "key");
    let by_option = ["status", "--api-key-file", &key];
    assert!(home.run(&by_option).ok().ends_with("with an API key (--api-key-file).\n"));
    let home = home.with("QUATRIX_API_KEY_FILE", &key);
    assert!(home.run(&["status"]).ok().ends_with("with an API key (QUATRIX_API_KEY_FILE).\n"));
    assert_eq!(home.run(&["status", "--json"]).json()["source"], "QUATRIX_API_KEY_FILE");
}
