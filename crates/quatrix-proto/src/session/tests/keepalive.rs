//! S23: keepalives, and what a transfer owes.

use super::*;

fn within(world: &World, until: Timestamp, least: Duration, most: Duration) -> bool {
    (least..=most).contains(&until.saturating_since(world.now))
}

fn chunk() -> crate::api::UploadChunk {
    crate::api::UploadChunk::new("key".into(), 0..4, 8)
}

#[test]
fn s23_an_idle_session_sends_one_keepalive_per_interval() {
    let mut world = World::active("one");
    let run = world.session.run_keepalive(world.now);
    let mut intervals = std::collections::BTreeSet::new();
    for _ in 0..20 {
        let until = world.waits(&run);
        assert!(within(&world, until, 9 * MINUTE, 11 * MINUTE));
        intervals.insert(until.saturating_since(world.now));
        world.now = until;
        let sent = world.sent(&run);
        assert_eq!((sent.name, sent.token()), ("session.keepalive", "one"));
        world.ok(&sent, "");
    }
    assert!(intervals.len() > 10, "each round rolls the dice: {intervals:?}");
}

#[test]
fn s23_a_busy_session_sends_none() {
    let mut world = World::active("one");
    let run = world.session.run_keepalive(world.now);
    for _ in 0..100 {
        world.pass(5 * MINUTE);
        let call = world.profile();
        let sent = world.sent(&call);
        world.ok(&sent, PROFILE);
        world.done(call).unwrap();
        world.waits(&run);
    }
}

#[test]
fn s23_m15_a_lost_keepalive_is_tried_again_while_the_session_can_be_alive() {
    let mut world = World::active("one");
    let run = world.session.run_keepalive(world.now);
    let start = world.now;
    let mut tries = 0;
    while world.now.saturating_since(start) < 15 * MINUTE {
        world.now = world.waits(&run);
        let sent = world.sent(&run);
        world.answer(&sent, 503, &[("content-type", "text/html")], "<h1>busy</h1>");
        tries += 1;
    }
    assert!(tries > 3, "{tries} tries");
    let until = world.waits(&run);
    assert!(within(&world, until, 10 * MINUTE, 10 * MINUTE), "then at leisure");
    assert_eq!(world.state(), "active");
}

#[test]
fn s23_m16_a_401_ends_it_where_nobody_can_log_in_again() {
    let mut world = World::with(Config::forget_credentials);
    world.log_in("one");
    let run = world.session.run_keepalive(world.now);
    world.now = world.waits(&run);
    let sent = world.sent(&run);
    world.refuse(&sent, 401, 14);
    assert_eq!(world.failed(run), "the session has expired");
}

#[test]
fn m16_whatever_is_no_401_leaves_the_session_and_is_tried_again() {
    for (status, body) in [(404, "{}"), (500, "<h1>oh</h1>"), (502, ""), (503, "<h1>busy</h1>"), (302, "")] {
        let mut world = World::active("one");
        let run = world.session.run_keepalive(world.now);
        world.now = world.waits(&run);
        let sent = world.sent(&run);
        world.answer(&sent, status, &[("content-type", "text/html")], body);
        let until = world.waits(&run);
        assert!(within(&world, until, Duration::from_secs(1), MINUTE), "{status}");
        world.now = until;
        let sent = world.sent(&run);
        assert_eq!((sent.name, sent.token(), world.state().as_str()), ("session.keepalive", "one", "active"));
    }
}

#[test]
fn s23_with_credentials_it_waits_for_the_next_session_and_sends_no_password_itself() {
    let mut world = World::active("one");
    let run = world.session.run_keepalive(world.now);
    world.now = world.waits(&run);
    let sent = world.sent(&run);
    world.refuse(&sent, 401, 14);
    world.waits(&run);
    let call = world.profile();
    let login = world.sent(&call);
    world.waits(&run);
    world.grant(&login, "two");
    world.now = world.waits(&run);
    assert_eq!(world.sent(&run).token(), "two");
}

#[test]
fn s21_s23_its_late_401_disturbs_neither_the_next_login_nor_the_next_session() {
    for granted in [false, true] {
        let mut world = World::active("one");
        let run = world.session.run_keepalive(world.now);
        world.now = world.waits(&run);
        let late = world.sent(&run);
        world.expire();
        let call = world.profile();
        let login = world.sent(&call);
        if granted {
            world.grant(&login, "two");
        }
        world.refuse(&late, 401, 14);
        assert_eq!(world.state(), if granted { "active" } else { "logging in" });
    }
}

#[test]
fn s09_s23_it_outlives_a_login_that_came_to_nothing() {
    let mut world = World::active("one");
    let run = world.session.run_keepalive(world.now);
    world.waits(&run);
    world.expire();
    let call = world.profile();
    let login = world.sent(&call);
    world.answer(&login, 503, &[], "");
    world.done(call).unwrap_err();
    world.waits(&run);
}

#[test]
fn i12_a_password_that_is_forgotten_ends_the_wait_for_a_login() {
    let mut world = World::active("one");
    let run = world.session.run_keepalive(world.now);
    world.expire();
    world.waits(&run);
    let before = world.session.wakes();
    world.session.forget_password();
    assert!(world.session.wakes() > before);
    assert_eq!(world.failed(run), "the session has expired");
}

#[test]
fn s23_a_resumed_session_is_confirmed_at_once() {
    let saved = World::active("one").session.save().unwrap();
    let mut world = World::new();
    world.session.resume(world.now, saved, None).unwrap();
    let run = world.session.run_keepalive(world.now);
    let sent = world.sent(&run);
    world.ok(&sent, "");
    assert_eq!(world.state(), "active");
    world.waits(&run);
}

#[test]
fn m13_after_a_logout_no_keepalive_is_sent_and_a_late_one_revives_nothing() {
    let mut world = World::active("one");
    let run = world.session.run_keepalive(world.now);
    world.now = world.waits(&run);
    let keepalive = world.sent(&run);
    let logout = world.session.logout(world.now);
    let sent = world.sent(&logout);
    world.ok(&sent, "");
    world.done(logout).unwrap();
    world.ok(&keepalive, "");
    assert_eq!(world.state(), "by user");
    assert_eq!(world.failed(run), "logged out");
}

#[test]
fn q10_a_transfer_pays_for_a_keepalive_when_one_is_due() {
    let mut world = World::active("one");
    world.pass(10 * MINUTE);
    let call = world.session.call(world.now, &chunk());
    let keepalive = world.sent(&call);
    assert_eq!((keepalive.name, keepalive.token()), ("session.keepalive", "one"));
    world.ok(&keepalive, "");
    world.pass(MINUTE);
    let sent = world.sent(&call);
    assert_eq!((sent.name, sent.source.clone()), ("upload.chunk", Some(0..4)));
    world.pass(9 * MINUTE);
    world.ok(&sent, "\"id\"");
    let Phase::Active(active) = &world.session.phase else { panic!() };
    assert_eq!(world.now.saturating_since(active.used), 10 * MINUTE, "the chunk itself does not count");

    let mut world = World::with(|config| config.with_compat(Compat::default().with_transfers_as_use(true)));
    world.log_in("one");
    world.pass(10 * MINUTE);
    let call = world.session.call(world.now, &chunk());
    assert_eq!(world.sent(&call).name, "upload.chunk");
}

#[test]
fn q10_a_keepalive_that_fails_does_not_hold_the_transfer_up() {
    let mut world = World::active("one");
    world.pass(10 * MINUTE);
    let call = world.session.call(world.now, &chunk());
    let keepalive = world.sent(&call);
    world.lose(&keepalive);
    assert_eq!(world.sent(&call).name, "upload.chunk");
}

#[test]
fn q12_chunks_carry_the_token_unless_told_otherwise() {
    for with_token in [true, false] {
        let mut world = World::with(|config| config.with_compat(Compat::default().with_chunk_tokens(with_token)));
        world.log_in("one");
        let call = world.session.call(world.now, &chunk());
        assert_eq!(world.sent(&call).token(), if with_token { "one" } else { "" });
        let call = world.profile();
        assert_eq!(world.sent(&call).token(), "one");
    }
}

#[test]
fn q10_a_transfer_waits_for_the_keepalive_that_it_carries() {
    let mut world = World::active("one");
    world.pass(10 * MINUTE);
    let call = world.session.call(world.now, &chunk());
    let keepalive = world.sent(&call);
    assert_eq!(keepalive.name, "session.keepalive");
    world.waits(&call);
    world.ok(&keepalive, "");
    assert_eq!(world.sent(&call).name, "upload.chunk");
}
