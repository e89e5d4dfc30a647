//! S8 to S11: logins that are refused, come to nothing, or lose their carrier.

use super::*;

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
    let (leader, waiting) = (world.profile(), world.profile());
    let sent = world.sent(&leader);
    world.waits(&waiting);
    world.refuse(&sent, 401, 14);
    assert_eq!(world.failed(leader), "not logged in: the server refused");
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
        let (leader, waiting) = (world.profile(), world.profile());
        let sent = world.sent(&leader);
        world.waits(&waiting);
        world.answer(&sent, status, &[], body);
        let error = world.failed(leader);
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
    let leader = world.profile();
    let login = world.sent(&leader);
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
        world.fail(&sent, TransportError::unsent(TransportErrorKind::Connect));
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
        let leader = world.profile();
        let sent = world.sent(&leader);
        assert_eq!(sent.name, "session.login");
        world.waits(&waiting);
        world.fail(&sent, TransportError::aborted());
        world.session.cancel(world.now, leader.id());
    }
    assert_eq!(world.not_logged_in(waiting), "the exchange was given up");
    assert_eq!(world.state(), "failed");
}

#[test]
fn s10_m11_the_next_waiting_caller_takes_over() {
    let mut world = World::active("one");
    world.expire();
    let (leader, waiting) = (world.profile(), world.profile());
    world.sent(&leader);
    world.waits(&waiting);
    world.session.cancel(world.now, leader.id());
    let sent = world.sent(&waiting);
    assert_eq!(sent.name, "session.login");
    world.grant(&sent, "two");
    assert_eq!(world.sent(&waiting).token(), "two");
}

#[test]
fn s10_an_answer_ends_with_the_login_that_it_led_to() {
    let mut world = World::active("one");
    world.expire();
    let leader = world.profile();
    let sent = world.sent(&leader);
    world.answer(&sent, 207, &[("mfa-code", "72")], r#"{"session_id":"partial"}"#);
    let answer = world.captcha("solved");
    let sent = world.sent(&answer);
    world.ok(&sent, r#"{"valid":true}"#);
    let check = world.sent(&answer);
    world.refuse(&check, 401, 14);
    let login = world.sent(&answer);
    world.fail(&login, TransportError::aborted());
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
    assert_eq!(world.not_logged_in(waiting), "timed out");
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
        (None, TransportErrorKind::TimedOut, "timed out"),
        (Some(Duration::from_secs(1)), TransportErrorKind::Interrupted, "the connection was interrupted"),
    ] {
        let mut world = World::active("one");
        world.expire();
        let options = CallOptions { deadline: patience, ..CallOptions::new() };
        let leader = world.session.call_with(world.now, &GetProfile, options);
        let waiting = world.profile();
        let login = world.sent(&leader);
        world.waits(&waiting);
        world.pass(Duration::from_secs(1));
        world.fail(&login, TransportError::maybe_sent(kind));
        assert_eq!(world.state(), "failed");
        assert_eq!(world.not_logged_in(waiting), said);
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
    world.session.handle_failure(
        world.now,
        transmit.exchange,
        TransportError::maybe_sent(TransportErrorKind::TimedOut),
    );
    assert_eq!(world.failed(hasty), "timed out");
    assert_eq!(world.sent(&patient).name, "session.login");
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
    assert_eq!(world.not_logged_in(call), "session.login: refused with status 503 Service Unavailable");
}

#[test]
fn s09_a_later_login_lets_a_call_from_before_log_in_again() {
    let mut world = World::active("one");
    let call = world.profile();
    let sent = world.sent(&call);
    world.expire();
    let leader = world.profile();
    let login = world.sent(&leader);
    world.answer(&login, 503, &[], "");
    world.done(leader).unwrap_err();
    let next = world.profile();
    let login = world.sent(&next);
    world.grant(&login, "two");
    world.session.cancel(world.now, next.id());

    world.answer(&sent, 503, &[], "");
    world.expire();
    world.pass(MINUTE);
    assert_eq!(world.sent(&call).name, "session.login");
}
