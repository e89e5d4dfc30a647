//! What the command is asked to do, and what has to come of it.

use quatrix_tests::dice::Dice;

use crate::sides::{Tree, content};

/// A transfer of one file or of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Job {
    Put,
    /// `--no-clobber`, where nothing is there yet.
    PutNoClobber,
    PutRename,
    PutFolder,
    /// Two commands that put different files under one name.
    TwoWriters,
    Get,
    GetResume,
    GetFolder,
    MirrorUp {
        delete: bool,
    },
    MirrorDown {
        delete: bool,
    },
}

/// The files of a folder.
const FOLDER: [&str; 5] = ["d/a", "d/b.txt", "d/e/c", "d/e/ü d", "d/empty"];
/// What only the target has.
const EXTRA: [&str; 2] = ["d/e/x", "d/y"];

impl Job {
    pub(crate) fn any(dice: &mut Dice) -> Self {
        let delete = dice.chance(60);
        dice.pick(&[
            Self::Put,
            Self::Put,
            Self::PutNoClobber,
            Self::PutRename,
            Self::PutFolder,
            Self::TwoWriters,
            Self::Get,
            Self::Get,
            Self::GetResume,
            Self::GetFolder,
            Self::MirrorUp { delete },
            Self::MirrorUp { delete },
            Self::MirrorDown { delete },
            Self::MirrorDown { delete },
        ])
    }

    pub(crate) fn is_up(self) -> bool {
        !matches!(self, Self::Get | Self::GetResume | Self::GetFolder | Self::MirrorDown { .. })
    }

    pub(crate) fn is_of_a_folder(self) -> bool {
        matches!(self, Self::PutFolder | Self::GetFolder | Self::MirrorUp { .. } | Self::MirrorDown { .. })
    }

    /// Whether what only the target has is to go.
    pub(crate) fn deletes(self) -> bool {
        matches!(self, Self::MirrorUp { delete: true } | Self::MirrorDown { delete: true })
    }

    /// What source and target hold before.
    pub(crate) fn trees(self, dice: &mut Dice) -> (Tree, Tree) {
        let (mut source, mut target) = (Tree::new(), Tree::new());
        if !self.is_of_a_folder() {
            source.insert("f".to_owned(), content(dice));
            if self == Self::TwoWriters {
                source.insert("g".to_owned(), content(dice));
            }
            if self != Self::PutNoClobber && dice.chance(60) {
                target.insert("f".to_owned(), content(dice));
            }
            return (source, target);
        }
        for name in FOLDER {
            source.insert(name.to_owned(), if name == "d/empty" { Vec::new() } else { content(dice) });
            if dice.chance(40) {
                target.insert(name.to_owned(), content(dice));
            }
        }
        for name in EXTRA {
            if dice.chance(60) {
                target.insert(name.to_owned(), content(dice));
            }
        }
        (source, target)
    }

    /// The arguments of the command, or of both: `here` is the local folder, `/there` the one on the server.
    pub(crate) fn commands(self, here: &str) -> Vec<Vec<String>> {
        let (file, folder) = (format!("{here}/f"), format!("{here}/d"));
        let (other, delete) = (format!("{here}/g"), ["--delete"]);
        let delete = if self.deletes() { &delete[..] } else { &[] };
        let one = |args: &[&str], more: &[&str]| args.iter().chain(more).map(|arg| (*arg).to_owned()).collect();
        match self {
            Self::Put => vec![one(&["put", &file, "/there/f"], &[])],
            Self::PutNoClobber => vec![one(&["put", &file, "/there/f", "--no-clobber"], &[])],
            Self::PutRename => vec![one(&["put", &file, "/there/f", "--rename"], &[])],
            Self::PutFolder => vec![one(&["put", &folder, "/there"], &[])],
            Self::TwoWriters => vec![one(&["put", &file, "/there/f"], &[]), one(&["put", &other, "/there/f"], &[])],
            Self::Get => vec![one(&["get", "/there/f", &file], &[])],
            Self::GetResume => vec![one(&["get", "/there/f", &file, "--resume"], &[])],
            Self::GetFolder => vec![one(&["get", "/there/d", here], &[])],
            Self::MirrorUp { .. } => vec![one(&["mirror", "up", &folder, "/there/d"], delete)],
            Self::MirrorDown { .. } => vec![one(&["mirror", "down", "/there/d", &folder], delete)],
        }
    }

    /// The command of an ordinary day, which finds things in whatever way this one has left them.
    pub(crate) fn good_run(self, here: &str) -> Vec<String> {
        let job = if matches!(self, Self::PutNoClobber | Self::PutRename) { Self::Put } else { self };
        job.commands(here).swap_remove(0)
    }
}
