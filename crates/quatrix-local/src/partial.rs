//! Files that appear whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quatrix_proto::task::partial_name;
use quatrix_proto::{Error, UnixTime};

use crate::{local, unusable};

/// Bytes that a name has at most on the usual file systems.
const LONGEST_NAME: usize = 255;

/// A file under a temporary name, which goes away with this value unless it is put in its place.
#[derive(Debug)]
pub struct Partial {
    file: File,
    /// Gone when it has its name.
    temporary: Option<PathBuf>,
    place: PathBuf,
}

impl Partial {
    /// Makes it beside the place where it belongs.
    ///
    /// # Errors
    /// It cannot be made there, or something is in its place that must not be overwritten.
    pub fn beside(place: &Path, overwrite: bool) -> Result<Self, Error> {
        if !overwrite && place.symlink_metadata().is_ok() {
            return Err(local(place, io::ErrorKind::AlreadyExists.into()));
        }
        let name = place.file_name().ok_or_else(|| unusable(place, "it has no name"))?;
        let suffix = RandomState::new().hash_one(()) as u32;
        let name = partial_name(&name.to_string_lossy(), suffix, LONGEST_NAME, char::len_utf8);
        let temporary = place.with_file_name(name);
        let file = OpenOptions::new().write(true).create_new(true).open(&temporary);
        let file = file.map_err(|error| local(&temporary, error))?;
        Ok(Self { file, temporary: Some(temporary), place: place.to_owned() })
    }

    /// The file, to write into.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Another handle of it, to write with.
    ///
    /// # Errors
    /// There are no handles left.
    pub fn writer(&self) -> Result<File, Error> {
        self.file.try_clone().map_err(|error| local(&self.place, error))
    }

    /// Gives it its name, over what is there. Its bytes are on the disk by then, so that even a power cut leaves the old
    /// file or the new one.
    ///
    /// # Errors
    /// It cannot be put there. It is gone then, and what was there is as it was.
    pub fn keep(mut self, modified: Option<UnixTime>) -> Result<(), Error> {
        let kept = match &self.temporary {
            Some(temporary) => finish(&self.file, modified).and_then(|()| fs::rename(temporary, &self.place)),
            None => Ok(()),
        };
        kept.map_err(|error| local(&self.place, error))?;
        self.temporary = None;
        Ok(())
    }
}

fn system_time(time: UnixTime) -> Option<SystemTime> {
    let distance = Duration::from_micros(time.as_micros().unsigned_abs());
    if time.as_micros() < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) }
}

fn finish(file: &File, modified: Option<UnixTime>) -> io::Result<()> {
    if let Some(time) = modified.and_then(system_time) {
        file.set_modified(time)?;
    }
    file.sync_all()
}

impl Drop for Partial {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // Best effort: it may be gone already.
            let _ = fs::remove_file(temporary);
        }
    }
}
