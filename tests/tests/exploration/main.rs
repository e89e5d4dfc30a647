//! Everything that can happen to a session with a few callers, a server that says whatever it likes and a network that
//! loses whatever it likes: no rule of `docs/assurance/invariants.md` is broken. Each world is checked for all of them, whichever
//! its name has; `docs/assurance/testing.md` says how large the worlds are and what is left out.

mod server;
mod world;

use std::time::Instant;

use quatrix_tests::explore::{Report, explore};
use world::Given::{Captcha, Code, OtherCode};
use world::What::{Answer, ForgetPassword, KeepAlive, Login, Logout, Read, ReadInTime, Resume, RunKeepAlive, Write};
use world::World;

/// Looks at the whole world, which has so many states.
#[track_caller]
fn whole(world: &World, states: usize) {
    const MAX: usize = 1_000_000;

    let report = looked_at(world, MAX);
    assert!(report.complete, "there is more: {report:?}");
    assert!(report.states >= states, "the world has shrunk: {report:?}");
}

/// Explores the beginning of a large world, up to `QUATRIX_EXPLORE` states.
#[track_caller]
fn beginning(world: &World) {
    const USUAL: usize = 20_000;

    let most = match std::env::var("QUATRIX_EXPLORE") {
        Ok(most) => most.parse().expect("QUATRIX_EXPLORE is a number of states"),
        Err(_) => USUAL,
    };
    let report = looked_at(world, most);
    assert!(report.complete || report.states >= most, "{report:?}");
}

#[track_caller]
#[allow(clippy::print_stdout, reason = "how large a world is, `--nocapture` shows")]
fn looked_at(world: &World, most: usize) -> Report {
    let begun = Instant::now();
    let report = explore(world, most).unwrap_or_else(|broken| panic!("\n{broken}"));
    println!("{report:?} in {:.1?}", begun.elapsed());
    report
}

#[test]
fn i01_i02_i03_i04_login_and_two_calls() {
    whole(&World::new(&[(Login("A"), None), (Read, Some(0)), (Write, Some(0))]), 106_000);
}

#[test]
fn i05_i11_login_logout_another_login_and_a_call() {
    let script = [(Login("A"), None), (Logout, Some(0)), (Login("B"), Some(1)), (Read, Some(0))];
    whole(&World::new(&script), 64_000);
}

#[test]
fn i01_i09_second_factor() {
    let script = [(Login("A"), None), (Answer(Code), Some(0)), (Answer(OtherCode), Some(1)), (Read, Some(0))];
    whole(&World::new(&script).with_codes(), 71_000);
}

#[test]
fn i01_i04_captcha_and_second_factor() {
    let script = [(Login("A"), None), (Answer(Captcha), Some(0)), (Answer(Code), Some(0)), (Read, Some(0))];
    whole(&World::new(&script).with_codes().with_captchas(), 238_000);
}

#[test]
fn i07_i09_i12_running_keepalive_and_a_call() {
    whole(&World::new(&[(Login("A"), None), (RunKeepAlive, Some(0)), (Read, Some(0))]), 94_000);
}

#[test]
fn i01_i04_keepalive_and_a_call() {
    whole(&World::new(&[(Login("A"), None), (KeepAlive, Some(0)), (Read, Some(0))]), 127_000);
}

#[test]
fn i05_logout_against_a_code() {
    let script = [(Login("A"), None), (Answer(Code), Some(0)), (Logout, Some(0)), (Read, Some(0))];
    whole(&World::new(&script).with_codes(), 41_000);
}

#[test]
fn i05_logout_against_a_captcha() {
    let script = [(Login("A"), None), (Answer(Captcha), Some(0)), (Logout, Some(0)), (Read, Some(0))];
    whole(&World::new(&script).with_codes().with_captchas(), 77_000);
}

#[test]
fn i05_i07_logout_against_a_running_keepalive() {
    whole(&World::new(&[(Login("A"), None), (RunKeepAlive, Some(0)), (Logout, Some(0)), (Logout, Some(2))]), 14_000);
}

#[test]
fn i04_i05_a_forgotten_password() {
    let script = [(Login("A"), None), (ForgetPassword, Some(0)), (Read, Some(0)), (Logout, Some(0)), (Logout, Some(3))];
    whole(&World::new(&script), 37_000);
}

#[test]
fn i02_i04_a_call_with_a_deadline() {
    whole(&World::new(&[(Login("A"), None), (ReadInTime, Some(0)), (Write, Some(0))]), 148_000);
}

#[test]
fn i04_i11_a_session_taken_up() {
    let script = [(Resume("A"), None), (Read, None), (Logout, Some(0)), (Login("B"), Some(2))];
    whole(&World::new(&script), 20_000);
}

#[test]
fn i05_an_api_key() {
    let script = [(Read, None), (Write, None), (KeepAlive, None), (Logout, None)];
    whole(&World::new(&script).with_an_api_key(), 14_000);
}

#[test]
fn i09_i11_a_driver_that_is_asked_for_codes() {
    let world = World::new(&[(Login("A"), None), (Read, Some(0)), (Logout, Some(0))]).with_codes();
    whole(&world.with_a_driver_that_knows(), 214_000);
}

#[test]
fn i01_i09_a_driver_that_is_asked_for_codes_and_captchas() {
    let world = World::new(&[(Login("A"), None), (Read, Some(0))]).with_codes().with_captchas();
    beginning(&world.with_a_driver_that_knows());
}

#[test]
fn i01_i11_i12_two_calls_and_a_driver_that_is_asked() {
    let world = World::new(&[(Login("A"), None), (Read, Some(0)), (Read, Some(1))]).with_codes();
    beginning(&world.with_a_driver_that_knows());
}

#[test]
fn i01_i02_login_and_three_calls() {
    beginning(&World::new(&[(Login("A"), None), (Read, Some(0)), (Read, Some(1)), (Write, Some(0))]));
}

#[test]
fn i05_i11_login_logout_another_login_and_two_calls() {
    let script = [(Login("A"), None), (Logout, Some(0)), (Login("B"), Some(1)), (Read, Some(0)), (Write, Some(0))];
    beginning(&World::new(&script));
}

#[test]
fn i05_i07_logout_against_a_running_keepalive_and_a_call() {
    beginning(&World::new(&[(Login("A"), None), (Read, Some(0)), (Logout, Some(0)), (RunKeepAlive, Some(0))]));
}
