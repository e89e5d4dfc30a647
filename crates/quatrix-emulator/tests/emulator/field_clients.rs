//! The calls of clients in the field, as they were seen on the wire: rclone's `quatrix` backend by number, and the
//! vendor's JavaScript client.

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

use crate::support::{Answer, CAPTCHA, Memory, PASSWORD};

/// What rclone sends with every call.
struct Rclone(Memory);

impl Rclone {
    fn new() -> Self {
        Self(Memory::new())
    }

    fn send(&mut self, request: http::request::Builder, body: Bytes) -> Response<Bytes> {
        let request = request.header("authorization", "Bearer test-key-4711").header("user-agent", "rclone/v1.75.2");
        self.0.send(request.body(body).unwrap())
    }

    fn get(&mut self, path: &str) -> Value {
        let request = Request::get(path).header("accept-encoding", "gzip");
        let answer = Answer::new(self.send(request, Bytes::new()));
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json
    }

    fn call(&mut self, path: &str, body: &str) -> Answer {
        let request = Request::post(path)
            .header("accept-encoding", "gzip")
            .header("content-type", "application/json")
            .header("content-length", body.len());
        Answer::new(self.send(request, Bytes::from(body.to_owned())))
    }

    fn post(&mut self, path: &str, body: &str) -> Value {
        let answer = self.call(path, body);
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
        answer.json
    }

    fn home(&mut self) -> String {
        text(&self.post("/api/1.0/file/id", r#"{"path":""}"#), "file_id")
    }

    /// An upload as rclone does one, but for the move at its end: calls 12, 14 and 15.
    fn upload(&mut self, parent: &str, name: &str, bytes: &str) -> String {
        let body = format!(r#"{{"name":"{name}","parent_id":"{parent}","resolve":false}}"#);
        let link = self.post("/api/1.0/upload/link", &body);
        self.fill(&link, bytes);
        text(&link, "file_id")
    }

    fn fill(&mut self, link: &Value, bytes: &str) {
        let key = text(link, "upload_key");
        if !bytes.is_empty() {
            self.chunk(&key, &format!("bytes 0-{}/{}", bytes.len() - 1, bytes.len()), bytes);
        }
        self.get(&format!("/api/1.0/upload/finalize/{key}?mtime=1795489041.547688"));
    }

    fn chunk(&mut self, key: &str, range: &str, bytes: &str) -> Value {
        let request = Request::post(format!("/upload/chunked/{key}"))
            .header("content-length", bytes.len())
            .header("content-range", range);
        let answer = Answer::new(self.send(request, Bytes::from(bytes.to_owned())));
        assert_eq!(answer.status, 200);
        answer.json
    }
}

fn text(json: &Value, field: &str) -> String {
    json[field].as_str().unwrap().to_owned()
}

/// A file that rclone can read: its types are strict, but a field may be missing.
fn assert_is_file(json: &Value) {
    for field in ["id", "name", "type"] {
        assert!(json[field].is_string(), "{field}: {json}");
    }
    for field in ["size", "operations"] {
        assert!(json[field].is_i64(), "{field}: {json}");
    }
    for field in ["created", "modified", "modified_ms"] {
        assert!(json[field].is_number(), "{field}: {json}");
    }
    assert_no_null(json);
}

fn assert_no_null(json: &Value) {
    match json {
        Value::Null => panic!("there is a null"),
        Value::Array(items) => items.iter().for_each(assert_no_null),
        Value::Object(fields) => fields.values().for_each(assert_no_null),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn rclone_01_finds_an_id_by_path() {
    let mut rclone = Rclone::new();
    let home = rclone.post("/api/1.0/file/id", r#"{"path":""}"#);
    assert!(home["file_id"].is_string() && home["type"] == "D" && home["src"] == "");
    let id = text(&home, "file_id");
    let trash = rclone.post("/api/1.0/file/id", &format!(r#"{{"parent_id":"{id}","path":"Trash"}}"#));
    assert_eq!((&trash["parent_id"], &trash["type"]), (&json!(id), &json!("T")));
    assert_eq!(rclone.call("/api/1.0/file/id", r#"{"path":"nothing/here"}"#).status, 404);
}

#[test]
fn rclone_02_lists_a_folder() {
    let mut rclone = Rclone::new();
    let home = rclone.home();
    rclone.upload(&home, "f", "123");
    let folder = rclone.get(&format!("/api/1.0/file/metadata/{home}"));
    assert_is_file(&folder);
    let content = folder["content"].as_array().unwrap();
    assert_eq!(content.len(), 2);
    content.iter().for_each(assert_is_file);
}

#[test]
fn rclone_03_asks_whether_a_folder_is_empty() {
    let mut rclone = Rclone::new();
    let home = rclone.home();
    let made = rclone.post("/api/1.0/file/makedir", &format!(r#"{{"target":"{home}","name":"d","resolve":false}}"#));
    let id = text(&made, "id");
    let empty = rclone.get(&format!("/api/1.0/file/metadata/{id}?content=0"));
    assert_is_file(&empty);
    assert_eq!(empty["size"], json!(0));
    rclone.upload(&id, "f", "");
    assert_eq!(rclone.get(&format!("/api/1.0/file/metadata/{id}?content=0"))["size"], json!(1));
}

#[test]
fn rclone_04_sets_a_time_with_six_decimals() {
    let mut rclone = Rclone::new();
    let home = rclone.home();
    let id = rclone.upload(&home, "f", "1");
    let file = rclone.post("/api/1.0/file/metadata", &format!(r#"{{"id":"{id}","mtime":1612325106.789012}}"#));
    assert_is_file(&file);
    assert_eq!(file["modified_ms"].to_string(), "1612325106.789012");
}

#[test]
fn rclone_05_makes_a_folder() {
    let mut rclone = Rclone::new();
    let home = rclone.home();
    let body = format!(r#"{{"target":"{home}","name":"d","resolve":false}}"#);
    assert_is_file(&rclone.post("/api/1.0/file/makedir", &body));
    assert_eq!(rclone.call("/api/1.0/file/makedir", &body).status, 400);
}

#[test]
fn rclone_06_deletes_one_item() {
    let mut rclone = Rclone::new();
    let home = rclone.home();
    for permanently in [false, true] {
        let id = rclone.upload(&home, "f", "1");
        let body = format!(r#"{{"ids":["{id}"],"delete_permanently":{permanently}}}"#);
        assert_eq!(rclone.post("/api/1.0/file/delete", &body), json!({ "ids": [id] }));
    }
}

#[test]
fn rclone_07_copies_over_what_is_there() {
    let mut rclone = Rclone::new();
    let home = rclone.home();
    let id = rclone.upload(&home, "new", "1");
    rclone.upload(&home, "old", "22");
    let body = format!(
        r#"{{"file_id":"{id}","target_id":"{home}","name":"old","mtime":1612325106.789012,"resolve":true,"resolve_mode":"overwrite"}}"#
    );
    let copy = rclone.post("/api/1.0/file/copyone", &body);
    assert_is_file(&copy);
    assert_eq!((&copy["name"], &copy["size"]), (&json!("old"), &json!(1)));
}

#[test]
fn rclone_08_moves_an_upload_to_its_name_and_a_folder() {
    let mut rclone = Rclone::new();
    let home = rclone.home();
    let id = rclone.upload(&home, "f.txt.5f3a9c01.partial", "new");
    rclone.upload(&home, "f.txt", "old");
    let body = format!(
        r#"{{"file_id":"{id}","target_id":"{home}","name":"f.txt","mtime":1612325106.789012,"resolve":true,"resolve_mode":"overwrite"}}"#
    );
    let moved = rclone.post("/api/1.0/file/moveone", &body);
    assert_is_file(&moved);
    assert_eq!((&moved["id"], &moved["name"]), (&json!(id), &json!("f.txt")));
    assert_eq!(rclone.0.server.paths("user@example.com"), ["Trash/", "f.txt"]);

    let make = |name: &str| format!(r#"{{"target":"{home}","name":"{name}","resolve":false}}"#);
    let folder = text(&rclone.post("/api/1.0/file/makedir", &make("d")), "id");
    let body = format!(
        r#"{{"file_id":"{folder}","target_id":"{home}","name":"e","mtime":1612325106.789012,"resolve":false,"resolve_mode":""}}"#
    );
    assert_is_file(&rclone.post("/api/1.0/file/moveone", &body));
    rclone.post("/api/1.0/file/makedir", &make("d"));
    let body = body.replace(r#""name":"e""#, r#""name":"d""#);
    assert_eq!(rclone.call("/api/1.0/file/moveone", &body).refusal(), (400, 30));
}

#[test]
fn rclone_09_asks_for_the_quota() {
    let info = Rclone::new().get("/api/1.0/profile/info");
    for field in ["user_used", "user_limit", "acc_used", "acc_limit"] {
        assert!(info[field].is_i64(), "{field}: {info}");
    }
    assert_eq!(info["user_limit"], json!(-1));
}

#[test]
fn rclone_10_and_11_read_a_file_through_a_link_with_a_slash_too_many() {
    let mut rclone = Rclone::new();
    let home = rclone.home();
    let id = rclone.upload(&home, "f", "0123456789");
    let mut read = |range: Option<&str>| {
        let link = rclone.post("/api/1.0/file/download-link", &format!(r#"{{"ids":["{id}"]}}"#));
        let mut request = Request::get(format!("/api/1.0//file/download/{}", text(&link, "id")));
        request = match range {
            None => request.header("accept-encoding", "gzip"),
            Some(range) => request.header("range", range),
        };
        let response = rclone.send(request, Bytes::new());
        assert!(!response.headers().contains_key("content-encoding"));
        (response.status().as_u16(), response.into_body())
    };
    assert_eq!(read(None), (200, Bytes::from("0123456789")));
    assert_eq!(read(Some("bytes=3-5")), (206, Bytes::from("345")));
}

#[test]
fn rclone_12_14_and_15_upload_a_file() {
    let mut rclone = Rclone::new();
    let home = rclone.home();
    let body = format!(r#"{{"name":"f.5f3a9c01.partial","parent_id":"{home}","resolve":false}}"#);
    let link = rclone.post("/api/1.0/upload/link", &body);
    for field in ["name", "file_id", "parent_id", "upload_key"] {
        assert!(link[field].is_string(), "{field}: {link}");
    }
    let key = text(&link, "upload_key");
    assert_eq!(rclone.chunk(&key, "bytes 0-5/10", "012345"), link["file_id"]);
    assert_eq!(rclone.chunk(&key, "bytes 6-9/10", "6789"), link["file_id"]);
    let end = rclone.get(&format!("/api/1.0/upload/finalize/{key}?mtime=1795489041.547688"));
    assert_eq!(
        end,
        json!({ "id": link["file_id"], "parent_id": home, "modified": 1_795_489_041, "size": 10 }),
        "both numbers are integers"
    );
}

#[test]
fn rclone_13_overwrites_in_place() {
    let mut rclone = Rclone::new();
    let home = rclone.home();
    let id = rclone.upload(&home, "f", "old content");
    let link = rclone.post("/api/1.0/file/modify", &format!(r#"{{"id":"{id}","truncate":0}}"#));
    assert_eq!(text(&link, "file_id"), id);
    rclone.fill(&link, "new");
    assert_eq!(rclone.0.server.file("user@example.com", "f").unwrap(), "new");
}

/// What the JavaScript client sends with every call.
fn javascript(method: &str, path: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(format!("/api/1.0{path}"))
        .header("content-type", "application/json")
        .header("accept", "application/json")
        .header("connection", "close")
}

#[test]
fn the_javascript_client_logs_in_with_a_second_factor() {
    let mut memory = Memory::new();
    let basic =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("totp@example.com:{PASSWORD}"));
    let request = javascript("GET", "/session/login").header("authorization", format!("Basic {basic}"));
    let login = Answer::new(memory.send(request.body(Bytes::new()).unwrap()));
    assert_eq!((login.status, login.header("mfa-code")), (207, Some("71")));
    let id = login.session_id();
    let body = format!(r#"{{"auth_type":"2FA","code":"{}"}}"#, memory.code("totp@example.com"));
    let request = javascript("POST", "/session/login").header("x-auth-token", &id).header("content-length", body.len());
    assert_eq!(memory.send(request.body(Bytes::from(body)).unwrap()).status(), 200);
    let request = javascript("GET", "/session/keepalive").header("x-auth-token", &id);
    assert_eq!(memory.send(request.body(Bytes::new()).unwrap()).status(), 200);
}

#[test]
fn the_javascript_client_sends_a_captcha_in_the_way_of_its_version() {
    for version in [119, 137] {
        let mut memory = Memory::new();
        let id = memory.login("captcha@example.com").session_id();
        let request = if version == 119 {
            let body = format!(r#"{{"token":"{CAPTCHA}"}}"#);
            let request = javascript("POST", "/session/unblock-captcha").header("content-length", body.len());
            request.header("x-auth-token", &id).body(Bytes::from(body))
        } else {
            let request = javascript("GET", &format!("/session/unblock-captcha?token={CAPTCHA}"));
            request.header("x-auth-token", &id).body(Bytes::new())
        };
        let answer = Answer::new(memory.send(request.unwrap()));
        assert_eq!((answer.status, answer.json), (200, json!({ "valid": true })), "v1.0-{version}");
    }
}

#[test]
fn the_javascript_client_empties_the_trash_without_a_body() {
    let mut rclone = Rclone::new();
    let trash = text(&rclone.post("/api/1.0/file/id", r#"{"path":"Trash"}"#), "file_id");
    let memory = &mut rclone.0;
    let id = memory.session();
    let request = javascript("POST", &format!("/file/empty-trash/{trash}")).header("x-auth-token", &id);
    let answer = Answer::new(memory.send(request.header("content-length", 0).body(Bytes::new()).unwrap()));
    assert_eq!((answer.status, answer.json), (200, json!([])));
}
