//! What goes over the wire: what the core wrote, `Host`, and nothing else.

use quatrix_emulator::Emulator;
use quatrix_ureq::api::{GetAccountMetadata, MakeFolder};
use quatrix_ureq::{Error, Server};

use crate::support::{Odd, count, credentials, logged_in};

const AGENT: &str = concat!("user-agent: quatrix-rs/", env!("CARGO_PKG_VERSION"));

fn sorted(head: &str) -> Vec<&str> {
    let mut lines: Vec<_> = head.trim_end().split("\r\n").collect();
    lines[1..].sort_unstable();
    lines
}

#[test]
fn a_get_carries_the_headers_of_the_core_and_host() {
    let odd = Odd::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    let _ = odd.client().call(&GetAccountMetadata);
    let host = format!("host: {}", odd.address());
    let expected = [
        "GET /api/1.0/account/metadata HTTP/1.1",
        "accept-encoding: identity",
        "accept: application/json",
        "content-type: application/json",
        &host,
        AGENT,
    ];
    assert_eq!(sorted(&odd.heard()[0]), expected);
}

#[test]
fn a_post_carries_its_length_and_is_not_announced() {
    let odd = Odd::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    let client = odd.client();
    let token = quatrix_ureq::proto::SessionId::new("canary").unwrap();
    let server = Server::at(&format!("http://{}/api/1.0", odd.address())).unwrap();
    client.resume(quatrix_ureq::Saved::active(server, "me", token), None).unwrap();
    let folder = MakeFolder::new("f1".parse().unwrap(), "in".parse().unwrap());
    let _ = client.call(&folder);
    let host = format!("host: {}", odd.address());
    let heard = odd.heard();
    let lines = sorted(&heard[0]);
    let length = lines.iter().find(|line| line.starts_with("content-length: ")).expect("a length");
    let expected = [
        "POST /api/1.0/file/makedir HTTP/1.1",
        "accept-encoding: identity",
        "accept: application/json",
        length,
        "content-type: application/json",
        &host,
        AGENT,
        "x-auth-token: canary",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_login_sends_the_password_once_and_calls_send_the_token() {
    let emulator = Emulator::start().unwrap();
    let client = logged_in(&emulator);
    client.call(&quatrix_ureq::api::GetProfile).unwrap();
    let requests = emulator.requests();
    let header = |index: usize, name: &str| requests[index].headers.get(name).map(|value| value.to_str().unwrap());
    assert_eq!((header(0, "authorization"), header(0, "x-auth-token")), (Some("Basic ***"), None));
    assert_eq!((header(1, "authorization"), header(1, "x-auth-token")), (None, Some("session 1")));
    assert_eq!(count(&emulator, "GET", "/session/login"), 1);
    let error = client.login(credentials("user@example.com")).unwrap_err();
    assert!(matches!(error, Error::Misuse(_)), "{error:?}");
}
