//! Transfers through the real command while connections are cut or stall, the command is killed, or the server lies: no
//! file is lost, none is visible under its name before it is whole, and the same command again puts everything right.
//!
//! `CASES=300 SEED=1` runs as many cases of each campaign, `CASE=17` one of them alone. All of a case comes from these
//! numbers; only when the command is killed within a step depends on the machine.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, reason = "the counts are what it is run for")]

mod case;
mod job;
mod sides;
mod trouble;
mod verdict;

use quatrix_tests::dice::Dice;

use case::Case;
use trouble::Campaign;
use verdict::Counts;

/// The cases of an ordinary run: of each campaign a few.
const CASES: u64 = 20;

#[test]
fn cut_connections_lose_nothing() {
    run(Campaign::Cut);
}

#[test]
fn stalled_connections_lose_nothing() {
    run(Campaign::Stall);
}

#[test]
fn killed_commands_lose_nothing() {
    run(Campaign::Kill);
}

#[test]
fn a_lying_server_behind_a_bad_wire_loses_nothing() {
    run(Campaign::Chaos);
}

fn run(campaign: Campaign) {
    let seed = number("SEED").unwrap_or(1);
    let cases = match number("CASE") {
        Some(case) => case..case + 1,
        None => 0..number("CASES").unwrap_or(CASES),
    };
    let mut counts = Counts::default();
    for number in cases {
        let mut dice = Dice::new(seed ^ ((campaign as u64 + 1) << 56) ^ (number << 24));
        let case = Case::new(campaign, &mut dice);
        let verdict = case.run();
        if !verdict.faults.is_empty() {
            println!("{campaign:?}: SEED={seed} CASE={number}: {case:?}");
            verdict.log.iter().for_each(|line| println!("  {line}"));
            verdict.faults.iter().for_each(|fault| println!("  {fault}"));
        }
        counts.add(&verdict);
    }
    println!("{campaign:?}: {counts}");
    assert!(counts.are_good(), "{campaign:?}: {counts}");
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}
