//! Files by their paths on this machine.

use std::fmt;
use std::future::Future;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use quatrix_local::{Folder, Source, folder_of, local, name, unnamed_temp_file};
use quatrix_proto::api::OnConflict;
use quatrix_proto::task::{Download, Downloaded, RemoveLeftovers, TransferEvent, Uploaded};
use quatrix_proto::{Error, FileId, FileName, RemotePath};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncWriteExt};

use crate::blocking::spawn_blocking;
use crate::client::Client;
use crate::sink::FileSink;
use crate::source::Local;

/// Uploads and downloads by paths on this machine; [`Client::files`] makes one.
///
/// Like those of a [`Client`], its futures hold on to all that they need. Files are read and written on the threads that
/// tokio has for what blocks.
///
/// ```
/// # use quatrix_hyper::{Client, Credentials, Login, Server, api::GetHome};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let emulator = quatrix_emulator::Emulator::start()?;
/// # let client = Client::new(Server::at(emulator.api())?)?;
/// # let login = client.login(Credentials::new("user@example.com", "only-for-tests-4711")?).await?;
/// # assert_eq!(login, Login::Active);
/// # let home = client.call(&GetHome { content: false }).await?.id;
/// let files = client.files().overwrite(true).concurrency(8);
/// let uploaded = files.upload("Cargo.toml", &home).await?;
/// let report = files.upload_folder("src", &home).await?;
/// println!("{} bytes, {} files, {} failed", uploaded.size, report.files, report.failed.len());
/// # assert!(report.files > 3 && report.failed.is_empty());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "it does nothing by itself"]
pub struct Files {
    pub(crate) client: Client,
    pub(crate) concurrency: usize,
    pub(crate) overwrite: bool,
    rename: bool,
    under_final_name: bool,
    observer: Option<Observer>,
}

type Observer = Arc<dyn Fn(&RemotePath, &TransferEvent) -> ControlFlow<()> + Send + Sync>;

/// What one upload is, but for its bytes.
pub(crate) struct Place<'a> {
    pub(crate) folder: &'a FileId,
    /// Its name is the last one; an observer is shown all of it.
    pub(crate) path: &'a RemotePath,
    pub(crate) on_conflict: OnConflict,
}

impl Client {
    /// Makes uploads and downloads by paths, with every default.
    pub fn files(&self) -> Files {
        Files {
            client: self.clone(),
            concurrency: 4,
            overwrite: false,
            rename: false,
            under_final_name: false,
            observer: None,
        }
    }
}

impl Files {
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

    /// Sets how many files of a folder are transferred at the same time.
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
        observer: impl Fn(&RemotePath, &TransferEvent) -> ControlFlow<()> + Send + Sync + 'static,
    ) -> Self {
        self.observer = Some(Arc::new(observer));
        self
    }

    /// Uploads a file into a folder, under its own name and with its modification time.
    ///
    /// What an earlier upload of this name has left behind more than a day ago is deleted.
    ///
    /// # Errors
    /// Whatever it ends with; [`TransportErrorKind::Local`](crate::TransportErrorKind::Local) if the file cannot be read,
    /// [`TransferError::SourceChanged`](crate::TransferError::SourceChanged) if it changes all the time.
    pub fn upload<P: AsRef<Path>>(
        &self,
        path: P,
        folder: &FileId,
    ) -> impl Future<Output = Result<Uploaded, Error>> + Send + use<P> + 'static {
        let (files, from, folder) = (self.clone(), path.as_ref().to_owned(), folder.clone());
        async move {
            let name = FileName::new(name(&from)?)?;
            files.upload_one(open(&from).await?, &folder, &name).await
        }
    }

    /// Uploads a file into a folder, as [`upload`](Self::upload) does, under another name.
    ///
    /// # Errors
    /// Those of [`upload`](Self::upload).
    pub fn upload_as<P: AsRef<Path>>(
        &self,
        path: P,
        folder: &FileId,
        name: FileName,
    ) -> impl Future<Output = Result<Uploaded, Error>> + Send + use<P> + 'static {
        let (files, from, folder) = (self.clone(), path.as_ref().to_owned(), folder.clone());
        async move { files.upload_one(open(&from).await?, &folder, &name).await }
    }

    /// Uploads all that a source has to say, whose size nobody knows beforehand: it goes to a temporary file without a
    /// name first, since the server wants to know.
    ///
    /// # Errors
    /// Whatever it ends with.
    pub fn upload_stream<R>(
        &self,
        mut source: R,
        folder: &FileId,
        name: FileName,
    ) -> impl Future<Output = Result<Uploaded, Error>> + Send + use<R>
    where
        R: AsyncRead + Send + Unpin,
    {
        let (files, folder) = (self.clone(), folder.clone());
        async move {
            let failed = |error| local(&std::env::temp_dir(), error);
            let mut file = File::from_std(spawn_blocking(unnamed_temp_file).await.map_err(failed)?);
            tokio::io::copy(&mut source, &mut file).await.map_err(failed)?;
            file.flush().await.map_err(failed)?;
            let source = Source::spooled(file.into_std().await).map_err(failed)?;
            files.upload_one(source, &folder, &name).await
        }
    }

    async fn upload_one(&self, source: Source, folder: &FileId, name: &FileName) -> Result<Uploaded, Error> {
        let path = RemotePath::home().join(name.as_str())?;
        let uploaded = self.upload_from(source, Place { folder, path: &path, on_conflict: self.on_conflict() }).await?;
        self.remove_leftovers([(folder, name.as_str())]).await;
        Ok(uploaded)
    }

    /// Downloads a file to a path here, with its modification time.
    ///
    /// It has a temporary name beside it until it is whole. It takes the mode of the file that it replaces, and replaces
    /// a link itself. Temporary files of the same name that are more than a day old are removed.
    ///
    /// # Errors
    /// Whatever it ends with. Nothing is left behind then, nor if the future is dropped.
    pub fn download<P: AsRef<Path>>(
        &self,
        file: &FileId,
        path: P,
    ) -> impl Future<Output = Result<Downloaded, Error>> + Send + use<P> + 'static {
        let download = Download::by_id(file.clone());
        let (files, place) = (self.clone(), path.as_ref().to_owned());
        async move {
            let path = RemotePath::home().join(name(&place)?)?;
            let folder = Arc::new(Folder::new(folder_of(&place)));
            let downloaded = files.download_to(download, &folder, &place, &path, files.overwrite).await?;
            spawn_blocking(move || folder.sync()).await?;
            Ok(downloaded)
        }
    }

    /// What happens to an upload whose name is taken.
    pub(crate) fn on_conflict(&self) -> OnConflict {
        match (self.rename, self.overwrite) {
            (true, _) => OnConflict::Rename,
            (false, true) => OnConflict::Overwrite,
            (false, false) => OnConflict::Refuse,
        }
    }

    pub(crate) async fn upload_to(&self, from: &Path, place: Place<'_>) -> Result<Uploaded, Error> {
        self.upload_from(open(from).await?, place).await
    }

    async fn upload_from(
        &self,
        source: Source,
        Place { folder, path, on_conflict }: Place<'_>,
    ) -> Result<Uploaded, Error> {
        let name = FileName::new(path.name().unwrap_or_default())?;
        let mut upload = self.client.new_upload(folder.clone(), name, source.size()).on_conflict(on_conflict);
        upload = upload.replace_in_two_steps();
        if let Some(time) = source.modified() {
            upload = upload.modified(time);
        }
        if self.under_final_name {
            upload = upload.under_final_name();
        }
        self.client.run_transfer(upload, Local::new(source), |event| self.tell(path, event)).await
    }

    /// Deletes what earlier uploads of these names have left behind in these folders: best effort, since all that was
    /// asked for is done.
    pub(crate) async fn remove_leftovers<'n>(&self, names: impl IntoIterator<Item = (&'n FileId, &'n str)>) {
        let mut leftovers = RemoveLeftovers::new(SystemTime::now().into());
        names.into_iter().for_each(|(folder, name)| leftovers.add(folder, name));
        let _ = self.client.run(leftovers).await;
    }

    pub(crate) async fn download_to(
        &self,
        download: Download,
        folder: &Arc<Folder>,
        place: &Path,
        path: &RemotePath,
        overwrite: bool,
    ) -> Result<Downloaded, Error> {
        let (folder, place) = (Arc::clone(folder), place.to_owned());
        let partial = spawn_blocking(move || folder.partial(&place, overwrite)).await?;
        let sink = FileSink::new(partial.writer()?);
        let downloaded = self.client.run_transfer(download, sink, |event| self.tell(path, event)).await?;
        let modified = downloaded.modified;
        spawn_blocking(move || partial.keep(modified)).await?;
        Ok(downloaded)
    }

    pub(crate) fn tell(&self, path: &RemotePath, event: &TransferEvent) -> ControlFlow<()> {
        self.observer.as_ref().map_or(ControlFlow::Continue(()), |observer| observer(path, event))
    }
}

async fn open(path: &Path) -> Result<Source, Error> {
    let path = path.to_owned();
    spawn_blocking(move || Source::open(&path)).await
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files")
            .field("client", &self.client)
            .field("concurrency", &self.concurrency)
            .field("overwrite", &self.overwrite)
            .finish_non_exhaustive()
    }
}
