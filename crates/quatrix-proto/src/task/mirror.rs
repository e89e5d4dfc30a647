//! What it takes to make one tree like another: a plan, and its way through many transfers. Nothing is read or written.
//!
//! The plan knows no direction: the source may be a local folder and the target a remote one, or the other way round.
//! Paths start at the two folders that are mirrored.
//!
//! ```
//! use quatrix_proto::UnixTime;
//! use quatrix_proto::task::mirror::{Action, Item, Mirror, Reason, Tree};
//!
//! let file = |size, secs| Item::File { size: Some(size), modified: Some(UnixTime::from_secs(secs)) };
//! let here = Tree::from([("a.txt".parse()?, file(3, 100)), ("b.txt".parse()?, file(5, 200))]);
//! let there = Tree::from([("a.txt".parse()?, file(3, 100)), ("old.txt".parse()?, file(1, 50))]);
//!
//! let copy = Action::Copy { path: "b.txt".parse()?, size: Some(5), reason: Reason::New };
//! assert_eq!(Mirror::default().plan(&here, &there).actions, [copy.clone()]);
//!
//! let delete = Action::Delete { path: "old.txt".parse()?, folder: false, items: 1 };
//! assert_eq!(Mirror::default().with_deletions().plan(&here, &there).actions, [copy, delete]);
//! # Ok::<(), quatrix_proto::Invalid>(())
//! ```
//!
//! What a plan never does, whatever the two sides report:
//!
//! - It leaves alone, on both sides, what is at or below a path that could not be read or that the target cannot keep.
//! - It takes nothing for missing in a folder that lists entries whose names make no sense.
//! - It ignores the temporary files of transfers ([`is_partial_name`](super::is_partial_name)).
//! - It deletes nothing if the source is empty, or more than is allowed would go.
//! - It puts aside what is in the way of a file or folder, and deletes it when the replacement is in place.

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

/// What times may differ by where both sides keep fractions of a second.
const FRACTION: Duration = Duration::from_millis(1);

/// How trees are compared.
#[derive(Clone, Copy, Debug)]
pub struct Mirror {
    delete: bool,
    delete_all: bool,
    max_deletions: Option<u64>,
    update: bool,
    tolerance: Duration,
}

/// What a tree holds at one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A folder.
    Folder,
    /// A file. What is not known of it counts as changed.
    File {
        /// Its bytes.
        size: Option<u64>,
        /// When it was last changed.
        modified: Option<UnixTime>,
    },
}

/// What makes a target like a source.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Plan {
    /// What to do, in this order.
    pub actions: Vec<Action>,
    /// Why nothing is deleted although that was asked for.
    pub refused: Option<TransferError>,
}

/// One thing to do to the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make a folder. The one that it is in is there by then.
    MakeFolder {
        /// Where.
        path: RemotePath,
        /// Whether a file is in its place: it is put aside, and deleted when all has arrived.
        replaces: bool,
    },
    /// Copy a file with its modification time, over what is there.
    Copy {
        /// Where.
        path: RemotePath,
        /// Its bytes, for a progress.
        size: Option<u64>,
        /// Why.
        reason: Reason,
    },
    /// Delete a file, or a folder with everything in it.
    Delete {
        /// Where.
        path: RemotePath,
        /// Whether it is a folder.
        folder: bool,
        /// How many files and folders go, itself included.
        items: u64,
    },
    /// Nothing can be done: one side has a file where the other has a folder, which cannot be deleted.
    Conflict {
        /// Where. What the source has below is left out.
        path: RemotePath,
    },
}

/// Why a file is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The target does not have it.
    New,
    /// The target has it with another size.
    Size,
    /// The target has it with another modification time.
    Time,
    /// The target has a folder in its place: it is put aside, and deleted when the file has arrived.
    Folder {
        /// How many files and folders go, itself included.
        items: u64,
    },
}

impl Default for Mirror {
    /// Deletes nothing. Times are the same within a millisecond where both sides keep fractions of a second, else within
    /// a second.
    fn default() -> Self {
        let tolerance = Duration::from_secs(1);
        Self { delete: false, delete_all: false, max_deletions: None, update: false, tolerance }
    }
}

impl Mirror {
    /// Deletes what only the target has, and what is in the way.
    #[must_use]
    pub fn with_deletions(mut self) -> Self {
        self.delete = true;
        self
    }

    /// Deletes all the same if the source is empty.
    #[must_use]
    pub fn with_empty_source(mut self) -> Self {
        self.delete_all = true;
        self
    }

    /// Deletes nothing if that would be more than so many files and folders.
    #[must_use]
    pub fn with_max_deletions(mut self, max: u64) -> Self {
        self.max_deletions = Some(max);
        self
    }

    /// Copies only what is newer than what the target has, or as old and of another size: nothing newer is replaced.
    #[must_use]
    pub fn with_update(mut self) -> Self {
        self.update = true;
        self
    }

    /// Takes times for the same that are less than this apart where one side keeps no fractions of a second.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Returns why a file would be copied over another one; `None` if it would not.
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

    /// Whether two times in microseconds are the same, as far as both sides keep them.
    fn is_same(&self, one: i64, other: i64) -> bool {
        let has_fraction = |time: i64| time % 1_000_000 != 0;
        let both = has_fraction(one) && has_fraction(other);
        let tolerance = if both { self.tolerance.min(FRACTION) } else { self.tolerance };
        let apart = Duration::from_micros(one.abs_diff(other));
        apart < tolerance || apart.is_zero()
    }
}

impl Action {
    /// What it is done to.
    pub fn path(&self) -> &RemotePath {
        match self {
            Self::MakeFolder { path, .. }
            | Self::Copy { path, .. }
            | Self::Delete { path, .. }
            | Self::Conflict { path } => path,
        }
    }

    /// How many files and folders of the target it deletes.
    pub fn deletes(&self) -> u64 {
        match self {
            Self::Delete { items, .. } | Self::Copy { reason: Reason::Folder { items }, .. } => *items,
            Self::MakeFolder { replaces, .. } => u64::from(*replaces),
            Self::Copy { .. } | Self::Conflict { .. } => 0,
        }
    }
}

impl Item {
    /// Reads what a file on the server is to a mirror; `None` for links, the trash and what is unknown, which it leaves
    /// alone.
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
