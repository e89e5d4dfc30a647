use super::*;
use crate::task::model::{Fault, Model, Wire};

const DAY: i64 = 24 * 60 * 60;
/// The model's own time.
const NOW: i64 = 1_700_000_000;

fn leftovers(folder: &str) -> RemoveLeftovers {
    let folder = folder.parse().unwrap();
    RemoveLeftovers::new(UnixTime::from_secs(NOW)).with(&folder, "a.txt")
}

fn model() -> (Model, String) {
    let mut model = Model::new();
    let folder = model.folder("home", "in");
    (model, folder)
}

fn made(model: &mut Model, folder: &str, name: &str, created: i64) {
    let id = model.file(folder, name, b"x");
    model.set_created(&id, created);
}

#[test]
fn only_an_old_temporary_file_of_the_same_name_and_folder_goes() {
    let (mut model, folder) = model();
    let (old, young) = (NOW - DAY - 1, NOW - DAY);
    let other = model.folder("home", "other");
    for (name, created) in [
        ("a.txt", old),
        ("a.txt.0000000a.partial", old),
        ("a.txt.0000000b.partial", young),
        ("a.txt.0000000c.partial", 0),
        ("A.txt.0000000d.partial", old),
        ("b.a.txt.0000000e.partial", old),
        ("a.txt.0000000f.partial.txt", old),
        ("a.txt.partial", old),
    ] {
        made(&mut model, &folder, name, created);
    }
    made(&mut model, &other, "a.txt.00000001.partial", old);
    let project = model.folder(&folder, "a.txt.00000002.partial");
    model.set_created(&project, old);
    let before = model.files("/in").len();
    assert_eq!(model.run(leftovers(&folder)).unwrap(), 1);
    assert_eq!(model.files("/in").len(), before - 1);
    assert!(!model.files("/in").contains_key("a.txt.0000000a.partial"));
    assert_eq!(model.files("/other").len(), 1);
    assert_eq!(model.calls(), ["file.search", "file.delete"]);
}

#[test]
fn the_servers_date_counts_and_the_time_of_modification_does_not() {
    let (mut model, folder) = model();
    made(&mut model, &folder, "a.txt.0000000a.partial", NOW - DAY - 1);
    let mut early = leftovers(&folder);
    let searched = |date: &'static str| {
        move |n: usize, answer: Result<http::Response<Bytes>, Error>| {
            let mut answer = answer.unwrap();
            if n == 0 {
                answer.headers_mut().insert(DATE, http::HeaderValue::from_static(date));
            }
            Ok(answer)
        }
    };
    // The model's files were modified in 2021.
    assert_eq!(model.run_with(&mut early, searched("Tue, 14 Nov 2023 22:13:19 GMT")).unwrap(), 0);
    let mut late = leftovers(&folder);
    assert_eq!(model.run_with(&mut late, searched("Tue, 14 Nov 2023 22:13:20 GMT")).unwrap(), 1);
}

#[test]
fn a_long_name_is_found_by_what_is_left_of_it() {
    let (mut model, folder) = model();
    let long = "\u{e9}".repeat(255);
    made(&mut model, &folder, &partial_name(&long, 7, FileName::MAX_LEN, |_| 1), 1);
    let task = RemoveLeftovers::new(UnixTime::from_secs(NOW)).with(&folder.parse().unwrap(), &long);
    assert_eq!(model.run(task).unwrap(), 1);
}

#[test]
fn many_go_in_batches_of_ten_and_nothing_is_asked_for_no_name() {
    let (mut model, folder) = model();
    (0..25).for_each(|n| made(&mut model, &folder, &format!("a.txt.{n:08x}.partial"), 1));
    assert_eq!(model.run(leftovers(&folder)).unwrap(), 25);
    assert_eq!(model.calls(), ["file.search", "file.delete", "file.delete", "file.delete"]);
    let mut model = Model::new();
    assert_eq!(model.run(RemoveLeftovers::new(UnixTime::from_secs(NOW))).unwrap(), 0);
    assert!(model.calls().is_empty());
}

#[test]
fn a_lost_deletion_is_repeated_and_no_failure_is_an_error() {
    let faults = [Fault::Unsent, Fault::Lost, Fault::Status(403), Fault::Status(503), Fault::Replaced(500, -1)];
    for (fault, at) in faults.into_iter().flat_map(|fault| (0..4).map(move |at| (fault, at))) {
        let (mut model, folder) = model();
        (0..12).for_each(|n| made(&mut model, &folder, &format!("a.txt.{n:08x}.partial"), 1));
        let mut task = leftovers(&folder);
        let mut wire = Wire::breaking(b"", |n, _, _| if n == at { fault } else { Fault::None });
        let removed = wire.run(&mut model, &mut task).unwrap();
        assert_eq!(removed, 12 - model.files("/in").len(), "{fault:?} at {at}");
        if at > 0 && fault != Fault::Status(403) {
            assert_eq!(removed, 12, "{fault:?} at {at}");
        }
    }
}
