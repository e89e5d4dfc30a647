use std::cell::Cell;

use super::*;
use crate::whole;

const SIZE: u64 = 8 * MIB;

fn bytes() -> Vec<u8> {
    (0..SIZE).map(|at| (at / 1000) as u8).collect()
}

fn open(path: &Path, size: u64, micros: i64) -> Result<Resumable, Error> {
    let id = "f1".parse().unwrap();
    Resumable::beside(path, (&id, size, Some(UnixTime::from_micros(micros))), true)
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// A part with the first six MiB: the path of the file, and its own.
fn begun(folder: &Path) -> (PathBuf, PathBuf) {
    let path = folder.join("big");
    let mut part = open(&path, SIZE, 7).unwrap();
    assert_eq!((part.kept(), part.len(), part.is_empty()), (0, 0, true));
    part.write_all(&bytes()[..6 * MIB as usize]).unwrap();
    (path, part.path().to_owned())
}

#[test]
fn the_end_is_dropped_and_what_comes_before_it_is_compared() {
    let scratch = tempfile::tempdir().unwrap();
    let (path, part) = begun(scratch.path());
    // As after a power cut: the length is there, the last bytes are not.
    let file = File::options().write(true).open(&part).unwrap();
    file.set_len(2 * MIB).unwrap();
    file.set_len(6 * MIB).unwrap();
    let mut part = open(&path, SIZE, 7).unwrap();
    assert_eq!(part.kept(), MIB);
    part.write_all(&bytes()[MIB as usize..]).unwrap();
    part.keep(Some(UnixTime::from_micros(-1_500_000))).unwrap();
    assert!(fs::read(&path).unwrap() == bytes());
    assert_eq!(crate::modified(&path.metadata().unwrap()), Some(UnixTime::from_micros(-1_500_000)));
    assert_eq!(names(scratch.path()), ["big"]);
}

#[test]
fn bytes_that_differ_are_noticed_and_the_download_starts_over() {
    let scratch = tempfile::tempdir().unwrap();
    let (path, part) = begun(scratch.path());
    let mut other = bytes();
    other[3 * MIB as usize / 2] ^= 1;
    fs::write(&part, &other[..6 * MIB as usize]).unwrap();
    let mut part = open(&path, SIZE, 7).unwrap();
    assert!(!part.start_over().unwrap());
    let kept = part.kept() as usize;
    assert_eq!(part.write_all(&bytes()[kept..]).unwrap_err().kind(), io::ErrorKind::InvalidData);
    assert!(part.start_over().unwrap());
    assert_eq!((part.kept(), part.len()), (0, 0));
    part.write_all(&bytes()).unwrap();
    part.keep(None).unwrap();
    assert!(fs::read(&path).unwrap() == bytes());
}

#[test]
fn no_more_than_what_is_dropped_is_not_on_the_disk() {
    thread_local!(static SYNCED: Cell<u64> = const { Cell::new(0) });
    let scratch = tempfile::tempdir().unwrap();
    let mut part = open(&scratch.path().join("big"), 20 * MIB, 7).unwrap();
    part.sync = |file| {
        SYNCED.set(file.metadata()?.len());
        Ok(())
    };
    for piece in [1, 3 * MIB, UNSYNCED, 2 * UNSYNCED, 1] {
        part.write_all(&vec![0; piece as usize]).unwrap();
        assert!(part.len() - SYNCED.get() <= UNSYNCED, "{piece}");
    }
    assert!(SYNCED.get() >= 12 * MIB);
}

#[test]
fn each_version_has_its_own_part_and_one_that_is_too_long_is_emptied() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("big");
    let part = |size, micros| open(&path, size, micros).unwrap().path().to_owned();
    let first = part(SIZE, -7);
    assert_eq!(part(SIZE, -7), first);
    fs::write(scratch.path().join("big.0123.part"), "not ours").unwrap();
    for (size, micros) in [(SIZE, 7), (SIZE + 1, 7)] {
        assert_ne!(part(size, micros), first);
        let left = names(scratch.path());
        assert_eq!(left.len(), 2, "the part of the old version is gone: {left:?}");
    }
    let other = "f2".parse().unwrap();
    let open_other = || Resumable::beside(&path, (&other, SIZE + 1, Some(UnixTime::from_micros(7))), true).unwrap();
    let same_size_and_time = part(SIZE + 1, 7);
    let part = open_other().path().to_owned();
    assert_ne!(part, same_size_and_time, "another id");
    File::options().write(true).open(&part).unwrap().set_len(SIZE + 2).unwrap();
    assert_eq!(open_other().kept(), 0);
}

#[test]
fn names_of_255_bytes_work_and_are_told_apart() {
    let scratch = tempfile::tempdir().unwrap();
    let (one, other) = ("\u{e9}".repeat(127) + "1", "\u{e9}".repeat(127) + "2");
    let parts = [&one, &other].map(|name| open(&scratch.path().join(name), 3, 7).unwrap());
    assert_ne!(parts[0].path(), parts[1].path());
    for mut part in parts {
        part.write_all(b"new").unwrap();
        part.keep(None).unwrap();
    }
    assert_eq!(names(scratch.path()), [one, other]);
}

#[test]
fn two_do_not_write_one_part() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("big");
    let first = open(&path, SIZE, 7).unwrap();
    let error = open(&path, SIZE, 7).unwrap_err();
    assert!(whole(&error).contains("another process writes it"), "{error:?}");
    first.discard();
    assert!(names(scratch.path()).is_empty());
}

#[test]
fn a_file_that_appears_meanwhile_stays_if_it_must_and_the_part_too() {
    let scratch = tempfile::tempdir().unwrap();
    let (path, id) = (scratch.path().join("big"), "f1".parse().unwrap());
    let mut part = Resumable::beside(&path, (&id, 3, None), false).unwrap();
    part.write_all(b"new").unwrap();
    fs::write(&path, "theirs").unwrap();
    part.keep(None).unwrap_err();
    assert_eq!((fs::read(&path).unwrap(), names(scratch.path()).len()), (b"theirs".into(), 2));
    Resumable::beside(&path, (&id, 3, None), false).unwrap_err();
}

#[cfg(unix)]
mod unix {
    use std::fs::Permissions;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().mode() & 0o777
    }

    #[test]
    fn only_the_owner_reads_it_and_the_file_has_the_mode_of_any_other_or_of_the_old_one() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("big");
        fs::write(scratch.path().join("other"), "x").unwrap();
        let usual = mode(&scratch.path().join("other"));
        for expected in [usual, 0o640] {
            let part = open(&path, 0, 7).unwrap();
            assert_eq!(mode(part.path()), 0o600);
            part.keep(None).unwrap();
            assert_eq!(mode(&path), expected);
            fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        }
    }

    #[test]
    fn the_part_is_private_until_it_has_its_final_name_so_that_a_later_run_can_continue_it() {
        let scratch = tempfile::tempdir().unwrap();
        let (path, id) = (scratch.path().join("big"), "f1".parse().unwrap());
        let open = || Resumable::beside(&path, (&id, 3, None), false);
        let part = open().unwrap();
        let at = part.path().to_owned();
        fs::write(&path, "theirs").unwrap();
        part.keep(None).unwrap_err();
        assert_eq!(mode(&at), 0o600, "the rename failed, as it also does when the process is killed before it");
        fs::remove_file(&path).unwrap();
        open().unwrap().keep(None).unwrap();
    }

    #[test]
    fn what_others_may_have_planted_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("big");
        let (at, victim) = (open(&path, SIZE, 7).unwrap().path().to_owned(), scratch.path().join("victim"));
        fs::write(&victim, "theirs").unwrap();
        fs::set_permissions(&victim, Permissions::from_mode(0o600)).unwrap();
        let readable = || {
            fs::write(&at, "prefix").unwrap();
            fs::set_permissions(&at, Permissions::from_mode(0o644)).unwrap();
        };
        let pipe = || assert!(std::process::Command::new("mkfifo").arg(&at).status().unwrap().success());
        let plants: [(&str, &dyn Fn()); 4] = [
            ("is not a plain file", &|| symlink(&victim, &at).unwrap()),
            ("has a second name", &|| fs::hard_link(&victim, &at).unwrap()),
            ("is accessible to others", &readable),
            ("is not a plain file", &pipe),
        ];
        for (why, plant) in plants {
            fs::remove_file(&at).unwrap();
            plant();
            let error = whole(&open(&path, SIZE, 7).unwrap_err());
            assert!(error.contains(why) && error.contains("remove it, and the download starts over"), "{error}");
        }
        assert_eq!(fs::read(&victim).unwrap(), b"theirs");
    }
}
