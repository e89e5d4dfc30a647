//! What always holds (docs/assurance/invariants.md), for stories that nobody thought of. Each has a theme under which its rule
//! is in danger, and counts how often: a property of stories in which nothing happens would be none.
//!
//! The stories are the same in each run; `PROPTEST_CASES=100000` tells more of them. The fuzz target `session_ops` tells
//! stories from the same alphabet.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRng, TestRunner};
use quatrix_tests::pair::{Pair, Plan};
use quatrix_tests::story::{Seen, Theme, Told, tell, tell_aloud};

/// Tells many stories of a theme. Whatever the referee sees in one of them fails the test, and so it does if what the
/// rule is about happens less than once in four stories.
fn stories(theme: Theme, about: impl Fn(&Seen) -> usize) {
    let (told, seen) = (Cell::new(0), Cell::new(0));
    let any_story = (any::<u8>(), prop::collection::vec(any::<u8>(), 200..600));
    let result = runner().run(&any_story, |(settings, bytes)| {
        let Told { violation, seen: new, .. } = tell(&story(theme, settings, &bytes));
        told.set(told.get() + 1);
        seen.set(seen.get() + about(&new));
        prop_assert_eq!(violation, None);
        Ok(())
    });
    if let Err(TestError::Fail(reason, (settings, bytes))) = result {
        let bytes = story(theme, settings, &bytes);
        let _ = std::panic::catch_unwind(|| tell_aloud(&bytes));
        panic!("{theme:?}: {reason}");
    }
    assert!(seen.get() >= told.get() / 4, "{} stories, and only {} times what they are about", told.get(), seen.get());
}

fn runner() -> TestRunner {
    let config = Config { failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(config.rng_algorithm);
    TestRunner::new_with_rng(config, rng)
}

fn story(theme: Theme, settings: u8, bytes: &[u8]) -> Vec<u8> {
    [&[theme.byte(), settings], bytes].concat()
}

#[test]
fn i01_one_login_answer_or_probe_is_in_flight() {
    stories(Theme::Expiries, |seen| seen.expiries + seen.logins);
}

#[test]
fn i02_every_call_ends_once_and_leaves_nothing() {
    stories(Theme::Anything, |seen| seen.ended);
}

#[test]
fn i03_only_the_newest_token_is_sent() {
    stories(Theme::Expiries, |seen| seen.expiries);
}

#[test]
fn i04_a_password_leaves_when_somebody_wants_it_to() {
    stories(Theme::Trouble, |seen| seen.logins);
    stories(Theme::Challenges, |seen| seen.refusals);
}

#[test]
fn i05_nothing_survives_a_logout() {
    stories(Theme::People, |seen| seen.logouts.min(seen.late_answers));
}

#[test]
fn i06_nothing_panics_whatever_the_clock_does() {
    stories(Theme::Clocks, |seen| seen.waits);
}

#[test]
fn i07_every_wait_has_an_end_and_no_driver_spins() {
    stories(Theme::Trouble, |seen| seen.waits);
}

#[test]
fn i08_no_secret_is_shown() {
    stories(Theme::Challenges, |seen| seen.logins + seen.answers);
}

#[test]
fn i09_repetitions_are_bounded() {
    stories(Theme::Trouble, |seen| seen.repetitions);
}

#[test]
fn i09_a_story_told_twice_is_the_same() {
    let any_story = (any::<u8>(), any::<u8>(), prop::collection::vec(any::<u8>(), 0..400));
    runner()
        .run(&any_story, |(theme, settings, bytes)| {
            let bytes = [&[theme, settings], &bytes[..]].concat();
            prop_assert_eq!(tell(&bytes), tell(&bytes));
            Ok(())
        })
        .unwrap();
}

#[test]
fn i10_client_and_server_agree_whatever_the_seed() {
    let ran = runner().run(&any::<u64>(), |seed| {
        prop_assert!(Pair::new(Plan::wild(seed), seed, false).run().exchanges > 0);
        Ok(())
    });
    ran.unwrap();
}

#[test]
fn i11_no_call_rides_in_a_session_of_somebody_else() {
    stories(Theme::People, |seen| seen.logouts.min(seen.logins));
}

#[test]
fn i13_a_caller_is_told_what_its_own_request_may_have_done() {
    stories(Theme::Trouble, |seen| seen.repetitions + seen.ended);
    stories(Theme::People, |seen| seen.logouts.min(seen.ended));
}

#[test]
fn i12_nobody_who_may_go_on_is_left_waiting() {
    stories(Theme::Expiries, |seen| seen.waits);
    stories(Theme::Challenges, |seen| seen.waits);
}
