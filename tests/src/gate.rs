//! Barrier that blocks threads until the test opens it.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// Closed at first; opened once.
#[derive(Default)]
pub struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    arrived: usize,
    open: bool,
}

impl Gate {
    /// A closed one, to be shared with a server.
    pub fn closed() -> Arc<Self> {
        Arc::default()
    }

    /// Waits until it is open. Not for ever: a test that has failed must not hang.
    pub fn pass(&self) {
        let mut state = self.state.lock().expect("no panic under this lock");
        state.arrived += 1;
        self.changed.notify_all();
        let waited = self.changed.wait_timeout_while(state, Duration::from_secs(60), |state| !state.open);
        drop(waited.expect("no panic under this lock"));
    }

    /// Waits until this many threads are blocked.
    #[track_caller]
    pub fn wait_for(&self, arrived: usize) {
        crate::wait_until(|| self.state.lock().expect("no panic under this lock").arrived >= arrived);
    }

    /// Releases the blocked threads and all later ones.
    pub fn open(&self) {
        self.state.lock().expect("no panic under this lock").open = true;
        self.changed.notify_all();
    }
}
