//! Many files at once: what to do next, and what came of it.

use std::collections::{BTreeMap, VecDeque};

use super::{Action, Mirror, Remote, Tree, not_done};
use crate::api::Clash;
use crate::error::Error;
use crate::file::File;
use crate::id::FileId;
use crate::path::RemotePath;
use crate::task::TransferEvent;

/// A plan on its way: folders first, then files, several at a time, and what is to be deleted last.
///
/// Whoever carries it out does what [`poll`](Self::poll) says until it is [`BatchStep::Done`], tells
/// [`handle`](Self::handle) what came of each job, and takes the [`Report`] from [`finish`](Self::finish). What fails
/// does not stop the rest; but then nothing is deleted.
///
/// ```
/// use quatrix_proto::FileId;
/// use quatrix_proto::api::Clash;
/// use quatrix_proto::task::mirror::{Batch, BatchStep, Did, Item, Tree, Work};
///
/// let size = |size| Item::File { size: Some(size), modified: None };
/// let items = [("a".parse()?, Item::Folder), ("a/x".parse()?, size(3)), ("b".parse()?, size(4))].into();
/// let mut batch = Batch::upload(Tree { items, ..Tree::default() }, FileId::new("home")?, Clash::Refuse);
/// loop {
///     match batch.poll() {
///         BatchStep::One(job) => {
///             assert!(matches!(job.work, Work::MakeThere { .. }));
///             batch.handle(job, Ok(Did::Made(Some(FileId::new("folder-a")?))));
///         }
///         BatchStep::Copies(_) => {
///             while let Some(job) = batch.next_copy() {
///                 assert!(matches!(job.work, Work::Upload { .. }));
///                 batch.handle(job, Ok(Did::Copied(5)));
///             }
///         }
///         BatchStep::Done => break,
///     }
/// }
/// let report = batch.finish()?;
/// assert_eq!((report.files, report.bytes), (2, 10));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Batch {
    actions: VecDeque<Action>,
    direction: Direction,
    report: Report,
    cancelled: bool,
}

#[derive(Debug)]
enum Direction {
    Up {
        /// What happens if a file is there that was not known of.
        clash: Clash,
        folders: BTreeMap<RemotePath, FileId>,
        there: BTreeMap<RemotePath, File>,
    },
    Down {
        overwrite: bool,
        there: BTreeMap<RemotePath, File>,
    },
}

/// What to do next for a [`Batch`].
///
/// A driver matches on every step, so this enum is complete.
#[derive(Debug, PartialEq)]
#[must_use]
pub enum BatchStep {
    /// Do this, and nothing of the batch at the same time.
    One(Job),
    /// So many files are to be copied: take them from [`Batch::next_copy`], in as many places at a time as you like,
    /// and poll again when the last has been handled.
    Copies(usize),
    /// All is done.
    Done,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// For what, from the folders that are transferred on.
    pub path: RemotePath,
    /// What it is.
    pub work: Work,
}

/// What a [`Job`] is.
///
/// A driver matches on every one, so this enum is complete.
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Make a folder here, if it is not there.
    MakeHere,
    /// Make a folder in this one on the server, if it is not there.
    MakeThere {
        /// The folder it belongs in.
        parent: FileId,
    },
    /// Upload the file.
    Upload {
        /// The folder it belongs in.
        folder: FileId,
        /// What happens if there is one.
        clash: Clash,
    },
    /// Download the file.
    Download {
        /// The file there.
        file: Box<File>,
        /// Whether one that is here is replaced.
        overwrite: bool,
    },
    /// Delete it here.
    DeleteHere {
        /// Whether it is a folder, with everything in it.
        folder: bool,
    },
    /// Put it into the trash of the server.
    DeleteThere {
        /// What it is there.
        id: FileId,
    },
}

/// What came of a [`Job`] that has succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Did {
    /// There is a folder. One on the server has this id.
    Made(Option<FileId>),
    /// A file of so many bytes has arrived.
    Copied(u64),
    /// It is gone.
    Deleted,
}

/// What came of many files.
///
/// Paths start at the folder that was transferred.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// How many files were transferred.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many files and folders were deleted.
    pub deleted: u64,
    /// What failed, and why.
    pub failed: Vec<(RemotePath, Error)>,
    /// What was left out because it is neither file nor folder, such as a link.
    pub skipped: Vec<RemotePath>,
}

impl Batch {
    /// Plans to upload everything here into this folder there.
    ///
    /// Folders that are there are no hindrance; a file that is there clashes.
    pub fn upload(here: Tree, folder: FileId, clash: Clash) -> Self {
        let there = Remote::new(folder, []);
        let actions = Mirror::default().plan(&here.items, &there.tree.items);
        let (folders, there) = (there.folders(), there.files);
        Self::new(actions, Direction::Up { clash, folders, there }, Report::of(here))
    }

    /// Plans to download everything there into a folder here.
    ///
    /// Folders that are here are no hindrance; files are, unless they may be overwritten.
    pub fn download(there: Remote, overwrite: bool) -> Self {
        let actions = Mirror::default().plan(&there.tree.items, &BTreeMap::new());
        Self::new(actions, Direction::Down { overwrite, there: there.files }, Report::of(there.tree))
    }

    /// Plans what makes the folder there like the one here.
    pub fn mirror_up(how: &Mirror, here: Tree, there: Remote) -> Self {
        let folders = there.folders();
        let (actions, report) = compare(how, here, there.tree);
        // What the plan does not know of came meanwhile: it is somebody else's.
        Self::new(actions, Direction::Up { clash: Clash::Refuse, folders, there: there.files }, report)
    }

    /// Plans what makes the folder here like the one there.
    pub fn mirror_down(how: &Mirror, there: Remote, here: Tree) -> Self {
        let (actions, report) = compare(how, there.tree, here);
        Self::new(actions, Direction::Down { overwrite: true, there: there.files }, report)
    }

    fn new(actions: Vec<Action>, direction: Direction, report: Report) -> Self {
        Self { actions: actions.into(), direction, report, cancelled: false }
    }

    /// What is still to be done, in order.
    pub fn actions(&self) -> impl ExactSizeIterator<Item = &Action> {
        self.actions.iter()
    }

    /// How much is to be copied, for whoever watches.
    pub fn planned(&self) -> TransferEvent {
        let sizes = self.actions.iter().filter_map(|action| match action {
            Action::Copy { size, .. } => Some(*size),
            Action::MakeFolder { .. } | Action::Delete { .. } | Action::Conflict { .. } => None,
        });
        let bytes = sizes.clone().try_fold(0, |sum: u64, size| Some(sum.saturating_add(size?)));
        TransferEvent::Planned { files: sizes.count(), bytes }
    }

    /// What came of it so far.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Says what to do next.
    ///
    /// A job is given out once.
    pub fn poll(&mut self) -> BatchStep {
        while !self.cancelled {
            let copies = self.actions.iter().take_while(|action| matches!(action, Action::Copy { .. })).count();
            if copies > 0 {
                return BatchStep::Copies(copies);
            }
            match self.next() {
                Next::Job(job) => return BatchStep::One(job),
                Next::Nothing => {}
                Next::End => break,
            }
        }
        BatchStep::Done
    }

    /// Takes the next of the files to be copied; `None` when all are taken, or the batch is cancelled.
    pub fn next_copy(&mut self) -> Option<Job> {
        while !self.cancelled && matches!(self.actions.front(), Some(Action::Copy { .. })) {
            if let Next::Job(job) = self.next() {
                return Some(job);
            }
        }
        None
    }

    /// Takes what came of a job.
    ///
    /// [`Error::Cancelled`] ends the batch: nothing further is begun.
    pub fn handle(&mut self, job: Job, result: Result<Did, Error>) {
        match result {
            Ok(Did::Made(id)) => {
                if let (Direction::Up { folders, .. }, Some(id)) = (&mut self.direction, id) {
                    folders.insert(job.path, id);
                }
            }
            Ok(Did::Copied(bytes)) => {
                self.report.files += 1;
                self.report.bytes += bytes;
            }
            Ok(Did::Deleted) => self.report.deleted += 1,
            Err(Error::Cancelled) => self.cancelled = true,
            Err(error) => self.report.failed.push((job.path, error)),
        }
    }

    /// Ends the batch: comes to the report.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if a job was; what single files ended with is in the report.
    pub fn finish(self) -> Result<Report, Error> {
        if self.cancelled { Err(Error::Cancelled) } else { Ok(self.report) }
    }

    fn next(&mut self) -> Next {
        let Some(action) = self.actions.pop_front() else { return Next::End };
        let (work, path) = match action {
            // Whatever is missing on the other side may be what could not be read, or did not arrive.
            Action::Delete { .. } if !self.report.failed.is_empty() => return Next::Nothing,
            Action::Delete { path, folder } => (self.direction.delete(&path, folder), path),
            Action::MakeFolder { path } => (self.direction.make(&path), path),
            Action::Copy { path, .. } => (self.direction.copy(&path), path),
            Action::Conflict { path } => (Err("one side has a file, the other a folder"), path),
        };
        match work {
            Ok(work) => Next::Job(Job { path, work }),
            Err(why) => {
                self.report.failed.push((path, not_done(why)));
                Next::Nothing
            }
        }
    }
}

enum Next {
    Job(Job),
    /// There was an action, and nothing to do for it.
    Nothing,
    End,
}

impl Direction {
    fn make(&self, path: &RemotePath) -> Result<Work, &'static str> {
        match self {
            Self::Up { folders, .. } => Ok(Work::MakeThere { parent: folder_of(path, folders)? }),
            Self::Down { .. } => Ok(Work::MakeHere),
        }
    }

    fn copy(&self, path: &RemotePath) -> Result<Work, &'static str> {
        match self {
            Self::Up { clash, folders, there } => {
                let clash = if there.contains_key(path) { Clash::Overwrite } else { *clash };
                Ok(Work::Upload { folder: folder_of(path, folders)?, clash })
            }
            Self::Down { overwrite, there } => {
                Ok(Work::Download { file: Box::new(known(path, there)?.clone()), overwrite: *overwrite })
            }
        }
    }

    fn delete(&self, path: &RemotePath, folder: bool) -> Result<Work, &'static str> {
        match self {
            Self::Up { there, .. } => Ok(Work::DeleteThere { id: known(path, there)?.id.clone() }),
            Self::Down { .. } => Ok(Work::DeleteHere { folder }),
        }
    }
}

fn folder_of(path: &RemotePath, folders: &BTreeMap<RemotePath, FileId>) -> Result<FileId, &'static str> {
    let folder = path.parent().and_then(|parent| folders.get(&parent));
    folder.cloned().ok_or("its folder could not be made")
}

fn known<'a>(path: &RemotePath, there: &'a BTreeMap<RemotePath, File>) -> Result<&'a File, &'static str> {
    there.get(path).ok_or("it is gone")
}

fn compare(how: &Mirror, source: Tree, target: Tree) -> (Vec<Action>, Report) {
    let actions = how.compare(&source, &target);
    // A folder is among the items itself: what is below it needs no report of its own.
    let in_the_way = target.skipped.into_iter().filter(|path| source.items.contains_key(path));
    let in_the_way =
        in_the_way.map(|path| (path, not_done("the target has something there that is neither a file nor a folder")));
    let in_the_way: Vec<_> = in_the_way.collect();
    let mut report = Report::of(source);
    report.failed.extend(target.failed);
    report.failed.extend(in_the_way);
    (actions, report)
}

impl Report {
    fn of(source: Tree) -> Self {
        Self { skipped: source.skipped, failed: source.failed, ..Self::default() }
    }
}

#[cfg(test)]
mod tests;
