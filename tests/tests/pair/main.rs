//! The session against the emulator, in memory, under faults: `SEEDS=60000` runs so many seeds, `SEED=7` replays one
//! with its log.

use std::env;
use std::time::Duration;

use quatrix_tests::pair::{Pair, Plan, Ran};

/// How many seeds an ordinary run takes.
const SEEDS: u64 = 10_000;

/// Names the run that has broken a rule.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("SEED={} cargo test -p quatrix-tests --test pair replays this with its log", self.0);
        }
    }
}

fn wild(seed: u64, shown: bool) -> Ran {
    let seed = Seed(seed);
    Pair::new(Plan::wild(seed.0), seed.0, shown).run()
}

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn i02_i10_client_and_server_agree_once_the_faults_stop() {
    if let Some(seed) = number("SEED") {
        eprintln!("{:?}", wild(seed, true));
        return;
    }
    let seeds = number("SEEDS").unwrap_or(SEEDS);
    let (mut exchanges, mut logins, mut calls, mut succeeded) = (0, 0, 0, 0);
    for seed in 0..seeds {
        let ran = wild(seed, false);
        exchanges += ran.exchanges;
        logins += ran.logins;
        calls += ran.calls;
        succeeded += ran.succeeded;
    }
    eprintln!("{seeds} seeds: {exchanges} exchanges, {logins} logins, {succeeded} of {calls} calls succeeded");
    assert!(exchanges > 10 * seeds && logins > 2 * seeds, "hardly anything happens");
    assert!(succeeded > calls / 4, "hardly anything succeeds");
}

#[test]
fn i10_they_agree_too_where_one_means_another_idle_time_than_the_other() {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let one = number("SEED");
    for (server, client) in [(5, 15), (5, 60), (15, 5), (15, 60), (60, 5), (60, 15)] {
        let mut expiries = 0;
        for seed in one.map_or(0..SEEDS / 50, |seed| seed..seed + 1) {
            let _shown = Seed(seed);
            let mut plan = Plan::wild(seed);
            plan.settings.idle_timeout = minutes(server);
            plan.config = plan.config.with_idle_timeout(minutes(client));
            plan.rest = minutes(20);
            expiries += Pair::new(plan, seed, one.is_some()).run().expiries;
        }
        assert!(one.is_some() || expiries > 100, "{server} and {client} minutes: hardly any session ends, {expiries}");
    }
}

#[test]
fn i09_a_seed_replays_bit_by_bit() {
    let runs: Vec<_> = (0..50).map(|seed| wild(seed, false)).collect();
    for (seed, ran) in runs.iter().enumerate() {
        assert_eq!(*ran, wild(seed as u64, false), "SEED={seed}");
    }
    let mut hashes: Vec<_> = runs.iter().map(|ran| ran.hash).collect();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), runs.len(), "every seed has a life of its own");
}

#[test]
fn i04_a_service_lives_thirty_days_on_one_login_for_each_expiry_and_loses_no_call() {
    const DAYS: u32 = 30;
    let ran = Pair::new(Plan::service(DAYS * 24 * 6), 7, false).run();
    eprintln!("{ran:?}");
    assert!(ran.time >= Duration::from_secs(60 * 60 * 24) * DAYS);
    assert_eq!(ran.succeeded, ran.calls);
    assert_eq!(ran.logins, ran.expiries + 1);
    assert!(ran.expiries > u64::from(DAYS) * 3, "hardly anything happens: {} expiries", ran.expiries);
}
