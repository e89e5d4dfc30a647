//! Resource usage of processes, as counted by the system.

use std::time::Duration;

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeVal;

/// Returns the processor time of this process, user and system.
pub(crate) fn cpu() -> Duration {
    let usage = used(UsageWho::RUSAGE_SELF);
    duration(usage.user_time()) + duration(usage.system_time())
}

/// Returns the processor time of the ended child processes, and the peak memory of the largest in bytes.
pub(crate) fn children() -> (Duration, u64) {
    let usage = used(UsageWho::RUSAGE_CHILDREN);
    let peak = u64::try_from(usage.max_rss()).unwrap_or_default() * 1024;
    (duration(usage.user_time()) + duration(usage.system_time()), peak)
}

fn used(who: UsageWho) -> Usage {
    getrusage(who).expect("both are known to every Unix")
}

fn duration(time: TimeVal) -> Duration {
    Duration::new(time.tv_sec() as u64, time.tv_usec() as u32 * 1000)
}
