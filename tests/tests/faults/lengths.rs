//! How much an answer may be, and what it costs.

use std::sync::Arc;

use allocation_counter::measure;
use quatrix_proto::api::GetAccountMetadata;
use quatrix_proto::{Error, FailureKind};
use quatrix_tests::conform;
use quatrix_tests::listener::Listener;
use quatrix_tests::stage::Wire;
use quatrix_tests::subject::Subject;

use crate::{kind, once};

conform![
    m23_a_length_that_is_not_kept_is_noticed,
    m23_lengths_that_contradict_each_other_are_refused,
    m23_chunks_that_are_none_are_refused,
];

const LIMIT: usize = 1000;

fn limited<S: Subject>(listener: &Listener) -> S {
    let mut setup = listener.setup();
    setup.config = setup.config.with_limits(LIMIT, LIMIT);
    S::build(setup).unwrap()
}

fn m23_a_length_that_is_not_kept_is_noticed<S: Subject>(wire: Wire) {
    let short = Listener::serving(wire, |connection| {
        connection.request();
        let _ = connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{}");
    });
    let result = short.client::<S>().call_with(&GetAccountMetadata, once());
    assert_eq!(kind(result), (FailureKind::Interrupted, true));

    // What comes behind the end is nobody's answer.
    let long = Listener::serving(wire, |connection| {
        while connection.request().is_some() {
            let planted = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 418 No\r\ncontent-length: 0\r\n\r\n";
            let _ = connection.send(planted);
        }
    });
    let client: S = long.client();
    for _ in 0..5 {
        client.call(&GetAccountMetadata).unwrap();
    }
}

/// What comes of this head, with `{}` behind it and the end of the connection.
fn after<S: Subject>(wire: Wire, head: &'static str, body: &'static str) -> Result<(), Error> {
    let listener = Listener::serving(wire, move |connection| {
        connection.request();
        let _ = connection.send(format!("HTTP/1.1 200 OK\r\n{head}\r\n{body}").as_bytes());
    });
    limited::<S>(&listener).call_with(&GetAccountMetadata, once()).map(drop)
}

fn m23_lengths_that_contradict_each_other_are_refused<S: Subject>(wire: Wire) {
    for head in [
        "content-length: 2\r\ncontent-length: 3\r\n",
        "content-length: -2\r\n",
        "content-length: two\r\n",
        "content-length: 99999999999999999999999\r\n",
    ] {
        let result = after::<S>(wire, head, "{}");
        assert_eq!(kind(result), (FailureKind::Interrupted, true), "{head}");
    }
}

fn m23_chunks_that_are_none_are_refused<S: Subject>(wire: Wire) {
    for body in ["x\r\n{}\r\n0\r\n\r\n", "-2\r\n{}\r\n0\r\n\r\n", "2\r\n{}x\r\n0\r\n\r\n", "ffffffffffffffffff\r\n{}"] {
        let result = after::<S>(wire, "transfer-encoding: chunked\r\n", body);
        assert_eq!(kind(result), (FailureKind::Interrupted, true), "{body:?}");
    }
    let endless = Listener::serving(wire, |connection| {
        connection.request();
        let _ = connection.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        while connection.send(b"4\r\n    \r\n").is_ok() {}
    });
    let result = limited::<S>(&endless).call_with(&GetAccountMetadata, once());
    assert_eq!(kind(result), (FailureKind::TooLarge, true));
}

/// The most memory that a flood may take: the limits of head and body, and buffers that grew by doubling.
const MOST: u64 = 1024 * 1024;

/// A promise costs nothing: no memory is set aside for what has only been announced.
#[test]
fn m23_an_announced_length_beyond_the_limit_is_not_reserved() {
    let listener = Arc::new(Listener::answering(Wire::Plain, |_| {
        b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n{}".to_vec()
    }));
    let client: quatrix_ureq::Client = listener.client();
    let mut result = Ok(());
    let measured = measure(|| result = client.call_with(&GetAccountMetadata, once()).map(drop));
    assert_eq!(kind(result), (FailureKind::TooLarge, true));
    assert!(measured.bytes_max <= MOST, "{} bytes", measured.bytes_max);
}
