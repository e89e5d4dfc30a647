//! Files of one account: a home folder with a trash in it.

use std::collections::BTreeMap;

use crate::body::Body;
use crate::content::Content;
use crate::ids::{Id, Ids};
use crate::names;
use crate::response::ErrorResponse;
use crate::timestamp::Timestamp;

/// Name of the trash.
const TRASH: &str = "Trash";

#[derive(Clone)]
pub(crate) struct Tree {
    nodes: BTreeMap<Id, Node>,
    pub(crate) home: Id,
    pub(crate) trash: Id,
    /// The bytes of all files.
    used: u64,
}

#[derive(Clone)]
pub(crate) struct Node {
    pub(crate) name: String,
    /// `None` for the home.
    pub(crate) parent: Option<Id>,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    pub(crate) kind: Kind,
}

#[derive(Clone)]
pub(crate) enum Kind {
    File(Content),
    /// Children by name.
    Folder(BTreeMap<String, Id>),
}

impl Tree {
    pub(crate) fn new(ids: &mut Ids, now: Timestamp) -> Self {
        let (home, trash) = (ids.fresh(), ids.fresh());
        let folder = |name: &str, parent, children| Node {
            name: name.to_owned(),
            parent,
            created: now,
            modified: now,
            kind: Kind::Folder(children),
        };
        let nodes = BTreeMap::from([
            (home, folder("Home", None, BTreeMap::from([(TRASH.to_owned(), trash)]))),
            (trash, folder(TRASH, Some(home), BTreeMap::new())),
        ]);
        Self { nodes, home, trash, used: 0 }
    }

    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    /// Finds the item of an id sent by a client.
    pub(crate) fn find(&self, id: &str) -> Result<Id, ErrorResponse> {
        Id::parse(id).filter(|id| self.nodes.contains_key(id)).ok_or_else(ErrorResponse::not_found)
    }

    /// Finds the folder of an id sent by a client.
    pub(crate) fn find_folder(&self, id: &str) -> Result<Id, ErrorResponse> {
        let id = self.find(id)?;
        self.children(id).map(|_| id).ok_or_else(|| ErrorResponse::bad("not a folder"))
    }

    /// Finds the item at a path below a folder; the empty path is that folder.
    pub(crate) fn at(&self, mut folder: Id, path: &str) -> Option<Id> {
        for name in path.split('/').filter(|_| !path.is_empty()) {
            folder = self.child(folder, name)?;
        }
        Some(folder)
    }

    /// Returns an item of this tree.
    pub(crate) fn get(&self, id: Id) -> Result<&Node, ErrorResponse> {
        self.nodes.get(&id).ok_or_else(ErrorResponse::not_found)
    }

    pub(crate) fn content(&self, id: Id) -> Option<&Content> {
        match &self.nodes.get(&id)?.kind {
            Kind::File(content) => Some(content),
            Kind::Folder(_) => None,
        }
    }

    pub(crate) fn children(&self, id: Id) -> Option<&BTreeMap<String, Id>> {
        match &self.nodes.get(&id)?.kind {
            Kind::Folder(children) => Some(children),
            Kind::File(_) => None,
        }
    }

    pub(crate) fn child(&self, folder: Id, name: &str) -> Option<Id> {
        self.children(folder)?.get(name).copied()
    }

    /// Returns `true` if an item is `ancestor` or below it.
    pub(crate) fn is_within(&self, id: Id, ancestor: Id) -> bool {
        let mut above = Some(id);
        while let Some(id) = above {
            if id == ancestor {
                return true;
            }
            above = self.nodes.get(&id).and_then(|node| node.parent);
        }
        false
    }

    /// Returns an item and all items below it, folders before their contents.
    pub(crate) fn below(&self, id: Id) -> Vec<Id> {
        let mut found = vec![id];
        let mut next = 0;
        while let Some(id) = found.get(next) {
            found.extend(self.children(*id).into_iter().flatten().map(|(_, id)| *id));
            next += 1;
        }
        found
    }

    /// Returns the sorted paths of all items below the home; a folder's path ends with a slash.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths = BTreeMap::from([(self.home, String::new())]);
        for id in self.below(self.home).into_iter().skip(1) {
            let Some(node) = self.nodes.get(&id) else { continue };
            let above = node.parent.and_then(|parent| paths.get(&parent)).map_or("", String::as_str);
            let end = if self.content(id).is_some() { "" } else { "/" };
            paths.insert(id, format!("{above}{}{end}", node.name));
        }
        paths.remove(&self.home);
        let mut paths: Vec<_> = paths.into_values().collect();
        paths.sort();
        paths
    }

    /// Returns the size of a file, or of all files below a folder.
    pub(crate) fn bytes(&self, id: Id) -> u64 {
        self.below(id).into_iter().filter_map(|id| self.content(id)).map(Content::len).sum()
    }

    /// Returns the name for an item in a folder: `name`, or with `resolve` the next free one. The item itself does not
    /// count as a conflict.
    pub(crate) fn name_in(
        &self,
        folder: Id,
        name: &str,
        resolve: bool,
        item: Option<Id>,
    ) -> Result<String, ErrorResponse> {
        if !names::is_valid(name) {
            return Err(ErrorResponse::bad("invalid file name"));
        }
        let taken = |name: &str| self.child(folder, name).is_some_and(|other| Some(other) != item);
        if taken(name) && !resolve {
            return Err(ErrorResponse::exists());
        }
        Ok(names::free(name, taken))
    }

    /// Adds an item; its name must be free.
    pub(crate) fn add(&mut self, id: Id, folder: Id, name: String, kind: Kind, now: Timestamp) {
        if let Kind::File(content) = &kind {
            self.used += content.len();
        }
        self.nodes.insert(id, Node { name, parent: Some(folder), created: now, modified: now, kind });
        self.attach(id);
    }

    /// Moves an item to another folder or name, which must be free.
    pub(crate) fn place(&mut self, id: Id, folder: Id, name: String) {
        self.detach(id);
        if let Some(node) = self.nodes.get_mut(&id) {
            node.parent = Some(folder);
            node.name = name;
        }
        self.attach(id);
    }

    /// Copies an item recursively to a free name outside it. Returns the copy.
    pub(crate) fn copy(&mut self, ids: &mut Ids, id: Id, folder: Id, name: String, now: Timestamp) -> Id {
        let mut copies = BTreeMap::new();
        for original in self.below(id) {
            let Some(node) = self.nodes.get(&original).cloned() else { continue };
            let copy = ids.fresh();
            copies.insert(original, copy);
            let kind = match node.kind {
                Kind::File(content) => Kind::File(content),
                Kind::Folder(_) => Kind::Folder(BTreeMap::new()),
            };
            let parent = node.parent.and_then(|parent| copies.get(&parent).copied());
            match parent {
                Some(parent) => self.add(copy, parent, node.name, kind, now),
                None => self.add(copy, folder, name.clone(), kind, now),
            }
            self.set_modified(copy, node.modified);
        }
        copies.get(&id).copied().unwrap_or(id)
    }

    /// Removes an item recursively.
    pub(crate) fn remove(&mut self, id: Id) {
        self.detach(id);
        for id in self.below(id) {
            self.used -= self.content(id).map_or(0, Content::len);
            self.nodes.remove(&id);
        }
    }

    pub(crate) fn set_modified(&mut self, id: Id, modified: Timestamp) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.modified = modified;
        }
    }

    pub(crate) fn truncate(&mut self, id: Id, len: u64) {
        self.change(id, |content| content.truncate(len));
    }

    /// Writes bytes into a file; the offset is at most its length.
    pub(crate) fn write(&mut self, id: Id, offset: u64, body: Body) {
        self.change(id, |content| content.write(offset, body));
    }

    fn change(&mut self, id: Id, change: impl FnOnce(&mut Content)) {
        if let Some(Kind::File(content)) = self.nodes.get_mut(&id).map(|node| &mut node.kind) {
            self.used -= content.len();
            change(content);
            self.used += content.len();
        }
    }

    fn attach(&mut self, id: Id) {
        let Some((name, folder)) = self.nodes.get(&id).and_then(|node| Some((node.name.clone(), node.parent?))) else {
            return;
        };
        if let Some(Kind::Folder(children)) = self.nodes.get_mut(&folder).map(|node| &mut node.kind) {
            children.insert(name, id);
        }
    }

    fn detach(&mut self, id: Id) {
        let Some((name, folder)) = self.nodes.get(&id).and_then(|node| Some((node.name.clone(), node.parent?))) else {
            return;
        };
        if let Some(Kind::Folder(children)) = self.nodes.get_mut(&folder).map(|node| &mut node.kind) {
            children.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const NOW: Timestamp = Timestamp::at(0);

    fn file(text: &'static str) -> Kind {
        Kind::File(Content::from(Bytes::from_static(text.as_bytes())))
    }

    fn folder() -> Kind {
        Kind::Folder(BTreeMap::new())
    }

    /// `a/b/c` with two files in it, and an empty folder `d`.
    fn tree() -> (Tree, Ids) {
        let mut ids = Ids::new(1);
        let mut tree = Tree::new(&mut ids, NOW);
        let mut above = tree.home;
        for name in ["a", "b", "c"] {
            let id = ids.fresh();
            tree.add(id, above, name.to_owned(), folder(), NOW);
            above = id;
        }
        tree.add(ids.fresh(), above, "one".to_owned(), file("1"), NOW);
        tree.add(ids.fresh(), above, "two".to_owned(), file("22"), NOW);
        tree.add(ids.fresh(), tree.home, "d".to_owned(), folder(), NOW);
        (tree, ids)
    }

    fn at(tree: &Tree, path: &str) -> Option<Id> {
        tree.at(tree.home, path)
    }

    #[test]
    fn a_path_finds_an_item() {
        let (tree, _) = tree();
        assert!(at(&tree, "") == Some(tree.home));
        assert!(at(&tree, "Trash") == Some(tree.trash));
        assert_eq!(tree.get(at(&tree, "a/b/c/two").unwrap()).unwrap().name, "two");
        for nothing in ["/", "/a", "a/", "a//b", "a/x", "a/b/c/one/x", "A"] {
            assert!(at(&tree, nothing).is_none(), "{nothing}");
        }
    }

    #[test]
    fn bytes_are_counted_through_every_change() {
        let (mut tree, mut ids) = tree();
        let (a, d) = (at(&tree, "a").unwrap(), at(&tree, "d").unwrap());
        assert_eq!((tree.used(), tree.bytes(a), tree.bytes(tree.home)), (3, 3, 3));
        let copy = tree.copy(&mut ids, a, d, "copy".to_owned(), NOW);
        assert_eq!((tree.used(), tree.bytes(copy), tree.bytes(d)), (6, 3, 3));
        let two = at(&tree, "d/copy/b/c/two").unwrap();
        tree.write(two, 1, Body::from(Bytes::from_static(b"345")));
        assert_eq!(tree.used(), 8);
        tree.truncate(two, 1);
        assert_eq!(tree.used(), 5);
        assert_eq!(tree.bytes(a), 3);
        tree.remove(d);
        assert_eq!(tree.used(), 3);
        assert!(tree.get(two).is_err() && at(&tree, "d").is_none());
    }

    #[test]
    fn an_item_is_moved_with_its_contents() {
        let (mut tree, _) = tree();
        let (b, d) = (at(&tree, "a/b").unwrap(), at(&tree, "d").unwrap());
        assert!(tree.is_within(b, at(&tree, "a").unwrap()));
        tree.place(b, d, "new".to_owned());
        assert!(at(&tree, "a/b").is_none());
        assert!(at(&tree, "d/new/c/one").is_some_and(|one| tree.is_within(one, d)));
        assert!(!tree.is_within(b, at(&tree, "a").unwrap()));
    }

    #[test]
    fn a_copy_has_new_ids_and_the_time_of_the_original() {
        let (mut tree, mut ids) = tree();
        let (a, one) = (at(&tree, "a").unwrap(), at(&tree, "a/b/c/one").unwrap());
        let then = Timestamp::from_seconds(5.0).unwrap();
        tree.set_modified(one, then);
        tree.copy(&mut ids, a, tree.home, "e".to_owned(), NOW);
        let copy = at(&tree, "e/b/c/one").unwrap();
        assert!(copy != one);
        assert_eq!(tree.get(copy).unwrap().modified, then);
    }

    #[test]
    fn an_item_does_not_conflict_with_itself() {
        let (tree, _) = tree();
        let a = at(&tree, "a");
        assert_eq!(tree.name_in(tree.home, "a", false, a).unwrap(), "a");
        assert_eq!(tree.name_in(tree.home, "a", true, None).unwrap(), "a(1)");
        assert!(tree.name_in(tree.home, "a", false, None).is_err());
        assert!(tree.name_in(tree.home, "a/b", true, None).is_err());
    }
}
