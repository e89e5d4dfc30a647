//! Logging in and what follows, as a script sees it.

use quatrix_emulator::{Accounts, CaptchaSignal, Emulator, Settings};
use serde_json::json;

use crate::support::{CAPTCHA, Canned, Home, PASSWORD, PIN, TOTP, USER};

#[test]
fn a_password_is_enough_for_an_account_without_a_second_factor() {
    let home = Home::new();
    let api = home.emulator.api();
    let password = home.password_file();
    let login = home.run(&["login", "--user", USER, "--password-file", &password]).ok();
    assert_eq!(login, format!("Logged in to {api} as {USER}.\n"));
    assert_eq!(home.run(&["status"]).ok(), format!("Logged in to {api} as {USER}, with the kept session.\n"));
    assert_eq!(home.run(&["keepalive"]).ok(), "The session lives for another 15 minutes.\n");
    assert_eq!(home.run(&["logout"]).ok(), format!("Logged out of {api}.\n"));
    assert_eq!(home.run(&["status"]).failed(4), "quatrix: not logged in\n  Next: quatrix login\n");
    assert_eq!(home.run(&["logout"]).ok(), "Nobody was logged in.\n");
    let asked = [
        ("GET", "/account/metadata", 200),
        ("GET", "/session/login", 200),
        ("GET", "/profile", 200),
        ("GET", "/session/keepalive", 200),
        ("GET", "/session/logout", 200),
    ];
    assert_eq!(home.asked(), asked.map(|(method, path, status)| (method.to_owned(), path.to_owned(), status)));
}

#[test]
fn the_password_comes_from_standard_input_a_file_or_the_environment() {
    let home = Home::new();
    let args = ["login", "--user", USER];
    home.run_with_stdin(&["login", "--user", USER, "--password-stdin"], &format!("{PASSWORD}\nmore")).ok();
    home.run(&["logout"]).ok();
    let variable = |name: &str, value: &str| {
        let home = Home::new().with(name, value);
        home.run(&args).ok();
        home.run(&["logout"]).ok();
    };
    variable("QUATRIX_PASSWORD", PASSWORD);
    variable("QUATRIX_PASSWORD_FILE", &home.password_file());
    let error = home.run(&args).failed(4);
    assert!(error.contains("QUATRIX_PASSWORD_FILE"), "{error}");
    let error = home.run(&["login"]).failed(2);
    assert!(error.contains("--user"), "{error}");
}

#[test]
fn a_pending_challenge_is_answered_by_another_process() {
    let home = Home::new();
    let password = home.password_file();
    let login = home.run(&["login", "--user", TOTP, "--password-file", &password]);
    let challenge = json!({
        "state": "challenged", "server": home.emulator.api(), "user": TOTP, "challenge": "totp", "refused": 0,
        "answer_with": "quatrix answer --code CODE",
    });
    assert_eq!((login.code, login.json()), (Some(5), challenge));
    assert!(login.err.ends_with("  Next: quatrix answer --code CODE\n"), "{}", login.err);

    let status = home.run(&["status", "--json"]);
    assert_eq!((status.code, &status.json()["state"]), (Some(5), &json!("challenged")));
    assert_eq!(home.run(&["api", "GET", "/profile"]).code, Some(5));
    assert_eq!(home.run(&["token"]).code, Some(5));

    let wrong = home.run(&["answer", "--code", "1234567"]);
    assert_eq!((wrong.code, wrong.out.as_str()), (Some(4), ""));
    assert!(wrong.err.contains("`ps`") && wrong.err.contains("refused the answer"), "{}", wrong.err);
    let pending = home.run(&["answer"]);
    assert_eq!((pending.code, &pending.json()["refused"]), (Some(5), &json!(1)));

    let code = home.emulator.code(TOTP).unwrap();
    let answered = home.run(&["answer", "--code", &code]);
    assert_eq!(answered.code, Some(0), "{answered:?}");
    assert_eq!(answered.out, format!("Logged in to {} as {TOTP}.\n", home.emulator.api()));
    assert!(home.run(&["answer"]).ok().starts_with("Nothing to answer"));
    home.run(&["status"]).ok();
    assert_eq!(home.logins(), 1);
}

#[test]
fn a_program_or_the_environment_knows_the_code() {
    let home = Home::new();
    let password = home.password_file();
    let home = home.with("QUATRIX_PASSWORD", PASSWORD);
    let script =
        format!("echo \"$QUATRIX_CHALLENGE\" >> asked; env > seen; echo {}", home.emulator.code(TOTP).unwrap());
    let script = home.write("code.sh", &script);
    let command = format!("cd {} && sh {}", home.folder.path().display(), script.display());
    home.run(&["login", "--user", TOTP, "--password-file", &password, "--code-command", &command]).ok();
    assert_eq!(std::fs::read_to_string(home.folder.path().join("asked")).unwrap(), "totp\n");
    let seen = std::fs::read_to_string(home.folder.path().join("seen")).unwrap();
    assert!(seen.contains("QUATRIX_CHALLENGE=totp") && !seen.contains(PASSWORD), "{seen}");
    home.run(&["logout"]).ok();

    let pin = Home::new().with("QUATRIX_CODE", "24680").with("QUATRIX_PASSWORD", PASSWORD);
    pin.run(&["login", "--user", PIN]).ok();

    for (command, why) in [("exit 3", "failed: exit status: 3"), ("true", "printed nothing")] {
        let failed = home.run(&["login", "--user", TOTP, "--password-file", &password, "--code-command", command]);
        assert_eq!(failed.code, Some(1), "{failed:?}");
        assert!(failed.err.contains(why), "{failed:?}");
    }
}

#[test]
fn a_code_that_a_program_prints_twice_is_sent_once() {
    let home = Home::new();
    let password = home.password_file();
    let login = ["login", "--user", TOTP, "--password-file", &password, "--code-command", "echo 1234567"];
    assert_eq!(home.run(&login).failed(4).lines().next(), Some("quatrix: the server refused the answer"));
    let answers = home.asked().into_iter().filter(|(method, path, _)| method == "POST" && path == "/session/login");
    assert_eq!(answers.count(), 1);
}

#[test]
fn a_captcha_is_answered_with_its_token() {
    let home = Home::new();
    let password = home.password_file();
    let login = home.run(&["login", "--user", CAPTCHA, "--password-file", &password]);
    assert_eq!((login.code, &login.json()["challenge"]), (Some(5), &json!("captcha")));
    assert_eq!(login.json()["answer_with"], json!("quatrix answer --captcha TOKEN"));
    assert!(home.run(&["answer", "--captcha", "wrong"]).failed(4).contains("refused the answer"));
    home.run(&["answer", "--captcha", "test-captcha-4711"]).ok();
    home.run(&["status"]).ok();
}

#[test]
fn the_name_is_checked_before_the_password_leaves() {
    let home = Home::new();
    let password = home.password_file();
    let login =
        |base_url: &str| home.run(&["login", "--base-url", base_url, "--user", USER, "--password-file", &password]);
    let web_page = Canned::start(200, "content-type: text/html", "<h1>Hello</h1>");
    login(&web_page.base_url).failed(11);
    assert_eq!(web_page.connections(), 1);
    let missing = Canned::json(404, r#"{"code":20,"msg":"no"}"#);
    assert!(login(&missing.base_url).failed(11).contains("is not a Quatrix account"));
    assert_eq!(missing.connections(), 1);
    let suspended = Canned::json(200, r#"{"status":"S"}"#);
    assert!(login(&suspended.base_url).failed(4).contains("is suspended"));
    assert_eq!(suspended.connections(), 1);
    login("http://127.0.0.1:1/api/1.0").failed(9);
    home.run(&["login", "--host", "no-such-name.invalid", "--user", USER, "--password-file", &password]).code.unwrap();
}

#[test]
fn a_wrong_password_is_sent_once() {
    let home = Home::new();
    let wrong = home.write("wrong", "wrong\n").display().to_string();
    let error = home.run(&["login", "--user", USER, "--password-file", &wrong]).failed(4);
    assert!(error.starts_with("quatrix: session.login: "), "{error}");
    assert_eq!(home.logins(), 1);
    assert!(!home.session_file().exists());
}

#[test]
fn a_login_without_a_password_keeps_the_session_that_is_alive() {
    let home = Home::new();
    home.log_in();
    let again = home.run(&["login", "--user", USER]).ok();
    assert_eq!(again, format!("Already logged in to {} as {USER}.\n", home.emulator.api()));
    assert_eq!(home.logins(), 1);
    home.emulator.expire(None);
    home.log_in();
    assert_eq!(home.logins(), 2);
}

#[test]
fn an_expired_session_is_named_as_such() {
    let home = Home::new();
    home.log_in();
    home.emulator.advance(std::time::Duration::from_secs(16 * 60));
    let error = home.run(&["status"]).failed(4);
    assert_eq!(
        error,
        "quatrix: the session has expired\n  The server ends a session 15 minutes after its last call.\n  \
         Next: quatrix login\n"
    );
    assert_eq!(home.run(&["keepalive"]).code, Some(4));
    assert_eq!(home.run(&["keepalive", "--watch"]).code, Some(4));
}

#[test]
fn later_commands_need_neither_host_nor_user() {
    let mut home = Home::new();
    home.log_in();
    let api = home.emulator.api().to_owned();
    home.variables.clear();
    home.run(&["status"]).ok();
    home.emulator.expire(None);
    let password = home.password_file();
    assert_eq!(home.run(&["login", "--password-file", &password]).ok(), format!("Logged in to {api} as {USER}.\n"));
}

#[test]
fn profiles_keep_sessions_apart() {
    let home = Home::new();
    home.log_in();
    let password = home.password_file();
    assert!(home.run(&["status", "--profile", "work"]).failed(4).ends_with("Next: quatrix login --profile work\n"));
    let home = home.with("QUATRIX_PROFILE", "work");
    assert!(home.run(&["status"]).failed(4).ends_with("Next: quatrix login --profile work\n"));
    home.run(&["login", "--user", PIN, "--password-file", &password]).code.unwrap();
    home.run(&["answer", "--code", "24680"]).code.unwrap();
    assert!(home.run(&["status"]).ok().contains(PIN));
    assert!(home.run(&["status", "--profile", "default"]).ok().contains(USER));
}

#[test]
fn a_server_that_does_not_name_the_factor_gets_what_the_caller_says() {
    let settings = Settings { pin_mfa_code: None, ..Settings::default() };
    let home = Home::of(Emulator::builder().settings(settings).start().unwrap());
    let password = home.password_file();
    let login = home.run(&["login", "--user", PIN, "--password-file", &password]);
    assert_eq!((login.code, &login.json()["challenge"]), (Some(5), &json!("unnamed")));
    assert_eq!(home.run(&["answer", "--code", "24680", "--pin"]).code, Some(0));
}

#[test]
fn a_captcha_without_a_session_is_just_a_refusal() {
    let settings = Settings { captcha_signal: CaptchaSignal::Silent, ..Settings::default() };
    let home = Home::of(Emulator::builder().settings(settings).start().unwrap());
    let password = home.password_file();
    home.run(&["login", "--user", CAPTCHA, "--password-file", &password]).failed(4);
}

#[test]
fn text_of_the_server_cannot_reach_the_terminal_unescaped() {
    let accounts = Accounts::from_json(
        r#"{"accounts": [{"user": "user@example.com", "password": "only-for-tests-4711", "name": "\u001b[31mEve\u202e"}]}"#,
    );
    let home = Home::of(Emulator::builder().accounts(accounts.unwrap()).start().unwrap());
    home.log_in();
    let status = home.run(&["status"]).ok();
    assert!(status.contains("(\\u{1b}[31mEve\\u{202e})"), "{status}");
    let json = home.run(&["status", "--json"]).ok();
    assert!(json.contains(r#""name":"\u001b[31mEve\u202e""#), "{json}");
    let refusal = Canned::json(403, "{\"code\":50,\"msg\":\"\\u001b]0;x\\u0007\"}");
    let error = home.run(&["status", "--base-url", &refusal.base_url]).err;
    assert!(!error.contains('\x1b'), "{error}");
}

#[test]
fn tls_is_trusted_by_the_authority_that_is_named_and_by_no_other() {
    let home = Home::of(Emulator::builder().tls().start().unwrap());
    let password = home.password_file();
    let error = home.run(&["login", "--user", USER, "--password-file", &password]).failed(9);
    assert!(error.contains("--ca-cert FILE"), "{error}");
    assert_eq!(home.asked(), []);
    let authority = home.emulator.ca_cert_path().unwrap().to_str().unwrap();
    home.run(&["login", "--user", USER, "--password-file", &password, "--ca-cert", authority]).ok();
    let missing = home.run(&["status", "--ca-cert", "/nonexistent.pem"]).failed(13);
    assert!(missing.contains("/nonexistent.pem"), "{missing}");
}

#[test]
fn m46_what_is_exchanged_is_told_without_secrets() {
    let home = Home::new().with("QUATRIX_PASSWORD", PASSWORD).with("QUATRIX_CODE", &"x".repeat(7));
    let login = home.run(&["login", "--user", TOTP, "-vv"]);
    assert_eq!(login.code, Some(4));
    let told: Vec<_> = login.err.lines().map(|line| line.split(" (").next().unwrap().to_owned()).collect();
    assert_eq!(
        told[..5],
        [
            "quatrix: account.metadata: GET /account/metadata -> 200",
            "quatrix: session.login: GET /session/login -> 207",
            "quatrix: the server wants the code of an authenticator",
            "quatrix: session.second_factor: POST /session/login -> 401",
            "quatrix: the server wants the code of an authenticator",
        ]
    );
    assert!(!login.err.contains(PASSWORD) && !login.err.contains("xxxxxxx"), "{}", login.err);
}
