//! Temporary files that earlier transfers have left behind.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use http::header::DATE;

use super::partial_name::{partial_name, partial_stem};
use super::{Task, TaskStep, is_absent};
use crate::api::{Condition, DeleteFiles, SearchFiles};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::file::{File, FileKind};
use crate::id::FileId;
use crate::name::FileName;
use crate::server::Server;
use crate::time::{Timestamp, UnixTime};

/// What is younger may be an upload of another client that is under way.
const MIN_AGE_MICROS: i64 = 24 * 60 * 60 * 1_000_000;
/// From about ten ids on, some servers start a job.
const MAX_BATCH: usize = 10;
/// Calls in a row that may fail.
const TRIES: u8 = 3;

/// Deletes what earlier uploads of the same names have left behind: files called `NAME.XXXXXXXX.partial` in the same
/// folder that were created more than a day ago, by the server's own clock.
///
/// One search finds them. It is best effort: what cannot be found or deleted stays for the next time, and the task ends
/// with the number of files that are gone.
#[derive(Clone, Debug)]
pub struct RemoveLeftovers {
    /// By folder, the names without their endings.
    stems: BTreeMap<FileId, BTreeSet<Box<str>>>,
    now: UnixTime,
    removed: usize,
    failures: u8,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Searching,
    Deleting(VecDeque<Vec<FileId>>),
    Done,
}

impl RemoveLeftovers {
    /// Looks for leftovers of no name yet. `now` is the caller's clock, for a server that does not send its own.
    pub fn new(now: UnixTime) -> Self {
        let (stems, state) = (BTreeMap::new(), State::Searching);
        Self { stems, now, removed: 0, failures: 0, state }
    }

    /// Looks for leftovers of this name in this folder, too.
    pub fn add(&mut self, folder: &FileId, name: &str) {
        // A long name is cut to make room for the ending.
        let partial = partial_name(name, 0, FileName::MAX_LEN, |_| 1);
        if let Some(stem) = partial_stem(&partial) {
            self.stems.entry(folder.clone()).or_default().insert(stem.into());
        }
    }

    /// Looks for leftovers of this name in this folder, too.
    #[must_use]
    pub fn with(mut self, folder: &FileId, name: &str) -> Self {
        self.add(folder, name);
        self
    }

    /// The condition that finds all of them: as narrow as one search can be.
    fn search(&self) -> SearchFiles {
        let mut stems = self.stems.values().flatten();
        let only = stems.next().filter(|_| stems.next().is_none());
        let parts = only.map(|stem| Condition::name(&**stem)).into_iter().chain([Condition::name(".partial")]);
        SearchFiles::all(parts.collect::<Vec<_>>())
    }

    fn is_leftover(&self, file: &File, now: UnixTime) -> bool {
        let is_ours = |folder: &FileId, stem: &str| self.stems.get(folder).is_some_and(|stems| stems.contains(stem));
        // A time of creation that is missing or nothing is not a long time ago.
        let is_old = |created: UnixTime| {
            created.as_micros() > 0 && now.as_micros().saturating_sub(created.as_micros()) > MIN_AGE_MICROS
        };
        file.kind == FileKind::File
            && file.parent_id.as_ref().zip(partial_stem(&file.name)).is_some_and(|(folder, stem)| is_ours(folder, stem))
            && file.created.is_some_and(is_old)
    }

    fn found(&self, now: UnixTime, files: &[File]) -> State {
        let ids: Vec<FileId> =
            files.iter().filter(|file| self.is_leftover(file, now)).map(|file| file.id.clone()).collect();
        State::Deleting(ids.chunks(MAX_BATCH).map(<[_]>::to_vec).collect())
    }

    fn fails_again(&mut self) -> bool {
        self.failures += 1;
        self.failures < TRIES
    }

    fn deleted(&mut self, mut batches: VecDeque<Vec<FileId>>, result: Result<http::Response<Bytes>, Error>) -> State {
        let Some(batch) = batches.pop_front() else { return State::Done };
        match result.and_then(DeleteFiles::decode) {
            Ok(_) => self.removed += batch.len(),
            Err(error) if is_absent(&error) && batch.len() > 1 => {
                // One of them is gone already, and nobody says which.
                batch.into_iter().rev().for_each(|id| batches.push_front(vec![id]));
            }
            Err(error) if is_absent(&error) => self.removed += 1,
            // By their ids and for good: a second time does no harm.
            Err(error) if (error.retryable() || error.may_have_been_executed()) && self.fails_again() => {
                batches.push_front(batch);
                return State::Deleting(batches);
            }
            Err(_) => {}
        }
        self.failures = 0;
        State::Deleting(batches)
    }
}

impl Task for RemoveLeftovers {
    type Output = usize;

    fn poll(&mut self, _now: Timestamp, server: &Server) -> TaskStep<usize> {
        let call = match &self.state {
            State::Searching if !self.stems.is_empty() => Some(self.search().prepare(server)),
            State::Deleting(batches) => {
                batches.front().map(|batch| DeleteFiles::permanently(batch.clone()).prepare(server))
            }
            State::Searching | State::Done => None,
        };
        call.map_or(TaskStep::Done(Ok(self.removed)), TaskStep::call)
    }

    fn handle(&mut self, _now: Timestamp, result: Result<http::Response<Bytes>, Error>, _moved: u64) {
        self.state = match std::mem::replace(&mut self.state, State::Done) {
            State::Searching => {
                let date = result.as_ref().ok().and_then(|response| crate::retry::date(response.headers().get(DATE)?));
                let files = result.and_then(SearchFiles::decode).unwrap_or_default();
                self.found(date.unwrap_or(self.now), &files)
            }
            State::Deleting(batches) => self.deleted(batches, result),
            State::Done => State::Done,
        };
    }
}

#[cfg(test)]
mod tests;
