//! What goes over the wire, and what becomes of odd answers.

use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

use quatrix_hyper::api::{GetAccountMetadata, KeepAlive, Raw};
use quatrix_hyper::proto::{Misuse, UploadKey};
use quatrix_hyper::{Answer, CallOptions, Client, Credentials, Error, Login, Server, TransportErrorKind};

use crate::support::{Scripted, failure, json, report};

const ONCE: fn() -> CallOptions = || CallOptions::new().with_attempts(1);

#[tokio::test]
async fn requests_leave_as_the_core_made_them_and_with_a_host() {
    let scripted = Scripted::new(|number| match number {
        0 => b"HTTP/1.1 207 Multi\r\nmfa-code: 71\r\ncontent-length: 21\r\n\r\n{\"session_id\":\"part\"}".to_vec(),
        _ => json(r#"{"session_id":"5b1c"}"#),
    });
    let client = Client::builder(scripted.server())
        .user_agent("acme/1")
        .header(http::HeaderName::from_static("x-gateway"), http::HeaderValue::from_static("7"))
        .build()
        .unwrap();
    let login = client.login(Credentials::new("test@example.com", "qwerty").unwrap()).await.unwrap();
    assert!(matches!(login, Login::Challenged(_)));
    assert_eq!(client.answer(Answer::totp("123456")).await.unwrap(), Login::Active);
    client.call(&Raw::new(http::Method::POST, "/nothing")).await.unwrap();

    let host = scripted.address();
    let common = "content-type: application/json\r\naccept: application/json\r\naccept-encoding: identity\r\n\
                  user-agent: acme/1 quatrix-rs/0.1.0\r\nx-gateway: 7\r\n";
    let expected = [
        format!(
            "GET /api/1.0/session/login HTTP/1.1\r\n{common}authorization: Basic \
             dGVzdEBleGFtcGxlLmNvbTpxd2VydHk=\r\nhost: {host}\r\n\r\n"
        ),
        format!(
            "POST /api/1.0/session/login HTTP/1.1\r\n{common}content-length: 35\r\nx-auth-token: part\r\n\
             host: {host}\r\n\r\n"
        ),
        format!(
            "POST /api/1.0/nothing HTTP/1.1\r\n{common}content-length: 0\r\nx-auth-token: 5b1c\r\nhost: {host}\r\n\r\n"
        ),
    ];
    assert_eq!(scripted.heads(), expected);
    assert_eq!(scripted.connections(), 1);
}

#[tokio::test]
async fn connections_are_reused_and_one_that_was_closed_meanwhile_does_no_harm() {
    let scripted = Scripted::new(|_| json("{}"));
    let client = scripted.client();
    for _ in 0..20 {
        client.call(&GetAccountMetadata).await.unwrap();
    }
    assert_eq!(scripted.connections(), 1);

    let closing = Scripted::with_connections(|stream, heads| {
        let head = crate::support::read_request(stream).unwrap();
        heads.lock().unwrap().push(head);
        stream.write_all(&json("{}")).unwrap();
    });
    let client = closing.client();
    for _ in 0..20 {
        client.call(&GetAccountMetadata).await.unwrap();
    }
    assert_eq!(closing.connections(), 20);
}

#[tokio::test]
async fn m26_a_redirect_is_not_followed() {
    let elsewhere = Scripted::new(|_| json("{}"));
    let to = elsewhere.address();
    for status in [301, 302, 303, 307, 308] {
        let scripted = Scripted::new(move |_| {
            format!("HTTP/1.1 {status} Away\r\nlocation: http://{to}/canary\r\ncontent-length: 0\r\n\r\n").into_bytes()
        });
        let error = scripted.client().login(Credentials::new("me", "x").unwrap()).await.unwrap_err();
        assert!(!format!("{error:?}").contains("canary"));
        assert_eq!(failure(error).kind(), TransportErrorKind::Redirect);
        assert_eq!(scripted.heads().len(), 1);
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn m23_a_body_beyond_its_limit_is_not_read() {
    let filling = "x".repeat(70_000);
    let announced = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{filling}", filling.len());
    let chunked =
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{filling}\r\n0\r\n\r\n", filling.len());
    let until_the_end = format!("HTTP/1.1 200 OK\r\n\r\n{filling}");
    for answer in [announced, chunked, until_the_end] {
        let scripted = Scripted::new(move |_| answer.clone().into_bytes());
        let error = scripted.client().login(Credentials::new("me", "x").unwrap()).await.unwrap_err();
        assert_eq!(failure(error).kind(), TransportErrorKind::TooLarge);
    }
}

#[tokio::test]
async fn m27_a_head_beyond_its_limit_is_not_read() {
    let long = format!("HTTP/1.1 200 OK\r\nx: {}\r\ncontent-length: 0\r\n\r\n", "x".repeat(256 * 1024));
    let many = format!("HTTP/1.1 200 OK\r\n{}content-length: 0\r\n\r\n", "x: y\r\n".repeat(101));
    for head in [long, many] {
        let scripted = Scripted::new(move |_| head.clone().into_bytes());
        let error = scripted.client().call_with(&GetAccountMetadata, ONCE()).await.unwrap_err();
        assert_eq!(failure(error).kind(), TransportErrorKind::TooLarge);
    }
}

#[tokio::test]
async fn m24_an_encoding_that_nobody_asked_for_is_refused() {
    let scripted =
        Scripted::new(|_| b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc".to_vec());
    let error = scripted.client().call(&GetAccountMetadata).await.unwrap_err();
    assert_eq!(failure(error).kind(), TransportErrorKind::Encoding);
}

#[tokio::test]
async fn m31_what_breaks_off_may_have_been_sent_and_is_repeated_only_where_that_is_safe() {
    let cuts: [&[u8]; 4] = [
        b"",
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{",
    ];
    for cut in cuts {
        let scripted = Scripted::with_connections(move |stream, heads| {
            let Some(head) = crate::support::read_request(stream) else { return };
            heads.lock().unwrap().push(head);
            let _ = stream.write_all(cut);
        });
        let client = scripted.client();
        let error = client.call(&GetAccountMetadata).await.unwrap_err();
        assert!(error.may_have_been_executed());
        assert_eq!(failure(error).kind(), TransportErrorKind::Interrupted);
        assert_eq!(scripted.heads().len(), 3);
        let error = client.login(Credentials::new("me", "x").unwrap()).await.unwrap_err();
        assert!(error.may_have_been_executed());
        assert_eq!(scripted.heads().len(), 4, "a login is not sent twice");
    }
}

#[tokio::test]
async fn m33_a_refused_connection_and_an_unknown_name_are_unsent() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let refused = Server::at(&format!("http://{nobody}/api/1.0")).unwrap();
    let unknown = Server::at("https://no-such-host.invalid/api/1.0").unwrap();
    for (server, why) in
        [(refused, "could not connect: tcp connect error: "), (unknown, "could not connect: dns error: ")]
    {
        let client = Client::builder(server).no_proxy().build().unwrap();
        let error = client.login(Credentials::new("me", "x").unwrap()).await.unwrap_err();
        assert!(error.retryable() && !error.may_have_been_executed());
        assert!(report(&error).starts_with(why), "{}", report(&error));
        assert_eq!(failure(error).kind(), TransportErrorKind::Connect);
    }
}

#[tokio::test]
async fn m25_an_answer_that_stalls_is_given_up_and_a_slow_one_is_not() {
    let patient = |scripted: &Scripted, stall| {
        Client::builder(scripted.server()).stall_timeout(Duration::from_millis(stall)).build().unwrap()
    };
    let silent: [&[u8]; 3] = [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{"];
    for begun in silent {
        let scripted = Scripted::with_connections(move |stream, _| {
            crate::support::read_request(stream);
            let _ = stream.write_all(begun);
            // Until the client hangs up.
            crate::support::read_request(stream);
        });
        let error = patient(&scripted, 30).call_with(&GetAccountMetadata, ONCE()).await.unwrap_err();
        assert_eq!(failure(error).kind(), TransportErrorKind::TimedOut);
    }

    // Each pause is far below the patience, their sum far above it.
    let slow = Scripted::with_connections(|stream, _| {
        crate::support::read_request(stream);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n").unwrap();
        for byte in [b"{"; 1].iter().chain([b" "; 18].iter()).chain([b"}"; 1].iter()) {
            std::thread::sleep(Duration::from_millis(100));
            stream.write_all(*byte).unwrap();
        }
    });
    assert!(patient(&slow, 1500).call(&GetAccountMetadata).await.is_ok());
}

#[tokio::test]
async fn a_call_ends_at_its_own_deadline() {
    let scripted = Scripted::with_connections(|stream, _| {
        crate::support::read_request(stream);
        crate::support::read_request(stream);
    });
    let options = CallOptions::new().with_deadline(Duration::from_millis(50));
    let error = scripted.client().call_with(&GetAccountMetadata, options).await.unwrap_err();
    assert_eq!(failure(error).kind(), TransportErrorKind::TimedOut);
    assert_eq!(scripted.connections(), 1);
}

#[tokio::test]
async fn what_is_no_http_is_no_answer() {
    for garbage in [&b"SSH-2.0-OpenSSH_9.9\r\n"[..], b"\0\0\0\0\0\0\0\0\0\0", b"HTTP/1.1 2000 OK\r\n\r\n"] {
        let scripted = Scripted::new(move |_| garbage.to_vec());
        let error = scripted.client().call_with(&GetAccountMetadata, ONCE()).await.unwrap_err();
        assert!(error.may_have_been_executed());
        assert_eq!(failure(error).kind(), TransportErrorKind::Interrupted);
    }
}

#[tokio::test]
async fn a_call_that_sends_bytes_of_the_callers_is_a_misuse_without_them() {
    let scripted = Scripted::new(|_| json(r#"{"session_id":"5b1c"}"#));
    let client = scripted.client();
    assert_eq!(client.login(Credentials::new("me", "x").unwrap()).await.unwrap(), Login::Active);
    let chunk = quatrix_hyper::api::UploadChunk::new(UploadKey::new("k"), 0..1, 1);
    let error = client.call(&chunk).await.unwrap_err();
    assert!(matches!(error, Error::Misuse(Misuse::NoSource)), "{error:?}");
    client.call(&KeepAlive).await.unwrap();
    assert_eq!(scripted.heads().len(), 2);
}
