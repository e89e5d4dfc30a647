//! Files of one user: sessions, locks, keys, passwords, unfinished downloads.
//!
//! A name in a folder can lead anywhere, so it is opened first, without following a link and without waiting for the
//! other end of a pipe; everything is checked on what was opened. On Windows only links and the type are checked.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::{error, fmt};

/// Access to a private file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read.
    Read,
    /// Write without truncating. The file is created if it does not exist.
    Write,
    /// Append and read. The file is created if it does not exist.
    Append,
}

/// A file or folder that cannot be trusted with a secret, or that cannot be opened.
#[derive(Debug)]
pub struct NotPrivate {
    /// The file or folder.
    pub path: PathBuf,
    /// The defect.
    pub reason: NotPrivateReason,
}

/// Defect of a [`NotPrivate`] file or folder.
#[derive(Debug)]
pub enum NotPrivateReason {
    /// It cannot be opened.
    Io(io::Error),
    /// It is a link, a folder, a pipe or a device.
    NotAFile,
    /// Another user owns it.
    OtherOwner,
    /// Others have access to it: the bits of its mode.
    Shared(u32),
    /// It has a second name (hard link).
    Linked,
    /// Others can replace files in this folder: the bits of its mode.
    SharedFolder(u32),
}

/// Opens a file that belongs to the current user alone.
///
/// # Errors
/// [`NotPrivate`] if it cannot be opened, is no plain file, belongs to another user, is accessible to others, or has a
/// second name.
pub fn open_private(path: &Path, access: Access) -> Result<File, NotPrivate> {
    let not_private = |reason| NotPrivate { path: path.to_owned(), reason };
    let mut options = OpenOptions::new();
    match access {
        Access::Read => options.read(true),
        Access::Write => options.write(true).create(true).truncate(false),
        Access::Append => options.read(true).append(true).create(true),
    };
    let file = match without_surprises(&mut options).open(path) {
        Ok(file) => file,
        // A link or a pipe without a reader fails to open, with an error that differs between systems.
        Err(error) => {
            let is_no_file = path.symlink_metadata().is_ok_and(|metadata| !metadata.is_file());
            let reason = if is_no_file { NotPrivateReason::NotAFile } else { NotPrivateReason::Io(error) };
            return Err(not_private(reason));
        }
    };
    check_private(path, &file).map(|()| file)
}

/// Checks that the opened file at `path` belongs to the current user alone, however its name led there.
///
/// # Errors
/// [`NotPrivate`] if it is no plain file, belongs to another user, is accessible to others, or has a second name.
pub fn check_private(path: &Path, file: &File) -> Result<(), NotPrivate> {
    let not_private = |reason| NotPrivate { path: path.to_owned(), reason };
    let metadata = file.metadata().map_err(|error| not_private(NotPrivateReason::Io(error)))?;
    match defect(&metadata) {
        None => Ok(()),
        Some(reason) => Err(not_private(reason)),
    }
}

/// Checks that no other user can replace the files in the folder of `path`.
///
/// A folder with the sticky bit, such as `/tmp`, passes.
///
/// # Errors
/// [`NotPrivate`] if it cannot be examined, or another user can write to it.
pub fn check_folder_of(path: &Path) -> Result<(), NotPrivate> {
    let folder = crate::folder_of(path);
    let not_private = |reason| NotPrivate { path: folder.to_owned(), reason };
    let metadata = folder.metadata().map_err(|error| not_private(NotPrivateReason::Io(error)))?;
    match folder_defect(&metadata) {
        None => Ok(()),
        Some(reason) => Err(not_private(reason)),
    }
}

#[cfg(unix)]
fn without_surprises(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;

    use rustix::fs::OFlags;
    options.mode(0o600).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
}

#[cfg(windows)]
fn without_surprises(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::windows::fs::OpenOptionsExt as _;
    const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
    options.custom_flags(FILE_FLAG_OPEN_REPARSE_POINT)
}

#[cfg(unix)]
fn defect(metadata: &Metadata) -> Option<NotPrivateReason> {
    use std::os::unix::fs::MetadataExt as _;
    if !metadata.is_file() {
        Some(NotPrivateReason::NotAFile)
    } else if metadata.uid() != rustix::process::geteuid().as_raw() {
        Some(NotPrivateReason::OtherOwner)
    } else if metadata.mode() & 0o077 != 0 {
        Some(NotPrivateReason::Shared(metadata.mode() & 0o7777))
    } else if metadata.nlink() > 1 {
        Some(NotPrivateReason::Linked)
    } else {
        None
    }
}

#[cfg(not(unix))]
fn defect(metadata: &Metadata) -> Option<NotPrivateReason> {
    (!metadata.is_file()).then_some(NotPrivateReason::NotAFile)
}

#[cfg(unix)]
fn folder_defect(metadata: &Metadata) -> Option<NotPrivateReason> {
    use std::os::unix::fs::MetadataExt as _;
    const STICKY: u32 = 0o1000;
    const ROOT: u32 = 0;
    let owner = metadata.uid();
    if owner != ROOT && owner != rustix::process::geteuid().as_raw() {
        Some(NotPrivateReason::OtherOwner)
    } else if metadata.mode() & 0o022 != 0 && metadata.mode() & STICKY == 0 {
        Some(NotPrivateReason::SharedFolder(metadata.mode() & 0o7777))
    } else {
        None
    }
}

#[cfg(not(unix))]
fn folder_defect(_metadata: &Metadata) -> Option<NotPrivateReason> {
    None
}

impl NotPrivate {
    /// Whether the file or folder does not exist.
    pub fn is_not_found(&self) -> bool {
        matches!(&self.reason, NotPrivateReason::Io(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

impl fmt::Display for NotPrivate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let colon = if matches!(self.reason, NotPrivateReason::Io(_)) { ":" } else { "" };
        write!(f, "{}{colon} {}", self.path.display(), self.reason)
    }
}

/// Without the path: "belongs to another user".
impl fmt::Display for NotPrivateReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::NotAFile => f.write_str("is not a plain file"),
            Self::OtherOwner => f.write_str("belongs to another user"),
            Self::Shared(mode) => write!(f, "is accessible to others (mode {mode:o})"),
            Self::Linked => f.write_str("has a second name (hard link)"),
            Self::SharedFolder(mode) => write!(f, "is writable by others (mode {mode:o})"),
        }
    }
}

impl error::Error for NotPrivate {}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::io::{Read as _, Write as _};
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;

    const ALL: [Access; 3] = [Access::Read, Access::Write, Access::Append];

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        (folder, path)
    }

    fn write(path: &Path, mode: u32) {
        fs::write(path, "secret").unwrap();
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn reason(path: &Path, access: Access) -> String {
        format!("{:?}", open_private(path, access).unwrap_err().reason)
    }

    #[test]
    fn a_new_file_belongs_to_its_owner_alone_and_an_existing_one_keeps_its_bytes() {
        let (_folder, path) = folder();
        assert!(open_private(&path, Access::Read).unwrap_err().is_not_found());
        open_private(&path, Access::Append).unwrap().write_all(b"one").unwrap();
        open_private(&path, Access::Append).unwrap().write_all(b" two").unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        drop(open_private(&path, Access::Write).unwrap());
        let mut text = String::new();
        open_private(&path, Access::Read).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "one two");
    }

    #[test]
    fn a_link_is_not_followed_and_creates_nothing() {
        let (folder, path) = folder();
        let target = folder.path().join("target");
        symlink(&target, &path).unwrap();
        for access in ALL {
            assert_eq!(reason(&path, access), "NotAFile", "{access:?}");
            assert!(!target.exists());
        }
        write(&target, 0o600);
        for access in ALL {
            assert_eq!(reason(&path, access), "NotAFile", "{access:?}");
        }
    }

    #[test]
    fn a_pipe_or_a_folder_is_refused_without_waiting() {
        let (folder, path) = folder();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        for access in ALL {
            assert_eq!(reason(&path, access), "NotAFile", "{access:?}");
            assert_eq!(reason(folder.path(), access), "NotAFile", "{access:?}");
        }
    }

    #[test]
    fn access_for_others_is_refused() {
        let (_folder, path) = folder();
        for mode in [0o644, 0o640, 0o602, 0o601, 0o4610] {
            write(&path, mode);
            for access in ALL {
                assert_eq!(reason(&path, access), format!("Shared({mode})"), "{access:?}");
            }
        }
    }

    #[test]
    fn a_second_name_is_refused() {
        let (folder, path) = folder();
        write(&path, 0o600);
        fs::hard_link(&path, folder.path().join("other")).unwrap();
        for access in ALL {
            assert_eq!(reason(&path, access), "Linked", "{access:?}");
        }
    }

    #[test]
    fn a_file_of_another_user_is_refused() {
        // Only root can give a file away; everyone else has files of root to look at.
        let (_folder, path) = folder();
        write(&path, 0o600);
        let file = match rustix::process::geteuid().is_root() {
            true => {
                std::os::unix::fs::chown(&path, Some(12_345), None).unwrap();
                path
            }
            false => PathBuf::from("/etc/passwd"),
        };
        assert_eq!(reason(&file, Access::Read), "OtherOwner");
    }

    #[test]
    fn a_folder_that_others_can_write_to_is_refused_unless_it_is_sticky() {
        let (folder, path) = folder();
        for (mode, passes) in [(0o700, true), (0o755, true), (0o1777, true), (0o777, false), (0o770, false)] {
            fs::set_permissions(folder.path(), Permissions::from_mode(mode)).unwrap();
            assert_eq!(check_folder_of(&path).is_ok(), passes, "{mode:o}");
        }
        assert!(check_folder_of(&folder.path().join("missing/secret")).unwrap_err().is_not_found());
    }
}
