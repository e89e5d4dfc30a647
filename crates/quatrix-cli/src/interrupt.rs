//! Ctrl-C: what has to be put right before the process ends with 130.

use std::io::{self, IsTerminal as _};
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};

use crate::exit::Exit;
use crate::out;

/// Work for an interrupt that comes while this value lives.
pub(crate) struct AtInterrupt(u64);

/// While this value lives, the first interrupt only asks to stop; the next one ends the process.
pub(crate) struct StopSign(Arc<AtomicBool>);

type Work = Box<dyn FnOnce() + Send>;

/// What interrupts do.
struct Plan {
    /// The newest last; the number tells them apart.
    work: Vec<(u64, Work)>,
    sign: Option<Arc<AtomicBool>>,
}

static PLAN: Mutex<Plan> = Mutex::new(Plan { work: Vec::new(), sign: None });
static INSTALLED: Once = Once::new();

/// Does this when SIGINT, SIGTERM or SIGHUP comes, on a thread of its own, newest first; then the process ends.
pub(crate) fn at_interrupt(work: impl FnOnce() + Send + 'static) -> AtInterrupt {
    install();
    let mut plan = plan();
    let number = plan.work.last().map_or(0, |(last, _)| last + 1);
    plan.work.push((number, Box::new(work)));
    AtInterrupt(number)
}

/// For work that can stop by itself and leave things tidy. There is one at a time.
pub(crate) fn stop_sign() -> StopSign {
    install();
    let sign = Arc::new(AtomicBool::new(false));
    plan().sign = Some(Arc::clone(&sign));
    StopSign(sign)
}

impl StopSign {
    /// Whether somebody wants it to stop.
    pub(crate) fn is_up(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

fn install() {
    INSTALLED.call_once(|| {
        // It fails only where signals cannot be had; then they end the process as they do by default.
        let _ = ctrlc::set_handler(interrupted);
    });
}

fn interrupted() {
    let sign = plan().sign.take();
    if let Some(sign) = sign {
        sign.store(true, Ordering::Relaxed);
        // At a terminal the cursor stands behind what was shown so far, and the `^C`.
        if io::stderr().is_terminal() {
            out::say("\n");
        }
        out::note("stopping; once more stops at once");
        return;
    }
    while let Some((_, work)) = { plan().work.pop() } {
        work();
    }
    process::exit(Exit::Interrupted as i32);
}

fn plan() -> MutexGuard<'static, Plan> {
    // It is whole whoever panicked while holding it.
    PLAN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for AtInterrupt {
    fn drop(&mut self) {
        plan().work.retain(|(number, _)| *number != self.0);
    }
}

impl Drop for StopSign {
    fn drop(&mut self) {
        plan().sign = None;
    }
}
