//! S18 to S22: what a 401 means.

use super::*;

#[test]
fn s18_a_success_confirms_and_the_idle_clock_starts_when_it_was_sent() {
    let mut world = World::active("one");
    world.pass(MINUTE);
    let call = world.profile();
    let sent_at = world.now;
    let sent = world.sent(&call);
    world.pass(MINUTE);
    world.ok(&sent, PROFILE);
    world.done(call).unwrap();
    let Phase::Active(active) = &world.session.phase else { panic!() };
    assert_eq!(active.used, sent_at);
}

#[test]
fn s18_a_success_with_an_older_token_proves_nothing() {
    let mut world = World::active("one");
    let call = world.profile();
    let old = world.sent(&call);
    world.expire();
    let saved_state = world.state();
    world.ok(&old, PROFILE);
    assert_eq!(world.done(call).unwrap().name, "Me");
    assert_eq!((saved_state.as_str(), world.state().as_str()), ("expired", "expired"));
}

#[test]
fn s19_q09_one_keepalive_decides_for_all_held_calls() {
    for alive in [true, false] {
        let mut world = World::active("one");
        let calls: Vec<_> = (0..3).map(|_| world.profile()).collect();
        let sent: Vec<_> = calls.iter().map(|call| world.sent(call)).collect();
        for sent in &sent {
            world.refuse(sent, 401, 14);
        }
        let probe = world.sent(&calls[0]);
        assert_eq!((probe.name, probe.token()), ("session.keepalive", "one"));
        world.waits(&calls[1]);
        world.waits(&calls[2]);
        match alive {
            true => {
                world.ok(&probe, "");
                for call in calls {
                    assert_eq!(world.failed(call), "profile.get: no (code 14, status 401)");
                }
                assert_eq!(world.state(), "active");
            }
            false => {
                world.refuse(&probe, 401, 14);
                let login = world.sent(&calls[1]);
                assert_eq!(login.name, "session.login");
                world.grant(&login, "two");
                for call in &calls {
                    assert_eq!(world.sent(call).token(), "two");
                }
            }
        }
    }
}

#[test]
fn s19_a_probe_without_a_verdict_delivers_the_401() {
    for status in [404, 500, 503] {
        let mut world = World::active("one");
        let call = world.profile();
        let sent = world.sent(&call);
        world.refuse(&sent, 401, 50);
        let probe = world.sent(&call);
        world.answer(&probe, status, &[], "");
        assert_eq!(world.failed(call), "profile.get: no (code 50, status 401)");
        assert_eq!(world.state(), "active");
    }
    let mut world = World::active("one");
    let (call, other) = (world.profile(), world.profile());
    for call in [&call, &other] {
        let sent = world.sent(call);
        world.refuse(&sent, 401, 50);
    }
    let probe = world.sent(&call);
    world.lose(&probe);
    assert_eq!(world.failed(call), "profile.get: no (code 50, status 401)");
    assert_eq!(world.failed(other), "profile.get: no (code 50, status 401)");
}

#[test]
fn s19_s20_a_probe_without_a_verdict_is_no_use_of_the_session() {
    let mut world = World::active("one");
    world.pass(14 * MINUTE);
    let call = world.profile();
    let sent = world.sent(&call);
    world.refuse(&sent, 401, 50);
    let probe = world.sent(&call);
    world.answer(&probe, 503, &[], "");
    world.failed(call);
    world.pass(MINUTE);
    let call = world.profile();
    let sent = world.sent(&call);
    world.refuse(&sent, 401, 14);
    assert_eq!(world.sent(&call).name, "session.login", "it is past its life");
}

#[test]
fn s19_a_probe_whose_carrier_vanished_is_sent_by_the_next() {
    let mut world = World::active("one");
    let (leader, other) = (world.profile(), world.profile());
    for call in [&leader, &other] {
        let sent = world.sent(call);
        world.refuse(&sent, 401, 50);
    }
    world.sent(&leader);
    world.session.cancel(world.now, leader.id());
    let probe = world.sent(&other);
    assert_eq!(probe.name, "session.keepalive");
    world.refuse(&probe, 401, 14);
    assert_eq!(world.sent(&other).name, "session.login");
}

#[test]
fn s20_past_the_lifetime_no_probe_is_needed() {
    let mut world = World::active("one");
    world.pass(15 * MINUTE);
    let call = world.profile();
    let sent = world.sent(&call);
    world.refuse(&sent, 401, 14);
    let login = world.sent(&call);
    assert_eq!(login.name, "session.login");
    world.grant(&login, "two");
    let again = world.sent(&call);
    assert_eq!(again.token(), "two");
    world.ok(&again, PROFILE);
    assert_eq!(world.done(call).unwrap().name, "Me");
}

#[test]
fn s21_a_late_401_to_an_older_token_says_nothing_of_todays() {
    let mut world = World::active("one");
    let keepalive = world.session.keepalive(world.now);
    let late = world.sent(&keepalive);
    world.expire();
    let call = world.profile();
    let login = world.sent(&call);
    world.grant(&login, "two");
    world.refuse(&late, 401, 14);
    assert_eq!(world.state(), "active");
    let again = world.sent(&keepalive);
    assert_eq!((again.name, again.token()), ("session.keepalive", "two"));
    world.ok(&again, "");
    world.done(keepalive).unwrap();
}

#[test]
fn s20_m16_a_keepalive_is_its_own_probe() {
    let mut world = World::with(Config::forget_credentials);
    world.log_in("one");
    let keepalive = world.session.keepalive(world.now);
    let sent = world.sent(&keepalive);
    world.refuse(&sent, 401, 14);
    assert_eq!(world.failed(keepalive), "the session has expired");
    assert_eq!(world.state(), "expired");
}

#[test]
fn s20_a_resumed_session_of_unknown_age_is_probed() {
    let saved = World::active("one").session.save().unwrap();
    let mut world = World::new();
    world.session.resume(world.now, saved, None).unwrap();
    world.pass(60 * MINUTE);
    let call = world.profile();
    let sent = world.sent(&call);
    world.refuse(&sent, 401, 14);
    assert_eq!(world.sent(&call).name, "session.keepalive");
}

#[test]
fn s21_m09_a_401_to_an_older_token_is_sent_once_more_with_todays() {
    let mut world = World::active("one");
    let late = world.profile();
    let old = world.sent(&late);
    world.expire();
    let call = world.profile();
    let login = world.sent(&call);
    world.grant(&login, "two");
    world.refuse(&old, 401, 14);
    let again = world.sent(&late);
    assert_eq!((again.name, again.token()), ("profile.get", "two"));
    world.refuse(&again, 401, 14);
    assert_eq!(world.failed(late), "profile.get: no (code 14, status 401)");
    assert_eq!(world.state(), "active", "a second 401 is the answer");
}

#[test]
fn s21_a_401_while_another_login_is_under_way_waits_for_it() {
    let mut world = World::active("one");
    let late = world.profile();
    let old = world.sent(&late);
    world.expire();
    let call = world.profile();
    let login = world.sent(&call);
    world.refuse(&old, 401, 14);
    world.waits(&late);
    world.grant(&login, "two");
    assert_eq!(world.sent(&late).token(), "two");
}

#[test]
fn s22_a_401_under_another_identity_fails_and_is_not_repeated() {
    let mut world = World::active("one");
    let call = world.profile();
    let old = world.sent(&call);
    let logout = world.session.logout(world.now);
    let sent = world.sent(&logout);
    world.ok(&sent, "");
    world.done(logout).unwrap();
    world.log_in("two");
    world.refuse(&old, 401, 14);
    assert_eq!(world.failed(call), "logged out");
    assert_eq!(world.state(), "active");
}

#[test]
fn i11_a_call_is_not_sent_under_another_identity_than_its_own() {
    let mut world = World::active("one");
    let call = world.profile();
    let logout = world.session.logout(world.now);
    let sent = world.sent(&logout);
    world.ok(&sent, "");
    world.done(logout).unwrap();
    world.log_in("two");
    assert_eq!(world.failed(call), "logged out");
}

#[test]
fn i04_m07_a_call_is_repeated_once_after_a_401_whatever_comes() {
    let mut world = World::active("one");
    let call = world.profile();
    let sent = world.sent(&call);
    world.refuse(&sent, 401, 14);
    let probe = world.sent(&call);
    world.refuse(&probe, 401, 14);
    let login = world.sent(&call);
    world.grant(&login, "two");
    let again = world.sent(&call);
    world.refuse(&again, 401, 14);
    assert_eq!(world.failed(call), "profile.get: no (code 14, status 401)");
}

#[test]
fn m18_a_clock_that_jumps_forward_costs_one_check() {
    let mut world = World::active("one");
    let run = world.session.run_keepalive(world.now);
    world.waits(&run);
    world.pass(8 * 60 * MINUTE);
    let sent = world.sent(&run);
    world.ok(&sent, "");
    world.waits(&run);
}

#[test]
fn m18_a_clock_that_stands_still_or_goes_back_neither_spins_nor_underflows() {
    let mut world = World::active("one");
    let run = world.session.run_keepalive(world.now);
    let due = world.waits(&run);
    let began = world.now;
    for moment in [began, Timestamp::ZERO, Timestamp::from_micros(1), began, began] {
        world.now = moment;
        let until = world.waits(&run);
        assert!(until > moment && until.saturating_since(moment) <= 60 * MINUTE, "{until:?} at {moment:?}");
    }
    // A call goes out before the session was made, by this clock, and its answer comes earlier still.
    world.now = Timestamp::from_micros(7);
    let call = world.profile();
    let sent = world.sent(&call);
    world.now = Timestamp::ZERO;
    world.refuse(&sent, 401, 14);
    let probe = world.sent(&call);
    assert_eq!(probe.name, "session.keepalive", "the session is not past its life");
    world.ok(&probe, "");
    assert_eq!(world.failed(call), "profile.get: no (code 14, status 401)");
    world.now = began;
    assert_eq!(world.waits(&run), due, "the idle clock has not gone back with it");
}

#[test]
fn m19_answers_that_nobody_waits_for_are_ignored() {
    let mut world = World::active("one");
    let call = world.profile();
    let sent = world.sent(&call);
    world.ok(&sent, PROFILE);
    world.refuse(&sent, 401, 14);
    world.lose(&sent);
    assert_eq!(world.done(call).unwrap().name, "Me");
    world.ok(&sent, PROFILE);
    assert_eq!(world.state(), "active");
}
