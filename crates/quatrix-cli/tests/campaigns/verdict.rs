//! What must be true of both sides, and how often it was not.

use std::fmt;

use crate::job::Job;
use crate::sides::{Sides, Tree, is_leftover};

/// What a case has shown to be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A file is not whole, or one is gone that nothing has replaced.
    Partial,
    NotHealed,
    Leftover,
    WrongAtExitZero,
}

#[derive(Default)]
pub(crate) struct Verdict {
    /// Whether anything has gone wrong at all.
    pub(crate) struck: bool,
    pub(crate) faults: Vec<String>,
    /// The commands, their exit codes and what they have printed.
    pub(crate) log: Vec<String>,
    kinds: Vec<Fault>,
}

impl Verdict {
    pub(crate) fn fault(&mut self, kind: Fault, what: String) {
        self.kinds.push(kind);
        self.faults.push(format!("{kind:?}: {what}"));
    }
}

/// What files may hold.
pub(crate) struct Versions<'a> {
    job: Job,
    /// The source as it was and, if the server has changed it, as it is.
    new: Vec<Tree>,
    old: &'a Tree,
    /// Whether a new file may have a name that nobody has asked for.
    renamed: bool,
}

impl<'a> Versions<'a> {
    pub(crate) fn new(job: Job, source: &Tree, target: &'a Tree, renames: bool) -> Self {
        Self { job, new: vec![source.clone()], old: target, renamed: renames || job == Job::PutRename }
    }

    pub(crate) fn also(&mut self, source: Tree) {
        self.new.push(source);
    }

    /// Whether a file may hold this when a command has done what it was asked for.
    fn is_new(&self, path: &str, bytes: &[u8]) -> bool {
        let versions = || self.new.iter().flat_map(Tree::iter);
        match self.job {
            Job::TwoWriters => path == "f" && versions().any(|(_, new)| new == bytes),
            _ => versions().any(|(at, new)| at == path && new == bytes),
        }
    }

    fn is_old(&self, path: &str, bytes: &[u8]) -> bool {
        self.old.get(path).is_some_and(|old| old == bytes)
    }

    fn is_whole_elsewhere(&self, bytes: &[u8]) -> bool {
        self.renamed && self.new.iter().flat_map(Tree::values).any(|new| new == bytes)
    }

    /// The paths that a command that is done has made new.
    fn sought(&self) -> impl Iterator<Item = &String> {
        self.new[0].keys().filter(|path| self.job != Job::TwoWriters || *path == "f")
    }
}

/// Looks at both sides: `wrong` has the kinds of fault for what is not whole, and for what is not as it must be once the
/// command is done.
pub(crate) fn check(sides: &Sides, versions: &Versions<'_>, done: bool, wrong: [Fault; 2], verdict: &mut Verdict) {
    let [partial, unfinished] = wrong;
    let target = sides.target();
    for (path, bytes) in target.iter().filter(|(path, _)| !is_leftover(path)) {
        if !(versions.is_new(path, bytes) || versions.is_old(path, bytes) || versions.is_whole_elsewhere(bytes)) {
            verdict.fault(partial, format!("{path} has {} bytes of no version", bytes.len()));
        }
    }
    for path in versions.old.keys() {
        let goes = versions.job.deletes() && !versions.new[0].contains_key(path);
        if !goes && !target.contains_key(path) {
            verdict.fault(partial, format!("{path} is gone"));
        }
        if goes && done && target.contains_key(path) {
            verdict.fault(unfinished, format!("{path} has not been deleted"));
        }
    }
    let source = sides.source();
    for (path, bytes) in &versions.new[0] {
        if !source.get(path).is_some_and(|now| now == bytes || versions.is_new(path, now)) {
            verdict.fault(partial, format!("{path} of the source is gone or changed"));
        }
    }
    if !done {
        return;
    }
    if versions.job == Job::PutRename {
        if !target.values().any(|bytes| versions.new[0].values().any(|new| new == bytes)) {
            verdict.fault(unfinished, "the file is under no name".to_owned());
        }
        return;
    }
    for path in versions.sought() {
        if !target.get(path).is_some_and(|bytes| versions.is_new(path, bytes)) {
            verdict.fault(unfinished, format!("{path} is not the new version"));
        }
    }
}

/// How many cases had a fault of which kind.
#[derive(Default)]
pub(crate) struct Counts {
    cases: usize,
    struck: usize,
    of: [usize; 4],
}

const KINDS: [Fault; 4] = [Fault::Partial, Fault::NotHealed, Fault::Leftover, Fault::WrongAtExitZero];

impl Counts {
    pub(crate) fn add(&mut self, verdict: &Verdict) {
        self.cases += 1;
        self.struck += usize::from(verdict.struck);
        for (count, kind) in self.of.iter_mut().zip(KINDS) {
            *count += usize::from(verdict.kinds.contains(&kind));
        }
    }

    pub(crate) fn are_good(&self) -> bool {
        self.of == [0; 4]
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [partial, not_healed, leftover, wrong] = self.of;
        write!(
            f,
            "cases {} ({} in trouble), partial or lost under a final name {partial}, not healed {not_healed}, leftovers \
             after a good run two days later {leftover}, exit 0 with wrong content {wrong}",
            self.cases, self.struck
        )
    }
}
