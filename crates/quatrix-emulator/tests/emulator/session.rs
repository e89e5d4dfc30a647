//! The session operations with every setting at its default.

use bytes::Bytes;
use quatrix_emulator::{Account, Accounts, Settings};
use serde_json::json;

use crate::support::{Answer, CAPTCHA, Memory, NONE, PASSWORD, get};

#[test]
fn a_password_logs_in_and_a_profile_says_who() {
    let mut memory = Memory::new();
    let login = memory.login("user@example.com");
    assert_eq!((login.status, login.header("mfa-code")), (200, None));
    assert_eq!(login.json.as_object().unwrap().len(), 1);
    let profile = memory.get("/profile", &login.session_id());
    assert_eq!(profile.status, 200);
    assert_eq!(profile.json["email"], "user@example.com");
    assert_eq!(profile.json["is_contact"], false);
    let info = memory.get("/profile/info", &login.session_id());
    assert_eq!(info.json, json!({ "user_used": 0, "user_limit": -1, "acc_used": 0, "acc_limit": 1_u64 << 40 }));
}

#[test]
fn a_wrong_password_and_an_unknown_user_are_refused_alike() {
    let mut memory = Memory::new();
    let wrong = memory.login_with("user@example.com", "wrong");
    let unknown = memory.login("nobody@example.com");
    assert_eq!(wrong.refusal(), (401, 14));
    assert_eq!(wrong.json, unknown.json);
}

#[test]
fn a_password_may_hold_colons_and_any_script_and_an_address_any_case() {
    let accounts = Accounts::new(vec![Account::new("Ann@Example.com", "pass:wörd:密")]);
    let mut memory = Memory::of(Settings::default(), accounts);
    assert_eq!(memory.login_with("ann@example.com", "pass:wörd:密").status, 200);
    assert_eq!(memory.login_with("ann@example.com", "pass").status, 401);
}

#[test]
fn credentials_that_are_no_basic_credentials_are_refused() {
    let mut memory = Memory::new();
    for header in ["", "Basic", "Basic !!!", "Basic /w==", "Basic bm9jb2xvbg==", "Bearer test-key-4711"] {
        let request = get("/session/login").header("authorization", header).body(Bytes::new()).unwrap();
        assert_eq!(Answer::new(memory.send(request)).refusal(), (401, 14), "{header}");
    }
    let request = get("/session/login").body(Bytes::new()).unwrap();
    assert_eq!(Answer::new(memory.send(request)).refusal(), (401, 14));
}

#[test]
fn a_one_time_code_completes_a_partial_session() {
    let mut memory = Memory::new();
    let login = memory.login("totp@example.com");
    assert_eq!((login.status, login.header("mfa-code")), (207, Some("71")));
    let id = login.session_id();
    assert_eq!(memory.get("/profile", &id).refusal(), (401, 71));
    assert_eq!(memory.get("/session/keepalive", &id).refusal(), (401, 71));
    assert_eq!(memory.answer(&id, "2FA", "000000").refusal(), (401, 83));
    let code = memory.code("totp@example.com");
    assert_eq!(memory.answer(&id, "PIN", &code).refusal(), (401, 84));
    let answer = memory.answer(&id, "2FA", &code);
    assert_eq!((answer.status, answer.json), (200, json!({ "session_id": id })));
    assert_eq!(memory.get("/profile", &id).status, 200);
    assert_eq!(memory.answer(&id, "2FA", &code).refusal(), (401, 70));
}

#[test]
fn a_one_time_code_may_be_a_step_early_or_late_and_no_more() {
    let mut memory = Memory::new();
    memory.pass(300);
    let code = memory.code("totp@example.com");
    memory.elapsed -= std::time::Duration::from_secs(60);
    for expected in [401, 200, 200, 200, 401] {
        let id = memory.login("totp@example.com").session_id();
        assert_eq!(memory.answer(&id, "2FA", &code).status, expected, "{:?}", memory.elapsed);
        memory.pass(30);
    }
}

#[test]
fn a_one_time_code_works_twice_unless_set_otherwise() {
    for (totp_single_use, expected) in [(false, 200), (true, 401)] {
        let mut memory = Memory::with(Settings { totp_single_use, ..Settings::default() });
        let code = memory.code("totp@example.com");
        let id = memory.login("totp@example.com").session_id();
        assert_eq!(memory.answer(&id, "2FA", &code).status, 200);
        let id = memory.login("totp@example.com").session_id();
        assert_eq!(memory.answer(&id, "2FA", &code).status, expected);
        memory.pass(30);
        let code = memory.code("totp@example.com");
        assert_eq!(memory.answer(&id, "2FA", &code).status, if totp_single_use { 200 } else { 401 });
    }
}

#[test]
fn a_pin_completes_a_partial_session() {
    let mut memory = Memory::new();
    let login = memory.login("pin@example.com");
    assert_eq!((login.status, login.header("mfa-code")), (207, Some("73")));
    let id = login.session_id();
    assert_eq!(memory.get("/profile", &id).refusal(), (401, 73));
    assert_eq!(memory.answer(&id, "PIN", "24681").refusal(), (401, 84));
    assert_eq!(memory.answer(&id, "2FA", "24680").refusal(), (401, 83));
    assert_eq!(memory.answer(&id, "PIN", "24680").status, 200);
    assert_eq!(memory.get("/profile", &id).status, 200);
}

#[test]
fn a_captcha_is_asked_for_until_it_is_passed_once() {
    let mut memory = Memory::new();
    assert_eq!(memory.login_with("captcha@example.com", "wrong").refusal(), (401, 14));
    let login = memory.login("captcha@example.com");
    assert_eq!((login.status, login.header("mfa-code")), (207, Some("72")));
    let id = login.session_id();
    assert_eq!(memory.get("/profile", &id).refusal(), (401, 72));
    assert_eq!(memory.answer(&id, "2FA", "000000").refusal(), (401, 72));
    let wrong = memory.post("/session/unblock-captcha", &id, &json!({ "token": "wrong" }));
    assert_eq!((wrong.status, wrong.json), (401, json!({ "valid": false })));
    let right = memory.post("/session/unblock-captcha", &id, &json!({ "token": CAPTCHA }));
    assert_eq!((right.status, right.json), (200, json!({ "valid": true })));
    assert_eq!(memory.get("/profile", &id).status, 200);
    assert_eq!(memory.login("captcha@example.com").status, 200);
}

#[test]
fn a_captcha_without_a_session_or_a_token_is_an_error_of_another_kind() {
    let mut memory = Memory::new();
    let id = memory.login("captcha@example.com").session_id();
    assert_eq!(memory.post("/session/unblock-captcha", &id, &json!({})).refusal(), (400, 11));
    assert_eq!(memory.get("/session/unblock-captcha", &id).refusal(), (400, 11));
    assert_eq!(memory.post("/session/unblock-captcha", "gone", &json!({ "token": CAPTCHA })).refusal(), (401, 14));
}

#[test]
fn a_captcha_falls_due_after_wrong_passwords_in_a_row() {
    let mut memory = Memory::with(Settings { captcha_after: Some(2), ..Settings::default() });
    let try_wrong = |memory: &mut Memory| assert_eq!(memory.login_with("pin@example.com", "wrong").status, 401);
    try_wrong(&mut memory);
    assert_eq!(memory.login("pin@example.com").header("mfa-code"), Some("73"));
    try_wrong(&mut memory);
    try_wrong(&mut memory);
    assert_eq!(memory.login("user@example.com").status, 200);
    let login = memory.login("pin@example.com");
    assert_eq!(login.header("mfa-code"), Some("72"));
    let id = login.session_id();
    assert_eq!(memory.post("/session/unblock-captcha", &id, &json!({ "token": CAPTCHA })).status, 200);
    assert_eq!(memory.get("/profile", &id).refusal(), (401, 73));
    assert_eq!(memory.answer(&id, "PIN", "24680").status, 200);
}

#[test]
fn a_session_lives_15_minutes_after_its_last_call() {
    let mut memory = Memory::new();
    let id = memory.session();
    for path in ["/session/keepalive", "/profile", "/profile/info", "/file/csv/x"] {
        memory.pass(899);
        assert_eq!(memory.get(path, &id).status, if path == "/file/csv/x" { 404 } else { 200 }, "{path}");
    }
    // What is not emulated is not authenticated either, and so extends nothing.
    memory.pass(1);
    assert_eq!(memory.get("/profile", &id).refusal(), (401, 14));
    let id = memory.session();
    memory.pass(900);
    assert_eq!(memory.get("/session/keepalive", &id).refusal(), (401, 14));
}

#[test]
fn another_idle_timeout_is_kept_too() {
    let idle_timeout = std::time::Duration::from_secs(5);
    let mut memory = Memory::with(Settings { idle_timeout, ..Settings::default() });
    let id = memory.session();
    memory.pass(4);
    assert_eq!(memory.get("/session/keepalive", &id).status, 200);
    memory.pass(5);
    assert_eq!(memory.get("/session/keepalive", &id).status, 401);
}

#[test]
fn keepalive_and_logout_answer_without_a_body() {
    let mut memory = Memory::new();
    let id = memory.session();
    let keepalive = memory.get("/session/keepalive", &id);
    assert_eq!((keepalive.status, keepalive.json), (200, NONE));
    let logout = memory.get("/session/logout", &id);
    assert_eq!((logout.status, logout.json), (200, NONE));
    assert_eq!(memory.get("/session/logout", &id).refusal(), (401, 14));
    assert_eq!(memory.get("/profile", &id).refusal(), (401, 14));
}

#[test]
fn a_partial_session_can_be_logged_out() {
    let mut memory = Memory::new();
    for user in ["totp@example.com", "captcha@example.com"] {
        let id = memory.login(user).session_id();
        assert_eq!(memory.get("/session/logout", &id).status, 200);
        assert_eq!(memory.answer(&id, "2FA", "000000").refusal(), (401, 14));
    }
}

#[test]
fn each_login_has_a_session_of_its_own() {
    let mut memory = Memory::new();
    let (one, two) = (memory.session(), memory.session());
    assert_ne!(one, two);
    assert_eq!(memory.get("/session/logout", &one).status, 200);
    assert_eq!(memory.get("/profile", &two).status, 200);
}

#[test]
fn an_api_key_works_where_a_session_does_and_not_for_the_session_itself() {
    let mut memory = Memory::new();
    let mut ask = |path: &str, key: &str| {
        let request = get(path).header("authorization", format!("Bearer {key}")).body(Bytes::new()).unwrap();
        let answer = Answer::new(memory.send(request));
        memory.pass(3600);
        answer
    };
    assert_eq!(ask("/profile", "test-key-4711").json["email"], "user@example.com");
    assert_eq!(ask("/profile/info", "test-key-4711").status, 200);
    assert_eq!(ask("/profile", "another-key").refusal(), (401, 14));
    assert_eq!(ask("/session/keepalive", "test-key-4711").refusal(), (401, 14));
    assert_eq!(ask("/session/logout", "test-key-4711").refusal(), (401, 14));
}

#[test]
fn the_account_tells_about_itself_without_a_login() {
    let mut memory = Memory::new();
    let answer = Answer::new(memory.send(get("/account/metadata").body(Bytes::new()).unwrap()));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json["status"], "A");
    assert_eq!(answer.json["default_logo"], true);
}

#[test]
fn sessions_of_one_user_or_of_all_can_be_ended_from_outside() {
    let mut memory = Memory::new();
    let user = memory.session();
    let pin = memory.login("pin@example.com").session_id();
    assert!(memory.server.expire(Some("PIN@example.com")));
    assert!(!memory.server.expire(Some("nobody@example.com")));
    assert_eq!(memory.answer(&pin, "PIN", "24680").refusal(), (401, 14));
    assert_eq!(memory.get("/profile", &user).status, 200);
    assert!(memory.server.expire(None));
    assert_eq!(memory.get("/profile", &user).refusal(), (401, 14));
}

#[test]
fn a_reset_makes_all_as_it_was_and_repeats_no_id() {
    let mut memory = Memory::with(Settings { totp_single_use: true, ..Settings::default() });
    let old = memory.session();
    let captcha = memory.login("captcha@example.com").session_id();
    memory.post("/session/unblock-captcha", &captcha, &json!({ "token": CAPTCHA }));
    let code = memory.code("totp@example.com");
    let totp = memory.login("totp@example.com").session_id();
    assert_eq!(memory.answer(&totp, "2FA", &code).status, 200);

    memory.server.reset();
    assert_eq!(memory.server.requests().count(), 0);
    assert_eq!(memory.get("/profile", &old).refusal(), (401, 14));
    assert_ne!(memory.session(), old);
    assert_eq!(memory.login("captcha@example.com").header("mfa-code"), Some("72"));
    let totp = memory.login("totp@example.com").session_id();
    assert_eq!(memory.answer(&totp, "2FA", &code).status, 200);
}

#[test]
fn equal_servers_give_equal_answers() {
    let run = || {
        let mut memory = Memory::new();
        let login = memory.login("user@example.com").session_id();
        let profile = memory.get("/profile", &login).json;
        (login, profile, memory.login("totp@example.com").session_id())
    };
    assert_eq!(run(), run());
}

#[test]
fn requests_are_remembered_without_their_secrets() {
    let mut memory = Memory::new();
    let id = memory.session();
    let totp = memory.login("totp@example.com").session_id();
    let code = memory.code("totp@example.com");
    memory.answer(&totp, "2FA", &code);
    memory.get("/session/unblock-captcha?token=test-captcha-4711", &id);
    memory.get("/profile", "stale");
    memory.get(&format!("/wrong/{id}"), &id);

    let seen: Vec<_> = memory.server.requests().map(|one| (one.operation, one.path.as_str(), one.status)).collect();
    assert_eq!(
        seen,
        [
            (Some("/session/login"), "/api/1.0/session/login", 200),
            (Some("/session/login"), "/api/1.0/session/login", 207),
            (Some("/session/login"), "/api/1.0/session/login", 200),
            (Some("/session/unblock-captcha"), "/api/1.0/session/unblock-captcha?token=***", 200),
            (Some("/profile"), "/api/1.0/profile", 401),
            (None, "/api/1.0/wrong/***", 404),
        ]
    );
    let tokens: Vec<_> = memory.server.requests().map(|one| one.headers.get("x-auth-token").cloned()).collect();
    let tokens: Vec<_> = tokens.iter().map(|token| token.as_ref().map(|token| token.to_str().unwrap())).collect();
    assert_eq!(tokens, [None, None, Some("session 2"), Some("session 1"), Some("***"), Some("session 1")]);
    assert_eq!(memory.server.requests().next().unwrap().headers["authorization"], "Basic ***");

    let shown = format!("{:?} {:?}", memory.server, memory.server.requests().collect::<Vec<_>>());
    for secret in [PASSWORD, &id, &totp, &code, "test-key-4711", "b25seS1mb3I"] {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
}
