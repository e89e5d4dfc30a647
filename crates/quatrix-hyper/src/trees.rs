//! Many files at once: folders, and mirrors of them.

use std::future::{Future, poll_fn};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use quatrix_local::{Folder, local, read_tree};
use quatrix_proto::api::DeleteFiles;
use quatrix_proto::task::mirror::{Batch, BatchStep, Did, Job, Mirror, Remote, Report, Tree, Work};
use quatrix_proto::task::{Download, MakeFolders, Walk};
use quatrix_proto::{Error, FileId, RemotePath};
use tokio::fs;

use crate::blocking::off_the_runtime;
use crate::files::{Files, Place};

impl Files {
    /// Uploads everything in a folder here into a folder there.
    ///
    /// Folders that are there are no hindrance; files are, unless they may be [overwritten](Self::overwrite).
    ///
    /// # Errors
    /// Only if nothing can be begun, or the observer gives up: what single files end with is in the report.
    pub fn upload_folder<P: AsRef<Path>>(
        &self,
        from: P,
        to: &FileId,
    ) -> impl Future<Output = Result<Report, Error>> + Send + use<P> + 'static {
        let (files, here, to) = (self.clone(), from.as_ref().to_owned(), to.clone());
        async move {
            let batch = Batch::upload(read(&here).await?, to, files.clash());
            files.carry_out(batch, &Arc::new(Folder::new(here))).await
        }
    }

    /// Downloads everything in a folder there into a folder here, which is made if need be.
    ///
    /// Folders that are there are no hindrance; files are, unless they may be [overwritten](Self::overwrite).
    ///
    /// # Errors
    /// Only if nothing can be begun, or the observer gives up: what single files end with is in the report.
    pub fn download_folder<P: AsRef<Path>>(
        &self,
        from: &FileId,
        to: P,
    ) -> impl Future<Output = Result<Report, Error>> + Send + use<P> + 'static {
        let (files, from, here) = (self.clone(), from.clone(), to.as_ref().to_owned());
        async move {
            let here = create(here).await?;
            let batch = Batch::download(files.walk(from).await?, files.overwrite);
            files.carry_out(batch, &here).await
        }
    }

    /// Makes a folder there like one here: what is new or differs in size or time is uploaded.
    ///
    /// What only that one has goes to the trash if `how` says so, last, and only if all else has succeeded.
    ///
    /// # Errors
    /// Only if nothing can be begun, or the observer gives up: what single files end with is in the report.
    pub fn mirror_up<P: AsRef<Path>>(
        &self,
        from: P,
        to: &FileId,
        how: &Mirror,
    ) -> impl Future<Output = Result<Report, Error>> + Send + use<P> + 'static {
        let (files, here, to, how) = (self.clone(), from.as_ref().to_owned(), to.clone(), *how);
        async move {
            let batch = Batch::mirror_up(&how, read(&here).await?, files.walk(to).await?);
            files.carry_out(batch, &Arc::new(Folder::new(here))).await
        }
    }

    /// Makes a folder here like one there: what is new or differs in size or time is downloaded.
    ///
    /// What only this one has is deleted if `how` says so, last, and only if all else has succeeded.
    ///
    /// # Errors
    /// Only if nothing can be begun, or the observer gives up: what single files end with is in the report.
    pub fn mirror_down<P: AsRef<Path>>(
        &self,
        from: &FileId,
        to: P,
        how: &Mirror,
    ) -> impl Future<Output = Result<Report, Error>> + Send + use<P> + 'static {
        let (files, from, here, how) = (self.clone(), from.clone(), to.as_ref().to_owned(), *how);
        async move {
            let here = create(here).await?;
            let batch = Batch::mirror_down(&how, files.walk(from).await?, read(here.path()).await?);
            files.carry_out(batch, &here).await
        }
    }

    async fn walk(&self, folder: FileId) -> Result<Remote, Error> {
        let walk = Walk::below(self.client.config().server(), folder.clone(), RemotePath::home());
        Ok(Remote::new(folder, self.client.run(walk).await?))
    }

    async fn carry_out(&self, mut batch: Batch, here: &Arc<Folder>) -> Result<Report, Error> {
        if self.tell(&RemotePath::home(), &batch.planned()).is_break() {
            return Err(Error::Cancelled);
        }
        loop {
            match batch.poll() {
                BatchStep::One(job) => {
                    let result = self.work(here, &job).await;
                    batch.handle(job, result);
                }
                BatchStep::Copies(files) => batch = self.copy(batch, files.min(self.at_once), here).await,
                BatchStep::Done => {
                    let here = Arc::clone(here);
                    off_the_runtime(move || here.sync()).await?;
                    return batch.finish();
                }
            }
        }
    }

    /// Copies files, in so many places one after the other.
    async fn copy(&self, batch: Batch, places: usize, here: &Arc<Folder>) -> Batch {
        let batch = Mutex::new(batch);
        // A function of its own, so that nothing is locked while a file is copied.
        let next = || lock(&batch).next_copy();
        let copy = async || {
            while let Some(job) = next() {
                let result = self.work(here, &job).await;
                lock(&batch).handle(job, result);
            }
        };
        all((0..places).map(|_| Box::pin(copy())).collect()).await;
        batch.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    async fn work(&self, here: &Arc<Folder>, Job { path, work, .. }: &Job) -> Result<Did, Error> {
        let client = &self.client;
        let place = {
            let (here, path) = (Arc::clone(here), path.clone());
            off_the_runtime(move || here.place(&path)).await?
        };
        let failed = |error| local(&place, error);
        match work {
            Work::MakeHere => {
                let (here, place) = (Arc::clone(here), place.clone());
                off_the_runtime(move || here.make(&place)).await.map(|()| Did::Made(None))
            }
            Work::MakeThere { parent } => {
                let name = RemotePath::home().join(path.name().unwrap_or_default())?;
                let make = MakeFolders::below(client.config().server(), parent.clone(), name);
                client.run(make).await.map(|id| Did::Made(Some(id)))
            }
            Work::Upload { folder, clash } => {
                let uploaded = self.upload_to(&place, Place { folder, path, clash: *clash }).await;
                uploaded.map(|uploaded| Did::Copied(uploaded.size))
            }
            Work::Download { file, overwrite } => {
                let download = Download::file(client.config().server(), file);
                let downloaded = self.download_to(download, here, &place, path, *overwrite).await;
                downloaded.map(|downloaded| Did::Copied(downloaded.size))
            }
            Work::DeleteHere { folder: true } => {
                fs::remove_dir_all(&place).await.map(|()| Did::Deleted).map_err(failed)
            }
            Work::DeleteHere { folder: false } => fs::remove_file(&place).await.map(|()| Did::Deleted).map_err(failed),
            Work::DeleteThere { id } => client.call(&DeleteFiles::to_trash([id.clone()])).await.map(|_| Did::Deleted),
        }
    }
}

async fn create(root: PathBuf) -> Result<Arc<Folder>, Error> {
    off_the_runtime(move || Folder::create(root).map(Arc::new)).await
}

async fn read(root: &Path) -> Result<Tree, Error> {
    let root = root.to_owned();
    off_the_runtime(move || read_tree(&root)).await
}

/// Awaits all of them, side by side.
async fn all<F: Future<Output = ()>>(mut futures: Vec<Pin<Box<F>>>) {
    poll_fn(|cx| {
        futures.retain_mut(|future| future.as_mut().poll(cx).is_pending());
        if futures.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
