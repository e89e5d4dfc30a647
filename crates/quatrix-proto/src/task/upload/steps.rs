//! What each answer leads to.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use super::state::{By, Placing, State, Target, Then, Wanted, Written};
use super::{Upload, Uploaded};
use crate::api::{
    DeleteFiles, FinalizeUpload, Finalized, GetFile, GetUploadLink, ModifyFile, OnConflict, UploadChunk, UploadLink,
};
use crate::deferred::Deferred;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorCode, TransferError};
use crate::file::File;
use crate::id::FileId;
use crate::task::{TransferEvent, is_absent};
use crate::time::UnixTime;

/// How often in a row one step may come to nothing.
const TRIES: u8 = 3;
/// How often an upload may begin.
const OPENINGS: u8 = 3;

pub(super) type Answer = Result<http::Response<Bytes>, Error>;

impl Upload {
    pub(super) fn next(&mut self, state: State, answer: Answer, took: Duration) -> State {
        match state {
            State::LookingUp { finder, then } => self.looked_up(finder, then, answer),
            State::Opening { .. } => match self.target {
                Target::New { .. } => self.opened(answer.and_then(GetUploadLink::decode)),
                Target::InPlace(_) => self.opened(answer.and_then(ModifyFile::decode)),
            },
            State::Seeking { mut finder, error } => match finder.take(answer) {
                None => State::Seeking { finder, error },
                Some(Ok(found)) => self.sought(found.map(|found| found.id), error),
                Some(Err(refused)) if refused.retryable() && self.fails_again() => State::Seeking { finder, error },
                Some(Err(_)) => State::Done(Err(error)),
            },
            State::Sending { file, offset, lost } => {
                self.sent(file, offset, lost, answer.and_then(UploadChunk::decode), took)
            }
            State::Finalizing { file, lost } => self.finalized(file, lost, answer.and_then(FinalizeUpload::decode)),
            State::Verifying { file, error } => match answer.and_then(GetFile::decode) {
                Ok(found) if found.id == file.id && self.is_finalized(&found) => self.written(self.uploaded(found)),
                Ok(_) | Err(_) => self.start_over(file.id, self.size, error),
            },
            State::Placing(placing) => self.placed(placing, answer),
            State::Comparing { placing, error } => self.compared(placing, error, answer.and_then(GetFile::decode)),
            State::Trashing { placing, old } => self.trashed(placing, old, answer.and_then(DeleteFiles::decode)),
            State::Deleting { file, then } => match answer.and_then(DeleteFiles::decode) {
                Ok(Deferred::Done(deleted)) if deleted.missing(std::slice::from_ref(&file)).is_some() => {
                    self.go_on(Some(file), then)
                }
                Err(error) if is_absent(&error) => self.go_on(None, then),
                // By its id and for good: a second time does no harm.
                Err(error) if (error.retryable() || error.may_have_been_executed()) && self.fails_again() => {
                    State::Deleting { file, then }
                }
                Err(_) => self.go_on(Some(file), then),
                Ok(_) => self.go_on(None, then),
            },
            State::Done(result) => State::Done(result),
        }
    }

    pub(super) fn cancelled(&mut self, state: State) -> State {
        let error = Error::Cancelled;
        self.started = None;
        match state {
            State::Opening { asked: true } | State::Seeking { .. } => match self.finder() {
                Some(finder) => State::Seeking { finder, error },
                None => State::Done(Err(error)),
            },
            State::Sending { file: Written { id, .. }, .. }
            | State::Finalizing { file: Written { id, .. }, .. }
            | State::Verifying { file: Written { id, .. }, .. } => self.give_up(id, error),
            // The old file is on its way to the trash: the only way out is to go on.
            State::Trashing { placing, .. } => Self::rename(placing),
            state @ State::Placing(Placing { trashed: true, .. }) => state,
            State::Placing(placing @ Placing { asked: false, lost: false, .. })
            | State::LookingUp { then: Wanted::Trashed(placing, _), .. } => self.give_up_placing(placing, error),
            State::Placing(placing) | State::Comparing { placing, .. } => {
                State::Comparing { placing: Placing { lost: true, ..placing }, error }
            }
            State::Deleting { file, .. } => State::Deleting { file, then: Then::End(error) },
            State::LookingUp { .. } | State::Opening { asked: false } => State::Done(Err(error)),
            State::Done(result) => State::Done(result),
        }
    }

    fn opened(&mut self, answer: Result<UploadLink, Error>) -> State {
        match answer {
            Ok(link) if matches!(&self.target, Target::InPlace(asked) if *asked != link.file_id) => {
                State::Done(Err(TransferError::OtherFile { id: link.file_id }.into()))
            }
            Ok(UploadLink { file_id, upload_key, name, .. }) => {
                let file = Written { id: file_id, key: upload_key, name };
                self.failures = 0;
                match self.size {
                    0 => State::Finalizing { file, lost: false },
                    _ => State::Sending { file, offset: 0, lost: false },
                }
            }
            Err(error) if error.may_have_been_executed() => match self.finder() {
                Some(finder) => State::Seeking { finder, error },
                None => State::Done(Err(error)),
            },
            // Somebody else's file has the temporary name: there are others.
            Err(error) if is_taken(&error) && self.staged().is_some() && self.openings < OPENINGS => self.open(),
            Err(error) if is_taken(&error) && self.conflict_rule() == Some(OnConflict::Overwrite) => {
                match self.final_finder() {
                    Some(finder) => State::LookingUp { finder, then: Wanted::InPlace(error) },
                    None => State::Done(Err(error)),
                }
            }
            Err(error) => State::Done(Err(error)),
        }
    }

    /// A temporary file that is there was made by this upload: had another one had the name, it would have been refused.
    fn sought(&mut self, found: Option<FileId>, error: Error) -> State {
        let over = matches!(error, Error::Cancelled) || self.openings == OPENINGS;
        let then = if over { Then::End(error) } else { Then::Open };
        match found {
            Some(file) => self.delete(file, then),
            None => self.go_on(None, then),
        }
    }

    fn sent(&mut self, file: Written, offset: u64, lost: bool, answer: Result<(), Error>, took: Duration) -> State {
        match answer {
            Ok(()) => {
                let done = self.chunk(offset).end;
                self.pace.learn(done - offset, took);
                self.failures = 0;
                self.events.push(TransferEvent::Progress { done, total: Some(self.size) });
                match done == self.size {
                    true => State::Finalizing { file, lost: false },
                    false => State::Sending { file, offset: done, lost: false },
                }
            }
            Err(error) if is_void(&error) => self.start_over(file.id, offset, error),
            // Refused for its size alone: it goes in smaller pieces, as do all that come after it.
            Err(error) if !lost && error.status() == Some(StatusCode::PAYLOAD_TOO_LARGE) && self.pace.limit() => {
                self.events.push(TransferEvent::Resumed { at: offset });
                State::Sending { file, offset, lost }
            }
            Err(error) if error.retryable() && self.fails_again() => {
                let lost = lost || error.may_have_been_executed();
                if !lost {
                    self.pace.halve();
                }
                self.events.push(TransferEvent::Resumed { at: offset });
                State::Sending { file, offset, lost }
            }
            Err(error) => self.give_up(file.id, error),
        }
    }

    fn finalized(&mut self, file: Written, lost: bool, answer: Result<Finalized, Error>) -> State {
        match answer {
            // Nothing is deleted either: which of the two files is whose is anybody's guess.
            Ok(finalized) if finalized.id != file.id => {
                self.leave(file.id, TransferError::OtherFile { id: finalized.id }.into())
            }
            Ok(finalized) if finalized.size != self.size => {
                self.give_up(file.id, TransferError::Size { sent: self.size, stored: finalized.size }.into())
            }
            Ok(finalized) => self.written(Uploaded {
                id: finalized.id,
                parent_id: finalized.parent_id,
                name: file.name,
                size: finalized.size,
                modified: self.modified_as_told(finalized.modified),
            }),
            // Once more does no harm: it finalizes the same upload, or is refused.
            Err(error) if (error.retryable() || error.may_have_been_executed()) && self.fails_again() => {
                State::Finalizing { file, lost: lost || error.may_have_been_executed() }
            }
            Err(error) if lost => State::Verifying { file, error },
            Err(error) if is_void(&error) => self.start_over(file.id, self.size, error),
            Err(error) => self.give_up(file.id, error),
        }
    }

    /// An unfinished file may show its full size, too; the very time that was asked for comes from finalizing alone.
    fn is_finalized(&self, file: &File) -> bool {
        file.size == Some(self.size) && self.modified.is_some() && file.modified == self.modified
    }

    /// The whole file is there.
    fn written(&mut self, uploaded: Uploaded) -> State {
        self.failures = 0;
        match self.staged() {
            Some(_) => {
                State::Placing(Placing { id: uploaded.id, by: By::Move, asked: false, lost: false, trashed: false })
            }
            None => State::Done(Ok(uploaded)),
        }
    }

    pub(super) fn uploaded(&self, file: File) -> Uploaded {
        let modified = self.modified_as_told(file.modified);
        Uploaded { id: file.id, parent_id: file.parent_id, name: file.name, size: self.size, modified }
    }

    /// Some answers tell whole seconds of the time that was asked for.
    fn modified_as_told(&self, told: Option<UnixTime>) -> Option<UnixTime> {
        let same = |asked: &UnixTime| told.is_none_or(|told| told.as_secs() == asked.as_secs());
        self.modified.filter(same).or(told)
    }

    fn start_over(&mut self, file: FileId, read: u64, error: Error) -> State {
        if self.openings == OPENINGS {
            return self.give_up(file, error);
        }
        if read > 0 && !self.rewinds {
            return self.give_up(file, TransferError::CannotStartOver.into());
        }
        self.events.push(TransferEvent::StartedOver);
        self.delete(file, Then::Open)
    }

    /// The source has changed: once is bad luck.
    pub(super) fn start_over_changed(&mut self, file: FileId, size: u64, modified: Option<UnixTime>) -> State {
        if self.source_changed || !self.rewinds || self.openings == OPENINGS {
            return self.give_up(file, TransferError::SourceChanged.into());
        }
        self.source_changed = true;
        self.size = size;
        self.modified = self.modified.and(modified);
        self.events.push(TransferEvent::StartedOver);
        self.delete(file, Then::Open)
    }

    pub(super) fn give_up(&mut self, file: FileId, error: Error) -> State {
        self.delete(file, Then::End(error))
    }

    /// Deletes a file that this upload has made, and no other: in place, it has made none.
    fn delete(&mut self, file: FileId, then: Then) -> State {
        self.failures = 0;
        match self.target {
            Target::New { .. } => State::Deleting { file, then },
            Target::InPlace(_) => self.go_on(None, then),
        }
    }

    /// Gives up without touching anything.
    pub(super) fn leave(&mut self, file: FileId, error: Error) -> State {
        self.go_on(Some(file), Then::End(error))
    }

    pub(super) fn go_on(&mut self, left_behind: Option<FileId>, then: Then) -> State {
        if let Some(id) = left_behind {
            let name = self.staged().and_then(|(_, name, _)| self.partial_name(name).ok());
            self.events.push(TransferEvent::LeftBehind { id, name: name.map(|name| name.to_string()) });
        }
        match then {
            Then::Open => self.open(),
            Then::End(error) => State::Done(Err(error)),
        }
    }

    /// Counts a failure of this step; whether it may be tried again.
    pub(super) fn fails_again(&mut self) -> bool {
        self.failures += 1;
        self.failures < TRIES
    }
}

/// Whether the server says that the name is taken.
pub(super) fn is_taken(error: &Error) -> bool {
    error.code() == Some(ErrorCode::EXISTS)
}

/// Whether the key is no longer good. How a server says so is not published: not found, gone, expired, not authorised.
fn is_void(error: &Error) -> bool {
    let Error::Api(api) = error else { return false };
    let by_status = matches!(api.status(), StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND | StatusCode::GONE);
    by_status || is_absent(error) || api.code() == Some(ErrorCode::EXPIRED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::known::answer;

    #[test]
    fn a_key_is_void_when_the_server_does_not_know_it_any_more() {
        let void = |status, json| is_void(&Error::from_answer("upload.chunk", &answer(status, json)));
        assert!(void(404, "") && void(410, "") && void(401, "") && void(404, r#"{"code":20}"#));
        assert!(void(400, r#"{"code":60}"#) && void(400, r#"{"code":90}"#));
        assert!(!void(400, r#"{"code":122}"#) && !void(403, r#"{"code":50}"#) && !void(413, "") && !void(503, ""));
    }
}
