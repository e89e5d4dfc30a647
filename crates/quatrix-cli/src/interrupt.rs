//! Ctrl-C: what has to be put right before the process ends with 130.

use std::process;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use crate::exit::Exit;

/// Work for an interrupt that comes while this value lives.
pub(crate) struct AtInterrupt(u64);

type Work = Box<dyn FnOnce() + Send>;

/// The newest last; the number tells them apart.
static PENDING: Mutex<Vec<(u64, Work)>> = Mutex::new(Vec::new());
static INSTALLED: Once = Once::new();

/// Does this when SIGINT, SIGTERM or SIGHUP comes, on a thread of its own, newest first; then the process ends.
pub(crate) fn at_interrupt(work: impl FnOnce() + Send + 'static) -> AtInterrupt {
    INSTALLED.call_once(|| {
        // It fails only where signals cannot be had; then they end the process as they do by default.
        let _ = ctrlc::set_handler(end);
    });
    let mut pending = pending();
    let number = pending.last().map_or(0, |(last, _)| last + 1);
    pending.push((number, Box::new(work)));
    AtInterrupt(number)
}

fn end() {
    while let Some((_, work)) = { pending().pop() } {
        work();
    }
    process::exit(Exit::Interrupted as i32);
}

fn pending() -> MutexGuard<'static, Vec<(u64, Work)>> {
    // A list of boxes is whole whoever panicked while holding it.
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for AtInterrupt {
    fn drop(&mut self) {
        pending().retain(|(number, _)| *number != self.0);
    }
}
