//! Memory cost of hostile responses: up to the response limit, and some buffers.
//!
//! An allocator counts what the thread of the client takes; the listener has threads of its own. Growing counts twice
//! for a moment, the old room and the new, which a real allocator often spares.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::io::Write as _;

use allocation_counter::measure;
use quatrix_proto::api::{GetAccountMetadata, ReadLink};
use quatrix_proto::{CallOptions, DownloadLink, Endpoint, Error, Saved, SessionId, TransportError, TransportErrorKind};
use quatrix_tests::listener::Listener;
use quatrix_tests::stage::Wire;

/// Response limit.
const LIMIT: usize = 1024 * 1024;
/// Buffers of a connection: what is read, 256 KiB at once in the async client and twice on its way from task to task;
/// what is written; a head of 64 KiB as bytes and as a map; and what a runtime takes.
const BUFFERS: usize = 1024 * 1024;

/// Result of a call and its peak memory, through the blocking client and the async one.
fn cost<E: Endpoint<Response: Send> + Sync>(
    wire: Wire,
    endpoint: &E,
    answer: impl Fn(&mut dyn FnMut(&[u8]) -> bool) + Send + Sync + 'static,
) -> [(Option<TransportError>, usize); 2] {
    let listener = Listener::serving(wire, move |connection| {
        while connection.request().is_some() {
            answer(&mut |bytes| connection.send(bytes).is_ok());
        }
    });
    let config = listener.setup().config.with_limits(LIMIT, LIMIT);
    let saved = || Saved::active(listener.server(), "me", SessionId::new("token").unwrap());
    let once = || CallOptions::new().with_attempts(1);
    let roots = listener.setup().roots.unwrap_or_default();
    let failed = |result: Result<(), Error>| match result {
        Ok(()) => None,
        Err(Error::Transport(failure)) => Some(failure),
        Err(other) => panic!("no failed exchange: {other:?}"),
    };

    let mut builder = quatrix_ureq::Client::builder(config.clone()).no_proxy();
    if wire == Wire::Tls {
        builder = builder.roots(roots.clone());
    }
    let client = builder.build().unwrap();
    client.resume(saved(), None).unwrap();
    let mut result = Ok(());
    let measured = measure(|| result = client.call_with(endpoint, once()).map(drop));
    let blocking = (failed(result), usize::try_from(measured.bytes_max).unwrap());

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut builder = quatrix_hyper::Client::builder(config).no_proxy();
    if wire == Wire::Tls {
        builder = builder.roots(roots);
    }
    let client = builder.build().unwrap();
    client.resume(saved(), None).unwrap();
    let mut result = Ok(());
    let measured = measure(|| result = runtime.block_on(client.call_with(endpoint, once())).map(drop));
    [blocking, (failed(result), usize::try_from(measured.bytes_max).unwrap())]
}

/// Checks that the response is reported as too large, within this much memory.
#[track_caller]
fn too_large(costs: [(Option<TransportError>, usize); 2], most: usize) {
    for ((failure, bytes), adapter) in costs.into_iter().zip(["ureq", "hyper"]) {
        assert_eq!(failure.map(|failure| failure.kind()), Some(TransportErrorKind::TooLarge), "{adapter}");
        assert!(bytes <= most, "{adapter} took {bytes} bytes, at most {most}");
    }
}

#[test]
fn m23_what_is_announced_costs_nothing_before_it_comes() {
    for wire in [Wire::Plain, Wire::Tls] {
        let costs = cost(wire, &GetAccountMetadata, |send| {
            send(b"HTTP/1.1 200 OK\r\ncontent-length: 1073741824\r\n\r\n{}");
        });
        too_large(costs, BUFFERS);
    }
}

#[test]
fn m23_a_flood_costs_the_limit_and_the_room_that_it_grew_out_of() {
    for wire in [Wire::Plain, Wire::Tls] {
        let flood = |send: &mut dyn FnMut(&[u8]) -> bool| {
            let chunk = [&b"4000\r\n"[..], &[b' '; 0x4000], b"\r\n"].concat();
            let _ = send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
            while send(&chunk) {}
        };
        too_large(cost(wire, &GetAccountMetadata, flood), 2 * LIMIT + BUFFERS);
        too_large(cost(wire, &ReadLink::new(DownloadLink::new("x")), flood), 2 * LIMIT + BUFFERS);
    }
}

#[test]
fn m23_an_answer_of_the_announced_size_costs_no_more_than_the_limit() {
    let costs = cost(Wire::Plain, &ReadLink::new(DownloadLink::new("x")), |send| {
        let _ = send(format!("HTTP/1.1 200 OK\r\ncontent-length: {LIMIT}\r\n\r\n").as_bytes());
        let _ = send(&vec![b'x'; LIMIT]);
    });
    for ((failure, bytes), adapter) in costs.into_iter().zip(["ureq", "hyper"]) {
        assert!(failure.is_none() && (LIMIT..LIMIT + BUFFERS).contains(&bytes), "{adapter}: {bytes} bytes");
    }
}

#[test]
fn m27_a_head_without_end_costs_the_buffer_that_it_is_read_into() {
    for line in [&b"x: y\r\n"[..], b"y"] {
        let costs = cost(Wire::Plain, &GetAccountMetadata, move |send| {
            let _ = send(b"HTTP/1.1 200 OK\r\nx: ");
            while send(&line.repeat(1000)) {}
        });
        too_large(costs, BUFFERS);
    }
}

#[test]
fn m24_a_bomb_is_not_lit() {
    let bomb = bomb(200_000);
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", bomb.len());
    let costs = cost(Wire::Plain, &ReadLink::new(DownloadLink::new("x")), move |send| {
        let _ = send(head.as_bytes()) && send(&bomb);
    });
    for ((failure, bytes), adapter) in costs.into_iter().zip(["ureq", "hyper"]) {
        assert_eq!(failure.map(|failure| failure.kind()), Some(TransportErrorKind::Encoding), "{adapter}");
        assert!(bytes <= BUFFERS, "{adapter} took {bytes} bytes");
    }
}

/// A gzip file of one zero and so many times 258 copies of it: 13 bits for each 258 bytes.
fn bomb(copies: usize) -> Vec<u8> {
    const LAST_BLOCK_OF_FIXED_CODES: &str = "110";
    const ZERO: &str = "00110000";
    const AGAIN_258: &str = "1100010100000";
    const END: &str = "0000000";
    let text = [LAST_BLOCK_OF_FIXED_CODES, ZERO, &AGAIN_258.repeat(copies), END].concat();
    let mut bytes = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
    for bits in text.as_bytes().chunks(8) {
        bytes.push(bits.iter().rev().fold(0, |byte, bit| byte << 1 | (bit - b'0')));
    }
    // The checksum is never reached.
    bytes.write_all(&[0; 8]).unwrap();
    bytes
}
