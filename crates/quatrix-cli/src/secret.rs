//! Where secrets come from: files, standard input, the environment. Never from a place that `ps` shows.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use quatrix_local::{Access, NotPrivate, NotPrivateReason, check_folder_of, check_private, open_private};

use crate::failure::Failure;

/// The place of a secret.
#[derive(Clone)]
pub(crate) enum Secret {
    Text(String),
    /// The first line of a file.
    File(PathBuf),
    /// The first line of standard input.
    StandardInput,
}

/// Whether files with secrets must be their owner's alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Privacy {
    Required,
    /// For containers, whose secrets are mounted with modes and owners of their own.
    Waived,
}

impl Secret {
    /// Reads the secret. `patience` is how long a pipe in place of a file may take.
    pub(crate) fn read(&self, privacy: Privacy, patience: Duration) -> Result<String, Failure> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::File(path) => {
                let source = Patient { file: privacy.open(path)?, until: Instant::now() + patience };
                first_line(source, &path.display().to_string())
            }
            Self::StandardInput => first_line(io::stdin().lock(), "standard input"),
        }
    }
}

impl Privacy {
    /// Opens a file with a secret in it.
    fn open(self, path: &Path) -> Result<File, Failure> {
        match self {
            Self::Required => {
                let file = open_private(path, Access::Read);
                file.and_then(|file| check_folder_of(path).map(|()| file)).map_err(refused)
            }
            Self::Waived => open_at_once(path).map_err(|error| Failure::file(path, &error)),
        }
    }

    /// Checks an opened file with a secret in it.
    pub(crate) fn check(self, path: &Path, file: &File) -> Result<(), Failure> {
        match self {
            Self::Required => check_private(path, file).map_err(refused),
            Self::Waived => Ok(()),
        }
    }
}

/// A file that may be a pipe, read until a point in time.
struct Patient {
    file: File,
    until: Instant,
}

#[cfg(unix)]
impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        loop {
            let left = self.until.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).map_err(|_| io::ErrorKind::InvalidInput)?;
            if poll(&mut [PollFd::new(&self.file, PollFlags::IN)], Some(&left))? == 0 {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "nothing was written to this pipe in time"));
            }
            match self.file.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }
}

#[cfg(not(unix))]
impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

/// Opens a file without waiting for the other end of a pipe.
fn open_at_once(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    options.open(path)
}

fn refused(error: NotPrivate) -> Failure {
    let is_found = !matches!(error.reason, NotPrivateReason::Io(_));
    let failure = Failure::from(error);
    match is_found {
        true => {
            failure.because("It holds or names a secret. For secrets mounted into a container: --allow-insecure-files.")
        }
        false => failure,
    }
}

fn first_line(source: impl Read, name: &str) -> Result<String, Failure> {
    const MAX: u64 = 64 * 1024;

    let mut text = String::new();
    source.take(MAX).read_to_string(&mut text).map_err(|error| Failure::file(Path::new(name), &error))?;
    // In place, so that no second copy is left behind.
    text.truncate(text.find(['\r', '\n']).unwrap_or(text.len()));
    match text.is_empty() {
        true => Err(Failure::usage(format!("{name}: the first line is empty"))),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_counts_with_its_spaces() {
        for text in ["pass word ", "pass word \n", "pass word \r\nmore\n"] {
            assert_eq!(first_line(text.as_bytes(), "x").unwrap(), "pass word ");
        }
        assert!(first_line(&b"\nlate\n"[..], "x").is_err());
        assert!(first_line(&b"\xff\n"[..], "x").is_err());
    }
}
