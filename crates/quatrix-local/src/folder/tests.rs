use std::io::Write as _;

use super::*;
use crate::whole;

fn age(path: &Path, hours: u64) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600)).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

#[test]
fn abandoned_temporary_files_of_the_same_name_are_removed() {
    let scratch = tempfile::tempdir().unwrap();
    let long = "\u{e9}".repeat(127);
    let old = |name: &str| partial_name(name, 7, MAX_NAME, char::len_utf8);
    for (name, hours) in [
        (old("a.txt"), 25),
        (old(&long), 25),
        (old("b.txt"), 25),
        (old("a.txt.replaced"), 25),
        ("a.txt.part".into(), 25),
    ] {
        fs::write(scratch.path().join(&name), "x").unwrap();
        age(&scratch.path().join(&name), hours);
    }
    fs::write(scratch.path().join("a.txt.00000008.partial"), "in use").unwrap();
    let folder = Folder::new(scratch.path());
    for name in ["a.txt", "a.txt.replaced", &long] {
        folder.partial(&scratch.path().join(name), true).unwrap().keep(None).unwrap();
    }
    let aside = "a.txt.replaced.00000007.partial";
    let left =
        ["a.txt", "a.txt.00000008.partial", "a.txt.part", "a.txt.replaced", aside, "b.txt.00000007.partial", &long];
    assert_eq!(names(scratch.path()), left);
}

#[test]
fn the_folders_that_are_created_are_noted_up_to_the_first_that_was_there() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = Folder::create(scratch.path().join("a/b")).unwrap();
    folder.make(&scratch.path().join("a/b/c")).unwrap();
    folder.make(&scratch.path().join("a/b/c")).unwrap();
    let mut file = folder.partial(&scratch.path().join("a/b/c/f"), false).unwrap().writer().unwrap();
    file.write_all(b"x").unwrap();
    let noted: Vec<_> = folder.state().changed.iter().cloned().collect();
    assert_eq!(noted, ["", "a", "a/b", "a/b/c"].map(|path| scratch.path().join(path)));
    folder.sync().unwrap();
    assert!(folder.state().changed.is_empty());
}

#[test]
fn a_folder_that_is_gone_needs_no_sync() {
    let scratch = tempfile::tempdir().unwrap();
    sync_folder(scratch.path()).unwrap();
    sync_folder(&scratch.path().join("gone")).unwrap();
}

#[cfg(unix)]
#[test]
fn no_link_below_the_folder_is_followed() {
    use std::os::unix::fs::symlink;
    let (scratch, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root = scratch.path().join("root");
    symlink(outside.path(), &root).unwrap();
    let folder = Folder::create(&root).unwrap();
    fs::create_dir(root.join("in")).unwrap();
    symlink(scratch.path(), root.join("in/link")).unwrap();
    let place = |path: &str| folder.place(&path.parse().unwrap());
    assert_eq!(place("in/a").unwrap(), root.join("in/a"), "the folder itself may be a link");
    assert_eq!(folder.place(&RemotePath::home()).unwrap(), root);
    assert_eq!(place("in/link").unwrap(), root.join("in/link"), "only folders on the way count");
    for path in ["in/link/a", "in/link/b/c"] {
        let error = place(path).unwrap_err();
        assert!(whole(&error).contains("is a link"), "{error:?}");
    }
    let error = folder.make(&root.join("in/link")).unwrap_err();
    assert!(whole(&error).contains("is a link"), "{error:?}");
    folder.make(&root.join("in")).unwrap();
    fs::write(root.join("file"), "x").unwrap();
    folder.make(&root.join("file")).unwrap_err();
}

fn path(text: &str) -> RemotePath {
    text.parse().unwrap()
}

#[test]
fn only_what_was_listed_is_deleted() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    fs::create_dir_all(at("a/b")).unwrap();
    fs::write(at("a/b/x"), "").unwrap();
    let items = [(path("a/gone"), false), (path("a/b/x"), false), (path("a/b"), true), (path("a"), true)];
    fs::write(at("a/born"), "").unwrap();
    let error = Folder::new(root.path()).delete(&items).unwrap_err().to_string();
    assert!(error.ends_with("/a"), "{error}");
    assert!(at("a/born").exists() && !at("a/b").exists());
    fs::remove_file(at("a/born")).unwrap();
    Folder::new(root.path()).delete(&items).unwrap();
    assert!(!at("a").exists());
}

#[test]
fn nothing_is_renamed_over_something_else() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    fs::write(at("a"), "a").unwrap();
    fs::create_dir(at("d")).unwrap();
    assert!(Folder::new(root.path()).rename(&path("a"), &path("d")).is_err());
    assert!(Folder::new(root.path()).rename(&path("d"), &path("a")).is_err());
    Folder::new(root.path()).rename(&path("d"), &path("e")).unwrap();
    assert!(at("a").is_file() && at("e").is_dir() && !at("d").exists());
}
