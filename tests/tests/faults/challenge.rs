//! Second factors and captchas in another order, too late, or of an unknown kind.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use quatrix_emulator::{Account, Accounts, Fault, FaultKind, Refused, SecondFactor, Settings};
use quatrix_proto::api::{GetProfile, UnblockCaptcha};
use quatrix_proto::{Answer, Challenge, Error, Factor, LoggedOut, Login, State};
use quatrix_tests::conform;
use quatrix_tests::listener::{Listener, Request, json, with_headers};
use quatrix_tests::stage::{PASSWORD, Stage, Wire, me};
use quatrix_tests::subject::Subject;

conform![
    m04_a_wrong_code_and_a_used_one_are_counted_and_the_challenge_stands,
    m04_an_answer_that_comes_too_late_finds_the_session_expired,
    m05_a_captcha_before_the_second_factor_leads_to_it,
    m05_a_captcha_after_the_second_factor_leads_back_to_it,
    m05_captchas_one_after_the_other_send_the_password_only_as_part_of_an_answer,
    m06_a_second_factor_of_an_unknown_kind_is_answered_as_the_caller_chooses,
    m06_unknown_fields_of_any_answer_change_nothing,
];

const CAPTCHA: &str = "test-captcha-4711";

fn totp(refused: u8) -> Login {
    Login::Challenged(Challenge::SecondFactor { factor: Factor::Totp, refused })
}

fn pin(refused: u8) -> Login {
    Login::Challenged(Challenge::SecondFactor { factor: Factor::Pin, refused })
}

fn captcha(refused: u8) -> Login {
    Login::Challenged(Challenge::Captcha { refused })
}

fn m04_a_wrong_code_and_a_used_one_are_counted_and_the_challenge_stands<S: Subject>(wire: Wire) {
    let stage = Stage::with(wire, |settings| Settings { totp_single_use: true, ..settings });
    let code = || Answer::totp(stage.emulator.code("totp@example.com").unwrap());
    let first: S = stage.client();
    assert_eq!(first.login(me("totp@example.com")).unwrap(), totp(0));
    let used = code();
    assert_eq!(first.answer(used.clone()).unwrap(), Login::Active);

    let client: S = stage.client();
    assert_eq!(client.login(me("totp@example.com")).unwrap(), totp(0));
    assert_eq!(client.answer(Answer::totp("000000")).unwrap(), totp(1));
    assert_eq!(client.answer(used).unwrap(), totp(2));
    assert!(matches!(client.call(&GetProfile), Err(Error::Challenged(_))));
    assert_eq!(stage.count("/session/login"), 5, "two logins and three answers, none of them twice");
    assert!(matches!(client.state(), State::Challenged(challenge) if challenge.refused() == 2));
}

fn m04_an_answer_that_comes_too_late_finds_the_session_expired<S: Subject>(wire: Wire) {
    let gone = Refused { status: 401, code: 60 };
    let stage = Stage::with(wire, |settings| Settings { gone, ..settings });
    let client: S = stage.client();
    assert_eq!(client.login(me("pin@example.com")).unwrap(), pin(0));
    stage.emulator.advance(Duration::from_secs(15 * 60));
    let late = client.answer(Answer::pin("24680"));
    assert!(matches!(late, Err(Error::LoggedOut(LoggedOut::Expired))), "{late:?}");
    assert!(matches!(client.state(), State::LoggedOut(LoggedOut::Expired)));
    let call = client.call(&GetProfile);
    assert!(matches!(call, Err(Error::LoggedOut(LoggedOut::Expired))), "{call:?}");
    assert_eq!(client.login(me("pin@example.com")).unwrap(), pin(0));
    assert_eq!(client.answer(Answer::pin("24680")).unwrap(), Login::Active);
}

fn m05_a_captcha_before_the_second_factor_leads_to_it<S: Subject>(wire: Wire) {
    let account = Account {
        captcha: true,
        second_factor: Some(SecondFactor::Pin("24680".into())),
        ..Account::new("both@example.com", PASSWORD)
    };
    let accounts = Accounts { accounts: vec![account], captcha_token: CAPTCHA.into() };
    let stage = Stage::built(wire, |builder| builder.accounts(accounts));
    let client: S = stage.client();
    assert_eq!(client.login(me("both@example.com")).unwrap(), captcha(0));
    assert_eq!(client.answer(Answer::Captcha("wrong".into())).unwrap(), captcha(1));
    assert!(matches!(client.call(&GetProfile), Err(Error::Challenged(Challenge::Captcha { .. }))));
    // The profile is asked for, since the captcha might have logged in; then the login tells what is missing.
    assert_eq!(client.answer(Answer::Captcha(CAPTCHA.into())).unwrap(), pin(0));
    assert_eq!(stage.count("/session/login"), 2, "one with the command, one with the right captcha");
    assert_eq!(client.answer(Answer::pin("24680")).unwrap(), Login::Active);
    assert_eq!(client.call(&GetProfile).unwrap().email, "both@example.com");
}

fn m05_a_captcha_after_the_second_factor_leads_back_to_it<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let client: S = stage.client();
    assert_eq!(client.login(me("pin@example.com")).unwrap(), pin(0));
    let due = Fault::new(FaultKind::Status(401)).on("POST", "/session/login").body(r#"{"code":72,"msg":"captcha"}"#);
    stage.emulator.set_faults([due]).unwrap();
    assert_eq!(client.answer(Answer::pin("24680")).unwrap(), captcha(0));
    assert_eq!(client.answer(Answer::Captcha(CAPTCHA.into())).unwrap(), pin(0));
    assert_eq!(stage.count("/session/login"), 2, "no answer is given again by itself, nor the password");
    assert_eq!(client.answer(Answer::pin("24680")).unwrap(), Login::Active);
    assert_eq!(stage.count("/session/login"), 3);
}

fn m05_captchas_one_after_the_other_send_the_password_only_as_part_of_an_answer<S: Subject>(wire: Wire) {
    // After each solved captcha, the next login requires another one, three times.
    let logins = AtomicUsize::new(0);
    let listener = Listener::answering(wire, move |request: &Request| match request.path() {
        "/session/login" => match logins.fetch_add(1, Ordering::SeqCst) {
            0..3 => with_headers(207, "mfa-code: 72\r\n", r#"{"session_id":"partial"}"#),
            _ => json(200, r#"{"session_id":"whole"}"#),
        },
        "/session/unblock-captcha" => json(200, r#"{"valid":true}"#),
        _ if request.header("x-auth-token") == Some("whole") => json(200, r#"{"email":"me@example.com"}"#),
        _ => json(401, r#"{"code":72,"msg":"captcha"}"#),
    });
    let client: S = listener.client();
    assert_eq!(client.login(crate::me()).unwrap(), captcha(0));
    for answered in 1..=3 {
        assert_eq!(listener.count("/session/login"), answered);
        assert!(matches!(client.call(&GetProfile), Err(Error::Challenged(Challenge::Captcha { .. }))));
        assert_eq!(listener.count("/session/login"), answered, "a call does not log in by itself");
        let expected = if answered < 3 { captcha(0) } else { Login::Active };
        assert_eq!(client.answer(Answer::Captcha("solved".into())).unwrap(), expected);
    }
    assert_eq!((listener.count("/session/login"), listener.count("/session/unblock-captcha")), (4, 3));
    assert_eq!(client.call(&GetProfile).unwrap().email, "me@example.com");
}

fn m06_a_second_factor_of_an_unknown_kind_is_answered_as_the_caller_chooses<S: Subject>(wire: Wire) {
    let stage = Stage::with(wire, |settings| Settings { totp_mfa_code: Some(99), ..settings });
    let client: S = stage.client();
    let unknown = Challenge::SecondFactor { factor: Factor::Other(99), refused: 0 };
    assert_eq!(client.login(me("totp@example.com")).unwrap(), Login::Challenged(unknown));
    let Login::Challenged(again) = client.answer(Answer::pin("24680")).unwrap() else { panic!() };
    assert_eq!(again, Challenge::SecondFactor { factor: Factor::Other(99), refused: 1 });
    let code = stage.emulator.code("totp@example.com").unwrap();
    assert_eq!(client.answer(Answer::totp(code)).unwrap(), Login::Active);
}

fn m06_unknown_fields_of_any_answer_change_nothing<S: Subject>(wire: Wire) {
    const MORE: &str = r#""":0,"Session_ID":"canary","session":{"id":"canary"},"list":[[{}]],"nothing":null"#;
    let body = |known: &str| format!("{{{MORE}{}{known}}}", if known.is_empty() { "" } else { "," });
    let listener = Listener::answering(wire, move |request: &Request| {
        let posted = request.head.starts_with("POST");
        match request.path() {
            "/session/login" if posted && request.body.windows(3).any(|code| code == b"000") => {
                json(401, &body(r#""code":83,"msg":"no""#))
            }
            "/session/login" if posted => json(200, &body(r#""session_id":"whole""#)),
            "/session/login" => with_headers(207, "mfa-code: 71\r\nx-more: 1\r\n", &body(r#""session_id":"partial""#)),
            "/session/unblock-captcha" => json(200, &body(r#""valid":true"#)),
            "/profile" => json(200, &body(r#""name":"Me","email":"me@example.com""#)),
            "/session/keepalive" | "/session/logout" => json(200, &body("")),
            _ => Vec::new(),
        }
    });
    let client: S = listener.client();
    assert_eq!(client.login(crate::me()).unwrap(), totp(0));
    assert_eq!(client.answer(Answer::totp("000")).unwrap(), totp(1));
    assert!(client.call(&UnblockCaptcha::new("solved")).is_err(), "the session waits for a code");
    assert_eq!(client.answer(Answer::Captcha("solved".into())).unwrap(), totp(1));
    assert_eq!(client.answer(Answer::totp("111")).unwrap(), Login::Active);
    assert_eq!(client.save().unwrap().token().expose(), "whole");
    assert_eq!(client.call(&GetProfile).unwrap().email, "me@example.com");
    client.keepalive().unwrap();
    assert!(client.logout().unwrap().confirmed);
}
