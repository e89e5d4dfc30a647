//! Local files for clients of the Quatrix API: folder trees, names from the server that are safe to use, and files that
//! appear complete or not at all.
//!
//! It opens no connection, and every function blocks. Both adapters and the command use it; an application need not.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use quatrix_proto::{Error, RemotePath, TransportError, TransportErrorKind, UnixTime};

mod folder;
mod names;
mod partial;
mod plan;
mod private;
mod resumable;
mod source;
mod temporary;
mod tree;

pub use folder::{Folder, refuse_link};
pub use names::is_usable;
pub use partial::Partial;
pub use plan::{plan_download, plan_mirror_down, plan_mirror_up, plan_upload};
pub use private::{Access, NotPrivate, NotPrivateReason, check_folder_of, check_private, open_private};
pub use resumable::Resumable;
pub use source::{Source, Stamp};
pub use temporary::unnamed_temp_file;
pub use tree::read_tree;

/// Maximum length of a name in bytes, on the usual file systems.
const MAX_NAME: usize = 255;

/// Returns an error about a local path.
pub fn local(path: &Path, error: io::Error) -> Error {
    TransportError::unsent(TransportErrorKind::Local).with_detail(path.display().to_string()).with_source(error).into()
}

fn unusable(path: &Path, why: &'static str) -> Error {
    local(path, io::Error::new(io::ErrorKind::InvalidInput, why))
}

/// Returns the name of a local file as Unicode.
///
/// # Errors
/// It has no name, or one that is not Unicode.
pub fn name(path: &Path) -> Result<&str, Error> {
    let name = path.file_name().ok_or_else(|| unusable(path, "it has no name"))?;
    name.to_str().ok_or_else(|| unusable(path, "its name is not Unicode"))
}

/// Returns the folder of a path.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// Returns the modification time of a file, where known.
pub fn modified(metadata: &Metadata) -> Option<UnixTime> {
    metadata.modified().ok().map(UnixTime::from)
}

/// Returns the local path of a remote path below a folder. No name from the server leads out of the folder.
///
/// # Errors
/// One of its names cannot be used on this system.
pub fn below(root: &Path, path: &RemotePath) -> Result<PathBuf, Error> {
    let mut place = root.to_owned();
    for segment in path.segments() {
        if !is_usable(segment) {
            return Err(unusable(root, "a name from the server cannot be used here"));
        }
        place.push(segment);
    }
    Ok(place)
}

/// Formats an error with its sources.
#[cfg(test)]
pub(crate) fn whole(error: &Error) -> String {
    let causes = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
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
}
