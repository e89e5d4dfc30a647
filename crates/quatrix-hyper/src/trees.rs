//! Transfers of folders and mirrors.

use std::future::{Future, poll_fn};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use quatrix_local::{Folder, plan_download, plan_mirror_down, plan_mirror_up, plan_upload};
use quatrix_proto::api::RenameFile;
use quatrix_proto::task::mirror::{Batch, BatchStep, Job, JobResult, ListRemote, Mirror, Remote, Report, Work};
use quatrix_proto::task::{Delete, Download, MakeFolders};
use quatrix_proto::{Error, FileId, RemotePath};

use crate::blocking::spawn_blocking;
use crate::files::{Files, Place};

impl Files {
    /// Uploads everything in a folder here into a folder there.
    ///
    /// Existing folders are reused; existing files are handled as set by [`on_conflict`](Self::on_conflict).
    ///
    /// # Errors
    /// Only if the transfer cannot start or the observer cancels it; the report lists the errors of single files.
    pub fn upload_folder<P: AsRef<Path>>(
        &self,
        from: P,
        to: &FileId,
    ) -> impl Future<Output = Result<Report, Error>> + Send + use<P> + 'static {
        let (files, here, to) = (self.clone(), from.as_ref().to_owned(), to.clone());
        async move {
            let (on_conflict, from) = (files.on_conflict, here.clone());
            let batch = spawn_blocking(move || plan_upload(&from, to, on_conflict)).await?;
            files.run_batch(batch, here).await
        }
    }

    /// Downloads everything in a folder there into a folder here, which is made if need be.
    ///
    /// Existing folders are reused; existing files are handled as set by [`on_conflict`](Self::on_conflict).
    ///
    /// # Errors
    /// Only if the transfer cannot start or the observer cancels it; the report lists the errors of single files.
    pub fn download_folder<P: AsRef<Path>>(
        &self,
        from: &FileId,
        to: P,
    ) -> impl Future<Output = Result<Report, Error>> + Send + use<P> + 'static {
        let (files, from, here) = (self.clone(), from.clone(), to.as_ref().to_owned());
        async move {
            let (there, overwrite, to) = (files.list(from).await?, files.overwrites(), here.clone());
            let batch = spawn_blocking(move || plan_download(there, &to, overwrite)).await;
            files.run_batch(batch, here).await
        }
    }

    /// Makes a folder there like one here: what is new or differs in size or time is uploaded.
    ///
    /// What only that one has goes to the trash if `how` says so, last, and only if all transfers have succeeded.
    ///
    /// # Errors
    /// Only if the transfer cannot start or the observer cancels it; the report lists the errors of single files.
    pub fn mirror_up<P: AsRef<Path>>(
        &self,
        from: P,
        to: &FileId,
        how: &Mirror,
    ) -> impl Future<Output = Result<Report, Error>> + Send + use<P> + 'static {
        let (files, here, to, how) = (self.clone(), from.as_ref().to_owned(), to.clone(), *how);
        async move {
            let (there, from) = (files.list(to).await?, here.clone());
            let batch = spawn_blocking(move || plan_mirror_up(&how, &from, there)).await?;
            files.run_batch(batch, here).await
        }
    }

    /// Makes a folder here like one there: what is new or differs in size or time is downloaded.
    ///
    /// What only this one has is deleted if `how` says so, last, and only if all transfers have succeeded.
    ///
    /// # Errors
    /// Only if the transfer cannot start or the observer cancels it; the report lists the errors of single files.
    pub fn mirror_down<P: AsRef<Path>>(
        &self,
        from: &FileId,
        to: P,
        how: &Mirror,
    ) -> impl Future<Output = Result<Report, Error>> + Send + use<P> + 'static {
        let (files, from, here, how) = (self.clone(), from.clone(), to.as_ref().to_owned(), *how);
        async move {
            let (there, to) = (files.list(from).await?, here.clone());
            let batch = spawn_blocking(move || plan_mirror_down(&how, there, &to)).await?;
            files.run_batch(batch, here).await
        }
    }

    async fn list(&self, folder: FileId) -> Result<Remote, Error> {
        self.client.run(ListRemote::new(folder)).await
    }

    /// Does what a plan for this folder here says.
    ///
    /// # Errors
    /// Only if the transfer cannot start or the observer cancels it; the report lists the errors of single files.
    pub fn run_batch<P: AsRef<Path>>(
        &self,
        mut batch: Batch,
        here: P,
    ) -> impl Future<Output = Result<Report, Error>> + Send + use<P> + 'static {
        let (files, here) = (self.clone(), Arc::new(Folder::new(here.as_ref())));
        async move {
            if files.notify(&RemotePath::home(), &batch.planned()).is_break() {
                return Err(Error::Cancelled);
            }
            loop {
                match batch.poll() {
                    BatchStep::One(job) => {
                        let result = files.work(&here, &job).await;
                        batch.handle(job, result);
                    }
                    BatchStep::Copies(many) => batch = files.copy(batch, many.min(files.concurrency), &here).await,
                    BatchStep::Done => {
                        spawn_blocking(move || here.sync()).await?;
                        files.remove_leftovers(batch.uploaded()).await;
                        return batch.finish();
                    }
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

    async fn work(&self, here: &Arc<Folder>, Job { path, work, .. }: &Job) -> Result<JobResult, Error> {
        let (root, at, client) = (Arc::clone(here), path.clone(), &self.client);
        let place = spawn_blocking(move || root.place(&at)).await?;
        let root = Arc::clone(here);
        match work.clone() {
            Work::MakeLocalFolder => spawn_blocking(move || root.make(&place)).await.map(|()| JobResult::Made(None)),
            Work::MakeRemoteFolder { parent } => {
                let name = RemotePath::home().join(path.name().unwrap_or_default())?;
                let make = MakeFolders::below(parent, name);
                client.run(make).await.map(|id| JobResult::Made(Some(id)))
            }
            Work::Upload { folder, on_conflict } => {
                let uploaded = self.upload_to(&place, Place { folder: &folder, path, on_conflict }).await;
                uploaded.map(|uploaded| JobResult::Copied(uploaded.size))
            }
            Work::Download { file, overwrite } => {
                let download = Download::file(&file);
                let downloaded = self.download_to(download, here, &place, path, overwrite).await;
                downloaded.map(|downloaded| JobResult::Copied(downloaded.size))
            }
            Work::RenameLocal { to } => {
                let from = path.clone();
                spawn_blocking(move || root.rename(&from, &to)).await.map(|()| JobResult::Renamed)
            }
            Work::RenameRemote { id, name } => {
                client.call(&RenameFile::new(id, name)).await.map(|_| JobResult::Renamed)
            }
            Work::DeleteLocal { items } => {
                spawn_blocking(move || root.delete(&items)).await.map(|()| JobResult::Deleted)
            }
            Work::DeleteRemote { id } => client.run(Delete::to_trash(id)).await.map(|_| JobResult::Deleted),
        }
    }
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
