use std::fs;
use std::io::Write as _;

use super::*;
use crate::whole;

fn scratch() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    (folder, path)
}

fn put(path: &Path, overwrite: bool, bytes: &[u8], meanwhile: impl FnOnce()) -> Result<(), Error> {
    let partial = Partial::beside(path, overwrite)?;
    partial.file().write_all(bytes).unwrap();
    meanwhile();
    partial.keep(Some(UnixTime::from_micros(-1_500_000)))
}

fn names(folder: &tempfile::TempDir) -> Vec<String> {
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.collect()
}

#[test]
fn a_file_that_appears_meanwhile_is_replaced_only_if_that_is_allowed() {
    let (folder, path) = scratch();
    let error = put(&path, false, b"new", || fs::write(&path, "theirs").unwrap()).unwrap_err();
    assert!(error.to_string().contains("a.txt"), "{error:?}");
    assert_eq!((fs::read(&path).unwrap(), names(&folder)), (b"theirs".into(), vec!["a.txt".into()]));
    put(&path, true, b"new", || fs::write(&path, "theirs, too").unwrap()).unwrap();
    assert_eq!((fs::read(&path).unwrap(), names(&folder)), (b"new".into(), vec!["a.txt".into()]));
}

#[test]
fn a_time_before_1970_is_kept() {
    let (_folder, path) = scratch();
    put(&path, false, b"old", || {}).unwrap();
    assert_eq!(crate::modified(&path.metadata().unwrap()), Some(UnixTime::from_micros(-1_500_000)));
}

#[test]
fn a_folder_in_the_way_is_refused_before_and_at_the_end_and_stays() {
    let (folder, path) = scratch();
    let make = || {
        fs::create_dir(&path).unwrap();
        fs::write(path.join("mine"), "x").unwrap();
    };
    put(&path, true, b"new", make).unwrap_err();
    Partial::beside(&path, true).unwrap_err();
    assert_eq!((names(&folder), fs::read(path.join("mine")).unwrap()), (vec!["a.txt".into()], b"x".into()));
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().mode() & 0o7777
    }

    #[test]
    fn the_mode_of_the_file_that_is_replaced_is_kept_and_holds_from_the_start() {
        let (_folder, path) = scratch();
        for (old, kept) in [(0o600, 0o600), (0o640, 0o640), (0o444, 0o444), (0o755, 0o755), (0o4755, 0o755)] {
            let _ = fs::remove_file(&path);
            fs::write(&path, "old").unwrap();
            fs::set_permissions(&path, Permissions::from_mode(old)).unwrap();
            let partial = Partial::beside(&path, true).unwrap();
            assert_eq!(partial.file().metadata().unwrap().mode() & 0o777, 0o600, "{old:o}");
            partial.keep(None).unwrap();
            assert_eq!(mode(&path), kept, "{old:o}");
        }
    }

    #[test]
    fn a_new_file_has_the_mode_of_any_new_file() {
        let (folder, path) = scratch();
        fs::write(folder.path().join("other"), "x").unwrap();
        put(&path, false, b"new", || {}).unwrap();
        assert_eq!(mode(&path), mode(&folder.path().join("other")));
    }

    #[test]
    fn a_link_is_replaced_itself_and_a_pipe_or_device_is_refused() {
        let (folder, path) = scratch();
        let target = folder.path().join("target");
        fs::write(&target, "theirs").unwrap();
        symlink(&target, &path).unwrap();
        put(&path, true, b"new", || {}).unwrap();
        assert_eq!((fs::read(&target).unwrap(), path.is_symlink()), (b"theirs".into(), false));

        fs::remove_file(&path).unwrap();
        symlink("/dev/null", &path).unwrap();
        Partial::beside(&path, true).unwrap_err();
        fs::remove_file(&path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let error = Partial::beside(&path, true).unwrap_err();
        assert!(whole(&error).contains("neither a file nor a folder"), "{error:?}");
    }
}
