//! The caller's file system, for the clients of the Quatrix API: trees as the core sees them, names that stay where they
//! belong, and files that appear whole or not at all.
//!
//! It does not speak to a server, and everything in it blocks. Both adapters and the command stand on it; an application
//! has no need to name it.

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

/// Bytes that a name has at most on the usual file systems.
const MAX_NAME: usize = 255;

/// What went wrong here, with the path where it did.
pub fn local(path: &Path, error: io::Error) -> Error {
    TransportError::unsent(TransportErrorKind::Local).with_detail(path.display().to_string()).with_source(error).into()
}

fn unusable(path: &Path, why: &'static str) -> Error {
    local(path, io::Error::new(io::ErrorKind::InvalidInput, why))
}

/// The name of a file as the server may take it.
///
/// # Errors
/// It has none, or one that is not Unicode.
pub fn name(path: &Path) -> Result<&str, Error> {
    let name = path.file_name().ok_or_else(|| unusable(path, "it has no name"))?;
    name.to_str().ok_or_else(|| unusable(path, "its name is not Unicode"))
}

/// The folder that a path is in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// When a file was last changed, where that is known.
pub fn modified(metadata: &Metadata) -> Option<UnixTime> {
    metadata.modified().ok().map(UnixTime::from)
}

/// Where a remote path lies below a folder here. A name that the server sends leads nowhere else.
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

/// An error with what caused it.
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
