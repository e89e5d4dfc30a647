//! S1 to S7, S28, S29: into a session, and into it again.

use super::*;

#[test]
fn s01_login_sends_the_password_once_and_only_its_caller_carries_it() {
    let mut world = World::new();
    let login = world.login();
    let other = world.profile();
    world.waits(&other);
    let sent = world.sent(&login);
    assert_eq!((sent.name, sent.header("authorization")), ("session.login", "Basic bWVAYWNtZS5jb206cXdlcnR5"));
    world.waits(&login);
    world.waits(&other);
    world.grant(&sent, "one");
    assert_eq!(world.done(login).unwrap(), Login::Active);
    assert_eq!(world.sent(&other).token(), "one");
}

#[test]
fn i12_a_login_that_is_granted_wakes_those_who_wait_for_it() {
    let mut world = World::new();
    let login = world.login();
    let other = world.profile();
    let sent = world.sent(&login);
    world.waits(&other);
    let before = world.session.wakes();
    world.grant(&sent, "one");
    assert!(world.session.wakes() > before);
}

#[test]
fn s01_login_while_challenged_drops_the_partial_id() {
    let mut world = World::new().challenged("71");
    let login = world.login();
    let sent = world.sent(&login);
    assert_eq!((sent.name, sent.token()), ("session.login", ""));
    assert_eq!(world.state(), "logging in");
}

#[test]
fn s01_a_second_login_is_misuse() {
    let mut world = World::new();
    let first = world.login();
    let second = world.login();
    assert_eq!(world.failed(second), "there is a session already: log out first");
    let sent = world.sent(&first);
    world.grant(&sent, "one");
    let third = world.login();
    assert_eq!(world.failed(third), "there is a session already: log out first");
}

#[test]
fn s02_resume_goes_on_where_save_left_off() {
    let saved = World::active("one").session.save().unwrap();
    let mut world = World::new();
    world.session.resume(world.now, saved.clone(), None).unwrap();
    assert_eq!(world.state(), "unconfirmed");
    let call = world.profile();
    let sent = world.sent(&call);
    assert_eq!(sent.token(), "one");
    world.ok(&sent, PROFILE);
    assert_eq!(world.done(call).unwrap().name, "Me");
    assert_eq!(world.state(), "active");
    assert_eq!(world.session.resume(world.now, saved, None), Err(Misuse::AlreadyLoggedIn));
}

#[test]
fn s02_a_pending_challenge_is_resumed_as_one() {
    let saved = World::new().challenged("73").session.save().unwrap();
    let mut world = World::new();
    world.session.resume(world.now, saved, None).unwrap();
    assert_eq!(world.state(), "Pin 0");
    let answer = world.session.answer(world.now, Answer::pin("12345"));
    assert_eq!(world.sent(&answer).token(), "partial");
}

#[test]
fn s02_a_session_of_another_server_is_not_resumed() {
    let saved = World::active("one").session.save().unwrap();
    let mut other = Session::new(Config::new(Server::account("other").unwrap()), 1);
    assert_eq!(other.resume(Timestamp::ZERO, saved, None), Err(Misuse::OtherServer));
}

#[test]
fn s01_s02_i11_a_call_from_before_a_login_or_a_resume_is_not_sent_in_that_session() {
    let mut world = World::new();
    let call = world.profile();
    world.log_in("one");
    assert_eq!(world.failed(call), "logged out");

    let saved = world.session.save().unwrap();
    let mut world = World::new();
    let call = world.profile();
    world.session.resume(world.now, saved, None).unwrap();
    assert_eq!(world.failed(call), "logged out");
}

#[test]
fn s02_i11_a_call_whose_401_is_held_is_not_answered_by_the_probe_of_a_resumed_session() {
    let mut world = World::active("one");
    let saved = world.session.save().unwrap();
    let held = world.profile();
    let sent = world.sent(&held);
    world.refuse(&sent, 401, 14);
    let logout = world.session.logout(world.now);
    let sent = world.sent(&logout);
    world.ok(&sent, "");
    world.session.resume(world.now, saved, None).unwrap();
    let call = world.profile();
    let sent = world.sent(&call);
    world.refuse(&sent, 401, 14);
    let probe = world.sent(&call);
    world.ok(&probe, "");
    assert_eq!(world.failed(held), "logged out");
    assert_eq!(world.failed(call), "profile.get: no (code 14, status 401)");
}

#[test]
fn s01_s02_the_user_is_whoever_logged_in_last_or_was_resumed() {
    let mut world = World::new();
    assert_eq!(world.session.user(), None);
    world.log_in("one");
    assert_eq!(world.session.user(), Some("me@acme.com"));
    let saved = world.session.save().unwrap();
    let mut world = World::new();
    world.session.resume(world.now, saved, None).unwrap();
    assert_eq!(world.session.user(), Some("me@acme.com"));
}

#[test]
fn s03_the_first_call_that_polls_after_an_expiry_carries_the_login() {
    let mut world = World::active("one");
    world.expire();
    assert_eq!(world.state(), "expired");
    let (first, second) = (world.profile(), world.profile());
    let login = world.sent(&first);
    assert_eq!(login.name, "session.login");
    world.waits(&second);
    world.grant(&login, "two");
    assert_eq!(world.sent(&second).token(), "two");
    assert_eq!(world.sent(&first).token(), "two");
}

#[test]
fn s04_without_credentials_a_call_fails_at_once_and_says_why() {
    let mut world = World::new();
    let call = world.profile();
    assert_eq!(world.failed(call), "not logged in");
    let mut world = World::with(Config::forget_credentials);
    world.log_in("one");
    world.expire();
    let call = world.profile();
    assert_eq!(world.failed(call), "the session has expired");
}

#[test]
fn s04_while_challenged_a_call_fails_at_once() {
    let mut world = World::new().challenged("71");
    let call = world.profile();
    assert_eq!(world.failed(call), "an answer is needed first: the code of an authenticator");
}

#[test]
fn s05_the_id_is_taken_from_the_header_where_the_body_has_none() {
    let mut world = World::new();
    let login = world.login();
    let sent = world.sent(&login);
    world.answer(&sent, 200, &[("x-auth-token", "header-id")], r#"{"account_id":"a"}"#);
    assert_eq!(world.done(login).unwrap(), Login::Active);
    let call = world.profile();
    assert_eq!(world.sent(&call).token(), "header-id");
}

#[test]
fn s05_credentials_are_kept_by_policy_only() {
    for forget in [false, true] {
        let mut world = World::new();
        let login = world.login();
        let sent = world.sent(&login);
        if forget {
            world.session.forget_password();
        }
        world.grant(&sent, "one");
        assert_eq!(world.done(login).unwrap(), Login::Active);
        assert_eq!(world.session.kept.is_some(), !forget);
    }
    let mut world = World::active("one");
    world.session.forget_password();
    assert!(world.session.kept.is_none());
}

#[test]
fn s06_partial_login_is_challenged() {
    for (code, factor) in [("71", Factor::Totp), ("73", Factor::Pin), ("61", Factor::Other(61))] {
        let mut world = World::new();
        let login = world.login();
        let waiting = world.profile();
        let sent = world.sent(&login);
        world.answer(&sent, 207, &[("mfa-code", code)], r#"{"session_id":"partial"}"#);
        let challenge = Challenge::SecondFactor { factor, refused: 0 };
        assert_eq!(world.done(login).unwrap(), Login::Challenged(challenge));
        assert!(matches!(world.done(waiting), Err(Error::Challenged(c)) if c == challenge));
        assert!(world.session.kept.is_none(), "not before there is a session");
    }
}

#[test]
fn s07_every_captcha_signal_is_a_challenge() {
    let (code, id) = (("mfa-code", "72"), ("x-auth-token", "partial"));
    let signals = [
        (207, vec![code], r#"{"session_id":"partial"}"#),
        (401, vec![code, id], r#"{"code":14,"msg":"no"}"#),
        (401, vec![], r#"{"code":72,"msg":"captcha","session_id":"partial"}"#),
        (401, vec![id], ""),
        (403, vec![code, id], ""),
        (400, vec![], r#"{"code":72,"msg":"captcha","session_id":"partial"}"#),
    ];
    for (status, headers, body) in signals {
        let mut world = World::new();
        let login = world.login();
        let sent = world.sent(&login);
        world.answer(&sent, status, &headers, body);
        assert_eq!(world.done(login).unwrap(), Login::Challenged(Challenge::Captcha { refused: 0 }));
        let answer = world.session.answer(world.now, Answer::Captcha("solved".into()));
        assert_eq!(world.sent(&answer).token(), "partial");
    }
}

#[test]
fn q06_the_captcha_codes_are_a_setting() {
    let mut world = World::with(|config| config.with_compat(Compat::default().with_captcha_codes([75])));
    let login = world.login();
    let sent = world.sent(&login);
    world.answer(&sent, 207, &[("mfa-code", "75")], r#"{"session_id":"partial"}"#);
    assert_eq!(world.done(login).unwrap(), Login::Challenged(Challenge::Captcha { refused: 0 }));

    let mut world = World::with(|config| config.with_compat(Compat::default().with_captcha_codes([])));
    let login = world.login();
    let sent = world.sent(&login);
    world.refuse(&sent, 401, 72);
    assert_eq!(world.failed(login), "session.login: no (code 72, status 401)");
}

#[test]
fn s28_a_call_without_authentication_touches_nothing() {
    let mut world = World::new();
    let call = world.session.call(world.now, &GetAccountMetadata);
    let sent = world.sent(&call);
    assert_eq!((sent.token(), sent.header("authorization")), ("", ""));
    world.answer(&sent, 401, &[], "");
    assert_eq!(world.done(call).unwrap_err().status().unwrap(), 401);
    assert_eq!(world.state(), "never");
}

#[test]
fn s28_a_call_without_authentication_does_not_fail_with_the_login() {
    let mut world = World::new();
    let login = world.login();
    let sent = world.sent(&login);
    let call = world.session.call(world.now, &GetAccountMetadata);
    world.refuse(&sent, 401, 14);
    assert_eq!(world.sent(&call).name, "account.metadata");
}

#[test]
fn s29_an_api_key_rides_as_bearer_and_a_401_is_final() {
    let config = Config::new(Server::account("acme").unwrap());
    let session = Session::with_api_key(config, 1, ApiKey::new("key").unwrap());
    let mut world = World { session, now: Timestamp::ZERO };
    let call = world.profile();
    let sent = world.sent(&call);
    assert_eq!((sent.header("authorization"), sent.token()), ("Bearer key", ""));
    world.refuse(&sent, 401, 14);
    assert_eq!(world.failed(call), "profile.get: no (code 14, status 401)");
    assert_eq!(world.state(), "api key");

    let needless = "an API key needs no login, keepalive or logout";
    let (login, keepalive) = (world.login(), world.session.keepalive(world.now));
    assert_eq!((world.failed(login), world.failed(keepalive)), (needless.into(), needless.into()));
    let run = world.session.run_keepalive(world.now);
    assert_eq!(world.failed(run), needless);
    let answer = world.captcha("solved");
    assert_eq!(world.failed(answer), needless);
    let saved = World::active("one").session.save().unwrap();
    assert_eq!(world.session.resume(world.now, saved, None), Err(Misuse::NotWithApiKey));
    assert!(world.session.save().is_none());

    let logout = world.session.logout(world.now);
    assert!(world.done(logout).unwrap().confirmed);
    let call = world.profile();
    assert_eq!(world.failed(call), "logged out");
}

#[test]
fn the_login_endpoint_is_not_a_call() {
    let mut world = World::new();
    let call = world.session.call(world.now, &crate::api::LogIn);
    assert!(matches!(world.done(call), Err(Error::Misuse(Misuse::LoginIsACommand))));
}

#[test]
fn a_ticket_is_served_once() {
    let mut world = World::new();
    let call = world.profile();
    let id = call.id();
    world.failed(call);
    assert!(matches!(world.session.poll_call(world.now, id), Step::Ready(Outcome(Err(Error::Misuse(_))))));
}
