//! Files that are uploaded: their bytes, and whether they stay the same meanwhile.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek};
use std::path::Path;

use quatrix_proto::{Error, UnixTime};

use crate::temporary::unnamed_temp_file;
use crate::{local, modified};

/// The bytes of an upload: they can be read more than once, and their number is known.
#[derive(Debug)]
pub struct Source {
    file: File,
    stamp: Stamp,
    modified: Option<UnixTime>,
}

/// What tells one version of a file from another.
///
/// Not the time of the last change to its metadata: that differs after a rename, too, and the bytes are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    size: u64,
    modified: Option<UnixTime>,
}

impl Source {
    /// Opens a file. What has no size to rely on (a pipe, a device, a file of `/proc`) is copied to a temporary file
    /// without a name first, to its end.
    ///
    /// # Errors
    /// It cannot be read, or is a folder or a socket.
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::try_open(path).map_err(|error| local(path, error))
    }

    fn try_open(path: &Path) -> io::Result<Self> {
        let refused = |why| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        // Before it is opened: a pipe waits for its writer, a socket and some folders cannot be opened at all.
        let metadata = fs::metadata(path)?;
        if metadata.is_dir() {
            return refused("it is a folder, not a file");
        }
        if is_socket(&metadata) {
            return refused("it is a socket, not a file");
        }
        let mut file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Self::spool(file);
        }
        let modified = modified(&metadata);
        // The files of `/proc` say that they are empty.
        let mut first = [0];
        if metadata.len() == 0 && file.read(&mut first)? > 0 {
            return Ok(Self { modified, ..Self::spool(first.chain(file))? });
        }
        Ok(Self { stamp: Stamp::of(&metadata), file, modified })
    }

    /// Copies all that a source has to a temporary file that has no name and that nobody else can open.
    ///
    /// # Errors
    /// The source cannot be read, or the copy not be written.
    pub fn spool(mut source: impl Read) -> io::Result<Self> {
        let mut file = unnamed_temp_file()?;
        io::copy(&mut source, &mut file)?;
        file.rewind()?;
        Self::spooled(file)
    }

    /// Takes a temporary file into which a source was copied.
    ///
    /// # Errors
    /// Its size cannot be told.
    pub fn spooled(file: File) -> io::Result<Self> {
        Ok(Self { stamp: Stamp::of(&file.metadata()?), file, modified: None })
    }

    /// Bytes.
    pub fn size(&self) -> u64 {
        self.stamp.size
    }

    /// Its modification time, if it is a file that has one.
    pub fn modified(&self) -> Option<UnixTime> {
        self.modified
    }

    /// The file, to read from, and what it was when it was opened.
    pub fn into_parts(self) -> (File, Stamp) {
        (self.file, self.stamp)
    }
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self { size: metadata.len(), modified: modified(metadata) }
    }

    /// Returns the size and modification time that the file has now, if they are others than the last time.
    pub fn change(&mut self, metadata: &Metadata) -> Option<(u64, Option<UnixTime>)> {
        let now = Self::of(metadata);
        (std::mem::replace(self, now) != now).then_some((now.size, now.modified))
    }
}

#[cfg(unix)]
fn is_socket(metadata: &Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_socket(&metadata.file_type())
}

#[cfg(not(unix))]
fn is_socket(_: &Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn content(source: Source) -> String {
        let size = source.size();
        let text = io::read_to_string(source.into_parts().0).unwrap();
        assert_eq!(text.len() as u64, size);
        text
    }

    #[test]
    fn a_spooled_source_has_a_size_and_no_name() {
        let source = Source::spool(&b"canary"[..]).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::MetadataExt;
            let metadata = source.file.metadata().unwrap();
            assert_eq!((metadata.nlink(), metadata.mode() & 0o777), (0, 0o600));
        }
        assert_eq!((source.modified(), content(source).as_str()), (None, "canary"));
    }

    #[test]
    fn an_empty_file_is_empty_and_a_folder_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("empty");
        fs::write(&path, "").unwrap();
        let source = Source::open(&path).unwrap();
        assert!(source.size() == 0 && source.modified().is_some());
        let error = Source::open(folder.path()).unwrap_err();
        assert!(error.to_string().contains(&folder.path().display().to_string()), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_of_proc_says_that_it_is_empty_and_is_read_all_the_same() {
        assert!(content(Source::open(Path::new("/proc/self/status")).unwrap()).starts_with("Name:"));
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_read_to_its_end_and_a_socket_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let writer = pipe.clone();
        let writer = std::thread::spawn(move || fs::write(writer, "through a pipe").unwrap());
        assert_eq!(content(Source::open(&pipe).unwrap()), "through a pipe");
        writer.join().unwrap();

        let path = folder.path().join("socket");
        let _socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let error = Source::open(&path).unwrap_err();
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(error.to_string().contains("socket") && cause == "it is a socket, not a file", "{error}: {cause}");
    }

    #[test]
    fn a_change_shows_by_size_or_time_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "one").unwrap();
        let (file, mut stamp) = Source::open(&path).unwrap().into_parts();
        assert_eq!(stamp.change(&file.metadata().unwrap()), None);
        let mut writer = File::options().write(true).open(&path).unwrap();
        let time = UnixTime::from_secs(1_700_000_000);
        writer.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000)).unwrap();
        assert_eq!(stamp.change(&file.metadata().unwrap()), Some((3, Some(time))));
        assert_eq!(stamp.change(&file.metadata().unwrap()), None);
        writer.write_all(b"longer").unwrap();
        assert_eq!(stamp.change(&file.metadata().unwrap()).unwrap().0, 6);
    }
}
