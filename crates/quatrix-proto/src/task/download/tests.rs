use proptest::prelude::*;

use super::*;
use crate::api::known::answer;
use crate::task::model::{Fault, Model, Wire, download_keeps_its_promise};

const BYTES: &[u8] = b"0123456789abcdefghijklmnopqrst";

fn model() -> Model {
    let mut model = Model::new();
    model.file("home", "a.txt", BYTES);
    model
}

/// Answers what a download asks for until it asks for bytes, or ends.
fn until_range(task: &mut Download, now: Timestamp, file: &'static str) -> Option<Prepared> {
    loop {
        let TaskStep::Call(prepared) = task.poll(now, &Server::default()) else { return None };
        let json = match prepared.spec().name() {
            "file.download" => return Some(prepared),
            "file.download_link" => r#"{"id":"l1"}"#,
            _ => file,
        };
        task.handle(now, Ok(answer(200, json)), 0);
    }
}

/// In ranges of ten bytes.
fn download(model: &Model) -> Download {
    Download::by_id(model.id("/a.txt").parse().unwrap()).with_max_range(10)
}

fn events(download: &mut Download) -> Vec<TransferEvent> {
    std::iter::from_fn(|| download.poll_event()).collect()
}

#[test]
fn link_and_bytes() {
    let mut model = model();
    let mut wire = Wire::new(b"");
    let mut task = Download::by_id(model.id("/a.txt").parse().unwrap());
    let downloaded = wire.run(&mut model, &mut task).unwrap();
    assert_eq!(downloaded, Downloaded { size: 30, modified: Some(UnixTime::from_micros(1_612_325_106_500_000)) });
    assert_eq!(wire.sink, BYTES);
    assert_eq!(model.calls(), ["file.metadata", "file.download_link", "file.download"]);
    assert_eq!(events(&mut task), [TransferEvent::Progress { done: 30, total: Some(30) }]);
}

#[test]
fn a_file_that_was_listed_needs_two_calls() {
    let mut model = model();
    let home = model.run(crate::task::Walk::home()).unwrap().entries;
    let before = model.calls().len();
    Wire::new(b"").run(&mut model, &mut Download::file(&home[0].file)).unwrap();
    assert_eq!(model.calls()[before..], ["file.download_link", "file.download"]);
}

#[test]
fn m40_a_listing_that_reports_an_empty_file_is_not_believed() {
    let mut model = model();
    model.file("home", "empty", b"");
    let listed = |model: &Model, path: &str| {
        let json = format!(r#"{{"id":"{}","name":"a","type":"F","size":0}}"#, model.id(path));
        serde_json::from_str::<File>(&json).unwrap()
    };
    for (path, bytes, calls) in [
        ("/a.txt", BYTES, &["file.metadata", "file.download_link", "file.download"][..]),
        ("/empty", b"", &["file.metadata"]),
    ] {
        let (mut wire, before) = (Wire::new(b""), model.calls().len());
        let mut task = Download::file(&listed(&model, path));
        assert_eq!(wire.run(&mut model, &mut task).unwrap().size, bytes.len() as u64);
        assert_eq!((&*wire.sink, &model.calls()[before..]), (bytes, calls));
    }
}

#[test]
fn a_large_file_comes_in_ranges_with_a_link_each_and_is_compared_before_each_and_at_the_end() {
    let mut model = model();
    let (mut wire, mut task) = (Wire::new(b""), download(&model));
    wire.run(&mut model, &mut task).unwrap();
    assert_eq!(wire.sink, BYTES);
    let range = ["file.metadata", "file.download_link", "file.download"];
    assert_eq!(model.calls(), [&range[..], &range, &range, &["file.metadata"]].concat());
}

#[test]
fn it_goes_on_after_what_the_sink_has() {
    let mut model = model();
    let home = model.run(crate::task::Walk::home()).unwrap().entries;
    let before = model.calls().len();
    for kept in [1, 29, 30] {
        let mut wire = Wire::new(b"");
        wire.sink = BYTES[..kept].to_vec();
        let mut task = Download::file(&home[0].file).after(kept as u64);
        assert_eq!(wire.run(&mut model, &mut task).unwrap().size, 30);
        assert_eq!(wire.sink, BYTES);
    }
    let rest = ["file.metadata", "file.download_link", "file.download", "file.metadata"];
    assert_eq!(model.calls()[before..], [rest, rest].concat());
    let mut task = Download::file(&home[0].file).after(31);
    let error = Wire::new(b"").run(&mut model, &mut task).unwrap_err();
    assert!(matches!(error, Error::Transfer(TransferError::Changed)), "{error}");
}

#[test]
fn q10_ranges_take_a_minute_so_that_links_keep_the_session_alive() {
    const MIB: u64 = 1024 * 1024;
    let file = r#"{"id":"f1","name":"a","type":"F","size":1099511627776}"#;
    let mut task = Download::file(&serde_json::from_str(file).unwrap());
    let (mut now, mut sizes) = (Timestamp::ZERO, Vec::new());
    for _ in 0..4 {
        let prepared = until_range(&mut task, now, file).expect("a range");
        let request = prepared.into_request(crate::Authorization::None);
        let range = request.headers()["range"].to_str().unwrap()["bytes=".len()..].split_once('-').unwrap();
        let (first, last): (u64, u64) = (range.0.parse().unwrap(), range.1.parse().unwrap());
        let moved = last + 1 - first;
        sizes.push(moved / MIB);
        now = now.saturating_add(Duration::from_millis(500) * (moved / MIB) as u32);
        let content_range = format!("bytes {first}-{last}/1099511627776");
        let response = http::Response::builder().status(206).header("content-range", content_range);
        task.handle(now, Ok(response.body(Bytes::new()).unwrap()), moved);
    }
    assert_eq!(sizes, [16, 64, 120, 120], "two MiB a second");
}

#[test]
fn a_cut_is_taken_up_where_the_sink_stands() {
    for (ranges, at, cut) in [(true, 2, 3), (true, 5, 0), (true, 5, 9), (false, 2, 17)] {
        let mut model = model();
        model.ranges = ranges;
        let mut task = download(&model);
        let mut wire = Wire::breaking(b"", |n, _, _| if n == at { Fault::Cut(cut) } else { Fault::None });
        wire.run(&mut model, &mut task).unwrap();
        assert_eq!(wire.sink, BYTES, "ranges: {ranges}, exchange {at} after {cut} bytes");
        assert!(events(&mut task).iter().any(|event| matches!(event, TransferEvent::Resumed { .. })));
    }
}

#[test]
fn a_server_without_ranges_answers_with_the_whole_and_nothing_is_doubled() {
    let mut model = model();
    model.ranges = false;
    let (mut wire, mut task) = (Wire::new(b""), download(&model));
    wire.run(&mut model, &mut task).unwrap();
    assert_eq!(wire.sink, BYTES);
    assert_eq!(model.calls().len(), 3, "the first answer was everything");
}

#[test]
fn a_link_that_is_no_longer_good_is_replaced() {
    let mut model = model();
    let mut task = download(&model);
    let mut wire = Wire::breaking(b"", |n, _, model| {
        if n == 5 {
            model.expire_links();
        }
        Fault::None
    });
    wire.run(&mut model, &mut task).unwrap();
    assert_eq!(wire.sink, BYTES);
}

#[test]
fn nothing_new_three_times_in_a_row_is_the_end() {
    let mut model = model();
    let mut task = download(&model);
    let never = |_: usize, name: &str, _: &mut Model| if name == "file.download" { Fault::Cut(0) } else { Fault::None };
    let mut wire = Wire::breaking(b"", never);
    let error = wire.run(&mut model, &mut task).unwrap_err();
    assert_eq!(error.to_string(), "the connection was interrupted: the answer ended 10 bytes early");
    assert_eq!(model.calls().iter().filter(|&&name| name == "file.download").count(), 3);
}

#[test]
fn m40_bytes_of_two_versions_are_never_put_together() {
    let other = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123";
    for (at, bytes) in
        [(1, &b"longer than it was a moment ago"[..]), (3, &b"short"[..]), (3, &other[..]), (6, &other[..])]
    {
        let mut model = model();
        let mut task = download(&model);
        let mut wire = Wire::breaking(b"", |n, _, model| {
            if n == at {
                model.rewrite("/a.txt", bytes);
            }
            Fault::None
        });
        let error = wire.run(&mut model, &mut task).unwrap_err();
        let text = "the answer holds other bytes than the ones asked for";
        let changed = matches!(error, Error::Transfer(TransferError::Changed));
        assert!(changed || error.to_string().starts_with(text), "at {at}: {error}");
        assert!(BYTES.starts_with(&wire.sink), "at {at}: another version is noticed before a byte of it is written");
    }
}

#[test]
fn m40_another_version_of_the_same_size_and_second_is_noticed_before_the_next_range() {
    let mut model = model();
    let mut task = download(&model);
    let mut wire = Wire::breaking(b"", |n, _, model| {
        if n == 3 {
            model.rewrite_after("/a.txt", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123", 0.000_001);
        }
        Fault::None
    });
    let error = wire.run(&mut model, &mut task).unwrap_err();
    assert!(matches!(error, Error::Transfer(TransferError::Changed)), "{error}");
    assert_eq!(wire.sink, BYTES[..10]);
}

#[test]
fn a_file_that_is_gone_is_the_servers_word() {
    let mut model = model();
    let mut task = download(&model);
    let file = model.id("/a.txt");
    let mut wire = Wire::breaking(b"", |n, _, model| {
        if n == 3 {
            model.remove(&file);
        }
        Fault::None
    });
    let error = wire.run(&mut model, &mut task).unwrap_err();
    assert_eq!(error.to_string(), "file.metadata: not found (code 20, status 404)");
}

#[test]
fn m40_the_last_look_notices_another_id_another_size_another_time_and_nothing() {
    let checks = |file: &str, status, json: &'static str| {
        let mut task = Download::file(&serde_json::from_str(file).unwrap());
        (task.done, task.parts, task.state) = (30, 2, State::Checking);
        task.handle(Timestamp::ZERO, Ok(answer(status, json)), 0);
        match task.poll(Timestamp::ZERO, &Server::default()) {
            TaskStep::Done(result) => result.map(|downloaded| downloaded.size).map_err(|error| error.to_string()),
            TaskStep::Call(_) => panic!("it was the last look"),
        }
    };
    let changed = Err("the file changed on the server while it was read".to_owned());
    let check = |status, json| checks(r#"{"id":"f1","name":"a","type":"F","size":30,"modified":100}"#, status, json);
    let exact = r#"{"id":"f1","name":"a","type":"F","size":30,"modified":100,"modified_ms":100.5}"#;
    assert_eq!(checks(exact, 200, exact), Ok(30));
    assert_eq!(checks(exact, 200, r#"{"id":"f1","name":"a","type":"F","size":30,"modified":100}"#), Ok(30));
    assert_eq!(checks(exact, 200, r#"{"id":"f1","name":"a","type":"F","size":30,"modified":100.500001}"#), changed);
    assert_eq!(check(200, r#"{"id":"f2","name":"a","type":"F","size":30,"modified":100}"#), changed);
    assert_eq!(check(200, r#"{"id":"f1","name":"a","type":"F","size":30,"modified":100.5}"#), Ok(30));
    assert_eq!(check(200, r#"{"id":"f1","name":"a","type":"F"}"#), Ok(30));
    assert_eq!(check(200, r#"{"id":"f1","name":"a","type":"F","size":31,"modified":100}"#), changed);
    assert_eq!(check(200, r#"{"id":"f1","name":"a","type":"F","size":30,"modified":101}"#), changed);
    assert_eq!(check(404, r#"{"code":20,"msg":"not found"}"#), changed);
}

#[test]
fn a_cut_after_the_last_byte_is_none() {
    let file = r#"{"id":"f1","name":"a","type":"F","size":30}"#;
    let mut task = Download::file(&serde_json::from_str(file).unwrap());
    task.handle(Timestamp::ZERO, Ok(answer(200, r#"{"id":"l1"}"#)), 0);
    task.handle(Timestamp::ZERO, Err(TransportError::maybe_sent(TransportErrorKind::TooLarge).into()), 30);
    assert!(matches!(task.poll(Timestamp::ZERO, &Server::default()), TaskStep::Done(Ok(Downloaded { size: 30, .. }))));
}

#[test]
fn a_connection_that_brings_something_each_time_may_be_cut_often() {
    let file = r#"{"id":"f1","name":"a","type":"F","size":1000000000}"#;
    let cuts = |moved| {
        let mut task = Download::file(&serde_json::from_str(file).unwrap());
        (0..20)
            .take_while(|_| {
                until_range(&mut task, Timestamp::ZERO, file).expect("a range");
                task.handle(
                    Timestamp::ZERO,
                    Err(TransportError::maybe_sent(TransportErrorKind::Interrupted).into()),
                    moved,
                );
                matches!(task.poll(Timestamp::ZERO, &Server::default()), TaskStep::Call(_))
            })
            .count()
    };
    assert_eq!(cuts(SOME), 20);
    assert_eq!(cuts(SOME - 1), 2);
}

#[test]
fn a_zip_is_one_stream_that_cannot_be_taken_up() {
    let zip = |model: &mut Model, cut: Option<(usize, usize)>| {
        let ids: Vec<FileId> = ["/a.txt", "/b.txt"].map(|path| model.id(path).parse().unwrap()).into();
        let mut task = Download::zip(ids);
        let mut wire = Wire::breaking(b"", |n, _, _| match cut {
            Some((at, after)) if n == at => Fault::Cut(after),
            _ => Fault::None,
        });
        let size = wire.run(model, &mut task).map(|downloaded| downloaded.size);
        (size, wire.sink)
    };
    let mut model = model();
    model.file("home", "b.txt", b"bb");
    assert_eq!(zip(&mut model, None).0.unwrap(), 32);
    assert_eq!(zip(&mut model, Some((1, 0))).0.unwrap(), 32, "nothing had come yet");
    assert!(zip(&mut model, Some((1, 5))).0.is_err());
}

/// Answers that no server should give: they end the download, and quickly.
#[test]
fn i06_nonsense_is_refused_and_does_not_go_on_for_ever() {
    for (status, range, moved) in [
        (206, "bytes 0-9/30", 0),
        (206, "bytes 10-19/30", 11),
        (206, "bytes 10-19/30", 0),
        (206, "bytes 10-19/30", 3),
        (206, "none", 0),
        (200, "none", 0),
        (204, "none", 0),
    ] {
        let file = r#"{"id":"f1","name":"a","type":"F","size":30}"#;
        let mut task = Download::file(&serde_json::from_str(file).unwrap());
        task.done = 10;
        let mut polls = 0;
        let error = loop {
            polls += 1;
            assert!(polls < 20, "{status} {range} {moved}");
            match task.poll(Timestamp::ZERO, &Server::default()) {
                TaskStep::Call(prepared) if prepared.spec().name() == "file.download" => {
                    let response = http::Response::builder().status(status).header("content-range", range);
                    task.handle(Timestamp::ZERO, Ok(response.body(Bytes::new()).unwrap()), moved);
                }
                TaskStep::Call(_) => task.handle(Timestamp::ZERO, Ok(answer(200, r#"{"id":"l1"}"#)), 0),
                TaskStep::Done(result) => break result.unwrap_err(),
            }
        };
        assert!(matches!(error, Error::InvalidResponse(_) | Error::Transport(_)), "{error}");
    }
}

#[test]
fn debug_shows_no_link() {
    let mut task = Download::zip([]);
    task.handle(Timestamp::ZERO, Ok(answer(200, r#"{"id":"canary"}"#)), 0);
    let shown = format!("{task:?} {:?}", task.poll(Timestamp::ZERO, &Server::default()));
    assert!(!shown.contains("canary"), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_pattern_of_faults_ends_in_the_same_bytes_or_in_a_clear_error(
        bytes in prop::collection::vec(any::<u8>(), 0..100),
        faults in prop::collection::vec((0usize..30, 0u8..8), 0..30),
        most in 1u64..40,
        ranges in any::<bool>(),
        rewritten in prop::option::weighted(0.2, 0usize..12),
    ) {
        let mut model = Model::new();
        model.file("home", "a.txt", &bytes);
        model.ranges = ranges;
        let mut task = download(&model).with_max_range(most);
        let mut now = bytes.clone();
        let mut wire = Wire::breaking(b"", |n, _, model| {
            if rewritten == Some(n) {
                now.reverse();
                now.push(b'x');
                now.truncate(bytes.len());
                model.rewrite("/a.txt", &now);
            }
            match faults.get(n) {
                Some((after, 0 | 1)) => Fault::Cut(*after),
                Some((_, 2)) => Fault::Unsent,
                Some((_, 3)) => Fault::Lost,
                Some((_, 4)) => Fault::Status(503),
                _ => Fault::None,
            }
        });
        let result = wire.run(&mut model, &mut task);
        let sink = wire.sink;
        download_keeps_its_promise(result, &sink, &[&bytes, &now]);
    }
}
