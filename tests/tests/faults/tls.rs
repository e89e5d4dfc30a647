//! Servers with a wrong certificate or failing encryption. There is no fallback.

use std::io::{Read, Write};
use std::sync::Arc;

use quatrix_proto::TransportErrorKind;
use quatrix_proto::api::GetAccountMetadata;
use quatrix_tests::certificate::{Authority, self_signed};
use quatrix_tests::listener::{Connection, Listener};
use quatrix_tests::stage::Wire;
use quatrix_tests::subject::{Setup, Subject};
use rustls::ServerConfig;

use crate::{failure, kind, me, once, report};

/// Checks that a login fails before any request is sent, and that the error names the reason.
fn refused<S: Subject>(listener: &Listener, setup: Setup, why: &str) {
    let before = listener.connections();
    let client = S::build(setup).unwrap();
    let failure = failure(client.login(me()));
    assert_eq!(
        (failure.kind(), failure.may_have_been_sent()),
        (TransportErrorKind::Tls, false),
        "{}",
        report(&failure)
    );
    assert!(report(&failure).contains(why), "{} does not say {why}", report(&failure));
    assert!(!quatrix_proto::Error::from(failure).retryable());
    assert_eq!(listener.connections(), before + 1, "not repeated, not in plain text instead");
    assert_eq!(listener.requests(), []);
}

fn both(listener: &Listener, setup: &Setup, why: &str) {
    refused::<quatrix_ureq::Client>(listener, setup.clone(), why);
    refused::<quatrix_hyper::Client>(listener, setup.clone(), why);
}

fn secured(config: Arc<ServerConfig>, roots: String) -> Listener {
    Listener::secured(config, roots, |connection| {
        connection.request();
    })
}

#[test]
fn m34_a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let listener = secured(authority.server(&["elsewhere.example", "127.0.0.2"]), authority.pem());
    both(&listener, &listener.setup(), "not valid for name");
}

#[test]
fn m34_a_certificate_that_has_expired_or_is_of_the_future_is_refused() {
    let authority = Authority::new();
    let listener = secured(authority.server_until(&["127.0.0.1"], 2001), authority.pem());
    both(&listener, &listener.setup(), "expired");
    let listener = secured(authority.server_from(&["127.0.0.1"], 2098), authority.pem());
    both(&listener, &listener.setup(), "not valid yet");
}

#[test]
fn m34_who_vouches_for_itself_or_has_an_authority_that_nobody_trusts_is_refused() {
    let authority = Authority::new();
    let itself = secured(self_signed(&["127.0.0.1"]), authority.pem());
    let vouched = secured(authority.server(&["127.0.0.1"]), authority.pem());
    let built_in = |listener: &Listener| Setup { roots: None, ..listener.setup() };
    both(&itself, &built_in(&itself), "UnknownIssuer");
    both(&vouched, &built_in(&vouched), "UnknownIssuer");
    // Another authority has the same name, and another key.
    both(&itself, &itself.setup(), "BadSignature");
    let other = Setup { roots: Some(Authority::new().pem()), ..vouched.setup() };
    both(&vouched, &other, "BadSignature");
}

/// Reads the first message of a client, and responds with these bytes.
fn answering(bytes: &'static [u8]) -> Listener {
    Listener::pretending(move |connection: &mut Connection| {
        let mut header = [0; 5];
        if connection.read_exact(&mut header).is_ok() {
            let length = usize::from(u16::from_be_bytes([header[3], header[4]]));
            let _ = connection.read_exact(&mut vec![0; length]);
            let _ = connection.write_all(bytes);
        }
    })
}

#[test]
fn m34_an_old_version_is_refused() {
    // A ServerHello of TLS 1.0, and the alert of a server that knows nothing newer.
    let mut hello = vec![22, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1];
    hello.extend([7; 32]);
    hello.extend([0, 0, 0x2f, 0]);
    let listener = answering(hello.leak());
    both(&listener, &listener.setup(), "peer is incompatible");
    let listener = answering(&[21, 3, 1, 0, 2, 2, 70]);
    both(&listener, &listener.setup(), "ProtocolVersion");
}

#[test]
fn m34_a_handshake_that_is_cut_short_or_no_handshake_is_no_secure_connection() {
    for (bytes, why) in [
        (&b""[..], ""),
        (&[22], ""),
        (&[22, 3, 3, 0, 42, 2, 0, 0, 38, 3, 3], ""),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "corrupt message"),
    ] {
        let listener = answering(bytes);
        both(&listener, &listener.setup(), why);
    }
}

fn broken_in_its_middle<S: Subject>(alert: bool) -> (TransportErrorKind, bool) {
    let listener = Listener::serving(Wire::Tls, move |connection| {
        connection.request();
        let _ = connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{");
        if alert {
            connection.alert();
        }
    });
    kind(listener.client::<S>().call_with(&GetAccountMetadata, once()))
}

#[test]
fn m34_an_alert_in_a_body_is_a_failure_of_tls_and_an_early_end_is_none() {
    for (alert, kind) in [(true, TransportErrorKind::Tls), (false, TransportErrorKind::Interrupted)] {
        assert_eq!(broken_in_its_middle::<quatrix_ureq::Client>(alert), (kind, true));
        assert_eq!(broken_in_its_middle::<quatrix_hyper::Client>(alert), (kind, true));
    }
}
