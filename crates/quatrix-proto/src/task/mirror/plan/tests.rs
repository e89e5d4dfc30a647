use proptest::prelude::*;

use super::*;
use crate::task::Unnamed;
use crate::task::mirror::not_done;
use crate::time::UnixTime;
use std::collections::BTreeMap;
use std::time::Duration;

const FILE: Item = file(1, 100);

const fn file(size: u64, secs: i64) -> Item {
    Item::File { size: Some(size), modified: Some(UnixTime::from_secs(secs)) }
}

fn tree<const N: usize>(items: [(&str, Item); N]) -> Tree {
    items.into_iter().map(|(path, item)| (path.parse().unwrap(), item)).collect()
}

/// One letter and the path for each action.
fn shown(actions: &[Action]) -> Vec<String> {
    let shown = |action: &Action| match action {
        Action::MakeFolder { path, replaces } => format!("make {path}{}", if *replaces { " for a file" } else { "" }),
        Action::Copy { path, reason, .. } => format!("copy {path} {reason:?}"),
        Action::Delete { path, folder, .. } => format!("delete {path}{}", if *folder { "/" } else { "" }),
        Action::Conflict { path } => format!("conflict {path}"),
    };
    actions.iter().map(shown).collect()
}

fn plan<const N: usize, const M: usize>(source: [(&str, Item); N], target: [(&str, Item); M]) -> Vec<String> {
    shown(&Mirror::default().plan(&tree(source), &tree(target)).actions)
}

fn plan_deleting<const N: usize, const M: usize>(source: [(&str, Item); N], target: [(&str, Item); M]) -> Vec<String> {
    shown(&Mirror::default().with_deletions().plan(&tree(source), &tree(target)).actions)
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
    assert_eq!(shown(&exactly.plan(&tree([("a", fraction)]), &tree(old)).actions), ["copy /a Time"]);
    assert!(exactly.plan(&tree(old), &tree(old)).actions.is_empty());
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
fn what_is_in_the_way_is_replaced_or_is_a_conflict() {
    let source = [("a", Item::Folder), ("a/x", FILE), ("b", FILE)];
    let target = [("a", FILE), ("b", Item::Folder), ("b/y", FILE)];
    assert_eq!(plan(source, target), ["conflict /a", "conflict /b"]);
    let plan = plan_deleting(source, target);
    assert_eq!(plan, ["make /a for a file", "copy /b Folder { items: 2 }", "copy /a/x New"]);
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
        let path = action.path().clone();
        let parent = path.parent().unwrap();
        let parent_is_there = parent.is_home() || target.get(&parent) == Some(&Item::Folder);
        let before = target.len();
        // What is replaced is gone when the replacement is there.
        let replaced = match action {
            Action::MakeFolder { replaces, .. } => Some(*replaces),
            Action::Copy { reason, .. } => Some(matches!(reason, Reason::Folder { .. })),
            Action::Delete { .. } | Action::Conflict { .. } => None,
        };
        if replaced == Some(true) || matches!(action, Action::Delete { .. }) {
            let old = target.remove(&path).unwrap();
            target.retain(|other, _| !is_below(other, &path));
            assert_eq!((before - target.len()) as u64, action.deletes(), "{action:?}");
            match action {
                Action::MakeFolder { .. } => assert!(matches!(old, Item::File { .. }), "{action:?}"),
                Action::Copy { .. } => assert_eq!(old, Item::Folder, "{action:?}"),
                Action::Delete { folder, .. } => assert_eq!(old == Item::Folder, *folder, "{action:?}"),
                Action::Conflict { .. } => {}
            }
        }
        match action {
            Action::MakeFolder { .. } => {
                assert!(parent_is_there, "{action:?}");
                assert_eq!(target.insert(path, Item::Folder), None, "{action:?}");
            }
            Action::Copy { .. } => {
                assert!(parent_is_there, "{action:?}");
                assert_ne!(target.insert(path.clone(), source[&path]), Some(Item::Folder), "{action:?}");
            }
            Action::Delete { .. } | Action::Conflict { .. } => {}
        }
    }
}

fn of(items: &BTreeMap<RemotePath, Item>) -> Tree {
    items.iter().map(|(path, item)| (path.clone(), *item)).collect()
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
        let mirror = Mirror::default().with_deletions().with_empty_source();
        let mut made = target.clone();
        let plan = mirror.plan(&of(&source), &of(&target));
        apply(&plan.actions, &source, &mut made);
        prop_assert_eq!(&made, &source);
        prop_assert_eq!(mirror.plan(&of(&source), &of(&made)).actions, []);
        let doomed: u64 = plan.actions.iter().map(Action::deletes).sum();
        prop_assert!(mirror.with_max_deletions(doomed).plan(&of(&source), &of(&target)).refused.is_none());
        if let Some(max) = doomed.checked_sub(1) {
            let refused = mirror.with_max_deletions(max).plan(&of(&source), &of(&target));
            prop_assert_eq!(refused.refused, Some(TransferError::TooManyDeletions { planned: doomed, max }));
            prop_assert_eq!(refused.actions.iter().map(Action::deletes).sum::<u64>(), 0);
        }
    }

    #[test]
    fn a_plan_without_deletions_takes_nothing_away(source in any_tree(), target in any_tree()) {
        let plan = Mirror::default().plan(&of(&source), &of(&target)).actions;
        let mut made = target.clone();
        apply(&plan, &source, &mut made);
        prop_assert!(target.keys().all(|path| made.contains_key(path)));
        let conflicts = plan.iter().filter(|action| matches!(action, Action::Conflict { .. })).count();
        let differs = |(path, item): (&RemotePath, &Item)| made.get(path) != Some(item);
        prop_assert_eq!(source.iter().any(differs), conflicts > 0);
    }

    #[test]
    fn what_could_not_be_read_is_left_alone_and_the_rest_is_made_the_same(
        source in any_tree(),
        target in any_tree(),
        unread in prop::collection::vec("[ab](-x)?(/[ab]){0,2}", 1..4),
        of_source in any::<bool>(),
    ) {
        let unread: Vec<RemotePath> = unread.iter().map(|path| path.parse().unwrap()).collect();
        let is_unread = |path: &RemotePath| unread.iter().any(|above| path == above || is_below(path, above));
        // A source that could not be read below a path has nothing there.
        let known = source.iter().filter(|(path, _)| !of_source || !unread.iter().any(|above| is_below(path, above)));
        let known: BTreeMap<_, _> = known.map(|(path, item)| (path.clone(), *item)).collect();
        let (mut read, mut other) = (of(&known), of(&target));
        let failing = if of_source { &mut read } else { &mut other };
        unread.iter().for_each(|path| failing.fail(path.clone(), not_done("unread")));
        let plan = Mirror::default().with_deletions().with_empty_source().plan(&read, &other).actions;
        let mut made = target.clone();
        apply(&plan, &known, &mut made);
        for (path, item) in target.iter().filter(|(path, _)| is_unread(path)) {
            prop_assert_eq!(made.get(path), Some(item));
        }
        prop_assert!(made.keys().all(|path| !is_unread(path) || target.contains_key(path)));
        let is_above = |path: &RemotePath| unread.iter().any(|below| is_below(below, path));
        let rest = |tree: &BTreeMap<RemotePath, Item>| -> Vec<(RemotePath, Item)> {
            let conflict = |path: &RemotePath| plan.iter().any(|action| {
                matches!(action, Action::Conflict { path: above } if path == above || is_below(path, above))
            });
            let rest = tree.iter().filter(|(path, _)| !is_unread(path) && !is_above(path) && !conflict(path));
            rest.map(|(path, item)| (path.clone(), *item)).collect()
        };
        prop_assert_eq!(rest(&made), rest(&known));
    }
}

#[test]
fn nothing_is_deleted_where_a_folder_could_not_be_listed_and_elsewhere_it_is() {
    let source = [("a", Item::Folder), ("b", Item::Folder), ("b/x", FILE)];
    let target = [
        ("a", Item::Folder),
        ("a/1", FILE),
        ("a/b", Item::Folder),
        ("a/b/2", FILE),
        ("b", Item::Folder),
        ("b/y", FILE),
    ];
    let mut unread = tree(source);
    unread.fail("a".parse().unwrap(), not_done("forbidden"));
    let mirror = Mirror::default().with_deletions();
    assert_eq!(shown(&mirror.plan(&unread, &tree(target)).actions), ["copy /b/x New", "delete /b/y"]);
    let mut unread = tree(target);
    unread.fail("a/b".parse().unwrap(), not_done("forbidden"));
    let plan = mirror.plan(&tree([("b", Item::Folder)]), &unread).actions;
    assert_eq!(shown(&plan), ["delete /a/1", "delete /b/y"], "a holds what is left alone");
    let plan = mirror.plan(&tree([("a", FILE)]), &unread).actions;
    assert_eq!(shown(&plan), ["conflict /a", "delete /b/"], "what is left alone does not go aside either");
}

#[test]
fn nothing_is_missing_from_a_folder_that_lists_what_cannot_be_named() {
    let mut source = tree([("a", Item::Folder), ("a/x", FILE), ("a/sub", Item::Folder), ("b", Item::Folder)]);
    source.fail_unnamed(Unnamed::new(&"a".parse().unwrap(), "x/y", not_done("odd")));
    assert_eq!(source.failed()[0].0.to_string(), "/a/x\u{fffd}y");
    let target = [
        ("a", Item::Folder),
        ("a/1", Item::Folder),
        ("a/1/2", FILE),
        ("a/sub", Item::Folder),
        ("a/sub/3", FILE),
        ("c", FILE),
    ];
    let plan = Mirror::default().with_deletions().plan(&source, &tree(target)).actions;
    assert_eq!(shown(&plan), ["make /b", "copy /a/x New", "delete /a/sub/3", "delete /c"]);
    let mut odd = tree(target);
    odd.fail_unnamed(Unnamed::new(&RemotePath::home(), "..", not_done("odd")));
    let plan = Mirror::default().with_deletions().plan(&tree([("a", Item::Folder)]), &odd).actions;
    assert_eq!(shown(&plan), ["delete /a/1/", "delete /a/sub/"], "nor beside one in the target");
}

#[test]
fn an_empty_source_deletes_nothing_unless_that_is_said() {
    let target = [("a", Item::Folder), ("a/x", FILE)];
    let mirror = Mirror::default().with_deletions();
    for source in [tree([]), tree([("x.00c0ffee.partial", FILE)])] {
        let plan = mirror.plan(&source, &tree(target));
        assert_eq!((plan.actions, plan.refused), (vec![], Some(TransferError::EmptySource)));
        let plan = mirror.with_empty_source().plan(&source, &tree(target));
        assert_eq!((shown(&plan.actions), plan.refused), (vec!["delete /a/".to_owned()], None));
    }
    for keeping in [mirror.plan(&tree([]), &tree([])), Mirror::default().plan(&tree([]), &tree(target))] {
        assert_eq!((keeping.actions, keeping.refused), (vec![], None));
    }
}

#[test]
fn more_deletions_than_allowed_delete_nothing_and_copy_all_the_same() {
    let source = [("a", FILE), ("f", FILE)];
    let target = [("f", Item::Folder), ("f/1", FILE), ("old", Item::Folder), ("old/2", FILE), ("older", FILE)];
    let plan = |max| Mirror::default().with_deletions().with_max_deletions(max).plan(&tree(source), &tree(target));
    let refused = plan(4);
    assert_eq!(shown(&refused.actions), ["conflict /f", "copy /a New"]);
    assert_eq!(refused.refused, Some(TransferError::TooManyDeletions { planned: 5, max: 4 }));
    let all = ["copy /f Folder { items: 2 }", "copy /a New", "delete /old/", "delete /older"];
    assert_eq!((shown(&plan(5).actions), plan(5).refused), (all.map(String::from).to_vec(), None));
}

#[test]
fn temporary_files_are_ignored_on_both_sides() {
    let partial = [("a.0000beef.partial", FILE), ("d", Item::Folder), ("d/b.0000beef.partial", FILE)];
    assert_eq!(plan_deleting(partial, [("d", Item::Folder)]), [""; 0]);
    assert_eq!(plan_deleting([("a", FILE)], partial), ["copy /a New"], "d holds one");
    let aside = [("a.replaced.0000beef.partial", Item::Folder), ("a.replaced.0000beef.partial/x", FILE)];
    assert_eq!(plan_deleting([("a", FILE)], aside), ["copy /a New", "delete /a.replaced.0000beef.partial/"]);
    assert_eq!(plan([("a", FILE)], aside), ["copy /a New"]);
    assert_eq!(plan_deleting(aside, [("a", FILE)]).len(), 0, "what is put aside in the source is no source");
}

#[test]
fn a_change_within_one_second_counts_where_both_sides_have_fractions() {
    let at = |micros| Item::File { size: Some(1), modified: Some(UnixTime::from_micros(micros)) };
    let reason = |new, old| Mirror::default().reason(&at(new), &at(old));
    assert_eq!(reason(100_500_000, 100_200_000), Some(Reason::Time));
    assert_eq!(reason(100_201_000, 100_200_000), Some(Reason::Time));
    assert_eq!(reason(100_200_999, 100_200_000), None);
    assert_eq!(reason(100_999_999, 100_000_000), None, "one side may keep no fractions");
    assert_eq!(reason(101_000_000, 100_000_000), Some(Reason::Time));
    assert_eq!(reason(99_999_900, 100_000_100), None);
}

#[test]
fn an_update_replaces_nothing_newer() {
    let update = Mirror::default().with_update();
    let reason = |new: (u64, i64), old: (u64, i64)| update.reason(&file(new.0, new.1), &file(old.0, old.1));
    assert_eq!(reason((5, 100), (4, 200)), None, "newer, whatever its size");
    assert_eq!(reason((5, 100), (5, 200)), None);
    assert_eq!(reason((5, 100), (4, 100)), Some(Reason::Size), "as old");
    assert_eq!(reason((5, 200), (4, 100)), Some(Reason::Size));
    assert_eq!(reason((5, 200), (5, 100)), Some(Reason::Time));
    assert_eq!(reason((5, 100), (5, 100)), None);
    let timeless = Item::File { size: Some(5), modified: None };
    assert_eq!(update.reason(&file(5, 100), &timeless), Some(Reason::Time));
}
