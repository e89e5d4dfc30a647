//! How a whole file takes its final name.

use super::Upload;
use super::state::{By, Placing, State, Target, Then, Wanted};
use super::steps::{Answer, is_taken};
use crate::api::{Ids, Located, MoveOne, OnConflict, RenameFile};
use crate::deferred::Deferred;
use crate::endpoint::Endpoint;
use crate::error::{Error, TransferError};
use crate::file::File;
use crate::id::FileId;
use crate::task::look_up::Finder;
use crate::task::{TransferEvent, is_absent, is_not_offered};

/// Bytes from which on the name is looked up first.
const LARGE: u64 = 4 * 1024 * 1024;

impl Upload {
    pub(super) fn conflict_rule(&self) -> Option<OnConflict> {
        match self.target {
            Target::New { on_conflict, .. } => Some(on_conflict),
            Target::InPlace(_) => None,
        }
    }

    /// The name is looked up before the first byte where a refusal at the end would come after many.
    pub(super) fn first_look(&self) -> Option<Finder> {
        let refuses = self.staged().is_some_and(|(_, _, on_conflict)| on_conflict == OnConflict::Refuse);
        (refuses && !self.looked && self.size > LARGE).then(|| self.final_finder()).flatten()
    }

    pub(super) fn looked_up(&mut self, mut finder: Finder, then: Wanted, answer: Answer) -> State {
        let found = match finder.take(answer) {
            None => return State::LookingUp { finder, then },
            Some(Err(error)) if error.retryable() && self.fails_again() => return State::LookingUp { finder, then },
            Some(found) => found,
        };
        match (then, found) {
            (Wanted::Absent, Ok(Some(_))) => State::Done(Err(TransferError::NameTaken.into())),
            // What has the name shows when the upload takes it.
            (Wanted::Absent, _) => {
                (self.looked, self.failures) = (true, 0);
                State::Opening { asked: false }
            }
            (Wanted::InPlace(_), Ok(Some(Located { id, kind, .. }))) if !kind.is_folder() => {
                self.target = Target::InPlace(id);
                self.open()
            }
            (Wanted::InPlace(error), _) => State::Done(Err(error)),
            (Wanted::Trashed(placing, error), Ok(Some(Located { id, kind, .. })))
                if !kind.is_folder() && id != placing.id && self.may_trash(&error) =>
            {
                self.events.push(TransferEvent::InTwoSteps);
                State::Trashing { placing, old: id }
            }
            // Gone: by this upload, if that was asked for before.
            (Wanted::Trashed(placing, error), Ok(None)) => {
                Self::rename(Placing { trashed: !is_taken(&error), ..placing })
            }
            (Wanted::Trashed(placing, error), _) => self.give_up_placing(placing, error),
        }
    }

    /// Whether the old file may go to the trash after this error: the name that is taken, or a failure to do so.
    fn may_trash(&mut self, error: &Error) -> bool {
        is_taken(error) || (error.retryable() || lost(error)) && self.fails_again()
    }

    pub(super) fn placed(&mut self, placing: Placing, answer: Answer) -> State {
        let answer = match placing.by {
            By::Move => answer.and_then(MoveOne::decode),
            By::Rename => answer.and_then(RenameFile::decode),
        };
        match answer {
            Ok(file) => self.named(placing, file),
            Err(error) if placing.by == By::Move && is_not_offered(&error) => Self::rename(placing),
            // It did not leave the machine.
            Err(error) if !matches!(error, Error::Api(_)) && !error.may_have_been_executed() => {
                match error.retryable() && self.fails_again() {
                    true => State::Placing(placing),
                    false => self.give_up_placing(placing, error),
                }
            }
            // A refusal may come from something on the way, after the server has done it.
            Err(error) => State::Comparing { placing, error },
        }
    }

    pub(super) fn rename(placing: Placing) -> State {
        State::Placing(Placing { by: By::Rename, ..placing })
    }

    /// The server shows the file after an error.
    pub(super) fn compared(&mut self, placing: Placing, error: Error, answer: Result<File, Error>) -> State {
        match answer {
            Ok(found) if found.id != placing.id || !self.is_temporary(&found.name) => self.named(placing, found),
            Ok(_) if matches!(error, Error::Cancelled) => self.give_up_placing(placing, error),
            // The file is there, so what was not found is the operation.
            Ok(_) if placing.by == By::Move && is_absent(&error) => Self::rename(placing),
            Ok(_) if is_taken(&error) && self.lacks_replace(&placing) => self.make_room(placing, error),
            Ok(_) if (error.retryable() || lost(&error)) && self.fails_again() => {
                State::Placing(Placing { lost: placing.lost || lost(&error), ..placing })
            }
            Ok(_) => self.give_up_placing(Placing { lost: placing.lost || lost(&error), ..placing }, error),
            Err(refused) if refused.retryable() && self.fails_again() => State::Comparing { placing, error },
            Err(_) => self.leave(placing.id, error),
        }
    }

    /// The server says that the file is there, under a name that may be another one.
    fn named(&mut self, placing: Placing, file: File) -> State {
        let Some((_, name, on_conflict)) = self.staged() else { return State::Done(Ok(self.uploaded(file))) };
        let is_right = match on_conflict {
            OnConflict::Rename => !self.is_temporary(&file.name),
            OnConflict::Refuse | OnConflict::Overwrite => file.name == name.as_str(),
        };
        State::Done(match file.size {
            _ if file.id != placing.id => {
                return self.leave(placing.id, TransferError::OtherFile { id: file.id }.into());
            }
            _ if !is_right => {
                self.events.push(TransferEvent::LeftBehind { id: file.id, name: Some(file.name.clone()) });
                Err(TransferError::Misplaced { name: file.name.into() }.into())
            }
            Some(stored) if stored != self.size => Err(TransferError::Size { sent: self.size, stored }.into()),
            _ => Ok(self.uploaded(file)),
        })
    }

    /// Whether what is in the way can only go in a step of its own.
    fn lacks_replace(&self, placing: &Placing) -> bool {
        placing.by == By::Rename && self.conflict_rule() == Some(OnConflict::Overwrite)
    }

    fn make_room(&mut self, placing: Placing, error: Error) -> State {
        match self.final_finder() {
            Some(finder) if self.in_two_steps && self.fails_again() => {
                let placing = Placing { trashed: false, ..placing };
                State::LookingUp { finder, then: Wanted::Trashed(placing, error) }
            }
            _ if self.in_two_steps => self.give_up_placing(placing, error),
            _ => self.give_up_placing(placing, TransferError::CannotReplace.into()),
        }
    }

    pub(super) fn trashed(&mut self, placing: Placing, old: FileId, answer: Result<Deferred<Ids>, Error>) -> State {
        let error = match answer {
            Ok(Deferred::Done(ids)) if ids.missing(std::slice::from_ref(&old)).is_some() => {
                TransferError::CannotReplace.into()
            }
            Ok(_) => return Self::rename(Placing { trashed: true, ..placing }),
            Err(error) => error,
        };
        // Not simply once more: what is in the trash already might be deleted for good.
        match self.final_finder() {
            Some(finder) => State::LookingUp { finder, then: Wanted::Trashed(placing, error) },
            None => self.give_up_placing(placing, error),
        }
    }

    /// Deletes the file that could not take its name, unless it may be the only version by now.
    pub(super) fn give_up_placing(&mut self, placing: Placing, error: Error) -> State {
        let may_replace = self.conflict_rule() == Some(OnConflict::Overwrite) && placing.lost;
        match placing.trashed || may_replace {
            true => self.go_on(Some(placing.id), Then::End(error)),
            false => self.give_up(placing.id, error),
        }
    }

    fn is_temporary(&self, name: &str) -> bool {
        self.staged()
            .and_then(|(_, own, _)| self.partial_name(own).ok())
            .is_some_and(|partial| partial.as_str() == name)
    }
}

/// Whether the request may have been executed, or may still be.
fn lost(error: &Error) -> bool {
    error.may_have_been_executed()
}
