//! A mirror of many files: what it holds of each, counted in bytes that are allocated.
//!
//! `QUATRIX_FILES=1000000 cargo test --release -p quatrix-proto --test many_files` plans a mirror of a million.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use allocation_counter::measure;
use bytes::Bytes;
use quatrix_proto::task::mirror::{Batch, Item, ListRemote, Mirror, Remote, Tree};
use quatrix_proto::task::{Task, TaskStep};
use quatrix_proto::{Authorization, FileId, Server, Timestamp, UnixTime};

/// Files in each folder.
const FOLDER: usize = 1000;
/// What a file may take on both sides together, with the listing of its folder and its part of the plan.
const BUDGET: u64 = 500;

#[allow(clippy::disallowed_methods, reason = "the size of a test is no affair of the core's")]
fn size() -> usize {
    std::env::var("QUATRIX_FILES").map_or(10_000, |size| size.parse().unwrap())
}

fn id(number: usize) -> String {
    format!("3f0e5b1c-4a7d-4c8e-9f6a-{number:012}")
}

fn listing(folder: &str, files: usize) -> String {
    let file = |number| {
        format!(
            r#"{{"id":"{}","parent_id":"{folder}","name":"photo-{number:06}.jpg","type":"F","size":{number},
            "created":1612325106,"modified":1612325107,"modified_ms":1612325107.789012,"operations":191,
            "sub_type":null,"metadata":null}}"#,
            id(number)
        )
    };
    let number: usize = folder[24..].parse().unwrap();
    let from = number % 1_000_000_000 * FOLDER;
    let content: Vec<_> = match number {
        0 => (0..files / FOLDER)
            .map(|at| format!(r#"{{"id":"{}","name":"album-{at:05}","type":"D"}}"#, id(1_000_000_000 + at)))
            .collect(),
        _ => (from..from + FOLDER).map(file).collect(),
    };
    format!(r#"{{"id":"{folder}","name":"","type":"D","content":[{}]}}"#, content.join(","))
}

fn there(files: usize) -> Remote {
    let mut list = ListRemote::new(FileId::new(id(0)).unwrap());
    loop {
        match list.poll(Timestamp::ZERO, &Server::default()) {
            TaskStep::Done(remote) => return remote.unwrap(),
            TaskStep::Call(prepared) => {
                let request = prepared.into_request(Authorization::None);
                let folder = request.uri().path().rsplit('/').next().unwrap();
                let response = http::Response::new(Bytes::from(listing(folder, files)));
                list.handle(Timestamp::ZERO, Ok(response), 0);
            }
        }
    }
}

fn here(files: usize, modified: UnixTime) -> Tree {
    let folders = (0..files / FOLDER).map(|at| (format!("album-{at:05}").parse().unwrap(), Item::Folder));
    let file = |number: usize| {
        let path = format!("album-{:05}/photo-{number:06}.jpg", number / FOLDER);
        (path.parse().unwrap(), Item::File { size: Some(number as u64), modified: Some(modified) })
    };
    folders.chain((0..files).map(file)).collect::<Vec<_>>().into_iter().collect()
}

#[test]
fn what_a_mirror_holds_of_a_file_is_small_whether_it_differs_or_not() {
    let files = size();
    let same = UnixTime::from_micros(1_612_325_107_789_012);
    for (modified, actions) in [(same, 0), (UnixTime::from_secs(1), files)] {
        let spent = measure(|| {
            let batch = Batch::mirror_up(&Mirror::default().with_deletions(), here(files, modified), there(files));
            assert_eq!((batch.actions().len(), batch.report().failed.len()), (actions, 0));
        });
        let listing = listing(&id(1_000_000_001), files).len() as u64 * 8;
        let most = spent.bytes_max.saturating_sub(listing);
        println!("{files} files, {actions} to copy: {} MB at most", spent.bytes_max / 1_000_000);
        assert!(most <= BUDGET * files as u64, "{most} bytes for {files} files");
    }
}
