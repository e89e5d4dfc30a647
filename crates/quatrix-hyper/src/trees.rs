//! Many files at once: folders, and mirrors of them.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use quatrix_proto::api::{Clash, DeleteFiles};
use quatrix_proto::task::mirror::{Action, Item, Mirror};
use quatrix_proto::task::{Download, MakeFolders, Walk};
use quatrix_proto::{Error, Failure, FailureKind, File, FileId, RemotePath};
use tokio::fs;

use crate::files::{Files, Place};
use crate::local::{self, Tree, local, off_the_runtime};

/// What came of many files. Paths start at the folder that was transferred.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// How many files were transferred.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many files and folders were deleted.
    pub deleted: u64,
    /// What failed, and why.
    pub failed: Vec<(RemotePath, Error)>,
    /// What was left out because it is neither file nor folder, such as a link.
    pub skipped: Vec<RemotePath>,
}

impl Files {
    /// Uploads everything in a folder here into a folder there. Folders that are there are no hindrance; files are,
    /// unless they may be [overwritten](Self::overwrite).
    ///
    /// # Errors
    /// Only if nothing can be begun, or the observer gives up: what single files end with is in the report.
    pub fn upload_folder<P: AsRef<Path>>(
        &self,
        from: P,
        to: &FileId,
    ) -> impl Future<Output = Result<Report, Error>> + Send + use<P> + 'static {
        let (files, from, folders) = (self.clone(), from.as_ref().to_owned(), home(to));
        async move {
            let here = local_tree(&from).await?;
            let actions = Mirror::default().plan(&here.items, &BTreeMap::new());
            let clash = files.clash();
            files
                .carry_out(actions, Up { files: &files, from, clash, folders, there: BTreeMap::new() }, here.into())
                .await
        }
    }

    /// Downloads everything in a folder there into a folder here, which is made if need be. Folders that are there are
    /// no hindrance; files are, unless they may be [overwritten](Self::overwrite).
    ///
    /// # Errors
    /// Only if nothing can be begun, or the observer gives up: what single files end with is in the report.
    pub fn download_folder<P: AsRef<Path>>(
        &self,
        from: &FileId,
        to: P,
    ) -> impl Future<Output = Result<Report, Error>> + Send + use<P> + 'static {
        let (files, from, to) = (self.clone(), from.clone(), to.as_ref().to_owned());
        async move {
            fs::create_dir_all(&to).await.map_err(|error| local(&to, error))?;
            let (tree, there) = files.remote_tree(from).await?;
            let actions = Mirror::default().plan(&tree.items, &BTreeMap::new());
            let overwrite = files.clash() == Clash::Overwrite;
            files.carry_out(actions, Down { files: &files, to, overwrite, there }, tree.into()).await
        }
    }

    /// Makes a folder there like one here: what is new or differs in size or time is uploaded. What only that one has
    /// goes to the trash if `how` says so, last, and only if all else has succeeded.
    ///
    /// # Errors
    /// Only if nothing can be begun, or the observer gives up: what single files end with is in the report.
    pub fn mirror_up<P: AsRef<Path>>(
        &self,
        from: P,
        to: &FileId,
        how: &Mirror,
    ) -> impl Future<Output = Result<Report, Error>> + Send + use<P> + 'static {
        let (files, from, to, how) = (self.clone(), from.as_ref().to_owned(), to.clone(), *how);
        async move {
            let here = local_tree(&from).await?;
            let mut folders = home(&to);
            let (tree, there) = files.remote_tree(to).await?;
            let there_already = there.iter().filter(|(_, file)| file.is_folder());
            folders.extend(there_already.map(|(path, file)| (path.clone(), file.id.clone())));
            let (actions, report) = plan(how, here, tree);
            files.carry_out(actions, Up { files: &files, from, clash: Clash::Refuse, folders, there }, report).await
        }
    }

    /// Makes a folder here like one there: what is new or differs in size or time is downloaded. What only this one has
    /// is deleted if `how` says so, last, and only if all else has succeeded.
    ///
    /// # Errors
    /// Only if nothing can be begun, or the observer gives up: what single files end with is in the report.
    pub fn mirror_down<P: AsRef<Path>>(
        &self,
        from: &FileId,
        to: P,
        how: &Mirror,
    ) -> impl Future<Output = Result<Report, Error>> + Send + use<P> + 'static {
        let (files, from, to, how) = (self.clone(), from.clone(), to.as_ref().to_owned(), *how);
        async move {
            fs::create_dir_all(&to).await.map_err(|error| local(&to, error))?;
            let here = local_tree(&to).await?;
            let (tree, there) = files.remote_tree(from).await?;
            let (actions, report) = plan(how, tree, here);
            files.carry_out(actions, Down { files: &files, to, overwrite: true, there }, report).await
        }
    }

    /// What is in a folder there, by path.
    async fn remote_tree(&self, folder: FileId) -> Result<(Tree, BTreeMap<RemotePath, File>), Error> {
        let walk = Walk::below(self.client.config().server(), folder, RemotePath::home());
        let (mut tree, mut files) = (Tree::default(), BTreeMap::new());
        for entry in self.client.run(walk).await? {
            match Item::of(&entry.file) {
                None => tree.skipped.push(entry.path),
                Some(_) if files.contains_key(&entry.path) => {
                    tree.failed.push((entry.path, not_done("another one has the same name")));
                }
                Some(item) => {
                    tree.items.insert(entry.path.clone(), item);
                    files.insert(entry.path, entry.file);
                }
            }
        }
        Ok((tree, files))
    }

    /// Does what a plan says.
    async fn carry_out(
        &self,
        actions: Vec<Action>,
        mut target: impl Target,
        mut report: Report,
    ) -> Result<Report, Error> {
        let mut copies = Vec::new();
        for action in actions {
            match action {
                Action::MakeFolder { path } => {
                    if let Err(error) = target.make_folder(&path).await {
                        report.failed.push((path, error));
                    }
                }
                Action::Copy { path, .. } => copies.push(path),
                Action::Conflict { path } => {
                    report.failed.push((path, not_done("one side has a file, the other a folder")));
                }
                Action::Delete { path, folder } => {
                    report = self.copy_all(std::mem::take(&mut copies), &target, report).await?;
                    if report.failed.is_empty() {
                        match target.delete(&path, folder).await {
                            Ok(()) => report.deleted += 1,
                            Err(error) => report.failed.push((path, error)),
                        }
                    }
                }
            }
        }
        self.copy_all(copies, &target, report).await
    }

    /// Copies files, several at a time.
    async fn copy_all(&self, copies: Vec<RemotePath>, target: &impl Target, report: Report) -> Result<Report, Error> {
        let workers = self.at_once.min(copies.len());
        let work = Work {
            left: Mutex::new(copies.into_iter()),
            report: Mutex::new(report),
            cancelled: AtomicBool::new(false),
        };
        all((0..workers).map(|_| Box::pin(work.by(target))).collect()).await;
        match work.cancelled.into_inner() {
            true => Err(Error::Cancelled),
            false => Ok(work.report.into_inner().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}

/// Files to copy, and what came of those that were copied.
struct Work {
    left: Mutex<std::vec::IntoIter<RemotePath>>,
    report: Mutex<Report>,
    cancelled: AtomicBool,
}

impl Work {
    /// Copies one file after the other, until none is left.
    async fn by(&self, target: &impl Target) {
        while let Some(path) = self.next() {
            let copied = target.copy(&path).await;
            let mut report = lock(&self.report);
            match copied {
                Ok(bytes) => {
                    report.files += 1;
                    report.bytes += bytes;
                }
                Err(Error::Cancelled) => self.cancelled.store(true, Ordering::Relaxed),
                Err(error) => report.failed.push((path, error)),
            }
        }
    }

    fn next(&self) -> Option<RemotePath> {
        (!self.cancelled.load(Ordering::Relaxed)).then(|| lock(&self.left).next())?
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Awaits all of them, side by side.
async fn all<F: Future<Output = ()>>(mut futures: Vec<Pin<Box<F>>>) {
    poll_fn(|cx| {
        futures.retain_mut(|future| future.as_mut().poll(cx).is_pending());
        if futures.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// The side that is changed.
trait Target: Send + Sync {
    fn make_folder(&mut self, path: &RemotePath) -> impl Future<Output = Result<(), Error>> + Send;

    /// Copies a file, and says how many bytes it has.
    fn copy(&self, path: &RemotePath) -> impl Future<Output = Result<u64, Error>> + Send;

    fn delete(&mut self, path: &RemotePath, folder: bool) -> impl Future<Output = Result<(), Error>> + Send;
}

/// From here to the server.
struct Up<'a> {
    files: &'a Files,
    from: PathBuf,
    /// What happens if a file is there that was not known of.
    clash: Clash,
    folders: BTreeMap<RemotePath, FileId>,
    there: BTreeMap<RemotePath, File>,
}

impl Up<'_> {
    fn folder_of(&self, path: &RemotePath) -> Result<&FileId, Error> {
        let folder = path.parent().and_then(|parent| self.folders.get(&parent));
        folder.ok_or_else(|| not_done("its folder could not be made"))
    }
}

impl Target for Up<'_> {
    async fn make_folder(&mut self, path: &RemotePath) -> Result<(), Error> {
        let client = &self.files.client;
        let name = RemotePath::home().join(path.name().unwrap_or_default())?;
        let make = MakeFolders::below(client.config().server(), self.folder_of(path)?.clone(), name);
        self.folders.insert(path.clone(), client.run(make).await?);
        Ok(())
    }

    async fn copy(&self, path: &RemotePath) -> Result<u64, Error> {
        let clash = if self.there.contains_key(path) { Clash::Overwrite } else { self.clash };
        let from = local::below(&self.from, path)?;
        let place = Place { folder: self.folder_of(path)?, path, clash };
        Ok(self.files.upload_to(&from, place).await?.size)
    }

    async fn delete(&mut self, path: &RemotePath, _: bool) -> Result<(), Error> {
        let file = self.there.get(path).ok_or_else(|| not_done("it is gone"))?;
        self.files.client.call(&DeleteFiles::to_trash([file.id.clone()])).await.map(drop)
    }
}

/// From the server to here.
struct Down<'a> {
    files: &'a Files,
    to: PathBuf,
    overwrite: bool,
    there: BTreeMap<RemotePath, File>,
}

impl Target for Down<'_> {
    async fn make_folder(&mut self, path: &RemotePath) -> Result<(), Error> {
        let place = local::below(&self.to, path)?;
        fs::create_dir_all(&place).await.map_err(|error| local(&place, error))
    }

    async fn copy(&self, path: &RemotePath) -> Result<u64, Error> {
        let file = self.there.get(path).ok_or_else(|| not_done("it is gone"))?;
        let download = Download::file(self.files.client.config().server(), file);
        let place = local::below(&self.to, path)?;
        Ok(self.files.download_to(download, &place, path, self.overwrite).await?.size)
    }

    async fn delete(&mut self, path: &RemotePath, folder: bool) -> Result<(), Error> {
        let place = local::below(&self.to, path)?;
        let deleted = if folder { fs::remove_dir_all(&place).await } else { fs::remove_file(&place).await };
        deleted.map_err(|error| local(&place, error))
    }
}

impl From<Tree> for Report {
    /// Nothing done yet.
    fn from(source: Tree) -> Self {
        Self { skipped: source.skipped, failed: source.failed, ..Self::default() }
    }
}

async fn local_tree(root: &Path) -> Result<Tree, Error> {
    let root = root.to_owned();
    off_the_runtime(move || Tree::read(&root)).await
}

/// Plans a mirror. What could not be read on one side is not missing there: then nothing is deleted on the other. What
/// is skipped on one side is left alone on both.
fn plan(how: Mirror, source: Tree, target: Tree) -> (Vec<Action>, Report) {
    let left_alone = |path: &RemotePath| {
        let mut skipped = source.skipped.iter().chain(&target.skipped);
        skipped.any(|above| path == above || path.to_string().starts_with(&format!("{above}/")))
    };
    let keep = |items: &BTreeMap<RemotePath, Item>| {
        items.iter().filter(|(path, _)| !left_alone(path)).map(|(path, item)| (path.clone(), *item)).collect()
    };
    let actions = how.plan(&keep(&source.items), &keep(&target.items));
    let mut report = Report::from(source);
    report.failed.extend(target.failed);
    (actions, report)
}

fn home(folder: &FileId) -> BTreeMap<RemotePath, FileId> {
    BTreeMap::from([(RemotePath::home(), folder.clone())])
}

fn not_done(why: &'static str) -> Error {
    Failure::unsent(FailureKind::Local).with_detail(why).into()
}
