//! What is in a folder, here or there.

use std::collections::BTreeMap;

use super::{Item, not_done};
use crate::error::Error;
use crate::file::File;
use crate::id::FileId;
use crate::path::RemotePath;
use crate::task::Entry;

/// What is in a folder and below, by path from that folder.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Its files and folders.
    pub items: BTreeMap<RemotePath, Item>,
    /// What is neither, such as a link: left alone on both sides.
    pub skipped: Vec<RemotePath>,
    /// What could not be read, and why. It is not taken for missing.
    pub failed: Vec<(RemotePath, Error)>,
}

/// A folder on the server, as a [`Walk`](crate::task::Walk) has seen it.
#[derive(Clone, Debug)]
pub struct Remote {
    pub(super) folder: FileId,
    pub(super) tree: Tree,
    pub(super) files: BTreeMap<RemotePath, File>,
}

impl Remote {
    /// Makes a folder of the entries of a walk below this folder whose paths begin at [`RemotePath::home`].
    pub fn new(folder: FileId, entries: impl IntoIterator<Item = Entry>) -> Self {
        let (mut tree, mut files) = (Tree::default(), BTreeMap::new());
        for Entry { path, file } in entries {
            match Item::of(&file) {
                None => tree.skipped.push(path),
                Some(_) if files.contains_key(&path) => {
                    tree.failed.push((path, not_done("another one has the same name")));
                }
                Some(item) => {
                    tree.items.insert(path.clone(), item);
                    files.insert(path, file);
                }
            }
        }
        Self { folder, tree, files }
    }

    /// Takes out what is in it, to compare.
    pub fn into_tree(self) -> Tree {
        self.tree
    }

    /// The folders in it, and itself.
    pub(super) fn folders(&self) -> BTreeMap<RemotePath, FileId> {
        let below = self.files.iter().filter(|(_, file)| file.is_folder());
        let below = below.map(|(path, file)| (path.clone(), file.id.clone()));
        std::iter::once((RemotePath::home(), self.folder.clone())).chain(below).collect()
    }
}
