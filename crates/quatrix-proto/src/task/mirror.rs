//! Mirrors: plans that make one tree equal to another, and batches that run them. This module does no IO.
//!
//! A plan has no direction: the source may be a local folder and the target a remote one, or the reverse. Paths are
//! relative to the two folders.
//!
//! ```
//! use quatrix_proto::UnixTime;
//! use quatrix_proto::task::mirror::{Action, Item, Mirror, Reason, Tree};
//!
//! let file = |size, secs| Item::File { size: Some(size), modified: Some(UnixTime::from_secs(secs)) };
//! let source = Tree::from([("a.txt".parse()?, file(3, 100)), ("b.txt".parse()?, file(5, 200))]);
//! let target = Tree::from([("a.txt".parse()?, file(3, 100)), ("old.txt".parse()?, file(1, 50))]);
//!
//! let copy = Action::Copy { path: "b.txt".parse()?, size: Some(5), reason: Reason::New };
//! assert_eq!(Mirror::default().plan(&source, &target).actions, [copy.clone()]);
//!
//! let delete = Action::Delete { path: "old.txt".parse()?, folder: false, items: 1 };
//! assert_eq!(Mirror::default().with_deletions().plan(&source, &target).actions, [copy, delete]);
//! # Ok::<(), quatrix_proto::Invalid>(())
//! ```
//!
//! A plan never loses data because a listing is incomplete:
//!
//! - Paths that could not be read, or that the target cannot store, are left alone on both sides, with everything below.
//! - In a folder that lists entries with invalid names, nothing counts as missing.
//! - It ignores the temporary files of transfers ([`is_partial_name`](super::is_partial_name)).
//! - It deletes nothing if the source is empty, or if it would delete more than the maximum.
//! - It renames a file in the place of a folder, or a folder in the place of a file, and deletes it when the replacement
//!   is in place.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, TransferError, TransportError, TransportErrorKind};
use crate::file::{File, FileKind};
use crate::path::RemotePath;
use crate::time::UnixTime;

mod batch;
mod plan;
mod subtrees;
mod tree;

pub use batch::{Batch, BatchStep, Job, JobResult, Report, Work};
pub use tree::{ListRemote, Remote, Tree};

/// Tolerance where both times have fractions of a second.
const FRACTION: Duration = Duration::from_millis(1);

/// Options of a mirror.
#[derive(Clone, Copy, Debug)]
pub struct Mirror {
    delete: bool,
    delete_all: bool,
    max_deletions: Option<u64>,
    update: bool,
    tolerance: Duration,
}

/// Entry of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A folder.
    Folder,
    /// A file. An unknown size or time counts as changed.
    File {
        /// Its size in bytes.
        size: Option<u64>,
        /// Its modification time.
        modified: Option<UnixTime>,
    },
}

/// Actions that make a target equal to a source.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Plan {
    /// The actions, in order.
    pub actions: Vec<Action>,
    /// Reason why the plan has no deletions although they were requested.
    pub refused: Option<TransferError>,
}

/// One change to the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make a folder. Its parent exists by then.
    MakeFolder {
        /// Its path.
        path: RemotePath,
        /// Whether a file is in its place: it is put aside, and deleted after all transfers.
        replaces: bool,
    },
    /// Copy a file with its modification time, replacing an older one.
    Copy {
        /// Its path.
        path: RemotePath,
        /// Its size in bytes, for progress events.
        size: Option<u64>,
        /// Reason for the copy.
        reason: Reason,
    },
    /// Delete a file, or a folder with everything in it.
    Delete {
        /// Its path.
        path: RemotePath,
        /// Whether it is a folder.
        folder: bool,
        /// Number of files and folders that are deleted, itself included.
        items: u64,
    },
    /// Report a failure: one side has a file where the other has a folder, and deletions are off.
    Conflict {
        /// Its path. Everything below it in the source is left out.
        path: RemotePath,
    },
}

/// Reason for a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The target does not have it.
    New,
    /// The target has it with another size.
    Size,
    /// The target has it with another modification time.
    Time,
    /// The target has a folder in its place: it is put aside, and deleted when the file is complete.
    Folder {
        /// Number of files and folders that are deleted, itself included.
        items: u64,
    },
}

impl Default for Mirror {
    /// Returns options without deletions. Times are equal within a millisecond where both sides have fractions of a
    /// second, else within a second.
    fn default() -> Self {
        let tolerance = Duration::from_secs(1);
        Self { delete: false, delete_all: false, max_deletions: None, update: false, tolerance }
    }
}

impl Mirror {
    /// Deletes files and folders that only the target has, or that take the place of one of the other kind.
    #[must_use]
    pub fn with_deletions(mut self) -> Self {
        self.delete = true;
        self
    }

    /// Deletes even if the source is empty.
    #[must_use]
    pub fn with_empty_source(mut self) -> Self {
        self.delete_all = true;
        self
    }

    /// Deletes nothing if more than this many files and folders would be deleted.
    #[must_use]
    pub fn with_max_deletions(mut self, max: u64) -> Self {
        self.max_deletions = Some(max);
        self
    }

    /// Copies a file only if it is newer than the target's, or equally old with another size.
    #[must_use]
    pub fn with_update(mut self) -> Self {
        self.update = true;
        self
    }

    /// Treats times as equal that differ by less than this, where one side has no fractions of a second.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Returns the reason for replacing one file by another; `None` if the plan would not.
    pub fn reason(&self, new: &Item, old: &Item) -> Option<Reason> {
        let facts = |item: &Item| match *item {
            Item::File { size, modified } => (size, modified),
            Item::Folder => (None, None),
        };
        let ((size, modified), (old_size, old_modified)) = (facts(new), facts(old));
        let times = modified.zip(old_modified).map(|(new, old)| (new.as_micros(), old.as_micros()));
        let same_time = times.is_some_and(|(new, old)| self.is_same(new, old));
        if self.update && !same_time && times.is_some_and(|(new, old)| old > new) {
            return None;
        }
        if size.is_none() || size != old_size {
            return Some(Reason::Size);
        }
        (!same_time).then_some(Reason::Time)
    }

    /// Whether two times in microseconds are equal, at the precision of both sides.
    fn is_same(&self, one: i64, other: i64) -> bool {
        let has_fraction = |time: i64| time % 1_000_000 != 0;
        let both = has_fraction(one) && has_fraction(other);
        let tolerance = if both { self.tolerance.min(FRACTION) } else { self.tolerance };
        let apart = Duration::from_micros(one.abs_diff(other));
        apart < tolerance || apart.is_zero()
    }
}

impl Action {
    /// Returns the path that changes.
    pub fn path(&self) -> &RemotePath {
        match self {
            Self::MakeFolder { path, .. }
            | Self::Copy { path, .. }
            | Self::Delete { path, .. }
            | Self::Conflict { path } => path,
        }
    }

    /// Returns the number of files and folders of the target that it deletes.
    pub fn deletes(&self) -> u64 {
        match self {
            Self::Delete { items, .. } | Self::Copy { reason: Reason::Folder { items }, .. } => *items,
            Self::MakeFolder { replaces, .. } => u64::from(*replaces),
            Self::Copy { .. } | Self::Conflict { .. } => 0,
        }
    }
}

impl Item {
    /// Converts a remote file; `None` for links, the trash and unknown kinds, which a mirror leaves alone.
    pub fn of(file: &File) -> Option<Self> {
        match file.kind {
            FileKind::Folder | FileKind::Project => Some(Self::Folder),
            FileKind::File => Some(Self::File { size: file.size, modified: file.modified }),
            FileKind::Trash | FileKind::Link | FileKind::Other(_) => None,
        }
    }
}

fn not_done(why: impl Into<Arc<str>>) -> Error {
    TransportError::unsent(TransportErrorKind::Local).with_detail(why).into()
}
