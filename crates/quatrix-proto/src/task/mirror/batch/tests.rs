use super::*;
use crate::error::{Failure, FailureKind};
use crate::task::Entry;
use crate::task::mirror::Item;
use crate::time::UnixTime;

fn tree(paths: &[&str]) -> Tree {
    let item = |path: &str| match path.ends_with('/') {
        true => Item::Folder,
        false => Item::File { size: Some(1), modified: Some(UnixTime::from_secs(1)) },
    };
    Tree { items: paths.iter().map(|path| (path.parse().unwrap(), item(path))).collect(), ..Tree::default() }
}

/// Each has its path for its id.
fn remote(paths: &[&str]) -> Remote {
    let entry = |path: &&str| {
        let kind = if path.ends_with('/') { 'D' } else { 'F' };
        let path: RemotePath = path.parse().unwrap();
        let (id, name) = (path.relative(), path.name().unwrap());
        let json = format!(r#"{{"id":"{id}","name":"{name}","type":"{kind}","size":1,"modified":1}}"#);
        Entry { file: serde_json::from_str(&json).unwrap(), path }
    };
    Remote::new(FileId::new("root").unwrap(), paths.iter().map(entry))
}

fn failed() -> Error {
    Failure::unsent(FailureKind::Local).into()
}

/// Carries a batch out, failing where told, and lists what was done.
fn carry_out(mut batch: Batch, fail: &[&str]) -> (Vec<String>, Result<Report, Error>) {
    let mut log = Vec::new();
    let mut work = |batch: &mut Batch, job: Job| {
        let (done, did) = match &job.work {
            Work::MakeHere => ("make".to_owned(), Did::Made(None)),
            Work::MakeThere { parent } => {
                (format!("make in {}:", parent.as_str()), Did::Made(Some(FileId::new("made").unwrap())))
            }
            Work::Upload { folder, clash } => (format!("{clash:?} in {}:", folder.as_str()), Did::Copied(7)),
            Work::Download { file, overwrite } => (format!("get {} {overwrite}", file.id.as_str()), Did::Copied(7)),
            Work::DeleteHere { folder } => (format!("delete {folder}"), Did::Deleted),
            Work::DeleteThere { id } => (format!("trash {}", id.as_str()), Did::Deleted),
        };
        log.push(format!("{done} {}", job.path));
        let result = if fail.contains(&job.path.relative()) { Err(failed()) } else { Ok(did) };
        batch.handle(job, result);
    };
    loop {
        match batch.poll() {
            BatchStep::One(job) => work(&mut batch, job),
            BatchStep::Copies(_) => {
                while let Some(job) = batch.next_copy() {
                    work(&mut batch, job);
                }
            }
            BatchStep::Done => return (log, batch.finish()),
        }
    }
}

fn reasons(report: &Report) -> Vec<String> {
    report.failed.iter().map(|(path, error)| format!("{path}: {error}")).collect()
}

#[test]
fn folders_are_made_on_the_way_to_their_files() {
    let batch = Batch::upload(tree(&["a/", "a/x", "y"]), FileId::new("root").unwrap(), Clash::Refuse);
    assert_eq!(batch.actions().len(), 3);
    let (log, report) = carry_out(batch, &[]);
    assert_eq!(log, ["make in root: /a", "Refuse in made: /a/x", "Refuse in root: /y"]);
    let report = report.unwrap();
    assert_eq!((report.files, report.bytes, report.deleted), (2, 14, 0));

    let (log, _) = carry_out(Batch::download(remote(&["a/", "a/x"]), true), &[]);
    assert_eq!(log, ["make /a", "get a/x true /a/x"]);
}

#[test]
fn what_belongs_in_a_folder_that_failed_is_not_begun() {
    let batch = Batch::upload(tree(&["a/", "a/b/", "a/x", "y"]), FileId::new("root").unwrap(), Clash::Refuse);
    let (log, report) = carry_out(batch, &["a"]);
    assert_eq!(log, ["make in root: /a", "Refuse in root: /y"]);
    let reasons = reasons(&report.unwrap());
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    assert!(reasons[1].starts_with("/a/b: ") && reasons[1].contains("could not be made"), "{reasons:?}");
}

#[test]
fn a_mirror_replaces_what_it_knows_of_and_nothing_else() {
    let mut here = tree(&["a", "new"]);
    here.items.insert("a".parse().unwrap(), Item::File { size: Some(2), modified: None });
    let how = Mirror::default().with_deletions();
    let (log, report) = carry_out(Batch::mirror_up(&how, here, remote(&["a", "old"])), &[]);
    assert_eq!(log, ["Overwrite in root: /a", "Refuse in root: /new", "trash old /old"]);
    assert_eq!(report.unwrap().deleted, 1);

    let (log, _) = carry_out(Batch::mirror_down(&how, remote(&["a", "old/"]), tree(&["b/", "b/c"])), &[]);
    assert_eq!(log, ["make /old", "get a true /a", "delete true /b"]);
}

#[test]
fn nothing_is_deleted_when_anything_has_failed() {
    let how = Mirror::default().with_deletions();
    let (log, report) = carry_out(Batch::mirror_up(&how, tree(&["a"]), remote(&["old"])), &["a"]);
    assert_eq!((log, report.unwrap().deleted), (vec!["Refuse in root: /a".to_owned()], 0));

    let mut unread = tree(&["a"]);
    unread.failed.push(("b".parse().unwrap(), failed()));
    let (log, report) = carry_out(Batch::mirror_up(&how, unread, remote(&["a", "b"])), &[]);
    assert_eq!((log.len(), report.unwrap().failed.len()), (0, 1), "b could not be read, which is not to be gone");
}

#[test]
fn what_is_skipped_on_one_side_is_left_alone_on_both() {
    let mut here = tree(&["a"]);
    here.skipped.push("link".parse().unwrap());
    let how = Mirror::default().with_deletions();
    let (log, report) = carry_out(Batch::mirror_up(&how, here, remote(&["a", "link/", "link/x", "linked"])), &[]);
    assert_eq!(log, ["trash linked /linked"]);
    assert_eq!(report.unwrap().skipped, ["link".parse().unwrap()]);
}

#[test]
fn what_cannot_take_the_place_of_a_link_in_the_target_has_failed() {
    for source in [&["a", "link"][..], &["a", "link/", "link/x"]] {
        let mut here = tree(&[]);
        here.skipped.extend(["link", "other-link"].map(|path| path.parse::<RemotePath>().unwrap()));
        let (log, report) = carry_out(Batch::mirror_down(&Mirror::default(), remote(source), here), &[]);
        let report = report.unwrap();
        assert_eq!(log, ["get a true /a"]);
        assert_eq!((report.failed.len(), &report.failed[0].0), (1, &"link".parse().unwrap()));
        assert!(reasons(&report)[0].contains("neither a file nor a folder"));
    }
}

#[test]
fn two_of_one_name_and_a_file_for_a_folder_are_told() {
    let (log, report) = carry_out(Batch::download(remote(&["a", "a"]), false), &[]);
    assert_eq!(log, ["get a false /a"]);
    assert!(reasons(&report.unwrap())[0].contains("the same name"));

    let (log, report) = carry_out(Batch::mirror_up(&Mirror::default(), tree(&["a"]), remote(&["a/"])), &[]);
    assert_eq!(log, [""; 0]);
    assert!(reasons(&report.unwrap())[0].contains("the other a folder"));
}

#[test]
fn a_cancelled_batch_begins_nothing_further() {
    let mut batch = Batch::upload(tree(&["a", "b", "c/"]), FileId::new("root").unwrap(), Clash::Refuse);
    let BatchStep::One(folder) = batch.poll() else { panic!() };
    batch.handle(folder, Ok(Did::Made(None)));
    assert_eq!(batch.poll(), BatchStep::Copies(2));
    let first = batch.next_copy().unwrap();
    batch.handle(first, Err(Error::Cancelled));
    assert_eq!((batch.next_copy(), batch.poll()), (None, BatchStep::Done));
    assert!(matches!(batch.finish(), Err(Error::Cancelled)));
}

#[test]
fn what_is_to_be_copied_is_known_beforehand() {
    let batch = Batch::upload(tree(&["a/", "a/x", "b"]), FileId::new("root").unwrap(), Clash::Refuse);
    assert_eq!(batch.planned(), TransferEvent::Planned { files: 2, bytes: Some(2) });
    let mut unknown = tree(&["a", "b"]);
    unknown.items.insert("c".parse().unwrap(), Item::File { size: None, modified: None });
    let batch = Batch::upload(unknown, FileId::new("root").unwrap(), Clash::Refuse);
    assert_eq!(batch.planned(), TransferEvent::Planned { files: 3, bytes: None });
}
