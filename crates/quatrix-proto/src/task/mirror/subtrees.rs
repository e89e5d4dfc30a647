//! Sets of subtrees.

use crate::path::RemotePath;

/// Set of subtrees, by their roots: sorted, none below another, so that each lookup is one binary search.
#[derive(Clone, Debug, Default)]
pub(super) struct Subtrees<'a>(Vec<&'a RemotePath>);

impl<'a> Subtrees<'a> {
    /// Whether the path is a root or below one.
    pub(super) fn covers(&self, path: &RemotePath) -> bool {
        let after = self.0.partition_point(|root| *root <= path);
        after.checked_sub(1).is_some_and(|last| self.0[last] == path || is_below(path, self.0[last]))
    }

    /// Whether a root is below the path.
    pub(super) fn is_above_one(&self, path: &RemotePath) -> bool {
        self.0.get(self.0.partition_point(|root| *root <= path)).is_some_and(|root| is_below(root, path))
    }
}

impl<'a> FromIterator<&'a RemotePath> for Subtrees<'a> {
    fn from_iter<I: IntoIterator<Item = &'a RemotePath>>(roots: I) -> Self {
        let mut roots: Vec<_> = roots.into_iter().collect();
        roots.sort_unstable();
        // A path sorts right before the paths below it.
        roots.dedup_by(|below, above| below == above || is_below(below, above));
        Self(roots)
    }
}

pub(super) fn is_below(path: &RemotePath, above: &RemotePath) -> bool {
    match above.is_home() {
        true => !path.is_home(),
        false => path.relative().strip_prefix(above.relative()).is_some_and(|rest| rest.starts_with('/')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subtree_is_found_from_above_and_from_below() {
        let paths: Vec<RemotePath> =
            ["b", "b/c", "a/x", "a-x", "a/x"].iter().map(|text| text.parse().unwrap()).collect();
        let roots: Subtrees<'_> = paths.iter().collect();
        assert_eq!(roots.0.len(), 3);
        let all = ["/", "a", "a/x", "a/x/y", "a/y", "a-x", "b", "b/a", "b/c", "b-c", "c"];
        let which = |holds: &dyn Fn(&RemotePath) -> bool| -> Vec<&str> {
            all.into_iter().filter(|text| holds(&text.parse().unwrap())).collect()
        };
        assert_eq!(which(&|path| roots.covers(path)), ["a/x", "a/x/y", "a-x", "b", "b/a", "b/c"]);
        assert_eq!(which(&|path| roots.is_above_one(path)), ["/", "a"]);
        let home = RemotePath::home();
        assert_eq!(which(&|path| Subtrees::from_iter([&home]).covers(path)).len(), all.len());
    }
}
