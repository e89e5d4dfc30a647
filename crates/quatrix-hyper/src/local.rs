//! The caller's file system: trees as the core sees them, and files that appear whole or not at all.
//!
//! Everything here blocks; [`off_the_runtime`] is the way to it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quatrix_proto::task::mirror::Item;
use quatrix_proto::{Error, Failure, FailureKind, RemotePath, UnixTime};

/// Does blocking work on one of tokio's threads for it.
pub(crate) async fn off_the_runtime<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // It cannot have been cancelled: nobody else has its handle.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// What went wrong here, with the path where it did.
pub(crate) fn local(path: &Path, error: io::Error) -> Error {
    Failure::unsent(FailureKind::Local).with_detail(path.display().to_string()).with_source(error).into()
}

fn unusable(path: &Path, why: &'static str) -> Error {
    local(path, io::Error::new(io::ErrorKind::InvalidInput, why))
}

/// The name of a file as the server may take it.
pub(crate) fn name(path: &Path) -> Result<&str, Error> {
    let name = path.file_name().ok_or_else(|| unusable(path, "it has no name"))?;
    name.to_str().ok_or_else(|| unusable(path, "its name is not Unicode"))
}

pub(crate) fn modified(metadata: &fs::Metadata) -> Option<UnixTime> {
    metadata.modified().ok().map(UnixTime::from)
}

fn system_time(time: UnixTime) -> Option<SystemTime> {
    let distance = Duration::from_micros(time.as_micros().unsigned_abs());
    if time.as_micros() < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) }
}

/// Where a remote path lies below a folder here. A name that the server sends leads nowhere else.
pub(crate) fn below(root: &Path, path: &RemotePath) -> Result<PathBuf, Error> {
    let mut place = root.to_owned();
    for segment in path.segments() {
        let mut components = Path::new(segment).components();
        let is_one = matches!(components.next(), Some(Component::Normal(name)) if name == segment);
        if !is_one || components.next().is_some() || segment.contains('\0') {
            return Err(unusable(root, "a name from the server cannot be used here"));
        }
        place.push(segment);
    }
    Ok(place)
}

/// What is in a folder here.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(crate) items: BTreeMap<RemotePath, Item>,
    /// What is neither file nor folder.
    pub(crate) skipped: Vec<RemotePath>,
    /// What cannot be read, or has no name that the server could have.
    pub(crate) failed: Vec<(RemotePath, Error)>,
}

impl Tree {
    pub(crate) fn read(root: &Path) -> Result<Self, Error> {
        let mut tree = Self::default();
        let mut folders = Vec::new();
        tree.enter(root, &RemotePath::home(), &mut folders)?;
        while let Some((folder, path)) = folders.pop() {
            if let Err(error) = tree.enter(&folder, &path, &mut folders) {
                tree.failed.push((path, error));
            }
        }
        Ok(tree)
    }

    /// Takes in what is directly in a folder; `folders` are those still to be entered.
    fn enter(
        &mut self,
        folder: &Path,
        path: &RemotePath,
        folders: &mut Vec<(PathBuf, RemotePath)>,
    ) -> Result<(), Error> {
        for entry in fs::read_dir(folder).map_err(|error| local(folder, error))? {
            let entry = entry.map_err(|error| local(folder, error))?;
            let place = entry.path();
            let here = match name(&place).and_then(|name| Ok(path.join(name)?)) {
                Ok(here) => here,
                Err(error) => {
                    self.failed.push((path.clone(), error));
                    continue;
                }
            };
            // Of a link itself, not of what it points to: that may lie outside of the tree, or around it.
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => {
                    folders.push((place, here.clone()));
                    self.items.insert(here, Item::Folder);
                }
                Ok(metadata) if metadata.is_file() => {
                    let item = Item::File { size: Some(metadata.len()), modified: modified(&metadata) };
                    self.items.insert(here, item);
                }
                Ok(_) => self.skipped.push(here),
                Err(error) => self.failed.push((here, local(&place, error))),
            }
        }
        Ok(())
    }
}

/// A file under a temporary name, which goes away with this value unless it is put in its place.
#[derive(Debug)]
pub(crate) struct Partial {
    file: File,
    /// Gone when it has its name.
    temporary: Option<PathBuf>,
    place: PathBuf,
}

impl Partial {
    /// Makes it beside the place where it belongs.
    pub(crate) fn beside(place: &Path) -> Result<Self, Error> {
        let name = place.file_name().ok_or_else(|| unusable(place, "it has no name"))?;
        // Cut, so that a name of the greatest length has room for the ending.
        let stem: String = name.to_string_lossy().chars().take(50).collect();
        let temporary = place.with_file_name(format!("{stem}.{:08x}.partial", RandomState::new().hash_one(()) as u32));
        let file = OpenOptions::new().write(true).create_new(true).open(&temporary);
        let file = file.map_err(|error| local(&temporary, error))?;
        Ok(Self { file, temporary: Some(temporary), place: place.to_owned() })
    }

    /// Another handle of it, to write with.
    pub(crate) fn writer(&self) -> Result<File, Error> {
        self.file.try_clone().map_err(|error| local(&self.place, error))
    }

    /// Gives it its name, over what is there. Its bytes are on the disk by then, so that even a power cut leaves the old
    /// file or the new one.
    pub(crate) fn keep(mut self, modified: Option<UnixTime>) -> Result<(), Error> {
        let kept = match &self.temporary {
            Some(temporary) => finish(&self.file, modified).and_then(|()| fs::rename(temporary, &self.place)),
            None => Ok(()),
        };
        kept.map_err(|error| local(&self.place, error))?;
        self.temporary = None;
        Ok(())
    }
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

/// A file that has no name, and that nobody else can open. It goes away with its last handle.
pub(crate) fn nameless() -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    #[cfg(windows)]
    {
        use std::os::windows::fs::OpenOptionsExt;
        const FILE_FLAG_DELETE_ON_CLOSE: u32 = 0x0400_0000;
        options.share_mode(0).custom_flags(FILE_FLAG_DELETE_ON_CLOSE);
    }
    let path = std::env::temp_dir().join(format!("quatrix-{:016x}", RandomState::new().hash_one(())));
    let file = options.open(&path)?;
    if cfg!(unix) {
        fs::remove_file(&path)?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m41_a_name_from_the_server_stays_below_the_folder() {
        let root = Path::new("in");
        assert_eq!(below(root, &"a/b c".parse().unwrap()).unwrap(), Path::new("in/a/b c"));
        assert_eq!(below(root, &RemotePath::home()).unwrap(), root);
        for name in ["a\0b", if cfg!(windows) { "C:" } else { "\0" }] {
            assert!(below(root, &RemotePath::home().join(name).unwrap()).is_err(), "{name:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_nameless_file_has_no_name_and_one_owner() {
        use std::os::unix::fs::MetadataExt;
        let metadata = nameless().unwrap().metadata().unwrap();
        assert_eq!((metadata.nlink(), metadata.mode() & 0o777), (0, 0o600));
    }
}
