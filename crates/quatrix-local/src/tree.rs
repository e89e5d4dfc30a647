//! What is in a folder here.

use std::fs;
use std::path::{Path, PathBuf};

use quatrix_proto::task::mirror::{Item, Tree};
use quatrix_proto::{Error, RemotePath};

use crate::{local, modified, name};

/// Reads what is in a folder and below. Links are not followed: they may lead out of it, or round in it.
///
/// # Errors
/// The folder itself cannot be read; what cannot be read below is in the tree.
pub fn read_tree(root: &Path) -> Result<Tree, Error> {
    let mut tree = Tree::default();
    let mut folders = Vec::new();
    enter(&mut tree, root, &RemotePath::home(), &mut folders)?;
    while let Some((folder, path)) = folders.pop() {
        if let Err(error) = enter(&mut tree, &folder, &path, &mut folders) {
            tree.failed.push((path, error));
        }
    }
    Ok(tree)
}

/// Takes in what is directly in a folder; `folders` are those still to be entered.
fn enter(
    tree: &mut Tree,
    folder: &Path,
    path: &RemotePath,
    folders: &mut Vec<(PathBuf, RemotePath)>,
) -> Result<(), Error> {
    for entry in fs::read_dir(folder).map_err(|error| local(folder, error))? {
        let entry = entry.map_err(|error| local(folder, error))?;
        let place = entry.path();
        let here = match name(&place).and_then(|name| Ok(path.join(name)?)) {
            Ok(here) => here,
            Err(error) => {
                tree.failed.push((path.clone(), error));
                continue;
            }
        };
        // Of a link itself, not of what it points to.
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => {
                folders.push((place, here.clone()));
                tree.items.insert(here, Item::Folder);
            }
            Ok(metadata) if metadata.is_file() => {
                let item = Item::File { size: Some(metadata.len()), modified: modified(&metadata) };
                tree.items.insert(here, item);
            }
            Ok(_) => tree.skipped.push(here),
            Err(error) => tree.failed.push((here, local(&place, error))),
        }
    }
    Ok(())
}
