//! A server in memory that is asked things at times of the test's choice.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Request, Response};
use quatrix_emulator::{Accounts, Now, Server, Settings};
use serde_json::{Value, json};

pub(crate) const PASSWORD: &str = "only-for-tests-4711";
pub(crate) const CAPTCHA: &str = "test-captcha-4711";
pub(crate) const NONE: Value = Value::Null;

/// 2026-01-01 00:00:10 UTC.
const START: Duration = Duration::from_secs(1_767_225_610);

pub(crate) struct Memory {
    pub(crate) server: Server,
    pub(crate) elapsed: Duration,
}

impl Memory {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self::of(settings, Accounts::default())
    }

    pub(crate) fn of(settings: Settings, accounts: Accounts) -> Self {
        Self { server: Server::new(settings, accounts).with_seed(7), elapsed: Duration::ZERO }
    }

    pub(crate) fn now(&self) -> Now {
        Now { elapsed: self.elapsed, unix: START + self.elapsed, ..Now::default() }
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        self.elapsed += Duration::from_secs(seconds);
    }

    /// Sends a request as it is.
    pub(crate) fn send(&mut self, request: Request<Bytes>) -> Response<Bytes> {
        let now = self.now();
        self.server.handle(now, request)
    }

    pub(crate) fn login(&mut self, user: &str) -> Answer {
        self.login_with(user, PASSWORD)
    }

    pub(crate) fn login_with(&mut self, user: &str, password: &str) -> Answer {
        let basic = STANDARD.encode(format!("{user}:{password}"));
        let request = get("/session/login").header("authorization", format!("Basic {basic}"));
        Answer::new(self.send(request.body(Bytes::new()).unwrap()))
    }

    /// The id of a session that is logged in.
    pub(crate) fn session(&mut self) -> String {
        let answer = self.login("user@example.com");
        assert_eq!(answer.status, 200);
        answer.session_id()
    }

    pub(crate) fn get(&mut self, path: &str, session: &str) -> Answer {
        let request = get(path).header("x-auth-token", session);
        Answer::new(self.send(request.body(Bytes::new()).unwrap()))
    }

    pub(crate) fn post(&mut self, path: &str, session: &str, body: &Value) -> Answer {
        let body = body.to_string();
        let request = Request::post(format!("https://acme.quatrix.it/api/1.0{path}"))
            .header("content-type", "application/json")
            .header("content-length", body.len())
            .header("x-auth-token", session);
        Answer::new(self.send(request.body(Bytes::from(body)).unwrap()))
    }

    pub(crate) fn answer(&mut self, session: &str, auth_type: &str, code: &str) -> Answer {
        self.post("/session/login", session, &json!({ "auth_type": auth_type, "code": code }))
    }

    pub(crate) fn code(&self, user: &str) -> String {
        self.server.code(self.now(), user).unwrap()
    }
}

pub(crate) fn get(path: &str) -> http::request::Builder {
    Request::get(format!("https://acme.quatrix.it/api/1.0{path}")).header("accept", "application/json")
}

/// Somebody who is logged in and works with files.
pub(crate) struct Worker {
    pub(crate) memory: Memory,
    pub(crate) session: String,
    pub(crate) home: String,
}

impl Worker {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        Self::of(Memory::with(settings))
    }

    pub(crate) fn of(mut memory: Memory) -> Self {
        let session = memory.session();
        let home = memory.get("/profile", &session).json["home_id"].as_str().unwrap().to_owned();
        Self { memory, session, home }
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.memory.get(path, &self.session)
    }

    pub(crate) fn post(&mut self, path: &str, body: Value) -> Answer {
        self.memory.post(path, &self.session, &body)
    }

    /// Makes a folder and returns its id.
    pub(crate) fn folder(&mut self, parent: &str, name: &str) -> String {
        let answer = self.post("/file/makedir", json!({ "target": parent, "name": name, "resolve": false }));
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.text("id")
    }

    /// Uploads a file in one chunk and returns its id.
    pub(crate) fn file(&mut self, parent: &str, name: &str, bytes: &str) -> String {
        let link = self.post("/upload/link", json!({ "parent_id": parent, "name": name, "resolve": false }));
        assert_eq!(link.status, 200, "{link:?}");
        let key = link.text("upload_key");
        if !bytes.is_empty() {
            let range = format!("bytes 0-{}/{}", bytes.len() - 1, bytes.len());
            assert_eq!(self.chunk(&key, &range, bytes).status, 200);
        }
        assert_eq!(self.get(&format!("/upload/finalize/{key}")).status, 200);
        link.text("file_id")
    }

    pub(crate) fn chunk(&mut self, key: &str, range: &str, bytes: &str) -> Answer {
        let session = self.session.clone();
        self.chunk_with(key, range, bytes, ("x-auth-token", &session))
    }

    pub(crate) fn chunk_with(&mut self, key: &str, range: &str, bytes: &str, header: (&str, &str)) -> Answer {
        let request = Request::post(format!("/upload/chunked/{key}"))
            .header("content-length", bytes.len())
            .header("content-range", range)
            .header(header.0, header.1);
        Answer::new(self.memory.send(request.body(Bytes::from(bytes.to_owned())).unwrap()))
    }

    /// The names in a folder.
    pub(crate) fn names(&mut self, folder: &str) -> Vec<String> {
        let answer = self.get(&format!("/file/metadata/{folder}"));
        let content = answer.json["content"].as_array().unwrap();
        content.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn metadata(&mut self, id: &str) -> Answer {
        self.get(&format!("/file/metadata/{id}?content=0"))
    }

    pub(crate) fn trash(&mut self) -> String {
        self.post("/file/id", json!({ "path": "Trash" })).text("file_id")
    }

    /// All paths below the home but the trash.
    pub(crate) fn paths(&self) -> Vec<String> {
        let paths = self.memory.server.paths("user@example.com");
        paths.into_iter().filter(|path| !path.starts_with("Trash/")).collect()
    }

    pub(crate) fn bytes(&self, path: &str) -> Option<Bytes> {
        self.memory.server.file("user@example.com", path)
    }
}

/// An answer, taken apart: its JSON is null if there is no body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: http::HeaderMap,
    pub(crate) json: Value,
}

impl Answer {
    pub(crate) fn new(response: Response<Bytes>) -> Self {
        let (head, body) = response.into_parts();
        let content_type = head.headers.get("content-type");
        let json = if body.is_empty() {
            assert_eq!(content_type, None);
            Value::Null
        } else {
            assert_eq!(content_type.unwrap(), "application/json");
            serde_json::from_slice(&body).unwrap()
        };
        Self { status: head.status.as_u16(), headers: head.headers, json }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        Some(self.headers.get(name)?.to_str().unwrap())
    }

    pub(crate) fn session_id(&self) -> String {
        self.text("session_id")
    }

    pub(crate) fn text(&self, field: &str) -> String {
        self.json[field].as_str().unwrap_or_else(|| panic!("no {field} in {self:?}")).to_owned()
    }

    /// Status and code of the error model.
    pub(crate) fn refusal(&self) -> (u16, i64) {
        assert!(self.json["msg"].is_string(), "{self:?}");
        (self.status, self.json["code"].as_i64().unwrap())
    }
}
