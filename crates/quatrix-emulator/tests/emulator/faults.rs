//! What goes wrong on purpose, as a client sees it.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use quatrix_emulator::{CutPoint, Emulator, Fault, FaultKind, Seed};
use serde_json::json;

use crate::support::Answer;
use crate::wire::Wire;

const FOLDER: &str = r#"{"target":"HOME","name":"d"}"#;

/// An emulator with a plan, and somebody who is logged in.
struct Scene {
    emulator: Emulator,
    session: String,
    home: String,
}

impl Scene {
    fn new(fault: Fault) -> Self {
        let emulator = Emulator::start().unwrap();
        let mut wire = Wire::connect(emulator.url(), None);
        let session = wire.login("user@example.com").session_id();
        let home = wire.profile(&session).text("home_id");
        emulator.set_faults([fault]).unwrap();
        Self { emulator, session, home }
    }

    fn wire(&self) -> Wire {
        Wire::connect(self.emulator.url(), None)
    }

    /// Makes a folder on a connection of its own: the answer as it comes.
    fn make_folder(&self) -> std::io::Result<Answer> {
        let body = FOLDER.replace("HOME", &self.home);
        let mut wire = self.wire();
        wire.write("POST", "/api/1.0/file/makedir", &self.headers(), body.as_bytes());
        wire.receive().map(Answer::new)
    }

    fn headers(&self) -> [(&str, &str); 2] {
        [("x-auth-token", &self.session), ("content-type", "application/json")]
    }

    fn made(&self) -> usize {
        self.emulator.paths("user@example.com").len() - 1
    }

    fn statuses(&self) -> Vec<u16> {
        self.emulator.requests().iter().skip(2).map(|one| one.status).collect()
    }
}

#[test]
fn a_status_comes_in_place_of_the_execution() {
    let scene = Scene::new(Fault::new(FaultKind::Status(503)).on("POST", "/file/makedir").header("retry-after", "7"));
    assert_eq!(scene.wire().profile(&scene.session).status, 200);
    let answer = scene.make_folder().unwrap();
    assert_eq!((answer.refusal(), answer.header("retry-after")), ((503, -1), Some("7")));
    assert_eq!(scene.made(), 0);
    assert_eq!(scene.make_folder().unwrap().status, 201);
    assert_eq!(scene.statuses(), [200, 503, 201]);
    assert_eq!(scene.emulator.requests()[3].headers["x-auth-token"], "session 1");
}

#[test]
fn a_connection_is_cut_before_or_after_the_execution() {
    for (when, made, status) in [(CutPoint::Before, 0, 0), (CutPoint::After, 1, 201)] {
        for what in [FaultKind::Cut(when), FaultKind::Reset(when)] {
            let reset = matches!(what, FaultKind::Reset(_));
            let scene = Scene::new(Fault::new(what.clone()).on("POST", "/file/*"));
            let error = scene.make_folder().unwrap_err().kind();
            assert_eq!(error, if reset { ErrorKind::ConnectionReset } else { ErrorKind::UnexpectedEof }, "{what:?}");
            assert_eq!((scene.made(), scene.statuses()), (made, vec![status]), "{what:?}");
            assert_eq!(scene.wire().profile(&scene.session).status, 200);
        }
    }
}

#[test]
fn a_connection_is_cut_after_some_bytes_of_the_answer() {
    for len in [0, 1, 20] {
        let scene = Scene::new(Fault::new(FaultKind::Cut(CutPoint::Body(len))).on("POST", "/file/makedir"));
        let mut stream = TcpStream::connect(scene.emulator.address()).unwrap();
        let body = FOLDER.replace("HOME", &scene.home);
        let text = format!(
            "POST /api/1.0/file/makedir HTTP/1.1\r\nhost: x\r\nx-auth-token: {}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n{body}",
            scene.session,
            body.len()
        );
        stream.write_all(text.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, rest) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 201 ") && !head.contains("content-length: 20\r\n"), "{head}");
        assert_eq!(rest.len() as u64, len);
        assert_eq!(scene.made(), 1);
    }
}

#[test]
fn all_the_bytes_before_a_cut_arrive_however_slowly_they_are_read() {
    const LEN: usize = 20_000_000;
    let seed = Seed::new().file("big", vec![b'x'; LEN]);
    for tls in [false, true] {
        let builder = Emulator::builder().files(seed.clone());
        let emulator = if tls { builder.tls() } else { builder }.start().unwrap();
        let mut wire = Wire::connect(emulator.url(), emulator.ca_cert_pem());
        let key = [("authorization", "Bearer test-key-4711")];
        let id = wire.json("POST", "/api/1.0/file/id", &key, r#"{"path":"big"}"#).text("file_id");
        let body = json!({ "ids": [id] }).to_string();
        let link = wire.json("POST", "/api/1.0/file/download-link", &key, &body).text("id");
        let cut = LEN as u64 - 1;
        emulator.set_faults([Fault::new(FaultKind::Cut(CutPoint::Body(cut)))]).unwrap();
        wire.write("GET", &format!("/api/1.0/file/download/{link}"), &key, b"");
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(wire.bytes_until_the_end(), cut, "TLS: {tls}");
    }
}

#[test]
fn a_connection_is_cut_within_the_request() {
    let scene =
        Scene::new(Fault::new(FaultKind::Cut(CutPoint::Request(1000))).on("POST", "/upload/chunked/{upload_key}"));
    let body = json!({ "parent_id": scene.home, "name": "f" }).to_string();
    let mut wire = scene.wire();
    let link = Answer::new(wire.send("POST", "/api/1.0/upload/link", &scene.headers(), body.as_bytes()));
    let target = format!("/upload/chunked/{}", link.text("upload_key"));
    // Only a part of the body: whoever waited for all of it would wait for ever.
    let mut stream = TcpStream::connect(scene.emulator.address()).unwrap();
    let head = format!("POST {target} HTTP/1.1\r\nhost: x\r\ncontent-range: bytes 0-9999/10000\r\n");
    stream.write_all(format!("{head}content-length: 10000\r\n\r\n").as_bytes()).unwrap();
    stream.write_all(&[b'x'; 1000]).unwrap();
    assert_eq!(stream.read(&mut [0; 100]).unwrap_or(0), 0);
    assert_eq!(scene.emulator.file("user@example.com", "f").unwrap(), "");
    let whole = wire.send("POST", &target, &[("content-range", "bytes 0-999/1000")], &[b'x'; 1000]);
    assert_eq!(whole.status(), 200);
}

#[test]
fn an_answer_is_truncated_or_too_large_or_of_another_type() {
    let profile = |fault: Fault| {
        let scene = Scene::new(fault.on("GET", "/profile"));
        let mut wire = scene.wire();
        let response = wire.send("GET", "/api/1.0/profile", &scene.headers(), b"");
        assert_eq!(wire.profile(&scene.session).status, 200, "the connection goes on");
        (response.status().as_u16(), response.headers().clone(), response.into_body())
    };
    let (status, headers, body) = profile(Fault::new(FaultKind::Truncate(10)));
    assert_eq!((status, &headers["content-length"], body.len()), (200, &"10".parse().unwrap(), 10));
    let (_, headers, body) = profile(Fault::new(FaultKind::Oversize(1_000_000)));
    assert_eq!((headers["content-length"].to_str().unwrap(), body.len()), ("1000000", 1_000_000));
    assert!(serde_json::from_slice::<serde_json::Value>(&body).is_ok());
    let (_, headers, body) = profile(Fault::new(FaultKind::WrongType(Some("text/html".to_owned()))).body("<html>"));
    assert_eq!((headers["content-type"].to_str().unwrap(), &body[..]), ("text/html", &b"<html>"[..]));
    let (_, headers, _) = profile(Fault::new(FaultKind::WrongType(None)));
    assert!(!headers.contains_key("content-type"));
}

#[test]
fn an_answer_comes_late() {
    let delay = Duration::from_millis(200);
    let scene = Scene::new(Fault::new(FaultKind::Delay(delay)).on("GET", "/profile"));
    let start = std::time::Instant::now();
    assert_eq!(scene.wire().profile(&scene.session).status, 200);
    assert!(start.elapsed() >= delay, "at least as late as asked for, however busy the machine is");
}

#[test]
fn sessions_end_just_before_a_request() {
    let scene = Scene::new(Fault::new(FaultKind::Expire).on("GET", "/profile"));
    assert_eq!(scene.wire().profile(&scene.session).refusal(), (401, 14));
}

#[test]
fn faults_are_set_by_the_control_paths_and_spare_them() {
    let emulator = Emulator::builder().control().start().unwrap();
    let mut wire = Wire::connect(emulator.url(), None);
    let plan = r#"[{"fault": {"status": 500}, "times": null}]"#;
    assert_eq!(wire.json("POST", "/_emulator/faults", &[], plan).status, 200);
    assert_eq!(wire.login("user@example.com").refusal(), (500, -1));
    assert_eq!(wire.json("GET", "/_emulator/health", &[], "").status, 200);
    assert_eq!(wire.json("POST", "/_emulator/faults", &[], r#"[{"fault": {"status": 1}}]"#).refusal(), (400, 10));
    assert_eq!(wire.json("POST", "/_emulator/faults", &[], r#"{"fault": "expire"}"#).refusal(), (400, 10));
    assert_eq!(wire.login("user@example.com").status, 500, "a wrong plan changes nothing");
    assert_eq!(wire.json("POST", "/_emulator/faults", &[], "[]").status, 200);
    assert_eq!(wire.login("user@example.com").status, 200);
    wire.json("POST", "/_emulator/faults", &[], plan);
    wire.json("POST", "/_emulator/reset", &[], "");
    assert_eq!(wire.login("user@example.com").status, 200);
}

#[test]
fn faults_hit_over_tls_too() {
    let emulator = Emulator::builder().tls().start().unwrap();
    for what in [FaultKind::Cut(CutPoint::After), FaultKind::Reset(CutPoint::Before)] {
        emulator.set_faults([Fault::new(what)]).unwrap();
        let mut wire = Wire::connect(emulator.url(), emulator.ca_cert_pem());
        wire.write("GET", "/api/1.0/account/metadata", &[], b"");
        assert!(wire.receive().is_err());
    }
    assert!(emulator.set_faults([Fault::new(FaultKind::Status(42))]).is_err());
}
