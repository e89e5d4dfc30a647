//! Destinations of downloads: existing files, obstacles, and leftovers of earlier downloads.

use std::fs;
use std::time::{Duration, SystemTime};

use quatrix_emulator::{Fault, FaultKind, Seed};
use quatrix_proto::task::Download;
use quatrix_proto::{Error, TransferError};
use quatrix_tests::conform;
use quatrix_tests::stage::{Stage, Wire};
use quatrix_tests::subject::Subject;

use crate::{bytes, find, stage};

conform![
    m40_bytes_of_two_versions_are_never_put_together,
    m40_a_folder_in_the_way_of_a_file_stays_and_no_byte_is_asked_for,
    m40_what_a_killed_download_has_left_is_removed_a_day_later,
    m40_the_mode_of_a_file_that_is_replaced_is_kept,
    m41_no_folder_of_the_target_that_is_a_link_is_entered,
];

fn in_folder(wire: Wire) -> Stage {
    let seed = Seed::new().folder("d").folder("d/in").file("d/in/a", "new").file("d/b", "new");
    Stage::built(wire, |builder| builder.files(seed))
}

fn names(folder: &std::path::Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

fn m40_bytes_of_two_versions_are_never_put_together<S: Subject>(wire: Wire) {
    let old = bytes(3000, 1);
    // Before the second range; and while the last one is read.
    for (path, skip, kept) in [("/file/metadata/{id}", 1, 1000), ("/file/download/{id}", 2, 2000)] {
        let stage = stage(wire, "a.bin", &old);
        let client: S = stage.active();
        let file = find(&client, "/a.bin");
        stage.emulator.set_faults([Fault::new(FaultKind::Rewrite(None)).on("GET", path).skip(skip)]).unwrap();
        let (result, sink) = client.download(Download::by_id(file).with_max_range(1000));
        assert!(matches!(result, Err(Error::Transfer(TransferError::Changed))), "{path}: {result:?}");
        assert!(sink[..kept] == old[..kept] && (path.contains("download") || sink.len() == kept), "{path}");
    }
}

fn m40_a_folder_in_the_way_of_a_file_stays_and_no_byte_is_asked_for<S: Subject>(wire: Wire) {
    let stage = stage(wire, "a.bin", b"new");
    let client: S = stage.active();
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("a.bin")).unwrap();
    fs::write(folder.path().join("a.bin/mine"), "mine").unwrap();
    client.download_to(find(&client, "/a.bin"), &folder.path().join("a.bin")).unwrap_err();
    assert_eq!(
        (names(folder.path()), names(&folder.path().join("a.bin"))),
        (vec!["a.bin".into()], vec!["mine".into()])
    );
    assert_eq!(stage.count("/file/download/{id}"), 0);
}

fn m40_what_a_killed_download_has_left_is_removed_a_day_later<S: Subject>(wire: Wire) {
    let stage = in_folder(wire);
    let client: S = stage.active();
    let folder = tempfile::tempdir().unwrap();
    let leave = |name: &str, hours: u64| {
        let file = fs::File::create(folder.path().join(name)).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600)).unwrap();
    };
    leave("b.00000001.partial", 23);
    leave("b.00000002.partial", 25);
    leave("c.00000003.partial", 25);
    client.download_to(find(&client, "/d/b"), &folder.path().join("b")).unwrap();
    assert_eq!(names(folder.path()), ["b", "b.00000001.partial", "c.00000003.partial"]);
    fs::remove_file(folder.path().join("b")).unwrap();
    leave("b.00000001.partial", 25);
    assert_eq!(client.download_folder(find(&client, "/d"), folder.path()).unwrap(), (2, 0));
    assert_eq!(names(folder.path()), ["b", "c.00000003.partial", "in"]);
}

#[cfg(unix)]
fn m40_the_mode_of_a_file_that_is_replaced_is_kept<S: Subject>(wire: Wire) {
    use std::os::unix::fs::PermissionsExt as _;
    let stage = stage(wire, "a.bin", b"new");
    let client: S = stage.active();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bin");
    for mode in [0o600, 0o640, 0o755] {
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        client.download_to(find(&client, "/a.bin"), &path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode, "{mode:o}");
    }
}

#[cfg(not(unix))]
fn m40_the_mode_of_a_file_that_is_replaced_is_kept<S: Subject>(_wire: Wire) {}

#[cfg(unix)]
fn m41_no_folder_of_the_target_that_is_a_link_is_entered<S: Subject>(wire: Wire) {
    use std::os::unix::fs::symlink;
    let stage = in_folder(wire);
    let client: S = stage.active();
    let (folder, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // The folder itself is the caller's choice.
    let target = folder.path().join("target");
    fs::create_dir(folder.path().join("real")).unwrap();
    symlink(folder.path().join("real"), &target).unwrap();
    symlink(outside.path(), target.join("in")).unwrap();
    assert_eq!(client.download_folder(find(&client, "/d"), &target).unwrap(), (1, 2), "the folder and what is in it");
    assert_eq!((names(&target), names(outside.path())), (vec!["b".into(), "in".into()], vec![]));
}

#[cfg(not(unix))]
fn m41_no_folder_of_the_target_that_is_a_link_is_entered<S: Subject>(_wire: Wire) {}
