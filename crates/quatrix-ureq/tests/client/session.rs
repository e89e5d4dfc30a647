//! A session's life, as an application sees it.

use std::thread;
use std::time::Duration;

use quatrix_emulator::Emulator;
use quatrix_ureq::api::{GetAccountMetadata, GetProfile, KeepAlive};
use quatrix_ureq::proto::{ErrorCode, LoggedOut, Misuse};
use quatrix_ureq::{ApiKey, Challenge, Client, Config, Credentials, Error, Factor, Login, State};

use crate::support::{client, count, credentials, logged_in, server};

#[test]
fn s05_a_login_opens_a_session_that_calls_ride_on() {
    let emulator = Emulator::start().unwrap();
    let client = client(&emulator);
    assert!(matches!(client.state(), State::LoggedOut(LoggedOut::Never)));
    assert_eq!(client.login(credentials("user@example.com")).unwrap(), Login::Active);
    assert!(matches!(client.state(), State::Active { .. }));
    assert_eq!(client.user().as_deref(), Some("user@example.com"));
    assert_eq!(client.call(&GetProfile).unwrap().email, "user@example.com");
    client.keepalive().unwrap();
    assert!(client.logout().unwrap().confirmed);
    assert!(matches!(client.call(&GetProfile), Err(Error::LoggedOut(LoggedOut::ByUser))));
}

#[test]
fn s08_a_wrong_password_is_refused_and_not_sent_again() {
    let emulator = Emulator::start().unwrap();
    let client = client(&emulator);
    let error = client.login(Credentials::new("user@example.com", "wrong").unwrap()).unwrap_err();
    assert!(matches!(&error, Error::Api(api) if api.status() == 401), "{error:?}");
    assert!(matches!(client.call(&GetProfile), Err(Error::LoggedOut(LoggedOut::Refused(_)))));
    assert_eq!(count(&emulator, "GET", "/session/login"), 1);
}

#[test]
fn s14_a_wrong_code_is_asked_for_again_and_the_right_one_logs_in() {
    let emulator = Emulator::start().unwrap();
    let client = client(&emulator);
    let factor = |refused| Login::Challenged(Challenge::SecondFactor { factor: Factor::Totp, refused });
    let login = client.login(credentials("totp@example.com")).unwrap();
    assert_eq!(login, factor(0));
    assert!(matches!(client.call(&GetProfile), Err(Error::Challenged(_))));
    let Login::Challenged(challenge) = login else { unreachable!() };
    assert_eq!(client.answer(challenge.answer("not a code")).unwrap(), factor(1));
    let code = emulator.code("totp@example.com").unwrap();
    assert_eq!(client.answer(challenge.answer(code)).unwrap(), Login::Active);
    assert_eq!(client.call(&GetProfile).unwrap().email, "totp@example.com");
}

#[test]
fn s13_a_pin_logs_in() {
    let emulator = Emulator::start().unwrap();
    let client = client(&emulator);
    let Login::Challenged(challenge) = client.login(credentials("pin@example.com")).unwrap() else { unreachable!() };
    assert_eq!(challenge, Challenge::SecondFactor { factor: Factor::Pin, refused: 0 });
    assert_eq!(client.answer(challenge.answer("24680")).unwrap(), Login::Active);
}

#[test]
fn s16_a_wrong_captcha_is_no_lost_session_and_the_right_one_logs_in() {
    let emulator = Emulator::start().unwrap();
    let client = client(&emulator);
    let Login::Challenged(challenge) = client.login(credentials("captcha@example.com")).unwrap() else {
        unreachable!()
    };
    assert_eq!(challenge, Challenge::Captcha { refused: 0 });
    let again = client.answer(challenge.answer("wrong")).unwrap();
    assert_eq!(again, Login::Challenged(Challenge::Captcha { refused: 1 }));
    assert_eq!(client.answer(challenge.answer("test-captcha-4711")).unwrap(), Login::Active);
    assert_eq!(client.call(&GetProfile).unwrap().email, "captcha@example.com");
}

#[test]
fn s12_an_answer_that_nobody_asked_for_is_a_misuse() {
    let emulator = Emulator::start().unwrap();
    let challenge = Challenge::Captcha { refused: 0 };
    let error = logged_in(&emulator).answer(challenge.answer("x")).unwrap_err();
    assert!(matches!(error, Error::Misuse(Misuse::NothingToAnswer)));
}

#[test]
fn s20_a_call_that_finds_the_session_expired_logs_in_again() {
    let emulator = Emulator::start().unwrap();
    let client = logged_in(&emulator);
    emulator.advance(Duration::from_secs(16 * 60));
    assert_eq!(client.call(&GetProfile).unwrap().email, "user@example.com");
    assert_eq!(count(&emulator, "GET", "/session/login"), 2);
}

#[test]
fn s20_without_the_password_an_expiry_ends_the_session() {
    let emulator = Emulator::start().unwrap();
    let client = logged_in(&emulator);
    client.forget_password();
    emulator.expire(None);
    assert!(matches!(client.call(&GetProfile), Err(Error::LoggedOut(LoggedOut::Expired))));
    assert_eq!(count(&emulator, "GET", "/session/login"), 1);
}

#[test]
fn m08_sixty_four_threads_on_an_expired_session_log_in_once() {
    let emulator = Emulator::start().unwrap();
    let client = logged_in(&emulator);
    emulator.expire(None);
    thread::scope(|scope| {
        let calls: Vec<_> = (0..64).map(|_| scope.spawn(|| client.call(&GetProfile))).collect();
        for call in calls {
            assert_eq!(call.join().unwrap().unwrap().email, "user@example.com");
        }
    });
    assert_eq!(count(&emulator, "GET", "/session/login"), 2);
}

#[test]
fn s06_a_second_factor_that_nobody_answers_ends_all_who_wait() {
    let emulator = Emulator::start().unwrap();
    let client = client(&emulator);
    let Login::Challenged(challenge) = client.login(credentials("totp@example.com")).unwrap() else { unreachable!() };
    assert_eq!(client.answer(challenge.answer(code(&emulator))).unwrap(), Login::Active);
    emulator.expire(None);
    thread::scope(|scope| {
        let calls: Vec<_> = (0..16).map(|_| scope.spawn(|| client.call(&GetProfile))).collect();
        for call in calls {
            assert!(matches!(call.join().unwrap(), Err(Error::Challenged(_))));
        }
    });
    assert_eq!(client.answer(pending(&client).answer(code(&emulator))).unwrap(), Login::Active);
    client.call(&GetProfile).unwrap();
}

fn code(emulator: &Emulator) -> String {
    emulator.code("totp@example.com").unwrap()
}

fn pending(client: &Client) -> Challenge {
    match client.state() {
        State::Challenged(challenge) => challenge,
        other => panic!("no challenge but {other:?}"),
    }
}

#[test]
fn s02_another_client_takes_a_saved_session_up() {
    let emulator = Emulator::start().unwrap();
    let saved = logged_in(&emulator).save().unwrap();
    let second = client(&emulator);
    second.resume(saved, None).unwrap();
    assert_eq!(second.call(&GetProfile).unwrap().email, "user@example.com");
    assert_eq!(count(&emulator, "GET", "/session/login"), 1);
    let elsewhere = Emulator::start().unwrap();
    let error = client(&elsewhere).resume(second.save().unwrap(), None).unwrap_err();
    assert!(matches!(error, Error::Misuse(Misuse::OtherServer)));
}

#[test]
fn s02_another_client_answers_a_saved_challenge() {
    let emulator = Emulator::start().unwrap();
    let first = client(&emulator);
    assert!(matches!(first.login(credentials("pin@example.com")).unwrap(), Login::Challenged(_)));
    let second = client(&emulator);
    second.resume(first.save().unwrap(), None).unwrap();
    assert_eq!(second.answer(pending(&second).answer("24680")).unwrap(), Login::Active);
}

#[test]
fn s29_an_api_key_stands_for_a_session() {
    let emulator = Emulator::start().unwrap();
    let keyed = |key: &str| Client::builder(server(&emulator)).api_key(ApiKey::new(key).unwrap()).build().unwrap();
    let client = keyed("test-key-4711");
    assert!(matches!(client.state(), State::ApiKey));
    assert_eq!(client.call(&GetProfile).unwrap().email, "user@example.com");
    assert!(matches!(client.keepalive(), Err(Error::Misuse(Misuse::NotWithApiKey))));
    let error = keyed("off").call(&GetProfile).unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), error.code()), (401, Some(ErrorCode::NOT_AUTHORISED)));
    assert_eq!(count(&emulator, "GET", "/session/login"), 0);
}

#[test]
fn s28_a_call_without_authentication_needs_no_login() {
    let emulator = Emulator::start().unwrap();
    client(&emulator).call(&GetAccountMetadata).unwrap();
    assert!(matches!(client(&emulator).call(&KeepAlive), Err(Error::LoggedOut(LoggedOut::Never))));
}

#[test]
fn m38_clients_are_shared_between_threads_and_show_no_secret() {
    fn is_shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    let emulator = Emulator::start().unwrap();
    let client = logged_in(&emulator);
    is_shared(&client);
    let shown = format!("{client:?}");
    assert!(!shown.contains(client.save().unwrap().token().expose()) && !shown.contains("4711"), "{shown}");
}

#[test]
fn settings_are_taken_from_a_config_or_one_by_one() {
    let emulator = Emulator::start().unwrap();
    let config = Config::new(server(&emulator)).with_user_agent("whole/1").unwrap();
    let name = http::HeaderName::from_static("x-gateway");
    let value = http::HeaderValue::from_static("7");
    Client::new(config).unwrap().call(&GetAccountMetadata).unwrap();
    let client = Client::builder(server(&emulator)).user_agent("single/1").header(name, value).build().unwrap();
    client.call(&GetAccountMetadata).unwrap();
    let sent = |index: usize, name: &str| {
        let requests = emulator.requests();
        requests[index].headers.get(name).map(|value| value.to_str().unwrap().to_owned())
    };
    assert!(sent(0, "user-agent").unwrap().starts_with("whole/1 quatrix-rs/"));
    assert!(sent(1, "user-agent").unwrap().starts_with("single/1 quatrix-rs/"));
    assert_eq!((sent(0, "x-gateway"), sent(1, "x-gateway")), (None, Some("7".into())));
    let refused = Client::builder(server(&emulator)).user_agent("a\nb").build().unwrap_err();
    assert!(matches!(refused, Error::Invalid(_)));
}
