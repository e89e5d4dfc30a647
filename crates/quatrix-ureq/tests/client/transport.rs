//! What the transport does with servers that answer oddly, late, or not at all.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use quatrix_emulator::Emulator;
use quatrix_ureq::api::{GetAccountMetadata, GetProfile, KeepAlive, UploadChunk};
use quatrix_ureq::proto::{Invalid, Misuse, Prepared, UploadKey};
use quatrix_ureq::{CallOptions, Client, Config, Endpoint, Error, Event, Login, Server, TransportErrorKind};

use crate::support::{Odd, credentials, failure, head, server};

/// Once, so that a test sees what the transport said of the first try.
fn once() -> CallOptions {
    CallOptions::new().with_attempts(1)
}

fn kind_of(server: &Odd) -> (TransportErrorKind, bool) {
    let failure = failure(server.client().call_with(&GetAccountMetadata, once()));
    (failure.kind(), failure.may_have_been_sent())
}

#[test]
fn m34_tls_is_spoken_with_the_authority_that_was_given() {
    let emulator = Emulator::builder().tls().start().unwrap();
    let client = Client::builder(server(&emulator)).roots(emulator.ca_cert_pem().unwrap()).build().unwrap();
    assert_eq!(client.login(credentials("user@example.com")).unwrap(), Login::Active);
    client.call(&GetProfile).unwrap();
}

#[test]
fn m34_a_server_of_another_authority_gets_nothing() {
    let (emulator, other) = (Emulator::builder().tls().start().unwrap(), Emulator::builder().tls().start().unwrap());
    for builder in
        [Client::builder(server(&emulator)), Client::builder(server(&emulator)).roots(other.ca_cert_pem().unwrap())]
    {
        let client = builder.build().unwrap();
        let failure = failure(client.login(credentials("user@example.com")));
        assert_eq!((failure.kind(), failure.may_have_been_sent()), (TransportErrorKind::Tls, false));
        let shown = std::error::Error::source(&Error::from(failure)).unwrap().to_string();
        assert!(shown.contains("certificate"), "{shown}");
    }
    assert_eq!(emulator.requests(), []);
}

#[test]
fn m34_a_server_without_tls_gets_nothing() {
    let odd = Odd::serving(|stream, heard| {
        let mut first = [0];
        let _ = stream.read(&mut first);
        heard(format!("{first:?}"));
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let client = Client::new(Server::at(&format!("https://{}/api/1.0", odd.address())).unwrap()).unwrap();
    let failure = failure(client.call_with(&GetAccountMetadata, once()));
    assert_eq!((failure.kind(), failure.may_have_been_sent()), (TransportErrorKind::Tls, false));
    assert_eq!(odd.heard(), ["[22]"], "a handshake and no request");
}

#[test]
fn m34_a_handshake_that_is_cut_short_is_no_secure_connection() {
    let odd = Odd::serving(|stream, _| {
        let _ = stream.read(&mut [0; 4096]);
    });
    let client = Client::new(Server::at(&format!("https://{}/api/1.0", odd.address())).unwrap()).unwrap();
    let failure = failure(client.call_with(&GetAccountMetadata, once()));
    assert_eq!((failure.kind(), failure.may_have_been_sent()), (TransportErrorKind::Tls, false));
}

#[test]
fn invalid_roots_are_a_local_error_of_build() {
    let certificate = |text: &str| format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    for text in [String::new(), "no certificate".into(), certificate("!!"), certificate("AAAA")] {
        let failure = failure(Client::builder(Server::default()).roots(text).build());
        assert_eq!((failure.kind(), failure.may_have_been_sent()), (TransportErrorKind::Local, false));
    }
}

#[test]
fn m26_no_redirect_is_followed() {
    let evil = Odd::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    for status in [301, 302, 303, 307, 308] {
        let location = format!("http://{}/session/login", evil.address());
        let odd =
            Odd::answering(format!("HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n"));
        let client = odd.client();
        let failure = failure(client.login(credentials("user@example.com")));
        assert_eq!(failure.kind(), TransportErrorKind::Redirect, "{status}");
        assert_eq!(odd.heard().len(), 1);
    }
    assert_eq!(evil.heard(), [""; 0]);
}

#[test]
fn m23_a_body_that_is_too_large_is_not_taken() {
    let limited = |odd: &Odd| {
        let server = Server::at(&format!("http://{}/api/1.0", odd.address())).unwrap();
        Client::new(Config::new(server).with_limits(10, 10)).unwrap()
    };
    let announced = Odd::answering("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n\"123456789\"");
    let endless = Odd::serving(|stream, _| {
        head(stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        while stream.write_all(b"4\r\nmore\r\n").is_ok() {}
    });
    for odd in [announced, endless] {
        let failure = failure(limited(&odd).call_with(&GetAccountMetadata, once()));
        assert_eq!((failure.kind(), failure.may_have_been_sent()), (TransportErrorKind::TooLarge, true));
    }
    let fits = Odd::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    assert!(!matches!(limited(&fits).call(&GetAccountMetadata), Err(Error::Transport(_))));
}

#[test]
fn m27_a_head_that_is_too_large_is_not_taken() {
    let endless = Odd::serving(|stream, _| {
        head(stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nx: ");
        while stream.write_all(&[b'x'; 1024]).is_ok() {}
    });
    assert_eq!(kind_of(&endless), (TransportErrorKind::TooLarge, true));
    let large = format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nx: {}\r\n\r\n", "x".repeat(60 * 1024));
    let error = Odd::answering(large).client().call(&GetAccountMetadata).unwrap_err();
    assert!(matches!(error, Error::InvalidResponse(_)), "{error:?}");
}

#[test]
fn m24_an_encoded_body_is_refused() {
    let odd = Odd::answering("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}");
    assert_eq!(kind_of(&odd), (TransportErrorKind::Encoding, true));
}

#[test]
fn m02_an_answer_that_breaks_off_was_perhaps_carried_out() {
    for answer in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{}", "no HTTP at all\r\n\r\n"] {
        let odd = Odd::answering(answer);
        assert_eq!(kind_of(&odd), (TransportErrorKind::Interrupted, true), "{answer:?}");
    }
}

#[test]
fn m01_a_refused_connection_has_sent_nothing() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let client = Client::new(Server::at(&format!("http://{address}/api/1.0")).unwrap()).unwrap();
    let failure = failure(client.login(credentials("user@example.com")));
    assert_eq!((failure.kind(), failure.may_have_been_sent()), (TransportErrorKind::Connect, false));
    assert!(Error::from(failure).retryable());
}

#[test]
fn m25_a_silent_server_is_given_up() {
    let silent = || {
        Odd::serving(|stream, _| {
            // Until the client closes.
            while matches!(stream.read(&mut [0; 1024]), Ok(1..)) {}
        })
    };
    let odd = silent();
    let client = odd.builder().stall_timeout(Duration::from_millis(50)).build().unwrap();
    let stalled = failure(client.call_with(&GetAccountMetadata, once()));
    assert_eq!((stalled.kind(), stalled.may_have_been_sent()), (TransportErrorKind::TimedOut, true));
    let odd = silent();
    let patient = odd.builder().stall_timeout(Duration::from_secs(3600)).build().unwrap();
    let hurried = once().with_deadline(Duration::from_millis(50));
    let late = failure(patient.call_with(&GetAccountMetadata, hurried));
    assert_eq!((late.kind(), late.may_have_been_sent()), (TransportErrorKind::TimedOut, true));
}

#[test]
fn m25_an_answer_that_trickles_ends_at_the_deadline_of_its_call() {
    let odd = Odd::serving(|stream, _| {
        head(stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(b" ").is_ok() {
            thread::sleep(Duration::from_millis(1));
        }
    });
    let hurried = once().with_deadline(Duration::from_millis(100));
    assert_eq!(failure(odd.client().call_with(&GetAccountMetadata, hurried)).kind(), TransportErrorKind::TimedOut);
}

#[test]
fn m32_a_connection_that_was_closed_while_idle_is_not_used_again() {
    let odd = Odd::serving(|stream, heard| {
        head(stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        let _ = stream.shutdown(Shutdown::Both);
        heard("closed".into());
    });
    let client = odd.client();
    for calls in 1..4 {
        assert!(!matches!(client.call_with(&GetAccountMetadata, once()), Err(Error::Transport(_))));
        while odd.heard().len() < calls {
            thread::yield_now();
        }
    }
}

#[test]
fn connections_are_kept_and_can_be_shared() {
    let odd = Odd::serving(|stream, heard| {
        while let text = head(stream)
            && !text.is_empty()
        {
            heard(format!("{:?}", stream.peer_addr().unwrap()));
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        }
    });
    let first = odd.client();
    let second = odd.builder().share_connections(&first).build().unwrap();
    for client in [&first, &second, &first] {
        let _ = client.call_with(&GetAccountMetadata, once());
    }
    drop((first, second));
    let from = odd.heard();
    assert_eq!(from.len(), 3);
    assert!(from.iter().all(|address| *address == from[0]), "{from:?}");
}

#[test]
fn m01_what_provably_never_left_is_sent_again() {
    // Nobody listens there until the first try has failed.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let listener = Arc::new(OnceLock::new());
    let bound = Arc::clone(&listener);
    let client = Client::builder(Server::at(&format!("http://{address}/api/1.0")).unwrap())
        .on_event(move |event| {
            if let Event::Exchanged { result: Err(TransportErrorKind::Connect), .. } = event {
                bound.get_or_init(|| TcpListener::bind(address).unwrap());
            }
        })
        .build()
        .unwrap();
    thread::scope(|scope| {
        let call = scope.spawn(|| client.call(&GetAccountMetadata));
        let listener = loop {
            match listener.get() {
                Some(listener) => break listener,
                None => thread::yield_now(),
            }
        };
        let (mut stream, _) = listener.accept().unwrap();
        assert!(head(&mut stream).starts_with("GET /api/1.0/account/metadata HTTP/1.1\r\n"));
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        assert!(matches!(call.join().unwrap(), Err(Error::InvalidResponse(_))));
    });
}

#[test]
fn a_call_with_bytes_of_the_callers_needs_a_source() {
    let emulator = Emulator::start().unwrap();
    let chunk = UploadChunk::new(UploadKey::new("k"), 0..1, 1);
    let error = Client::new(server(&emulator)).unwrap().call(&chunk).unwrap_err();
    assert!(matches!(error, Error::Misuse(Misuse::NoSource)));
}

#[test]
fn an_answer_to_another_request_is_not_taken_for_this_one() {
    // Bytes behind the end of an answer make the connection unfit for the next one.
    let odd = Odd::serving(|stream: &mut TcpStream, heard| {
        heard(head(stream));
        let _ = stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n");
        let _ = stream.read(&mut [0]);
    });
    let client = odd.client();
    for _ in 0..2 {
        assert_ne!(client.call_with(&KeepAlive, once()).unwrap_err().status().map(|status| status.as_u16()), Some(401));
        assert!(!matches!(client.call_with(&GetAccountMetadata, once()), Err(Error::Transport(_))));
    }
    assert_eq!(odd.heard().len(), 2);
}

#[test]
fn an_answer_carries_nothing_of_ureqs() {
    /// Says how many extensions its answer has; ureq puts the URI there, which may be a capability.
    struct Extensions;

    impl Endpoint for Extensions {
        type Response = usize;

        fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
            GetAccountMetadata.prepare(server)
        }

        fn decode(response: http::Response<Bytes>) -> Result<usize, Error> {
            Ok(response.extensions().len())
        }
    }
    let odd = Odd::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(odd.client().call(&Extensions).unwrap(), 0);
}
