//! Files that appear complete or not at all.

use std::fs::{File, Metadata, OpenOptions, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use quatrix_proto::task::partial_name;
use quatrix_proto::{Error, UnixTime};
use tempfile::{NamedTempFile, TempPath};

use crate::{MAX_NAME, local, unusable};

#[cfg(test)]
mod tests;

/// File under a temporary name. Dropping it removes the file, unless it was [kept](Self::keep).
#[derive(Debug)]
pub struct Partial {
    file: NamedTempFile,
    place: Place,
}

/// Final path of a download.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    overwrite: bool,
}

impl Partial {
    /// Creates it in the folder of `path`. Other users can read it only if they can read the file that it replaces.
    ///
    /// # Errors
    /// It cannot be created, or the file at `path` must not be replaced.
    pub fn beside(path: &Path, overwrite: bool) -> Result<Self, Error> {
        let place = Place::new(path, overwrite)?;
        let access = if place.permissions().is_some() { 0o600 } else { 0o666 };
        Ok(Self { file: temporary_file(path, access)?, place })
    }

    /// Returns the file.
    pub fn file(&self) -> &File {
        self.file.as_file()
    }

    /// Returns another handle of the file, for writing.
    ///
    /// # Errors
    /// The system has no handles left.
    pub fn writer(&self) -> Result<File, Error> {
        self.file().try_clone().map_err(|error| local(&self.place.path, error))
    }

    /// Renames it to its final path, with the mode of the file that it replaces. Its bytes are on the disk before, so that
    /// even a power cut leaves the old file or the new one; [`Folder::sync`](crate::Folder::sync) writes the name.
    ///
    /// # Errors
    /// It cannot be renamed. It is removed then, and the old file is unchanged.
    pub fn keep(self, modified: Option<UnixTime>) -> Result<(), Error> {
        let Self { file, place } = self;
        let (file, temporary) = file.into_parts();
        place.put(&file, temporary, modified)
    }
}

/// Creates a file under a temporary name beside a path. The umask applies to `mode`.
fn temporary_file(path: &Path, mode: u32) -> Result<NamedTempFile, Error> {
    let name = path.file_name().ok_or_else(|| unusable(path, "it has no name"))?;
    let suffix = RandomState::new().hash_one(()) as u32;
    let temporary = path.with_file_name(partial_name(&name.to_string_lossy(), suffix, MAX_NAME, char::len_utf8));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let created = options.open(&temporary).and_then(|file| Ok((file, TempPath::try_from_path(&temporary)?)));
    let (file, temporary) = created.map_err(|error| local(&temporary, error))?;
    Ok(NamedTempFile::from_parts(file, temporary))
}

/// Returns the permissions of a new file beside a path, by creating one: they depend on umask and file system.
pub(crate) fn permissions_of_new_file(path: &Path) -> Result<Permissions, Error> {
    let metadata = temporary_file(path, 0o666)?.as_file().metadata();
    metadata.map(|metadata| metadata.permissions()).map_err(|error| local(path, error))
}

impl Place {
    /// Checks whether the path is free or may be replaced. A link itself is replaced, not its target.
    pub(crate) fn new(path: &Path, overwrite: bool) -> Result<Self, Error> {
        let refused = |kind: ErrorKind| Err(local(path, kind.into()));
        match path.symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(local(path, error)),
            Ok(_) if !overwrite => return refused(ErrorKind::AlreadyExists),
            Ok(metadata) if metadata.is_dir() => return refused(ErrorKind::IsADirectory),
            // A link such as /dev/stdout leads to a pipe or a device as often as not.
            Ok(metadata) if is_special(&metadata) || path.metadata().is_ok_and(|target| is_special(&target)) => {
                return Err(unusable(path, "neither a file nor a folder"));
            }
            Ok(_) => {}
        }
        Ok(Self { path: path.into(), overwrite })
    }

    /// Returns the permissions of the file at this path, if there is one.
    fn permissions(&self) -> Option<Permissions> {
        self.path.symlink_metadata().ok().filter(Metadata::is_file).map(|metadata| access_bits(&metadata))
    }

    /// Moves a complete file to this path, with the permissions of the file that it replaces.
    pub(crate) fn put(&self, file: &File, temporary: TempPath, modified: Option<UnixTime>) -> Result<(), Error> {
        let permissions = self.permissions().filter(|_| cfg!(unix));
        let put = || {
            // First, since it takes longest: a temporary file with an old time may be taken for a leftover.
            file.sync_data()?;
            if let Some(permissions) = permissions {
                file.set_permissions(permissions)?;
            }
            set_modified(file, modified)?;
            file.sync_all()?;
            self.rename(temporary)
        };
        put().map_err(|error| local(&self.path, error))
    }

    /// Moves a complete file to this path that a later run may open by its temporary name. It is private until the rename,
    /// and gets the permissions of the file that it replaces, or else `new`, after it.
    pub(crate) fn put_private(
        &self,
        file: &File,
        temporary: TempPath,
        modified: Option<UnixTime>,
        new: Permissions,
    ) -> Result<(), Error> {
        let permissions = self.permissions().unwrap_or(new);
        let put = || {
            set_modified(file, modified)?;
            file.sync_all()?;
            self.rename(temporary)?;
            if cfg!(unix) {
                file.set_permissions(permissions)?;
            }
            file.sync_all()
        };
        put().map_err(|error| local(&self.path, error))
    }

    fn rename(&self, temporary: TempPath) -> io::Result<()> {
        match self.overwrite {
            true => temporary.persist(&self.path),
            false => temporary.persist_noclobber(&self.path),
        }
        .map_err(|error| error.error)
    }
}

fn set_modified(file: &File, time: Option<UnixTime>) -> io::Result<()> {
    time.and_then(|time| SystemTime::try_from(time).ok()).map_or(Ok(()), |time| file.set_modified(time))
}

fn is_special(metadata: &Metadata) -> bool {
    !(metadata.is_file() || metadata.is_dir() || metadata.is_symlink())
}

/// Returns the bits for read, write and execute. The setuid, setgid and sticky bits are not for a new file.
#[cfg(unix)]
fn access_bits(metadata: &Metadata) -> Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    Permissions::from_mode(metadata.permissions().mode() & 0o777)
}

#[cfg(not(unix))]
fn access_bits(metadata: &Metadata) -> Permissions {
    metadata.permissions()
}
