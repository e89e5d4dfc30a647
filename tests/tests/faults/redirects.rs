//! Redirects, of which none is followed.

use quatrix_proto::TransportErrorKind;
use quatrix_proto::api::{DeleteFiles, GetAccountMetadata};
use quatrix_tests::conform;
use quatrix_tests::listener::{Listener, json, with_headers};
use quatrix_tests::stage::Wire;
use quatrix_tests::subject::Subject;

use crate::{failure, kind, me, once, report, resume};

conform![
    m26_no_redirect_is_followed_whatever_its_status_and_target,
    m26_a_redirect_names_where_to_and_nothing_more,
    m26_a_broken_location_is_no_answer,
];

/// Runs a login, a call and a call with a body against a server with this response, and returns their results.
fn redirected<S: Subject>(wire: Wire, status: u16, location: &str) -> Vec<String> {
    let answer = with_headers(status, &format!("location: {location}\r\n"), "");
    let listener = Listener::answering(wire, move |_| answer.clone());
    let client: S = listener.client();
    let login = failure(client.login(me()));
    let get = failure(client.call_with(&GetAccountMetadata, once()));
    resume(&client);
    let post = failure(client.call(&DeleteFiles::to_trash(["f1".parse().unwrap()])));
    assert_eq!(listener.requests().len(), 3, "{status} to {location}");
    let all = [login, get, post];
    assert!(all.iter().all(|failure| failure.kind() == TransportErrorKind::Redirect && failure.may_have_been_sent()));
    all.iter().map(|failure| format!("{failure:?} {}", report(failure))).collect()
}

fn m26_no_redirect_is_followed_whatever_its_status_and_target<S: Subject>(wire: Wire) {
    let elsewhere = Listener::answering(wire, |_| json(200, "{}"));
    let to = elsewhere.address();
    for status in [300, 301, 302, 303, 305, 307, 308, 399] {
        redirected::<S>(wire, status, &format!("http://{to}/api/1.0/session/login"));
    }
    let targets = [
        format!("https://{to}/"),
        format!("//{to}/"),
        format!("//{to}"),
        format!("http://me:canary@{to}/"),
        "/api/1.0/session/login".to_owned(),
        "relative".to_owned(),
        String::new(),
        "%%%".to_owned(),
    ];
    for target in targets {
        for status in [302, 307] {
            let shown = redirected::<S>(wire, status, &target);
            assert!(shown.iter().all(|text| !text.contains("canary")), "{shown:?}");
        }
    }
    assert_eq!(elsewhere.connections(), 0);
}

fn m26_a_redirect_names_where_to_and_nothing_more<S: Subject>(wire: Wire) {
    for shown in redirected::<S>(wire, 302, "https://evil.example/canary?canary=canary") {
        assert!(shown.contains("to https on evil.example") && !shown.contains("canary"), "{shown}");
    }
}

fn m26_a_broken_location_is_no_answer<S: Subject>(wire: Wire) {
    for location in ["http://evil.example/\rx: y", "http://evil.example/\0"] {
        let answer = with_headers(302, &format!("location: {location}\r\n"), "");
        let listener = Listener::answering(wire, move |_| answer.clone());
        let result = listener.client::<S>().call_with(&GetAccountMetadata, once());
        assert_eq!(kind(result), (TransportErrorKind::Interrupted, true), "{location:?}");
    }
    // With a whole line break it ends early, and what comes behind is a header of its own.
    redirected::<S>(wire, 302, "http://evil.example/\r\nx-evil: y");
}
