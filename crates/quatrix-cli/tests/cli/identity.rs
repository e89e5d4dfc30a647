//! Who speaks to the server: options, environment, configuration, session file, in this order.

use quatrix_emulator::{Account, Accounts, Emulator, SecondFactor, TotpSecret};
use serde_json::json;

use crate::support::{Home, PASSWORD, PIN, TOTP, USER, here};

const KEY: &str = "test-key-4711";

fn operations(home: &Home) -> Vec<String> {
    home.asked().into_iter().map(|(method, path, status)| format!("{method} {path} {status}")).collect()
}

#[test]
fn a_password_in_the_environment_logs_in_for_one_command_and_leaves_nothing() {
    let home = Home::new().with("QUATRIX_USER", USER).with("QUATRIX_PASSWORD", PASSWORD);
    let status = home.run(&["status"]).ok();
    assert!(status.contains("with a password, for this command only"), "{status}");
    assert_eq!(
        operations(&home),
        ["GET /account/metadata 200", "GET /session/login 200", "GET /profile 200", "GET /session/logout 200"]
    );
    assert!(!home.session_file().exists());
    home.run(&["api", "GET", "/nope"]);
    assert_eq!(operations(&home).last().unwrap(), "GET /session/logout 200");
}

#[test]
fn a_code_command_in_the_environment_answers_the_second_factor() {
    let home = Home::new().with("QUATRIX_USER", TOTP).with("QUATRIX_PASSWORD", PASSWORD);
    let refused = home.run(&["status"]).failed(5);
    assert!(refused.contains("QUATRIX_CODE_COMMAND"), "{refused}");
    assert_eq!(operations(&home), ["GET /account/metadata 200", "GET /session/login 207", "GET /session/logout 200"]);
    let code = home.emulator.code(TOTP).unwrap();
    let home = home.with("QUATRIX_CODE_COMMAND", &format!("echo {code}"));
    home.run(&["status"]).ok();
}

#[test]
fn a_key_needs_no_session() {
    let home = Home::new().with("QUATRIX_API_KEY", KEY);
    assert!(home.run(&["status"]).ok().contains(&format!("as {USER}, with an API key")));
    assert_eq!(operations(&home), ["GET /profile 200"]);
    for command in ["login", "keepalive"] {
        assert!(home.run(&[command]).ok().contains("needed"), "{command}");
        assert_eq!(home.run(&[command, "--json"]).json(), json!({ "state": "api_key" }));
    }
    let logout = home.run(&["logout"]).ok();
    assert_eq!(logout, "Nobody was logged in.\nQUATRIX_API_KEY is still set: the commands that follow use it.\n");
    assert_eq!(operations(&home).len(), 1);
    let error = home.run(&["token"]).failed(2);
    assert!(error.contains("Bearer"), "{error}");
}

#[test]
fn keys_come_from_a_file_too_and_a_wrong_one_is_refused() {
    let home = Home::new();
    let key = home.write("key", &format!("{KEY}\n")).display().to_string();
    home.run(&["status", "--api-key-file", &key]).ok();
    let home = home.with("QUATRIX_API_KEY_FILE", &key);
    home.run(&["status"]).ok();
    let wrong = home.write("wrong", "wrong\n").display().to_string();
    home.run(&["status", "--api-key-file", &wrong]).failed(4);
    let empty = home.write("empty", "\n").display().to_string();
    assert!(home.run(&["status", "--api-key-file", &empty]).failed(2).contains("first line is empty"));
    assert!(home.run(&["status", "--api-key-file", "/nonexistent"]).failed(13).contains("/nonexistent"));
}

#[test]
fn a_token_goes_from_one_command_to_others_and_is_ended_by_the_last() {
    let home = Home::new().with("QUATRIX_USER", USER).with("QUATRIX_PASSWORD", PASSWORD);
    let exported = home.run_for_a_secret(&["token", "--export"]).ok();
    let token = exported.split('\'').nth(3).unwrap().to_owned();
    assert_eq!(
        exported,
        format!(
            "unset QUATRIX_HOST\nexport QUATRIX_BASE_URL='{}'\nexport QUATRIX_SESSION='{token}'\n",
            home.emulator.api()
        )
    );
    let home = home.with("QUATRIX_SESSION", &token);
    assert!(home.run(&["status"]).ok().contains("QUATRIX_SESSION"));
    assert_eq!(home.run_for_a_secret(&["token"]).ok(), format!("{token}\n"));
    home.run(&["keepalive"]).ok();
    home.run(&["logout"]).ok();
    home.run(&["status"]).failed(4);
    assert_eq!(home.logins(), 1);
}

#[test]
fn the_first_that_is_found_speaks() {
    let home = Home::new();
    home.log_in();
    let by = |home: &Home, args: &[&str]| {
        let ended = home.run(&[&["status", "--json"], args].concat());
        ended.json()["by"].as_str().unwrap().to_owned()
    };
    let key = home.write("key", KEY).display().to_string();
    let password = home.password_file();
    assert_eq!(by(&home, &[]), "the kept session");
    home.write(".config/quatrix/config.json", &json!({ "default": { "api_key_file": key } }).to_string());
    assert_eq!(by(&home, &[]), "the kept session");
    let config = json!({ "default": { "base_url": home.emulator.api(), "api_key_file": key } });
    home.write(".config/quatrix/config.json", &config.to_string());
    assert_eq!(by(&home, &[]), "an API key");
    let home = home.with("QUATRIX_USER", USER).with("QUATRIX_PASSWORD", PASSWORD);
    assert_eq!(by(&home, &[]), "a password, for this command only");
    let token = home.run_for_a_secret(&["token"]).ok();
    let home = home.with("QUATRIX_SESSION", token.trim());
    assert_eq!(by(&home, &[]), "the session in QUATRIX_SESSION");
    let home = home.with("QUATRIX_API_KEY", KEY);
    assert_eq!(by(&home, &[]), "an API key");
    assert_eq!(by(&home, &["--password-file", &password]), "a password, for this command only");
    assert_eq!(by(&home, &["--api-key-file", &key]), "an API key");
}

#[test]
fn a_kept_token_goes_to_no_other_server() {
    let home = Home::new();
    home.log_in();
    let other = Home::new();
    let error = home.run(&["status", "--base-url", other.emulator.api()]).failed(4);
    assert!(error.contains("the session belongs to"), "{error}");
    assert_eq!(other.asked(), []);
}

#[test]
fn credentials_of_the_environment_are_not_sent_to_the_server_of_the_kept_session() {
    let mut home = Home::new();
    home.log_in();
    home.variables.clear();
    for (name, value) in [("QUATRIX_SESSION", "token"), ("QUATRIX_API_KEY", KEY), ("QUATRIX_PASSWORD", PASSWORD)] {
        home.variables = vec![(name.to_owned(), value.to_owned()), ("QUATRIX_USER".to_owned(), USER.to_owned())];
        let status = home.run(&["status"]);
        assert!(status.out.ends_with("with the kept session.\n"), "{name}: {status:?}");
        assert_eq!(status.err, format!("quatrix: {name} is not used: no server is named beside it\n"));
    }
}

#[test]
fn the_configuration_serves_whoever_says_nothing_else() {
    let mut home = Home::new();
    let api = home.emulator.api().to_owned();
    home.variables.clear();
    home.password_file();
    let config = json!({ "work": { "base_url": api, "user": USER, "password_file": "../../password" } });
    home.write(".config/quatrix/config.json", &config.to_string());
    assert!(home.run(&["status", "--profile", "work"]).ok().contains("for this command only"));
    home.run(&["status"]).failed(4);
    home.write(".config/quatrix/config.json", r#"{"default": {"password": "canary"}}"#);
    let error = home.run(&["status"]).failed(2);
    assert!(error.contains("only the file with it: `password_file`") && !error.contains("canary"), "{error}");
}

#[test]
fn a_key_or_password_that_is_wrong_is_called_so() {
    let home = Home::new();
    let wrong = home.write("wrong", "wrong").display().to_string();
    let key = home.run(&["ls", "--api-key-file", &wrong]).failed(4);
    assert!(key.ends_with("\n  The API key (--api-key-file) is wrong or switched off.\n"), "{key}");
    let password = home.run(&["ls", "--user", USER, "--password-file", &wrong]).failed(4);
    assert!(password.ends_with("\n  The address or the password is wrong.\n"), "{password}");
}

#[cfg(target_os = "linux")]
#[test]
fn m46_no_secret_stands_in_the_list_of_processes() {
    let secret = TotpSecret::from_base32("JBSWY3DPEHPK3PXP").unwrap();
    let account =
        Account { second_factor: Some(SecondFactor::Totp(secret)), ..Account::new(USER, "canary-of-the-list") };
    let home = Home::of(Emulator::builder().accounts(Accounts::new(vec![account])).start().unwrap());
    home.write("code", &home.emulator.code(USER).unwrap());
    // The list is made while the command waits for this program.
    let home = home
        .with("QUATRIX_PASSWORD", "canary-of-the-list")
        .with("QUATRIX_CODE_COMMAND", "cd; cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' > list; cat code");
    home.run(&["login", "--user", USER]).ok();
    let list = std::fs::read_to_string(here(&home, "list")).unwrap();
    assert!(list.contains(&format!("login --user {USER}")) && list.contains("cat code"), "{list}");
    assert!(!list.contains("canary-of-the-list"), "{list}");
}

#[test]
fn m46_no_flag_takes_a_secret_but_those_that_say_so() {
    let home = Home::new();
    for command in ["login", "answer", "get", "api"] {
        let help = home.run(&[command, "--help"]).ok();
        for flag in ["--password <", "--api-key <", "--token <", "--session <"] {
            assert!(!help.contains(flag), "{help}");
        }
    }
    home.run(&["login", "--user", PIN, "--password-file", &home.password_file()]).code.unwrap();
    let warned = home.run(&["answer", "--code", "1234567"]).err;
    assert!(warned.contains("--code is seen by everybody"), "{warned}");
}
