use super::*;
use crate::error::{TransportError, TransportErrorKind};
use crate::task::mirror::Item;
use crate::task::{Entry, Listed};
use crate::time::UnixTime;

fn tree(paths: &[&str]) -> Tree {
    let item = |path: &str| match path.ends_with('/') {
        true => Item::Folder,
        false => Item::File { size: Some(1), modified: Some(UnixTime::from_secs(1)) },
    };
    paths.iter().map(|path| (path.parse().unwrap(), item(path))).collect()
}

/// A remote folder in which each entry's id is its path.
fn remote(paths: &[&str]) -> Remote {
    let entry = |path: &&str| {
        let kind = if path.ends_with('/') { 'D' } else { 'F' };
        let path: RemotePath = path.parse().unwrap();
        let (id, name) = (path.relative(), path.name().unwrap());
        let json = format!(r#"{{"id":"{id}","name":"{name}","type":"{kind}","size":1,"modified":1}}"#);
        Entry { file: serde_json::from_str(&json).unwrap(), path }
    };
    let entries = paths.iter().map(entry).collect();
    Remote::new(FileId::new("root").unwrap(), Listed { entries, ..Listed::default() })
}

/// Replaces temporary names, whose digits vary, by `~`.
fn masked(text: &str) -> String {
    let mut masked = text.to_owned();
    while let Some(at) = masked.find(".replaced.").filter(|at| masked[at + 10..].contains(".partial")) {
        masked.replace_range(at..at + ".replaced.00c0ffee.partial".len(), "~");
    }
    masked
}

fn failed() -> Error {
    TransportError::unsent(TransportErrorKind::Local).into()
}

/// Returns the temporary names under which the batch puts things aside.
fn names_put_aside(mut batch: Batch) -> Vec<String> {
    let mut names = Vec::new();
    while let BatchStep::One(job) = batch.poll() {
        if let Work::RenameLocal { to } = &job.work {
            names.push(to.to_string());
        }
        batch.handle(job, Ok(JobResult::Renamed));
    }
    names
}

/// Runs a batch whose jobs fail at these paths. Returns a log of the jobs.
fn run(batch: Batch, fail: &[&str]) -> (Vec<String>, Result<Report, Error>) {
    run_failing(batch, |job| fail.contains(&&*masked(job.path.relative())), failed)
}

/// Runs a batch whose jobs fail where `fails` returns true. Returns a log of the jobs.
fn run_failing(
    mut batch: Batch,
    fails: impl Fn(&Job) -> bool,
    with: impl Fn() -> Error,
) -> (Vec<String>, Result<Report, Error>) {
    let mut log = Vec::new();
    let mut work = |batch: &mut Batch, job: Job| {
        let (done, result_if_ok) = match &job.work {
            Work::MakeLocalFolder => ("make".to_owned(), JobResult::Made(None)),
            Work::MakeRemoteFolder { parent } => {
                (format!("make in {}:", parent.as_str()), JobResult::Made(Some(FileId::new("made").unwrap())))
            }
            Work::Upload { folder, on_conflict } => {
                (format!("{on_conflict:?} in {}:", folder.as_str()), JobResult::Copied(7))
            }
            Work::Download { file, overwrite } => {
                (format!("get {} {overwrite}", file.id.as_str()), JobResult::Copied(7))
            }
            Work::RenameLocal { to } => (format!("rename to {}:", masked(&to.to_string())), JobResult::Renamed),
            Work::RenameRemote { id, name } => {
                (format!("rename {} to {}:", id.as_str(), masked(name.as_str())), JobResult::Renamed)
            }
            Work::DeleteLocal { items } => {
                let shown = |(path, folder): &(RemotePath, bool)| format!("{path}{}", if *folder { "/" } else { "" });
                (
                    format!("delete {}:", masked(&items.iter().map(shown).collect::<Vec<_>>().join(" "))),
                    JobResult::Deleted,
                )
            }
            Work::DeleteRemote { id } => (format!("trash {}", id.as_str()), JobResult::Deleted),
        };
        if !job.path.is_home() {
            log.push(format!("{done} {}", masked(&job.path.to_string())));
        }
        let result = if fails(&job) { Err(with()) } else { Ok(result_if_ok) };
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
    let batch = Batch::upload(tree(&["a/", "a/x", "y"]), FileId::new("root").unwrap(), OnConflict::Refuse);
    assert_eq!(batch.actions().len(), 3);
    let (log, report) = run(batch, &[]);
    assert_eq!(log, ["make in root: /a", "Refuse in made: /a/x", "Refuse in root: /y"]);
    let report = report.unwrap();
    assert_eq!((report.files, report.bytes, report.deleted.len()), (2, 14, 0));

    let (log, _) = run(Batch::download(remote(&["a/", "a/x"]), true), &[]);
    assert_eq!(log, ["make /a", "get a/x true /a/x"]);
}

#[test]
fn what_belongs_in_a_folder_that_failed_is_not_begun() {
    let batch = Batch::upload(tree(&["a/", "a/b/", "a/x", "y"]), FileId::new("root").unwrap(), OnConflict::Refuse);
    let (log, report) = run(batch, &["a"]);
    assert_eq!(log, ["make in root: /a", "Refuse in root: /y"]);
    let reasons = reasons(&report.unwrap());
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    assert!(reasons[1].starts_with("/a/b: ") && reasons[1].contains("could not be made"), "{reasons:?}");
}

#[test]
fn a_mirror_replaces_what_it_knows_of_and_nothing_else() {
    let here = Tree::from([
        ("a".parse().unwrap(), Item::File { size: Some(2), modified: None }),
        ("new".parse().unwrap(), Item::File { size: Some(1), modified: None }),
    ]);
    let how = Mirror::default().with_deletions();
    let (log, report) = run(Batch::mirror_up(&how, here, remote(&["a", "old"])), &[]);
    assert_eq!(log, ["Overwrite in root: /a", "Refuse in root: /new", "trash old /old"]);
    assert_eq!(report.unwrap().deleted, ["old".parse().unwrap()]);

    let (log, _) = run(Batch::mirror_down(&how, remote(&["a", "old/"]), tree(&["b/", "b/c"])), &[]);
    assert_eq!(log, ["make /old", "get a false /a", "delete /b/c /b/: /b"]);
}

#[test]
fn nothing_is_deleted_when_anything_has_failed() {
    let how = Mirror::default().with_deletions();
    let (log, report) = run(Batch::mirror_up(&how, tree(&["a"]), remote(&["old"])), &["a"]);
    assert_eq!((log, report.unwrap().deleted), (vec!["Refuse in root: /a".to_owned()], vec![]));

    let mut unread = tree(&["a"]);
    unread.fail("b".parse().unwrap(), failed());
    let (log, report) = run(Batch::mirror_up(&how, unread, remote(&["a", "b"])), &[]);
    assert_eq!((log.len(), report.unwrap().failed.len()), (0, 1), "b could not be read, which is not to be gone");
}

#[test]
fn what_is_skipped_on_one_side_is_left_alone_on_both() {
    let mut here = tree(&["a"]);
    here.skip("link".parse().unwrap());
    let how = Mirror::default().with_deletions();
    let (log, report) = run(Batch::mirror_up(&how, here, remote(&["a", "link/", "link/x", "linked"])), &[]);
    assert_eq!(log, ["trash linked /linked"]);
    assert_eq!(report.unwrap().skipped, ["link".parse().unwrap()].into());
}

#[test]
fn what_cannot_take_the_place_of_a_link_in_the_target_has_failed() {
    for source in [&["a", "link"][..], &["a", "link/", "link/x"]] {
        let mut here = tree(&[]);
        ["link", "other-link"].into_iter().for_each(|path| here.skip(path.parse().unwrap()));
        let (log, report) = run(Batch::mirror_down(&Mirror::default(), remote(source), here), &[]);
        let report = report.unwrap();
        assert_eq!(log, ["get a false /a"]);
        assert_eq!((report.failed.len(), &report.failed[0].0), (1, &"link".parse().unwrap()));
        assert!(reasons(&report)[0].contains("neither a file nor a folder"));
    }
}

#[test]
fn two_of_one_name_and_a_file_for_a_folder_are_told() {
    let (log, report) = run(Batch::download(remote(&["a", "a"]), false), &[]);
    assert_eq!(log, [""; 0], "which of them is meant is not known");
    assert!(reasons(&report.unwrap())[0].contains("the same name"));

    let (log, report) = run(Batch::mirror_up(&Mirror::default(), tree(&["a"]), remote(&["a/"])), &[]);
    assert_eq!(log, [""; 0]);
    assert!(reasons(&report.unwrap())[0].contains("the other a folder"));
}

#[test]
fn a_cancelled_batch_begins_nothing_further() {
    let mut batch = Batch::upload(tree(&["a", "b", "c/"]), FileId::new("root").unwrap(), OnConflict::Refuse);
    let BatchStep::One(folder) = batch.poll() else { panic!() };
    batch.handle(folder, Ok(JobResult::Made(None)));
    assert_eq!(batch.poll(), BatchStep::Copies(2));
    let first = batch.next_copy().unwrap();
    batch.handle(first, Err(Error::Cancelled));
    assert_eq!((batch.next_copy(), batch.poll()), (None, BatchStep::Done));
    assert!(matches!(batch.finish(), Err(Error::Cancelled)));
}

#[test]
fn what_is_to_be_copied_is_known_beforehand() {
    let batch = Batch::upload(tree(&["a/", "a/x", "b"]), FileId::new("root").unwrap(), OnConflict::Refuse);
    assert_eq!(batch.planned(), TransferEvent::Planned { files: 2, bytes: Some(2) });
    let unknown = Item::File { size: None, modified: None };
    let unknown = ["a", "b", "c"].into_iter().map(|path| (path.parse().unwrap(), unknown)).collect();
    let batch = Batch::upload(unknown, FileId::new("root").unwrap(), OnConflict::Refuse);
    assert_eq!(batch.planned(), TransferEvent::Planned { files: 3, bytes: None });
}

#[test]
fn what_is_in_the_way_there_is_put_aside_and_goes_when_the_replacement_is_there() {
    let how = Mirror::default().with_deletions();
    let batch = || Batch::mirror_up(&how, tree(&["a/", "a/x", "b"]), remote(&["a", "b/", "b/y"]));
    let (log, report) = run(batch(), &[]);
    let made = ["rename a to a~: /a", "make in root: /a", "rename b to b~: /b", "Refuse in root: /b", "trash b /b~"];
    assert_eq!(log[..5], made);
    assert_eq!(log[5..], ["Refuse in made: /a/x", "trash a /a~"]);
    assert_eq!(report.unwrap().deleted, ["b".parse().unwrap(), "a".parse().unwrap()]);

    let (log, report) = run(batch(), &["b"]);
    assert_eq!(log[2..], ["rename b to b~: /b", "Refuse in made: /a/x"], "what cannot be put aside stays");
    assert_eq!(report.unwrap().failed.len(), 2, "the file that was /a is kept, and said to be");
}

#[test]
fn what_was_put_aside_comes_back_if_its_replacement_fails() {
    let how = Mirror::default().with_deletions();
    for (batch, expected) in [
        (
            Batch::mirror_up(&how, tree(&["a", "b"]), remote(&["a/", "a/y"])),
            ["rename a to a~: /a", "Refuse in root: /a", "rename a to a: /a~", "Refuse in root: /b"],
        ),
        (
            Batch::mirror_down(&how, remote(&["a", "b"]), tree(&["a/", "a/y"])),
            ["rename to /a~: /a", "get a false /a", "rename to /a: /a~", "get b false /b"],
        ),
    ] {
        let (log, report) = run_failing(
            batch,
            |job| matches!(job.work, Work::Upload { .. } | Work::Download { .. }) && job.path.relative() == "a",
            failed,
        );
        assert_eq!(log, expected);
        let report = report.unwrap();
        assert_eq!((report.failed.len(), report.deleted.len()), (1, 0), "{report:?}");
    }
}

#[test]
fn a_cancelled_replacement_is_undone() {
    let how = Mirror::default().with_deletions();
    let batch = Batch::mirror_up(&how, tree(&["a", "b"]), remote(&["a/"]));
    let uploads = |job: &Job| matches!(job.work, Work::Upload { .. });
    let (log, report) = run_failing(batch, uploads, || Error::Cancelled);
    assert_eq!(log, ["rename a to a~: /a", "Refuse in root: /a", "rename a to a: /a~"]);
    assert!(matches!(report, Err(Error::Cancelled)));
}

#[test]
fn a_rename_whose_answer_was_lost_is_undone_and_a_refused_one_is_not() {
    let how = Mirror::default().with_deletions();
    let batch = || Batch::mirror_up(&how, tree(&["a"]), remote(&["a/"]));
    let away = |job: &Job| matches!(&job.work, Work::RenameRemote { name, .. } if name.as_str() != "a");
    let (log, _) = run_failing(batch(), away, || TransportError::maybe_sent(TransportErrorKind::Interrupted).into());
    assert_eq!(log, ["rename a to a~: /a", "rename a to a: /a~"]);
    let (log, report) = run_failing(batch(), away, failed);
    assert_eq!((log.len(), report.unwrap().failed.len()), (1, 1));
}

#[test]
fn what_cannot_come_back_is_said_to_be_where_it_is() {
    let how = Mirror::default().with_deletions();
    let batch = Batch::mirror_down(&how, remote(&["a"]), tree(&["a/", "a/y"]));
    let (_, report) = run_failing(
        batch,
        |job| !job.path.is_home() && (job.path.relative() != "a" || !matches!(job.work, Work::RenameLocal { .. })),
        failed,
    );
    let reasons = reasons(&report.unwrap());
    assert!(reasons[1].starts_with("/a: ") && reasons[1].contains("kept as /a.replaced."), "{reasons:?}");
}

#[test]
fn a_folder_for_a_file_keeps_the_file_until_all_of_it_has_arrived() {
    let how = Mirror::default().with_deletions();
    let batch = || Batch::mirror_down(&how, remote(&["a/", "a/x"]), tree(&["a"]));
    let (log, _) = run(batch(), &[]);
    assert_eq!(log, ["rename to /a~: /a", "make /a", "get a/x false /a/x", "delete /a~: /a~"]);
    let (log, report) = run(batch(), &["a/x"]);
    assert_eq!(log, ["rename to /a~: /a", "make /a", "get a/x false /a/x"]);
    let reasons = reasons(&report.unwrap());
    assert!(reasons[1].starts_with("/a: ") && reasons[1].contains("kept as /a.replaced."), "{reasons:?}");
}

#[test]
fn a_name_put_aside_is_free() {
    let how = Mirror::default().with_deletions();
    let first = names_put_aside(Batch::mirror_down(&how, remote(&["a"]), tree(&["a/"])));
    let second =
        names_put_aside(Batch::mirror_down(&how, remote(&["a"]), tree(&["a/", first[0].trim_start_matches('/')])));
    assert!(first[0] != second[0] && second[0].contains("/a.replaced."), "{first:?} {second:?}");
}

#[test]
fn what_the_plan_leaves_alone_does_not_keep_the_rest_from_being_deleted() {
    let how = Mirror::default().with_deletions();
    let mut there = remote(&["a/", "b"]);
    there.tree_mut().fail("a".parse().unwrap(), failed());
    let (log, report) = run(Batch::mirror_down(&how, there, tree(&["a/", "a/x", "b", "c"])), &[]);
    assert_eq!(log, ["delete /c: /c"]);
    assert_eq!(report.unwrap().failed.len(), 1);
}

#[test]
fn a_name_that_the_server_does_not_take_is_told_beforehand() {
    let batch = Batch::upload(tree(&["a\nb/", "a\nb/c", "d"]), FileId::new("root").unwrap(), OnConflict::Refuse);
    assert_eq!(reasons(batch.report()), ["/a\nb: name holds a control character"]);
    assert_eq!(run(batch, &[]).0, ["Refuse in root: /d"]);
}
