//! Downloads that another run can go on with.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use fs4::FileExt;
use quatrix_ureq::Client;
use quatrix_ureq::proto::task::Download;
use quatrix_ureq::proto::{Error, FailureKind, RemotePath, UnixTime};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::units::bytes;

/// What has arrived of one version of a file. Its name tells the version, so that no two are ever put together.
struct Part {
    file: File,
    path: PathBuf,
    size: u64,
}

/// Downloads into a part beside the place, which stays if not all of it arrives; says how many bytes the file has.
pub(super) fn download(
    client: &Client,
    file: &quatrix_ureq::proto::File,
    source: &RemotePath,
    place: &Path,
    progress: &Progress,
) -> Result<u64, Failure> {
    let part = Part::open(file, place)?;
    let done = part.len()?;
    progress.is_there(done);
    let download = Download::file(client.config().server(), file).after(done);
    match client.download_observed(download, &part.file, |event| progress.tell(source, event)) {
        Ok(downloaded) => part.keep(place, downloaded.modified).map(|()| downloaded.size),
        Err(error) => Err(part.left(error, progress.is_stopped())),
    }
}

/// Parts of versions that are no more. One that cannot be removed does no harm.
fn forget_older(path: &Path, name: &str) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let is_part = |other: &str| {
        let version = other.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')?.strip_suffix(".part"));
        let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        version.and_then(|version| version.split_once('-')).is_some_and(|(size, time)| number(size) && number(time))
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let other = entry.file_name();
        if Some(&*other) != path.file_name() && other.to_str().is_some_and(is_part) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

impl Part {
    fn open(file: &quatrix_ureq::proto::File, place: &Path) -> Result<Self, Failure> {
        let size = file.size.ok_or_else(|| Failure::new(Exit::Nonsense, "the server does not tell the file's size"))?;
        let version = file.modified.map_or(0, UnixTime::as_micros);
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let path = place.with_file_name(format!("{name}.{size}-{version}.part"));
        forget_older(&path, &name);
        let failed = |error| Failure::file(&path, &error);
        let file = OpenOptions::new().append(true).create(true).open(&path).map_err(failed)?;
        if FileExt::try_lock(&file).is_err() {
            return Err(Failure::new(Exit::LocalFile, format!("{}: another command writes it", path.display())));
        }
        let part = Self { file, path, size };
        if part.len()? > size {
            part.file.set_len(0).map_err(|error| Failure::file(&part.path, &error))?;
        }
        Ok(part)
    }

    fn len(&self) -> Result<u64, Failure> {
        Ok(self.file.metadata().map_err(|error| Failure::file(&self.path, &error))?.len())
    }

    /// It is whole: it gets its name and time.
    fn keep(self, place: &Path, modified: Option<UnixTime>) -> Result<(), Failure> {
        let time = modified.and_then(|time| u64::try_from(time.as_micros()).ok());
        let dated = time.map_or(Ok(()), |micros| self.file.set_modified(UNIX_EPOCH + Duration::from_micros(micros)));
        let kept = dated.and_then(|()| self.file.sync_all()).and_then(|()| fs::rename(&self.path, place));
        kept.map_err(|error| Failure::file(place, &error))
    }

    /// Not all of it is there. Bytes of another version than its name says must not stay.
    fn left(self, error: Error, stopped: bool) -> Failure {
        if matches!(error, Error::Transfer(_)) {
            // It would only be found changed again; if it stays, that is what happens.
            let _ = fs::remove_file(&self.path);
            return error.into();
        }
        let exit = match &error {
            Error::Cancelled if stopped => Exit::Interrupted,
            Error::Exchange(failure) if failure.kind() == FailureKind::Local => Exit::LocalFile,
            _ => Exit::Partial,
        };
        let there = self.file.metadata().map_or(0, |metadata| metadata.len());
        let what = match stopped {
            true => "interrupted".to_owned(),
            false => Failure::from(error).what().to_owned(),
        };
        Failure::new(exit, what).because(format!(
            "{} of {} are in {}; the same command again goes on from there.",
            bytes(there),
            bytes(self.size),
            self.path.display()
        ))
    }
}
