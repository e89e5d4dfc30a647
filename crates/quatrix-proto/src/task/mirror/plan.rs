//! Computes the actions of a plan from two trees.

use super::subtrees::{Subtrees, is_below};
use super::tree::{Node, Tree};
use super::{Action, Item, Mirror, Plan, Reason};
use crate::error::TransferError;
use crate::path::RemotePath;
use crate::task::is_partial_name;
use crate::task::partial_name::is_aside_name;

#[cfg(test)]
mod tests;

impl Mirror {
    /// Plans to make the target equal to the source. The order is: folders, files that replace folders, other files,
    /// deletions.
    pub fn plan(&self, source: &Tree, target: &Tree) -> Plan {
        let alone = left_alone(source, target);
        let actions = self.actions(source, target, &alone);
        let doomed = actions.iter().map(Action::deletes).sum();
        match self.refuses(source, &alone, doomed) {
            None => Plan { actions, refused: None },
            refused => {
                let keeping = Self { delete: false, ..*self };
                Plan { actions: keeping.actions(source, target, &alone), refused }
            }
        }
    }

    fn refuses(&self, source: &Tree, alone: &Subtrees<'_>, doomed: u64) -> Option<TransferError> {
        let is_empty = || source.nodes().iter().all(|node| alone.covers(&node.path));
        if doomed > 0 && !self.delete_all && is_empty() {
            return Some(TransferError::EmptySource);
        }
        let max = self.max_deletions.filter(|max| *max < doomed)?;
        Some(TransferError::TooManyDeletions { planned: doomed, max })
    }

    fn actions(&self, source: &Tree, target: &Tree, alone: &Subtrees<'_>) -> Vec<Action> {
        let (mut folders, mut replacing, mut copies) = (Vec::new(), Vec::new(), Vec::new());
        // Paths with a file on one side and a folder on the other. They decide about everything below in the target.
        let mut settled = Vec::new();
        let mut left_out: Option<&RemotePath> = None;
        let mut targets = target.nodes().iter().peekable();
        for Node { path, item, .. } in source.nodes() {
            while targets.next_if(|node| node.path < *path).is_some() {}
            if left_out.is_some_and(|above| is_below(path, above)) || alone.covers(path) {
                continue;
            }
            let old = targets.peek().filter(|node| node.path == *path).map(|node| &node.item);
            match (item, old) {
                (Item::Folder, Some(Item::Folder)) => {}
                (Item::Folder, None) => folders.push(Action::MakeFolder { path: path.clone(), replaces: false }),
                (Item::File { size, .. }, None) => {
                    copies.push(Action::Copy { path: path.clone(), size: *size, reason: Reason::New });
                }
                (Item::File { size, .. }, Some(old @ Item::File { .. })) => {
                    let reason = self.reason(item, old);
                    copies.extend(reason.map(|reason| Action::Copy { path: path.clone(), size: *size, reason }));
                }
                (Item::Folder, Some(Item::File { .. })) | (Item::File { .. }, Some(Item::Folder))
                    if !self.delete || alone.is_above_one(path) =>
                {
                    folders.push(Action::Conflict { path: path.clone() });
                    settled.push(path);
                    left_out = Some(path);
                }
                (Item::Folder, Some(Item::File { .. })) => {
                    folders.push(Action::MakeFolder { path: path.clone(), replaces: true });
                }
                (Item::File { size, .. }, Some(Item::Folder)) => {
                    let items = 1 + target.below(path).len() as u64;
                    replacing.push(Action::Copy { path: path.clone(), size: *size, reason: Reason::Folder { items } });
                    settled.push(path);
                }
            }
        }
        let mut actions = folders;
        actions.append(&mut replacing);
        actions.append(&mut copies);
        if self.delete {
            left_over(source, target, alone, &settled.into_iter().collect(), &mut actions);
        }
        actions
    }
}

/// Adds the deletion of everything that only the target has: one action for the topmost path of each subtree.
fn left_over(source: &Tree, target: &Tree, alone: &Subtrees<'_>, settled: &Subtrees<'_>, actions: &mut Vec<Action>) {
    let mut passed: Option<&RemotePath> = None;
    let mut sources = source.nodes().iter().peekable();
    for Node { path, item, .. } in target.nodes() {
        while sources.next_if(|node| node.path < *path).is_some() {}
        let in_source = sources.peek().is_some_and(|node| node.path == *path);
        let is_passed = passed.is_some_and(|above| is_below(path, above));
        if in_source || is_passed || alone.covers(path) || settled.covers(path) {
            continue;
        }
        // An entry that seems to be missing may be one of those with an invalid name.
        let has_incomplete = !(source.incomplete().is_empty() && target.incomplete().is_empty());
        let is_incomplete = |above: RemotePath| [source, target].iter().any(|tree| tree.incomplete().contains(&above));
        if has_incomplete && path.parent().is_some_and(is_incomplete) {
            passed = Some(path);
            continue;
        }
        // A folder with something below that is left alone is not deleted.
        if !alone.is_above_one(path) {
            let items = 1 + target.below(path).len() as u64;
            actions.push(Action::Delete { path: path.clone(), folder: *item == Item::Folder, items });
            passed = Some(path);
        }
    }
}

/// Returns the paths that are left alone on both sides: unreadable ones, those that are neither file nor folder, and
/// temporary files. Files that an earlier run put aside in the target are not among them: a mirror may delete them.
fn left_alone<'a>(source: &'a Tree, target: &'a Tree) -> Subtrees<'a> {
    let of = |tree: &'a Tree| tree.skipped().iter().chain(tree.failed().iter().map(|(path, _)| path));
    let partial = source.nodes().iter().filter(|node| is_partial(node));
    let is_aside = |node: &Node| is_aside_name(node.path.name().unwrap_or_default());
    let partial = partial.chain(target.nodes().iter().filter(|node| is_partial(node) && !is_aside(node)));
    of(source).chain(of(target)).chain(partial.map(|node| &node.path)).collect()
}

fn is_partial(node: &Node) -> bool {
    is_partial_name(node.path.name().unwrap_or_default())
}
