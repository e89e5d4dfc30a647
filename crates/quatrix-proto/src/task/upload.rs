//! From a source to the server.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;

use super::chunk_sizer::ChunkSizer;
use super::look_up::Finder;
use super::partial_name::partial_name;
use super::transfer_event::{Events, TransferEvent};
use super::{Task, TaskStep};
use crate::api::{
    DeleteFiles, FinalizeUpload, GetFile, GetUploadLink, ModifyFile, MoveOne, OnConflict, RenameFile, UploadChunk,
};
use crate::endpoint::{Endpoint, Prepared};
use crate::error::{Error, Invalid};
use crate::id::FileId;
use crate::name::FileName;
use crate::path::RemotePath;
use crate::retry::Rng;
use crate::server::Server;
use crate::time::{Timestamp, UnixTime};

mod place;
mod state;
mod steps;
#[cfg(test)]
mod tests;

use state::{By, FirstName, Placing, State, Target, Wanted};

const MIB: u64 = 1024 * 1024;
/// A chunk takes about four seconds (as in the rclone backend), so that little is lost with it.
const PACE: ChunkSizer = ChunkSizer::new(Duration::from_secs(4), 4 * MIB, 4 * MIB, 100 * MIB);
/// What a driver can hold of a source that cannot go back.
const PIPED_CHUNK: u64 = 8 * MIB;

/// Uploads one file: asks for a key, sends chunk after chunk, finalizes, compares the size, and gives it its name.
///
/// The calls name ranges of the caller's source ([`Prepared::source_range`](crate::Prepared::source_range)), one after
/// the other, each perhaps more than once. The session keeps itself alive between them (Q10).
///
/// The file is uploaded to `NAME.XXXXXXXX.partial` in the same folder and takes its final name in one step of the
/// server (`file.moveone`, as in the rclone backend; without that, `file.rename`): at any moment the name holds nothing,
/// the old bytes, or all of the new ones. [`under_final_name`](Self::under_final_name) gives that up.
///
/// What is left on the server:
///
/// - **Done**: the whole file, under its name.
/// - **An error**, or [`cancel`](Self::cancel) and polled to its end: nothing of this upload. A file that it made is
///   deleted, and no other ever is. With [`OnConflict::Overwrite`] the old file is untouched.
/// - **An error after the last step may have been executed**: the old file or the new one under the name, whole, and
///   perhaps one beside it under the temporary name. Before anything is deleted then, its name is looked at.
/// - **[`TransferError::Misplaced`](crate::TransferError::Misplaced)**: the whole file, under the name that the error shows.
/// - **Dropped** in the middle: what a lost connection would leave, an unfinished file under the temporary name.
///
/// [`TransferEvent::LeftBehind`] tells of a file that stays, where its id is known. [`RemoveLeftovers`](
/// super::RemoveLeftovers) deletes those of an earlier run.
#[derive(Clone)]
pub struct Upload {
    target: Target,
    size: u64,
    modified: Option<UnixTime>,
    rewinds: bool,
    pace: ChunkSizer,
    rng: Rng,
    /// Part of the temporary name; another one each time.
    suffix: u32,
    openings: u8,
    /// Whether the name was looked up before the first byte.
    looked: bool,
    /// Whether the source has changed once.
    source_changed: bool,
    /// Whether a file may be replaced in two steps, where one is not to be had.
    in_two_steps: bool,
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
    /// Its name: with [`OnConflict::Rename`] perhaps not the one that was asked for.
    pub name: String,
    /// Bytes that the server has, which are as many as were sent.
    pub size: u64,
    /// Its modification time, where the server said so.
    pub modified: Option<UnixTime>,
}

impl Upload {
    /// Uploads `size` bytes to a new file.
    ///
    /// A name that is taken is an error, unless [`on_conflict`](Self::on_conflict) says otherwise. The seed makes the
    /// temporary name; it should be another one for each upload.
    pub fn new(parent: FileId, name: FileName, size: u64, seed: u64) -> Self {
        let target = Target::New { parent, name, on_conflict: OnConflict::Refuse, first_name: FirstName::Temporary };
        Self::start(target, size, seed)
    }

    /// Writes `size` bytes into a file that exists, in place: **its old content is lost first**, whatever happens then.
    ///
    /// The file keeps its id, and nothing is ever deleted. It is for servers without `file.moveone`;
    /// [`OnConflict::Overwrite`] is safer.
    pub fn in_place(file: FileId, size: u64) -> Self {
        Self::start(Target::InPlace(file), size, 0)
    }

    fn start(target: Target, size: u64, seed: u64) -> Self {
        let mut upload = Self {
            target,
            size,
            modified: None,
            rewinds: true,
            pace: PACE,
            rng: Rng::new(seed),
            suffix: 0,
            openings: 0,
            looked: false,
            source_changed: false,
            in_two_steps: false,
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
    pub fn on_conflict(mut self, then: OnConflict) -> Self {
        if let Target::New { on_conflict, .. } = &mut self.target {
            *on_conflict = then;
        }
        self
    }

    /// Uploads straight under the final name, for servers whose automations react to names: until the upload is
    /// complete, and after a failure, an unfinished file may have it.
    ///
    /// With [`OnConflict::Overwrite`] a file that is there is written into, as by [`in_place`](Self::in_place).
    #[must_use]
    pub fn under_final_name(mut self) -> Self {
        if let Target::New { first_name, .. } = &mut self.target {
            *first_name = FirstName::Final;
        }
        self
    }

    /// Replaces a file in two steps where the server has no `file.moveone`: the old file goes to the trash, then the new
    /// one, which is whole by then, takes its name. In between nothing has the name.
    ///
    /// Without this such an upload ends with [`TransferError::CannotReplace`](crate::TransferError::CannotReplace).
    /// [`TransferEvent::InTwoSteps`] tells when it happens.
    #[must_use]
    pub fn replace_in_two_steps(mut self) -> Self {
        self.in_two_steps = true;
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
    pub fn with_max_chunk(mut self, bytes: u64) -> Self {
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

    /// Whether the next call finalizes: a driver that can tell checks by then whether the source has changed since it
    /// was opened, and reports that to [`source_changed`](Self::source_changed) before it polls.
    pub fn is_about_to_finalize(&self) -> bool {
        matches!(self.state, State::Finalizing { .. })
    }

    /// Takes note that the source has changed while it was read: what was sent may be neither the old nor the new
    /// version. The upload starts over once, with this size and time; the second time it ends with
    /// [`TransferError::SourceChanged`](crate::TransferError::SourceChanged).
    pub fn source_changed(&mut self, size: u64, modified: Option<UnixTime>) {
        let state = std::mem::replace(&mut self.state, State::Done(Err(Error::Cancelled)));
        self.state = match state {
            State::Finalizing { file, .. } => self.start_over_changed(file.id, size, modified),
            state => state,
        };
    }

    /// The place of a file that goes to a temporary name first.
    fn staged(&self) -> Option<(&FileId, &FileName, OnConflict)> {
        match &self.target {
            Target::New { parent, name, on_conflict, first_name: FirstName::Temporary } => {
                Some((parent, name, *on_conflict))
            }
            Target::New { .. } | Target::InPlace(_) => None,
        }
    }

    fn open(&mut self) -> State {
        self.suffix = self.rng.next() as u32;
        self.openings += 1;
        State::Opening { asked: false }
    }

    /// The temporary name, cut so that it is one that the server takes.
    fn partial_name(&self, name: &FileName) -> Result<FileName, Invalid> {
        FileName::new(partial_name(name.as_str(), self.suffix, FileName::MAX_LEN, |_| 1))
    }

    fn opening(&self, server: &Server) -> Result<Prepared, Invalid> {
        match &self.target {
            Target::New { parent, name, on_conflict, first_name } => {
                let (name, resolve) = match first_name {
                    FirstName::Temporary => (self.partial_name(name)?, false),
                    FirstName::Final => (name.clone(), *on_conflict == OnConflict::Rename),
                };
                let link = GetUploadLink::new(parent.clone(), name).file_size(self.size);
                let link = if resolve { link.rename_on_conflict() } else { link };
                link.prepare(server)
            }
            Target::InPlace(id) => ModifyFile::new(id.clone(), 0).prepare(server),
        }
    }

    /// The search for what has the final name.
    fn final_finder(&self) -> Option<Finder> {
        let Target::New { parent, name, .. } = &self.target else { return None };
        let path = RemotePath::new(name.as_str()).ok()?;
        Some(Finder::new(Some(parent.clone()), path))
    }

    /// The search for a temporary file that may have been made.
    fn finder(&self) -> Option<Finder> {
        let (parent, name, _) = self.staged()?;
        let name = self.partial_name(name).and_then(|name| RemotePath::new(name.as_str())).ok()?;
        Some(Finder::new(Some(parent.clone()), name))
    }

    fn chunk(&self, offset: u64) -> Range<u64> {
        offset..self.size.min(offset.saturating_add(self.pace.next()))
    }

    fn placing(&self, server: &Server, Placing { id, by, .. }: &Placing) -> Result<Prepared, Invalid> {
        let Some((target, name, on_conflict)) = self.staged() else {
            return Err(Invalid::new("target", "is the file itself"));
        };
        let (id, target, name) = (id.clone(), target.clone(), name.clone());
        match by {
            By::Move => MoveOne::new(id, target, name).modified(self.modified).on_conflict(on_conflict).prepare(server),
            By::Rename => {
                let rename = RenameFile::new(id, name);
                let rename = if on_conflict == OnConflict::Rename { rename.rename_on_conflict() } else { rename };
                rename.prepare(server)
            }
        }
    }
}

impl Task for Upload {
    type Output = Uploaded;

    fn poll(&mut self, now: Timestamp, server: &Server) -> TaskStep<Uploaded> {
        let look_at = |id: &FileId| GetFile::new(id.clone());
        // Here and not in a constructor, since the setters come after that.
        if let State::Opening { asked: false } = self.state
            && let Some(finder) = self.first_look()
        {
            self.state = State::LookingUp { finder, then: Wanted::Absent };
        }
        match &mut self.state {
            State::Opening { asked } | State::Placing(Placing { asked, .. }) => *asked = true,
            State::Sending { .. } => {
                self.started.get_or_insert(now);
            }
            _ => {}
        }
        TaskStep::call(match &self.state {
            State::Opening { .. } => self.opening(server),
            State::LookingUp { finder, .. } | State::Seeking { finder, .. } => finder.call(server),
            State::Sending { file, offset, .. } => {
                UploadChunk::new(file.key.clone(), self.chunk(*offset), self.size).prepare(server)
            }
            State::Finalizing { file, .. } => {
                FinalizeUpload::new(file.key.clone()).modified(self.modified).prepare(server)
            }
            State::Verifying { file, .. } => look_at(&file.id).prepare(server),
            State::Placing(placing) => self.placing(server, placing),
            State::Comparing { placing, .. } => look_at(&placing.id).prepare(server),
            State::Trashing { old, .. } => DeleteFiles::to_trash([old.clone()]).prepare(server),
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
        f.debug_struct("Upload").field("size", &self.size).finish_non_exhaustive()
    }
}
