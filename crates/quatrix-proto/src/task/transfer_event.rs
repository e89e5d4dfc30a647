//! What an observer of a transfer is told.

use std::collections::VecDeque;

use crate::id::FileId;

/// Something that happened to a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransferEvent {
    /// Many files are about to be copied. Told once, of the folder that they are in.
    #[non_exhaustive]
    Planned {
        /// How many.
        files: usize,
        /// Their bytes in all, where known.
        bytes: Option<u64>,
    },
    /// More bytes have arrived for good. A driver that streams knows more between two of these.
    #[non_exhaustive]
    Progress {
        /// Bytes from the start that have arrived.
        done: u64,
        /// Bytes of the whole, where known.
        total: Option<u64>,
    },
    /// An exchange came to nothing; the transfer goes on from this byte.
    #[non_exhaustive]
    Resumed {
        /// The first byte that is sent or asked for again.
        at: u64,
    },
    /// The key of the upload is no longer good, or the source has changed; it begins again from the first byte.
    StartedOver,
    /// The server has no `file.moveone`: the old file goes to the trash before the new one takes its name.
    InTwoSteps,
    /// A file that the upload made may still be there although the upload came to nothing.
    #[non_exhaustive]
    LeftBehind {
        /// That file.
        id: FileId,
        /// Its temporary name, which it has unless it has taken its final one.
        name: Option<String>,
    },
}

impl TransferEvent {
    /// Makes a [`Progress`](Self::Progress) of bytes that are on their way.
    ///
    /// Tasks tell only of what has arrived; this is for a driver that streams.
    pub fn progress(done: u64, total: Option<u64>) -> Self {
        Self::Progress { done, total }
    }
}

/// Those that nobody has asked for yet. The oldest go first when there are too many, but never one that tells of a file
/// that was left behind: an upload makes three at most.
#[derive(Clone, Debug, Default)]
pub(super) struct Events(VecDeque<TransferEvent>);

impl Events {
    const MAX: usize = 32;

    pub(super) fn push(&mut self, event: TransferEvent) {
        // Only the last progress is of interest.
        if let (Some(TransferEvent::Progress { .. }), TransferEvent::Progress { .. }) = (self.0.back(), &event) {
            self.0.pop_back();
        }
        if self.0.len() == Self::MAX {
            let may_go = |event: &TransferEvent| !matches!(event, TransferEvent::LeftBehind { .. });
            self.0.remove(self.0.iter().position(may_go).unwrap_or_default());
        }
        self.0.push_back(event);
    }

    pub(super) fn pop(&mut self) -> Option<TransferEvent> {
        self.0.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_few_and_the_latest() {
        let mut events = Events::default();
        for done in 0..100 {
            events.push(TransferEvent::Progress { done, total: None });
        }
        assert_eq!(events.pop(), Some(TransferEvent::Progress { done: 99, total: None }));
        assert_eq!(events.pop(), None);
        for at in 0..100 {
            events.push(TransferEvent::Resumed { at });
        }
        let kept: Vec<_> = std::iter::from_fn(|| events.pop()).collect();
        assert_eq!((kept.len(), &kept[31]), (32, &TransferEvent::Resumed { at: 99 }));
    }

    #[test]
    fn what_was_left_behind_is_told_however_much_comes_after() {
        let mut events = Events::default();
        let left = TransferEvent::LeftBehind { id: "4711".parse().unwrap(), name: None };
        events.push(left.clone());
        for at in 0..100 {
            events.push(TransferEvent::Resumed { at });
        }
        assert_eq!(events.pop(), Some(left));
    }
}
