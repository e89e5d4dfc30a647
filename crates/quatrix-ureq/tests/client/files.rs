//! Files by their paths, folders, and mirrors.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Barrier, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use quatrix_emulator::{CutPoint, Emulator, Fault, FaultKind};
use quatrix_ureq::api::{GetFileId, GetHome, OnConflict};
use quatrix_ureq::proto::task::mirror::Mirror;
use quatrix_ureq::proto::{ErrorCode, FileId, RemotePath};
use quatrix_ureq::{Client, Error, Stream, TransportErrorKind};

use crate::support::{failure, logged_in};

const USER: &str = "user@example.com";

/// A folder of its own for a test, which goes away with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("files-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    fn write(&self, path: &str, text: &str, secs: u64) {
        let place = self.at(path);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, text).unwrap();
        let file = fs::File::options().write(true).open(&place).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(secs)).unwrap();
    }

    /// Every file by its path, with what is in it.
    fn tree(&self) -> BTreeMap<String, String> {
        let (mut files, mut folders) = (BTreeMap::new(), vec![self.0.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let place = entry.unwrap().path();
                let path = place.strip_prefix(&self.0).unwrap().to_str().unwrap().to_owned();
                match place.is_dir() {
                    true => {
                        files.insert(path + "/", String::new());
                        folders.push(place);
                    }
                    false => drop(files.insert(path, fs::read_to_string(&place).unwrap())),
                }
            }
        }
        files
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn at_home(emulator: &Emulator) -> (Client, FileId) {
    let client = logged_in(emulator);
    let home = client.call(&GetHome::new()).unwrap().id;
    (client, home)
}

fn id(client: &Client, path: &str) -> FileId {
    client.call(&GetFileId::new(path.parse().unwrap())).unwrap().id
}

fn stored(emulator: &Emulator, path: &str) -> Option<String> {
    emulator.file(USER, path).map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
}

/// What is stored, but for the trash.
fn paths(emulator: &Emulator) -> Vec<String> {
    emulator.paths(USER).into_iter().filter(|path| !path.starts_with("Trash/")).collect()
}

#[test]
fn a_file_goes_up_and_comes_down_with_its_time() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator);
    let scratch = Scratch::new();
    scratch.write("a.txt", "hello", 1_600_000_000);
    let uploaded = client.files().upload(scratch.at("a.txt"), &home).unwrap();
    assert_eq!(stored(&emulator, "a.txt").unwrap(), "hello");
    client.files().download(&uploaded.id, scratch.at("b.txt")).unwrap();
    assert_eq!(fs::read_to_string(scratch.at("b.txt")).unwrap(), "hello");
    let modified = fs::metadata(scratch.at("b.txt")).unwrap().modified().unwrap();
    assert_eq!(modified.duration_since(UNIX_EPOCH).unwrap().as_secs(), 1_600_000_000);
    assert_eq!(scratch.tree().len(), 2, "no temporary name is left");
}

#[test]
fn what_is_there_is_overwritten_only_when_asked() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator);
    let scratch = Scratch::new();
    scratch.write("a.txt", "old", 1);
    let old = client.files().upload(scratch.at("a.txt"), &home).unwrap();
    scratch.write("a.txt", "new", 2);
    let error = client.files().upload(scratch.at("a.txt"), &home).unwrap_err();
    assert_eq!(error.code(), Some(ErrorCode::EXISTS));
    let refused = failure(client.files().download(&old.id, scratch.at("a.txt")));
    assert_eq!(refused.kind(), TransportErrorKind::Local);
    assert_eq!((stored(&emulator, "a.txt").unwrap(), scratch.tree()["a.txt"].as_str()), ("old".into(), "new"));

    client.files().on_conflict(OnConflict::Overwrite).upload(scratch.at("a.txt"), &home).unwrap();
    assert_eq!(stored(&emulator, "a.txt").unwrap(), "new");
    scratch.write("a.txt", "newer", 3);
    client.files().on_conflict(OnConflict::Overwrite).download(&id(&client, "a.txt"), scratch.at("a.txt")).unwrap();
    assert_eq!(scratch.tree()["a.txt"], "new");
}

#[test]
fn a_file_that_appears_during_a_download_is_not_replaced() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator);
    let scratch = Scratch::new();
    scratch.write("a.txt", "remote", 1);
    let uploaded = client.files().upload(scratch.at("a.txt"), &home).unwrap();
    let files = client.files().on_event(|_, _| {
        scratch.write("b.txt", "theirs", 1);
        ControlFlow::Continue(())
    });
    let failed = failure(files.download(&uploaded.id, scratch.at("b.txt")));
    assert_eq!(failed.kind(), TransportErrorKind::Local);
    assert_eq!(scratch.tree(), [("a.txt".into(), "remote".into()), ("b.txt".into(), "theirs".into())].into());
}

#[test]
fn m40_a_download_that_fails_leaves_the_old_file_and_nothing_else() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator);
    let scratch = Scratch::new();
    scratch.write("a.txt", "remote", 1);
    let uploaded = client.files().upload(scratch.at("a.txt"), &home).unwrap();
    scratch.write("a.txt", "local", 1);
    let cut = Fault::new(FaultKind::Cut(CutPoint::Body(1))).on("GET", "/file/download/{id}").always();
    emulator.set_faults([cut]).unwrap();
    let files = client.files().on_conflict(OnConflict::Overwrite);
    let failed = failure(files.download(&uploaded.id, scratch.at("a.txt")));
    assert_eq!(failed.kind(), TransportErrorKind::Interrupted);
    assert_eq!(scratch.tree(), BTreeMap::from([("a.txt".into(), "local".into())]));
    let missing = failure(client.files().download(&uploaded.id, scratch.at("no/such/folder/a.txt")));
    assert_eq!(missing.kind(), TransportErrorKind::Local);
    let unreadable = failure(client.files().upload(scratch.at("b.txt"), &home));
    assert_eq!((unreadable.kind(), unreadable.may_have_been_sent()), (TransportErrorKind::Local, false));
}

#[test]
fn a_stream_of_unknown_size_is_uploaded_whole() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator);
    client.files().upload(Stream::new("s.txt".parse().unwrap(), &b"who knows how much"[..]), &home).unwrap();
    assert_eq!(stored(&emulator, "s.txt").unwrap(), "who knows how much");
}

fn photos() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("a.txt", "a", 100);
    scratch.write("b/c.txt", "c", 200);
    scratch.write("b/d/e.txt", "", 300);
    fs::create_dir(scratch.at("empty")).unwrap();
    scratch
}

#[test]
fn a_folder_goes_up_and_comes_down_whole() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator);
    let (here, there) = (photos(), Scratch::new());
    #[cfg(unix)]
    std::os::unix::fs::symlink("/", here.at("link")).unwrap();
    let report = client.files().upload_folder(&here.0, &home).unwrap();
    assert_eq!((report.files, report.bytes, report.failed.len()), (3, 2, 0), "{report:?}");
    #[cfg(unix)]
    {
        assert_eq!(report.skipped, ["/link".parse().unwrap()].into());
        fs::remove_file(here.at("link")).unwrap();
    }
    assert_eq!(paths(&emulator), ["a.txt", "b/", "b/c.txt", "b/d/", "b/d/e.txt", "empty/"]);
    let report = client.files().download_folder(&home, there.at("new")).unwrap();
    assert_eq!((report.files, report.failed.len()), (3, 0), "{report:?}");
    let trash = format!("new/{}", report.skipped.first().unwrap().name().unwrap());
    assert!(!there.tree().contains_key(&trash), "the trash is no part of it");
    let came: BTreeMap<_, _> = there
        .tree()
        .into_iter()
        .filter_map(|(path, text)| Some((path.strip_prefix("new/")?.to_owned(), text)))
        .collect();
    assert_eq!(came.into_iter().filter(|(path, _)| !path.is_empty()).collect::<BTreeMap<_, _>>(), here.tree());
}

#[test]
fn what_fails_in_a_folder_is_told_and_the_rest_goes_on() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator);
    let here = photos();
    let refused = Fault::new(FaultKind::Status(403)).on("POST", "/upload/link").skip(1);
    emulator.set_faults([refused]).unwrap();
    let report = client.files().concurrency(1).upload_folder(&here.0, &home).unwrap();
    assert_eq!((report.files, report.failed.len()), (2, 1), "{report:?}");
    assert_eq!(report.failed[0].0, "/b/c.txt".parse().unwrap());
    let report = client.files().upload_folder(&here.0, &home).unwrap();
    assert_eq!((report.files, report.failed.len()), (1, 2), "what is there is in the way: {report:?}");
    let report = client.files().on_conflict(OnConflict::Overwrite).upload_folder(&here.0, &home).unwrap();
    assert_eq!((report.files, report.failed.len()), (3, 0), "{report:?}");
}

#[test]
fn many_files_go_up_several_at_a_time_under_one_session() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator);
    let here = Scratch::new();
    for index in 0..100 {
        here.write(&format!("{}/{index}.txt", index % 7), &index.to_string(), index);
    }
    emulator.expire(None);
    let report = client.files().concurrency(16).upload_folder(&here.0, &home).unwrap();
    assert_eq!((report.files, report.failed.len()), (100, 0), "{report:?}");
    for index in 0..100 {
        assert_eq!(stored(&emulator, &format!("{}/{index}.txt", index % 7)).unwrap(), index.to_string());
    }
}

#[test]
fn files_of_a_folder_are_under_way_at_the_same_time() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator);
    let here = Scratch::new();
    here.write("a.txt", "a", 1);
    here.write("b.txt", "b", 1);
    // Nobody passes before both are there; the folder itself is told of first.
    let (meeting, met) = (Barrier::new(2), Mutex::new(BTreeSet::new()));
    let files = client.files().concurrency(2).on_event(|path, _| {
        if *path != RemotePath::home() && met.lock().unwrap().insert(path.clone()) {
            meeting.wait();
        }
        ControlFlow::Continue(())
    });
    assert_eq!(files.upload_folder(&here.0, &home).unwrap().files, 2);
}

#[test]
fn an_observer_gives_a_whole_folder_up() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator);
    let here = photos();
    let files = client.files().on_event(|path, _| match path.name() {
        Some("c.txt") => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    assert!(matches!(files.upload_folder(&here.0, &home), Err(Error::Cancelled)));
    assert_eq!(stored(&emulator, "b/c.txt"), None);
}

#[test]
fn a_mirror_copies_what_differs_and_deletes_when_asked() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator);
    let here = photos();
    let (files, keep) = (client.files(), Mirror::default());
    assert_eq!(files.mirror_up(&here.0, &home, &keep).unwrap().files, 3);
    let again = files.mirror_up(&here.0, &home, &keep).unwrap();
    assert_eq!((again.files, again.failed.len()), (0, 0), "{again:?}");

    here.write("a.txt", "A", 101);
    fs::remove_dir_all(here.at("b/d")).unwrap();
    let report = files.mirror_up(&here.0, &home, &keep).unwrap();
    assert_eq!((report.files, report.deleted.len()), (1, 0));
    assert_eq!((stored(&emulator, "a.txt").unwrap(), stored(&emulator, "b/d/e.txt").unwrap()), ("A".into(), "".into()));
    let report = files.mirror_up(&here.0, &home, &keep.with_deletions()).unwrap();
    assert_eq!((report.files, report.deleted.len(), report.failed.len()), (0, 1, 0), "{report:?}");
    assert_eq!(paths(&emulator), ["a.txt", "b/", "b/c.txt", "empty/"]);

    let there = Scratch::new();
    there.write("old/x", "x", 1);
    there.write("old.txt", "x", 1);
    there.write("a.txt", "changed", 1);
    let report = files.mirror_down(&home, &there.0, &keep.with_deletions()).unwrap();
    assert_eq!((report.files, report.deleted.len(), report.failed.len()), (2, 2, 0), "{report:?}");
    assert_eq!(there.tree(), here.tree());
    let again = files.mirror_down(&home, &there.0, &keep.with_deletions()).unwrap();
    assert_eq!((again.files, again.deleted.len()), (0, 0));
}

#[test]
fn a_mirror_deletes_nothing_after_a_failure() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator);
    let here = photos();
    client.files().upload_folder(&here.0, &home).unwrap();
    fs::remove_file(here.at("a.txt")).unwrap();
    here.write("new.txt", "n", 1);
    emulator.set_faults([Fault::new(FaultKind::Status(403)).on("POST", "/upload/link")]).unwrap();
    let report = client.files().mirror_up(&here.0, &home, &Mirror::default().with_deletions()).unwrap();
    assert_eq!((report.files, report.deleted.len(), report.failed.len()), (0, 0, 1), "{report:?}");
    assert_eq!(stored(&emulator, "a.txt").unwrap(), "a");
}

#[test]
fn a_file_and_a_stream_are_uploaded_under_another_name() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator);
    let scratch = Scratch::new();
    scratch.write("a.txt", "from a file", 1);
    let files = client.files().name("b.txt".parse().unwrap());
    assert_eq!(files.upload(scratch.at("a.txt"), &home).unwrap().name, "b.txt");
    let stream = || Stream::new("c.txt".parse().unwrap(), &b"from a stream"[..]);
    let files = files.on_conflict(OnConflict::Rename);
    let renamed = files.upload(stream(), &home).unwrap();
    assert_ne!(renamed.name, "b.txt");
    assert_ne!(id(&client, "b.txt"), renamed.id);
    files.on_conflict(OnConflict::Overwrite).upload(stream(), &home).unwrap();
    client.files().download(&id(&client, "b.txt"), scratch.at("b.txt")).unwrap();
    assert_eq!(fs::read_to_string(scratch.at("b.txt")).unwrap(), "from a stream");
}
