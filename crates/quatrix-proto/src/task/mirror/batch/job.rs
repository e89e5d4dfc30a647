//! Jobs of a batch, and their results.

use crate::api::OnConflict;
use crate::file::File;
use crate::id::FileId;
use crate::name::FileName;
use crate::path::RemotePath;

/// Next step of a [`Batch`](super::Batch).
///
/// A driver matches on every step, so this enum is complete.
#[derive(Debug, PartialEq)]
#[must_use]
pub enum BatchStep {
    /// Run this job, and no other job of the batch at the same time.
    One(Job),
    /// This many files are to be copied: take them from [`Batch::next_copy`](super::Batch::next_copy), any number at a
    /// time, and poll again when the last one has been handled.
    Copies(usize),
    /// The batch has ended.
    Done,
}

/// One job of a [`Batch`](super::Batch).
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Path of the file or folder, relative to the two folders that are transferred.
    pub path: RemotePath,
    /// What to do with it.
    pub work: Work,
}

/// Kind of a [`Job`].
///
/// A driver matches on every kind, so this enum is complete.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Make the local folder and those above it, where they do not exist.
    MakeLocalFolder,
    /// Make the remote folder, unless it exists.
    MakeRemoteFolder {
        /// Folder to make it in.
        parent: FileId,
    },
    /// Upload the file.
    Upload {
        /// Folder to upload it to.
        folder: FileId,
        /// Rule for a name that is taken.
        on_conflict: OnConflict,
    },
    /// Download the file.
    Download {
        /// The remote file.
        file: Box<File>,
        /// Whether a local file is replaced.
        overwrite: bool,
    },
    /// Rename the local file or folder, unless the new name is taken.
    RenameLocal {
        /// New path.
        to: RemotePath,
    },
    /// Rename the remote file or folder, unless the new name is taken.
    RenameRemote {
        /// Its id.
        id: FileId,
        /// New name.
        name: FileName,
    },
    /// Delete exactly these local files and folders, in this order; a folder only if it is empty by then.
    DeleteLocal {
        /// Paths; `true` for folders.
        items: Vec<(RemotePath, bool)>,
    },
    /// Move the remote file or folder to the trash.
    DeleteRemote {
        /// Its id.
        id: FileId,
    },
}

/// Result of a [`Job`] that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobResult {
    /// The folder exists. A remote one has this id.
    Made(Option<FileId>),
    /// A file of this many bytes was copied.
    Copied(u64),
    /// It has the new name.
    Renamed,
    /// It was deleted.
    Deleted,
}
