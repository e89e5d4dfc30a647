//! What it takes to make one tree like another: a plan, and its way through many transfers. Nothing is read or written.
//!
//! The plan knows no direction: the source may be a local folder and the target a remote one, or the other way round.
//! Paths start at the two folders that are mirrored; a [`Walk`](super::Walk) below one of them, with
//! [`RemotePath::home`] for its path, gives such paths.
//!
//! ```
//! use quatrix_proto::UnixTime;
//! use quatrix_proto::task::mirror::{Action, Item, Mirror, Reason};
//!
//! let file = |size, secs| Item::File { size: Some(size), modified: Some(UnixTime::from_secs(secs)) };
//! let here = [("a.txt".parse()?, file(3, 100)), ("b.txt".parse()?, file(5, 200))].into();
//! let there = [("a.txt".parse()?, file(3, 100)), ("old.txt".parse()?, file(1, 50))].into();
//!
//! let copy = Action::Copy { path: "b.txt".parse()?, size: Some(5), reason: Reason::New };
//! assert_eq!(Mirror::default().plan(&here, &there), [copy.clone()]);
//!
//! let delete = Action::Delete { path: "old.txt".parse()?, folder: false };
//! assert_eq!(Mirror::default().with_deletions().plan(&here, &there), [copy, delete]);
//! # Ok::<(), quatrix_proto::Invalid>(())
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use crate::error::{Error, Failure, FailureKind};
use crate::file::{File, FileKind};
use crate::path::RemotePath;
use crate::time::UnixTime;

mod batch;
mod tree;

pub use batch::{Batch, BatchStep, Did, Job, Report, Work};
pub use tree::{Remote, Tree};

/// How trees are compared.
#[derive(Clone, Copy, Debug)]
pub struct Mirror {
    delete: bool,
    tolerance: Duration,
}

/// What a tree holds at one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A folder.
    Folder,
    /// A file. What is not known of it counts as changed.
    File {
        /// Its bytes.
        size: Option<u64>,
        /// When it was last changed.
        modified: Option<UnixTime>,
    },
}

/// One thing to do to the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Make a folder. The one that it is in is there by then.
    MakeFolder {
        /// Where.
        path: RemotePath,
    },
    /// Copy a file with its modification time, over what is there.
    Copy {
        /// Where.
        path: RemotePath,
        /// Its bytes, for a progress.
        size: Option<u64>,
        /// Why.
        reason: Reason,
    },
    /// Delete a file, or a folder with everything in it.
    Delete {
        /// Where.
        path: RemotePath,
        /// Whether it is a folder.
        folder: bool,
    },
    /// Nothing can be done: one side has a file where the other has a folder, and nothing is to be deleted.
    Conflict {
        /// Where. What the source has below is left out.
        path: RemotePath,
    },
}

/// Why a file is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The target does not have it.
    New,
    /// The target has it with another size.
    Size,
    /// The target has it with another modification time.
    Time,
}

impl Default for Mirror {
    /// Deletes nothing; times within a second are the same, since not every side keeps fractions.
    fn default() -> Self {
        Self { delete: false, tolerance: Duration::from_secs(1) }
    }
}

impl Mirror {
    /// Deletes what only the target has, and what is in the way.
    #[must_use]
    pub fn with_deletions(mut self) -> Self {
        self.delete = true;
        self
    }

    /// Takes times for the same that are less than this apart.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Lists what [`plan`](Self::plan) does, for trees as they were read.
    ///
    /// What is skipped on one side is left alone on both; where something could not be read, what seems to be missing
    /// may not be, and nothing is deleted.
    pub fn compare(&self, source: &Tree, target: &Tree) -> Vec<Action> {
        let left_alone = |path: &RemotePath| {
            let mut skipped = source.skipped.iter().chain(&target.skipped);
            skipped.any(|above| path == above || is_below(path, above))
        };
        let keep = |tree: &Tree| {
            let kept = tree.items.iter().filter(|(path, _)| !left_alone(path));
            kept.map(|(path, item)| (path.clone(), *item)).collect()
        };
        let unread = !source.failed.is_empty() || !target.failed.is_empty();
        let mut actions = self.plan(&keep(source), &keep(target));
        actions.retain(|action| !(unread && matches!(action, Action::Delete { .. })));
        actions
    }

    /// Lists what makes the target like the source, in the order in which to do it: what is in the way goes first, what
    /// is left over last, when all that is new has arrived.
    pub fn plan(&self, source: &BTreeMap<RemotePath, Item>, target: &BTreeMap<RemotePath, Item>) -> Vec<Action> {
        let (mut in_the_way, mut folders, mut copies) = (Vec::new(), Vec::new(), Vec::new());
        let mut left_out: Option<&RemotePath> = None;
        for (path, item) in source {
            if left_out.is_some_and(|above| is_below(path, above)) {
                continue;
            }
            // Whether something in the way above takes this along when it goes.
            let gone = || in_the_way.last().is_some_and(|above| is_below(path, above));
            let there = target.get(path).filter(|_| !gone());
            match (item, there) {
                (Item::Folder, Some(Item::Folder)) => {}
                (Item::Folder, None) => folders.push(Action::MakeFolder { path: path.clone() }),
                (Item::File { size, .. }, None) => {
                    copies.push(Action::Copy { path: path.clone(), size: *size, reason: Reason::New });
                }
                (Item::File { size, .. }, Some(old @ Item::File { .. })) => {
                    let reason = self.reason(item, old);
                    copies.extend(reason.map(|reason| Action::Copy { path: path.clone(), size: *size, reason }));
                }
                (Item::Folder, Some(Item::File { .. })) | (Item::File { .. }, Some(Item::Folder)) if !self.delete => {
                    left_out = Some(path);
                    folders.push(Action::Conflict { path: path.clone() });
                }
                (Item::Folder, Some(Item::File { .. })) => {
                    in_the_way.push(path.clone());
                    folders.push(Action::MakeFolder { path: path.clone() });
                }
                (Item::File { size, .. }, Some(Item::Folder)) => {
                    in_the_way.push(path.clone());
                    copies.push(Action::Copy { path: path.clone(), size: *size, reason: Reason::New });
                }
            }
        }
        let delete = |path: RemotePath| {
            let folder = target.get(&path) == Some(&Item::Folder);
            Action::Delete { path, folder }
        };
        let left_over = self.left_over(source, target, &in_the_way);
        let before = in_the_way.iter().cloned().map(delete);
        before.chain(folders).chain(copies).chain(left_over.into_iter().map(delete)).collect()
    }

    /// Why a file that both have is copied.
    fn reason(&self, new: &Item, old: &Item) -> Option<Reason> {
        let facts = |item: &Item| match *item {
            Item::File { size, modified } => (size, modified),
            Item::Folder => (None, None),
        };
        let ((size, modified), (old_size, old_modified)) = (facts(new), facts(old));
        if size.is_none() || size != old_size {
            return Some(Reason::Size);
        }
        let times = modified.zip(old_modified);
        let apart = times.map(|(a, b)| Duration::from_micros(a.as_micros().abs_diff(b.as_micros())));
        let same = apart.is_some_and(|apart| apart < self.tolerance || apart.is_zero());
        (!same).then_some(Reason::Time)
    }

    /// What only the target has, the topmost of each: what is below goes with it.
    fn left_over(
        &self,
        source: &BTreeMap<RemotePath, Item>,
        target: &BTreeMap<RemotePath, Item>,
        gone: &[RemotePath],
    ) -> Vec<RemotePath> {
        let mut left_over: Vec<RemotePath> = Vec::new();
        for path in target.keys().filter(|path| self.delete && !source.contains_key(path)) {
            let goes_along = left_over.last().is_some_and(|above| is_below(path, above));
            // Nothing in the way is below another: the last one before the path is the only one it can be below.
            let before = gone.partition_point(|above| above < path);
            let has_gone = before > 0 && is_below(path, &gone[before - 1]);
            if !goes_along && !has_gone {
                left_over.push(path.clone());
            }
        }
        left_over
    }
}

impl Item {
    /// Reads what a file on the server is to a mirror; `None` for links, the trash and what is unknown, which it leaves
    /// alone.
    pub fn of(file: &File) -> Option<Self> {
        match file.kind {
            FileKind::Folder | FileKind::Project => Some(Self::Folder),
            FileKind::File => Some(Self::File { size: file.size, modified: file.modified }),
            FileKind::Trash | FileKind::Link | FileKind::Other(_) => None,
        }
    }
}

fn not_done(why: &'static str) -> Error {
    Failure::unsent(FailureKind::Local).with_detail(why).into()
}

fn is_below(path: &RemotePath, above: &RemotePath) -> bool {
    path.relative().strip_prefix(above.relative()).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FILE: Item = file(1, 100);

    const fn file(size: u64, secs: i64) -> Item {
        Item::File { size: Some(size), modified: Some(UnixTime::from_secs(secs)) }
    }

    fn tree<const N: usize>(items: [(&str, Item); N]) -> BTreeMap<RemotePath, Item> {
        items.into_iter().map(|(path, item)| (path.parse().unwrap(), item)).collect()
    }

    /// One letter and the path for each action.
    fn shown(actions: &[Action]) -> Vec<String> {
        let shown = |action: &Action| match action {
            Action::MakeFolder { path } => format!("make {path}"),
            Action::Copy { path, reason, .. } => format!("copy {path} {reason:?}"),
            Action::Delete { path, folder } => format!("delete {path}{}", if *folder { "/" } else { "" }),
            Action::Conflict { path } => format!("conflict {path}"),
        };
        actions.iter().map(shown).collect()
    }

    fn plan<const N: usize, const M: usize>(source: [(&str, Item); N], target: [(&str, Item); M]) -> Vec<String> {
        shown(&Mirror::default().plan(&tree(source), &tree(target)))
    }

    fn plan_deleting<const N: usize, const M: usize>(
        source: [(&str, Item); N],
        target: [(&str, Item); M],
    ) -> Vec<String> {
        shown(&Mirror::default().with_deletions().plan(&tree(source), &tree(target)))
    }

    #[test]
    fn folders_come_before_what_is_in_them() {
        let source = [("b/c/x", FILE), ("b", Item::Folder), ("b/c", Item::Folder), ("a", FILE)];
        assert_eq!(plan(source, []), ["make /b", "make /b/c", "copy /a New", "copy /b/c/x New"]);
    }

    #[test]
    fn a_file_is_changed_by_its_size_or_its_time() {
        let old = [("a", file(1, 100))];
        assert!(plan([("a", file(1, 100))], old).is_empty());
        assert_eq!(plan([("a", file(2, 100))], old), ["copy /a Size"]);
        assert_eq!(plan([("a", file(1, 99))], old), ["copy /a Time"]);
        let fraction = Item::File { size: Some(1), modified: Some(UnixTime::from_micros(100_999_999)) };
        assert!(plan([("a", fraction)], old).is_empty(), "less than a second apart");
        let exactly = Mirror::default().with_tolerance(Duration::ZERO);
        assert_eq!(shown(&exactly.plan(&tree([("a", fraction)]), &tree(old))), ["copy /a Time"]);
        assert!(exactly.plan(&tree(old), &tree(old)).is_empty());
        let unknown = Item::File { size: None, modified: None };
        assert_eq!(plan([("a", unknown)], [("a", unknown)]), ["copy /a Size"]);
        let timeless = Item::File { size: Some(1), modified: None };
        assert_eq!(plan([("a", timeless)], old), ["copy /a Time"]);
    }

    #[test]
    fn what_only_the_target_has_is_deleted_when_asked_and_last() {
        let source = [("a", FILE)];
        let target = [("old", Item::Folder), ("old/x", FILE), ("old-x", FILE), ("z", FILE)];
        assert_eq!(plan(source, target), ["copy /a New"]);
        assert_eq!(plan_deleting(source, target), ["copy /a New", "delete /old/", "delete /old-x", "delete /z"]);
    }

    #[test]
    fn what_is_in_the_way_goes_first_or_is_a_conflict() {
        let source = [("a", Item::Folder), ("a/x", FILE), ("b", FILE)];
        let target = [("a", FILE), ("b", Item::Folder), ("b/y", FILE)];
        assert_eq!(plan(source, target), ["conflict /a", "conflict /b"]);
        let plan = plan_deleting(source, target);
        assert_eq!(plan, ["delete /a", "delete /b/", "make /a", "copy /a/x New", "copy /b New"]);
    }

    #[test]
    fn links_and_the_trash_are_left_alone() {
        let item = |letter: char| {
            let json = format!(r#"{{"id":"a","name":"a","type":"{letter}","size":1}}"#);
            Item::of(&serde_json::from_str(&json).unwrap())
        };
        assert_eq!(item('F'), Some(Item::File { size: Some(1), modified: None }));
        assert_eq!((item('D'), item('S')), (Some(Item::Folder), Some(Item::Folder)));
        assert_eq!((item('T'), item('N'), item('?')), (None, None, None));
    }

    /// Does what a plan says to a tree, and refuses what could not be done to a real one.
    fn apply(actions: &[Action], source: &BTreeMap<RemotePath, Item>, target: &mut BTreeMap<RemotePath, Item>) {
        for action in actions {
            let parent_is_there = |path: &RemotePath, target: &BTreeMap<RemotePath, Item>| {
                let parent = path.parent().unwrap();
                assert!(parent.is_home() || target.get(&parent) == Some(&Item::Folder), "{action:?}");
            };
            match action {
                Action::MakeFolder { path } => {
                    parent_is_there(path, target);
                    assert_eq!(target.insert(path.clone(), Item::Folder), None, "{action:?}");
                }
                Action::Copy { path, .. } => {
                    parent_is_there(path, target);
                    assert_ne!(target.insert(path.clone(), source[path]), Some(Item::Folder), "{action:?}");
                }
                Action::Delete { path, folder } => {
                    assert_eq!(target.remove(path).unwrap() == Item::Folder, *folder, "{action:?}");
                    target.retain(|other, _| !is_below(other, path));
                }
                Action::Conflict { .. } => {}
            }
        }
    }

    fn any_tree() -> impl Strategy<Value = BTreeMap<RemotePath, Item>> {
        let item = prop_oneof![Just(Item::Folder), (0u64..3, 0i64..3).prop_map(|(size, secs)| file(size, secs * 10))];
        let paths = prop::collection::btree_map("[ab](-x)?(/[ab]){0,2}", item, 0..12);
        paths.prop_map(|items| {
            let mut tree = BTreeMap::new();
            for (path, item) in items {
                let path: RemotePath = path.parse().unwrap();
                let above: Vec<_> = std::iter::successors(path.parent(), RemotePath::parent).collect();
                if above.iter().all(|above| !matches!(tree.get(above), Some(Item::File { .. }))) {
                    tree.extend(above.into_iter().filter(|above| !above.is_home()).map(|above| (above, Item::Folder)));
                    tree.insert(path, item);
                }
            }
            tree
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn a_plan_with_deletions_makes_the_target_the_source(source in any_tree(), target in any_tree()) {
            let mirror = Mirror::default().with_deletions();
            let mut made = target.clone();
            apply(&mirror.plan(&source, &target), &source, &mut made);
            prop_assert_eq!(&made, &source);
            prop_assert_eq!(mirror.plan(&source, &made), []);
        }

        #[test]
        fn a_plan_without_deletions_takes_nothing_away(source in any_tree(), target in any_tree()) {
            let plan = Mirror::default().plan(&source, &target);
            let mut made = target.clone();
            apply(&plan, &source, &mut made);
            prop_assert!(target.keys().all(|path| made.contains_key(path)));
            let conflicts = plan.iter().filter(|action| matches!(action, Action::Conflict { .. })).count();
            let differs = |(path, item): (&RemotePath, &Item)| made.get(path) != Some(item);
            prop_assert_eq!(source.iter().any(differs), conflicts > 0);
        }
    }
}
