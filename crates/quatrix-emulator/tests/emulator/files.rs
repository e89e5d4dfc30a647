//! Reading about files, and searching.

use bytes::Bytes;
use quatrix_emulator::{Account, Accounts, Now, Seed, Server, Settings};
use serde_json::json;

use crate::support::{Memory, PASSWORD, Worker};

#[test]
fn a_home_is_found_in_three_ways_and_holds_the_trash() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let unnamed = worker.get("/file/metadata");
    assert_eq!(unnamed.status, 200);
    assert_eq!(unnamed.json, worker.get(&format!("/file/metadata/{home}")).json);
    let by_path = worker.post("/file/id", json!({ "path": "" }));
    assert_eq!(by_path.json, json!({ "file_id": home, "src": "", "type": "D" }));
    assert_eq!(unnamed.json["id"], json!(home));
    assert!(unnamed.json.get("parent_id").is_none());
    let trash = &unnamed.json["content"][0];
    assert_eq!((&trash["name"], &trash["type"]), (&json!("Trash"), &json!("T")));
    assert_eq!(trash["metadata"], json!({ "is_system": true }));
}

#[test]
fn metadata_tells_everything_about_a_file() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let file = worker.file(&home, "report.pdf", "12345");
    let now = worker.memory.now().unix.as_secs();
    assert_eq!(
        worker.get(&format!("/file/metadata/{file}")).json,
        json!({
            "id": file, "parent_id": home, "name": "report.pdf", "type": "F", "size": 5,
            "created": now, "modified": now, "modified_ms": now as f64,
            "operations": 31, "metadata": {}, "uid": 1000, "gid": 1000,
        })
    );
}

#[test]
fn a_folder_is_listed_unless_content_is_0() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let folder = worker.folder(&home, "in");
    let (one, two) = (worker.file(&folder, "one", "1"), worker.folder(&folder, "two"));
    let listed = worker.get(&format!("/file/metadata/{folder}"));
    let items = listed.json["content"].as_array().unwrap();
    assert_eq!(items.iter().map(|item| &item["id"]).collect::<Vec<_>>(), [&json!(one), &json!(two)]);
    assert!(items.iter().all(|item| item["parent_id"] == json!(folder) && item.get("content").is_none()));
    assert_eq!(worker.get(&format!("/file/metadata/{folder}?content=1")).json, listed.json);
    let short = worker.get(&format!("/file/metadata/{folder}?content=0"));
    assert_eq!((short.status, short.json.get("content")), (200, None));
    assert_eq!(worker.get(&format!("/file/metadata/{folder}?content=2")).refusal(), (400, 10));
}

#[test]
fn what_does_not_exist_is_not_found_whatever_its_id_looks_like() {
    let mut worker = Worker::new();
    for id in ["4711", "00000000-0000-4000-8000-000000000000", "%2e%2e"] {
        for path in ["metadata", "info", "size"] {
            assert_eq!(worker.get(&format!("/file/{path}/{id}")).refusal(), (404, 20), "{path}/{id}");
        }
    }
}

#[test]
fn what_belongs_to_another_person_is_not_found() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let file = worker.file(&home, "mine", "1");
    let link = worker.post("/file/download-link", json!({ "ids": [file] })).text("id");
    let key = worker.post("/file/modify", json!({ "id": file })).text("upload_key");
    let memory = &mut worker.memory;
    let pin = memory.login("pin@example.com").session_id();
    memory.answer(&pin, "PIN", "24680");
    for path in ["/file/metadata/", "/file/info/", "/file/size/"] {
        assert_eq!(memory.get(&format!("{path}{file}"), &pin).refusal(), (404, 20));
    }
    assert_eq!(memory.post("/file/delete", &pin, &json!({ "ids": [file] })).refusal(), (404, 20));
    assert_eq!(memory.get(&format!("/file/download/{link}"), &pin).refusal(), (404, 20));
    assert_eq!(memory.get(&format!("/upload/finalize/{key}"), &pin).refusal(), (404, 20));
    assert_eq!(worker.get(&format!("/upload/finalize/{key}")).status, 200);
}

#[test]
fn a_modification_time_is_kept_to_the_microsecond() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let file = worker.file(&home, "a", "1");
    let answer = worker.post("/file/metadata", json!({ "id": file, "mtime": 1_612_325_106.789_012 }));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json["modified_ms"], json!(1_612_325_106.789_012));
    assert_eq!(answer.json["modified"], json!(1_612_325_106));
    assert_eq!(worker.metadata(&file).json["modified_ms"], json!(1_612_325_106.789_012));
    assert_eq!(worker.metadata(&file).json["created"], json!(worker.memory.now().unix.as_secs()));
    assert_eq!(worker.post("/file/metadata", json!({ "id": file })).json["modified"], json!(1_612_325_106));
    let before = worker.post("/file/metadata", json!({ "id": file, "mtime": -1.5 }));
    assert_eq!((&before.json["modified"], &before.json["modified_ms"]), (&json!(-2), &json!(-1.5)));
    assert_eq!(worker.post("/file/metadata", json!({ "id": file, "mtime": 1e300 })).refusal(), (400, 10));
    assert_eq!(worker.post("/file/metadata", json!({ "mtime": 1 })).refusal(), (400, 11));
    assert_eq!(worker.post("/file/metadata", json!({ "id": "4711", "mtime": 1 })).refusal(), (404, 20));
}

#[test]
fn a_path_is_looked_up_below_the_home_or_a_folder() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let folder = worker.folder(&home, "a b");
    let inner = worker.folder(&folder, "ü");
    let file = worker.file(&inner, "f.txt", "1");
    let mut look = |body| worker.post("/file/id", body);
    let found = look(json!({ "path": "a b/ü/f.txt" }));
    assert_eq!(found.json, json!({ "file_id": file, "parent_id": inner, "src": "a b/ü/f.txt", "type": "F" }));
    assert_eq!(look(json!({ "path": "ü/f.txt", "parent_id": folder })).text("file_id"), file);
    assert_eq!(look(json!({ "path": "", "parent_id": inner })).text("file_id"), inner);
    for absent in ["x", "/a b", "a b/", "a b//ü", "A B", "a b/ü/f.txt/x", "."] {
        assert_eq!(look(json!({ "path": absent })).refusal(), (404, 20), "{absent}");
    }
    assert_eq!(look(json!({ "path": "", "parent_id": "4711" })).refusal(), (404, 20));
    assert_eq!(look(json!({ "path": "", "parent_id": file })).refusal(), (400, 10));
    assert_eq!(look(json!({})).refusal(), (400, 11));
}

#[test]
fn info_and_size_tell_about_files_and_folders() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let folder = worker.folder(&home, "a");
    let inner = worker.folder(&folder, "b");
    worker.file(&folder, "one", "1");
    let file = worker.file(&inner, "two", "22");
    assert_eq!(worker.get(&format!("/file/size/{file}")).json, json!({ "size": 2 }));
    assert_eq!(worker.get(&format!("/file/size/{folder}")).json, json!({ "size": 3 }));
    let info = worker.get(&format!("/file/info/{file}")).json;
    assert_eq!((&info["id"], &info["name"], &info["size"]), (&json!(file), &json!("two"), &json!(2)));
    assert_eq!(info["file_owner"]["email"], json!("user@example.com"));
}

#[test]
fn a_search_looks_at_names_and_times_and_not_into_the_trash() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let folder = worker.folder(&home, "reports");
    let one = worker.file(&folder, "march report.pdf", "1");
    worker.file(&home, "march.txt", "1");
    let gone = worker.file(&home, "old report", "1");
    worker.post("/file/delete", json!({ "ids": [gone] }));
    worker.post("/file/metadata", json!({ "id": one, "mtime": 1000.5 }));
    let mut search = |body| {
        let answer = worker.post("/file/search", body);
        assert_eq!(answer.status, 200, "{answer:?}");
        let found = answer.json.as_array().unwrap();
        found.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let name = |group| json!({ "_and": [{ "name": group }] });
    assert_eq!(search(name(json!({ "_or": ["report"] }))), ["reports", "march report.pdf"]);
    assert_eq!(search(name(json!({ "_and": ["report", "march"] }))), ["march report.pdf"]);
    assert_eq!(search(name(json!({ "_and": ["march"], "_or": ["txt", "x"] }))), ["march.txt"]);
    assert_eq!(search(name(json!({ "_or": ["REPORT"] }))), [""; 0]);
    let either = json!({ "_or": [{ "name": { "_and": ["txt"] } }, { "modified": { "_and": [1000] } }] });
    assert_eq!(search(either), ["march.txt", "march report.pdf"]);
    let both = json!({ "_and": [{ "name": { "_and": ["march"] }, "modified": { "_or": [1000, 2000] } }] });
    assert_eq!(search(both), ["march report.pdf"]);
    assert_eq!(search(json!({ "_and": [{ "created": { "_and": [1000] } }] })), [""; 0]);
    assert_eq!(search(json!({ "_and": [{ "tag": { "_and": [{ "type": "text", "value": "x" }] } }] })), [""; 0]);
    assert_eq!(search(json!({})), ["march.txt", "reports", "march report.pdf"]);
    for wrong in [
        json!({ "name": "x" }),
        json!({ "_and": [{ "size": { "_and": [1] } }] }),
        json!({ "_and": [{ "tag": { "_and": [{ "type": "colour", "value": "x" }] } }] }),
    ] {
        assert_eq!(worker.post("/file/search", wrong).refusal(), (400, 10));
    }
}

#[test]
fn the_quota_is_told_and_kept() {
    let accounts = r#"{"accounts": [{"user": "user@example.com", "password": "only-for-tests-4711", "limit": 10},
        {"user": "other@example.com", "password": "only-for-tests-4711"}]}"#;
    let mut worker = Worker::of(Memory::of(Settings::default(), Accounts::from_json(accounts).unwrap()));
    let home = worker.home.clone();
    let file = worker.file(&home, "a", "123456");
    let info = worker.get("/profile/info").json;
    assert_eq!((&info["user_used"], &info["user_limit"], &info["acc_used"]), (&json!(6), &json!(10), &json!(6)));
    assert_eq!(worker.get("/profile").json["quota"], json!(10));
    let other = worker.memory.login("other@example.com").session_id();
    let info = worker.memory.get("/profile/info", &other).json;
    assert_eq!((&info["user_used"], &info["user_limit"], &info["acc_used"]), (&json!(0), &json!(-1), &json!(6)));

    let copy = json!({ "file_id": file, "target_id": home, "name": "b" });
    assert_eq!(worker.post("/file/copyone", copy).refusal(), (400, 122));
    assert_eq!(worker.post("/file/copy", json!({ "ids": [file], "target": home })).refusal(), (400, 122));
    let link = |size| json!({ "parent_id": home, "name": "c", "file_size": size });
    assert_eq!(worker.post("/upload/link", link(5)).refusal(), (400, 122));
    let key = worker.post("/upload/link", link(4)).text("upload_key");
    assert_eq!(worker.chunk(&key, "bytes 0-3/4", "1234").status, 200);
    let key = worker.post("/upload/link", json!({ "parent_id": home, "name": "d" })).text("upload_key");
    assert_eq!(worker.chunk(&key, "bytes 0-0/1", "1").refusal(), (400, 122));
    let key = worker.post("/file/modify", json!({ "id": file, "truncate": 0 })).text("upload_key");
    assert_eq!(worker.chunk(&key, "bytes 0-5/6", "abcdef").status, 200);
    assert_eq!(worker.get("/profile/info").json["user_used"], json!(10));
    assert_eq!(worker.paths(), ["a", "c", "d"]);
}

#[test]
fn every_home_starts_with_the_seed_and_a_reset_brings_it_back() {
    let seed = Seed::new().folder("in").file("in/a.txt", "hello").file("nowhere/b.txt", "lost").file("x.bin", "12");
    let mut server = Server::new(Settings::default(), Accounts::default()).with_files(&seed);
    for user in ["user@example.com", "PIN@example.com"] {
        assert_eq!(server.paths(user), ["Trash/", "in/", "in/a.txt", "x.bin"]);
        assert_eq!(server.file(user, "in/a.txt"), Some(Bytes::from("hello")));
    }
    assert_eq!((server.file("nobody@example.com", "x.bin"), server.file("pin@example.com", "in")), (None, None));

    let request = || {
        let body = r#"{"ids":["ID"],"delete_permanently":true}"#;
        let id = crate::support::get("/file/metadata").header("authorization", "Bearer test-key-4711");
        (id.body(Bytes::new()).unwrap(), body)
    };
    let (list, delete) = request();
    let home: serde_json::Value = serde_json::from_slice(server.handle(Now::default(), list).body()).unwrap();
    let delete = delete.replace("ID", home["content"][2]["id"].as_str().unwrap());
    let delete = http::Request::post("/api/1.0/file/delete")
        .header("authorization", "Bearer test-key-4711")
        .header("content-type", "application/json")
        .header("content-length", delete.len())
        .body(Bytes::from(delete))
        .unwrap();
    assert_eq!(server.handle(Now::default(), delete).status(), 200);
    assert_eq!(server.paths("user@example.com"), ["Trash/", "in/", "in/a.txt"]);
    server.reset();
    assert_eq!(server.paths("user@example.com"), ["Trash/", "in/", "in/a.txt", "x.bin"]);
}

#[test]
fn a_reset_takes_back_keys_and_links() {
    let mut memory = Memory::new();
    let seed = Seed::new().file("f", "1");
    memory.server = Server::new(Settings::default(), Accounts::default()).with_files(&seed);
    let mut worker = Worker::of(memory);
    let file = worker.post("/file/id", json!({ "path": "f" })).text("file_id");
    let key = worker.post("/file/modify", json!({ "id": file, "truncate": 0 })).text("upload_key");
    let link = worker.post("/file/download-link", json!({ "ids": [file] })).text("id");
    worker.memory.server.reset();
    worker.session = worker.memory.session();
    assert_eq!(worker.chunk(&key, "bytes 0-0/1", "x").refusal(), (404, 20));
    assert_eq!(worker.get(&format!("/file/download/{link}")).refusal(), (404, 20));
    assert_eq!(worker.bytes("f").unwrap(), "1");
}

#[test]
fn a_seed_is_read_from_a_directory() {
    let dir = std::env::temp_dir().join(format!("quatrix-emulator-seed-{}", std::process::id()));
    std::fs::create_dir_all(dir.join("a b/empty")).unwrap();
    std::fs::write(dir.join("a b/ü.txt"), "hello").unwrap();
    let modified = std::time::UNIX_EPOCH + std::time::Duration::from_micros(1_600_000_000_250_000);
    std::fs::File::options().write(true).open(dir.join("a b/ü.txt")).unwrap().set_modified(modified).unwrap();
    let seed = Seed::from_dir(&dir);
    std::fs::write(dir.join("wrong "), "").unwrap();
    let wrong = Seed::from_dir(&dir).unwrap_err().to_string();
    std::fs::remove_dir_all(&dir).unwrap();
    assert!(wrong.contains("wrong \", rename it"), "{wrong}");
    assert!(Seed::from_dir(&dir).is_err());

    let mut memory = Memory::new();
    memory.server = Server::new(Settings::default(), Accounts::default()).with_files(&seed.unwrap());
    let mut worker = Worker::of(memory);
    assert_eq!(worker.paths(), ["a b/", "a b/empty/", "a b/ü.txt"]);
    let file = worker.post("/file/id", json!({ "path": "a b/ü.txt" })).text("file_id");
    assert_eq!(worker.metadata(&file).json["modified_ms"], json!(1_600_000_000.25));
}

#[test]
fn a_folder_of_a_hundred_thousand_items_is_listed() {
    let accounts = Accounts::new(vec![Account::new("user@example.com", PASSWORD)]);
    let mut seed = Seed::new();
    for number in 0..100_000 {
        seed = seed.file(&format!("{number:06}"), Bytes::new());
    }
    let mut memory = Memory::new();
    memory.server = Server::new(Settings::default(), accounts).with_files(&seed);
    let mut worker = Worker::of(memory);
    let answer = worker.get("/file/metadata");
    assert_eq!(answer.json["content"].as_array().unwrap().len(), 100_001);
    assert_eq!(answer.json["size"], json!(100_001));
}
