//! Whose account: the user that is named, or none.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use quatrix_emulator::{Account, Accounts, Emulator, SecondFactor};
use serde_json::json;

use crate::recorder::Recorder;
use crate::support::{Ended, Home};

pub(crate) const ANN: &str = "ann@example.com";
pub(crate) const BOB: &str = "bob@example.com";
const CAROL: &str = "carol@example.com";

/// A server that knows Ann and Bob, and Carol, who has a PIN.
pub(crate) fn server() -> Emulator {
    let account = |name: &str| Account {
        api_key: Some(format!("{name}-key-4711")),
        ..Account::new(format!("{name}@example.com"), format!("{name}-password-4711"))
    };
    let carol = Account { second_factor: Some(SecondFactor::Pin("24680".to_owned())), ..account("carol") };
    Emulator::builder().accounts(Accounts::new(vec![account("ann"), account("bob"), carol])).start().unwrap()
}

/// A file with the password or the key of a user.
pub(crate) fn secret(home: &Home, user: &str, kind: &str) -> String {
    let name = user.split('@').next().unwrap();
    home.write(&format!("{name}.{kind}"), &format!("{name}-{kind}-4711\n")).display().to_string()
}

/// A home in which Ann's session is kept.
fn home_of_ann() -> Home {
    let home = Home::of(server());
    home.run(&["login", "--user", ANN, "--password-file", &secret(&home, ANN, "password")]).ok();
    home
}

/// Whom the command acts as.
fn who(home: &Home, args: &[&str]) -> String {
    let ended = home.run(&[&["status", "--json"], args].concat());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let json = ended.json();
    format!("{} with {}", json["user"].as_str().unwrap(), json["by"].as_str().unwrap())
}

const BY_SESSION: &str = "ann@example.com with the kept session";

#[test]
fn a_session_is_not_used_for_another_user_than_the_named_one() {
    let home = home_of_ann();
    home.run(&["mkdir", "/f"]).ok();
    let by_variable = Home { variables: home.variables.clone(), ..home }.with("QUATRIX_USER", BOB);
    let requests = by_variable.asked().len();
    for args in [&["rm", "-r", "/f"][..], &["status"], &["token"], &["keepalive"], &["logout"], &["api", "GET", "/x"]] {
        let named = [args, &["--user", BOB]].concat();
        for ended in [by_variable.run(&named), by_variable.run(args)] {
            let error = ended.failed(4);
            assert!(error.contains(ANN) && error.contains(BOB), "{args:?}: {error}");
        }
    }
    assert_eq!(by_variable.asked().len(), requests, "nothing was sent");
    assert_eq!(by_variable.emulator.paths(ANN).iter().filter(|path| *path == "f/").count(), 1);
    by_variable.run(&["rm", "-r", "/f", "--user", "ANN@example.com"]).ok();
}

#[test]
fn a_password_for_the_named_user_logs_in_as_them_and_leaves_what_is_kept() {
    let home = home_of_ann();
    let kept = fs::read(home.session_file()).unwrap();
    let bobs = secret(&home, BOB, "password");
    let by_option = ["--user", BOB, "--password-file", &bobs];
    assert_eq!(who(&home, &by_option), "bob@example.com with a password, for this command only");
    home.run(&[&["mkdir", "/of-bob"][..], &by_option].concat()).ok();
    assert!(home.emulator.paths(BOB).contains(&"of-bob/".to_owned()));
    let home = home.with("QUATRIX_PASSWORD", "bob-password-4711");
    assert_eq!(who(&home, &["--user", BOB]), "bob@example.com with a password, for this command only");
    assert_eq!(who(&home, &[]), BY_SESSION);
    let carols = secret(&home, CAROL, "password");
    let due = home.run(&["status", "--user", CAROL, "--password-file", &carols]).failed(5);
    assert!(due.contains("a PIN"), "{due}");
    assert_eq!(fs::read(home.session_file()).unwrap(), kept);
}

#[test]
fn a_key_or_token_is_not_used_for_another_user_than_the_named_one() {
    let home = Home::of(server());
    let anns = secret(&home, ANN, "key");
    let error = home.run(&["mkdir", "/f", "--user", BOB, "--api-key-file", &anns]).failed(4);
    assert!(error.contains(ANN) && error.contains(BOB) && error.contains("--api-key-file"), "{error}");
    assert_eq!(who(&home, &["--user", ANN, "--api-key-file", &anns]), "ann@example.com with an API key");
    let home = home.with("QUATRIX_API_KEY", "ann-key-4711").with("QUATRIX_USER", BOB);
    assert!(home.run(&["mkdir", "/f"]).failed(4).contains("QUATRIX_API_KEY belongs to ann@example.com"));
    home.run(&["doctor"]).code.filter(|code| *code == 4).unwrap();
    let session = home_of_ann();
    let token = session.run_for_a_secret(&["token"]).ok();
    let session = session.with("QUATRIX_SESSION", token.trim()).with("QUATRIX_USER", BOB);
    for command in [&["mkdir", "/f"][..], &["token"], &["logout"], &["keepalive"]] {
        let error = session.run(command).failed(4);
        assert!(error.contains("QUATRIX_SESSION belongs to ann@example.com, not to bob"), "{command:?}: {error}");
    }
    assert_eq!(session.run_for_a_secret(&["token", "--user", ANN]).ok(), token);
    session.emulator.expire(None);
    session.run(&["logout"]).ok();
    assert!(!session.emulator.paths(ANN).contains(&"f/".to_owned()));
}

#[test]
fn incomplete_ambient_settings_are_skipped_and_options_are_not() {
    let home = home_of_ann().with("QUATRIX_PASSWORD", "ann-password-4711");
    assert_eq!(who(&home, &[]), BY_SESSION);
    let told = home.run(&["status", "-v"]).err;
    assert!(told.starts_with("quatrix: QUATRIX_PASSWORD is not used: no user is named beside it\n"), "{told}");
    home.run(&["logout"]).ok();
    home.run(&["login", "--user", ANN]).ok();
    home.run(&["status"]).ok();
    home.run(&["logout"]).ok();
    for args in [&["status"][..], &["api", "GET", "/profile"]] {
        let error = home.run(args).failed(4);
        assert!(error.contains("not logged in") && error.contains("no user is named beside it"), "{error}");
    }
    let password = secret(&home, ANN, "password");
    assert!(home.run(&["status", "--password-file", &password]).failed(2).contains("--user"));
    let mut nowhere = home;
    nowhere.variables.retain(|(name, _)| name != "QUATRIX_BASE_URL");
    nowhere.run(&["status"]).failed(4);
    assert!(nowhere.run(&["status", "--user", ANN, "--password-file", &password]).failed(2).contains("--host NAME"));
}

#[test]
fn a_login_checks_the_password_and_key_that_it_is_given() {
    let home = home_of_ann();
    let kept = fs::read(home.session_file()).unwrap();
    let wrong = home.write("wrong", "wrong\n").display().to_string();
    home.run(&["login", "--user", ANN, "--password-file", &wrong]).failed(4);
    home.run(&["login", "--user", BOB, "--password-file", &wrong]).failed(4);
    home.run(&["login", "--password-file", &wrong]).failed(4);
    home.run_with_stdin(&["login", "--user", ANN, "--password-stdin"], "wrong\n").failed(4);
    home.run(&["login", "--api-key-file", &wrong]).failed(4);
    home.run_with_stdin(&["login", "--api-key"], "wrong\n").failed(4);
    let carols = secret(&home, CAROL, "password");
    let refused = home.run(&["login", "--user", CAROL, "--password-file", &carols, "--code", "1234567"]);
    assert_eq!((refused.code, refused.out.as_str()), (Some(4), ""), "{refused:?}");
    assert!(refused.err.ends_with("what was kept before is still kept.\n"), "{refused:?}");
    assert_eq!(fs::read(home.session_file()).unwrap(), kept);
    assert_eq!(who(&home, &[]), BY_SESSION);
    home.run(&["login", "--user", ANN, "--password-file", &secret(&home, ANN, "password")]).ok();
    assert_ne!(fs::read(home.session_file()).unwrap(), kept, "a successful login replaces the session");
    home.run(&["login", "--user", BOB, "--password-file", &secret(&home, BOB, "password")]).ok();
    assert_eq!(who(&home, &[]), "bob@example.com with the kept session");
    let wrong_in_environment = home.with("QUATRIX_PASSWORD", "wrong");
    wrong_in_environment.run(&["login", "--user", BOB]).failed(4);
    let mut without_server = wrong_in_environment;
    without_server.variables.retain(|(name, _)| name != "QUATRIX_BASE_URL");
    let unchecked = without_server.run(&["login"]);
    assert!(unchecked.out.starts_with("Already logged in"), "{unchecked:?}");
    assert_eq!(unchecked.err, "quatrix: QUATRIX_PASSWORD is not used: no server is named beside it\n");
}

#[test]
fn a_challenge_of_another_login_replaces_the_session_and_can_be_answered() {
    let home = home_of_ann();
    let carols = secret(&home, CAROL, "password");
    let login = home.run(&["login", "--user", CAROL, "--password-file", &carols]);
    assert_eq!((login.code, &login.json()["challenge"]), (Some(5), &json!("pin")), "{login:?}");
    home.run(&["rm", "-r", "/f"]).failed(5);
    let other = home.run(&["answer", "--code", "24680", "--user", ANN]);
    assert_eq!(other.code, Some(4), "{other:?}");
    assert_eq!(home.run(&["answer", "--code", "24680"]).code, Some(0));
    assert_eq!(who(&home, &[]), "carol@example.com with the kept session");
}

#[test]
fn a_key_is_checked_kept_used_and_forgotten() {
    let home = Home::of(server());
    let api = home.emulator.api().to_owned();
    let anns = secret(&home, ANN, "key");
    let login = home.run(&["login", "--api-key-file", &anns]).ok();
    assert_eq!(login, format!("Logged in to {api} as {ANN}, with an API key.\n"));
    assert_eq!(fs::metadata(home.session_file()).unwrap().permissions().mode() & 0o777, 0o600);
    fs::remove_file(&anns).unwrap();
    assert_eq!(home.run(&["status"]).ok(), format!("Logged in to {api} as {ANN}, with the kept API key.\n"));
    home.run(&["mkdir", "/of-ann"]).ok();
    assert!(home.emulator.paths(ANN).contains(&"of-ann/".to_owned()));
    home.run(&["rm", "-r", "/of-ann", "--user", BOB]).failed(4);
    home.run(&["status", "--user", ANN]).ok();
    assert!(home.run(&["keepalive"]).ok().contains("No keepalive is needed"));
    assert!(home.run(&["token"]).failed(2).contains("Bearer"));
    assert!(home.run(&["answer"]).ok().starts_with("Nothing to answer"));
    assert_eq!(home.run(&["login"]).ok(), format!("Already logged in to {api} as {ANN}.\n"));
    home.run(&["doctor"]).ok();
    let other = server();
    let elsewhere = home.run(&["status", "--base-url", other.api()]).failed(4);
    assert!(elsewhere.contains(other.api()) && elsewhere.contains(&api), "{elsewhere}");
    assert_eq!(other.requests().len(), 0);
    let forgotten = home.run(&["logout"]).ok();
    assert_eq!(forgotten, format!("The API key of {ANN} at {api} is forgotten here, and stays valid.\n"));
    assert!(!home.session_file().exists());
    home.run(&["status"]).failed(4);
    assert_eq!(home.logins(), 0);
}

#[test]
fn a_key_comes_from_standard_input_and_needs_no_server_once_it_is_kept() {
    let mut home = Home::of(server());
    let login = home.run_with_stdin(&["login", "--api-key", "--profile", "key", "--json"], "bob-key-4711\nmore\n");
    assert_eq!(login.code, Some(0), "{login:?}");
    assert_eq!((&login.json()["state"], &login.json()["user"]), (&json!("api_key"), &json!(BOB)));
    home.variables.clear();
    assert_eq!(who(&home, &["--profile", "key"]), "bob@example.com with the kept API key");
    home.run(&["status"]).failed(4);
}

#[test]
fn a_key_of_another_user_than_the_named_one_is_not_kept() {
    let home = Home::of(server());
    let error = home.run(&["login", "--user", BOB, "--api-key-file", &secret(&home, ANN, "key")]).failed(4);
    assert!(error.contains("belongs to ann@example.com, not to bob@example.com"), "{error}");
    assert!(!home.session_file().exists());
}

#[test]
fn a_login_says_what_comes_before_what_it_kept() {
    let home = Home::of(server()).with("QUATRIX_API_KEY", "ann-key-4711");
    let login = home.run(&["login", "--user", BOB, "--password-file", &secret(&home, BOB, "password")]);
    assert_eq!(login.code, Some(0), "{login:?}");
    assert_eq!(login.err, "quatrix: QUATRIX_API_KEY is used before what is kept now\n");
}

#[test]
fn files_with_secrets_that_others_can_read_are_refused_with_the_fix() {
    let home = Home::of(server());
    let (key, password) = (secret(&home, ANN, "key"), secret(&home, ANN, "password"));
    let config = json!({ "default": { "base_url": home.emulator.api(), "api_key_file": &key } });
    let config = home.write("config.json", &config.to_string()).display().to_string();
    let variable = |name: &str, value: &str| {
        let home = Home { variables: home.variables.clone(), ..Home::of(server()) };
        home.with(name, value)
    };
    let cases = [
        (variable("X", "x"), &key, vec!["status", "--api-key-file", &key]),
        (variable("X", "x"), &key, vec!["login", "--api-key-file", &key]),
        (variable("X", "x"), &password, vec!["status", "--user", ANN, "--password-file", &password]),
        (variable("X", "x"), &password, vec!["login", "--user", ANN, "--password-file", &password]),
        (variable("QUATRIX_API_KEY_FILE", &key), &key, vec!["status"]),
        (variable("QUATRIX_PASSWORD_FILE", &password), &password, vec!["status", "--user", ANN]),
        (variable("QUATRIX_CONFIG", &config), &config, vec!["status"]),
    ];
    for mode in [0o644, 0o640, 0o604, 0o620] {
        for (home, file, args) in &cases {
            fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
            let error = home.run(args).failed(13);
            assert!(error.ends_with(&format!("  Next: chmod 600 '{file}'\n")), "{args:?}: {error}");
            home.run(&[&args[..], &["--allow-insecure-files"]].concat()).ok();
            let container = Home { variables: home.variables.clone(), ..Home::of(server()) };
            container.with("QUATRIX_ALLOW_INSECURE_FILES", "1").run(args).ok();
            fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
            home.run(args).ok();
        }
    }
    assert!(home.emulator.requests().iter().any(|request| request.status == 200));
}

#[test]
fn a_key_is_read_through_no_link_or_pipe_and_from_no_folder_of_others() {
    let home = Home::of(server());
    let key = secret(&home, ANN, "key");
    let [link, pipe, shared] = ["link", "pipe", "shared/key"].map(|name| crate::support::here(&home, name));
    std::os::unix::fs::symlink(&key, &link).unwrap();
    assert!(std::process::Command::new("mkfifo").args(["-m", "600", &pipe]).status().unwrap().success());
    home.write("shared/key", &fs::read_to_string(&key).unwrap());
    let folder = crate::support::here(&home, "shared");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    for file in [&link, &pipe] {
        let error = home.run(&["status", "--api-key-file", file]).failed(13);
        assert!(error.contains(&format!("{file} is not a plain file")), "{error}");
    }
    let error = home.run(&["status", "--api-key-file", &shared]).failed(13);
    assert!(error.ends_with(&format!("  Next: chmod go-w '{folder}'\n")), "{error}");
    for file in [&link, &shared] {
        home.run(&["status", "--api-key-file", file, "--allow-insecure-files"]).ok();
    }
}

#[test]
fn a_configuration_without_secrets_may_be_read_by_others() {
    let home = Home::of(server());
    let config =
        home.write(".config/quatrix/config.json", r#"{"default": {"timeout": "20s", "user": "ann@example.com"}}"#);
    fs::set_permissions(config, fs::Permissions::from_mode(0o644)).unwrap();
    home.run(&["login", "--password-file", &secret(&home, ANN, "password")]).ok();
}

#[test]
fn a_wrong_setting_is_named_as_it_was_written() {
    let home = Home::of(server());
    let error = |home: &Home, args: &[&str]| home.run(&[&["status"], args].concat()).failed(2);
    for (option, value) in [
        ("--timeout", "abc"),
        ("--max-time", "abc"),
        ("--retries", "abc"),
        ("--profile", "../x"),
        ("--base-url", "http://acme.com/api/1.0"),
        ("--host", "not a name"),
    ] {
        let mut home = Home { variables: home.variables.clone(), ..Home::of(server()) };
        home.variables.clear();
        let text = error(&home, &[option, value]);
        assert!(text.contains(option), "{text}");
        let name = format!("QUATRIX_{}", option[2..].replace('-', "_").to_uppercase());
        let home = home.with(&name, value);
        let text = error(&home, &[]);
        assert!(text.contains(&name) && !text.contains(option), "{text}");
        home.run(&["doctor"]).failed(2);
        if option == "--profile" {
            continue;
        }
        let key = option[2..].replace('-', "_");
        let config = home.write("config.json", &json!({ "default": { &key: value } }).to_string());
        let home =
            Home { variables: Vec::new(), ..Home::of(server()) }.with("QUATRIX_CONFIG", config.to_str().unwrap());
        let text = error(&home, &[]);
        assert!(text.contains(&format!("{key} in {}", config.display())), "{text}");
    }
    let key = home.with("QUATRIX_API_KEY", "not a key of any kind");
    assert!(error(&key, &[]).starts_with("quatrix: QUATRIX_API_KEY: "));
}

#[test]
fn an_error_of_the_configuration_quotes_no_value() {
    let home = Home::of(server());
    for (config, expected) in [
        (r#"{"default": {"proxy": ["http://me:canary@proxy"]}}"#, "default.proxy must be a text in quotes at line 1, "),
        ("{\"default\": {\n\"proxy\": canary}}", "at line 2, column "),
        (r#"{"default": "http://me:canary@proxy"}"#, "default must be an object at line 1, column "),
    ] {
        home.write(".config/quatrix/config.json", config);
        for args in [&["status"][..], &["status", "--json"], &["login", "--json"], &["doctor"]] {
            // Both outputs are searched for the canary by `run`.
            let error = home.run(args).failed(2);
            assert!(error.contains(expected), "{error}");
        }
    }
}

#[test]
fn the_account_is_checked_before_a_password_leaves_in_every_command_that_logs_in() {
    let home = Home::of(server());
    let password = secret(&home, ANN, "password");
    let key = secret(&home, ANN, "key");
    for (account, code) in [("<h1>Hello</h1>", 11), ("{}", 11), (r#"{"status":"S"}"#, 4)] {
        let page = Recorder::start(account, "token", ANN);
        let refused = |args: &[&str], secret: &str| {
            let ended = home.run(&[args, &["--base-url", &page.base_url]].concat());
            assert_eq!(ended.code, Some(code), "{args:?}: {ended:?}");
            assert!(!page.has_received(secret), "{args:?}");
        };
        for command in [&["login"][..], &["status"], &["ls"], &["token"], &["api", "GET", "/x"], &["doctor"]] {
            let args = [command, &["--user", ANN, "--password-file", &password]].concat();
            refused(&args, "ann-password-4711");
        }
        refused(&["login", "--api-key-file", &key], "ann-key-4711");
    }
}

#[test]
fn a_login_keeps_nothing_where_there_is_no_place_to_keep_it() {
    let home = Home::of(server());
    let args = ["login", "--api-key-file", &secret(&home, ANN, "key")];
    let ended = Ended::of(home.command(&args).env_remove("HOME").output().unwrap());
    assert!(ended.failed(2).contains("QUATRIX_STATE_DIR"));
    assert_eq!(home.asked(), []);
}
