//! S24 to S27: out of a session, from everywhere.

use super::*;

impl World {
    fn logout(&mut self) -> Ticket<Logout> {
        self.session.logout(self.now)
    }
}

#[test]
fn s24_logout_forgets_the_password_and_ends_what_waits() {
    let mut world = World::active("one");
    let waiting = world.profile();
    let logout = world.logout();
    assert!(world.session.kept.is_none());
    assert_eq!(world.failed(waiting), "logged out");
    let sent = world.sent(&logout);
    assert_eq!((sent.name, sent.token()), ("session.logout", "one"));
}

#[test]
fn s25_without_a_session_there_is_nothing_to_send() {
    let mut world = World::new();
    let logout = world.logout();
    assert!(world.done(logout).unwrap().confirmed);
    assert_eq!(world.state(), "by user");

    let mut world = World::new();
    let login = world.login();
    let logout = world.logout();
    assert!(world.done(logout).unwrap().confirmed);
    assert_eq!(world.failed(login), "logged out");
}

#[test]
fn s26_m14_a_login_under_way_is_waited_for_and_its_token_logged_out() {
    let mut world = World::new();
    let login = world.login();
    let sent = world.sent(&login);
    let logout = world.logout();
    assert_eq!(world.state(), "logging out");
    world.waits(&logout);
    world.grant(&sent, "born dead".replace(' ', "-").as_str());
    assert_eq!(world.failed(login), "logged out");
    let out = world.sent(&logout);
    assert_eq!((out.name, out.token()), ("session.logout", "born-dead"));
    world.ok(&out, "");
    assert!(world.done(logout).unwrap().confirmed);
}

#[test]
fn s26_a_login_that_fails_meanwhile_leaves_nothing_to_log_out() {
    for (status, confirmed) in [(401, true), (500, false)] {
        let mut world = World::new();
        let login = world.login();
        let sent = world.sent(&login);
        let logout = world.logout();
        world.refuse(&sent, status, 14);
        assert_eq!(world.done(logout).unwrap().confirmed, confirmed);
        assert_eq!(world.failed(login), "logged out");
    }
}

#[test]
fn s26_an_answer_under_way_is_waited_for() {
    for (status, body, token) in
        [(200, r#"{"session_id":"rotated"}"#, "rotated"), (200, "", "partial"), (401, r#"{"code":83}"#, "partial")]
    {
        let mut world = World::new().challenged("71");
        let answer = world.session.answer(world.now, Answer::totp("654321"));
        let sent = world.sent(&answer);
        let logout = world.logout();
        world.waits(&logout);
        world.answer(&sent, status, &[], body);
        assert_eq!(world.sent(&logout).token(), token);
        assert_eq!(world.failed(answer), "logged out");
    }
}

#[test]
fn s26_whatever_a_captcha_is_answered_with_its_own_token_is_logged_out() {
    let mut world = World::new().challenged("72");
    let answer = world.session.answer(world.now, Answer::Captcha("solved".into()));
    let sent = world.sent(&answer);
    let logout = world.logout();
    world.grant(&sent, "another");
    assert_eq!(world.sent(&logout).token(), "partial");
}

#[test]
fn s26_the_wait_is_bounded_by_the_deadline_of_what_is_waited_for() {
    let mut world = World::new();
    let login = world.login();
    world.sent(&login);
    let logout = world.logout();
    world.now = world.waits(&logout);
    assert!(!world.done(logout).unwrap().confirmed);
    assert_eq!(world.state(), "by user");
}

#[test]
fn s26_a_request_in_flight_is_still_answered() {
    let mut world = World::active("one");
    let call = world.profile();
    let sent = world.sent(&call);
    let logout = world.logout();
    world.sent(&logout);
    world.ok(&sent, PROFILE);
    assert_eq!(world.done(call).unwrap().name, "Me");
}

#[test]
fn s27_the_server_confirms_by_200_401_or_code_70() {
    for (status, body, confirmed) in
        [(200, "", true), (401, "", true), (400, r#"{"code":70,"msg":"no"}"#, true), (500, "", false)]
    {
        let mut world = World::active("one");
        let logout = world.logout();
        let sent = world.sent(&logout);
        world.answer(&sent, status, &[], body);
        assert_eq!(world.done(logout).unwrap().confirmed, confirmed, "{status}");
        assert_eq!(world.state(), "by user");
    }
}

#[test]
fn s27_a_challenge_is_logged_out_too() {
    let mut world = World::new().challenged("71");
    let logout = world.logout();
    assert_eq!(world.sent(&logout).token(), "partial");
}

#[test]
fn s27_meanwhile_login_resume_and_answer_are_misuse() {
    let saved = World::active("one").session.save().unwrap();
    let mut world = World::active("one");
    let logout = world.logout();
    let sent = world.sent(&logout);
    let under_way = "a logout is under way: wait for it to end";
    let (login, answer) = (world.login(), world.session.answer(world.now, Answer::totp("1")));
    assert_eq!((world.failed(login), world.failed(answer)), (under_way.into(), under_way.into()));
    assert_eq!(world.session.resume(world.now, saved, None), Err(Misuse::LoggingOut));
    world.ok(&sent, "");
    assert!(world.done(logout).unwrap().confirmed);
    world.log_in("two");
}

#[test]
fn s27_a_second_logout_waits_for_the_first() {
    let mut world = World::active("one");
    let (first, second) = (world.logout(), world.logout());
    let sent = world.sent(&first);
    world.waits(&second);
    world.ok(&sent, "");
    assert!(world.done(first).unwrap().confirmed && world.done(second).unwrap().confirmed);
}

#[test]
fn s27_a_logout_whose_caller_vanishes_before_it_is_sent_is_taken_over_by_the_second() {
    for mut world in [World::active("one"), World::new().challenged("71")] {
        let (first, second, third) = (world.logout(), world.logout(), world.logout());
        let before = world.session.wakes();
        world.session.cancel(world.now, first.id());
        assert!(world.session.wakes() > before);
        let sent = world.sent(&second);
        assert_eq!(sent.name, "session.logout");
        world.waits(&third);
        world.ok(&sent, "");
        assert!(world.done(second).unwrap().confirmed && world.done(third).unwrap().confirmed);
        assert_eq!(world.state(), "by user");
    }
}

#[test]
fn s26_s27_a_logout_that_waits_for_a_login_is_taken_over_by_the_second() {
    let mut world = World::new();
    let login = world.login();
    let granting = world.sent(&login);
    let (first, second) = (world.logout(), world.logout());
    world.session.cancel(world.now, first.id());
    world.waits(&second);
    world.grant(&granting, "one");
    let sent = world.sent(&second);
    assert_eq!((sent.name, sent.token()), ("session.logout", "one"));
    world.ok(&sent, "");
    assert!(world.done(second).unwrap().confirmed);
}

#[test]
fn s27_a_logout_whose_caller_vanishes_after_it_was_sent_ends_unconfirmed() {
    let mut world = World::active("one");
    let (first, second) = (world.logout(), world.logout());
    assert_eq!(world.sent(&first).name, "session.logout");
    world.session.cancel(world.now, first.id());
    assert!(!world.done(second).unwrap().confirmed);
    assert_eq!(world.state(), "by user");
}

#[test]
fn s27_a_logout_whose_only_caller_vanishes_ends_unconfirmed() {
    let mut world = World::active("one");
    let logout = world.logout();
    world.session.cancel(world.now, logout.id());
    assert_eq!(world.state(), "by user");
}

#[test]
fn s26_s27_nobody_else_logs_out_the_token_that_a_vanished_caller_waited_for() {
    for vanishes in [false, true] {
        let mut world = World::new();
        let login = world.login();
        let sent = world.sent(&login);
        let (logout, other) = (world.logout(), world.profile());
        world.session.cancel(world.now, if vanishes { logout.id() } else { other.id() });
        world.grant(&sent, "one");
        assert_eq!(world.state(), if vanishes { "by user" } else { "logging out" });
    }
}

#[test]
fn i05_no_late_answer_revives_a_session_that_was_logged_out() {
    let mut world = World::active("one");
    world.expire();
    let call = world.profile();
    let login = world.sent(&call);
    let logout = world.logout();
    world.session.cancel(world.now, call.id());
    assert!(!world.done(logout).unwrap().confirmed);
    world.grant(&login, "late");
    assert_eq!(world.state(), "by user");
    let next = world.profile();
    assert_eq!(world.failed(next), "logged out");
}

#[test]
fn s24_a_call_between_two_tries_ends_at_once_too() {
    let mut world = World::active("one");
    let call = world.profile();
    let sent = world.sent(&call);
    world.answer(&sent, 503, &[("retry-after", "20")], "");
    world.waits(&call);
    let _logout = world.session.logout(world.now);
    assert_eq!(world.failed(call), "logged out");
}
