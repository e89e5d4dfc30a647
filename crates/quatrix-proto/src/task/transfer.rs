//! What uploads and downloads have in common for whoever carries them.

use super::{Download, Task, TransferEvent, Upload};
use crate::endpoint::Prepared;
use crate::time::UnixTime;

/// A [`Task`] that moves bytes of the caller's, and can be watched and given up.
///
/// A driver that streams shows its observer [`poll_event`](Self::poll_event) before each poll, and
/// [`TransferEvent::progress`] from [`position`](Self::position) on while a call is under way.
pub trait Transfer: Task + Sized {
    /// Takes what happened since the last time.
    fn poll_event(&mut self) -> Option<TransferEvent>;

    /// How many bytes of the whole come before those that this call moves.
    fn position(&self, call: &Prepared) -> u64;

    /// Bytes of the whole, where known so far.
    fn total(&self) -> Option<u64>;

    /// Whether the next call makes the bytes of the source final: a driver that can tell whether the source has changed
    /// since it was opened checks that before it polls.
    fn checks_source(&self) -> bool {
        false
    }

    /// Takes note that the source has changed, and what it is now.
    fn source_changed(&mut self, _size: u64, _modified: Option<UnixTime>) {}

    /// Gives up.
    ///
    /// The call under way is to be dropped, not handled.
    ///
    /// What comes back has to tidy up: poll it to its end as before, which is
    /// [`Error::Cancelled`](crate::Error::Cancelled). `None`: there is nothing to tidy up, and that is the end.
    #[must_use = "what it has made is still on the server"]
    fn give_up(self) -> Option<Self>;
}

impl Transfer for Upload {
    fn poll_event(&mut self) -> Option<TransferEvent> {
        Self::poll_event(self)
    }

    fn position(&self, call: &Prepared) -> u64 {
        call.source_range().map_or(0, |range| range.start)
    }

    fn total(&self) -> Option<u64> {
        Some(self.size())
    }

    fn checks_source(&self) -> bool {
        self.is_about_to_finalize()
    }

    fn source_changed(&mut self, size: u64, modified: Option<UnixTime>) {
        Self::source_changed(self, size, modified);
    }

    fn give_up(mut self) -> Option<Self> {
        self.cancel();
        Some(self)
    }
}

impl Transfer for Download {
    fn poll_event(&mut self) -> Option<TransferEvent> {
        Self::poll_event(self)
    }

    fn position(&self, _: &Prepared) -> u64 {
        self.done()
    }

    fn total(&self) -> Option<u64> {
        self.size()
    }

    fn give_up(self) -> Option<Self> {
        None
    }
}
