//! A session from its login to its logout.

use std::time::Duration;

use quatrix_emulator::Emulator;
use quatrix_hyper::api::{GetAccountMetadata, GetProfile};
use quatrix_hyper::proto::{LoggedOut, Misuse};
use quatrix_hyper::{ApiKey, Challenge, Client, Credentials, Error, Factor, Login, Saved, Server, State};

use crate::support::{CAPTCHA, PASSWORD, PIN, TOTP, USER, client, count, credentials, server};

#[tokio::test]
async fn a_session_lives_from_its_login_to_its_logout() {
    let emulator = Emulator::start().unwrap();
    let client = client(&emulator);
    assert!(matches!(client.state(), State::LoggedOut(LoggedOut::Never)));
    assert!(client.call(&GetAccountMetadata).await.is_ok());

    assert_eq!(client.login(credentials(USER)).await.unwrap(), Login::Active);
    assert!(matches!(client.state(), State::Active { confirmed: true, .. }));
    assert_eq!(client.user().as_deref(), Some(USER));
    assert_eq!(client.call(&GetProfile).await.unwrap().email, USER);
    client.keepalive().await.unwrap();
    assert_eq!(count(&emulator, "/session/keepalive"), 1);

    assert!(client.logout().await.unwrap().confirmed);
    assert!(matches!(client.state(), State::LoggedOut(LoggedOut::ByUser)));
    let error = client.call(&GetProfile).await.unwrap_err();
    assert!(matches!(error, Error::LoggedOut(LoggedOut::ByUser)), "{error:?}");
}

#[tokio::test]
async fn s08_a_wrong_password_is_refused_and_not_tried_again() {
    let emulator = Emulator::start().unwrap();
    let client = client(&emulator);
    let error = client.login(Credentials::new(USER, "wrong").unwrap()).await.unwrap_err();
    assert_eq!(error.status().unwrap(), 401);
    let error = client.call(&GetProfile).await.unwrap_err();
    assert!(matches!(error, Error::LoggedOut(LoggedOut::Refused(_))), "{error:?}");
    assert_eq!(count(&emulator, "/session/login"), 1);
    assert_eq!(client.login(credentials(USER)).await.unwrap(), Login::Active);
}

#[tokio::test]
async fn s14_a_wrong_code_is_asked_for_again_and_the_right_one_logs_in() {
    let emulator = Emulator::start().unwrap();
    let client = client(&emulator);
    let challenged = |refused| Login::Challenged(Challenge::SecondFactor { factor: Factor::Totp, refused });
    let login = client.login(credentials(TOTP)).await.unwrap();
    assert_eq!(login, challenged(0));
    assert!(matches!(client.call(&GetProfile).await, Err(Error::Challenged(_))));

    let Login::Challenged(challenge) = login else { unreachable!() };
    assert_eq!(client.answer(challenge.answer("not a code")).await.unwrap(), challenged(1));
    let code = emulator.code(TOTP).unwrap();
    assert_eq!(client.answer(challenge.answer(code)).await.unwrap(), Login::Active);
    assert_eq!(client.call(&GetProfile).await.unwrap().email, TOTP);
}

#[tokio::test]
async fn s13_a_pin_logs_in() {
    let emulator = Emulator::start().unwrap();
    let client = client(&emulator);
    let Login::Challenged(challenge) = client.login(credentials(PIN)).await.unwrap() else { panic!() };
    assert_eq!(challenge, Challenge::SecondFactor { factor: Factor::Pin, refused: 0 });
    assert_eq!(client.answer(challenge.answer("24680")).await.unwrap(), Login::Active);
}

#[tokio::test]
async fn s15_a_captcha_logs_in() {
    let emulator = Emulator::start().unwrap();
    let client = client(&emulator);
    let Login::Challenged(challenge) = client.login(credentials(CAPTCHA)).await.unwrap() else { panic!() };
    let again = client.answer(challenge.answer("wrong")).await.unwrap();
    assert_eq!(again, Login::Challenged(Challenge::Captcha { refused: 1 }));
    assert_eq!(client.answer(challenge.answer("test-captcha-4711")).await.unwrap(), Login::Active);
    assert!(client.call(&GetProfile).await.is_ok());
}

#[tokio::test]
async fn s20_an_expired_session_is_made_anew_by_the_call_that_finds_out() {
    let emulator = Emulator::start().unwrap();
    let client = client(&emulator);
    assert_eq!(client.login(credentials(USER)).await.unwrap(), Login::Active);
    emulator.advance(Duration::from_secs(16 * 60));
    assert!(client.call(&GetProfile).await.is_ok());
    assert_eq!((count(&emulator, "/session/login"), count(&emulator, "/profile")), (2, 2));

    client.forget_password();
    emulator.expire(None);
    let error = client.call(&GetProfile).await.unwrap_err();
    assert!(matches!(error, Error::LoggedOut(LoggedOut::Expired)), "{error:?}");
}

#[tokio::test]
async fn s02_a_session_goes_on_in_another_client() {
    let emulator = Emulator::start().unwrap();
    let first = client(&emulator);
    assert!(first.save().is_none());
    assert_eq!(first.login(credentials(USER)).await.unwrap(), Login::Active);
    let saved = Saved::from_json(first.save().unwrap().expose_json().as_bytes()).unwrap();

    let second = client(&emulator);
    second.resume(saved.clone(), Some(credentials(USER))).unwrap();
    assert!(matches!(second.state(), State::Active { confirmed: false, .. }));
    assert!(second.call(&GetProfile).await.is_ok());
    assert_eq!(count(&emulator, "/session/login"), 1);
    let error = second.resume(saved.clone(), None).unwrap_err();
    assert!(matches!(error, Error::Misuse(Misuse::AlreadyLoggedIn)), "{error:?}");

    emulator.expire(None);
    assert!(second.call(&GetProfile).await.is_ok());
    assert_eq!(count(&emulator, "/session/login"), 2);

    let third = client(&emulator);
    third.resume(saved, None).unwrap();
    let error = third.call(&GetProfile).await.unwrap_err();
    assert!(matches!(error, Error::LoggedOut(LoggedOut::Expired)), "{error:?}");
}

#[tokio::test]
async fn s02_a_challenge_is_answered_by_another_client() {
    let emulator = Emulator::start().unwrap();
    let first = client(&emulator);
    let Login::Challenged(challenge) = first.login(credentials(TOTP)).await.unwrap() else { panic!() };
    let second = client(&emulator);
    second.resume(first.save().unwrap(), None).unwrap();
    let code = emulator.code(TOTP).unwrap();
    assert_eq!(second.answer(challenge.answer(code)).await.unwrap(), Login::Active);
    assert!(second.call(&GetProfile).await.is_ok());
}

#[tokio::test]
async fn s29_an_api_key_stands_for_a_session() {
    let emulator = Emulator::start().unwrap();
    let with = |key: &str| Client::builder(server(&emulator)).api_key(ApiKey::new(key).unwrap()).build().unwrap();
    let client = with("test-key-4711");
    assert!(matches!(client.state(), State::ApiKey));
    assert_eq!(client.call(&GetProfile).await.unwrap().email, USER);
    assert!(matches!(client.login(credentials(USER)).await, Err(Error::Misuse(Misuse::NotWithApiKey))));
    assert_eq!(with("wrong").call(&GetProfile).await.unwrap_err().status().unwrap(), 401);
    assert_eq!(count(&emulator, "/session/login"), 0);
}

#[tokio::test]
async fn s23_a_running_keepalive_ends_with_the_session_and_says_why() {
    let emulator = Emulator::start().unwrap();
    let first = client(&emulator);
    assert_eq!(first.login(credentials(USER)).await.unwrap(), Login::Active);

    // What is resumed may have been idle for long: one keepalive goes out at once.
    let second = client(&emulator);
    second.resume(first.save().unwrap(), None).unwrap();
    let running = tokio::spawn(second.run_keepalive());
    while count(&emulator, "/session/keepalive") == 0 {
        tokio::task::yield_now().await;
    }
    assert!(first.logout().await.unwrap().confirmed);
    assert!(second.keepalive().await.is_err());
    let error = running.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::LoggedOut(LoggedOut::Expired)), "{error:?}");
}

#[test]
fn nothing_that_is_shown_holds_a_secret() {
    let key = ApiKey::new("canary").unwrap();
    let builder = Client::builder(Server::account("acme").unwrap()).api_key(key).proxy("http://me:canary@127.0.0.1:1");
    assert!(!format!("{builder:?}").contains("canary"));
    let shown = format!("{:?}", builder.build().unwrap());
    assert!(shown.contains("acme.quatrix.it") && !shown.contains("canary") && !shown.contains(PASSWORD));
}
