//! Every value of the settings about files, transfers and limits; the number of the question leads the name.

use std::time::Duration;

use bytes::Bytes;
use quatrix_emulator::{FolderSize, RateLimit, Settings, UploadKeyLife};
use serde_json::json;

use crate::support::{Worker, get};

#[test]
fn q10_transfers_extend_a_session_only_if_set() {
    for (transfers_extend, expected) in [(false, 401), (true, 200)] {
        let settings = || Settings { transfers_extend, ..Settings::default() };
        let mut worker = Worker::with(settings());
        let home = worker.home.clone();
        let key = worker.post("/upload/link", json!({ "parent_id": home, "name": "f" })).text("upload_key");
        for chunk in 0..3 {
            worker.memory.pass(400);
            assert_eq!(worker.chunk(&key, &format!("bytes {chunk}-{chunk}/3"), "x").status, 200);
        }
        assert_eq!(worker.get("/profile").status, expected, "chunks");

        let download_link_lifetime = Duration::from_secs(3600);
        let mut worker = Worker::with(Settings { download_link_lifetime, ..settings() });
        let home = worker.home.clone();
        let file = worker.file(&home, "f", "x");
        let link = worker.post("/file/download-link", json!({ "ids": [file] })).text("id");
        for _ in 0..2 {
            worker.memory.pass(400);
            let request = get(&format!("/file/download/{link}")).header("x-auth-token", &worker.session);
            assert_eq!(worker.memory.send(request.body(Bytes::new()).unwrap()).status(), 200);
        }
        worker.memory.pass(400);
        assert_eq!(worker.get("/profile").status, expected, "downloads");
    }
}

#[test]
fn q12_a_chunk_needs_credentials_only_if_set() {
    for (chunks_need_credentials, refused) in [(false, 200), (true, 401)] {
        let mut worker = Worker::with(Settings { chunks_need_credentials, ..Settings::default() });
        let home = worker.home.clone();
        let session = worker.session.clone();
        let pin = worker.memory.login("pin@example.com").session_id();
        for (header, expected) in [
            (("accept", "*/*"), refused),
            (("x-auth-token", "stale"), refused),
            (("x-auth-token", pin.as_str()), refused),
            (("authorization", "Bearer stale"), refused),
            (("x-auth-token", session.as_str()), 200),
            (("authorization", "Bearer test-key-4711"), 200),
        ] {
            let key = worker.post("/upload/link", json!({ "parent_id": home, "name": "f" })).text("upload_key");
            assert_eq!(worker.chunk_with(&key, "bytes 0-0/1", "x", header).status, expected, "{header:?}");
        }
        let key = worker.post("/upload/link", json!({ "parent_id": home, "name": "f" })).text("upload_key");
        worker.memory.answer(&pin, "PIN", "24680");
        let other = worker.chunk_with(&key, "bytes 0-0/1", "x", ("x-auth-token", &pin));
        assert_eq!(other.status, if chunks_need_credentials { 404 } else { 200 });
    }
}

#[test]
fn q13_an_upload_key_lives_from_its_last_chunk_or_from_its_link() {
    for (upload_key_life, expected) in
        [(UploadKeyLife::SinceLastChunk, (200, 200)), (UploadKeyLife::SinceLink, (404, 404))]
    {
        let mut worker = Worker::with(Settings { upload_key_life, ..Settings::default() });
        let home = worker.home.clone();
        let key = worker.post("/upload/link", json!({ "parent_id": home, "name": "f" })).text("upload_key");
        worker.memory.pass(899);
        assert_eq!(worker.chunk(&key, "bytes 0-0/3", "x").status, 200);
        worker.get("/session/keepalive");
        worker.memory.pass(899);
        let chunk = worker.chunk(&key, "bytes 1-1/3", "x");
        worker.session = worker.memory.session();
        let end = worker.get(&format!("/upload/finalize/{key}"));
        assert_eq!((chunk.status, end.status), expected);
        if expected.0 == 404 {
            assert_eq!((chunk.refusal(), end.refusal()), ((404, 60), (404, 60)));
        }
    }
    for (upload_key_lifetime, expected) in [(900, 404), (901, 200)] {
        let upload_key_lifetime = Duration::from_secs(upload_key_lifetime);
        let mut worker = Worker::with(Settings { upload_key_lifetime, ..Settings::default() });
        let home = worker.home.clone();
        let key = worker.post("/upload/link", json!({ "parent_id": home, "name": "f" })).text("upload_key");
        worker.memory.pass(900);
        assert_eq!(worker.chunk(&key, "bytes 0-0/3", "x").status, expected);
    }
}

#[test]
fn q14_the_size_of_a_folder_is_its_items_or_its_bytes() {
    for (folder_size, full, empty) in [(FolderSize::Items, 2, 0), (FolderSize::Bytes, 7, 0)] {
        let mut worker = Worker::with(Settings { folder_size, ..Settings::default() });
        let home = worker.home.clone();
        let folder = worker.folder(&home, "a");
        let inner = worker.folder(&folder, "b");
        worker.file(&folder, "c", "12345");
        assert_eq!(worker.metadata(&inner).json["size"], json!(empty));
        worker.file(&inner, "d", "67");
        assert_eq!(worker.metadata(&folder).json["size"], json!(full));
        assert_eq!(worker.get(&format!("/file/info/{folder}")).json["size"], json!(full));
        assert_eq!(worker.get(&format!("/file/size/{folder}")).json["size"], json!(7));
    }
}

#[test]
fn q15_exactly_ten_ids_are_answered_at_once_or_as_a_job() {
    for (job_from, expected) in [(11, 200), (10, 202)] {
        for path in ["/file/delete", "/file/move"] {
            let mut worker = Worker::with(Settings { job_from, ..Settings::default() });
            let home = worker.home.clone();
            let target = worker.folder(&home, "to");
            let files: Vec<_> = (0..10).map(|number| worker.file(&home, &number.to_string(), "")).collect();
            let mut body = json!({ "ids": files });
            if path == "/file/move" {
                body["target"] = json!(target);
            }
            let answer = worker.post(path, body);
            assert_eq!((answer.status, answer.json.get("job_id").is_some()), (expected, expected == 202));
            assert_eq!(worker.paths().iter().filter(|path| path.len() == 1).count(), 0);
        }
    }
}

#[test]
fn q16_a_rate_limit_answers_429_and_may_say_how_long() {
    let mut worker = Worker::new();
    for _ in 0..1000 {
        assert_eq!(worker.get("/session/keepalive").status, 200);
    }
    for retry_after in [true, false] {
        let rate_limit = Some(RateLimit { calls: 4, per: Duration::from_secs(10), retry_after });
        let mut worker = Worker::with(Settings { rate_limit, ..Settings::default() });
        worker.memory.elapsed += Duration::from_millis(3500);
        for expected in [200, 200, 429, 429] {
            assert_eq!(worker.get("/session/keepalive").status, expected);
        }
        let refused = worker.get("/session/keepalive");
        assert_eq!(refused.refusal(), (429, -1));
        assert_eq!(refused.header("retry-after"), retry_after.then_some("7"));
        assert_eq!(worker.memory.login("user@example.com").status, 429);
        worker.memory.elapsed += Duration::from_millis(6500);
        for expected in [200, 200, 200, 200, 429] {
            assert_eq!(worker.get("/session/keepalive").status, expected);
        }
    }
}

#[test]
fn a_range_is_ignored_if_set() {
    let mut worker = Worker::with(Settings { ranges: false, ..Settings::default() });
    let home = worker.home.clone();
    let file = worker.file(&home, "f", "0123456789");
    let link = worker.post("/file/download-link", json!({ "ids": [file] })).text("id");
    let request = get(&format!("/file/download/{link}")).header("x-auth-token", &worker.session);
    let response = worker.memory.send(request.header("range", "bytes=2-4").body(Bytes::new()).unwrap());
    assert_eq!((response.status().as_u16(), &response.body()[..]), (200, &b"0123456789"[..]));
    assert!(!response.headers().contains_key("content-range"));
}
