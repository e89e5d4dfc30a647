//! What is in a folder here.

use std::fs;
use std::path::{Path, PathBuf};

use quatrix_proto::task::Unnamed;
use quatrix_proto::task::mirror::{Item, Tree};
use quatrix_proto::{Error, RemotePath};

use crate::{local, modified, name};

/// Reads what is in a folder and below. Links are not followed: they may lead out of it, or round in it.
///
/// # Errors
/// The folder itself cannot be read; what cannot be read below is in the tree.
pub fn read_tree(root: &Path) -> Result<Tree, Error> {
    let (mut read, mut folders) = (Read::default(), Vec::new());
    read.enter(root, &RemotePath::home(), &mut folders)?;
    while let Some((folder, path)) = folders.pop() {
        if let Err(error) = read.enter(&folder, &path, &mut folders) {
            read.failed.push((path, error));
        }
    }
    let mut tree: Tree = read.items.into_iter().collect();
    read.skipped.into_iter().for_each(|path| tree.skip(path));
    read.failed.into_iter().for_each(|(path, error)| tree.fail(path, error));
    read.unnamed.into_iter().for_each(|unnamed| tree.fail_unnamed(unnamed));
    Ok(tree)
}

#[derive(Default)]
struct Read {
    items: Vec<(RemotePath, Item)>,
    skipped: Vec<RemotePath>,
    failed: Vec<(RemotePath, Error)>,
    unnamed: Vec<Unnamed>,
}

impl Read {
    /// Takes in what is directly in a folder; `folders` are those still to be entered.
    fn enter(
        &mut self,
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
                    self.unnamed.push(Unnamed::new(path, &entry.file_name().to_string_lossy(), error));
                    continue;
                }
            };
            // Of a link itself, not of what it points to.
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => {
                    folders.push((place, here.clone()));
                    self.items.push((here, Item::Folder));
                }
                Ok(metadata) if metadata.is_file() => {
                    let item = Item::File { size: Some(metadata.len()), modified: modified(&metadata) };
                    self.items.push((here, item));
                }
                Ok(_) => self.skipped.push(here),
                Err(error) => self.failed.push((here, local(&place, error))),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_name_that_is_not_unicode_is_reported_and_the_rest_is_read() {
        use std::os::unix::ffi::OsStrExt as _;
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join(std::ffi::OsStr::from_bytes(b"odd\xff")), "").unwrap();
        fs::write(root.path().join("plain"), "").unwrap();
        let tree = read_tree(root.path()).unwrap();
        assert_eq!(tree.items().map(|(path, _)| path.to_string()).collect::<Vec<_>>(), ["/plain"]);
        assert_eq!(tree.failed()[0].0.to_string(), "/odd\u{fffd}");
    }
}
