//! A transfer that cannot go on, although every answer made sense.

use std::fmt;

use super::Shown;
use crate::id::FileId;

/// Why a transfer cannot go on, although every answer made sense.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The name is taken, and the upload was not to replace anything.
    NameTaken,
    /// The server finished, or shows, another file than the one of the upload.
    #[non_exhaustive]
    OtherFile {
        /// The file that it names.
        id: FileId,
    },
    /// The whole file arrived, but the server gave it another name than the one asked for.
    #[non_exhaustive]
    Misplaced {
        /// The name that it has there.
        name: Box<str>,
    },
    /// The source changed while it was read, twice.
    SourceChanged,
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
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Size { .. } | Self::Changed | Self::SourceChanged => true,
            Self::CannotReplace
            | Self::CannotStartOver
            | Self::NameTaken
            | Self::OtherFile { .. }
            | Self::Misplaced { .. }
            | Self::EmptySource
            | Self::TooManyDeletions { .. } => false,
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
            Self::NameTaken => f.write_str("the name is taken"),
            Self::OtherFile { id } => {
                write!(
                    f,
                    "the server named another file (id {}) than the one of this upload: look at both",
                    id.as_str()
                )
            }
            Self::Misplaced { name } => write!(
                f,
                "the whole file arrived, but the server put it under the name \"{}\": rename it there",
                Shown(name)
            ),
            Self::SourceChanged => f.write_str("the source changed while it was read, twice: upload it when it rests"),
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
