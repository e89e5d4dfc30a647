//! Uploads and downloads of local files.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::SystemTime;

use quatrix_local::{Folder, Source, folder_of, name};
use quatrix_proto::api::OnConflict;
use quatrix_proto::task::{Download, Downloaded, RemoveLeftovers, TransferEvent, Uploaded};
use quatrix_proto::{Error, FileId, FileName, RemotePath};

use crate::client::Client;
#[cfg(doc)]
use crate::upload_source::Stream;
use crate::upload_source::UploadSource;

/// Builder of uploads and downloads of local files; returned by [`Client::files`].
///
/// ```
/// # use quatrix_ureq::{Client, Credentials, Login, Server, api::{GetHome, OnConflict}};
/// # let emulator = quatrix_emulator::Emulator::start()?;
/// # let client = Client::new(Server::at(emulator.api())?)?;
/// # let login = client.login(Credentials::new("user@example.com", "only-for-tests-4711")?)?;
/// # assert_eq!(login, Login::Active);
/// # let home = client.call(&GetHome::new())?.id;
/// let files = client.files().on_conflict(OnConflict::Overwrite).concurrency(8);
/// let uploaded = files.upload("Cargo.toml", &home)?;
/// let report = files.upload_folder("src", &home)?;
/// println!("{} bytes, {} files, {} failed", uploaded.size, report.files, report.failed.len());
/// # assert!(report.files > 3 && report.failed.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a builder does nothing until it uploads or downloads"]
pub struct Files<'a> {
    pub(crate) client: &'a Client,
    pub(crate) concurrency: usize,
    pub(crate) on_conflict: OnConflict,
    name: Option<FileName>,
    under_final_name: bool,
    observer: Option<Observer<'a>>,
}

type Observer<'a> = Box<dyn Fn(&RemotePath, &TransferEvent) -> ControlFlow<()> + Send + Sync + 'a>;

/// Destination of an upload.
pub(crate) struct Place<'a> {
    pub(crate) folder: &'a FileId,
    /// Path that observers receive; its last part is the file's name.
    pub(crate) path: &'a RemotePath,
    pub(crate) on_conflict: OnConflict,
}

impl Client {
    /// Returns a builder of uploads and downloads of local files, with default settings.
    pub fn files(&self) -> Files<'_> {
        Files {
            client: self,
            concurrency: 4,
            on_conflict: OnConflict::Refuse,
            name: None,
            under_final_name: false,
            observer: None,
        }
    }
}

impl<'a> Files<'a> {
    /// Sets what happens when a file of the same name exists.
    ///
    /// [`OnConflict::Overwrite`] replaces it in one step, after all bytes have arrived. [`OnConflict::Rename`] uploads
    /// under a name that the server chooses; a download, which has no such choice, then fails as with
    /// [`OnConflict::Refuse`]. Default: [`OnConflict::Refuse`].
    pub fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.on_conflict = on_conflict;
        self
    }

    /// Sets the name of a single uploaded file.
    ///
    /// Default: the name of its source. Folders and mirrors ignore it.
    pub fn name(mut self, name: FileName) -> Self {
        self.name = Some(name);
        self
    }

    /// Sets whether uploads use their final names from the start, for servers whose automations react to names: see
    /// [`Upload::under_final_name`](crate::task::Upload::under_final_name).
    ///
    /// Default: `false`. A file gets its name when all its bytes have arrived.
    pub fn under_final_name(mut self, under_final_name: bool) -> Self {
        self.under_final_name = under_final_name;
        self
    }

    /// Sets how many files of a folder are transferred at the same time, each on a thread of its own.
    ///
    /// Default: 4.
    pub fn concurrency(mut self, files: usize) -> Self {
        self.concurrency = files.max(1);
        self
    }

    /// Sets an observer of each file's progress. Paths are relative to the transferred folder.
    ///
    /// If it breaks, all transfers are cancelled and cleaned up, and the call ends with [`Error::Cancelled`].
    pub fn on_event(
        mut self,
        observer: impl Fn(&RemotePath, &TransferEvent) -> ControlFlow<()> + Send + Sync + 'a,
    ) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Uploads a file, by its path, or a [`Stream`] into a folder.
    ///
    /// A file keeps its modification time. Leftovers of earlier uploads of this name are deleted if they are more than a
    /// day old.
    ///
    /// # Errors
    /// [`TransportErrorKind::Local`](crate::TransportErrorKind::Local) if the source cannot be read,
    /// [`TransferError::SourceChanged`](crate::TransferError::SourceChanged) if it keeps changing, and those of any call.
    pub fn upload(&self, source: impl UploadSource, folder: &FileId) -> Result<Uploaded, Error> {
        let name = self.name.clone().map_or_else(|| source.name(), Ok)?;
        self.upload_one(source.open()?, folder, &name)
    }

    fn upload_one(&self, source: Source, folder: &FileId, name: &FileName) -> Result<Uploaded, Error> {
        let path = RemotePath::home().join(name.as_str())?;
        let uploaded = self.upload_from(source, Place { folder, path: &path, on_conflict: self.on_conflict })?;
        self.remove_leftovers([(folder, name.as_str())]);
        Ok(uploaded)
    }

    /// Downloads a file to a local path, with its modification time.
    ///
    /// The file has a temporary name in the same folder until it is complete. It takes the mode of the file that it
    /// replaces, and replaces a link itself. Temporary files of the same name that are more than a day old are deleted.
    ///
    /// # Errors
    /// [`TransportErrorKind::Local`](crate::TransportErrorKind::Local) for an error of the local file, and those of any
    /// call. No temporary file is left then.
    pub fn download(&self, file: &FileId, path: impl AsRef<Path>) -> Result<Downloaded, Error> {
        let path = path.as_ref();
        let shown = RemotePath::home().join(name(path)?)?;
        let download = Download::by_id(file.clone());
        let folder = Folder::new(folder_of(path));
        let downloaded = self.download_to(download, &folder, path, &shown, self.overwrites())?;
        folder.sync()?;
        Ok(downloaded)
    }

    /// Whether downloads replace existing files.
    pub(crate) fn overwrites(&self) -> bool {
        self.on_conflict == OnConflict::Overwrite
    }

    pub(crate) fn upload_to(&self, from: &Path, place: Place<'_>) -> Result<Uploaded, Error> {
        self.upload_from(Source::open(from)?, place)
    }

    fn upload_from(&self, source: Source, Place { folder, path, on_conflict }: Place<'_>) -> Result<Uploaded, Error> {
        let name = FileName::new(path.name().unwrap_or_default())?;
        let mut upload = self.client.new_upload(folder.clone(), name, source.size()).on_conflict(on_conflict);
        upload = upload.replace_in_two_steps();
        if let Some(time) = source.modified() {
            upload = upload.modified(time);
        }
        if self.under_final_name {
            upload = upload.under_final_name();
        }
        self.client.upload_local(upload, source, |event| self.notify(path, event))
    }

    /// Deletes leftovers of earlier uploads of these names. Errors are ignored, since the uploads have succeeded.
    pub(crate) fn remove_leftovers<'n>(&self, names: impl IntoIterator<Item = (&'n FileId, &'n str)>) {
        let mut leftovers = RemoveLeftovers::new(SystemTime::now().into());
        names.into_iter().for_each(|(folder, name)| leftovers.add(folder, name));
        let _ = self.client.run(leftovers);
    }

    pub(crate) fn download_to(
        &self,
        download: Download,
        folder: &Folder,
        place: &Path,
        path: &RemotePath,
        overwrite: bool,
    ) -> Result<Downloaded, Error> {
        let partial = folder.partial(place, overwrite)?;
        let downloaded = self.client.download_observed(download, partial.file(), |event| self.notify(path, event))?;
        partial.keep(downloaded.modified)?;
        Ok(downloaded)
    }

    pub(crate) fn notify(&self, path: &RemotePath, event: &TransferEvent) -> ControlFlow<()> {
        self.observer.as_ref().map_or(ControlFlow::Continue(()), |observer| observer(path, event))
    }
}

impl std::fmt::Debug for Files<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files")
            .field("client", self.client)
            .field("on_conflict", &self.on_conflict)
            .finish_non_exhaustive()
    }
}
