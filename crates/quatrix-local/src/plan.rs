//! Plans for transfers between a local and a remote folder, restricted to names that the local file system can store.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};

use quatrix_proto::api::OnConflict;
use quatrix_proto::task::mirror::{Batch, Mirror, Remote, Tree};
use quatrix_proto::{Error, FileId};

use unicode_normalization::UnicodeNormalization as _;

use crate::{is_usable, local, read_tree, unusable};

/// Plans to upload a local folder into a remote one.
///
/// # Errors
/// The local folder cannot be read.
pub fn plan_upload(here: &Path, folder: FileId, on_conflict: OnConflict) -> Result<Batch, Error> {
    Ok(Batch::upload(read_tree(here)?, folder, on_conflict))
}

/// Plans to download a remote folder into a local one, which need not exist.
pub fn plan_download(mut there: Remote, here: &Path, overwrite: bool) -> Batch {
    fail_what_cannot_be_kept(&mut there, &Tree::default(), here);
    Batch::download(there, overwrite)
}

/// Plans to make a remote folder equal to a local one.
///
/// # Errors
/// The local folder cannot be read.
pub fn plan_mirror_up(how: &Mirror, here: &Path, there: Remote) -> Result<Batch, Error> {
    Ok(Batch::mirror_up(how, read_tree(here)?, there))
}

/// Plans to make a local folder, which need not exist, equal to a remote one.
///
/// # Errors
/// The local folder cannot be read.
pub fn plan_mirror_down(how: &Mirror, mut there: Remote, here: &Path) -> Result<Batch, Error> {
    let tree = match here.try_exists() {
        Ok(false) => Tree::default(),
        Ok(true) => read_tree(here)?,
        Err(error) => return Err(local(here, error)),
    };
    fail_what_cannot_be_kept(&mut there, &tree, here);
    Ok(Batch::mirror_down(how, there, tree))
}

/// Marks remote names as failed that cannot be used on this system, or that are equal on its file system.
fn fail_what_cannot_be_kept(there: &mut Remote, tree: &Tree, here: &Path) {
    let why = || unusable(here, "a name from the server cannot be used here");
    there.tree_mut().fail_names(|name| (!is_usable(name)).then(why));
    // Most trees have no such names: then no probe file is created.
    if !there.tree().collisions(tree, Folds::ALL.of()).is_empty() {
        there.tree_mut().fail_collisions(tree, folds(here).of());
    }
}

/// Differences between names that a file system ignores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Folds {
    case: bool,
    form: bool,
}

impl Folds {
    const ALL: Self = Self { case: true, form: true };

    /// Returns the same text for all names that are equal on the file system.
    fn of(self) -> impl Fn(&str) -> String {
        move |name| {
            let name = if self.form { name.nfc().collect() } else { name.to_owned() };
            // Upper case first: some letters have one upper case and several lower ones.
            if self.case { name.to_uppercase().to_lowercase() } else { name }
        }
    }
}

/// Detects them with a probe file.
fn folds(folder: &Path) -> Folds {
    let nothing = Folds { case: false, form: false };
    let Some(folder) = folder.ancestors().find(|folder| folder.is_dir()) else { return nothing };
    let probe = |written: &str, read: &str| -> io::Result<bool> {
        let number = format!("{:016x}", RandomState::new().hash_one(()));
        let place = |name: &str| folder.join(format!(".quatrix-{name}-{number}"));
        let _probe = Probe::create(place(written))?;
        place(read).try_exists()
    };
    let (case, form) = (probe("a", "A"), probe("\u{e9}", "e\u{301}"));
    Folds { case: case.unwrap_or_default(), form: form.unwrap_or_default() }
}

struct Probe(PathBuf);

impl Probe {
    fn create(path: PathBuf) -> io::Result<Self> {
        let _: File = OpenOptions::new().write(true).create_new(true).open(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        // Best effort: another process may have removed it.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use quatrix_proto::RemotePath;
    use quatrix_proto::task::Listed;
    use quatrix_proto::task::mirror::Item;

    use super::*;

    #[test]
    fn names_fold_as_the_file_system_folds_them() {
        let same = |folds: Folds, one: &str, other: &str| folds.of()(one) == folds.of()(other);
        let (case, form) = (Folds { case: true, form: false }, Folds { case: false, form: true });
        assert!(same(case, "README", "readme") && same(case, "\u{c9}", "\u{e9}") && same(case, "\u{3c3}", "\u{3c2}"));
        assert!(same(form, "\u{e9}", "e\u{301}") && same(Folds::ALL, "\u{c9}", "e\u{301}"));
        assert!(!same(case, "\u{e9}", "e\u{301}") && !same(form, "A", "a") && !same(Folds::ALL, "a", "b"));
    }

    #[test]
    fn a_file_system_is_asked_without_a_trace() {
        let folder = tempfile::tempdir().unwrap();
        let found = folds(&folder.path().join("not/yet"));
        if cfg!(target_os = "linux") {
            assert_eq!(found, Folds { case: false, form: false });
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_target_that_is_not_there_is_empty_and_not_made() {
        let folder = tempfile::tempdir().unwrap();
        let there = Remote::new(FileId::new("d").unwrap(), Listed::default());
        let batch = plan_mirror_down(&Mirror::default(), there, &folder.path().join("new")).unwrap();
        assert_eq!(batch.actions().len(), 0);
        assert!(!folder.path().join("new").exists());
    }

    #[test]
    fn a_name_that_cannot_be_used_here_is_reported_beforehand() {
        let path = |text: &str| text.parse::<RemotePath>().unwrap();
        let mut there = Remote::new(FileId::new("d").unwrap(), Listed::default());
        *there.tree_mut() =
            Tree::from([(path("a\0b"), Item::Folder), (path("a\0b/c"), Item::Folder), (path("d"), Item::Folder)]);
        let batch = plan_download(there, Path::new("in"), false);
        assert_eq!((batch.actions().len(), batch.report().failed.len()), (1, 1));
    }
}
