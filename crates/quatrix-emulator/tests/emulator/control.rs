//! Who may use the control paths, and how much of a body is kept of those who have shown no right.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use quatrix_emulator::{Builder, Emulator};
use serde_json::json;

use crate::support::Answer;
use crate::wire::Wire;

const CODE: &str = "/_emulator/code?user=pin@example.com";
const RESET: &str = "/_emulator/reset";

/// The status of a request with these headers and no others.
fn status(emulator: &Emulator, method: &str, path: &str, headers: &str) -> u16 {
    let mut stream = TcpStream::connect(("127.0.0.1", emulator.address().port())).unwrap();
    let headers = headers.replace("PORT", &emulator.address().port().to_string());
    write!(stream, "{method} {path} HTTP/1.1\r\ncontent-length: 0\r\nconnection: close\r\n{headers}\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

#[test]
fn on_loopback_only_addresses_of_this_machine_are_taken_as_the_host() {
    let emulator = Emulator::builder().control().start().unwrap();
    for host in ["localhost", "LOCALHOST:PORT", "127.0.0.1:PORT", "127.9.9.9", "[::1]:PORT"] {
        assert_eq!(status(&emulator, "GET", CODE, &format!("host: {host}\r\n")), 200, "{host}");
    }
    for headers in [
        "host: emulator\r\n",
        "host: 127.0.0.1.evil.example.com\r\n",
        "host: evil.example.com:PORT\r\n",
        "host: a@127.0.0.1\r\n",
        "host: localhost\r\nhost: evil.example.com\r\n",
        "",
    ] {
        assert_eq!(status(&emulator, "GET", CODE, headers), 403, "{headers}");
        assert_eq!(status(&emulator, "POST", RESET, headers), 403, "{headers}");
    }
    assert_eq!(status(&emulator, "GET", "/api/1.0/profile", "host: emulator\r\n"), 401, "the API takes any");
}

#[test]
fn a_foreign_web_page_cannot_use_the_control_paths() {
    let emulator = Emulator::builder().control().start().unwrap();
    let with =
        |origin: &str| status(&emulator, "POST", RESET, &format!("host: localhost:PORT\r\norigin: {origin}\r\n"));
    assert_eq!(with("http://localhost:PORT"), 200);
    for foreign in ["https://evil.example.com", "null", "http://localhost:1", "http://127.0.0.1:PORT", "localhost:PORT"]
    {
        assert_eq!(with(foreign), 403, "{foreign}");
    }
}

#[test]
fn off_loopback_the_control_paths_take_a_token() {
    let everywhere = || Emulator::builder().listen(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)));
    let refused = |builder: Builder| builder.start().unwrap_err().kind() == std::io::ErrorKind::InvalidInput;
    assert!(refused(everywhere().control()));
    assert!(refused(everywhere().control_with_token("")));
    for builder in [everywhere(), Emulator::builder()] {
        let emulator = builder.control_with_token("test-token-4711").start().unwrap();
        let with = |header: &str| status(&emulator, "POST", RESET, &format!("host: emulator\r\n{header}"));
        assert_eq!(with("authorization: Bearer test-token-4711\r\n"), 200);
        for wrong in ["", "authorization: Bearer test-token-471\r\n", "authorization: Basic test-token-4711\r\n"] {
            assert_eq!(with(wrong), 401, "{wrong}");
        }
    }
}

#[test]
fn no_more_than_a_little_of_a_body_is_kept_before_a_right_to_send_it_is_shown() {
    const LEN: usize = 1_000_000;
    let emulator = Emulator::start().unwrap();
    let mut wire = Wire::connect(emulator.url(), None);
    let session = wire.login("user@example.com").session_id();
    let home = wire.profile(&session).text("home_id");
    let body = json!({ "parent_id": home, "name": "f" }).to_string();
    let link = wire.json("POST", "/api/1.0/upload/link", &[("x-auth-token", &session)], &body);
    let key = format!("/upload/chunked/{}", link.text("upload_key"));
    let range = format!("bytes 0-{}/{LEN}", LEN - 1);
    let mut send = |path: &str, headers: &[(&str, &str)]| {
        let answer = Answer::new(wire.send("POST", path, headers, &vec![b'x'; LEN]));
        (answer.status, emulator.requests().last().unwrap().body_len)
    };
    let nobody = "/upload/chunked/0b5a7c1e-22aa-4f5e-9c3b-000000000001";
    assert_eq!(send(nobody, &[("content-range", &range)]), (404, 64 * 1024));
    assert_eq!(send("/api/1.0/upload/link", &[]), (401, 64 * 1024));
    assert_eq!(send("/api/1.0/upload/link", &[("x-auth-token", "none")]), (401, 64 * 1024));
    assert_eq!(send("/api/1.0/upload/link", &[("authorization", "Bearer none")]), (401, 64 * 1024));
    assert_eq!(send("/nothing", &[]), (404, 64 * 1024));
    // With a right, all of it.
    assert_eq!(send(&key, &[("content-range", &range)]), (200, LEN as u64));
    assert_eq!(send("/api/1.0/upload/link", &[("x-auth-token", &session)]), (400, LEN as u64));
    assert_eq!(send("/api/1.0/upload/link", &[("authorization", "Bearer test-key-4711")]), (400, LEN as u64));
}
