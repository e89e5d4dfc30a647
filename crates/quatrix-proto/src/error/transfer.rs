//! A transfer that cannot go on, although every answer made sense.

use std::fmt;

/// Why a transfer cannot go on, although every answer made sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransferError {
    /// The server says that it stored another number of bytes than were sent.
    #[non_exhaustive]
    Size {
        /// Bytes that were sent.
        sent: u64,
        /// Bytes that the server has.
        stored: u64,
    },
    /// The file on the server changed while it was read: what came before and what came after do not belong together.
    Changed,
    /// The server has no `file.moveone`, without which an upload cannot replace a file safely.
    CannotReplace,
    /// The key of the upload ran out, and the source cannot be read a second time.
    CannotStartOver,
    /// The source of a mirror is empty and its target is not, so nothing was deleted.
    EmptySource,
    /// A mirror would delete more than is allowed, so nothing was deleted.
    #[non_exhaustive]
    TooManyDeletions {
        /// How many files and folders it would delete.
        planned: u64,
        /// How many it may.
        max: u64,
    },
}

impl TransferError {
    /// Whether the same transfer may succeed if it is simply started again.
    pub(super) fn is_transient(self) -> bool {
        match self {
            Self::Size { .. } | Self::Changed => true,
            Self::CannotReplace | Self::CannotStartOver | Self::EmptySource | Self::TooManyDeletions { .. } => false,
        }
    }
}

impl fmt::Display for TransferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Size { sent, stored } => write!(f, "{sent} bytes were sent, but the server stored {stored}"),
            Self::Changed => f.write_str("the file changed on the server while it was read"),
            Self::CannotReplace => f.write_str(
                "this server cannot replace a file after the upload (it has no file.moveone): upload in place \
                 (Upload::in_place), which loses the old content first, or under another name",
            ),
            Self::CannotStartOver => {
                f.write_str("the upload key ran out, and the source cannot be read from its start again")
            }
            Self::EmptySource => f.write_str("nothing was deleted, because the source is empty"),
            Self::TooManyDeletions { planned, max } => {
                write!(f, "nothing was deleted, because {planned} files and folders would go, and {max} may")
            }
        }
    }
}

impl std::error::Error for TransferError {}
