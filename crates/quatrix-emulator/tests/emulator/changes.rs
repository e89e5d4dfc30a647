//! Changing the tree.

use serde_json::{Value, json};

use crate::support::Worker;

fn a_dozen(worker: &mut Worker) -> Vec<String> {
    let home = worker.home.clone();
    (0..12).map(|number| worker.file(&home, &format!("{number:02}"), "x")).collect()
}

#[test]
fn a_folder_is_made_once_or_under_a_free_name() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let mut make = |name: &str, resolve: Option<bool>| {
        let mut body = json!({ "target": home, "name": name });
        if let Some(resolve) = resolve {
            body["resolve"] = json!(resolve);
        }
        worker.post("/file/makedir", body)
    };
    let made = make("in", Some(false));
    assert_eq!((made.status, &made.json["type"], &made.json["size"]), (201, &json!("D"), &json!(0)));
    assert_eq!(make("in", Some(false)).refusal(), (400, 30));
    assert_eq!(make("in", Some(true)).json["name"], json!("in(1)"));
    assert_eq!(make("in", None).json["name"], json!("in(2)"));
    assert_eq!(make("Trash", Some(false)).refusal(), (400, 30));
    for wrong in ["", ".", "..", "a/b", "a\\b", "a ", "a\u{7}"] {
        assert_eq!(make(wrong, None).refusal(), (400, 10), "{wrong:?}");
    }
    assert_eq!(make(&"ü".repeat(256), None).refusal(), (400, 10));
    assert_eq!(make(&"ü".repeat(255), None).status, 201);
}

#[test]
fn a_folder_needs_a_folder_to_be_in() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let file = worker.file(&home, "f", "1");
    for (body, refusal) in [
        (json!({ "target": file, "name": "x" }), (400, 10)),
        (json!({ "target": "4711", "name": "x" }), (404, 20)),
        (json!({ "name": "x" }), (400, 11)),
        (json!({ "target": home }), (400, 11)),
        (json!({ "target": home, "name": "x", "parents": true }), (400, 10)),
    ] {
        assert_eq!(worker.post("/file/makedir", body).refusal(), refusal);
    }
}

#[test]
fn an_item_is_renamed_where_it_is() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let file = worker.file(&home, "a.txt", "1");
    worker.file(&home, "b.txt", "2");
    let path = format!("/file/rename/{file}");
    let renamed = worker.post(&path, json!({ "name": "c.txt", "resolve": false }));
    assert_eq!(renamed.status, 200);
    assert_eq!((&renamed.json["name"], &renamed.json["old_name"]), (&json!("c.txt"), &json!("a.txt")));
    assert_eq!(worker.post(&path, json!({ "name": "b.txt", "resolve": false })).refusal(), (400, 30));
    assert_eq!(worker.post(&path, json!({ "name": "b.txt" })).json["name"], json!("b(1).txt"));
    assert_eq!(worker.post(&path, json!({ "name": "b(1).txt", "resolve": false })).status, 200);
    assert_eq!(worker.post(&path, json!({ "name": "a/b" })).refusal(), (400, 10));
    assert_eq!(worker.post("/file/rename/4711", json!({ "name": "x" })).refusal(), (404, 20));
    assert_eq!(worker.paths(), ["b(1).txt", "b.txt"]);
}

#[test]
fn a_deleted_item_lies_in_the_trash_and_then_nowhere() {
    let mut worker = Worker::new();
    let (home, trash) = (worker.home.clone(), worker.trash());
    let folder = worker.folder(&home, "a");
    let inner = worker.file(&folder, "f", "1");
    let deleted = worker.post("/file/delete", json!({ "ids": [folder], "delete_permanently": false }));
    assert_eq!((deleted.status, deleted.json), (200, json!({ "ids": [folder] })));
    assert_eq!(worker.metadata(&folder).json["parent_id"], json!(trash));
    assert_eq!(worker.metadata(&inner).status, 200);
    assert_eq!(worker.get("/profile/info").json["user_used"], json!(1));
    assert_eq!(worker.post("/file/delete", json!({ "ids": [folder] })).status, 200);
    assert_eq!(worker.metadata(&inner).refusal(), (404, 20));
    assert_eq!(worker.get("/profile/info").json["user_used"], json!(0));
}

#[test]
fn items_of_one_name_lie_in_the_trash_side_by_side() {
    let mut worker = Worker::new();
    let (home, trash) = (worker.home.clone(), worker.trash());
    for _ in 0..2 {
        let file = worker.file(&home, "a.txt", "1");
        worker.post("/file/delete", json!({ "ids": [file] }));
    }
    assert_eq!(worker.names(&trash), ["a(1).txt", "a.txt"]);
}

#[test]
fn a_permanent_delete_passes_by_the_trash() {
    let mut worker = Worker::new();
    let (home, trash) = (worker.home.clone(), worker.trash());
    let file = worker.file(&home, "a", "1");
    assert_eq!(worker.post("/file/delete", json!({ "ids": [file], "delete_permanently": true })).status, 200);
    assert_eq!(worker.metadata(&file).refusal(), (404, 20));
    assert_eq!(worker.names(&trash), [""; 0]);
}

#[test]
fn what_cannot_be_deleted_is_missing_in_the_answer() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let file = worker.file(&home, "a", "1");
    let mixed = worker.post("/file/delete", json!({ "ids": ["4711", file, home] }));
    assert_eq!((mixed.status, mixed.json), (200, json!({ "ids": [file] })));
    assert_eq!(worker.post("/file/delete", json!({ "ids": ["4711"] })).refusal(), (404, 20));
    assert_eq!(worker.post("/file/delete", json!({ "ids": [] })).refusal(), (400, 10));
    assert_eq!(worker.post("/file/delete", json!({})).refusal(), (400, 11));
}

#[test]
fn system_folders_stay_where_they_are() {
    let mut worker = Worker::new();
    let (home, trash) = (worker.home.clone(), worker.trash());
    let folder = worker.folder(&home, "a");
    for id in [&home, &trash] {
        assert_eq!(worker.post("/file/delete", json!({ "ids": [id] })).refusal(), (403, 50));
        assert_eq!(worker.post(&format!("/file/rename/{id}"), json!({ "name": "x" })).refusal(), (403, 50));
        assert_eq!(worker.post("/file/move", json!({ "ids": [id], "target": folder })).refusal(), (403, 50));
        let one = json!({ "file_id": id, "target_id": folder });
        assert_eq!(worker.post("/file/moveone", one).refusal(), (403, 50));
    }
}

#[test]
fn a_trash_is_emptied_for_good() {
    let mut worker = Worker::new();
    let (home, trash) = (worker.home.clone(), worker.trash());
    let files = a_dozen(&mut worker);
    worker.post("/file/delete", json!({ "ids": files[..2] }));
    let answer = worker.post(&format!("/file/empty-trash/{trash}"), json!({}));
    assert_eq!((answer.status, answer.json), (200, json!([{ "id": files[0] }, { "id": files[1] }])));
    assert_eq!(worker.names(&trash), [""; 0]);
    assert_eq!(worker.metadata(&files[0]).refusal(), (404, 20));
    assert_eq!(worker.get("/profile/info").json["user_used"], json!(10));
    assert_eq!(worker.post(&format!("/file/empty-trash/{home}"), json!({})).refusal(), (400, 10));
    assert_eq!(worker.post("/file/empty-trash/4711", json!({})).refusal(), (404, 20));
}

#[test]
fn up_to_ten_ids_are_answered_at_once_and_more_as_a_job() {
    for path in ["/file/delete", "/file/move"] {
        for (count, status, field) in [(9, 200, "ids"), (11, 202, "job_id")] {
            let mut worker = Worker::new();
            let home = worker.home.clone();
            let files = a_dozen(&mut worker);
            let mut body = json!({ "ids": files[..count] });
            if path == "/file/move" {
                body["target"] = json!(worker.folder(&home, "to"));
            }
            let answer = worker.post(path, body);
            assert_eq!(answer.status, status, "{path} {count}");
            assert_eq!(answer.json.as_object().unwrap().keys().collect::<Vec<_>>(), [field]);
            let left = worker.names(&home).into_iter().filter(|name| name.len() == 2 && name != "to").count();
            assert_eq!(left, 12 - count);
        }
    }
}

#[test]
fn many_are_moved_into_a_folder() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let (from, to) = (worker.folder(&home, "from"), worker.folder(&home, "to"));
    let (one, two) = (worker.file(&from, "a", "1"), worker.file(&home, "a", "2"));
    let moved = worker.post("/file/move", json!({ "ids": [one, two, "4711"], "target": to }));
    assert_eq!((moved.status, moved.json), (200, json!({ "ids": [one, two] })));
    assert_eq!(worker.paths(), ["from/", "to/", "to/a", "to/a(1)"]);
    let back = worker.post("/file/move", json!({ "ids": [one], "target": to, "resolve": false }));
    assert_eq!(back.status, 200, "an item is not in its own way");
    let three = worker.file(&home, "a", "3");
    let clash = worker.post("/file/move", json!({ "ids": [three], "target": to, "resolve": false }));
    assert_eq!(clash.refusal(), (400, 30));
    let partly = worker.post("/file/move", json!({ "ids": [three, from], "target": to, "resolve": false }));
    assert_eq!(partly.json, json!({ "ids": [from] }));
    for (body, refusal) in [
        (json!({ "ids": [], "target": to }), (400, 10)),
        (json!({ "ids": [three], "target": three }), (400, 10)),
        (json!({ "ids": [three], "target": "4711" }), (404, 20)),
        (json!({ "ids": ["4711"], "target": to }), (404, 20)),
        (json!({ "ids": [to], "target": from }), (400, 10)),
        (json!({ "ids": [to], "target": to }), (400, 10)),
    ] {
        assert_eq!(worker.post("/file/move", body.clone()).refusal(), refusal, "{body}");
    }
}

#[test]
fn a_copy_of_many_is_always_a_job() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let folder = worker.folder(&home, "a");
    let file = worker.file(&folder, "f", "1");
    let copied = worker.post("/file/copy", json!({ "ids": [file], "target": home }));
    assert_eq!(copied.status, 202);
    assert_eq!(copied.json.as_object().unwrap().keys().collect::<Vec<_>>(), ["job_id"]);
    assert_eq!(worker.post("/file/copy", json!({ "ids": [file], "target": folder })).status, 202);
    assert_eq!(worker.post("/file/copy", json!({ "ids": [folder], "target": home })).status, 202);
    assert_eq!(worker.paths(), ["a(1)/", "a(1)/f", "a(1)/f(1)", "a/", "a/f", "a/f(1)", "f"]);
    let clash = json!({ "ids": [file], "target": folder, "resolve": false });
    assert_eq!(worker.post("/file/copy", clash).refusal(), (400, 30));
    assert_eq!(worker.post("/file/copy", json!({ "ids": [folder], "target": folder })).refusal(), (400, 10));
    assert_eq!(worker.post("/file/copy", json!({ "ids": [home], "target": folder })).refusal(), (400, 10));
}

/// What `moveone` and `copyone` do about a clash: the same but for what becomes of the original.
fn one(worker: &mut Worker, path: &str, item: &str, more: Value) -> crate::support::Answer {
    let mut body = json!({ "file_id": item, "target_id": worker.home, "name": "there" });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    worker.post(path, body)
}

#[test]
fn one_item_is_moved_or_copied_under_a_name_and_answered_at_once() {
    for path in ["/file/moveone", "/file/copyone"] {
        let mut worker = Worker::new();
        let home = worker.home.clone();
        let folder = worker.folder(&home, "in");
        let item = worker.file(&folder, "item", "new");
        let answer = one(&mut worker, path, &item, json!({ "mtime": 1_612_325_106.789_012, "resolve": true }));
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json["modified_ms"], json!(1_612_325_106.789_012));
        assert_eq!((&answer.json["name"], &answer.json["parent_id"]), (&json!("there"), &json!(home)));
        let moved = path == "/file/moveone";
        assert_eq!(answer.text("id") == item, moved);
        let expected = if moved { &["in/", "there"][..] } else { &["in/", "in/item", "there"] };
        assert_eq!(worker.paths(), expected);
    }
}

#[test]
fn a_clash_is_an_error_or_resolved_or_overwritten() {
    for path in ["/file/moveone", "/file/copyone"] {
        let clash = |more: Value| {
            let mut worker = Worker::new();
            let home = worker.home.clone();
            let folder = worker.folder(&home, "in");
            worker.file(&home, "there", "old");
            let item = worker.file(&folder, "item", "new");
            let answer = one(&mut worker, path, &item, more);
            (worker, answer)
        };
        for more in
            [json!({ "resolve": false, "resolve_mode": "" }), json!({ "resolve": false, "resolve_mode": "overwrite" })]
        {
            let (worker, answer) = clash(more);
            assert_eq!(answer.refusal(), (400, 30), "{path}");
            assert_eq!(worker.bytes("there").unwrap(), "old");
            assert_eq!(worker.bytes("in/item").unwrap(), "new");
        }
        for more in [json!({}), json!({ "resolve": true, "resolve_mode": "" })] {
            let (worker, answer) = clash(more);
            assert_eq!(answer.json["name"], json!("there(1)"), "{path}");
            assert_eq!(worker.bytes("there").unwrap(), "old");
            assert_eq!(worker.bytes("there(1)").unwrap(), "new");
        }
        let (mut worker, answer) = clash(json!({ "resolve": true, "resolve_mode": "overwrite" }));
        assert_eq!(answer.json["name"], json!("there"), "{path}");
        assert_eq!(worker.bytes("there").unwrap(), "new");
        assert!(!worker.paths().contains(&"there(1)".to_owned()));
        let used = if path == "/file/moveone" { 3 } else { 6 };
        assert_eq!(worker.get("/profile/info").json["user_used"], json!(used));
        assert_eq!(clash(json!({ "resolve_mode": "rename" })).1.refusal(), (400, 10));
    }
}

#[test]
fn a_folder_neither_overwrites_nor_is_overwritten() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let (folder, there) = (worker.folder(&home, "in"), worker.folder(&home, "there"));
    let file = worker.file(&folder, "f", "1");
    let overwrite = || json!({ "resolve": true, "resolve_mode": "overwrite" });
    for path in ["/file/moveone", "/file/copyone"] {
        assert_eq!(one(&mut worker, path, &file, overwrite()).refusal(), (400, 30));
        assert_eq!(one(&mut worker, path, &folder, overwrite()).refusal(), (400, 30));
    }
    worker.post(&format!("/file/rename/{there}"), json!({ "name": "gone" }));
    let there = worker.file(&home, "there", "2");
    assert_eq!(one(&mut worker, "/file/copyone", &there, overwrite()).refusal(), (400, 30), "it is its own copy");
    assert_eq!(one(&mut worker, "/file/moveone", &there, overwrite()).status, 200);
    assert_eq!(worker.paths(), ["gone/", "in/", "in/f", "there"]);
}

#[test]
fn a_folder_does_not_go_into_itself() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let folder = worker.folder(&home, "a");
    let inner = worker.folder(&folder, "b");
    for path in ["/file/moveone", "/file/copyone"] {
        for target in [&folder, &inner] {
            let body = json!({ "file_id": folder, "target_id": target, "name": "x" });
            assert_eq!(worker.post(path, body).refusal(), (400, 10));
        }
    }
}

#[test]
fn a_trashed_item_can_be_taken_back() {
    let mut worker = Worker::new();
    let home = worker.home.clone();
    let file = worker.file(&home, "a", "1");
    worker.post("/file/delete", json!({ "ids": [file] }));
    assert_eq!(worker.post("/file/moveone", json!({ "file_id": file, "target_id": home })).status, 200);
    assert_eq!(worker.paths(), ["a"]);
}
