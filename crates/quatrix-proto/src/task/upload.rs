//! From a source to the server.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;

use super::look_up::Finder;
use super::pace::Pace;
use super::partial_name::partial_name;
use super::transfer_event::{Events, TransferEvent};
use super::{Task, TaskStep};
use crate::api::{Clash, DeleteFiles, FinalizeUpload, GetFile, GetUploadLink, ModifyFile, MoveOne, UploadChunk};
use crate::endpoint::{Endpoint, Prepared};
use crate::error::{Error, Invalid};
use crate::id::FileId;
use crate::name::FileName;
use crate::path::RemotePath;
use crate::retry::Rng;
use crate::secret::UploadKey;
use crate::server::Server;
use crate::time::{Timestamp, UnixTime};

mod steps;
#[cfg(test)]
mod tests;

const MIB: u64 = 1024 * 1024;
/// A chunk takes about four seconds (as in the rclone backend), so that little is lost with it.
const PACE: Pace = Pace::new(Duration::from_secs(4), 4 * MIB, 4 * MIB, 100 * MIB);
/// What a driver can hold of a source that cannot go back.
const PIPED_CHUNK: u64 = 8 * MIB;

/// Uploads one file: asks for a key, sends chunk after chunk, finalizes, and compares the size.
///
/// The calls name ranges of the caller's source ([`Prepared::source_range`](crate::Prepared::source_range)), one after
/// the other, each perhaps more than once. The session keeps itself alive between them (Q10).
///
/// What is left on the server:
///
/// - **Done**: the whole file, under its name.
/// - **An error**, or [`cancel`](Self::cancel) and polled to its end: nothing of this upload. A file that it made is
///   deleted, and no other ever is. With [`Clash::Overwrite`] the old file is untouched.
/// - **An error that [may have been executed](Error::may_have_been_executed)**: perhaps an empty file under the new
///   name, if it was the first call whose answer was lost; nobody can tell whose it would be. With
///   [`Clash::Overwrite`]: the old file or the new one under the name, whole, and perhaps one beside it under a
///   temporary name. [`TransferEvent::LeftBehind`] tells of a file that stays, where its id is known.
/// - **Dropped** in the middle: what a lost connection would leave, an unfinished file. With [`Clash::Overwrite`] it has
///   the temporary name.
///
/// With [`Clash::Overwrite`] the upload goes to `NAME.XXXXXXXX.partial` in the same folder, which then takes the place
/// of the old file in one step of the server (as in the rclone backend): at any moment the name holds the old bytes or
/// the new ones.
#[derive(Clone)]
pub struct Upload {
    server: Server,
    target: Target,
    size: u64,
    modified: Option<UnixTime>,
    rewinds: bool,
    pace: Pace,
    rng: Rng,
    /// Part of the temporary name; another one each time.
    suffix: u32,
    openings: u8,
    /// Calls in a row that came to nothing.
    failures: u8,
    /// When the chunk under way was first asked for.
    started: Option<Timestamp>,
    events: Events,
    state: State,
}

/// A file that was uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Uploaded {
    /// Its id.
    pub id: FileId,
    /// The folder it is in, where the server said so.
    pub parent_id: Option<FileId>,
    /// Its name: with [`Clash::Rename`] perhaps not the one that was asked for.
    pub name: String,
    /// Bytes that the server has, which are as many as were sent.
    pub size: u64,
    /// Its modification time, where the server said so.
    pub modified: Option<UnixTime>,
}

#[derive(Clone)]
enum Target {
    New { parent: FileId, name: FileName, clash: Clash },
    InPlace(FileId),
}

/// A file that is being written.
#[derive(Clone)]
struct Written {
    id: FileId,
    key: UploadKey,
    name: String,
}

#[derive(Clone)]
enum State {
    /// A key is asked for.
    Opening {
        asked: bool,
    },
    /// The answer to that was lost: is the temporary file there?
    Seeking {
        finder: Finder,
        error: Error,
    },
    /// All bytes before `offset` are there.
    Sending {
        file: Written,
        offset: u64,
    },
    /// All bytes are there. `lost`: so was an earlier answer.
    Finalizing {
        file: Written,
        lost: bool,
    },
    /// Refused, after an answer that was lost: was it finalized then?
    Verifying {
        file: Written,
        error: Error,
    },
    /// The temporary file takes its place. From the first asking on, nothing is deleted before the server has refused.
    Replacing {
        file: FileId,
        asked: bool,
        lost: bool,
    },
    /// The answer to that was lost: has it been done?
    Comparing {
        file: FileId,
        error: Error,
    },
    /// What this upload made is deleted.
    Deleting {
        file: FileId,
        then: Then,
    },
    Done(Result<Uploaded, Error>),
}

#[derive(Clone)]
enum Then {
    Open,
    End(Error),
}

impl Upload {
    /// Uploads `size` bytes to a new file.
    ///
    /// A name that is taken is an error, unless [`on_clash`](Self::on_clash) says otherwise. The seed makes the
    /// temporary name; it should be another one for each upload.
    pub fn new(server: &Server, parent: FileId, name: FileName, size: u64, seed: u64) -> Self {
        Self::start(server, Target::New { parent, name, clash: Clash::Refuse }, size, seed)
    }

    /// Writes `size` bytes into a file that exists, in place: **its old content is lost first**, whatever happens then.
    ///
    /// The file keeps its id, and nothing is ever deleted. It is for servers without `file.moveone`;
    /// [`Clash::Overwrite`] is safer.
    pub fn in_place(server: &Server, file: FileId, size: u64) -> Self {
        Self::start(server, Target::InPlace(file), size, 0)
    }

    fn start(server: &Server, target: Target, size: u64, seed: u64) -> Self {
        let mut upload = Self {
            server: server.clone(),
            target,
            size,
            modified: None,
            rewinds: true,
            pace: PACE,
            rng: Rng::new(seed),
            suffix: 0,
            openings: 0,
            failures: 0,
            started: None,
            events: Events::default(),
            state: State::Opening { asked: false },
        };
        upload.state = upload.open();
        upload
    }

    /// Says what happens if the name is taken.
    #[must_use]
    pub fn on_clash(mut self, then: Clash) -> Self {
        if let Target::New { clash, .. } = &mut self.target {
            *clash = then;
        }
        self
    }

    /// Sets the modification time of the file.
    #[must_use]
    pub fn modified(mut self, time: UnixTime) -> Self {
        self.modified = Some(time);
        self
    }

    /// Says that the source cannot be read from its start again, as a pipe: the driver keeps no more than the chunk
    /// under way, which is then at most 8 MiB.
    #[must_use]
    pub fn from_pipe(mut self) -> Self {
        self.rewinds = false;
        self.pace = self.pace.at_most(PIPED_CHUNK);
        self
    }

    /// Sends no more than so many bytes at once.
    ///
    /// By default a chunk is as large as what goes through in about four seconds, from 4 MiB to 100 MiB.
    #[must_use]
    pub fn with_chunks_of_at_most(mut self, bytes: u64) -> Self {
        self.pace = self.pace.at_most(bytes.max(1));
        self
    }

    /// Bytes to send.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Takes what happened since the last time.
    pub fn poll_event(&mut self) -> Option<TransferEvent> {
        self.events.pop()
    }

    /// Gives up.
    ///
    /// The call under way is to be dropped, not handled; then the task is polled to its end as before: it deletes what
    /// it has made, and ends with [`Error::Cancelled`]. An upload that has ended stays as it is.
    pub fn cancel(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Done(Err(Error::Cancelled)));
        self.state = self.cancelled(state);
    }

    /// Whether it goes to a temporary name first.
    fn replaces(&self) -> bool {
        matches!(self.target, Target::New { clash: Clash::Overwrite, .. })
    }

    fn open(&mut self) -> State {
        self.suffix = self.rng.next() as u32;
        self.openings += 1;
        State::Opening { asked: false }
    }

    /// The temporary name, cut so that it is one that the server takes.
    fn partial_name(&self, name: &FileName) -> Result<FileName, Invalid> {
        FileName::new(partial_name(name.as_str(), self.suffix, FileName::LONGEST, |_| 1))
    }

    fn opening(&self) -> Result<Prepared, Invalid> {
        match &self.target {
            Target::New { parent, name, clash } => {
                let name = if self.replaces() { self.partial_name(name)? } else { name.clone() };
                let (parent_id, resolve, file_size) = (parent.clone(), *clash == Clash::Rename, Some(self.size));
                GetUploadLink { parent_id, name, resolve, file_size }.prepare(&self.server)
            }
            Target::InPlace(id) => ModifyFile { id: id.clone(), truncate: 0 }.prepare(&self.server),
        }
    }

    /// The search for a temporary file that may have been made.
    fn finder(&self) -> Option<Finder> {
        let Target::New { parent, name, clash: Clash::Overwrite } = &self.target else { return None };
        let name = self.partial_name(name).and_then(|name| RemotePath::new(name.as_str())).ok()?;
        Some(Finder::new(&self.server, Some(parent.clone()), name))
    }

    fn chunk(&self, offset: u64) -> Range<u64> {
        offset..self.size.min(offset.saturating_add(self.pace.next()))
    }

    fn replacing(&self, file: &FileId) -> Result<Prepared, Invalid> {
        let Target::New { parent: target, name, clash } = &self.target else {
            return Err(Invalid::new("target", "is the file itself"));
        };
        let (id, target, name) = (file.clone(), target.clone(), name.clone());
        MoveOne { id, target, name, modified: self.modified, clash: *clash }.prepare(&self.server)
    }
}

impl Task for Upload {
    type Output = Uploaded;

    fn poll(&mut self, now: Timestamp) -> TaskStep<Uploaded> {
        let look_at = |id: &FileId| GetFile { id: id.clone(), content: false };
        match &mut self.state {
            State::Opening { asked } | State::Replacing { asked, .. } => *asked = true,
            State::Sending { .. } => {
                self.started.get_or_insert(now);
            }
            _ => {}
        }
        let server = &self.server;
        TaskStep::call(match &self.state {
            State::Opening { .. } => self.opening(),
            State::Seeking { finder, .. } => finder.call(),
            State::Sending { file, offset } => {
                UploadChunk { key: file.key.clone(), range: self.chunk(*offset), total: self.size }.prepare(server)
            }
            State::Finalizing { file, .. } => {
                FinalizeUpload { key: file.key.clone(), modified: self.modified }.prepare(server)
            }
            State::Verifying { file, .. } => look_at(&file.id).prepare(server),
            State::Replacing { file, .. } => self.replacing(file),
            State::Comparing { file, .. } => look_at(file).prepare(server),
            State::Deleting { file, .. } => DeleteFiles::permanently([file.clone()]).prepare(server),
            State::Done(result) => return TaskStep::Done(result.clone()),
        })
    }

    fn handle(&mut self, now: Timestamp, result: Result<http::Response<Bytes>, Error>, _moved: u64) {
        let state = std::mem::replace(&mut self.state, State::Done(Err(Error::Cancelled)));
        let took = self.started.take().map(|started| now.saturating_since(started)).unwrap_or_default();
        self.state = self.next(state, result, took);
    }
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload").field("server", &self.server).field("size", &self.size).finish_non_exhaustive()
    }
}
