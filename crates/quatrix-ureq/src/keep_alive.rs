//! A thread that keeps a session alive.

use std::fmt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use quatrix_proto::{CallId, Error, TransportError, TransportErrorKind};

use crate::driver::Driver;
use crate::transport::BodyIo;

/// Keeps a session alive until it is dropped; returned by [`Client::spawn_keepalive`](crate::Client::spawn_keepalive).
///
/// Dropping it stops the thread and waits for its end: at once, or after the response or timeout of a keepalive in
/// flight.
#[must_use = "dropping it stops the keepalive"]
pub struct KeepAliveGuard {
    driver: Arc<Driver>,
    call: CallId,
    /// `None` after it has been stopped.
    thread: Option<JoinHandle<Error>>,
}

impl KeepAliveGuard {
    pub(crate) fn spawn(driver: &Arc<Driver>) -> Result<Self, Error> {
        let ticket = driver.with_session(|session, now| session.run_keepalive(now));
        let call = ticket.id();
        let background = Arc::clone(driver);
        let keep_alive = move || {
            let Err(error) = background.drive(ticket, &mut BodyIo::default());
            error
        };
        match thread::Builder::new().name("quatrix-keepalive".into()).spawn(keep_alive) {
            Ok(thread) => Ok(Self { driver: Arc::clone(driver), call, thread: Some(thread) }),
            Err(error) => {
                driver.with_session(|session, now| session.cancel(now, call));
                Err(TransportError::unsent(TransportErrorKind::Local).with_source(error).into())
            }
        }
    }

    /// Whether the thread still keeps the session alive.
    ///
    /// It ends by itself when the session ends and cannot log in again.
    pub fn is_running(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Stops the thread, and returns the reason if it had ended before.
    pub fn stop(mut self) -> Option<Error> {
        self.end()
    }

    fn end(&mut self) -> Option<Error> {
        let thread = self.thread.take()?;
        let had_ended = thread.is_finished();
        self.driver.with_session(|session, now| session.cancel(now, self.call));
        // An observer may drop the guard on this very thread, which cannot wait for its own end.
        if thread.thread().id() == thread::current().id() {
            return None;
        }
        // Only the observer can panic, and its panic has been reported on the thread.
        thread.join().ok().filter(|_| had_ended)
    }
}

impl Drop for KeepAliveGuard {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for KeepAliveGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeepAliveGuard").field("running", &self.is_running()).finish_non_exhaustive()
    }
}
