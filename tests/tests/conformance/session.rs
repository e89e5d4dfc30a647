//! Session lives, through both adapters.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use quatrix_emulator::{CaptchaMethod, SecondFactorId};
use quatrix_proto::api::{GetAccountMetadata, GetFile, GetProfile, Raw};
use quatrix_proto::{
    Answer, ApiKey, CaptchaForm, Challenge, Compat, Config, Credentials, Error, ErrorCode, Factor, LoggedOut, Login,
    Server, State, TransportErrorKind,
};
use quatrix_tests::conform;
use quatrix_tests::stage::{PASSWORD, Stage, Wire, me};
use quatrix_tests::subject::{Setup, Subject};

conform![
    a_plain_user_logs_in_calls_and_logs_out,
    a_wrong_password_is_the_servers_no,
    a_wrong_code_then_a_right_one,
    a_pin_is_answered_as_a_pin,
    a_captcha_is_answered_in_every_form_that_the_server_knows,
    q04_a_rotated_id_is_used,
    an_expired_session_is_made_anew_and_the_call_repeated,
    an_expired_session_with_a_second_factor_asks_the_provider,
    m37_a_provider_that_panics_declines,
    without_a_password_an_expiry_is_an_error,
    a_saved_session_goes_on_in_another_client,
    a_saved_challenge_goes_on_in_another_client,
    an_api_key_needs_no_login,
    an_account_can_be_asked_for_without_a_login,
    any_operation_can_be_called_raw,
    a_server_that_is_not_there_is_a_connect_failure,
];

fn a_plain_user_logs_in_calls_and_logs_out<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let client: S = stage.client();
    assert_eq!(client.login(me("user@example.com")).unwrap(), Login::Active);
    assert_eq!(client.call(&GetProfile).unwrap().email, "user@example.com");
    client.keepalive().unwrap();
    assert!(client.logout().unwrap().confirmed);
    assert!(matches!(client.call(&GetProfile), Err(Error::LoggedOut(LoggedOut::ByUser))));
    assert_eq!(
        stage.take_events(),
        [
            "session.login: GET /session/login 200",
            "logged in, again: false",
            "profile.get: GET /profile 200",
            "session.keepalive: GET /session/keepalive 200",
            "session.logout: GET /session/logout 200",
            "logged out: logged out",
        ]
    );
}

fn a_wrong_password_is_the_servers_no<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let client: S = stage.client();
    let error = client.login(Credentials::new("user@example.com", "wrong").unwrap()).unwrap_err();
    assert_eq!(error.status().unwrap(), 401);
    assert!(matches!(client.state(), State::LoggedOut(LoggedOut::Refused(_))));
    client.call(&GetProfile).unwrap_err();
    assert_eq!(stage.count("/session/login"), 1, "never repeated by itself");
}

fn a_wrong_code_then_a_right_one<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let client: S = stage.client();
    let challenge = Challenge::SecondFactor { factor: Factor::Totp, refused: 0 };
    let totp = |refused| Login::Challenged(Challenge::SecondFactor { factor: Factor::Totp, refused });
    assert_eq!(client.login(me("totp@example.com")).unwrap(), totp(0));
    assert!(matches!(client.call(&GetProfile), Err(Error::Challenged(_))));
    assert_eq!(client.answer(challenge.answer("000000")).unwrap(), totp(1));
    let code = stage.emulator.code("totp@example.com").unwrap();
    assert_eq!(client.answer(challenge.answer(code)).unwrap(), Login::Active);
    assert_eq!(client.call(&GetProfile).unwrap().email, "totp@example.com");
}

fn a_pin_is_answered_as_a_pin<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let client: S = stage.client();
    let Login::Challenged(challenge) = client.login(me("pin@example.com")).unwrap() else { panic!() };
    assert_eq!(challenge, Challenge::SecondFactor { factor: Factor::Pin, refused: 0 });
    assert_eq!(client.answer(challenge.answer("24680")).unwrap(), Login::Active);
}

fn a_captcha_is_answered_in_every_form_that_the_server_knows<S: Subject>(wire: Wire) {
    for (method, form) in [
        (CaptchaMethod::Post, CaptchaForm::PostThenGet),
        (CaptchaMethod::Get, CaptchaForm::PostThenGet),
        (CaptchaMethod::Post, CaptchaForm::GetThenPost),
        (CaptchaMethod::Both, CaptchaForm::Get),
    ] {
        let stage = Stage::with(wire, |settings| quatrix_emulator::Settings { captcha_method: method, ..settings });
        let mut setup = stage.setup();
        setup.config = setup.config.with_compat(Compat::default().with_captcha_form(form));
        let client = S::build(setup).unwrap();
        let login = client.login(me("captcha@example.com")).unwrap();
        assert_eq!(login, Login::Challenged(Challenge::Captcha { refused: 0 }));
        let wrong = client.answer(Answer::Captcha("wrong".into())).unwrap();
        assert_eq!(wrong, Login::Challenged(Challenge::Captcha { refused: 1 }));
        let right = client.answer(Answer::Captcha("test-captcha-4711".into())).unwrap();
        assert_eq!(right, Login::Active);
        assert_eq!(client.call(&GetProfile).unwrap().email, "captcha@example.com");
    }
}

fn q04_a_rotated_id_is_used<S: Subject>(wire: Wire) {
    let stage = Stage::with(wire, |settings| quatrix_emulator::Settings {
        second_factor_id: SecondFactorId::Rotated,
        ..settings
    });
    let client: S = stage.client();
    let Login::Challenged(challenge) = client.login(me("pin@example.com")).unwrap() else { panic!() };
    assert_eq!(client.answer(challenge.answer("24680")).unwrap(), Login::Active);
    assert_eq!(client.call(&GetProfile).unwrap().email, "pin@example.com");
}

fn an_expired_session_is_made_anew_and_the_call_repeated<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let client: S = stage.client();
    assert_eq!(client.login(me("user@example.com")).unwrap(), Login::Active);
    stage.take_events();
    stage.emulator.advance(Duration::from_secs(16 * 60));
    assert_eq!(client.call(&GetProfile).unwrap().email, "user@example.com");
    assert_eq!(
        stage.take_events(),
        [
            "profile.get: GET /profile 401",
            "session.keepalive: GET /session/keepalive 401",
            "logged out: the session has expired",
            "session.login: GET /session/login 200",
            "logged in, again: true",
            "profile.get: again after 1",
            "profile.get: GET /profile 200",
        ]
    );
}

fn an_expired_session_with_a_second_factor_asks_the_provider<S: Subject>(wire: Wire) {
    let stage = Arc::new(Stage::new(wire));
    let asked = Arc::new(AtomicUsize::new(0));
    let (codes, count) = (Arc::clone(&stage), Arc::clone(&asked));
    let provider = move |challenge: Challenge| {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(challenge.answer(codes.emulator.code("totp@example.com").unwrap()))
    };
    let client = S::build(Setup { provider: Some(Arc::new(provider)), ..stage.setup() }).unwrap();
    assert_eq!(client.login(me("totp@example.com")).unwrap(), Login::Active);
    for _ in 0..3 {
        stage.emulator.expire(None);
        assert_eq!(client.call(&GetProfile).unwrap().email, "totp@example.com");
    }
    assert_eq!(asked.load(Ordering::Relaxed), 4);
}

fn m37_a_provider_that_panics_declines<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let provider = |_: Challenge| panic!("no telephone");
    let client = S::build(Setup { provider: Some(Arc::new(provider)), ..stage.setup() }).unwrap();
    let other = client.clone();
    let panicked = std::thread::spawn(move || other.login(me("pin@example.com"))).join();
    assert!(panicked.is_err(), "the panic is the caller's");
    let State::Challenged(challenge) = client.state() else { panic!() };
    assert!(matches!(client.call(&GetProfile), Err(Error::Challenged(_))));
    assert_eq!(client.answer(challenge.answer("24680")).unwrap(), Login::Active, "the client works on");
}

fn without_a_password_an_expiry_is_an_error<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let mut setup = stage.setup();
    setup.config = setup.config.forget_credentials();
    let client = S::build(setup).unwrap();
    assert_eq!(client.login(me("user@example.com")).unwrap(), Login::Active);
    stage.emulator.expire(None);
    assert!(matches!(client.call(&GetProfile), Err(Error::LoggedOut(LoggedOut::Expired))));
}

fn a_saved_session_goes_on_in_another_client<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let first: S = stage.client();
    assert_eq!(first.login(me("user@example.com")).unwrap(), Login::Active);
    let saved = first.save().unwrap();
    let second: S = stage.client();
    second.resume(saved.clone(), None).unwrap();
    assert_eq!(second.call(&GetProfile).unwrap().email, "user@example.com");
    let stranger = S::build(Setup::new(Server::account("other").unwrap())).unwrap();
    assert!(matches!(stranger.resume(saved, None), Err(Error::Misuse(_))));
    assert_eq!(stage.count("/session/login"), 1);
}

fn a_saved_challenge_goes_on_in_another_client<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let first: S = stage.client();
    let Login::Challenged(_) = first.login(me("pin@example.com")).unwrap() else { panic!() };
    let second: S = stage.client();
    second.resume(first.save().unwrap(), None).unwrap();
    let State::Challenged(challenge) = second.state() else { panic!() };
    assert_eq!(second.answer(challenge.answer("24680")).unwrap(), Login::Active);
}

fn an_api_key_needs_no_login<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let key = |text: &str| Some(ApiKey::new(text).unwrap());
    let client = S::build(Setup { key: key("test-key-4711"), ..stage.setup() }).unwrap();
    assert_eq!(client.call(&GetProfile).unwrap().email, "user@example.com");
    let wrong = S::build(Setup { key: key("no-such-key"), ..stage.setup() }).unwrap();
    assert_eq!(wrong.call(&GetProfile).unwrap_err().status().unwrap(), 401);
    assert_eq!(stage.count("/profile"), 2, "no repeat");
}

fn an_account_can_be_asked_for_without_a_login<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let client: S = stage.client();
    assert!(!client.call(&GetAccountMetadata).unwrap().is_suspended());
    assert!(matches!(client.state(), State::LoggedOut(LoggedOut::Never)));
}

fn any_operation_can_be_called_raw<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let client: S = stage.client();
    assert_eq!(client.login(me("user@example.com")).unwrap(), Login::Active);
    let answer = client.call(&Raw::get("/profile")).unwrap();
    assert_eq!(answer.status(), 200);
    assert!(std::str::from_utf8(answer.body()).unwrap().contains("user@example.com"));
    assert_eq!(client.call(&Raw::get("/no/such/path")).unwrap().status(), 404);
    let refused = client.call(&GetFile::new("no-such-file".parse().unwrap())).unwrap_err();
    assert_eq!((refused.status().unwrap().as_u16(), refused.code()), (404, Some(ErrorCode::NOT_FOUND)));
}

fn a_server_that_is_not_there_is_a_connect_failure<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let server = stage.server();
    drop(stage);
    let client = S::build(Setup::new(Config::new(server))).unwrap();
    let error = client.login(Credentials::new("me", PASSWORD).unwrap()).unwrap_err();
    let Error::Transport(failure) = &error else { panic!("{error:?}") };
    assert_eq!((failure.kind(), failure.may_have_been_sent()), (TransportErrorKind::Connect, false));
}
