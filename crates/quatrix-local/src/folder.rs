//! Local folders of transfers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use quatrix_proto::task::{is_aside_name, is_partial_name, partial_name, partial_stem};
use quatrix_proto::{Error, RemotePath};

use crate::{MAX_NAME, Partial, below, folder_of, local, unusable};

#[cfg(test)]
mod tests;

/// Age from which on a temporary file counts as abandoned.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);

/// Local folder of one transfer of one or many files.
///
/// No link below it is followed. Temporary files that a killed transfer has left are removed when a file of the same
/// name is downloaded, if they are more than a day old.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The abandoned temporary files in each folder that a file was downloaded into.
    abandoned: BTreeMap<PathBuf, Vec<PathBuf>>,
    /// The folders that have new entries.
    changed: BTreeSet<PathBuf>,
}

impl Folder {
    /// Returns a folder that exists.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), state: Mutex::default() }
    }

    /// Returns a folder, which is created with those above it if it does not exist.
    ///
    /// # Errors
    /// It cannot be created.
    pub fn create(root: impl Into<PathBuf>) -> Result<Self, Error> {
        let folder = Self::new(root);
        folder.make_root()?;
        Ok(folder)
    }

    fn make_root(&self) -> Result<(), Error> {
        let missing: Vec<_> = self.root.ancestors().take_while(|above| is_missing(above)).map(folder_of).collect();
        fs::create_dir_all(&self.root).map_err(|error| local(&self.root, error))?;
        self.state().changed.extend(missing.into_iter().map(Path::to_owned));
        Ok(())
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Returns the local path of a remote path below it.
    ///
    /// # Errors
    /// A name cannot be used on this system, or one of the folders on the way is a link.
    pub fn place(&self, path: &RemotePath) -> Result<PathBuf, Error> {
        let place = below(&self.root, path)?;
        let folders = path.segments().count().saturating_sub(1);
        place.ancestors().skip(1).take(folders).try_for_each(refuse_link)?;
        Ok(place)
    }

    /// Creates the folder itself with those above it, or a folder below it, whose parent exists.
    ///
    /// # Errors
    /// It cannot be created, or a file or link has its path, even a link to a folder.
    pub fn make(&self, place: &Path) -> Result<(), Error> {
        if place == self.root {
            return self.make_root();
        }
        match fs::create_dir(place) {
            Ok(()) => {
                self.state().changed.insert(folder_of(place).to_owned());
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                refuse_link(place)?;
                if place.is_dir() { Ok(()) } else { Err(local(place, error)) }
            }
            Err(error) => Err(local(place, error)),
        }
    }

    /// Deletes exactly these files and folders, in this order; a folder only if it is empty by then. A path that does not
    /// exist is no error.
    ///
    /// # Errors
    /// The first that cannot be deleted; the rest is kept.
    pub fn delete(&self, items: &[(RemotePath, bool)]) -> Result<(), Error> {
        items.iter().try_for_each(|(path, is_folder)| {
            let place = self.place(path)?;
            let deleted = if *is_folder { fs::remove_dir(&place) } else { fs::remove_file(&place) };
            match deleted {
                Err(error) if error.kind() != ErrorKind::NotFound => Err(local(&place, error)),
                _ => Ok(()),
            }
        })
    }

    /// Renames a file or folder within its parent.
    ///
    /// # Errors
    /// It cannot be renamed, or the new name is taken.
    pub fn rename(&self, from: &RemotePath, to: &RemotePath) -> Result<(), Error> {
        let (from, to) = (self.place(from)?, self.place(to)?);
        if to.symlink_metadata().is_ok() {
            return Err(local(&to, ErrorKind::AlreadyExists.into()));
        }
        fs::rename(&from, &to).map_err(|error| local(&from, error))?;
        self.state().changed.insert(folder_of(&to).to_owned());
        Ok(())
    }

    /// Creates a temporary file beside `path`, and removes abandoned ones of the same name.
    ///
    /// # Errors
    /// As [`Partial::beside`].
    pub fn partial(&self, place: &Path, overwrite: bool) -> Result<Partial, Error> {
        let folder = folder_of(place).to_owned();
        let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut state = self.state();
        let abandoned = state.abandoned.entry(folder.clone()).or_insert_with(|| abandoned_in(&folder));
        abandoned.retain(|path| !(is_partial_of(&name, path) && fs::remove_file(path).is_ok()));
        state.changed.insert(folder);
        drop(state);
        Partial::beside(place, overwrite)
    }

    /// Writes the names of new files in it and below to the disk, so that they survive a power cut.
    ///
    /// # Errors
    /// The disk fails.
    pub fn sync(&self) -> Result<(), Error> {
        let changed = std::mem::take(&mut self.state().changed);
        changed.iter().try_for_each(|folder| sync_folder(folder))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks that a path is not a link.
///
/// # Errors
/// It is a link.
pub fn refuse_link(path: &Path) -> Result<(), Error> {
    match path.is_symlink() {
        true => Err(unusable(path, "it is a link, which downloads do not follow")),
        false => Ok(()),
    }
}

fn is_missing(folder: &Path) -> bool {
    !folder.as_os_str().is_empty() && folder.metadata().is_err()
}

fn abandoned_in(folder: &Path) -> Vec<PathBuf> {
    let now = SystemTime::now();
    let is_abandoned = |entry: &fs::DirEntry| {
        let is_old = |modified| now.duration_since(modified).is_ok_and(|age| age > ABANDONED);
        entry.file_name().to_str().is_some_and(|name| is_partial_name(name) && !is_aside_name(name))
            && entry.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.modified().is_ok_and(is_old))
    };
    fs::read_dir(folder).into_iter().flatten().flatten().filter(is_abandoned).map(|entry| entry.path()).collect()
}

fn is_partial_of(name: &str, path: &Path) -> bool {
    let made = partial_name(name, 0, MAX_NAME, char::len_utf8);
    path.file_name().and_then(|found| partial_stem(found.to_str()?)) == partial_stem(&made)
}

/// Writes the entries of a folder to the disk, where the system has that.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), Error> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    match File::open(folder).and_then(|opened| opened.sync_all()) {
        Err(error) if !cannot_be_synced(&error) => Err(local(folder, error)),
        _ => Ok(()),
    }
}

/// A folder that is gone or cannot be read, and file systems that do not sync folders.
fn cannot_be_synced(error: &io::Error) -> bool {
    use ErrorKind::{InvalidInput, NotFound, PermissionDenied, Unsupported};
    matches!(error.kind(), InvalidInput | NotFound | PermissionDenied | Unsupported)
}
