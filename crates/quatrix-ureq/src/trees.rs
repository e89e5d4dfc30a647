//! Many files at once: folders, and mirrors of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use quatrix_proto::api::{Clash, DeleteFiles};
use quatrix_proto::task::mirror::{Action, Item, Mirror};
use quatrix_proto::task::{Download, MakeFolders, Walk};
use quatrix_proto::{Error, Failure, FailureKind, File, FileId, RemotePath};

use crate::files::Files;
use crate::local::{self, Tree, local};

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

impl Files<'_> {
    /// Uploads everything in a folder here into a folder there. Folders that are there are no hindrance; files are,
    /// unless they may be [overwritten](Self::overwrite).
    ///
    /// # Errors
    /// Only if nothing can be begun, or the observer gives up: what single files end with is in the report.
    pub fn upload_folder(&self, from: impl AsRef<Path>, to: &FileId) -> Result<Report, Error> {
        let from = from.as_ref();
        let here = Tree::read(from)?;
        let actions = Mirror::default().plan(&here.items, &BTreeMap::new());
        let up = Up { files: self, from, clash: self.clash(), folders: home(to), there: BTreeMap::new() };
        self.carry_out(actions, up, Report::of(here))
    }

    /// Downloads everything in a folder there into a folder here, which is made if need be. Folders that are there are
    /// no hindrance; files are, unless they may be [overwritten](Self::overwrite).
    ///
    /// # Errors
    /// Only if nothing can be begun, or the observer gives up: what single files end with is in the report.
    pub fn download_folder(&self, from: &FileId, to: impl AsRef<Path>) -> Result<Report, Error> {
        let to = to.as_ref();
        fs::create_dir_all(to).map_err(|error| local(to, error))?;
        let (there, files) = self.remote_tree(from)?;
        let actions = Mirror::default().plan(&there.items, &BTreeMap::new());
        let down = Down { files: self, to, overwrite: self.clash() == Clash::Overwrite, there: files };
        self.carry_out(actions, down, Report::of(there))
    }

    /// Makes a folder there like one here: what is new or differs in size or time is uploaded. What only that one has
    /// goes to the trash if `how` says so, last, and only if all else has succeeded.
    ///
    /// # Errors
    /// Only if nothing can be begun, or the observer gives up: what single files end with is in the report.
    pub fn mirror_up(&self, from: impl AsRef<Path>, to: &FileId, how: &Mirror) -> Result<Report, Error> {
        let from = from.as_ref();
        let here = Tree::read(from)?;
        let (there, files) = self.remote_tree(to)?;
        let mut folders = home(to);
        folders.extend(
            files.iter().filter(|(_, file)| file.is_folder()).map(|(path, file)| (path.clone(), file.id.clone())),
        );
        let (actions, report) = plan(how, here, there);
        let up = Up { files: self, from, clash: Clash::Refuse, folders, there: files };
        self.carry_out(actions, up, report)
    }

    /// Makes a folder here like one there: what is new or differs in size or time is downloaded. What only this one has
    /// is deleted if `how` says so, last, and only if all else has succeeded.
    ///
    /// # Errors
    /// Only if nothing can be begun, or the observer gives up: what single files end with is in the report.
    pub fn mirror_down(&self, from: &FileId, to: impl AsRef<Path>, how: &Mirror) -> Result<Report, Error> {
        let to = to.as_ref();
        fs::create_dir_all(to).map_err(|error| local(to, error))?;
        let here = Tree::read(to)?;
        let (there, files) = self.remote_tree(from)?;
        let (actions, report) = plan(how, there, here);
        let down = Down { files: self, to, overwrite: true, there: files };
        self.carry_out(actions, down, report)
    }

    /// What is in a folder there, by path.
    fn remote_tree(&self, folder: &FileId) -> Result<(Tree, BTreeMap<RemotePath, File>), Error> {
        let walk = Walk::below(self.client.config().server(), folder.clone(), RemotePath::home());
        let (mut tree, mut files) = (Tree::default(), BTreeMap::new());
        for entry in self.client.run(walk)? {
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
    fn carry_out(&self, actions: Vec<Action>, mut target: impl Target, mut report: Report) -> Result<Report, Error> {
        let mut copies = Vec::new();
        for action in actions {
            match action {
                Action::MakeFolder { path } => {
                    if let Err(error) = target.make_folder(&path) {
                        report.failed.push((path, error));
                    }
                }
                Action::Copy { path, .. } => copies.push(path),
                Action::Conflict { path } => {
                    report.failed.push((path, not_done("one side has a file, the other a folder")));
                }
                Action::Delete { path, folder } => {
                    report = self.copy_all(std::mem::take(&mut copies), &target, report)?;
                    if report.failed.is_empty() {
                        match target.delete(&path, folder) {
                            Ok(()) => report.deleted += 1,
                            Err(error) => report.failed.push((path, error)),
                        }
                    }
                }
            }
        }
        self.copy_all(copies, &target, report)
    }

    /// Copies files, several at a time.
    fn copy_all(&self, copies: Vec<RemotePath>, target: &impl Target, report: Report) -> Result<Report, Error> {
        let threads = self.at_once.min(copies.len());
        let (next, report) = (Mutex::new(copies.into_iter()), Mutex::new(report));
        let cancelled = AtomicBool::new(false);
        // A function of its own, so that the list is not locked while a file is copied.
        let take = || lock(&next).next();
        let work = || {
            while !cancelled.load(Ordering::Relaxed)
                && let Some(path) = take()
            {
                let copied = target.copy(&path);
                let mut report = lock(&report);
                match copied {
                    Ok(bytes) => {
                        report.files += 1;
                        report.bytes += bytes;
                    }
                    Err(Error::Cancelled) => cancelled.store(true, Ordering::Relaxed),
                    Err(error) => report.failed.push((path, error)),
                }
            }
        };
        match threads {
            0 | 1 => work(),
            _ => thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(work);
                }
            }),
        }
        match cancelled.into_inner() {
            true => Err(Error::Cancelled),
            false => Ok(report.into_inner().unwrap_or_else(PoisonError::into_inner)),
        }
    }
}

/// The side that is changed.
trait Target: Sync {
    fn make_folder(&mut self, path: &RemotePath) -> Result<(), Error>;

    /// Copies a file, and says how many bytes it has.
    fn copy(&self, path: &RemotePath) -> Result<u64, Error>;

    fn delete(&mut self, path: &RemotePath, folder: bool) -> Result<(), Error>;
}

/// From here to the server.
struct Up<'a> {
    files: &'a Files<'a>,
    from: &'a Path,
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
    fn make_folder(&mut self, path: &RemotePath) -> Result<(), Error> {
        let client = self.files.client;
        let name = RemotePath::home().join(path.name().unwrap_or_default())?;
        let made = client.run(MakeFolders::below(client.config().server(), self.folder_of(path)?.clone(), name))?;
        self.folders.insert(path.clone(), made);
        Ok(())
    }

    fn copy(&self, path: &RemotePath) -> Result<u64, Error> {
        let clash = if self.there.contains_key(path) { Clash::Overwrite } else { self.clash };
        let from = local::below(self.from, path)?;
        Ok(self.files.upload_to(&from, self.folder_of(path)?, path, clash)?.size)
    }

    fn delete(&mut self, path: &RemotePath, _: bool) -> Result<(), Error> {
        let file = self.there.get(path).ok_or_else(|| not_done("it is gone"))?;
        self.files.client.call(&DeleteFiles::to_trash([file.id.clone()])).map(drop)
    }
}

/// From the server to here.
struct Down<'a> {
    files: &'a Files<'a>,
    to: &'a Path,
    overwrite: bool,
    there: BTreeMap<RemotePath, File>,
}

impl Target for Down<'_> {
    fn make_folder(&mut self, path: &RemotePath) -> Result<(), Error> {
        let place = local::below(self.to, path)?;
        fs::create_dir_all(&place).map_err(|error| local(&place, error))
    }

    fn copy(&self, path: &RemotePath) -> Result<u64, Error> {
        let file = self.there.get(path).ok_or_else(|| not_done("it is gone"))?;
        let download = Download::file(self.files.client.config().server(), file);
        let place = local::below(self.to, path)?;
        Ok(self.files.download_to(download, &place, path, self.overwrite)?.size)
    }

    fn delete(&mut self, path: &RemotePath, folder: bool) -> Result<(), Error> {
        let place = local::below(self.to, path)?;
        let deleted = if folder { fs::remove_dir_all(&place) } else { fs::remove_file(&place) };
        deleted.map_err(|error| local(&place, error))
    }
}

impl Report {
    fn of(source: Tree) -> Self {
        Self { skipped: source.skipped, failed: source.failed, ..Self::default() }
    }
}

/// Plans a mirror. What could not be read on one side is not missing there: then nothing is deleted on the other. What
/// is skipped on one side is left alone on both.
fn plan(how: &Mirror, source: Tree, target: Tree) -> (Vec<Action>, Report) {
    let left_alone = |path: &RemotePath| {
        let mut skipped = source.skipped.iter().chain(&target.skipped);
        skipped.any(|above| path == above || path.to_string().starts_with(&format!("{above}/")))
    };
    let keep = |items: &BTreeMap<RemotePath, Item>| {
        items.iter().filter(|(path, _)| !left_alone(path)).map(|(path, item)| (path.clone(), *item)).collect()
    };
    let actions = how.plan(&keep(&source.items), &keep(&target.items));
    let mut report = Report::of(source);
    report.failed.extend(target.failed);
    (actions, report)
}

fn home(folder: &FileId) -> BTreeMap<RemotePath, FileId> {
    BTreeMap::from([(RemotePath::home(), folder.clone())])
}

fn not_done(why: &'static str) -> Error {
    Failure::unsent(FailureKind::Local).with_detail(why).into()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Whoever panicked has left a whole list behind, and the panic goes on when the threads are joined.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
