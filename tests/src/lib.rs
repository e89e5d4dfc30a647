//! Shared code of the test suites.

use std::time::{Duration, Instant};

pub mod canaries;
pub mod certificate;
pub mod dice;
pub mod explore;
pub mod gate;
pub mod listener;
pub mod pair;
pub mod referee;
pub mod relay;
pub mod stage;
pub mod story;
pub mod subject;

/// Waits until something has happened. That it never does is a failure of its own kind: it hangs.
#[track_caller]
pub fn wait_until(happened: impl Fn() -> bool) {
    let begun = Instant::now();
    while !happened() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it never happens");
        std::thread::sleep(Duration::from_millis(1));
    }
}
