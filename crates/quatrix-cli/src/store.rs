//! The session file: the session or API key that a login keeps for later commands.
//!
//! It holds a secret, so it is the owner's alone. Readers need no lock, because the file is only ever replaced as a
//! whole; whoever changes it holds the lock beside it and reads it again first.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fs4::FileExt;
use quatrix_local::{Access, NotPrivate, NotPrivateReason, check_folder_of, open_private};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::kept::Kept;
use crate::out;
use crate::show::Quoted;

/// The session file of one profile.
pub(crate) struct Store {
    directory: PathBuf,
    file: PathBuf,
    lock: PathBuf,
}

/// The right to change the session file; it ends with this value, or with the process.
pub(crate) struct Locked<'a> {
    store: &'a Store,
    _lock: File,
}

impl Store {
    pub(crate) fn new(directory: PathBuf, profile: &str) -> Self {
        let file = directory.join(format!("{profile}.session"));
        let lock = directory.join(format!("{profile}.lock"));
        Self { directory, file, lock }
    }

    /// What is kept, if anything is. A damaged file counts as none, and says so once on standard error.
    ///
    /// # Errors
    /// A file that is not private is refused: another user may have the secret, or have put it there.
    pub(crate) fn load(&self) -> Result<Option<Kept>, Failure> {
        let Some(file) = self.open()? else {
            return Ok(None);
        };
        // All that a session needs, many times over.
        const MAX: u64 = 64 * 1024;
        let mut json = Vec::new();
        file.take(MAX).read_to_end(&mut json).map_err(|error| Failure::file(&self.file, &error))?;
        match Kept::from_json(&json) {
            Ok(kept) => Ok(Some(kept)),
            Err(why) => Ok(self.warn(&why)),
        }
    }

    fn warn(&self, why: &str) -> Option<Kept> {
        out::note(&format!("{}: {why}; taken as logged out", self.file.display()));
        None
    }

    fn open(&self) -> Result<Option<File>, Failure> {
        let opened = check_folder_of(&self.file).and_then(|()| open_private(&self.file, Access::Read));
        match opened {
            Ok(file) => Ok(Some(file)),
            Err(found) if found.is_not_found() => Ok(None),
            Err(found) => Err(refused(found).because(
                "It holds a session. If another user may have read or written it, log out and in again afterwards.",
            )),
        }
    }

    /// Takes the lock, and waits for it while another process has it.
    ///
    /// # Errors
    /// It is not to be had within `patience`, or the folder cannot be made.
    pub(crate) fn lock(&self, patience: Duration) -> Result<Locked<'_>, Failure> {
        const PAUSE: Duration = Duration::from_millis(10);
        const QUIET: Duration = Duration::from_secs(1);

        make_private_folder(&self.directory).map_err(|error| Failure::file(&self.directory, &error))?;
        let file = check_folder_of(&self.lock).and_then(|()| open_private(&self.lock, Access::Write));
        let file = file.map_err(refused)?;
        let (start, mut told) = (Instant::now(), false);
        loop {
            match FileExt::try_lock(&file) {
                Ok(()) => return Ok(Locked { store: self, _lock: file }),
                Err(fs4::TryLockError::WouldBlock) => {}
                Err(fs4::TryLockError::Error(error)) => return Err(Failure::file(&self.lock, &error)),
            }
            if start.elapsed() >= patience {
                let what = format!("another quatrix command holds {}", self.lock.display());
                return Err(Failure::new(Exit::Other, what).because("It may be waiting for a password to be typed."));
            }
            if !told && start.elapsed() >= QUIET {
                out::note("waiting for another quatrix command that changes the same session");
                told = true;
            }
            std::thread::sleep(PAUSE);
        }
    }
}

impl Locked<'_> {
    /// The session as it is now.
    pub(crate) fn load(&self) -> Result<Option<Kept>, Failure> {
        self.store.load()
    }

    /// Checks that a session can be kept, before a secret is sent for one.
    pub(crate) fn check_writable(&self) -> Result<(), Failure> {
        self.load()?;
        let new = self.new_file();
        let _ = fs::remove_file(&new);
        let created = private(OpenOptions::new().write(true).create_new(true)).open(&new);
        created.and_then(|_| fs::remove_file(&new)).map_err(|error| Failure::file(&self.store.file, &error))
    }

    /// Where a new file is written, until it replaces the old one.
    fn new_file(&self) -> PathBuf {
        self.store.file.with_extension("new")
    }

    /// Replaces the file: at every moment it is whole, the old one or the new one.
    pub(crate) fn save(&self, kept: &Kept) -> Result<(), Failure> {
        let new = self.new_file();
        let replaced = self.write_new(&new, kept).and_then(|()| fs::rename(&new, &self.store.file));
        if let Err(error) = replaced {
            // What was left of an earlier try goes the same way.
            let _ = fs::remove_file(&new);
            return Err(Failure::file(&self.store.file, &error));
        }
        sync_folder(&self.store.directory);
        Ok(())
    }

    fn write_new(&self, new: &Path, kept: &Kept) -> io::Result<()> {
        // Nobody else writes here while the lock is held; a crash may have left one.
        let _ = fs::remove_file(new);
        let mut file = private(OpenOptions::new().write(true).create_new(true)).open(new)?;
        file.write_all(kept.expose_json().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    }

    /// There is no session any more.
    pub(crate) fn remove(&self) -> Result<(), Failure> {
        match fs::remove_file(&self.store.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::file(&self.store.file, &error)),
            _ => Ok(()),
        }
    }
}

/// What is in the way of a file of ours can be removed.
fn refused(found: NotPrivate) -> Failure {
    let in_the_way = match found.reason {
        NotPrivateReason::NotAFile => Some(format!("rm {}", Quoted(&found.path))),
        _ => None,
    };
    let failure = Failure::from(found);
    match in_the_way {
        Some(command) => failure.next(command),
        None => failure,
    }
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

fn make_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// So that the new name survives a power cut. Where a folder cannot be opened, nothing is lost but that.
fn sync_folder(path: &Path) {
    if let Ok(folder) = File::open(path) {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the fuzz target `saved_session` starts from.
    const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/corpus/saved_session");

    #[test]
    fn m39_whatever_stands_in_the_file_is_a_session_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path().to_owned(), crate::profile::DEFAULT_PROFILE);
        let mut taken = Vec::new();
        for entry in fs::read_dir(CORPUS).unwrap() {
            let entry = entry.unwrap();
            let mut file =
                private(OpenOptions::new().write(true).create(true).truncate(true)).open(&store.file).unwrap();
            file.write_all(&fs::read(entry.path()).unwrap()).unwrap();
            if let Some(kept) = store.load().unwrap() {
                assert!(quatrix_ureq::proto::Server::at(&kept.server().to_string()).is_ok(), "{entry:?}");
                taken.push(entry.file_name().into_string().unwrap());
            }
        }
        // What fuzzing has added has a number for a name.
        taken.retain(|name: &String| !name.bytes().all(|byte| byte.is_ascii_hexdigit()));
        taken.sort();
        let expected =
            ["active", "captcha", "files", "loopback", "more", "other", "pin", "prefix", "totp", "unicode", "unnamed"];
        assert_eq!(taken, expected);
    }
}
