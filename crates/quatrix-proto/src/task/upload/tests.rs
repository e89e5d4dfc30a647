use proptest::prelude::*;

use super::*;
use crate::task::model::{Fault, Model, Wire, upload_keeps_its_promise};

mod faults;
mod placing;
mod sources;

const OLD: &[u8] = b"the old content";
const NEW: &[u8] = b"0123456789abcdefghijklmnopqrst";

/// To `/in/a.txt`, in chunks of ten bytes.
fn upload(model: &Model, on_conflict: OnConflict, bytes: &[u8]) -> Upload {
    upload_of(model, on_conflict, bytes).with_max_chunk(10)
}

/// To `/in/a.txt`, in chunks of the usual size.
fn upload_of(model: &Model, on_conflict: OnConflict, bytes: &[u8]) -> Upload {
    let parent = model.id("/in").parse().unwrap();
    let upload = Upload::new(parent, "a.txt".parse().unwrap(), bytes.len() as u64, 4711);
    upload.on_conflict(on_conflict).modified(UnixTime::from_micros(7_500_000))
}

fn in_place(model: &Model, bytes: &[u8]) -> Upload {
    let file = model.id("/in/a.txt").parse().unwrap();
    Upload::in_place(file, bytes.len() as u64).with_max_chunk(10)
}

fn empty() -> Model {
    let mut model = Model::new();
    model.folder("home", "in");
    model
}

fn with_old() -> Model {
    let mut model = empty();
    let folder = model.id("/in");
    model.file(&folder, "a.txt", OLD);
    model
}

fn events(upload: &mut Upload) -> Vec<TransferEvent> {
    std::iter::from_fn(|| upload.poll_event()).collect()
}

fn holds(model: &Model, name: &str, bytes: &[u8]) -> bool {
    model.files("/in") == [(name.to_owned(), bytes.to_vec())].into()
}

#[test]
fn link_chunks_in_order_finalize_move() {
    let mut model = empty();
    let mut task = upload(&model, OnConflict::Refuse, NEW);
    let uploaded = Wire::new(NEW).run(&mut model, &mut task).unwrap();
    assert_eq!(
        model.calls(),
        ["upload.link", "upload.chunk", "upload.chunk", "upload.chunk", "upload.finalize", "file.moveone"]
    );
    let expected = Uploaded {
        id: model.id("/in/a.txt").parse().unwrap(),
        parent_id: Some(model.id("/in").parse().unwrap()),
        name: "a.txt".into(),
        size: 30,
        modified: Some(UnixTime::from_micros(7_500_000)),
    };
    assert_eq!(uploaded, expected);
    assert!(holds(&model, "a.txt", NEW));
    assert_eq!(events(&mut task), [TransferEvent::Progress { done: 30, total: Some(30) }]);
}

#[test]
fn nothing_is_sent_of_an_empty_file() {
    for on_conflict in [OnConflict::Refuse, OnConflict::Overwrite] {
        let mut model = empty();
        let mut task = upload(&model, on_conflict, b"");
        Wire::new(b"").run(&mut model, &mut task).unwrap();
        assert!(!model.calls().contains(&"upload.chunk"));
        assert!(holds(&model, "a.txt", b""));
    }
}

#[test]
fn a_taken_name_is_refused_renamed_or_replaced() {
    let mut model = with_old();
    let mut task = upload(&model, OnConflict::Refuse, NEW);
    let error = Wire::new(NEW).run(&mut model, &mut task).unwrap_err();
    assert_eq!(error.to_string(), "file.moveone: object exists (code 30, status 400)");
    assert!(holds(&model, "a.txt", OLD));

    let mut task = upload(&model, OnConflict::Rename, NEW);
    assert_eq!(Wire::new(NEW).run(&mut model, &mut task).unwrap().name, "a.txt(1)");
    assert_eq!(model.files("/in").values().collect::<Vec<_>>(), [OLD, NEW]);

    let mut model = with_old();
    let mut task = upload(&model, OnConflict::Overwrite, NEW);
    let uploaded = Wire::new(NEW).run(&mut model, &mut task).unwrap();
    assert_eq!((uploaded.name.as_str(), uploaded.size), ("a.txt", 30));
    assert!(holds(&model, "a.txt", NEW));
    assert_eq!(model.calls().last(), Some(&"file.moveone"));
}

#[test]
fn the_temporary_name_is_one_that_the_server_takes() {
    let partial = |name: &str| {
        let task = Upload::new("d1".parse().unwrap(), name.parse().unwrap(), 0, 4711);
        task.partial_name(&name.parse().unwrap()).unwrap().to_string()
    };
    let short = partial("a.txt");
    let random = short.strip_prefix("a.txt.").unwrap().strip_suffix(".partial").unwrap();
    assert!(random.len() == 8 && random.bytes().all(|b| b.is_ascii_hexdigit()), "{short}");
    assert_eq!(partial(&"\u{e9}".repeat(255)).chars().count(), 255);
}

#[test]
fn in_place_writes_into_the_file_itself() {
    let mut model = with_old();
    let id = model.id("/in/a.txt");
    let mut task = in_place(&model, NEW);
    assert_eq!(Wire::new(NEW).run(&mut model, &mut task).unwrap().id.as_str(), id);
    assert!(holds(&model, "a.txt", NEW));
    assert_eq!(model.calls()[0], "file.modify");
}

#[test]
fn in_place_never_deletes() {
    let mut model = with_old();
    let mut task = in_place(&model, NEW);
    let full =
        |_: usize, name: &str, _: &mut Model| if name == "upload.chunk" { Fault::Status(413) } else { Fault::None };
    Wire::breaking(NEW, full).run(&mut model, &mut task).unwrap_err();
    assert!(!model.calls().contains(&"file.delete"));
    assert!(model.files("/in").contains_key("a.txt (unfinished)"));
}

#[test]
fn chunks_adapt_to_four_seconds() {
    const MIB: u64 = 1024 * 1024;
    let mut task =
        Upload::new("d1".parse().unwrap(), "a".parse().unwrap(), 1024 * MIB, 1).on_conflict(OnConflict::Rename);
    let mut now = Timestamp::ZERO;
    let link = r#"{"file_id":"f1","name":"a","upload_key":"k1"}"#;
    let _ = task.poll(now, &Server::default());
    task.handle(now, Ok(http::Response::new(link.into())), 0);
    let mut sizes = Vec::new();
    for _ in 0..6 {
        let TaskStep::Call(prepared) = task.poll(now, &Server::default()) else { panic!("no chunk") };
        let range = prepared.source_range().unwrap();
        let mib = (range.end - range.start) / MIB;
        sizes.push(mib);
        now = now.saturating_add(Duration::from_millis(100) * mib as u32);
        task.handle(now, Ok(http::Response::new(Bytes::new())), 0);
    }
    assert_eq!(sizes, [4, 16, 40, 40, 40, 40], "ten MiB a second");
}

#[test]
fn debug_shows_no_key() {
    let mut model = empty();
    let mut task = upload(&model, OnConflict::Refuse, NEW);
    let TaskStep::Call(prepared) = task.poll(Timestamp::ZERO, &Server::default()) else { panic!("no call") };
    let answer = model.answer(&prepared, b"");
    let key = answer.body().clone();
    task.handle(Timestamp::ZERO, Ok(answer), 0);
    let key: serde_json::Value = serde_json::from_slice(&key).unwrap();
    let shown = format!("{task:?} {:?}", task.poll(Timestamp::ZERO, &Server::default()));
    assert!(!shown.contains(key["upload_key"].as_str().unwrap()), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_chunking_of_any_bytes_gives_the_same_file(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        most in 1u64..70,
        on_conflict in prop::sample::select(vec![OnConflict::Refuse, OnConflict::Overwrite]),
    ) {
        let mut model = empty();
        let mut task = upload(&model, on_conflict, &bytes).with_max_chunk(most);
        Wire::new(&bytes).run(&mut model, &mut task).unwrap();
        prop_assert!(holds(&model, "a.txt", &bytes));
    }
}
