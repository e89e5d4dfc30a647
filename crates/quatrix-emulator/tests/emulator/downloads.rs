//! Downloads with every setting at its default.

use bytes::Bytes;
use http::Response;
use serde_json::json;

use crate::support::{Answer, Worker, get};

/// A link to these ids, downloaded with these headers.
fn download(worker: &mut Worker, ids: &[&String], headers: &[(&str, &str)]) -> Response<Bytes> {
    let link = worker.post("/file/download-link", json!({ "ids": ids }));
    assert_eq!(link.status, 200, "{link:?}");
    fetch(worker, &link.text("id"), headers)
}

fn fetch(worker: &mut Worker, link: &str, headers: &[(&str, &str)]) -> Response<Bytes> {
    let mut request = get(&format!("/file/download/{link}")).header("x-auth-token", &worker.session);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    worker.memory.send(request.body(Bytes::new()).unwrap())
}

fn header<'a>(response: &'a Response<Bytes>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[test]
fn a_file_comes_as_it_is() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let file = worker.file(&home, "a ü.txt", "0123456789");
    let response = download(&mut worker, &[&file], &[]);
    assert_eq!((response.status().as_u16(), &response.body()[..]), (200, &b"0123456789"[..]));
    assert_eq!(header(&response, "content-type"), "application/octet-stream");
    assert_eq!(header(&response, "content-disposition"), "attachment; filename*=UTF-8''a%20%C3%BC%2Etxt");
    let empty = worker.file(&home, "empty", "");
    assert_eq!(download(&mut worker, &[&empty], &[]).body(), "");
}

#[test]
fn a_part_of_a_file_comes_as_206() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let file = worker.file(&home, "a", "0123456789");
    for (range, bytes, content_range) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=8-99", "89", "bytes 8-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
    ] {
        let response = download(&mut worker, &[&file], &[("range", range)]);
        assert_eq!((response.status().as_u16(), &response.body()[..]), (206, bytes.as_bytes()), "{range}");
        assert_eq!(header(&response, "content-range"), content_range);
    }
}

#[test]
fn a_part_that_is_not_there_is_416_and_no_part_at_all_400() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let file = worker.file(&home, "a", "0123456789");
    let response = download(&mut worker, &[&file], &[("range", "bytes=10-")]);
    assert_eq!(header(&response, "content-range"), "bytes */10");
    assert_eq!(Answer::new(response).refusal(), (416, 10));
    let several = download(&mut worker, &[&file], &[("range", "bytes=0-1,3-4")]);
    assert_eq!(Answer::new(several).refusal(), (400, 10));
}

#[test]
fn a_link_is_not_a_file_and_a_file_is_not_a_link() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let file = worker.file(&home, "a", "1");
    let link = worker.post("/file/download-link", json!({ "ids": [file] })).text("id");
    assert_ne!(link, file);
    for wrong in [file.as_str(), "4711", "00000000-0000-4000-8000-000000000000"] {
        assert_eq!(Answer::new(fetch(&mut worker, wrong, &[])).refusal(), (404, 20));
    }
    assert_eq!(fetch(&mut worker, &link, &[]).status(), 200);
    assert_eq!(fetch(&mut worker, &link, &[]).status(), 200, "a link may be used again");
    worker.post("/file/delete", json!({ "ids": [file], "delete_permanently": true }));
    assert_eq!(Answer::new(fetch(&mut worker, &link, &[])).refusal(), (404, 20));
    for (ids, refusal) in [(json!([]), (400, 10)), (json!(["4711"]), (404, 20)), (json!([home, "4711"]), (404, 20))] {
        assert_eq!(worker.post("/file/download-link", json!({ "ids": ids })).refusal(), refusal);
    }
}

#[test]
fn a_link_expires() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let file = worker.file(&home, "a", "1");
    let link = worker.post("/file/download-link", json!({ "ids": [file] })).text("id");
    worker.memory.pass(899);
    assert_eq!(fetch(&mut worker, &link, &[]).status(), 200);
    worker.get("/session/keepalive");
    worker.memory.pass(1);
    assert_eq!(Answer::new(fetch(&mut worker, &link, &[])).refusal(), (404, 60));
}

#[test]
fn several_items_and_folders_come_as_a_zip() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let folder = worker.folder(&home, "in");
    let inner = worker.folder(&folder, "ü");
    let one = worker.file(&home, "same.txt", "one");
    let two = worker.file(&folder, "same.txt", "two");
    worker.file(&inner, "three", &"3".repeat(100_000));
    let response = download(&mut worker, &[&one, &two, &folder], &[("range", "bytes=0-1")]);
    assert_eq!((response.status().as_u16(), header(&response, "content-type")), (200, "application/octet-stream"));
    let entries = unzip(response.body());
    let names: Vec<_> = entries.iter().map(|(name, bytes)| (name.as_str(), bytes.len())).collect();
    assert_eq!(
        names,
        [("same.txt", 3), ("same(1).txt", 3), ("in/", 0), ("in/same.txt", 3), ("in/ü/", 0), ("in/ü/three", 100_000)]
    );
    assert_eq!((&entries[0].1[..], &entries[1].1[..]), (&b"one"[..], &b"two"[..]));

    let alone = download(&mut worker, &[&inner], &[]);
    assert_eq!(header(&alone, "content-disposition"), "attachment; filename*=UTF-8''%C3%BC%2Ezip");
    assert_eq!(unzip(alone.body()).len(), 2);
}

/// Reads an archive by its directory at the end, as tools do.
fn unzip(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let u16_at = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let u32_at = |at: usize| u16_at(at) | u16_at(at + 2) << 16;
    let end = bytes.len() - 22;
    assert_eq!(&bytes[end..end + 4], b"PK\x05\x06");
    let (count, mut at) = (u16_at(end + 10), u32_at(end + 16));
    assert_eq!(at + u32_at(end + 12), end);
    let mut entries = Vec::new();
    for _ in 0..count {
        assert_eq!(&bytes[at..at + 4], b"PK\x01\x02");
        let (size, length, local) = (u32_at(at + 24), u16_at(at + 28), u32_at(at + 42));
        let name = &bytes[at + 46..at + 46 + length];
        assert_eq!(&bytes[local..local + 4], b"PK\x03\x04");
        assert_eq!(&bytes[local + 4..local + 30], &bytes[at + 6..at + 32]);
        let start = local + 30 + length;
        assert_eq!(&bytes[local + 30..start], name);
        entries.push((String::from_utf8(name.to_vec()).unwrap(), bytes[start..start + size].to_vec()));
        at += 46 + length;
    }
    entries
}
