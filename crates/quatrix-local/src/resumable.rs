//! Downloads that a later run of the program continues.
//!
//! After a power cut the end of a file may be missing or filled with zeros. So the file is synced to the disk every few
//! MiB, a later run drops as much from its end, and compares the bytes before that with the server's.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use fs4::FileExt;
use quatrix_proto::{Error, FileId, UnixTime};
use tempfile::TempPath;

use crate::folder::sync_folder;
use crate::partial::{Place, permissions_of_new_file};
use crate::{Access, MAX_NAME, NotPrivate, NotPrivateReason, folder_of, local, open_private, unusable};

#[cfg(test)]
mod tests;

const MIB: u64 = 1024 * 1024;
/// Maximum number of bytes that are not yet on the disk.
const UNSYNCED: u64 = 4 * MIB;
/// Number of bytes compared before the rest is appended.
const COMPARED: u64 = MIB;
const EXTENSION: &str = ".part";
/// Hexadecimal digits: eight of the name's hash, sixteen of the version's.
const DIGITS: usize = 8 + 16;

/// Partial download of one version of a remote file: `NAME.VERSION.part` beside the final path. Only its owner can read
/// it, and dropping this value keeps it.
///
/// As a [`Write`], it takes the bytes of the version from [`kept`](Self::kept) on.
#[derive(Debug)]
pub struct Resumable {
    file: File,
    path: PathBuf,
    place: Place,
    kept: u64,
    /// Number of bytes still to compare.
    to_compare: u64,
    unsynced: u64,
    differs: bool,
    sync: fn(&File) -> io::Result<()>,
}

impl Resumable {
    /// Opens or creates it, and removes those of other versions.
    ///
    /// # Errors
    /// It cannot be created, another process writes it, it is not private, or the file at `path` must not be
    /// replaced.
    pub fn beside(
        path: &Path,
        (id, size, modified): (&FileId, u64, Option<UnixTime>),
        overwrite: bool,
    ) -> Result<Self, Error> {
        let place = Place::new(path, overwrite)?;
        let name = path.file_name().ok_or_else(|| unusable(path, "it has no name"))?;
        let version = hash(&(id.as_str(), size, modified.map(UnixTime::as_micros)));
        let (shown, hash_of_name) = (name.to_string_lossy(), hash(&name.as_encoded_bytes()) as u32);
        let of_name = Name { stem: stem(&shown), hash: hash_of_name };
        let path = path.with_file_name(of_name.with(version));
        of_name.remove_others(&path);
        let file = open_locked(&path)?;
        let mut part =
            Self { file, path, place, kept: 0, to_compare: 0, unsynced: 0, differs: false, sync: File::sync_data };
        part.go_back(size).map_err(|error| local(&part.path, error))?;
        Ok(part)
    }

    /// Returns the number of bytes that need not be downloaded again.
    pub fn kept(&self) -> u64 {
        self.kept
    }

    /// Returns its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns its size in bytes.
    pub fn len(&self) -> u64 {
        self.file.metadata().map_or(0, |metadata| metadata.len())
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Empties it if its bytes differ from the server's. Returns whether they did.
    ///
    /// # Errors
    /// It cannot be emptied.
    pub fn start_over(&mut self) -> Result<bool, Error> {
        if !self.differs {
            return Ok(false);
        }
        self.file.set_len(0).map_err(|error| local(&self.path, error))?;
        (self.kept, self.to_compare, self.unsynced, self.differs) = (0, 0, 0, false);
        Ok(true)
    }

    /// Gives it its name and time, and the mode of the file that it replaces or of any new file. It is on the disk by
    /// then, under that name.
    ///
    /// # Errors
    /// It cannot be put there. It stays what it is then.
    pub fn keep(self, modified: Option<UnixTime>) -> Result<(), Error> {
        let mut temporary = TempPath::try_from_path(&self.path).map_err(|error| local(&self.path, error))?;
        temporary.disable_cleanup(true);
        let new = permissions_of_new_file(&self.path)?;
        self.place.put_private(&self.file, temporary, modified, new)?;
        sync_folder(folder_of(&self.path))
    }

    /// Removes it.
    pub fn discard(self) {
        // If it stays, its version is only found to have changed again.
        let _ = fs::remove_file(&self.path);
    }

    fn go_back(&mut self, size: u64) -> io::Result<()> {
        let len = self.file.metadata()?.len();
        let synced = if len > size { 0 } else { len.saturating_sub(UNSYNCED) };
        self.file.set_len(synced)?;
        self.kept = synced.saturating_sub(COMPARED);
        self.to_compare = synced - self.kept;
        self.file.seek(SeekFrom::Start(self.kept)).map(drop)
    }

    fn compare(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut kept = vec![0; bytes.len()];
        self.file.read_exact(&mut kept)?;
        self.differs = kept != bytes;
        self.to_compare -= bytes.len() as u64;
        match self.differs {
            true => Err(io::Error::new(io::ErrorKind::InvalidData, "what was kept differs from what the server sends")),
            false => Ok(bytes.len()),
        }
    }
}

impl Write for Resumable {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let at_most = |limit: u64| &bytes[..bytes.len().min(usize::try_from(limit).unwrap_or(usize::MAX))];
        if self.to_compare > 0 {
            return self.compare(at_most(self.to_compare));
        }
        if self.unsynced == UNSYNCED {
            (self.sync)(&self.file)?;
            self.unsynced = 0;
        }
        let written = self.file.write(at_most(UNSYNCED - self.unsynced))?;
        self.unsynced += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Opens it for this process alone.
fn open_locked(path: &Path) -> Result<File, Error> {
    loop {
        let file = open_private(path, Access::Append).map_err(not_private)?;
        if FileExt::try_lock(&file).is_err() {
            return Err(local(path, io::Error::new(io::ErrorKind::WouldBlock, "another process writes it")));
        }
        // Whoever had the lock may have put it in its place, or removed it, before it was locked here.
        if is_at(&file, path).map_err(|error| local(path, error))? {
            return Ok(file);
        }
    }
}

fn not_private(NotPrivate { path, reason }: NotPrivate) -> Error {
    let why = match reason {
        NotPrivateReason::Io(error) => error,
        reason => {
            let text = format!("{reason}; remove it, and the download starts over");
            io::Error::new(io::ErrorKind::PermissionDenied, text)
        }
    };
    local(&path, why)
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let (opened, there) = (file.metadata()?, path.symlink_metadata());
    Ok(there.is_ok_and(|there| (there.dev(), there.ino()) == (opened.dev(), opened.ino())))
}

/// A file that is open keeps its name there.
#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> io::Result<bool> {
    path.try_exists()
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// As much of a name as there is room for.
fn stem(name: &str) -> &str {
    let room = MAX_NAME - 1 - DIGITS - EXTENSION.len();
    let end = (0..=room.min(name.len())).rev().find(|end| name.is_char_boundary(*end));
    &name[..end.unwrap_or_default()]
}

/// What the parts of one file have in common. The hash tells long names apart that are cut to the same stem.
struct Name<'a> {
    stem: &'a str,
    hash: u32,
}

impl Name<'_> {
    fn with(&self, version: u64) -> String {
        format!("{}.{:08x}{version:016x}{EXTENSION}", self.stem, self.hash)
    }

    /// Removes the parts of versions that are no more. One that cannot be removed does no harm.
    fn remove_others(&self, path: &Path) {
        let begins = format!("{}.{:08x}", self.stem, self.hash);
        let is_part = |name: &str| {
            let version = name.strip_prefix(&*begins).and_then(|rest| rest.strip_suffix(EXTENSION));
            version.is_some_and(|version| version.len() == 16 && version.bytes().all(|b| b.is_ascii_hexdigit()))
        };
        for entry in fs::read_dir(folder_of(path)).into_iter().flatten().flatten() {
            let other = entry.file_name();
            if Some(&*other) != path.file_name() && other.to_str().is_some_and(is_part) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}
