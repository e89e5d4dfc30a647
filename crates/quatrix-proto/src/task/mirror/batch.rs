//! Transfers of many files: the next job, and the results so far.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::subtrees::is_below;
use super::{Action, Item, Mirror, Plan, Reason, Remote, Tree, not_done};
use crate::api::OnConflict;
use crate::error::Error;
use crate::id::FileId;
use crate::name::FileName;
use crate::path::RemotePath;
use crate::task::TransferEvent;

mod job;
mod replacement;
mod report;

pub use job::{BatchStep, Job, JobResult, Work};
use replacement::{Aside, Replacement};
pub use report::Report;

/// Plan being run: folders first, then files, several at a time, then deletions.
///
/// The driver runs the jobs that [`poll`](Self::poll) returns until [`BatchStep::Done`], passes each result to
/// [`handle`](Self::handle), and takes the [`Report`] from [`finish`](Self::finish). A failed job does not stop the rest;
/// but after a failed transfer nothing is deleted.
///
/// A file in the place of a folder, or a folder in the place of a file, is renamed first. It is deleted when the
/// replacement is complete, and renamed back if that fails.
///
/// ```
/// use quatrix_proto::FileId;
/// use quatrix_proto::api::OnConflict;
/// use quatrix_proto::task::mirror::{Batch, BatchStep, Item, JobResult, Tree, Work};
///
/// let size = |size| Item::File { size: Some(size), modified: None };
/// let local = Tree::from([("a".parse()?, Item::Folder), ("a/x".parse()?, size(3)), ("b".parse()?, size(4))]);
/// let mut batch = Batch::upload(local, FileId::new("home")?, OnConflict::Refuse);
/// loop {
///     match batch.poll() {
///         BatchStep::One(job) => {
///             assert!(matches!(job.work, Work::MakeRemoteFolder { .. }));
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
    /// Remote folder, as it was listed.
    remote: Remote,
    /// Remote folders that have been made.
    made: BTreeMap<RemotePath, FileId>,
    /// Folders that could not be made.
    unmade: BTreeSet<RemotePath>,
    /// Job that comes before all others.
    next: Option<Job>,
    replacement: Option<Replacement>,
    /// Files and folders put aside, by their temporary paths. They are deleted when all files have arrived.
    asides: BTreeMap<RemotePath, Aside>,
    /// Names of the files uploaded, by folder.
    uploaded: BTreeMap<FileId, Vec<Box<str>>>,
    has_failed: bool,
    ended: Option<Error>,
    report: Report,
}

#[derive(Debug)]
enum Direction {
    Up {
        /// Rule for a file that is not in the listing.
        on_conflict: OnConflict,
    },
    Down {
        /// Whether a local file that is not in the listing is replaced.
        overwrite: bool,
        /// Local folder, as it was read.
        local: Tree,
    },
}

impl Batch {
    /// Plans to upload a local folder into a remote one.
    ///
    /// Folders that exist are kept; for files that exist, `on_conflict` is the rule.
    pub fn upload(local: Tree, folder: FileId, on_conflict: OnConflict) -> Self {
        let remote = Remote { folder, tree: Tree::default() };
        Self::up(&Mirror::default(), local, remote, on_conflict)
    }

    /// Plans to download a remote folder into a local one.
    ///
    /// Folders that exist are kept. A file that exists fails, unless `overwrite` is set.
    pub fn download(remote: Remote, overwrite: bool) -> Self {
        Self::down(&Mirror::default(), remote, Tree::default(), overwrite)
    }

    /// Plans to make the remote folder equal to the local one.
    pub fn mirror_up(how: &Mirror, local: Tree, remote: Remote) -> Self {
        // A file that the listing lacks was created since by another client.
        Self::up(how, local, remote, OnConflict::Refuse)
    }

    /// Plans to make the local folder equal to the remote one.
    pub fn mirror_down(how: &Mirror, remote: Remote, local: Tree) -> Self {
        Self::down(how, remote, local, false)
    }

    fn up(how: &Mirror, mut local: Tree, mut remote: Remote, on_conflict: OnConflict) -> Self {
        local.fail_names(|name| FileName::new(name).err().map(Error::from));
        let plan = how.plan(&local, &remote.tree);
        let report = Report::of([&mut local, &mut remote.tree]);
        Self::new(plan, Direction::Up { on_conflict }, remote, report)
    }

    fn down(how: &Mirror, mut remote: Remote, mut local: Tree, overwrite: bool) -> Self {
        let plan = how.plan(&remote.tree, &local);
        let report = Report::of([&mut remote.tree, &mut local]);
        let mut batch = Self::new(plan, Direction::Down { overwrite, local }, remote, report);
        batch.next = Some(Job { path: RemotePath::home(), work: Work::MakeLocalFolder });
        batch
    }

    fn new(plan: Plan, direction: Direction, remote: Remote, mut report: Report) -> Self {
        report.failed.extend(plan.refused.map(|refused| (RemotePath::home(), refused.into())));
        Self {
            actions: plan.actions.into(),
            direction,
            remote,
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

    /// Returns the remaining actions, in order.
    pub fn actions(&self) -> impl ExactSizeIterator<Item = &Action> {
        self.actions.iter()
    }

    /// Returns the number and total size of the files to copy, as an event for observers.
    pub fn planned(&self) -> TransferEvent {
        let sizes = self.actions.iter().filter_map(|action| match action {
            Action::Copy { size, .. } => Some(*size),
            Action::MakeFolder { .. } | Action::Delete { .. } | Action::Conflict { .. } => None,
        });
        let bytes = sizes.clone().try_fold(0, |sum: u64, size| Some(sum.saturating_add(size?)));
        TransferEvent::Planned { files: sizes.count(), bytes }
    }

    /// Returns the report so far; before the first job it holds what the plan leaves out.
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Returns the next step.
    ///
    /// Each job is returned once.
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

    /// Returns the next file to copy; `None` when all have been returned, or the batch has ended early.
    pub fn next_copy(&mut self) -> Option<Job> {
        while self.ended.is_none() && self.actions.front().is_some_and(is_plain_copy) {
            if let Next::Job(job) = self.next() {
                return Some(job);
            }
        }
        None
    }

    /// Takes the result of a job.
    ///
    /// [`Error::Cancelled`] ends the batch: no further job is started, except to rename back what was put aside.
    pub fn handle(&mut self, job: Job, result: Result<JobResult, Error>) {
        if let Some(replacement) = self.replacement.take() {
            return self.handle_replacement(replacement, job, result);
        }
        self.record(job, result);
    }

    fn record(&mut self, job: Job, result: Result<JobResult, Error>) {
        let deletes = matches!(job.work, Work::DeleteLocal { .. } | Work::DeleteRemote { .. });
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
                if matches!(job.work, Work::MakeLocalFolder | Work::MakeRemoteFolder { .. }) {
                    self.unmade.insert(job.path.clone());
                }
                self.report.failed.push((job.path, error));
            }
        }
    }

    /// Returns folder and name of each uploaded file, for [`RemoveLeftovers`](crate::task::RemoveLeftovers); nothing if the
    /// batch has ended early.
    pub fn uploaded(&self) -> impl Iterator<Item = (&FileId, &str)> {
        let folders = self.uploaded.iter().filter(|_| self.ended.is_none());
        folders.flat_map(|(folder, names)| names.iter().map(move |name| (folder, &**name)))
    }

    /// Ends the batch and returns the report.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if a job was cancelled, or the error that prevents making the local folder. Errors of single
    /// files are in the report.
    pub fn finish(self) -> Result<Report, Error> {
        match self.ended {
            Some(error) => Err(error),
            None => Ok(self.report),
        }
    }

    fn next(&mut self) -> Next {
        let Some(action) = self.actions.pop_front() else { return Next::End };
        let work = match &action {
            // What seems left over may be the only copy of a file that did not arrive.
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
            Direction::Up { .. } => Ok(Work::MakeRemoteFolder { parent: self.folder_of(path)? }),
            Direction::Down { .. } => Ok(Work::MakeLocalFolder),
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
                let file = self.remote.tree.get(path).and_then(super::tree::Node::file).ok_or(GONE)?;
                Ok(Work::Download { file: Box::new(file), overwrite: overwrite || replaces })
            }
        }
    }

    fn delete(&self, path: &RemotePath) -> Result<Work, &'static str> {
        match (&self.direction, self.asides.get(path)) {
            (_, Some(aside)) => Ok(aside.delete(path, &self.direction)),
            (Direction::Up { .. }, None) => Ok(Work::DeleteRemote { id: self.id(path)? }),
            (Direction::Down { local, .. }, None) => Ok(Work::DeleteLocal { items: doomed(local, path, path) }),
        }
    }

    fn id(&self, path: &RemotePath) -> Result<FileId, &'static str> {
        self.remote.tree.get(path).and_then(|node| node.id.clone()).ok_or(GONE)
    }

    fn folder_of(&self, path: &RemotePath) -> Result<FileId, &'static str> {
        match path.parent() {
            Some(home) if home.is_home() => Ok(self.remote.folder.clone()),
            Some(parent) => self.made.get(&parent).cloned().map_or_else(|| self.id(&parent), Ok).map_err(|_| NO_FOLDER),
            None => Err(NO_FOLDER),
        }
    }
}

const GONE: &str = "it no longer exists";
const NO_FOLDER: &str = "its folder could not be made";

enum Next {
    Job(Job),
    /// The action needs no job.
    Nothing,
    End,
}

fn is_plain_copy(action: &Action) -> bool {
    matches!(action, Action::Copy { reason, .. } if !matches!(reason, Reason::Folder { .. }))
}

/// Returns what was read at `path` and below, the deepest first, with its paths after a rename of `path` to `now`.
fn doomed(local: &Tree, path: &RemotePath, now: &RemotePath) -> Vec<(RemotePath, bool)> {
    let below = local.below(path).iter().rev();
    let moved = |below: &RemotePath| {
        below.segments().skip(path.segments().count()).fold(now.clone(), |at, name| at.join(name).unwrap_or(at))
    };
    let items = below.map(|node| (moved(&node.path), node.item == Item::Folder));
    let itself = local.get(path).map(|node| (now.clone(), node.item == Item::Folder));
    items.chain(itself).collect()
}

#[cfg(test)]
mod tests;
