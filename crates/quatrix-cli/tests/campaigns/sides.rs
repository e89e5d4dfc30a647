//! The two sides of a transfer: a folder here, and one on the server.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use quatrix_emulator::{Emulator, Seed};
use quatrix_tests::dice::Dice;
use quatrix_ureq::proto::task::is_partial_name;
use tempfile::TempDir;

const USER: &str = "user@example.com";
pub(crate) const TWO_DAYS: Duration = Duration::from_secs(2 * 24 * 3600);

/// Files and what they hold, by their path below the side's folder.
pub(crate) type Tree = BTreeMap<String, Vec<u8>>;

/// Bytes of which no part is like a part of others; mostly few.
pub(crate) fn content(dice: &mut Dice) -> Vec<u8> {
    let len = match dice.below(20) {
        0 => 0,
        1 => 3_000_000 + dice.below(2_000_000),
        2..5 => 100_000 + dice.below(400_000),
        5..8 => 1 + dice.below(30),
        _ => 1000 + dice.below(30_000),
    };
    let words = std::iter::repeat_with(|| dice.below(u64::MAX).to_le_bytes());
    words.take(len.div_ceil(8) as usize).flatten().take(len as usize).collect()
}

pub(crate) struct Sides {
    pub(crate) emulator: Emulator,
    pub(crate) home: TempDir,
    up: bool,
}

impl Sides {
    pub(crate) fn new(up: bool, source: &Tree, target: &Tree) -> Self {
        let (local, remote) = if up { (source, target) } else { (target, source) };
        let home = tempfile::tempdir().unwrap();
        let here = home.path().join("here");
        fs::create_dir(&here).unwrap();
        for (path, bytes) in local {
            let path = here.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let mut seed = Seed::new().folder("there");
        let folders = remote.keys().flat_map(|path| path.match_indices('/').map(|(end, _)| &path[..end]));
        for folder in std::collections::BTreeSet::from_iter(folders) {
            seed = seed.folder(&format!("there/{folder}"));
        }
        for (path, bytes) in remote {
            seed = seed.file(&format!("there/{path}"), bytes.clone());
        }
        Self { emulator: Emulator::builder().files(seed).start().unwrap(), home, up }
    }

    pub(crate) fn here(&self) -> PathBuf {
        self.home.path().join("here")
    }

    pub(crate) fn source(&self) -> Tree {
        if self.up { self.local() } else { self.remote() }
    }

    pub(crate) fn target(&self) -> Tree {
        if self.up { self.remote() } else { self.local() }
    }

    /// Lets two days pass on both sides. What a killed command has left here is that old; every other file has another
    /// time than before, so that a mirror transfers it.
    pub(crate) fn two_days_later(&self) {
        self.emulator.advance(TWO_DAYS);
        let now = SystemTime::now();
        for path in self.local().keys() {
            let age = if is_leftover(path) { TWO_DAYS } else { Duration::from_secs(3600) };
            fs::File::open(self.here().join(path)).unwrap().set_modified(now - age).unwrap();
        }
    }

    fn remote(&self) -> Tree {
        let paths = self.emulator.paths(USER).into_iter();
        let files =
            paths.filter_map(|path| Some(path.strip_prefix("there/").filter(|_| !path.ends_with('/'))?.to_owned()));
        files.map(|path| (path.clone(), self.emulator.file(USER, &format!("there/{path}")).unwrap().to_vec())).collect()
    }

    fn local(&self) -> Tree {
        let mut tree = Tree::new();
        walk(&self.here(), "", &mut tree);
        tree
    }
}

fn walk(folder: &Path, prefix: &str, tree: &mut Tree) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        match entry.file_type().unwrap().is_dir() {
            true => walk(&entry.path(), &format!("{path}/"), tree),
            false => drop(tree.insert(path, fs::read(entry.path()).unwrap())),
        }
    }
}

/// Whether a path is one that only a transfer under way has: `NAME.XXXXXXXX.partial`, or a part to go on with.
pub(crate) fn is_leftover(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    is_partial_name(name) || name.ends_with(".part")
}
