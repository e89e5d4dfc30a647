//! Contents of a local or remote folder.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::subtrees::{Subtrees, is_below};
use super::{Item, not_done};
use crate::error::Error;
use crate::file::{File, FileKind};
use crate::id::FileId;
use crate::lenient::UnknownFields;
use crate::path::RemotePath;
use crate::server::Server;
use crate::task::{Entry, Listed, Task, TaskStep, Unnamed, Walk};
use crate::time::Timestamp;

/// Contents of a folder at all depths, by path relative to that folder.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Sorted by path, each path once.
    nodes: Vec<Node>,
    skipped: BTreeSet<RemotePath>,
    failed: Vec<(RemotePath, Error)>,
    incomplete: BTreeSet<RemotePath>,
}

/// Small, since a tree may have millions of nodes.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) path: RemotePath,
    pub(super) item: Item,
    /// Id, if the tree is remote.
    pub(super) id: Option<FileId>,
}

impl Tree {
    /// Adds a path that is neither a file nor a folder, such as a link: it is left alone on both sides.
    pub fn skip(&mut self, path: RemotePath) {
        self.skipped.insert(path);
    }

    /// Adds a path that could not be read, with the reason. It and everything below is left alone on both sides.
    pub fn fail(&mut self, path: RemotePath, error: Error) {
        self.failed.push((path, error));
    }

    /// Adds an entry whose name cannot be part of a path. In its folder nothing counts as missing.
    pub fn fail_unnamed(&mut self, unnamed: Unnamed) {
        self.incomplete.insert(unnamed.folder);
        self.fail(unnamed.shown, unnamed.error);
    }

    /// Marks every entry as failed whose name the other side cannot store: `why` returns the reason.
    pub fn fail_names(&mut self, why: impl Fn(&str) -> Option<Error>) {
        let failed: Vec<_> = self
            .nodes
            .iter()
            .filter_map(|node| Some((node.path.clone(), why(node.path.name().unwrap_or_default())?)))
            .collect();
        self.fail_topmost(failed);
    }

    /// Marks every entry as failed whose path equals another one of either tree under `fold`: on such a file system,
    /// copying one would replace the other.
    pub fn fail_collisions(&mut self, other: &Self, fold: impl Fn(&str) -> String) {
        let failed = self.collisions(other, fold);
        let why = || not_done("another name here differs from it only in case or form");
        self.fail_topmost(failed.into_iter().map(|path| (path, why())).collect());
    }

    /// Returns the paths of both trees that equal another one under `fold`.
    pub fn collisions(&self, other: &Self, fold: impl Fn(&str) -> String) -> Vec<RemotePath> {
        let folded = |path: &RemotePath| path.segments().map(&fold).collect::<Vec<_>>().join("/");
        let paths = self.nodes.iter().chain(&other.nodes).map(|node| &node.path);
        let mut by_hash: Vec<_> = paths.map(|path| (hash(folded(path).as_bytes()), path)).collect();
        by_hash.sort_unstable();
        by_hash.dedup();
        let mut colliding = Vec::new();
        for same in by_hash.chunk_by(|one, other| one.0 == other.0).filter(|same| same.len() > 1) {
            let collides = |path| same.iter().any(|(_, other)| path != *other && folded(path) == folded(other));
            colliding.extend(same.iter().map(|(_, path)| *path).filter(|path| collides(path)).cloned());
        }
        colliding
    }

    /// Removes the failed entries with everything below, and reports the topmost of each subtree.
    fn fail_topmost(&mut self, failed: Vec<(RemotePath, Error)>) {
        if failed.is_empty() {
            return;
        }
        let roots: Subtrees<'_> = failed.iter().map(|(path, _)| path).collect();
        self.nodes.retain(|node| !roots.covers(&node.path));
        let topmost = |path: &RemotePath| path.parent().is_none_or(|parent| !roots.covers(&parent));
        self.failed.extend(failed.iter().filter(|(path, _)| topmost(path)).cloned());
    }

    /// Returns the files and folders, sorted by path.
    pub fn items(&self) -> impl Iterator<Item = (&RemotePath, &Item)> {
        self.nodes.iter().map(|node| (&node.path, &node.item))
    }

    /// Returns the paths that are neither files nor folders, such as links.
    pub fn skipped(&self) -> &BTreeSet<RemotePath> {
        &self.skipped
    }

    /// Returns the paths that could not be read, each with the reason.
    pub fn failed(&self) -> &[(RemotePath, Error)] {
        &self.failed
    }

    /// Returns the folders with entries that have invalid names: in them nothing counts as missing.
    pub(super) fn incomplete(&self) -> &BTreeSet<RemotePath> {
        &self.incomplete
    }

    pub(super) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub(super) fn get(&self, path: &RemotePath) -> Option<&Node> {
        self.nodes.binary_search_by(|node| node.path.cmp(path)).ok().map(|at| &self.nodes[at])
    }

    /// Returns the nodes below the path.
    pub(super) fn below(&self, path: &RemotePath) -> &[Node] {
        let from = self.nodes.partition_point(|node| node.path <= *path);
        let rest = &self.nodes[from..];
        &rest[..rest.partition_point(|node| is_below(&node.path, path))]
    }

    /// Takes the skipped and the failed paths.
    pub(super) fn take_report(&mut self) -> (BTreeSet<RemotePath>, Vec<(RemotePath, Error)>) {
        (std::mem::take(&mut self.skipped), std::mem::take(&mut self.failed))
    }

    fn of(mut nodes: Vec<Node>) -> Self {
        nodes.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        let twice = |pair: &[Node]| (pair[0].path == pair[1].path).then(|| pair[0].path.clone());
        let mut twice: Vec<_> = nodes.windows(2).filter_map(twice).collect();
        twice.dedup();
        nodes.dedup_by(|one, other| one.path == other.path);
        let mut tree = Self { nodes, ..Self::default() };
        tree.fail_topmost(twice.into_iter().map(|path| (path, not_done("another one has the same name"))).collect());
        tree
    }
}

impl FromIterator<(RemotePath, Item)> for Tree {
    fn from_iter<I: IntoIterator<Item = (RemotePath, Item)>>(items: I) -> Self {
        Self::of(items.into_iter().map(|(path, item)| Node { path, item, id: None }).collect())
    }
}

impl<const N: usize> From<[(RemotePath, Item); N]> for Tree {
    fn from(items: [(RemotePath, Item); N]) -> Self {
        items.into_iter().collect()
    }
}

impl Node {
    /// Returns the fields of the file that a download needs.
    pub(super) fn file(&self) -> Option<File> {
        let Item::File { size, modified } = self.item else { return None };
        Some(File {
            id: self.id.clone()?,
            parent_id: None,
            name: self.path.name().unwrap_or_default().to_owned(),
            kind: FileKind::File,
            size,
            created: None,
            modified,
            operations: None,
            sub_type: None,
            content: None,
            extra: UnknownFields::default(),
        })
    }
}

/// Listing of a remote folder.
#[derive(Clone, Debug)]
pub struct Remote {
    pub(super) folder: FileId,
    pub(super) tree: Tree,
}

impl Remote {
    /// Converts the result of a [`Walk`] below the folder, whose paths begin at [`RemotePath::home`].
    pub fn new(folder: FileId, listed: Listed) -> Self {
        let mut listing = Listing::default();
        listed.entries.into_iter().for_each(|entry| listing.add(entry));
        let listed = Listed { entries: [].into(), ..listed };
        Self { folder, tree: listing.into_tree(listed) }
    }

    /// Returns an empty listing for a folder that does not exist, for a plan that is only shown.
    pub fn missing() -> Self {
        let folder = FileId::new("missing").expect("it is not empty");
        Self { folder, tree: Tree::default() }
    }

    /// Returns the id of the folder.
    pub fn id(&self) -> &FileId {
        &self.folder
    }

    /// Returns its contents.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Returns its contents, to mark entries as failed.
    pub fn tree_mut(&mut self) -> &mut Tree {
        &mut self.tree
    }
}

/// Lists a remote folder and everything below it. It keeps only the fields of each file that a mirror needs.
#[derive(Clone, Debug)]
pub struct ListRemote {
    folder: FileId,
    walk: Walk,
    listing: Listing,
}

#[derive(Clone, Debug, Default)]
struct Listing {
    nodes: Vec<Node>,
    skipped: BTreeSet<RemotePath>,
}

impl ListRemote {
    /// Lists this folder.
    pub fn new(folder: FileId) -> Self {
        let walk = Walk::below(folder.clone(), RemotePath::home());
        Self { folder, walk, listing: Listing::default() }
    }
}

impl Listing {
    fn add(&mut self, Entry { path, file }: Entry) {
        match Item::of(&file) {
            Some(item) => self.nodes.push(Node { path, item, id: Some(file.id) }),
            None => drop(self.skipped.insert(path)),
        }
    }

    fn into_tree(self, listed: Listed) -> Tree {
        let mut tree = Tree { skipped: self.skipped, ..Tree::of(self.nodes) };
        tree.failed.extend(listed.failed);
        listed.unnamed.into_iter().for_each(|unnamed| tree.fail_unnamed(unnamed));
        tree
    }
}

impl Task for ListRemote {
    type Output = Remote;

    fn poll(&mut self, now: Timestamp, server: &Server) -> TaskStep<Remote> {
        match self.walk.poll(now, server) {
            TaskStep::Call(prepared) => TaskStep::Call(prepared),
            TaskStep::Done(Err(error)) => TaskStep::Done(Err(error)),
            TaskStep::Done(Ok(listed)) => {
                let tree = std::mem::take(&mut self.listing).into_tree(listed);
                TaskStep::Done(Ok(Remote { folder: self.folder.clone(), tree }))
            }
        }
    }

    fn handle(&mut self, now: Timestamp, result: Result<http::Response<Bytes>, Error>, moved: u64) {
        self.walk.handle(now, result, moved);
        while let Some(entry) = self.walk.next_entry() {
            self.listing.add(entry);
        }
    }
}

/// FNV-1a, which returns the same value in every run.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: Item = Item::File { size: Some(1), modified: None };

    fn tree(paths: &[&str]) -> Tree {
        let item = |path: &str| if path.ends_with('/') { Item::Folder } else { FILE };
        paths.iter().map(|path| (path.parse().unwrap(), item(path))).collect()
    }

    fn left(tree: &Tree) -> (Vec<String>, Vec<String>) {
        let paths = tree.items().map(|(path, _)| path.to_string()).collect();
        (paths, tree.failed().iter().map(|(path, _)| path.to_string()).collect())
    }

    #[test]
    fn two_of_one_name_fail_with_everything_below() {
        let tree = tree(&["b", "a/", "a/", "a/x", "a/x", "a/y", "a-x"]);
        assert_eq!(left(&tree), (vec!["/a-x".into(), "/b".into()], vec!["/a".into()]));
    }

    #[test]
    fn names_that_the_other_side_cannot_keep_fail_with_everything_below() {
        let mut tree = tree(&["a:b/", "a:b/c:d", "a:b/e", "f"]);
        tree.fail_names(|name| name.contains(':').then(|| not_done("no")));
        assert_eq!(left(&tree), (vec!["/f".into()], vec!["/a:b".into()]));
    }

    #[test]
    fn names_that_are_the_same_here_fail_whichever_side_has_them() {
        let fold = |name: &str| name.to_lowercase();
        let mut there = tree(&["A/", "A/x", "a/", "a/x", "b", "README", "c"]);
        let here = tree(&["b", "readme", "c"]);
        there.fail_collisions(&here, fold);
        let failed = ["/A", "/README", "/a", "/readme"];
        let (left, mut told) = left(&there);
        told.sort_unstable();
        assert_eq!((left, told), (vec!["/b".into(), "/c".into()], failed.map(String::from).to_vec()));
        there.fail_collisions(&here, fold);
        assert_eq!(there.failed().len(), 4, "b and c are the same on both sides, which is no collision");
    }

    #[test]
    fn what_is_below_a_path_is_found() {
        let tree = tree(&["a/", "a/x", "a/y/", "a/y/z", "a-x", "b"]);
        let below = |path: &str| tree.below(&path.parse().unwrap()).len();
        assert_eq!(["/", "a", "a/y", "a/x", "a-x", "b"].map(below), [6, 3, 1, 0, 0, 0]);
        assert!(tree.get(&"a/y/z".parse().unwrap()).is_some() && tree.get(&"a/y/q".parse().unwrap()).is_none());
    }
}
