//! Timeouts: servers that stop sending, and servers that are slow but steady.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use quatrix_proto::api::GetAccountMetadata;
use quatrix_proto::task::Download;
use quatrix_proto::{ApiKey, CallOptions, TransportErrorKind};
use quatrix_tests::conform;
use quatrix_tests::gate::Gate;
use quatrix_tests::listener::Listener;
use quatrix_tests::stage::Wire;
use quatrix_tests::subject::{Setup, Subject};

use socket2::SockRef;

use crate::uploads::Spool;
use crate::{failure, once, report, resume};

conform![
    m25_a_silence_longer_than_the_patience_is_the_end_wherever_it_falls,
    m25_a_server_that_takes_no_more_of_an_upload_is_given_up,
    m25_a_steady_answer_may_take_longer_than_the_patience,
    m25_a_call_ends_at_its_deadline_however_the_time_was_spent_before,
    m25_a_stream_may_take_longer_than_the_keepalive_interval,
];

fn impatient<S: Subject>(listener: &Listener, patience: Duration) -> S {
    let setup = listener.setup();
    S::build(Setup { stall: Some(patience), config: setup.config.with_attempts(1), ..setup }).unwrap()
}

fn m25_a_silence_longer_than_the_patience_is_the_end_wherever_it_falls<S: Subject>(wire: Wire) {
    for begun in [
        &b""[..],
        b"HTTP/1.1 200 OK\r\nx: ",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n{\r\n",
    ] {
        let listener = Listener::serving(wire, |connection| {
            connection.request();
            let _ = connection.send(begun);
            connection.linger();
        });
        let told = |client: S, options: CallOptions| {
            let failure = failure(client.call_with(&GetAccountMetadata, options));
            assert_eq!((failure.kind(), failure.may_have_been_sent()), (TransportErrorKind::TimedOut, true));
            assert_eq!(report(&failure), "timed out: while waiting for the answer");
        };
        told(impatient(&listener, Duration::from_millis(50)), once());
        // The deadline includes connecting, which takes its time on a busy machine.
        told(listener.client(), once().with_deadline(Duration::from_millis(500)));
    }
}

fn m25_a_server_that_takes_no_more_of_an_upload_is_given_up<S: Subject>(wire: Wire) {
    // Nothing of the body is read, and the machine does not take in much by itself.
    let gate = Gate::closed();
    let held = Arc::clone(&gate);
    let spool = Spool::new(wire, move |connection| {
        SockRef::from(connection.socket()).set_recv_buffer_size(64 * 1024).unwrap();
        held.pass();
        false
    });
    let client: S = impatient(&spool.listener, Duration::from_millis(100));
    let failure = failure(spool.upload(&client));
    assert_eq!((failure.kind(), failure.may_have_been_sent()), (TransportErrorKind::TimedOut, true));
    assert_eq!(report(&failure), "timed out: while sending");
    gate.open();
}

fn m25_a_steady_answer_may_take_longer_than_the_patience<S: Subject>(wire: Wire) {
    let patience = Duration::from_secs(1);
    let listener = Listener::serving(wire, move |connection| {
        connection.request();
        let _ = connection.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{}");
        let begun = Instant::now();
        while begun.elapsed() < patience + patience / 4 && connection.send(b" ").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    impatient::<S>(&listener, patience).call_with(&GetAccountMetadata, once()).unwrap();
}

fn m25_a_call_ends_at_its_deadline_however_the_time_was_spent_before<S: Subject>(wire: Wire) {
    const DEADLINE: Duration = Duration::from_secs(1);
    /// When the server begins, so that a timeout that starts anew from there ends far behind the deadline.
    const LATE: Duration = Duration::from_millis(800);

    for steady in [false, true] {
        let listener = Listener::serving(wire, move |connection| {
            connection.request();
            thread::sleep(LATE);
            let _ = connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n");
            while steady && connection.send(b"{").is_ok() {
                thread::sleep(LATE);
            }
            connection.linger();
        });
        let client: S = listener.client();
        let begun = Instant::now();
        let failure = failure(client.call_with(&GetAccountMetadata, once().with_deadline(DEADLINE)));
        let took = begun.elapsed();
        assert_eq!(report(&failure), "timed out: while waiting for the answer");
        assert!(took < LATE + DEADLINE - Duration::from_millis(200), "{took:?}");
    }
}

/// The shortest interval that there is, and so the longest test: its stream lasts a little longer.
fn m25_a_stream_may_take_longer_than_the_keepalive_interval<S: Subject>(wire: Wire) {
    const INTERVAL: Duration = Duration::from_secs(10);
    const SIZE: usize = 24;

    let listener = Listener::serving(wire, move |connection| {
        while let Some(request) = connection.request() {
            if !request.head.contains("/file/download/") {
                let file = format!(r#"{{"id":"f","type":"F","name":"f","size":{SIZE}}}"#);
                let _ = connection.send(format!("{}{file}", head(file.len())).as_bytes());
                continue;
            }
            let _ = connection.send(head(SIZE).as_bytes());
            for _ in 0..SIZE {
                thread::sleep(INTERVAL * 11 / 10 / SIZE as u32);
                let _ = connection.send(b"x");
            }
        }
    });
    let setup = || {
        let setup = listener.setup();
        Setup { config: setup.config.with_keepalive_interval(INTERVAL), ..setup }
    };
    thread::scope(|scope| {
        scope.spawn(|| {
            let client = S::build(setup()).unwrap();
            resume(&client);
            assert_eq!(streamed(&client), "x".repeat(SIZE));
        });
        scope.spawn(|| {
            let client = S::build(Setup { key: Some(ApiKey::new("canary-key").unwrap()), ..setup() }).unwrap();
            assert_eq!(streamed(&client), "x".repeat(SIZE));
        });
    });
}

fn head(length: usize) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n")
}

fn streamed<S: Subject>(client: &S) -> String {
    let (result, bytes) = client.download(Download::by_id("f".parse().unwrap()));
    result.unwrap();
    String::from_utf8(bytes).unwrap()
}
