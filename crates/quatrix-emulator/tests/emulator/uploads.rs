//! Uploads with every setting at its default.

use bytes::Bytes;
use http::Request;
use serde_json::json;

use crate::support::{Answer, Worker};

/// A file `f` in the home, its id and its key.
fn begin(worker: &mut Worker) -> (String, String) {
    let link = worker.post("/upload/link", json!({ "parent_id": worker.home, "name": "f", "resolve": false }));
    (link.text("file_id"), link.text("upload_key"))
}

#[test]
fn a_file_is_uploaded_in_chunks() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let link = worker.post("/upload/link", json!({ "parent_id": home, "name": "f", "file_size": 9 }));
    let (file, key) = (link.text("file_id"), link.text("upload_key"));
    let expected = json!({ "file_id": file, "parent_id": home, "name": "f", "upload_key": key });
    assert_eq!((link.status, link.json), (200, expected));
    for (range, bytes) in [("bytes 0-3/9", "abcd"), ("bytes 4-4/9", "e"), ("bytes 5-8/9", "fghi")] {
        let stored = worker.chunk(&key, range, bytes);
        assert_eq!((stored.status, stored.json), (200, json!(file)));
    }
    let end = worker.get(&format!("/upload/finalize/{key}?mtime=1795489041.547688"));
    let expected = json!({ "id": file, "parent_id": home, "size": 9, "modified": 1_795_489_041 });
    assert_eq!((end.status, end.json), (200, expected));
    assert_eq!(worker.bytes("f").unwrap(), "abcdefghi");
    assert_eq!(worker.metadata(&file).json["modified_ms"], json!(1_795_489_041.547_688));
}

#[test]
fn an_empty_file_has_no_chunk() {
    let mut worker = Worker::new();
    let (file, key) = begin(&mut worker);
    let end = worker.get(&format!("/upload/finalize/{key}"));
    assert_eq!((end.status, &end.json["size"]), (200, &json!(0)));
    assert_eq!(end.json["modified"], json!(worker.memory.now().unix.as_secs()));
    assert_eq!(worker.metadata(&file).json["size"], json!(0));
}

#[test]
fn an_unfinished_file_is_visible_with_its_size_so_far() {
    let mut worker = Worker::new();
    let (file, key) = begin(&mut worker);
    assert_eq!(worker.metadata(&file).json["size"], json!(0));
    worker.chunk(&key, "bytes 0-2/9", "abc");
    assert_eq!(worker.metadata(&file).json["size"], json!(3));
    assert_eq!(worker.get("/profile/info").json["user_used"], json!(3));
    let end = worker.get(&format!("/upload/finalize/{key}"));
    assert_eq!(end.json["size"], json!(3), "the client compares");
}

#[test]
fn chunks_go_in_order_and_the_latest_may_come_again() {
    let mut worker = Worker::new();
    let (_, key) = begin(&mut worker);
    assert_eq!(worker.chunk(&key, "bytes 3-5/9", "def").refusal(), (400, 10));
    assert_eq!(worker.chunk(&key, "bytes 0-2/9", "abc").status, 200);
    assert_eq!(worker.chunk(&key, "bytes 0-2/9", "ABC").status, 200);
    assert_eq!(worker.chunk(&key, "bytes 4-5/9", "ef").refusal(), (400, 10));
    assert_eq!(worker.chunk(&key, "bytes 2-5/9", "cdef").refusal(), (400, 10));
    assert_eq!(worker.chunk(&key, "bytes 0-5/9", "abcdef").refusal(), (400, 10));
    assert_eq!(worker.chunk(&key, "bytes 3-5/9", "def").status, 200);
    assert_eq!(worker.chunk(&key, "bytes 0-2/9", "abc").refusal(), (400, 10));
    assert_eq!(worker.chunk(&key, "bytes 3-5/9", "DEF").status, 200);
    assert_eq!(worker.chunk(&key, "bytes 6-8/9", "ghi").status, 200);
    assert_eq!(worker.bytes("f").unwrap(), "ABCDEFghi");
}

#[test]
fn a_range_that_makes_no_sense_is_refused() {
    let mut worker = Worker::new();
    let (_, key) = begin(&mut worker);
    for range in [
        "bytes 0-1/9",
        "bytes 0-3/9",
        "bytes 0-2/2",
        "bytes 0-2/*",
        "bytes=0-2/9",
        "bytes 2-0/9",
        "bytes 0-2",
        "bytes 0-+2/9",
        "bytes -0-2/9",
        "bytes 0-2/99999999999999999999",
        "bytes 18446744073709551613-18446744073709551615/18446744073709551615",
        "0-2/9",
        "",
    ] {
        assert_eq!(worker.chunk(&key, range, "abc").refusal(), (400, 10), "{range}");
    }
    assert_eq!(worker.chunk(&key, "bytes 0-0/9", "").refusal(), (400, 10));
    let request = Request::post(format!("/upload/chunked/{key}")).header("content-length", 1);
    assert_eq!(Answer::new(worker.memory.send(request.body(Bytes::from("a")).unwrap())).refusal(), (400, 11));
    assert_eq!(worker.bytes("f").unwrap(), "");
}

#[test]
fn the_total_length_does_not_change() {
    let mut worker = Worker::new();
    let (_, key) = begin(&mut worker);
    assert_eq!(worker.chunk(&key, "bytes 0-2/9", "abc").status, 200);
    assert_eq!(worker.chunk(&key, "bytes 3-5/8", "def").refusal(), (400, 10));
    let link = json!({ "parent_id": worker.home, "name": "g", "file_size": 9 });
    let key = worker.post("/upload/link", link).text("upload_key");
    assert_eq!(worker.chunk(&key, "bytes 0-2/8", "abc").refusal(), (400, 10));
    assert_eq!(worker.chunk(&key, "bytes 0-2/9", "abc").status, 200);
}

#[test]
fn a_name_that_is_taken_is_resolved_or_refused() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    worker.file(&home, "test.pgp", "1");
    let mut link = |more: serde_json::Value| {
        let mut body = json!({ "parent_id": home, "name": "test.pgp" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        worker.post("/upload/link", body)
    };
    assert_eq!(link(json!({ "resolve": false })).refusal(), (400, 30));
    assert_eq!(link(json!({ "resolve": true })).json["name"], json!("test(1).pgp"));
    assert_eq!(link(json!({})).json["name"], json!("test(2).pgp"));
    assert_eq!(link(json!({ "name": "a/b" })).refusal(), (400, 10));
    assert_eq!(link(json!({ "parent_id": "4711" })).refusal(), (404, 20));
    assert_eq!(link(json!({ "file_size": -1 })).refusal(), (400, 10));
}

#[test]
fn an_existing_file_is_cut_and_written_anew() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let file = worker.file(&home, "f", "0123456789");
    let modify = worker.post("/file/modify", json!({ "id": file, "truncate": 0 }));
    let key = modify.text("upload_key");
    let expected = json!({ "file_id": file, "parent_id": home, "name": "f", "upload_key": key });
    assert_eq!((modify.status, modify.json), (200, expected));
    assert_eq!(worker.bytes("f").unwrap(), "", "the old content is gone at once");
    worker.chunk(&key, "bytes 0-2/3", "abc");
    assert_eq!(worker.get(&format!("/upload/finalize/{key}")).json["size"], json!(3));

    let key = worker.post("/file/modify", json!({ "id": file })).text("upload_key");
    worker.chunk(&key, "bytes 0-0/1", "A");
    worker.get(&format!("/upload/finalize/{key}"));
    assert_eq!(worker.bytes("f").unwrap(), "Abc");
    let key = worker.post(&format!("/file/modify/{file}"), json!({ "truncate": 2 })).text("upload_key");
    assert_eq!(worker.get(&format!("/upload/finalize/{key}")).json["size"], json!(2));
    let folder = worker.folder(&home, "d");
    assert_eq!(worker.post("/file/modify", json!({ "id": folder })).refusal(), (400, 10));
    assert_eq!(worker.post("/file/modify", json!({ "id": "4711" })).refusal(), (404, 20));
}

#[test]
fn a_key_is_void_after_its_end_and_without_its_file() {
    let mut worker = Worker::new();
    let (_, key) = begin(&mut worker);
    assert_eq!(worker.get(&format!("/upload/finalize/{key}")).status, 200);
    assert_eq!(worker.get(&format!("/upload/finalize/{key}")).refusal(), (404, 20));
    assert_eq!(worker.chunk(&key, "bytes 0-0/1", "a").refusal(), (404, 20));
    let link = json!({ "parent_id": worker.home, "name": "g" });
    let link = worker.post("/upload/link", link);
    let (file, key) = (link.text("file_id"), link.text("upload_key"));
    worker.post("/file/delete", json!({ "ids": [file], "delete_permanently": true }));
    assert_eq!(worker.chunk(&key, "bytes 0-0/1", "a").refusal(), (404, 20));
    assert_eq!(worker.get(&format!("/upload/finalize/{key}")).refusal(), (404, 20));
    for key in ["4711", "00000000-0000-4000-8000-000000000000"] {
        assert_eq!(worker.chunk(key, "bytes 0-0/1", "a").refusal(), (404, 20));
        assert_eq!(worker.get(&format!("/upload/finalize/{key}")).refusal(), (404, 20));
    }
}

#[test]
fn a_wrong_time_does_not_end_an_upload() {
    let mut worker = Worker::new();
    let (_, key) = begin(&mut worker);
    for mtime in ["yesterday", "NaN", "1e300", ""] {
        assert_eq!(worker.get(&format!("/upload/finalize/{key}?mtime={mtime}")).refusal(), (400, 10), "{mtime}");
    }
    assert_eq!(worker.get(&format!("/upload/finalize/{key}?mtime=0")).json["modified"], json!(0));
}

#[test]
fn chunks_are_taken_outside_the_api_base_only() {
    let mut worker = Worker::new();
    let (_, key) = begin(&mut worker);
    let request = Request::post(format!("/api/1.0/upload/chunked/{key}")).header("content-length", 0);
    assert_eq!(Answer::new(worker.memory.send(request.body(Bytes::new()).unwrap())).refusal(), (404, 20));
}
