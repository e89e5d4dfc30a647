//! Deleting by id, once, whatever becomes of the response.

use bytes::Bytes;

use super::{Task, TaskStep, is_absent};
use crate::api::{DeleteFiles, GetFile, Ids};
use crate::deferred::Deferred;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::file::{File, FileKind};
use crate::id::FileId;
use crate::server::Server;
use crate::time::Timestamp;

/// Calls in a row that may fail.
const TRIES: u8 = 3;

/// Deletes one file or folder by its id, and repeats that after a lost response.
///
/// For good, a second request does no harm: "not found" then means that the first was executed. Into the trash it
/// might, since what lies there already is deleted for good: so the file is looked at first.
#[derive(Clone, Debug)]
pub struct Delete {
    id: FileId,
    permanently: bool,
    failures: u8,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// `lost`: an earlier request may have been executed.
    Asking {
        lost: bool,
    },
    /// A response was lost: where is the file? If it is in a folder, is that the trash?
    Looking {
        at: FileId,
        is_folder: bool,
        error: Error,
    },
    Done(Result<Deferred<Ids>, Error>),
}

impl Delete {
    /// Deletes it into the trash, where the server keeps it for 30 days.
    pub fn to_trash(id: FileId) -> Self {
        Self { id, permanently: false, failures: 0, state: State::Asking { lost: false } }
    }

    /// Deletes it for good.
    pub fn permanently(id: FileId) -> Self {
        Self { permanently: true, ..Self::to_trash(id) }
    }

    fn gone(&self) -> State {
        State::Done(Ok(Deferred::Done(Ids { ids: vec![self.id.clone()] })))
    }

    fn fails_again(&mut self) -> bool {
        self.failures += 1;
        self.failures < TRIES
    }

    fn asked(&mut self, lost: bool, result: Result<Deferred<Ids>, Error>) -> State {
        match result {
            Err(error) if lost && is_absent(&error) => self.gone(),
            Err(error) if error.may_have_been_executed() && self.fails_again() => match self.permanently {
                true => State::Asking { lost: true },
                false => State::Looking { at: self.id.clone(), is_folder: false, error },
            },
            Err(error) if error.retryable() && self.fails_again() => State::Asking { lost },
            result => State::Done(result),
        }
    }

    fn looked(&mut self, at: FileId, is_folder: bool, error: Error, result: Result<File, Error>) -> State {
        match (result, is_folder) {
            (Ok(folder), true) if folder.kind == FileKind::Trash => self.gone(),
            (Ok(File { parent_id: Some(at), .. }), false) => State::Looking { at, is_folder: true, error },
            (Ok(_), _) => State::Asking { lost: true },
            (Err(absent), _) if is_absent(&absent) => self.gone(),
            (Err(failed), _) if failed.retryable() && self.fails_again() => State::Looking { at, is_folder, error },
            (Err(_), _) => State::Done(Err(error)),
        }
    }
}

impl Task for Delete {
    type Output = Deferred<Ids>;

    fn poll(&mut self, _now: Timestamp, server: &Server) -> TaskStep<Deferred<Ids>> {
        TaskStep::call(match &self.state {
            State::Asking { .. } => {
                let ids = vec![self.id.clone()];
                let delete = match self.permanently {
                    true => DeleteFiles::permanently(ids),
                    false => DeleteFiles::to_trash(ids),
                };
                delete.prepare(server)
            }
            State::Looking { at, .. } => GetFile::new(at.clone()).prepare(server),
            State::Done(result) => return TaskStep::Done(result.clone()),
        })
    }

    fn handle(&mut self, _now: Timestamp, result: Result<http::Response<Bytes>, Error>, _moved: u64) {
        self.state = match std::mem::replace(&mut self.state, State::Asking { lost: true }) {
            State::Asking { lost } => self.asked(lost, result.and_then(DeleteFiles::decode)),
            State::Looking { at, is_folder, error } => {
                self.looked(at, is_folder, error, result.and_then(GetFile::decode))
            }
            State::Done(result) => State::Done(result),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::model::{Fault, Model, Wire};

    const FAULTS: [Fault; 5] =
        [Fault::Lost, Fault::Unsent, Fault::Status(503), Fault::Replaced(502, -1), Fault::Replaced(500, -1)];

    fn model() -> (Model, FileId) {
        let mut model = Model::new();
        model.trash("home", "Trash");
        let folder = model.folder("home", "in");
        let id = model.file(&folder, "a", b"bytes").parse().unwrap();
        (model, id)
    }

    #[test]
    fn a_lost_response_to_a_deletion_is_repeated_and_not_found_means_gone() {
        for fault in FAULTS {
            for at in 0..3 {
                let (mut model, id) = model();
                let mut wire = Wire::breaking(b"", |n, _, _| if n == at { fault } else { Fault::None });
                let _ = wire.run(&mut model, &mut Delete::permanently(id)).unwrap();
                assert!(model.files("/in").is_empty() && model.files("/Trash").is_empty(), "{fault:?} at {at}");
            }
        }
    }

    #[test]
    fn what_went_to_the_trash_is_not_deleted_for_good_by_a_repetition() {
        for fault in FAULTS {
            for at in 0..4 {
                let (mut model, id) = model();
                let mut wire = Wire::breaking(b"", |n, _, _| if n == at { fault } else { Fault::None });
                let _ = wire.run(&mut model, &mut Delete::to_trash(id)).unwrap();
                assert!(model.files("/in").is_empty(), "{fault:?} at {at}");
                assert_eq!(model.files("/Trash")["a"], b"bytes", "{fault:?} at {at}");
            }
        }
    }

    #[test]
    fn what_was_never_there_is_an_error_and_a_dead_server_ends_it() {
        let (mut model, _) = model();
        let nowhere = || "nowhere".parse().unwrap();
        let error = Wire::new(b"").run(&mut model, &mut Delete::permanently(nowhere()));
        assert_eq!(error.unwrap_err().to_string(), "file.delete: not found (code 20, status 404)");
        let mut wire = Wire::breaking(b"", |_, _, _| Fault::Lost);
        let error = wire.run(&mut model, &mut Delete::permanently(nowhere())).unwrap_err();
        assert_eq!((error.may_have_been_executed(), wire.exchanges), (true, 3));
    }
}
