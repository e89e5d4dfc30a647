//! Proxies that refuse, fall silent, or are not there.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use quatrix_proto::api::GetProfile;
use quatrix_proto::{Error, Server, TransportErrorKind};
use quatrix_tests::listener::{Connection, Listener, json, with_headers};
use quatrix_tests::stage::Wire;
use quatrix_tests::subject::{Setup, Subject};
use quatrix_tests::{conform, wait_until};

use crate::{failure, me, once, report, resume};

conform![
    m35_a_proxy_that_does_not_tunnel_is_named_and_neither_its_credentials_nor_the_token_are,
    m35_a_proxy_that_is_not_there_has_sent_nothing,
    m35_a_proxy_sees_a_name_and_what_is_encrypted,
    m35_a_proxy_never_gets_plain_http,
];

/// A client of a server over TLS, through a proxy at this address.
fn through<S: Subject>(proxy: impl std::fmt::Display) -> S {
    let server = Server::at("https://files.example").unwrap();
    S::build(Setup { proxy: Some(format!("http://me:canary-proxy@{proxy}")), ..Setup::new(server) }).unwrap()
}

/// A login and a call end like this, and nothing that they show is a secret.
fn refused<S: Subject>(client: &S) {
    let login = client.login(me()).unwrap_err();
    resume(client);
    let call = client.call_with(&GetProfile, once()).unwrap_err();
    for error in [login, call] {
        let shown = format!("{error:?} {} {}", report(&error), client.debug());
        assert!(!shown.contains("canary"), "{shown}");
        let failure = failure(Err::<(), Error>(error));
        assert_eq!((failure.kind(), failure.may_have_been_sent()), (TransportErrorKind::Proxy, false), "{shown}");
    }
}

fn m35_a_proxy_that_does_not_tunnel_is_named_and_neither_its_credentials_nor_the_token_are<S: Subject>(_: Wire) {
    let answers = [
        with_headers(407, "proxy-authenticate: Basic\r\n", "canary"),
        with_headers(502, "", "canary"),
        with_headers(302, "location: http://canary/\r\n", ""),
        b"SSH-2.0-OpenSSH_9.9 canary\r\n\r\n".to_vec(),
        Vec::new(),
    ];
    for answer in answers {
        let proxy = Listener::answering(Wire::Plain, move |_| answer.clone());
        refused(&through::<S>(proxy.address()));
        for request in proxy.requests() {
            assert!(request.head.starts_with("CONNECT files.example:"), "{request:?}");
            assert_eq!(request.header("proxy-authorization"), Some("Basic bWU6Y2FuYXJ5LXByb3h5"));
            assert!(!format!("{request:?}").contains("canary"), "{request:?}");
        }
    }
}

fn m35_a_proxy_that_is_not_there_has_sent_nothing<S: Subject>(_: Wire) {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    refused(&through::<S>(gone));
}

/// Tunnels to this server, and records the bytes sent to it.
fn tunnel(connection: &mut Connection, server: std::net::SocketAddr, seen: &Mutex<Vec<u8>>) {
    if connection.request().is_none() || connection.send(b"HTTP/1.1 200 Go\r\n\r\n").is_err() {
        return;
    }
    let mut there = TcpStream::connect(server).unwrap();
    let (mut back, mut client) = (there.try_clone().unwrap(), connection.socket().try_clone().unwrap());
    let answers = thread::spawn(move || {
        let _ = io::copy(&mut back, &mut client);
        let _ = client.shutdown(Shutdown::Both);
    });
    let mut piece = [0; 4096];
    while let Ok(length @ 1..) = connection.read(&mut piece) {
        seen.lock().unwrap().extend_from_slice(&piece[..length]);
        if there.write_all(&piece[..length]).is_err() {
            break;
        }
    }
    let _ = there.shutdown(Shutdown::Both);
    let _ = answers.join();
}

fn m35_a_proxy_sees_a_name_and_what_is_encrypted<S: Subject>(_: Wire) {
    let server = Listener::named(Wire::Tls, &["files.example"], |connection| {
        while connection.request().is_some() {
            let _ = connection.send(&json(200, r#"{"name":"Me","email":"me@example.com"}"#));
        }
    });
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (at, noted) = (server.address(), Arc::clone(&seen));
    let proxy = Listener::serving(Wire::Plain, move |connection| tunnel(connection, at, &noted));
    let config = Setup::new(Server::at("https://files.example").unwrap()).config;
    let address = format!("http://me:canary-proxy@{}", proxy.address());
    let client = S::build(Setup { config, proxy: Some(address), ..server.setup() }).unwrap();
    resume(&client);
    assert_eq!(client.call(&GetProfile).unwrap().email, "me@example.com");
    wait_until(|| !server.requests().is_empty());
    let sent = &server.requests()[0];
    assert_eq!(sent.header("x-auth-token"), Some("canary-token"));
    assert_eq!(sent.header("proxy-authorization"), None);
    let seen = String::from_utf8_lossy(&seen.lock().unwrap()).into_owned();
    assert!(!seen.contains("canary-token"), "{seen}");
}

/// Not even if the server is this machine: behind a tunnel it would be the proxy's.
fn m35_a_proxy_never_gets_plain_http<S: Subject>(_: Wire) {
    let proxy = Listener::answering(Wire::Plain, |_| with_headers(200, "", ""));
    let address = format!("http://me:canary-proxy@{}", proxy.address());
    for base in ["http://127.0.0.1:9", "http://localhost:9", "http://[::1]:9", "http://files.example"] {
        let server = Server::at_insecure(base).unwrap();
        let built = S::build(Setup { proxy: Some(address.clone()), ..Setup::new(server) });
        let error = built.err().unwrap_or_else(|| panic!("{base}"));
        let said = "the proxy cannot be used for plain http, which it could read: use https, or no proxy";
        assert_eq!((matches!(error, Error::Invalid(_)), report(&error).as_str()), (true, said), "{base}");
    }
    assert!(proxy.requests().is_empty());
}

/// Results of building both clients.
fn built(server: &str) -> [String; 2] {
    let server = Server::at_insecure(server).unwrap();
    let text = |result: Result<(), Error>| result.map_or_else(|error| report(&error), |()| "built".to_owned());
    [
        text(quatrix_ureq::Client::builder(server.clone()).build().map(drop)),
        text(quatrix_hyper::Client::builder(server).build().map(drop)),
    ]
}

/// Run by the next test in a separate process.
#[test]
#[ignore = "run by the next test"]
fn in_an_environment() {
    let why = "HTTPS_PROXY must be of the form http://[USER:PASSWORD@]HOST[:PORT]";
    assert_eq!(built("https://files.example"), [why; 2]);
    for server in ["https://exempt.example", "https://127.0.0.1", "http://localhost", "http://files.example"] {
        assert_eq!(built(server), ["built"; 2], "{server}");
    }
}

#[test]
fn m35_a_proxy_of_the_environment_that_cannot_be_used_is_an_error_and_no_direct_connection() {
    let test = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "proxies::in_an_environment"])
        .env("HTTPS_PROXY", "http://me:canary@")
        .env("NO_PROXY", "exempt.example")
        .output()
        .unwrap();
    assert!(test.status.success(), "{}", String::from_utf8_lossy(&test.stdout));
}
