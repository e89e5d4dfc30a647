//! From the server into a sink.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use super::chunk_sizer::ChunkSizer;
use super::transfer_event::{Events, TransferEvent};
use super::{Task, TaskStep, is_absent};
use crate::api::{FilePart, GetDownloadLink, GetFile, ReadLink};
use crate::endpoint::{Endpoint, Prepared};
use crate::error::{
    Error, ErrorCode, Invalid, InvalidResponse, InvalidResponseKind, TransferError, TransportError, TransportErrorKind,
};
use crate::file::File;
use crate::id::FileId;
use crate::secret::DownloadLink;
use crate::server::Server;
use crate::time::{Timestamp, UnixTime};

#[cfg(test)]
mod tests;

const MIB: u64 = 1024 * 1024;
/// A range takes about a minute: each begins with a call that keeps the session alive, which reading may not (Q10).
const PACE: ChunkSizer = ChunkSizer::new(Duration::from_secs(60), 4 * MIB, 16 * MIB, 64 * 1024 * MIB);
/// How often in a row nothing may come of it.
const TRIES: u8 = 3;
/// What must arrive for a cut connection not to count as nothing.
const SOME: u64 = 64 * 1024;

/// Downloads one file, or several ids as a ZIP: a link, the bytes behind it, and what is missing with a new link.
///
/// Bytes go straight into the caller's sink, in order, each once. A large file comes in ranges; a cut connection is
/// taken up where the sink stands. A server that answers a range with the whole is noticed, and what the sink has
/// already is skipped. Bytes of two versions of a file are never put together: id, size and modification time are
/// compared before each further range and once more at the end, and a difference ends the download.
///
/// On an error, or when it is dropped, the sink holds some bytes from the start and nothing is left on the server. A
/// driver that writes to a path writes under a temporary name until the task is done.
#[derive(Clone)]
pub struct Download {
    what: What,
    pace: ChunkSizer,
    /// Bytes that the sink has.
    done: u64,
    /// Answers that brought some.
    parts: u32,
    /// Calls in a row that brought nothing.
    failures: u8,
    started: Option<Timestamp>,
    events: Events,
    state: State,
}

/// What a download came to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Downloaded {
    /// Bytes that went into the sink.
    pub size: u64,
    /// The modification time of the file, where known.
    pub modified: Option<UnixTime>,
}

#[derive(Clone)]
enum What {
    File { id: FileId, size: Option<u64>, modified: Option<UnixTime> },
    Zip(Vec<FileId>),
}

#[derive(Clone)]
enum State {
    /// What file is it?
    Asking,
    Linking,
    Reading {
        link: DownloadLink,
    },
    /// The sink holds bytes of an earlier response: is it still the same file?
    Checking,
    Done(Result<Downloaded, Error>),
}

impl Download {
    /// Downloads a file by its id alone: one call more, to know its size.
    pub fn by_id(id: FileId) -> Self {
        Self::start(What::File { id, size: None, modified: None }, State::Asking)
    }

    /// Downloads a file that has been listed or looked at a moment ago.
    ///
    /// A listing that reports an empty file is not believed: the file is asked for once more, since what the sink
    /// replaces would be lost.
    pub fn file(file: &File) -> Self {
        let what = What::File { id: file.id.clone(), size: file.size, modified: file.modified };
        let state = if file.size == Some(0) { State::Asking } else { State::Linking };
        Self::start(what, state)
    }

    /// Downloads a folder, or several files and folders, as one ZIP.
    ///
    /// The server makes it while it sends, so its size is not known, and a connection that is cut ends it with an
    /// error.
    pub fn zip(ids: impl Into<Vec<FileId>>) -> Self {
        Self::start(What::Zip(ids.into()), State::Linking)
    }

    fn start(what: What, state: State) -> Self {
        let events = Events::default();
        let mut download = Self { what, pace: PACE, done: 0, parts: 0, failures: 0, started: None, events, state };
        if let State::Linking = download.state {
            download.state = download.more();
        }
        download
    }

    /// Goes on after so many bytes, which an earlier download of this very version of the file has left in the sink.
    ///
    /// That it is the same version is the caller's to know, by id, size and time; they are compared before the next byte
    /// and at the end.
    #[must_use]
    pub fn after(mut self, done: u64) -> Self {
        self.done = done;
        self.parts = u32::from(done > 0);
        if let State::Linking | State::Done(_) = self.state {
            self.state = self.more();
        }
        self
    }

    /// Asks for no more than so many bytes at once.
    ///
    /// By default a range is as large as what comes in about a minute, from 4 MiB up.
    #[must_use]
    pub fn with_max_range(mut self, bytes: u64) -> Self {
        self.pace = self.pace.at_most(bytes.max(1));
        self
    }

    /// Bytes of the whole, where known so far.
    pub fn size(&self) -> Option<u64> {
        match self.what {
            What::File { size, .. } => size,
            What::Zip(_) => None,
        }
    }

    /// Bytes that the sink has.
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Takes what happened since the last time.
    pub fn poll_event(&mut self) -> Option<TransferEvent> {
        self.events.pop()
    }

    fn read(&self, server: &Server, link: &DownloadLink) -> Result<Prepared, Invalid> {
        let mut read = ReadLink::new(link.clone()).starting_at(self.done);
        if let Some(size) = self.size() {
            read = read.of(size);
            let end = self.done.saturating_add(self.pace.next());
            if end < size {
                read = read.until(end);
            }
        }
        read.prepare(server)
    }

    /// What is missing is asked for with a new link; when nothing is, this is the end. Bytes of two responses are joined
    /// only if the file is the same.
    fn more(&self) -> State {
        match self.what {
            What::Zip(_) => State::Linking,
            What::File { .. } if self.parts > u32::from(self.is_complete()) => State::Checking,
            What::File { .. } => self.linking_or_done(),
        }
    }

    fn linking_or_done(&self) -> State {
        match self.what {
            What::File { modified, .. } if self.is_complete() => {
                State::Done(Ok(Downloaded { size: self.done, modified }))
            }
            _ => State::Linking,
        }
    }

    fn is_complete(&self) -> bool {
        self.size() == Some(self.done)
    }

    fn asked(&mut self, answer: Result<File, Error>) -> State {
        match answer {
            Ok(file) => {
                self.what = What::File { id: file.id, size: file.size, modified: file.modified };
                self.more()
            }
            Err(error) => State::Done(Err(error)),
        }
    }

    /// Takes note of bytes that have reached the sink.
    fn took(&mut self, moved: u64) {
        self.done += moved;
        self.parts += u32::from(moved > 0);
        if moved > 0 {
            self.events.push(TransferEvent::Progress { done: self.done, total: self.size() });
        }
    }

    fn received(&mut self, part: FilePart, status: StatusCode, moved: u64) -> State {
        let What::File { size, .. } = &mut self.what else {
            return State::Done(Ok(Downloaded { size: self.done, modified: None }));
        };
        // Where the size was not known, everything was asked for.
        let whole = *size.get_or_insert(part.total.or(part.end).unwrap_or(self.done));
        let end = part.end.unwrap_or(whole);
        match self.done < end {
            true => self.cut(TransportError::maybe_sent(TransportErrorKind::Interrupted).into(), moved),
            false if self.done > end || (moved == 0 && self.done < whole) => {
                State::Done(Err(InvalidResponse::new("file.download", status, InvalidResponseKind::Range).into()))
            }
            false => {
                self.failures = 0;
                self.more()
            }
        }
    }

    fn cut(&mut self, error: Error, moved: u64) -> State {
        if self.is_complete() {
            return self.more();
        }
        self.failures = if moved >= SOME { 1 } else { self.failures + 1 };
        let zip = matches!(self.what, What::Zip(_));
        if !(error.retryable() || is_void(&error)) || self.failures == TRIES || (zip && self.done > 0) {
            return State::Done(Err(error));
        }
        self.events.push(TransferEvent::Resumed { at: self.done });
        self.more()
    }

    fn checked(&self, answer: Result<File, Error>) -> State {
        let What::File { id, size, modified } = &self.what else { return State::Linking };
        let is_same = |file: &File| {
            let times = file.modified.zip(*modified);
            file.id == *id
                && file.size.zip(*size).is_none_or(|(a, b)| a == b)
                && times.is_none_or(|(a, b)| a.is_same_version(b))
        };
        match answer {
            Ok(file) if is_same(&file) => self.linking_or_done(),
            Ok(_) => State::Done(Err(TransferError::Changed.into())),
            Err(error) if is_absent(&error) && self.is_complete() => State::Done(Err(TransferError::Changed.into())),
            Err(error) => State::Done(Err(error)),
        }
    }
}

impl Task for Download {
    type Output = Downloaded;

    fn poll(&mut self, now: Timestamp, server: &Server) -> TaskStep<Downloaded> {
        TaskStep::call(match (&self.state, &self.what) {
            (State::Done(result), _) => return TaskStep::Done(result.clone()),
            (State::Linking, What::Zip(ids)) => GetDownloadLink::new(ids.clone()).prepare(server),
            (State::Linking, What::File { id, .. }) => GetDownloadLink::new(vec![id.clone()]).prepare(server),
            (State::Reading { link }, _) => {
                self.started.get_or_insert(now);
                self.read(server, link)
            }
            (State::Asking | State::Checking, What::File { id, .. }) => GetFile::new(id.clone()).prepare(server),
            (State::Asking | State::Checking, What::Zip(_)) => Err(Invalid::new("ids", "are of a ZIP")),
        })
    }

    fn handle(&mut self, now: Timestamp, result: Result<http::Response<Bytes>, Error>, moved: u64) {
        self.state = match self.state {
            State::Asking => self.asked(result.and_then(GetFile::decode)),
            State::Linking => match result.and_then(GetDownloadLink::decode) {
                Ok(link) => State::Reading { link },
                Err(error) => State::Done(Err(error)),
            },
            State::Reading { .. } => {
                let took = self.started.take().map(|started| now.saturating_since(started)).unwrap_or_default();
                self.took(moved);
                let status = result.as_ref().map_or(StatusCode::OK, http::Response::status);
                match result.and_then(ReadLink::decode) {
                    Ok(part) => {
                        self.pace.learn(moved, took);
                        self.received(part, status, moved)
                    }
                    Err(_) if status == StatusCode::RANGE_NOT_SATISFIABLE => {
                        State::Done(Err(TransferError::Changed.into()))
                    }
                    Err(error) => self.cut(error, moved),
                }
            }
            State::Checking => self.checked(result.and_then(GetFile::decode)),
            State::Done(_) => return,
        };
    }
}

/// Whether the link is no longer good. A new one will tell whether the file is.
fn is_void(error: &Error) -> bool {
    let Error::Api(api) = error else { return false };
    matches!(api.status(), StatusCode::NOT_FOUND | StatusCode::GONE) || api.code() == Some(ErrorCode::EXPIRED)
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Download").field("done", &self.done).finish_non_exhaustive()
    }
}
