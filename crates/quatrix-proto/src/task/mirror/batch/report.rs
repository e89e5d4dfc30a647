//! Summary of a batch.

use std::collections::BTreeSet;

use crate::error::Error;
use crate::path::RemotePath;
use crate::task::mirror::{Tree, not_done};

/// Summary of a [`Batch`](super::Batch).
///
/// Paths are relative to the folder that was transferred.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Number of files transferred.
    pub files: u64,
    /// Sum of their sizes in bytes.
    pub bytes: u64,
    /// Paths that were deleted; a folder stands for everything in it.
    pub deleted: Vec<RemotePath>,
    /// Paths that failed, each with the reason.
    pub failed: Vec<(RemotePath, Error)>,
    /// Paths that were skipped because they are neither files nor folders, such as links.
    pub skipped: BTreeSet<RemotePath>,
}

impl Report {
    /// Reports what the plan leaves out. Something in the target that is neither a file nor a folder is a failure only if
    /// the source has something at the same path.
    pub(super) fn of([source, target]: [&mut Tree; 2]) -> Self {
        let (skipped, mut failed) = source.take_report();
        let (in_the_way, unread) = target.take_report();
        failed.extend(unread);
        // A folder is an item itself: what is below it needs no report of its own.
        let in_the_way = in_the_way.into_iter().filter(|path| source.get(path).is_some());
        let why = || not_done("the target has something there that is neither a file nor a folder");
        failed.extend(in_the_way.map(|path| (path, why())));
        Self { skipped, failed, ..Self::default() }
    }
}
