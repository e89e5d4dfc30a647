//! Many files at once: folders, and mirrors of them.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use quatrix_local::{Folder, local, read_tree};
use quatrix_proto::api::DeleteFiles;
use quatrix_proto::task::mirror::{Batch, BatchStep, Did, Job, Mirror, Remote, Report, Work};
use quatrix_proto::task::{Download, MakeFolders, Walk};
use quatrix_proto::{Error, FileId, RemotePath};

use crate::files::{Files, Place};

impl Files<'_> {
    /// Uploads everything in a folder here into a folder there.
    ///
    /// Folders that are there are no hindrance; files are, unless they may be [overwritten](Self::overwrite).
    ///
    /// # Errors
    /// Only if nothing can be begun, or the observer gives up: what single files end with is in the report.
    pub fn upload_folder(&self, from: impl AsRef<Path>, to: &FileId) -> Result<Report, Error> {
        let here = from.as_ref();
        self.carry_out(Batch::upload(read_tree(here)?, to.clone(), self.clash()), &Folder::new(here))
    }

    /// Downloads everything in a folder there into a folder here, which is made if need be.
    ///
    /// Folders that are there are no hindrance; files are, unless they may be [overwritten](Self::overwrite).
    ///
    /// # Errors
    /// Only if nothing can be begun, or the observer gives up: what single files end with is in the report.
    pub fn download_folder(&self, from: &FileId, to: impl AsRef<Path>) -> Result<Report, Error> {
        let here = Folder::create(to.as_ref())?;
        self.carry_out(Batch::download(self.walk(from)?, self.overwrite), &here)
    }

    /// Makes a folder there like one here: what is new or differs in size or time is uploaded.
    ///
    /// What only that one has goes to the trash if `how` says so, last, and only if all else has succeeded.
    ///
    /// # Errors
    /// Only if nothing can be begun, or the observer gives up: what single files end with is in the report.
    pub fn mirror_up(&self, from: impl AsRef<Path>, to: &FileId, how: &Mirror) -> Result<Report, Error> {
        let here = from.as_ref();
        self.carry_out(Batch::mirror_up(how, read_tree(here)?, self.walk(to)?), &Folder::new(here))
    }

    /// Makes a folder here like one there: what is new or differs in size or time is downloaded.
    ///
    /// What only this one has is deleted if `how` says so, last, and only if all else has succeeded.
    ///
    /// # Errors
    /// Only if nothing can be begun, or the observer gives up: what single files end with is in the report.
    pub fn mirror_down(&self, from: &FileId, to: impl AsRef<Path>, how: &Mirror) -> Result<Report, Error> {
        let here = Folder::create(to.as_ref())?;
        self.carry_out(Batch::mirror_down(how, self.walk(from)?, read_tree(here.path())?), &here)
    }

    fn walk(&self, folder: &FileId) -> Result<Remote, Error> {
        let walk = Walk::below(self.client.config().server(), folder.clone(), RemotePath::home());
        Ok(Remote::new(folder.clone(), self.client.run(walk)?))
    }

    fn carry_out(&self, mut batch: Batch, here: &Folder) -> Result<Report, Error> {
        if self.tell(&RemotePath::home(), &batch.planned()).is_break() {
            return Err(Error::Cancelled);
        }
        loop {
            match batch.poll() {
                BatchStep::One(job) => {
                    let result = self.work(here, &job);
                    batch.handle(job, result);
                }
                BatchStep::Copies(files) => batch = self.copy(batch, files.min(self.at_once), here),
                BatchStep::Done => {
                    here.sync()?;
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

    fn work(&self, here: &Folder, Job { path, work, .. }: &Job) -> Result<Did, Error> {
        let (place, client) = (here.place(path)?, self.client);
        let failed = |error| local(&place, error);
        match work {
            Work::MakeHere => here.make(&place).map(|()| Did::Made(None)),
            Work::MakeThere { parent } => {
                let name = RemotePath::home().join(path.name().unwrap_or_default())?;
                let make = MakeFolders::below(client.config().server(), parent.clone(), name);
                client.run(make).map(|id| Did::Made(Some(id)))
            }
            Work::Upload { folder, clash } => {
                let uploaded = self.upload_to(&place, Place { folder, path, clash: *clash });
                uploaded.map(|uploaded| Did::Copied(uploaded.size))
            }
            Work::Download { file, overwrite } => {
                let download = Download::file(client.config().server(), file);
                let downloaded = self.download_to(download, here, &place, path, *overwrite);
                downloaded.map(|downloaded| Did::Copied(downloaded.size))
            }
            Work::DeleteHere { folder: true } => fs::remove_dir_all(&place).map(|()| Did::Deleted).map_err(failed),
            Work::DeleteHere { folder: false } => fs::remove_file(&place).map(|()| Did::Deleted).map_err(failed),
            Work::DeleteThere { id } => client.call(&DeleteFiles::to_trash([id.clone()])).map(|_| Did::Deleted),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Whoever panicked has left a whole batch behind, and the panic goes on when the threads are joined.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
