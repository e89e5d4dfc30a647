//! Responses that are cut, slow, wrong or invalid.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use quatrix_proto::api::{DeleteFiles, GetAccountMetadata, GetProfile};
use quatrix_proto::{
    CallOptions, Credentials, Error, InvalidResponseKind, LoggedOut, Login, State, TransportErrorKind,
};
use quatrix_tests::conform;
use quatrix_tests::listener::{Listener, json, with_headers};
use quatrix_tests::stage::Wire;
use quatrix_tests::subject::{Setup, Subject};

use crate::{kind, me, once, report, resume};

conform![
    m01_a_login_that_cannot_connect_is_tried_once_more_and_fails_unsent,
    m02_a_login_cut_at_any_byte_of_its_answer_is_not_sent_again,
    m20_errors_of_any_form_are_the_servers_no,
    m20_a_gateway_error_is_repeated_where_that_is_safe,
    m21_what_is_no_json_is_told_from_what_says_too_little,
    m22_json_that_is_none_is_nonsense_without_a_value,
    m24_an_encoded_answer_is_refused_by_its_head,
    m25_an_answer_in_single_bytes_is_taken,
    m25_an_answer_that_never_ends_ends_at_the_deadline,
    m28_the_password_arrives_byte_by_byte,
    m45_another_service_at_the_base_url_is_said_to_be_one,
    garbage_and_hints_before_an_answer,
];

fn m01_a_login_that_cannot_connect_is_tried_once_more_and_fails_unsent<S: Subject>(wire: Wire) {
    let gone = Listener::answering(wire, |_| Vec::new()).server();
    let tries = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&tries);
    let observer = move |event: &quatrix_proto::Event| {
        if let quatrix_proto::Event::Exchanged { result: Err(TransportErrorKind::Connect), .. } = event {
            count.fetch_add(1, Ordering::SeqCst);
        }
    };
    let setup = Setup { observer: Some(Arc::new(observer)), ..Setup::new(gone) };
    let client = S::build(setup).unwrap();
    assert_eq!(kind(client.login(me())), (TransportErrorKind::Connect, false));
    assert_eq!(tries.load(Ordering::SeqCst), 2);
    assert!(matches!(client.state(), State::LoggedOut(LoggedOut::Failed(_))));
}

/// Server that sends this many bytes of the response, and closes.
fn cutting(wire: Wire, answer: &[u8]) -> (Listener, Arc<AtomicUsize>) {
    let (answer, at) = (answer.to_vec(), Arc::new(AtomicUsize::new(0)));
    let cut = Arc::clone(&at);
    let listener = Listener::serving(wire, move |connection| {
        connection.request();
        let _ = connection.send(&answer[..cut.load(Ordering::SeqCst)]);
    });
    (listener, at)
}

fn m02_a_login_cut_at_any_byte_of_its_answer_is_not_sent_again<S: Subject>(wire: Wire) {
    let answer = json(200, r#"{"session_id":"5b1c"}"#);
    let (listener, at) = cutting(wire, &answer);
    for cut in 0..answer.len() {
        at.store(cut, Ordering::SeqCst);
        let client: S = listener.client();
        assert_eq!(kind(client.login(me())), (TransportErrorKind::Interrupted, true), "at byte {cut}");
        assert_eq!(listener.requests().len(), cut + 1, "at byte {cut}");
        assert!(matches!(client.state(), State::LoggedOut(LoggedOut::Failed(_))), "at byte {cut}");
    }
    at.store(answer.len(), Ordering::SeqCst);
    assert_eq!(listener.client::<S>().login(me()).unwrap(), Login::Active);
}

/// Returns the result of a call without a session for this response.
fn answered<S: Subject>(wire: Wire, answer: Vec<u8>) -> Result<(), Error> {
    let listener = Listener::serving(wire, move |connection| {
        connection.request();
        let _ = connection.send(&answer);
    });
    listener.client::<S>().call_with(&GetAccountMetadata, once()).map(drop)
}

fn m20_errors_of_any_form_are_the_servers_no<S: Subject>(wire: Wire) {
    for status in [500, 502, 503, 504] {
        let page = with_headers(status, "content-type: text/html\r\n", "<h1>canary</h1>");
        let nothing = with_headers(status, "", "");
        let model = json(status, r#"{"code":-1,"msg":"unknown","details":{"x":"canary"}}"#);
        for (answer, code) in [(page, None), (nothing, None), (model, Some(-1))] {
            let error = answered::<S>(wire, answer).unwrap_err();
            assert!(matches!(error, Error::Api(_)), "{error:?}");
            assert_eq!((error.status().unwrap().as_u16(), error.code().map(|code| code.0)), (status, code));
            assert!(!format!("{error:?} {}", report(&error)).contains("canary"), "{error:?}");
        }
        let gigabyte = format!("HTTP/1.1 {status} Some\r\ncontent-length: 1073741824\r\n\r\n<h1>").into_bytes();
        assert_eq!(kind(answered::<S>(wire, gigabyte)), (TransportErrorKind::TooLarge, true));
    }
}

fn m20_a_gateway_error_is_repeated_where_that_is_safe<S: Subject>(wire: Wire) {
    for status in [502, 503, 504] {
        let listener = Listener::answering(wire, move |request| match request.path() {
            "/profile" => json(200, r#"{"name":"Me","email":"me@example.com"}"#),
            _ => with_headers(status, "retry-after: 0\r\n", ""),
        });
        let client: S = listener.client();
        resume(&client);
        let twice = CallOptions::new().with_attempts(2);
        assert_eq!(client.call_with(&GetAccountMetadata, twice).unwrap_err().status().unwrap(), status);
        assert_eq!(listener.count("/account/metadata"), 2, "{status}");
        let error = client.call(&DeleteFiles::to_trash(["f1".parse().unwrap()])).unwrap_err();
        assert!(error.retryable() && error.may_have_been_executed(), "{error:?}");
        assert_eq!(listener.requests().len(), 3, "{status}");
        client.call(&GetProfile).unwrap();
    }
}

/// Defect of a response.
#[track_caller]
fn problem<S: Subject>(wire: Wire, answer: Vec<u8>) -> InvalidResponseKind {
    match answered::<S>(wire, answer) {
        Err(Error::InvalidResponse(invalid_response)) => invalid_response.kind().clone(),
        other => panic!("it makes sense: {other:?}"),
    }
}

fn m21_what_is_no_json_is_told_from_what_says_too_little<S: Subject>(wire: Wire) {
    for media_type in ["text/html", "text/html; charset=utf-8", "image/png", "no type at all"] {
        let answer = with_headers(200, &format!("content-type: {media_type}\r\n"), "{}");
        assert_eq!(problem::<S>(wire, answer), InvalidResponseKind::NotJsonType, "{media_type}");
    }
    answered::<S>(wire, with_headers(200, "", "{}")).unwrap();
    answered::<S>(wire, with_headers(200, "content-type: application/problem+json\r\n", "{}")).unwrap();
}

fn m22_json_that_is_none_is_nonsense_without_a_value<S: Subject>(wire: Wire) {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    for body in [
        "{\"title\":\"canary",
        "{}canary",
        "\u{feff}{}",
        "{\"title\":\"canary\",\"title\":\"canary\"}",
        "{\"title\":NaN}",
        "{\"title\":\"\\ud800\"}",
        &deep,
        &format!("{{\"title\":\"a\",\"unknown\":{deep}}}"),
        "",
    ] {
        let error = answered::<S>(wire, json(200, body)).unwrap_err();
        let shown = format!("{error:?} {}", report(&error));
        assert!(matches!(error, Error::InvalidResponse(_)), "{shown}");
        assert!(!shown.contains("canary"), "{shown}");
    }
    let mut bytes = json(200, "{\"title\":\"??\"}");
    let at = bytes.len() - 4;
    bytes[at..at + 2].copy_from_slice(&[0xc3, 0x28]);
    assert!(matches!(problem::<S>(wire, bytes), InvalidResponseKind::NotJson { .. }));
}

fn m24_an_encoded_answer_is_refused_by_its_head<S: Subject>(wire: Wire) {
    for encodings in [
        "content-encoding: gzip\r\n",
        "content-encoding: identity\r\ncontent-encoding: gzip\r\n",
        "content-encoding: gzip, gzip\r\n",
        "content-encoding: br\r\n",
        "content-encoding: \u{fc}\r\n",
    ] {
        // No byte of the body arrives: the head alone decides.
        let head = format!("HTTP/1.1 200 OK\r\n{encodings}content-length: 1000\r\n\r\n").into_bytes();
        let listener = Listener::serving(wire, move |connection| {
            connection.request();
            let _ = connection.send(&head);
            connection.linger();
        });
        let result = listener.client::<S>().call_with(&GetAccountMetadata, once());
        assert_eq!(kind(result), (TransportErrorKind::Encoding, true), "{encodings}");
    }
}

fn m25_an_answer_in_single_bytes_is_taken<S: Subject>(wire: Wire) {
    let listener = Listener::serving(wire, |connection| {
        connection.request();
        for byte in json(200, r#"{"title":"slow"}"#) {
            let _ = connection.send(&[byte]);
        }
    });
    assert_eq!(listener.client::<S>().call_with(&GetAccountMetadata, once()).unwrap().title, "slow");
}

fn m25_an_answer_that_never_ends_ends_at_the_deadline<S: Subject>(wire: Wire) {
    for start in [&b"HTTP/1.1 200 OK\r\nx: "[..], b"HTTP/1.1 200 OK\r\n\r\n", b""] {
        let listener = Listener::serving(wire, |connection| {
            connection.request();
            let _ = connection.send(start);
            while !start.is_empty() && connection.send(b" ").is_ok() {
                thread::sleep(Duration::from_millis(2));
            }
            connection.linger();
        });
        let hurried = once().with_deadline(Duration::from_millis(100));
        let result = listener.client::<S>().call_with(&GetAccountMetadata, hurried);
        assert_eq!(kind(result), (TransportErrorKind::TimedOut, true), "{start:?}");
    }
}

fn m28_the_password_arrives_byte_by_byte<S: Subject>(wire: Wire) {
    let listener = Listener::answering(wire, |_| json(200, r#"{"session_id":"5b1c"}"#));
    let long = "u".repeat(10 * 1024);
    for (user, password, encoded) in [
        ("me", "a:b:c", Some("bWU6YTpiOmM=")),
        ("", "x", Some("Ong=")),
        ("ü", "пароль", Some("w7w60L/QsNGA0L7Qu9GM")),
        (&long, "x", None),
    ] {
        let client: S = listener.client();
        assert_eq!(client.login(Credentials::new(user, password).unwrap()).unwrap(), Login::Active);
        let sent = listener.requests().pop().unwrap();
        let sent = sent.header("authorization").and_then(|value| value.strip_prefix("Basic ")).unwrap();
        match encoded {
            Some(encoded) => assert_eq!(sent, encoded),
            None => assert_eq!(sent.len(), (10 * 1024 + 2_usize).div_ceil(3) * 4),
        }
    }
}

fn m45_another_service_at_the_base_url_is_said_to_be_one<S: Subject>(wire: Wire) {
    let listener = Listener::answering(wire, |request| match request.path() {
        "/session/login" => with_headers(404, "content-type: text/html\r\n", "<h1>Not here</h1>"),
        "/account/metadata" => with_headers(200, "content-type: text/html\r\n", "<h1>Welcome</h1>"),
        _ => Vec::new(),
    });
    let client: S = listener.client();
    let error = client.login(me()).unwrap_err();
    assert!(matches!(error, Error::Api(_)), "{error:?}");
    assert_eq!((error.status().unwrap().as_u16(), error.code()), (404, None));
    let error = client.call(&GetAccountMetadata).unwrap_err();
    assert!(matches!(error, Error::InvalidResponse(_)) && error.to_string().contains("base URL"), "{error}");
    let other = Listener::answering(wire, |_| json(200, r#"{"token":"canary"}"#));
    let error = other.client::<S>().login(me()).unwrap_err();
    assert!(
        matches!(&error, Error::InvalidResponse(invalid_response) if *invalid_response.kind() == InvalidResponseKind::NoSessionId),
        "{error:?}"
    );
}

fn garbage_and_hints_before_an_answer<S: Subject>(wire: Wire) {
    for garbage in [
        "SSH-2.0-OpenSSH_9.9\r\n\r\n",
        "\0\0\0\0\0\0\0\0\r\n\r\n",
        "HTTP/9.9 200 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
    ] {
        let result = answered::<S>(wire, garbage.into());
        assert_eq!(kind(result), (TransportErrorKind::Interrupted, true), "{garbage:?}");
    }
    let hinted =
        [b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n", &json(200, "{}")[..]].concat();
    answered::<S>(wire, hinted).unwrap();
}
