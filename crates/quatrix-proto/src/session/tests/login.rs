//! S1 to S11: into a session, and into it again.

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
    let answer = world.session.answer(world.now, Answer::Pin("12345".into()));
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
    let mut world = World::with(|config| config.with_captcha_codes([75]));
    let login = world.login();
    let sent = world.sent(&login);
    world.answer(&sent, 207, &[("mfa-code", "75")], r#"{"session_id":"partial"}"#);
    assert_eq!(world.done(login).unwrap(), Login::Challenged(Challenge::Captcha { refused: 0 }));

    let mut world = World::with(|config| config.with_captcha_codes([]));
    let login = world.login();
    let sent = world.sent(&login);
    world.refuse(&sent, 401, 72);
    assert_eq!(world.failed(login), "session.login: no (code 72, status 401)");
}

#[test]
fn s08_a_refused_login_is_never_repeated_by_itself() {
    for (status, code) in [(401, 14), (400, 10), (403, 74)] {
        let mut world = World::new();
        let login = world.login();
        let sent = world.sent(&login);
        world.refuse(&sent, status, code);
        assert_eq!(world.failed(login), format!("session.login: no (code {code}, status {status})"));
        let call = world.profile();
        assert_eq!(world.failed(call), "not logged in: the server refused");
    }
}

#[test]
fn m03_a_refusal_is_told_to_all_64_that_wait_and_asked_for_once() {
    let mut world = World::new();
    let login = world.login();
    let sent = world.sent(&login);
    let waiting: Vec<_> = (0..64).map(|_| world.profile()).collect();
    for call in &waiting {
        world.waits(call);
    }
    world.refuse(&sent, 401, 14);
    assert_eq!(world.failed(login), "session.login: no (code 14, status 401)");
    for call in waiting {
        assert_eq!(world.failed(call), "not logged in: the server refused");
    }
    assert_eq!((world.state().as_str(), world.session.kept.is_none()), ("refused", true));
}

#[test]
fn s08_a_refusal_after_an_expiry_forgets_the_password() {
    let mut world = World::active("one");
    world.expire();
    let (carrier, waiting) = (world.profile(), world.profile());
    let sent = world.sent(&carrier);
    world.waits(&waiting);
    world.refuse(&sent, 401, 14);
    assert_eq!(world.failed(carrier), "not logged in: the server refused");
    assert_eq!(world.failed(waiting), "not logged in: the server refused");
    assert_eq!((world.state().as_str(), world.session.kept.is_none()), ("refused", true));
}

#[test]
fn s08_i11_a_refusal_is_not_told_to_calls_of_another_identity() {
    let mut world = World::active("one");
    let call = world.profile();
    let logout = world.session.logout(world.now);
    let sent = world.sent(&logout);
    world.ok(&sent, "");
    let login = world.login();
    let sent = world.sent(&login);
    world.refuse(&sent, 401, 14);
    assert_eq!(world.failed(call), "logged out");
}

#[test]
fn s08_a_bare_401_counts_as_a_refusal() {
    let mut world = World::new();
    let login = world.login();
    let sent = world.sent(&login);
    world.answer(&sent, 401, &[("content-type", "text/html")], "<h1>no</h1>");
    assert_eq!(world.failed(login), "session.login: refused with status 401 Unauthorized");
    assert_eq!(world.state(), "refused");
}

#[test]
fn s07_s08_s09_without_a_signal_a_400_or_403_is_a_refusal_if_it_says_why_and_else_a_failure() {
    for status in [400, 403] {
        for (body, state) in [(r#"{"code":14,"msg":"no"}"#, "refused"), ("{}", "failed")] {
            let mut world = World::new();
            let login = world.login();
            let sent = world.sent(&login);
            world.answer(&sent, status, &[("x-auth-token", "partial")], body);
            assert_eq!(world.state(), state);
        }
    }
}

#[test]
fn s09_a_login_that_came_to_nothing_fails_all_and_may_be_tried_by_the_next_call() {
    for (status, body) in [(429, ""), (404, ""), (302, ""), (503, ""), (200, "{}"), (200, "<html>")] {
        let mut world = World::active("one");
        world.expire();
        let (carrier, waiting) = (world.profile(), world.profile());
        let sent = world.sent(&carrier);
        world.waits(&waiting);
        world.answer(&sent, status, &[], body);
        let error = world.failed(carrier);
        assert_eq!(world.failed(waiting), error);
        assert_eq!(world.state(), "failed");
        let next = world.profile();
        assert_eq!(world.sent(&next).name, "session.login");
    }
}

#[test]
fn s09_a_call_after_a_login_that_came_to_nothing_says_what_that_one_said() {
    let mut world = World::new();
    let login = world.login();
    let sent = world.sent(&login);
    world.answer(&sent, 503, &[("retry-after", "9")], r#"{"code":7,"msg":"busy"}"#);
    let call = world.profile();
    for error in [world.done(login).unwrap_err(), world.done(call).unwrap_err()] {
        let said = (error.status().map(|status| status.as_u16()), error.code().map(|code| code.0));
        assert_eq!((said, error.retry_after()), ((Some(503), Some(7)), Some(Duration::from_secs(9))));
        assert!(error.retryable());
    }
}

#[test]
fn s09_i04_a_call_under_way_does_not_log_in_after_a_login_came_to_nothing() {
    let mut world = World::active("one");
    let (under_way, repeated) = (world.profile(), world.profile());
    let (first, second) = (world.sent(&under_way), world.sent(&repeated));
    world.expire();
    let carrier = world.profile();
    let login = world.sent(&carrier);
    world.answer(&login, 503, &[], "");
    world.refuse(&first, 401, 14);
    world.answer(&second, 503, &[], "");
    world.pass(MINUTE);
    let failed = "not logged in: the last attempt failed";
    assert_eq!(world.failed(under_way), failed);
    assert_eq!(world.failed(repeated), failed);
    let newcomer = world.profile();
    assert_eq!(world.sent(&newcomer).name, "session.login");
}

#[test]
fn s09_m02_a_login_that_may_have_been_sent_is_not_sent_again() {
    let mut world = World::new();
    let login = world.login();
    let sent = world.sent(&login);
    world.lose(&sent);
    let error = world.done(login).unwrap_err();
    assert!(error.may_have_been_executed());
    assert_eq!(world.state(), "failed");
}

#[test]
fn s09_m01_a_login_that_provably_was_not_sent_is_sent_once_more() {
    let mut world = World::new();
    let login = world.login();
    for last in [false, true] {
        let sent = world.sent(&login);
        world.fail(&sent, Failure::unsent(FailureKind::Connect));
        if last {
            let error = world.done(login).unwrap_err();
            assert_eq!((error.to_string().as_str(), error.may_have_been_executed()), ("could not connect", false));
            break;
        }
    }
    assert_eq!(world.state(), "failed");
}

#[test]
fn s10_m11_a_vanished_carrier_is_replaced_at_most_twice() {
    let mut world = World::active("one");
    world.expire();
    let waiting = world.profile();
    for _ in 0..3 {
        let carrier = world.profile();
        let sent = world.sent(&carrier);
        assert_eq!(sent.name, "session.login");
        world.waits(&waiting);
        world.fail(&sent, Failure::aborted());
        world.session.cancel(world.now, carrier.id());
    }
    assert_eq!(world.failed(waiting), "the exchange was given up");
    assert_eq!(world.state(), "failed");
}

#[test]
fn s10_m11_the_next_waiting_caller_takes_over() {
    let mut world = World::active("one");
    world.expire();
    let (carrier, waiting) = (world.profile(), world.profile());
    world.sent(&carrier);
    world.waits(&waiting);
    world.session.cancel(world.now, carrier.id());
    let sent = world.sent(&waiting);
    assert_eq!(sent.name, "session.login");
    world.grant(&sent, "two");
    assert_eq!(world.sent(&waiting).token(), "two");
}

#[test]
fn s10_an_answer_ends_with_the_login_that_it_led_to() {
    let mut world = World::active("one");
    world.expire();
    let carrier = world.profile();
    let sent = world.sent(&carrier);
    world.answer(&sent, 207, &[("mfa-code", "72")], r#"{"session_id":"partial"}"#);
    let answer = world.captcha("solved");
    let sent = world.sent(&answer);
    world.ok(&sent, r#"{"valid":true}"#);
    let check = world.sent(&answer);
    world.refuse(&check, 401, 14);
    let login = world.sent(&answer);
    world.fail(&login, Failure::aborted());
    assert_eq!(world.failed(answer), "the exchange was given up");
    assert_eq!(world.state(), "expired");
}

#[test]
fn s11_a_dead_carrier_cannot_wedge_the_session() {
    let mut world = World::active("one");
    world.expire();
    let (dead, waiting) = (world.profile(), world.profile());
    let sent = world.sent(&dead);
    let until = world.waits(&waiting);
    world.now = until;
    assert_eq!(world.failed(waiting), "timed out");
    let next = world.profile();
    let login = world.sent(&next);
    world.grant(&sent, "late");
    assert_eq!(world.state(), "logging in", "the late answer is not this login's");
    world.grant(&login, "two");
    assert_eq!(world.sent(&next).token(), "two");
}

#[test]
fn s09_a_login_that_times_out_or_is_cut_has_not_lost_its_carrier() {
    for (patience, kind, said) in [
        (None, FailureKind::TimedOut, "timed out"),
        (Some(Duration::from_secs(1)), FailureKind::Interrupted, "the connection was interrupted"),
    ] {
        let mut world = World::active("one");
        world.expire();
        let options = CallOptions { deadline: patience, ..CallOptions::new() };
        let carrier = world.session.call_with(world.now, &GetProfile, options);
        let waiting = world.profile();
        let login = world.sent(&carrier);
        world.waits(&waiting);
        world.pass(Duration::from_secs(1));
        world.fail(&login, Failure::maybe_sent(kind));
        assert_eq!(world.state(), "failed");
        assert_eq!(world.failed(waiting), said);
    }
}

#[test]
fn s11_a_carrier_out_of_patience_hands_over() {
    let mut world = World::active("one");
    world.expire();
    let options = CallOptions::new().with_deadline(Duration::from_secs(5));
    let hasty = world.session.call_with(world.now, &GetProfile, options);
    let patient = world.profile();
    let Step::Send(transmit) = world.poll(&hasty) else { panic!() };
    assert_eq!(transmit.deadline, world.now.saturating_add(Duration::from_secs(5)));
    world.waits(&patient);
    world.pass(Duration::from_secs(5));
    world.session.handle_failure(world.now, transmit.exchange, Failure::maybe_sent(FailureKind::TimedOut));
    assert_eq!(world.failed(hasty), "timed out");
    assert_eq!(world.sent(&patient).name, "session.login");
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

#[test]
fn i04_a_call_between_two_tries_fails_with_the_login_that_it_carries() {
    let mut world = World::active("one");
    let (call, other) = (world.profile(), world.profile());
    let sent = world.sent(&call);
    world.answer(&sent, 503, &[("retry-after", "20")], "");
    let sent = world.sent(&other);
    world.refuse(&sent, 401, 14);
    let probe = world.sent(&other);
    world.refuse(&probe, 401, 14);
    world.session.cancel(world.now, other.id());
    world.pass(MINUTE);
    let login = world.sent(&call);
    assert_eq!(login.name, "session.login");
    world.answer(&login, 503, &[], "");
    assert_eq!(world.failed(call), "session.login: refused with status 503 Service Unavailable");
}
