//! Every value of the settings that answer an open question; the number of the question leads the name.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use quatrix_emulator::{
    Account, Accounts, CaptchaMethod, CaptchaSignal, CodeEncoding, IdPlace, Refused, SecondFactorId, Settings,
};
use serde_json::json;

use crate::support::{CAPTCHA, Memory};

#[test]
fn q01_a_partial_session_is_announced_with_the_number_that_is_set() {
    for (code, header) in [(Some(61), Some("61")), (Some(73), Some("73")), (None, None)] {
        let mut memory = Memory::with(Settings { totp_mfa_code: code, ..Settings::default() });
        let login = memory.login("totp@example.com");
        assert_eq!((login.status, login.header("mfa-code")), (207, header));
        assert_eq!(memory.login("pin@example.com").header("mfa-code"), Some("73"));
        let code = memory.code("totp@example.com");
        assert_eq!(memory.answer(&login.session_id(), "2FA", &code).status, 200);
    }
    let mut memory = Memory::with(Settings { pin_mfa_code: None, ..Settings::default() });
    assert_eq!(memory.login("pin@example.com").header("mfa-code"), None);
    assert_eq!(memory.login("totp@example.com").header("mfa-code"), Some("71"));
}

#[test]
fn q02_a_code_is_taken_in_the_one_encoding_that_is_set() {
    for (code_encoding, plain, encoded) in [(CodeEncoding::Plain, 200, 401), (CodeEncoding::Base64, 401, 200)] {
        let mut memory = Memory::with(Settings { code_encoding, ..Settings::default() });
        let code = memory.code("totp@example.com");
        for (user, auth_type, code) in [("totp@example.com", "2FA", code.as_str()), ("pin@example.com", "PIN", "24680")]
        {
            let id = memory.login(user).session_id();
            assert_eq!(memory.answer(&id, auth_type, code).status, plain);
            let id = memory.login(user).session_id();
            assert_eq!(memory.answer(&id, auth_type, &STANDARD.encode(code)).status, encoded);
        }
    }
}

#[test]
fn q04_the_second_factor_keeps_the_id_or_changes_it_or_does_not_say_it() {
    let answered = |second_factor_id| {
        let mut memory = Memory::with(Settings { second_factor_id, ..Settings::default() });
        let old = memory.login("pin@example.com").session_id();
        let answer = memory.answer(&old, "PIN", "24680");
        assert_eq!(answer.status, 200);
        (memory, old, answer)
    };
    let (mut memory, old, answer) = answered(SecondFactorId::Kept);
    assert_eq!(answer.session_id(), old);
    assert_eq!(memory.get("/profile", &old).status, 200);

    let (mut memory, old, answer) = answered(SecondFactorId::Rotated);
    assert_ne!(answer.session_id(), old);
    assert_eq!(memory.get("/profile", &old).refusal(), (401, 14));
    assert_eq!(memory.get("/profile", &answer.session_id()).status, 200);

    let (mut memory, old, answer) = answered(SecondFactorId::Omitted);
    assert_eq!(answer.json, json!({}));
    assert_eq!(answer.header("x-auth-token"), None);
    assert_eq!(memory.get("/profile", &old).status, 200);
}

#[test]
fn q05_the_id_is_in_the_body_or_in_a_header() {
    let mut memory = Memory::new();
    let login = memory.login("user@example.com");
    assert_eq!(login.header("x-auth-token"), None);
    assert!(login.json["session_id"].is_string());

    let mut memory = Memory::with(Settings { id_place: IdPlace::Header, ..Settings::default() });
    for (user, status) in [("user@example.com", 200), ("pin@example.com", 207), ("captcha@example.com", 207)] {
        let login = memory.login(user);
        assert_eq!(login.status, status);
        assert!(login.json.get("session_id").is_none() && login.json["account_id"].is_string());
        let id = login.header("x-auth-token").unwrap();
        match user {
            "user@example.com" => assert_eq!(memory.get("/profile", id).status, 200),
            "pin@example.com" => assert_eq!(memory.answer(id, "PIN", "24680").header("x-auth-token"), Some(id)),
            _ => assert_eq!(memory.get("/profile", id).refusal(), (401, 72)),
        }
    }
}

#[test]
fn q06_a_due_captcha_is_signalled_in_the_way_that_is_set() {
    let login = |captcha_signal| {
        let mut memory = Memory::with(Settings { captcha_signal, ..Settings::default() });
        let login = memory.login("captcha@example.com");
        (memory, login)
    };
    let pass = |mut memory: Memory, id: &str| {
        assert_eq!(memory.post("/session/unblock-captcha", id, &json!({ "token": CAPTCHA })).status, 200);
        assert_eq!(memory.get("/profile", id).status, 200);
    };

    let (memory, answer) = login(CaptchaSignal::MultiStatus);
    assert_eq!((answer.status, answer.header("mfa-code"), answer.header("x-auth-token")), (207, Some("72"), None));
    pass(memory, &answer.session_id());

    let (memory, answer) = login(CaptchaSignal::UnauthorizedHeader);
    assert_eq!((answer.refusal(), answer.header("mfa-code")), ((401, 72), Some("72")));
    assert!(answer.json.get("session_id").is_none());
    pass(memory, answer.header("x-auth-token").unwrap());

    let (memory, answer) = login(CaptchaSignal::UnauthorizedBody);
    assert_eq!((answer.refusal(), answer.header("mfa-code")), ((401, 72), None));
    assert_eq!(answer.header("x-auth-token"), None);
    pass(memory, &answer.session_id());

    let (mut memory, answer) = login(CaptchaSignal::Silent);
    assert_eq!(answer.json, memory.login_with("captcha@example.com", "wrong").json);
    assert_eq!((answer.refusal(), answer.header("mfa-code"), answer.header("x-auth-token")), ((401, 14), None, None));
}

#[test]
fn q07_a_captcha_is_taken_by_the_methods_that_are_set() {
    for (captcha_method, by_post, by_get, allow) in [
        (CaptchaMethod::Both, 200, 200, None),
        (CaptchaMethod::Post, 200, 405, Some("POST")),
        (CaptchaMethod::Get, 405, 200, Some("GET")),
    ] {
        let mut memory = Memory::with(Settings { captcha_method, ..Settings::default() });
        let id = memory.login("captcha@example.com").session_id();
        let post = memory.post("/session/unblock-captcha", &id, &json!({ "token": CAPTCHA }));
        let get = memory.get(&format!("/session/unblock-captcha?token={CAPTCHA}"), &id);
        assert_eq!((post.status, get.status), (by_post, by_get));
        assert_eq!(post.header("allow").or_else(|| get.header("allow")), allow);
        assert_eq!(memory.get("/profile", &id).status, 200);
    }
}

#[test]
fn q08_a_right_captcha_logs_in_or_only_lets_the_next_login_through() {
    let captcha = |captcha_logs_in, second_factor: Option<&str>| {
        let factor = second_factor.map(|pin| quatrix_emulator::SecondFactor::Pin(pin.to_owned()));
        let account = Account { captcha: true, second_factor: factor, ..Account::new("a@example.com", "secret") };
        let settings = Settings { captcha_logs_in, ..Settings::default() };
        let mut memory = Memory::of(settings, Accounts::new(vec![account]));
        let id = memory.login_with("a@example.com", "secret").session_id();
        assert_eq!(memory.post("/session/unblock-captcha", &id, &json!({ "token": CAPTCHA })).status, 200);
        (memory, id)
    };
    let (mut memory, id) = captcha(true, None);
    assert_eq!(memory.get("/profile", &id).status, 200);
    let (mut memory, id) = captcha(true, Some("13579"));
    assert_eq!(memory.get("/profile", &id).refusal(), (401, 73));
    assert_eq!(memory.answer(&id, "PIN", "13579").status, 200);
    for (factor, status) in [(None, 200), (Some("13579"), 207)] {
        let (mut memory, id) = captcha(false, factor);
        assert_eq!(memory.get("/profile", &id).refusal(), (401, 14));
        assert_eq!(memory.login_with("a@example.com", "secret").status, status);
    }
}

#[test]
fn q09_a_gone_session_and_a_missing_right_answer_as_set() {
    let contact = Account { contact: true, ..Account::new("a@example.com", "secret") };
    let seen = |settings: Settings| {
        let mut memory = Memory::of(settings, Accounts::new(vec![contact.clone()]));
        let id = memory.login_with("a@example.com", "secret").session_id();
        let profile = memory.get("/profile", &id);
        assert_eq!((profile.status, &profile.json["is_contact"]), (200, &json!(true)));
        let no_right = memory.get("/profile/info", &id).refusal();
        memory.pass(900);
        (memory.get("/profile/info", &id).refusal(), no_right)
    };
    assert_eq!(seen(Settings::default()), ((401, 14), (403, 50)));
    let gone = Refused { status: 401, code: 70 };
    assert_eq!(seen(Settings { gone, ..Settings::default() }), ((401, 70), (403, 50)));
    let gone = Refused { status: 403, code: 60 };
    assert_eq!(seen(Settings { gone, ..Settings::default() }), ((403, 60), (403, 50)));
    let no_right = Refused { status: 401, code: 14 };
    assert_eq!(seen(Settings { no_right, ..Settings::default() }), ((401, 14), (401, 14)));
}

#[test]
fn q11_a_partial_session_lives_like_a_session_or_for_a_time_of_its_own() {
    let mut memory = Memory::new();
    let id = memory.login("pin@example.com").session_id();
    memory.pass(899);
    assert_eq!(memory.answer(&id, "PIN", "00000").refusal(), (401, 84));
    memory.pass(899);
    assert_eq!(memory.answer(&id, "PIN", "00000").refusal(), (401, 84));
    memory.pass(900);
    assert_eq!(memory.answer(&id, "PIN", "24680").refusal(), (401, 14));

    let partial_lifetime = Some(Duration::from_secs(60));
    let mut memory = Memory::with(Settings { partial_lifetime, ..Settings::default() });
    let id = memory.login("pin@example.com").session_id();
    memory.pass(59);
    assert_eq!(memory.answer(&id, "PIN", "00000").refusal(), (401, 84));
    memory.pass(1);
    assert_eq!(memory.answer(&id, "PIN", "24680").refusal(), (401, 14));
    let id = memory.login("pin@example.com").session_id();
    assert_eq!(memory.answer(&id, "PIN", "24680").status, 200);
    memory.pass(899);
    assert_eq!(memory.get("/profile", &id).status, 200);
}
