//! Initial files.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use bytes::Bytes;

use crate::content::Content;
use crate::ids::Ids;
use crate::names;
use crate::timestamp::Timestamp;
use crate::tree::{Kind, Tree};

/// Files and folders that every home starts with.
#[derive(Clone, Debug, Default)]
pub struct Seed {
    /// Paths below the home; a folder comes before its items.
    items: Vec<Item>,
}

#[derive(Clone, Debug)]
struct Item {
    path: String,
    /// `None` for a folder.
    bytes: Option<Bytes>,
    modified: Option<Timestamp>,
}

impl Seed {
    /// Returns an empty seed.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a folder; add its parent folder first.
    #[must_use]
    pub fn folder(mut self, path: &str) -> Self {
        self.items.push(Item { path: path.to_owned(), bytes: None, modified: None });
        self
    }

    /// Adds a file; add its folder first.
    #[must_use]
    pub fn file(mut self, path: &str, bytes: impl Into<Bytes>) -> Self {
        self.items.push(Item { path: path.to_owned(), bytes: Some(bytes.into()), modified: None });
        self
    }

    /// Reads a directory recursively into memory, with modification times. Only files and directories are read;
    /// symbolic links are not followed.
    ///
    /// # Errors
    /// An entry cannot be read, or has a name that the service does not allow.
    pub fn from_dir(dir: &Path) -> io::Result<Self> {
        let mut seed = Self::new();
        seed.read(dir, "")?;
        Ok(seed)
    }

    fn read(&mut self, dir: &Path, prefix: &str) -> io::Result<()> {
        let mut entries = fs::read_dir(dir)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let name = entry.file_name();
            let name = name.to_str().filter(|name| names::is_valid(name)).ok_or_else(|| {
                let what = format!("invalid name for the service: {:?}, rename it or leave it out", entry.path());
                io::Error::new(io::ErrorKind::InvalidData, what)
            })?;
            let path = format!("{prefix}{name}");
            let metadata = entry.metadata()?;
            let since = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
            let modified = Some(Timestamp::from_unix(since));
            if metadata.is_dir() {
                self.items.push(Item { path: path.clone(), bytes: None, modified });
                self.read(&entry.path(), &format!("{path}/"))?;
            } else if metadata.is_file() {
                self.items.push(Item { path, bytes: Some(fs::read(entry.path())?.into()), modified });
            }
        }
        Ok(())
    }

    /// Adds the items to a tree, except those whose folder is missing or whose name is taken.
    pub(crate) fn plant(&self, tree: &mut Tree, ids: &mut Ids, now: Timestamp) {
        for item in &self.items {
            let (folder, name) = item.path.rsplit_once('/').unwrap_or(("", &item.path));
            let Some(folder) = tree.at(tree.home, folder) else { continue };
            let Ok(name) = tree.name_in(folder, name, false, None) else { continue };
            let kind = match &item.bytes {
                Some(bytes) => Kind::File(Content::from(bytes.clone())),
                None => Kind::Folder(BTreeMap::new()),
            };
            tree.add(ids.fresh(), folder, name, kind, item.modified.unwrap_or(now));
        }
    }
}
