//! A server that lies: about what is in a folder, what it has done, what a file holds, what time it is.

use std::time::{Duration, SystemTime};

use quatrix_emulator::{Emulator, Fault, FaultKind, Seed};
use serde_json::{Value, json};

use crate::support::Answer;
use crate::wire::Wire;

const USER: &str = "user@example.com";
const KEY: [(&str, &str); 1] = [("authorization", "Bearer test-key-4711")];
const DAY: Duration = Duration::from_secs(24 * 3600);

struct Scene {
    emulator: Emulator,
    wire: Wire,
}

impl Scene {
    /// `a/one`, `a/two`, `b/`.
    fn new(faults: impl IntoIterator<Item = Fault>) -> Self {
        let seed = Seed::new().folder("a").file("a/one", "0123456789").file("a/two", "22").folder("b");
        let emulator = Emulator::builder().files(seed).start().unwrap();
        emulator.set_faults(faults).unwrap();
        Self { wire: Wire::connect(emulator.url(), None), emulator }
    }

    fn get(&mut self, path: &str) -> Answer {
        self.wire.json("GET", &format!("/api/1.0{path}"), &KEY, "")
    }

    fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.wire.json("POST", &format!("/api/1.0{path}"), &KEY, &body.to_string())
    }

    fn id(&mut self, path: &str) -> String {
        self.post("/file/id", &json!({ "path": path })).text("file_id")
    }

    fn listing(&mut self, path: &str) -> Answer {
        let id = self.id(path);
        self.get(&format!("/file/metadata/{id}"))
    }

    fn paths(&self) -> Vec<String> {
        self.emulator.paths(USER)
    }
}

fn listing() -> Fault {
    Fault::new(FaultKind::Execute).on("GET", "/file/metadata/{id}").item("a").always()
}

#[test]
fn the_listing_of_one_folder_lacks_its_content_or_is_of_another_type() {
    let content = |fault| {
        let mut scene = Scene::new([fault]);
        assert_eq!(scene.listing("b").json["content"], json!([]), "the other folder is listed truly");
        let listing = scene.listing("a");
        assert_eq!(listing.status, 200);
        (listing.json.get("content").map(|content| content.as_array().map(Vec::len)), listing.text("type"))
    };
    assert_eq!(content(listing().skip(9)), (Some(Some(2)), "D".to_owned()));
    assert_eq!(content(listing().remove("/content")), (None, "D".to_owned()));
    assert_eq!(content(listing().set("/content", Value::Null)), (Some(None), "D".to_owned()));
    assert_eq!(content(listing().set("/type", "F")), (Some(Some(2)), "F".to_owned()));
    assert_eq!(content(listing().remove("/content/0")), (Some(Some(1)), "D".to_owned()));
}

#[test]
fn the_listing_of_one_folder_is_refused() {
    for (status, code) in [(404, 20), (403, 50)] {
        let refusal =
            Fault::new(FaultKind::Status(status)).on("GET", "/file/metadata/{id}").item("a").set("/code", code);
        let mut scene = Scene::new([refusal]);
        assert_eq!(scene.listing("b").status, 200);
        assert_eq!(scene.listing("a").refusal(), (status, code));
        assert_eq!(scene.listing("a").status, 200, "only once");
    }
}

#[test]
fn a_move_stores_another_name_or_answers_with_one() {
    let moved = |fault: Fault| {
        let mut scene = Scene::new([fault.on("POST", "/file/moveone")]);
        let body = json!({ "file_id": scene.id("a/one"), "target_id": scene.id("b"), "name": "new" });
        let answer = scene.post("/file/moveone", &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        (scene.paths().into_iter().find(|path| path.starts_with("b/") && path != "b/").unwrap(), answer.text("name"))
    };
    let both = |stored: &str, answered: &str| (format!("b/{stored}"), answered.to_owned());
    assert_eq!(moved(Fault::new(FaultKind::Execute)), both("new", "new"));
    assert_eq!(moved(Fault::new(FaultKind::Execute).request("/name", "other")), both("other", "other"));
    assert_eq!(moved(Fault::new(FaultKind::Execute).set("/name", "other")), both("new", "other"));
    assert_eq!(
        moved(Fault::new(FaultKind::Execute).request("/name", "other").set("/name", "new")),
        both("other", "new")
    );
}

#[test]
fn a_response_is_replaced_after_the_execution() {
    for fault in [
        Fault::new(FaultKind::Replace(404)).set("/code", 20),
        Fault::new(FaultKind::Replace(404)).body(r#"{"code": 20, "msg": "not found"}"#),
    ] {
        let mut scene = Scene::new([fault.on("POST", "/file/delete")]);
        let body = json!({ "ids": [scene.id("a")] });
        assert_eq!(scene.post("/file/delete", &body).refusal(), (404, 20));
        assert!(scene.paths().iter().all(|path| !path.starts_with("a/")), "it is in the trash");
        assert_eq!(scene.emulator.requests().last().unwrap().status, 200, "what is recorded is the truth");
    }
}

#[test]
fn a_finalize_names_another_file() {
    let mut scene = Scene::new([Fault::new(FaultKind::Execute).on("GET", "/upload/finalize/{id}").set("/id", "other")]);
    let parent = scene.id("b");
    let link = scene.post("/upload/link", &json!({ "parent_id": parent, "name": "f" }));
    let finalized = scene.get(&format!("/upload/finalize/{}", link.text("upload_key")));
    assert_eq!((finalized.status, finalized.text("id")), (200, "other".to_owned()));
    assert!(scene.paths().contains(&"b/f".to_owned()));
}

#[test]
fn a_file_changes_between_two_ranges() {
    for (len, rest, whole) in
        [(None, "6789:", "123456789:"), (Some(12), "6789:xx", "123456789:xx"), (Some(6), "6", "123456")]
    {
        let change = Fault::new(FaultKind::Rewrite(len)).on("GET", "/file/download/{id}").item("a/one").skip(1);
        let mut scene = Scene::new([change]);
        let before = scene.listing("a/one").json;
        let id = scene.id("a/one");
        let link = scene.post("/file/download-link", &json!({ "ids": [id] })).text("id");
        let mut part = |range: &str| {
            let headers = [KEY[0], ("range", range)];
            let response = scene.wire.send("GET", &format!("/api/1.0/file/download/{link}"), &headers, b"");
            (response.status().as_u16(), String::from_utf8(response.into_body().to_vec()).unwrap())
        };
        assert_eq!(part("bytes=0-4"), (206, "01234".to_owned()));
        assert_eq!(part("bytes=5-"), (206, rest.to_owned()));
        assert_eq!(scene.emulator.file(USER, "a/one").unwrap(), whole);
        let after = scene.listing("a/one").json;
        assert_eq!(after["size"], json!(whole.len()));
        assert!(after["id"] == before["id"] && after["modified_ms"] != before["modified_ms"], "{before} {after}");
    }
}

#[test]
fn the_clock_moves_what_is_created_and_the_date() {
    let mut scene = Scene::new([Fault::new(FaultKind::Status(503)).on("GET", "/profile").times(1)]);
    let mut both = |name: &str| {
        let target = scene.id("b");
        let made = scene.post("/file/makedir", &json!({ "target": target, "name": name }));
        let date = httpdate(made.header("date").unwrap());
        let created = made.json["created"].as_i64().unwrap();
        assert!((date - created).abs() <= 1, "{date} {created}");
        (created, httpdate(scene.get("/profile").header("date").unwrap()))
    };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64;
    let (created, refused_at) = both("early");
    assert!((created - now).abs() < 60 && (refused_at - now).abs() < 60);
    scene.emulator.advance(2 * DAY);
    let mut both = |name: &str| {
        let target = scene.id("b");
        let made = scene.post("/file/makedir", &json!({ "target": target, "name": name }));
        (made.json["created"].as_i64().unwrap(), httpdate(made.header("date").unwrap()))
    };
    let (later, date) = both("late");
    assert!((later - created - 2 * 86_400).abs() < 60 && (date - later).abs() <= 1, "{created} {later} {date}");
    scene.emulator.advance(Duration::MAX);
    assert!(scene.get("/profile").header("date").unwrap().contains(" 9999 "));
}

#[test]
fn a_response_has_no_date_or_another_one() {
    let profile = |fault: Fault| {
        let mut scene = Scene::new([fault.on("GET", "/profile")]);
        scene.get("/profile").header("date").map(str::to_owned)
    };
    assert!(profile(Fault::new(FaultKind::Execute)).is_some());
    assert_eq!(profile(Fault::new(FaultKind::Execute).without_header("date")), None);
    assert_eq!(profile(Fault::new(FaultKind::Status(500)).header("date", "today")), Some("today".to_owned()));
}

/// The seconds since 1970 of a `Date`.
fn httpdate(text: &str) -> i64 {
    let time = httpdate::parse_http_date(text).unwrap();
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() as i64
}
