//! Downloads that another run can go on with.

use std::path::Path;

use quatrix_local::Resumable;
use quatrix_ureq::Client;
use quatrix_ureq::proto::task::Download;
use quatrix_ureq::proto::{Error, File, RemotePath, TransportErrorKind};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::units::bytes;

/// Downloads into a part beside the place, which stays if not all of it arrives; says how many bytes the file has.
pub(super) fn download(
    client: &Client,
    file: &File,
    source: &RemotePath,
    place: &Path,
    overwrite: bool,
    progress: &Progress,
) -> Result<u64, Failure> {
    let size =
        file.size.ok_or_else(|| Failure::new(Exit::InvalidResponse, "the server reports no size for the file"))?;
    let mut part = Resumable::beside(place, (&file.id, size, file.modified), overwrite)?;
    loop {
        progress.is_there(part.kept());
        let download = Download::file(file).after(part.kept());
        match client.download_observed(download, &mut part, |event| progress.tell(source, event)) {
            Ok(downloaded) => return Ok(part.keep(downloaded.modified).map(|()| downloaded.size)?),
            Err(_) if part.start_over()? => {}
            Err(error) => return Err(left(part, size, error, progress.is_stopped())),
        }
    }
}

/// Not all of it is there. Bytes of another version than its name says must not stay.
fn left(part: Resumable, size: u64, error: Error, stopped: bool) -> Failure {
    if matches!(error, Error::Transfer(_)) {
        part.discard();
        return error.into();
    }
    let exit = match &error {
        Error::Cancelled if stopped => Exit::Interrupted,
        Error::Transport(failure) if failure.kind() == TransportErrorKind::Local => Exit::LocalFile,
        _ => Exit::Partial,
    };
    let what = match stopped {
        true => "interrupted".to_owned(),
        false => Failure::from(error).what().to_owned(),
    };
    Failure::new(exit, what).because(format!(
        "{} of {} are in {}; the same command again goes on from there.",
        bytes(part.len()),
        bytes(size),
        part.path().display()
    ))
}
