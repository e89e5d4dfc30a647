//! Transfers of folders and mirrors.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use quatrix_local::{Folder, plan_download, plan_mirror_down, plan_mirror_up, plan_upload};
use quatrix_proto::api::RenameFile;
use quatrix_proto::task::mirror::{Batch, BatchStep, Job, JobResult, ListRemote, Mirror, Remote, Report, Work};
use quatrix_proto::task::{Delete, Download, MakeFolders};
use quatrix_proto::{Error, FileId, RemotePath};

use crate::files::{Files, Place};

impl Files<'_> {
    /// Uploads everything in a folder here into a folder there.
    ///
    /// Existing folders are reused; existing files are handled as set by [`on_conflict`](Self::on_conflict).
    ///
    /// # Errors
    /// Only if the transfer cannot start or the observer cancels it; the report lists the errors of single files.
    pub fn upload_folder(&self, from: impl AsRef<Path>, to: &FileId) -> Result<Report, Error> {
        self.run_batch(plan_upload(from.as_ref(), to.clone(), self.on_conflict)?, from)
    }

    /// Downloads everything in a folder there into a folder here, which is made if need be.
    ///
    /// Existing folders are reused; existing files are handled as set by [`on_conflict`](Self::on_conflict).
    ///
    /// # Errors
    /// Only if the transfer cannot start or the observer cancels it; the report lists the errors of single files.
    pub fn download_folder(&self, from: &FileId, to: impl AsRef<Path>) -> Result<Report, Error> {
        self.run_batch(plan_download(self.list(from)?, to.as_ref(), self.overwrites()), to)
    }

    /// Makes a folder there like one here: what is new or differs in size or time is uploaded.
    ///
    /// What only that one has goes to the trash if `how` says so, last, and only if all transfers have succeeded.
    ///
    /// # Errors
    /// Only if the transfer cannot start or the observer cancels it; the report lists the errors of single files.
    pub fn mirror_up(&self, from: impl AsRef<Path>, to: &FileId, how: &Mirror) -> Result<Report, Error> {
        self.run_batch(plan_mirror_up(how, from.as_ref(), self.list(to)?)?, from)
    }

    /// Makes a folder here like one there: what is new or differs in size or time is downloaded.
    ///
    /// What only this one has is deleted if `how` says so, last, and only if all transfers have succeeded.
    ///
    /// # Errors
    /// Only if the transfer cannot start or the observer cancels it; the report lists the errors of single files.
    pub fn mirror_down(&self, from: &FileId, to: impl AsRef<Path>, how: &Mirror) -> Result<Report, Error> {
        self.run_batch(plan_mirror_down(how, self.list(from)?, to.as_ref())?, to)
    }

    fn list(&self, folder: &FileId) -> Result<Remote, Error> {
        self.client.run(ListRemote::new(folder.clone()))
    }

    /// Does what a plan for this folder here says.
    ///
    /// # Errors
    /// Only if the transfer cannot start or the observer cancels it; the report lists the errors of single files.
    pub fn run_batch(&self, mut batch: Batch, here: impl AsRef<Path>) -> Result<Report, Error> {
        let here = &Folder::new(here.as_ref());
        if self.notify(&RemotePath::home(), &batch.planned()).is_break() {
            return Err(Error::Cancelled);
        }
        loop {
            match batch.poll() {
                BatchStep::One(job) => {
                    let result = self.work(here, &job);
                    batch.handle(job, result);
                }
                BatchStep::Copies(files) => batch = self.copy(batch, files.min(self.concurrency), here),
                BatchStep::Done => {
                    here.sync()?;
                    self.remove_leftovers(batch.uploaded());
                    return batch.finish();
                }
            }
        }
    }

    /// Copies files, each of so many threads one after the other.
    fn copy(&self, batch: Batch, threads: usize, here: &Folder) -> Batch {
        let batch = Mutex::new(batch);
        // A function of its own, so that nothing is locked while a file is copied.
        let next = || lock(&batch).next_copy();
        let copy = || {
            while let Some(job) = next() {
                let result = self.work(here, &job);
                lock(&batch).handle(job, result);
            }
        };
        match threads {
            0 | 1 => copy(),
            _ => thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(copy)))),
        }
        batch.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, here: &Folder, Job { path, work, .. }: &Job) -> Result<JobResult, Error> {
        let (place, client) = (here.place(path)?, self.client);
        match work {
            Work::MakeLocalFolder => here.make(&place).map(|()| JobResult::Made(None)),
            Work::MakeRemoteFolder { parent } => {
                let name = RemotePath::home().join(path.name().unwrap_or_default())?;
                let make = MakeFolders::below(parent.clone(), name);
                client.run(make).map(|id| JobResult::Made(Some(id)))
            }
            Work::Upload { folder, on_conflict } => {
                let uploaded = self.upload_to(&place, Place { folder, path, on_conflict: *on_conflict });
                uploaded.map(|uploaded| JobResult::Copied(uploaded.size))
            }
            Work::Download { file, overwrite } => {
                let download = Download::file(file);
                let downloaded = self.download_to(download, here, &place, path, *overwrite);
                downloaded.map(|downloaded| JobResult::Copied(downloaded.size))
            }
            Work::RenameLocal { to } => here.rename(path, to).map(|()| JobResult::Renamed),
            Work::RenameRemote { id, name } => {
                client.call(&RenameFile::new(id.clone(), name.clone())).map(|_| JobResult::Renamed)
            }
            Work::DeleteLocal { items } => here.delete(items).map(|()| JobResult::Deleted),
            Work::DeleteRemote { id } => client.run(Delete::to_trash(id.clone())).map(|_| JobResult::Deleted),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whoever panicked has left a whole batch behind, and the panic goes on when the threads are joined.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
