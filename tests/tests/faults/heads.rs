//! Response heads that are too large or invalid.

use std::thread;
use std::time::Duration;

use quatrix_proto::api::GetAccountMetadata;
use quatrix_proto::{
    ApiKey, Challenge, Config, Credentials, Error, Factor, Login, Server, SessionId, TransportErrorKind,
};
use quatrix_tests::conform;
use quatrix_tests::listener::{Listener, with_headers};
use quatrix_tests::stage::Wire;
use quatrix_tests::subject::Subject;

use crate::{kind, me, once};

conform![
    m27_a_head_of_60_kib_is_taken_and_one_of_130_is_too_large,
    m27_90_headers_are_taken_and_130_are_too_many,
    m27_a_head_without_end_is_too_large,
    m27_a_header_that_is_none_is_no_answer,
    m27_bytes_that_are_no_ascii_do_no_harm,
    m25_hints_without_end_end_at_the_deadline,
];

/// Returns the result of a call whose response has these header lines.
fn under<S: Subject>(wire: Wire, headers: &[u8]) -> Result<String, Error> {
    let body = br#"{"title":"ok"}"#;
    let answer = [b"HTTP/1.1 200 OK\r\ncontent-length: 14\r\n", headers, b"\r\n", body].concat();
    let listener = Listener::answering(wire, move |_| answer.clone());
    listener.client::<S>().call_with(&GetAccountMetadata, once()).map(|metadata| metadata.title)
}

fn m27_a_head_of_60_kib_is_taken_and_one_of_130_is_too_large<S: Subject>(wire: Wire) {
    let long = |length: usize| format!("x: {}\r\n", "y".repeat(length)).into_bytes();
    assert_eq!(under::<S>(wire, &long(60 * 1024)).unwrap(), "ok");
    assert_eq!(kind(under::<S>(wire, &long(130 * 1024))), (TransportErrorKind::TooLarge, true));
}

fn m27_90_headers_are_taken_and_130_are_too_many<S: Subject>(wire: Wire) {
    assert_eq!(under::<S>(wire, &b"x: y\r\n".repeat(90)).unwrap(), "ok");
    for many in [130, 300, 5000] {
        assert_eq!(kind(under::<S>(wire, &b"x: y\r\n".repeat(many))), (TransportErrorKind::TooLarge, true), "{many}");
    }
}

fn m27_a_head_without_end_is_too_large<S: Subject>(wire: Wire) {
    for (start, more) in [(&b"HTTP/1.1 200 OK\r\nx: "[..], &b"yyyyyyyyyyyyyyyy"[..]), (b"HTTP/1.1 200 ", b"OK OK OK ")]
    {
        let listener = Listener::serving(wire, move |connection| {
            connection.request();
            let _ = connection.send(start);
            while connection.send(&more.repeat(64)).is_ok() {}
        });
        let result = listener.client::<S>().call_with(&GetAccountMetadata, once());
        assert_eq!(kind(result), (TransportErrorKind::TooLarge, true));
    }
}

fn m27_a_header_that_is_none_is_no_answer<S: Subject>(wire: Wire) {
    for line in [
        &b"x: a\0b\r\n"[..],
        b"x: a\rb\r\n",
        b"x: a\r\n folded\r\n",
        b" x: y\r\n",
        b"x y: z\r\n",
        b": y\r\n",
        b"no colon\r\n",
        b"\xfc: y\r\n",
        b"x\0: y\r\n",
    ] {
        let result = under::<S>(wire, line);
        assert_eq!(kind(result), (TransportErrorKind::Interrupted, true), "{:?}", line.escape_ascii().to_string());
    }
}

fn m27_bytes_that_are_no_ascii_do_no_harm<S: Subject>(wire: Wire) {
    for line in [&b"x: \xfc\r\n"[..], b"retry-after: \xff\r\n", b"date: \xff\r\n", b"x-auth-token: \xff\r\n"] {
        assert_eq!(under::<S>(wire, line).unwrap(), "ok", "{:?}", line.escape_ascii().to_string());
    }
    // An unreadable type is not JSON.
    assert!(matches!(under::<S>(wire, b"content-type: \xff\r\n"), Err(Error::InvalidResponse(_))));
    // An unreadable factor is an unnamed one.
    let partial = r#"{"session_id":"part"}"#;
    let mut answer = with_headers(207, "mfa-code: ??\r\n", partial);
    let at = answer.windows(2).position(|pair| pair == b"??").unwrap();
    answer[at..at + 2].copy_from_slice(b"\xc3\x28");
    let listener = Listener::answering(wire, move |_| answer.clone());
    let login = listener.client::<S>().login(me()).unwrap();
    let unnamed = |challenge: &Challenge| matches!(challenge, Challenge::SecondFactor { factor: Factor::Unnamed, .. });
    assert!(matches!(&login, Login::Challenged(challenge) if unnamed(challenge)), "{login:?}");
}

fn m25_hints_without_end_end_at_the_deadline<S: Subject>(wire: Wire) {
    let listener = Listener::serving(wire, |connection| {
        connection.request();
        while connection.send(b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n").is_ok() {
            thread::sleep(Duration::from_millis(1));
        }
    });
    let hurried = once().with_deadline(Duration::from_millis(100));
    let result = listener.client::<S>().call_with(&GetAccountMetadata, hurried);
    assert_eq!(kind(result), (TransportErrorKind::TimedOut, true));
}

#[test]
fn m27_what_no_header_carries_is_refused_before_anything_is_sent() {
    for text in ["a\r\nx-evil: 1", "a\nb", "a\0b", "\u{7f}"] {
        assert!(Config::new(Server::default()).with_user_agent(text).is_err(), "{text:?}");
        assert!(SessionId::new(text).is_err(), "{text:?}");
        assert!(ApiKey::new(text).is_err(), "{text:?}");
        assert!(Credentials::new(text, "x").is_err() && Credentials::new("x", text).is_err(), "{text:?}");
    }
}
