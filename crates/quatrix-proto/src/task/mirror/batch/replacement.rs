//! Something of one kind where something of another kind is to be: a file for a folder, or a folder for a file.
//!
//! What is there is put aside under a temporary name in the same folder; when the replacement is in place it is deleted,
//! and if that fails it is renamed back. So nothing is gone before something else is there, and a run that is killed
//! leaves the old one under the temporary name, which mirrors ignore until one that deletes finds it left over.

use super::{Batch, Direction, Job, JobResult, Next, Work, doomed};
use crate::error::{Error, ErrorCode};
use crate::id::FileId;
use crate::name::FileName;
use crate::path::RemotePath;
use crate::task::mirror::tree::hash;
use crate::task::mirror::{Action, not_done};
use crate::task::partial_name::aside_name;

/// Bytes that a name has at most on the usual file systems.
const MAX_NAME: usize = 255;

#[derive(Debug)]
pub(super) struct Replacement {
    aside: Aside,
    /// Where the old one is meanwhile.
    at: RemotePath,
    /// What takes its place.
    fill: Action,
    stage: Stage,
}

/// What is put aside.
#[derive(Clone, Debug)]
pub(super) struct Aside {
    /// Where it was.
    pub(super) path: RemotePath,
    /// What it is there.
    id: Option<FileId>,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    PutAside,
    Fill,
    /// Renaming it back; `moved`: it has certainly been put aside.
    Restore {
        moved: bool,
    },
    Delete,
}

impl Aside {
    /// What deletes it where it is now.
    pub(super) fn delete(&self, at: &RemotePath, direction: &Direction) -> Work {
        match (&self.id, direction) {
            (Some(id), _) => Work::DeleteThere { id: id.clone() },
            (None, Direction::Down { here, .. }) => Work::DeleteHere { items: doomed(here, &self.path, at) },
            (None, Direction::Up { .. }) => Work::DeleteHere { items: Vec::new() },
        }
    }

    fn rename(&self, from: &RemotePath, to: &RemotePath) -> Result<Job, &'static str> {
        let work = match &self.id {
            None => Work::RenameHere { to: to.clone() },
            Some(id) => {
                let name = FileName::new(to.name().unwrap_or_default()).map_err(|_| "its name cannot be sent")?;
                Work::RenameThere { id: id.clone(), name }
            }
        };
        Ok(Job { path: from.clone(), work })
    }
}

impl Batch {
    /// Begins with what is in the way.
    pub(super) fn replace(&mut self, fill: Action) -> Next {
        let path = fill.path().clone();
        let begun = self.put_aside(&path).and_then(|(aside, at)| Ok((aside.rename(&path, &at)?, aside, at)));
        match begun {
            Ok((job, aside, at)) => {
                self.replacement = Some(Replacement { aside, at, fill, stage: Stage::PutAside });
                Next::Job(job)
            }
            Err(why) => {
                self.fail(path, not_done(why));
                Next::Nothing
            }
        }
    }

    fn put_aside(&self, path: &RemotePath) -> Result<(Aside, RemotePath), &'static str> {
        let (name, parent) = path.name().zip(path.parent()).ok_or("it has no name")?;
        let (id, tree, max, unit) = match &self.direction {
            Direction::Up { .. } => {
                (Some(self.id(path)?), &self.there.tree, FileName::MAX_LEN, (|_| 1) as fn(char) -> usize)
            }
            Direction::Down { here, .. } => (None, here, MAX_NAME, char::len_utf8 as fn(char) -> usize),
        };
        let first = hash(path.relative().as_bytes()) as u32;
        let mut places =
            (0..=u32::MAX).map_while(|n| parent.join(&aside_name(name, first.wrapping_add(n), max, unit)).ok());
        let at = places.find(|at| tree.get(at).is_none()).ok_or("it cannot be put aside")?;
        Ok((Aside { path: path.clone(), id }, at))
    }

    pub(super) fn handle_replacement(
        &mut self,
        mut replacement: Replacement,
        job: Job,
        result: Result<JobResult, Error>,
    ) {
        let Replacement { aside, at, .. } = &replacement;
        let path = aside.path.clone();
        match (replacement.stage, result) {
            (Stage::PutAside, Ok(_)) => {
                let work = match &replacement.fill {
                    Action::Copy { reason, .. } => self.copy(&path, *reason),
                    _ => self.make(&path),
                };
                match work {
                    Ok(work) => {
                        replacement.stage = Stage::Fill;
                        self.next = Some(Job { path, work });
                        self.replacement = Some(replacement);
                    }
                    Err(why) => {
                        self.fail(path, not_done(why));
                        self.restore(replacement, true);
                    }
                }
            }
            (Stage::PutAside, Err(error)) => {
                let may_have_moved = aside.id.is_some() && error.may_have_been_executed();
                self.unmade.insert(path.clone());
                self.record(Job { path, ..job }, Err(error));
                if may_have_moved {
                    self.restore(replacement, false);
                }
            }
            (Stage::Fill, Ok(did)) => {
                self.record(job, Ok(did));
                match replacement.fill {
                    Action::Copy { .. } => {
                        let work = aside.delete(at, &self.direction);
                        self.next = Some(Job { path: at.clone(), work });
                        replacement.stage = Stage::Delete;
                        self.replacement = Some(replacement);
                    }
                    // Its files are still to come.
                    _ => {
                        self.actions.push_back(Action::Delete { path: at.clone(), folder: false, items: 1 });
                        self.asides.insert(replacement.at, replacement.aside);
                    }
                }
            }
            (Stage::Fill, Err(error)) => {
                self.record(job, Err(error));
                self.restore(replacement, true);
            }
            (Stage::Restore { .. }, Ok(_)) => {}
            // It has never had another name.
            (Stage::Restore { moved: false }, Err(error)) if error.code() == Some(ErrorCode::EXISTS) => {}
            (Stage::Restore { .. }, Err(_)) => self.fail(path, kept(at)),
            (Stage::Delete, Ok(_)) => self.report.deleted.push(path),
            (Stage::Delete, Err(error)) => self.record(Job { path: at.clone(), ..job }, Err(error)),
        }
    }

    fn restore(&mut self, mut replacement: Replacement, moved: bool) {
        match replacement.aside.rename(&replacement.at, &replacement.aside.path) {
            Ok(job) => {
                self.next = Some(job);
                replacement.stage = Stage::Restore { moved };
                self.replacement = Some(replacement);
            }
            Err(_) => self.fail(replacement.aside.path, kept(&replacement.at)),
        }
    }

    /// Says where something is that was put aside and is not deleted.
    pub(super) fn report_kept(&mut self, at: &RemotePath) {
        if let Some(aside) = self.asides.get(at) {
            self.report.failed.push((aside.path.clone(), kept(at)));
        }
    }

    fn fail(&mut self, path: RemotePath, error: Error) {
        self.has_failed = true;
        if !self.is_unmade(&path) {
            self.unmade.insert(path.clone());
        }
        self.report.failed.push((path, error));
    }
}

fn kept(at: &RemotePath) -> Error {
    not_done(format!("what was here is kept as {at}"))
}
