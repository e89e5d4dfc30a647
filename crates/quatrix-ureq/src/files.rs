//! Files by their paths on this machine.

use std::fs::File;
use std::io::{Read, Seek};
use std::ops::ControlFlow;
use std::path::Path;

use quatrix_local::{Folder, folder_of, local, modified, name};
use quatrix_proto::api::Clash;
use quatrix_proto::task::{Download, Downloaded, TransferEvent, Uploaded};
use quatrix_proto::{Error, FileId, FileName, RemotePath, UnixTime};

use crate::client::Client;
use crate::pipe::spool;

/// Uploads and downloads by paths on this machine; [`Client::files`] makes one.
///
/// ```
/// # use quatrix_ureq::{Client, Credentials, Login, Server, api::GetHome};
/// # let emulator = quatrix_emulator::Emulator::start()?;
/// # let client = Client::new(Server::at(emulator.api())?)?;
/// # let login = client.login(Credentials::new("user@example.com", "only-for-tests-4711")?)?;
/// # assert_eq!(login, Login::Active);
/// # let home = client.call(&GetHome { content: false })?.id;
/// let files = client.files().overwrite(true).at_once(8);
/// let uploaded = files.upload("Cargo.toml", &home)?;
/// let report = files.upload_folder("src", &home)?;
/// println!("{} bytes, {} files, {} failed", uploaded.size, report.files, report.failed.len());
/// # assert!(report.files > 3 && report.failed.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "it does nothing by itself"]
pub struct Files<'a> {
    pub(crate) client: &'a Client,
    pub(crate) at_once: usize,
    pub(crate) overwrite: bool,
    observer: Option<Observer<'a>>,
}

type Observer<'a> = Box<dyn Fn(&RemotePath, &TransferEvent) -> ControlFlow<()> + Send + Sync + 'a>;

/// What one upload is, but for its bytes.
pub(crate) struct Place<'a> {
    pub(crate) folder: &'a FileId,
    /// Its name is the last one; an observer is shown all of it.
    pub(crate) path: &'a RemotePath,
    pub(crate) clash: Clash,
}

impl Client {
    /// Makes uploads and downloads by paths, with every default.
    pub fn files(&self) -> Files<'_> {
        Files { client: self, at_once: 4, overwrite: false, observer: None }
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

    /// Sets how many files of a folder are transferred at the same time, each on a thread of its own.
    ///
    /// Default: 4.
    pub fn at_once(mut self, files: usize) -> Self {
        self.at_once = files.max(1);
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
    /// # Errors
    /// Whatever it ends with; [`FailureKind::Local`](crate::FailureKind::Local) if the file cannot be read.
    pub fn upload(&self, path: impl AsRef<Path>, folder: &FileId) -> Result<Uploaded, Error> {
        let path = path.as_ref();
        let shown = RemotePath::home().join(name(path)?)?;
        self.upload_to(path, Place { folder, path: &shown, clash: self.clash() })
    }

    /// Uploads all that a source has to say, whose size nobody knows beforehand: it goes to a temporary file without a
    /// name first, since the server wants to know.
    ///
    /// # Errors
    /// Whatever it ends with.
    pub fn upload_stream(&self, source: impl Read, folder: &FileId, name: FileName) -> Result<Uploaded, Error> {
        let (file, size) = spool(source).map_err(|error| local(&std::env::temp_dir(), error))?;
        let path = RemotePath::home().join(name.as_str())?;
        self.upload_from(file, size, None, Place { folder, path: &path, clash: self.clash() })
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
        let download = Download::by_id(self.client.config().server(), file.clone());
        let folder = Folder::new(folder_of(path));
        let downloaded = self.download_to(download, &folder, path, &shown, self.overwrite)?;
        folder.sync()?;
        Ok(downloaded)
    }

    pub(crate) fn clash(&self) -> Clash {
        if self.overwrite { Clash::Overwrite } else { Clash::Refuse }
    }

    pub(crate) fn upload_to(&self, from: &Path, place: Place<'_>) -> Result<Uploaded, Error> {
        let opened = File::open(from).and_then(|file| Ok((file.metadata()?, file)));
        let (metadata, file) = opened.map_err(|error| local(from, error))?;
        self.upload_from(file, metadata.len(), modified(&metadata), place)
    }

    fn upload_from(
        &self,
        source: impl Read + Seek,
        size: u64,
        modified: Option<UnixTime>,
        Place { folder, path, clash }: Place<'_>,
    ) -> Result<Uploaded, Error> {
        let name = FileName::new(path.name().unwrap_or_default())?;
        let mut upload = self.client.new_upload(folder.clone(), name, size).on_clash(clash);
        if let Some(time) = modified {
            upload = upload.modified(time);
        }
        self.client.upload_observed(upload, source, |event| self.tell(path, event))
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
