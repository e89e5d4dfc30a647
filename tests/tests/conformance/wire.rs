//! Bytes on the wire: the same from both adapters, with every header from the core.

use std::collections::BTreeMap;

use quatrix_emulator::Recorded;
use quatrix_proto::api::{GetAccountMetadata, GetProfile, Raw};
use quatrix_proto::{Challenge, Factor, Login};
use quatrix_tests::stage::{Stage, Wire, me};
use quatrix_tests::subject::Subject;

/// A session life with a GET, a POST with a body, a POST without one, and a challenge.
fn requests<S: Subject>(wire: Wire) -> Vec<Recorded> {
    let stage = Stage::new(wire);
    let client: S = stage.client();
    client.call(&GetAccountMetadata).unwrap();
    let challenge = Challenge::SecondFactor { factor: Factor::Pin, refused: 0 };
    assert_eq!(client.login(me("pin@example.com")).unwrap(), Login::Challenged(challenge));
    assert_eq!(client.answer(challenge.answer("24680")).unwrap(), Login::Active);
    client.call(&GetProfile).unwrap();
    client.call(&Raw::post("/file/search", r#"{"_and":[]}"#)).unwrap();
    client.call(&Raw::post("/file/empty-trash/x", "")).unwrap();
    client.keepalive().unwrap();
    client.logout().unwrap();
    stage.emulator.requests()
}

fn headers(request: &Recorded) -> BTreeMap<String, String> {
    let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
    request.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

#[test]
fn both_adapters_send_the_same_requests_header_by_header() {
    for wire in [Wire::Plain, Wire::Tls] {
        let (ureq, hyper) = (requests::<quatrix_ureq::Client>(wire), requests::<quatrix_hyper::Client>(wire));
        assert_eq!(ureq.len(), hyper.len());
        for (one, other) in ureq.iter().zip(&hyper) {
            assert_eq!((&one.method, &one.path, one.body_len), (&other.method, &other.path, other.body_len));
            let (mut one_headers, mut other_headers) = (headers(one), headers(other));
            // Host names the port that this emulator was given.
            assert!(one_headers.remove("host").is_some() && other_headers.remove("host").is_some());
            assert_eq!(one_headers, other_headers, "{}", one.path);
        }
    }
}

#[test]
fn every_header_but_host_comes_from_the_core() {
    let known = [
        "accept",
        "accept-encoding",
        "authorization",
        "content-length",
        "content-type",
        "host",
        "user-agent",
        "x-auth-token",
    ];
    let sent =
        requests::<quatrix_ureq::Client>(Wire::Plain).into_iter().chain(requests::<quatrix_hyper::Client>(Wire::Plain));
    for request in sent {
        let headers = headers(&request);
        assert!(headers.keys().all(|name| known.contains(&name.as_str())), "{}: {headers:?}", request.path);
        assert_eq!(headers["content-type"], "application/json");
        assert_eq!(headers["accept"], "application/json");
        assert_eq!(headers["accept-encoding"], "identity");
        assert_eq!(headers["user-agent"], "quatrix-rs/0.1.0");
        assert_eq!(headers.contains_key("content-length"), request.method == "POST", "{}", request.path);
        let login = request.method == "GET" && request.path.ends_with("/session/login");
        assert_eq!(headers.contains_key("authorization"), login);
        assert_eq!(headers.contains_key("x-auth-token"), !login && !request.path.ends_with("/account/metadata"));
    }
}
