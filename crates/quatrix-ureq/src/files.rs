//! Files by their paths on this machine.

use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::SystemTime;

use quatrix_local::{Folder, Source, folder_of, local, name};
use quatrix_proto::api::OnConflict;
use quatrix_proto::task::{Download, Downloaded, RemoveLeftovers, TransferEvent, Uploaded};
use quatrix_proto::{Error, FileId, FileName, RemotePath};

use crate::client::Client;

/// Uploads and downloads by paths on this machine; [`Client::files`] makes one.
///
/// ```
/// # use quatrix_ureq::{Client, Credentials, Login, Server, api::GetHome};
/// # let emulator = quatrix_emulator::Emulator::start()?;
/// # let client = Client::new(Server::at(emulator.api())?)?;
/// # let login = client.login(Credentials::new("user@example.com", "only-for-tests-4711")?)?;
/// # assert_eq!(login, Login::Active);
/// # let home = client.call(&GetHome { content: false })?.id;
/// let files = client.files().overwrite(true).concurrency(8);
/// let uploaded = files.upload("Cargo.toml", &home)?;
/// let report = files.upload_folder("src", &home)?;
/// println!("{} bytes, {} files, {} failed", uploaded.size, report.files, report.failed.len());
/// # assert!(report.files > 3 && report.failed.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "it does nothing by itself"]
pub struct Files<'a> {
    pub(crate) client: &'a Client,
    pub(crate) concurrency: usize,
    pub(crate) overwrite: bool,
    rename: bool,
    under_final_name: bool,
    observer: Option<Observer<'a>>,
}

type Observer<'a> = Box<dyn Fn(&RemotePath, &TransferEvent) -> ControlFlow<()> + Send + Sync + 'a>;

/// What one upload is, but for its bytes.
pub(crate) struct Place<'a> {
    pub(crate) folder: &'a FileId,
    /// Its name is the last one; an observer is shown all of it.
    pub(crate) path: &'a RemotePath,
    pub(crate) on_conflict: OnConflict,
}

impl Client {
    /// Makes uploads and downloads by paths, with every default.
    pub fn files(&self) -> Files<'_> {
        Files { client: self, concurrency: 4, overwrite: false, rename: false, under_final_name: false, observer: None }
    }
}

impl<'a> Files<'a> {
    /// Says whether a file may take the place of one that is there, on either side.
    ///
    /// It does so in one step, when all its bytes have arrived. Default: no.
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.overwrite = overwrite;
        self
    }

    /// Says whether an upload takes another name, as the server chooses, where its own is taken; it then overwrites
    /// nothing.
    ///
    /// Default: no.
    pub fn rename(mut self, rename: bool) -> Self {
        self.rename = rename;
        self
    }

    /// Says whether uploads go straight to their final names, for servers whose automations react to names: see
    /// [`Upload::under_final_name`](crate::task::Upload::under_final_name).
    ///
    /// Default: no. A file gets its name when all its bytes have arrived.
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

    /// Tells an observer how each file goes; its path starts at the folder that is transferred.
    ///
    /// Breaking gives everything up: what is under way is tidied up, and the whole ends with [`Error::Cancelled`].
    pub fn on_event(
        mut self,
        observer: impl Fn(&RemotePath, &TransferEvent) -> ControlFlow<()> + Send + Sync + 'a,
    ) -> Self {
        self.observer = Some(Box::new(observer));
        self
    }

    /// Uploads a file into a folder, under its own name and with its modification time.
    ///
    /// What an earlier upload of this name has left behind more than a day ago is deleted.
    ///
    /// # Errors
    /// Whatever it ends with; [`TransportErrorKind::Local`](crate::TransportErrorKind::Local) if the file cannot be read,
    /// [`TransferError::SourceChanged`](crate::TransferError::SourceChanged) if it changes all the time.
    pub fn upload(&self, path: impl AsRef<Path>, folder: &FileId) -> Result<Uploaded, Error> {
        let path = path.as_ref();
        self.upload_as(path, folder, FileName::new(name(path)?)?)
    }

    /// Uploads a file into a folder, as [`upload`](Self::upload) does, under another name.
    ///
    /// # Errors
    /// Those of [`upload`](Self::upload).
    pub fn upload_as(&self, path: impl AsRef<Path>, folder: &FileId, name: FileName) -> Result<Uploaded, Error> {
        self.upload_one(Source::open(path.as_ref())?, folder, &name)
    }

    /// Uploads all that a source has to say, whose size nobody knows beforehand: it goes to a temporary file without a
    /// name first, since the server wants to know.
    ///
    /// # Errors
    /// Whatever it ends with.
    pub fn upload_stream(&self, source: impl Read, folder: &FileId, name: FileName) -> Result<Uploaded, Error> {
        let source = Source::spool(source).map_err(|error| local(&std::env::temp_dir(), error))?;
        self.upload_one(source, folder, &name)
    }

    fn upload_one(&self, source: Source, folder: &FileId, name: &FileName) -> Result<Uploaded, Error> {
        let path = RemotePath::home().join(name.as_str())?;
        let uploaded = self.upload_from(source, Place { folder, path: &path, on_conflict: self.on_conflict() })?;
        self.remove_leftovers([(folder, name.as_str())]);
        Ok(uploaded)
    }

    /// Downloads a file to a path here, with its modification time.
    ///
    /// It has a temporary name beside it until it is whole. It takes the mode of the file that it replaces, and replaces
    /// a link itself. Temporary files of the same name that are more than a day old are removed.
    ///
    /// # Errors
    /// Whatever it ends with. Nothing is left behind then.
    pub fn download(&self, file: &FileId, path: impl AsRef<Path>) -> Result<Downloaded, Error> {
        let path = path.as_ref();
        let shown = RemotePath::home().join(name(path)?)?;
        let download = Download::by_id(file.clone());
        let folder = Folder::new(folder_of(path));
        let downloaded = self.download_to(download, &folder, path, &shown, self.overwrite)?;
        folder.sync()?;
        Ok(downloaded)
    }

    /// What happens to an upload whose name is taken.
    pub(crate) fn on_conflict(&self) -> OnConflict {
        match (self.rename, self.overwrite) {
            (true, _) => OnConflict::Rename,
            (false, true) => OnConflict::Overwrite,
            (false, false) => OnConflict::Refuse,
        }
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
        self.client.upload_local(upload, source, |event| self.tell(path, event))
    }

    /// Deletes what earlier uploads of these names have left behind in these folders: best effort, since all that was
    /// asked for is done.
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
        let downloaded = self.client.download_observed(download, partial.file(), |event| self.tell(path, event))?;
        partial.keep(downloaded.modified)?;
        Ok(downloaded)
    }

    pub(crate) fn tell(&self, path: &RemotePath, event: &TransferEvent) -> ControlFlow<()> {
        self.observer.as_ref().map_or(ControlFlow::Continue(()), |observer| observer(path, event))
    }
}

impl std::fmt::Debug for Files<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Files").field("client", self.client).field("overwrite", &self.overwrite).finish_non_exhaustive()
    }
}
