//! Replacements of a file by a folder, or of a folder by a file.
//!
//! The old one is renamed to a temporary name in the same folder. It is deleted when the replacement is in place, and
//! renamed back if that fails. So nothing is deleted before its replacement exists, and a killed run leaves the old one
//! under the temporary name. Later mirrors ignore it, unless they delete.

use super::{Batch, Direction, Job, JobResult, Next, Work, doomed};
use crate::error::{Error, ErrorCode};
use crate::id::FileId;
use crate::name::FileName;
use crate::path::RemotePath;
use crate::task::mirror::tree::hash;
use crate::task::mirror::{Action, not_done};
use crate::task::partial_name::aside_name;

/// Maximum length of a local name in bytes, on the usual file systems.
const MAX_NAME: usize = 255;

#[derive(Debug)]
pub(super) struct Replacement {
    aside: Aside,
    /// Temporary path of the old one.
    at: RemotePath,
    /// Action that creates the replacement.
    fill: Action,
    step: Step,
}

/// File or folder that is put aside.
#[derive(Clone, Debug)]
pub(super) struct Aside {
    /// Its original path.
    pub(super) path: RemotePath,
    /// Its id, if it is remote.
    id: Option<FileId>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    PutAside,
    Fill,
    /// Rename it back. `moved`: the rename to the temporary name was confirmed.
    Restore {
        moved: bool,
    },
    Delete,
}

impl Aside {
    /// Returns the job that deletes it at its temporary path.
    pub(super) fn delete(&self, at: &RemotePath, direction: &Direction) -> Work {
        match (&self.id, direction) {
            (Some(id), _) => Work::DeleteRemote { id: id.clone() },
            (None, Direction::Down { local, .. }) => Work::DeleteLocal { items: doomed(local, &self.path, at) },
            (None, Direction::Up { .. }) => Work::DeleteLocal { items: Vec::new() },
        }
    }

    fn rename(&self, from: &RemotePath, to: &RemotePath) -> Result<Job, &'static str> {
        let work = match &self.id {
            None => Work::RenameLocal { to: to.clone() },
            Some(id) => {
                let name = FileName::new(to.name().unwrap_or_default()).map_err(|_| "its name cannot be sent")?;
                Work::RenameRemote { id: id.clone(), name }
            }
        };
        Ok(Job { path: from.clone(), work })
    }
}

impl Batch {
    /// Starts a replacement by putting the old file or folder aside.
    pub(super) fn replace(&mut self, fill: Action) -> Next {
        let path = fill.path().clone();
        let begun = self.put_aside(&path).and_then(|(aside, at)| Ok((aside.rename(&path, &at)?, aside, at)));
        match begun {
            Ok((job, aside, at)) => {
                self.replacement = Some(Replacement { aside, at, fill, step: Step::PutAside });
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
                (Some(self.id(path)?), &self.remote.tree, FileName::MAX_LEN, (|_| 1) as fn(char) -> usize)
            }
            Direction::Down { local, .. } => (None, local, MAX_NAME, char::len_utf8 as fn(char) -> usize),
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
        match (replacement.step, result) {
            (Step::PutAside, Ok(_)) => {
                let work = match &replacement.fill {
                    Action::Copy { reason, .. } => self.copy(&path, *reason),
                    _ => self.make(&path),
                };
                match work {
                    Ok(work) => {
                        replacement.step = Step::Fill;
                        self.next = Some(Job { path, work });
                        self.replacement = Some(replacement);
                    }
                    Err(why) => {
                        self.fail(path, not_done(why));
                        self.restore(replacement, true);
                    }
                }
            }
            (Step::PutAside, Err(error)) => {
                let may_have_moved = aside.id.is_some() && error.may_have_been_executed();
                self.unmade.insert(path.clone());
                self.record(Job { path, ..job }, Err(error));
                if may_have_moved {
                    self.restore(replacement, false);
                }
            }
            (Step::Fill, Ok(result)) => {
                self.record(job, Ok(result));
                match replacement.fill {
                    Action::Copy { .. } => {
                        let work = aside.delete(at, &self.direction);
                        self.next = Some(Job { path: at.clone(), work });
                        replacement.step = Step::Delete;
                        self.replacement = Some(replacement);
                    }
                    // The files of the new folder are not copied yet.
                    _ => {
                        self.actions.push_back(Action::Delete { path: at.clone(), folder: false, items: 1 });
                        self.asides.insert(replacement.at, replacement.aside);
                    }
                }
            }
            (Step::Fill, Err(error)) => {
                self.record(job, Err(error));
                self.restore(replacement, true);
            }
            (Step::Restore { .. }, Ok(_)) => {}
            // The original name is taken: by itself, since it was never renamed.
            (Step::Restore { moved: false }, Err(error)) if error.code() == Some(ErrorCode::EXISTS) => {}
            (Step::Restore { .. }, Err(_)) => self.fail(path, kept(at)),
            (Step::Delete, Ok(_)) => self.report.deleted.push(path),
            (Step::Delete, Err(error)) => self.record(Job { path: at.clone(), ..job }, Err(error)),
        }
    }

    fn restore(&mut self, mut replacement: Replacement, moved: bool) {
        match replacement.aside.rename(&replacement.at, &replacement.aside.path) {
            Ok(job) => {
                self.next = Some(job);
                replacement.step = Step::Restore { moved };
                self.replacement = Some(replacement);
            }
            Err(_) => self.fail(replacement.aside.path, kept(&replacement.at)),
        }
    }

    /// Reports the temporary path of something that was put aside and is not deleted.
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
