//! Many files at once: what to do next, and what came of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::subtrees::is_below;
use super::{Action, Item, Mirror, Plan, Reason, Remote, Tree, not_done};
use crate::api::OnConflict;
use crate::error::Error;
use crate::file::File;
use crate::id::FileId;
use crate::name::FileName;
use crate::path::RemotePath;
use crate::task::TransferEvent;

use replacement::{Aside, Replacement};

mod replacement;

/// A plan on its way: folders first, then files, several at a time, and what is to be deleted last.
///
/// Whoever carries it out does what [`poll`](Self::poll) says until it is [`BatchStep::Done`], tells
/// [`handle`](Self::handle) what came of each job, and takes the [`Report`] from [`finish`](Self::finish). What fails
/// does not stop the rest; but when a transfer has failed, nothing is deleted.
///
/// Something that is in the way of a file or folder is renamed first, deleted when the replacement is in place, and
/// renamed back if that fails.
///
/// ```
/// use quatrix_proto::FileId;
/// use quatrix_proto::api::OnConflict;
/// use quatrix_proto::task::mirror::{Batch, BatchStep, Item, JobResult, Tree, Work};
///
/// let size = |size| Item::File { size: Some(size), modified: None };
/// let here = Tree::from([("a".parse()?, Item::Folder), ("a/x".parse()?, size(3)), ("b".parse()?, size(4))]);
/// let mut batch = Batch::upload(here, FileId::new("home")?, OnConflict::Refuse);
/// loop {
///     match batch.poll() {
///         BatchStep::One(job) => {
///             assert!(matches!(job.work, Work::MakeThere { .. }));
///             batch.handle(job, Ok(JobResult::Made(Some(FileId::new("folder-a")?))));
///         }
///         BatchStep::Copies(_) => {
///             while let Some(job) = batch.next_copy() {
///                 assert!(matches!(job.work, Work::Upload { .. }));
///                 batch.handle(job, Ok(JobResult::Copied(5)));
///             }
///         }
///         BatchStep::Done => break,
///     }
/// }
/// assert!(batch.uploaded().map(|(folder, name)| (folder.as_str(), name)).eq([("folder-a", "x"), ("home", "b")]));
/// let report = batch.finish()?;
/// assert_eq!((report.files, report.bytes), (2, 10));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Batch {
    actions: VecDeque<Action>,
    direction: Direction,
    /// The side on the server, as it was listed.
    there: Remote,
    /// Folders that have been made there.
    made: BTreeMap<RemotePath, FileId>,
    /// Folders that could not be made.
    unmade: BTreeSet<RemotePath>,
    /// A job that comes before all others.
    next: Option<Job>,
    replacement: Option<Replacement>,
    /// What is to be deleted when all has arrived, by the names under which it was put aside.
    asides: BTreeMap<RemotePath, Aside>,
    /// The names of the files that have been uploaded, by folder.
    uploaded: BTreeMap<FileId, Vec<Box<str>>>,
    has_failed: bool,
    ended: Option<Error>,
    report: Report,
}

#[derive(Debug)]
enum Direction {
    Up {
        /// What happens if a file is there that was not known of.
        on_conflict: OnConflict,
    },
    Down {
        /// Whether a file is replaced that was not known of.
        overwrite: bool,
        /// The side here, as it was read.
        here: Tree,
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
    /// Make a folder here, and those above it, if it is not there.
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
        on_conflict: OnConflict,
    },
    /// Download the file.
    Download {
        /// The file there.
        file: Box<File>,
        /// Whether one that is here is replaced.
        overwrite: bool,
    },
    /// Rename it here, unless the new name is taken.
    RenameHere {
        /// The new name.
        to: RemotePath,
    },
    /// Rename it there, unless the new name is taken.
    RenameThere {
        /// What it is there.
        id: FileId,
        /// The new name.
        name: FileName,
    },
    /// Delete just these files and folders here, in this order; a folder only if it is empty by then.
    DeleteHere {
        /// Where they are, and whether they are folders.
        items: Vec<(RemotePath, bool)>,
    },
    /// Put it into the trash of the server.
    DeleteThere {
        /// What it is there.
        id: FileId,
    },
}

/// What came of a [`Job`] that has succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobResult {
    /// There is a folder. One on the server has this id.
    Made(Option<FileId>),
    /// A file of so many bytes has arrived.
    Copied(u64),
    /// It has the new name.
    Renamed,
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
    /// What was deleted; a folder stands for everything in it.
    pub deleted: Vec<RemotePath>,
    /// What failed, and why.
    pub failed: Vec<(RemotePath, Error)>,
    /// What was left out because it is neither file nor folder, such as a link.
    pub skipped: BTreeSet<RemotePath>,
}

impl Batch {
    /// Plans to upload everything here into this folder there.
    ///
    /// Folders that are there are no hindrance; a file that is there clashes.
    pub fn upload(here: Tree, folder: FileId, on_conflict: OnConflict) -> Self {
        let there = Remote { folder, tree: Tree::default() };
        Self::up(&Mirror::default(), here, there, on_conflict)
    }

    /// Plans to download everything there into a folder here.
    ///
    /// Folders that are here are no hindrance; files are, unless they may be overwritten.
    pub fn download(there: Remote, overwrite: bool) -> Self {
        Self::down(&Mirror::default(), there, Tree::default(), overwrite)
    }

    /// Plans what makes the folder there like the one here.
    pub fn mirror_up(how: &Mirror, here: Tree, there: Remote) -> Self {
        // What the plan does not know of came meanwhile: it is somebody else's.
        Self::up(how, here, there, OnConflict::Refuse)
    }

    /// Plans what makes the folder here like the one there.
    pub fn mirror_down(how: &Mirror, there: Remote, here: Tree) -> Self {
        Self::down(how, there, here, false)
    }

    fn up(how: &Mirror, mut here: Tree, mut there: Remote, on_conflict: OnConflict) -> Self {
        here.fail_names(|name| FileName::new(name).err().map(Error::from));
        let plan = how.plan(&here, &there.tree);
        let report = Report::of([&mut here, &mut there.tree]);
        Self::new(plan, Direction::Up { on_conflict }, there, report)
    }

    fn down(how: &Mirror, mut there: Remote, mut here: Tree, overwrite: bool) -> Self {
        let plan = how.plan(&there.tree, &here);
        let report = Report::of([&mut there.tree, &mut here]);
        let mut batch = Self::new(plan, Direction::Down { overwrite, here }, there, report);
        batch.next = Some(Job { path: RemotePath::home(), work: Work::MakeHere });
        batch
    }

    fn new(plan: Plan, direction: Direction, there: Remote, mut report: Report) -> Self {
        report.failed.extend(plan.refused.map(|refused| (RemotePath::home(), refused.into())));
        Self {
            actions: plan.actions.into(),
            direction,
            there,
            made: BTreeMap::new(),
            unmade: BTreeSet::new(),
            next: None,
            replacement: None,
            asides: BTreeMap::new(),
            uploaded: BTreeMap::new(),
            has_failed: false,
            ended: None,
            report,
        }
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

    /// What came of it so far. Before the first job: what the plan leaves out.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Says what to do next.
    ///
    /// A job is given out once.
    pub fn poll(&mut self) -> BatchStep {
        if let Some(job) = self.next.take() {
            return BatchStep::One(job);
        }
        while self.ended.is_none() {
            let copies = self.actions.iter().take_while(|action| is_plain_copy(action)).count();
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

    /// Takes the next of the files to be copied; `None` when all are taken, or the batch has ended early.
    pub fn next_copy(&mut self) -> Option<Job> {
        while self.ended.is_none() && self.actions.front().is_some_and(is_plain_copy) {
            if let Next::Job(job) = self.next() {
                return Some(job);
            }
        }
        None
    }

    /// Takes what came of a job.
    ///
    /// [`Error::Cancelled`] ends the batch: nothing further is begun, but what was put aside is renamed back.
    pub fn handle(&mut self, job: Job, result: Result<JobResult, Error>) {
        if let Some(replacement) = self.replacement.take() {
            return self.handle_replacement(replacement, job, result);
        }
        self.record(job, result);
    }

    fn record(&mut self, job: Job, result: Result<JobResult, Error>) {
        let deletes = matches!(job.work, Work::DeleteHere { .. } | Work::DeleteThere { .. });
        match result {
            Ok(JobResult::Made(Some(id))) => drop(self.made.insert(job.path, id)),
            Ok(JobResult::Made(None) | JobResult::Renamed) => {}
            Ok(JobResult::Copied(bytes)) => {
                if let (Work::Upload { folder, .. }, Some(name)) = (job.work, job.path.name()) {
                    self.uploaded.entry(folder).or_default().push(name.into());
                }
                self.report.files += 1;
                self.report.bytes += bytes;
            }
            Ok(JobResult::Deleted) => {
                let path = self.asides.remove(&job.path).map_or(job.path, |aside| aside.path);
                self.report.deleted.push(path);
            }
            Err(Error::Cancelled) => self.ended = Some(Error::Cancelled),
            Err(error) if job.path.is_home() => self.ended = Some(error),
            Err(error) => {
                self.has_failed |= !deletes;
                if matches!(job.work, Work::MakeHere | Work::MakeThere { .. }) {
                    self.unmade.insert(job.path.clone());
                }
                self.report.failed.push((job.path, error));
            }
        }
    }

    /// Returns folder and name of each file that has been uploaded: what earlier uploads of these names have left behind
    /// can go ([`RemoveLeftovers`](crate::task::RemoveLeftovers)). None if the batch has ended early.
    pub fn uploaded(&self) -> impl Iterator<Item = (&FileId, &str)> {
        let folders = self.uploaded.iter().filter(|_| self.ended.is_none());
        folders.flat_map(|(folder, names)| names.iter().map(move |name| (folder, &**name)))
    }

    /// Ends the batch: comes to the report.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if a job was, or why the folder here cannot be made; what single files ended with is in the
    /// report.
    pub fn finish(self) -> Result<Report, Error> {
        match self.ended {
            Some(error) => Err(error),
            None => Ok(self.report),
        }
    }

    fn next(&mut self) -> Next {
        let Some(action) = self.actions.pop_front() else { return Next::End };
        let work = match &action {
            // Whatever is missing on the other side may be what did not arrive.
            Action::Delete { path, .. } if self.has_failed => {
                self.report_kept(path);
                return Next::Nothing;
            }
            _ if self.is_unmade(action.path()) => Err(NO_FOLDER),
            Action::MakeFolder { replaces: true, .. } | Action::Copy { reason: Reason::Folder { .. }, .. } => {
                return self.replace(action);
            }
            Action::Delete { path, .. } => self.delete(path),
            Action::MakeFolder { path, .. } => self.make(path),
            Action::Copy { path, reason, .. } => self.copy(path, *reason),
            Action::Conflict { .. } => Err("one side has a file, the other a folder"),
        };
        let path = action.path().clone();
        match work {
            Ok(work) => Next::Job(Job { path, work }),
            Err(why) => {
                self.has_failed = true;
                self.report.failed.push((path, not_done(why)));
                Next::Nothing
            }
        }
    }

    /// Whether a folder above could not be made.
    fn is_unmade(&self, path: &RemotePath) -> bool {
        let last = self.unmade.range(..path.clone()).next_back();
        last.is_some_and(|above| is_below(path, above))
    }

    fn make(&self, path: &RemotePath) -> Result<Work, &'static str> {
        match self.direction {
            Direction::Up { .. } => Ok(Work::MakeThere { parent: self.folder_of(path)? }),
            Direction::Down { .. } => Ok(Work::MakeHere),
        }
    }

    fn copy(&self, path: &RemotePath, reason: Reason) -> Result<Work, &'static str> {
        let replaces = matches!(reason, Reason::Size | Reason::Time);
        match self.direction {
            Direction::Up { on_conflict, .. } => {
                let on_conflict = if replaces { OnConflict::Overwrite } else { on_conflict };
                Ok(Work::Upload { folder: self.folder_of(path)?, on_conflict })
            }
            Direction::Down { overwrite, .. } => {
                let file = self.there.tree.get(path).and_then(super::tree::Node::file).ok_or(GONE)?;
                Ok(Work::Download { file: Box::new(file), overwrite: overwrite || replaces })
            }
        }
    }

    fn delete(&self, path: &RemotePath) -> Result<Work, &'static str> {
        match (&self.direction, self.asides.get(path)) {
            (_, Some(aside)) => Ok(aside.delete(path, &self.direction)),
            (Direction::Up { .. }, None) => Ok(Work::DeleteThere { id: self.id(path)? }),
            (Direction::Down { here, .. }, None) => Ok(Work::DeleteHere { items: doomed(here, path, path) }),
        }
    }

    fn id(&self, path: &RemotePath) -> Result<FileId, &'static str> {
        self.there.tree.get(path).and_then(|node| node.id.clone()).ok_or(GONE)
    }

    fn folder_of(&self, path: &RemotePath) -> Result<FileId, &'static str> {
        match path.parent() {
            Some(home) if home.is_home() => Ok(self.there.folder.clone()),
            Some(parent) => self.made.get(&parent).cloned().map_or_else(|| self.id(&parent), Ok).map_err(|_| NO_FOLDER),
            None => Err(NO_FOLDER),
        }
    }
}

const GONE: &str = "it is gone";
const NO_FOLDER: &str = "its folder could not be made";

enum Next {
    Job(Job),
    /// There was an action, and nothing to do for it.
    Nothing,
    End,
}

fn is_plain_copy(action: &Action) -> bool {
    matches!(action, Action::Copy { reason, .. } if !matches!(reason, Reason::Folder { .. }))
}

/// What was read at a path and below, the deepest first, as it is called once the path is `now`.
fn doomed(here: &Tree, path: &RemotePath, now: &RemotePath) -> Vec<(RemotePath, bool)> {
    let below = here.below(path).iter().rev();
    let moved = |below: &RemotePath| {
        below.segments().skip(path.segments().count()).fold(now.clone(), |at, name| at.join(name).unwrap_or(at))
    };
    let items = below.map(|node| (moved(&node.path), node.item == Item::Folder));
    let itself = here.get(path).map(|node| (now.clone(), node.item == Item::Folder));
    items.chain(itself).collect()
}

impl Report {
    /// What is reported of a source and a target before anything is done. A link in the target is news if something is to be in its place.
    fn of([source, target]: [&mut Tree; 2]) -> Self {
        let (skipped, mut failed) = source.take_report();
        let (in_the_way, unread) = target.take_report();
        failed.extend(unread);
        // A folder is among the items itself: what is below it needs no report of its own.
        let in_the_way = in_the_way.into_iter().filter(|path| source.get(path).is_some());
        let why = || not_done("the target has something there that is neither a file nor a folder");
        failed.extend(in_the_way.map(|path| (path, why())));
        Self { skipped, failed, ..Self::default() }
    }
}

#[cfg(test)]
mod tests;
