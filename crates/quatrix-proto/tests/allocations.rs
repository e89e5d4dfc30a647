//! What the core costs in allocations, counted exactly.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::hint::black_box;

use allocation_counter::{AllocationInfo, measure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderValue;
use quatrix_proto::api::{GetFile, GetProfile, KeepAlive, LogIn, LogOut, MakeFolder, SecondFactor, UnblockCaptcha};
use quatrix_proto::{
    Authorization, CallId, Config, Credentials, Endpoint, FileId, Login, Server, Session, SessionId, Step, Ticket,
    Timestamp,
};
use serde_json::json;

const NOW: Timestamp = Timestamp::from_micros(1);

fn answered(body: &'static str) -> http::Response<Bytes> {
    let mut response = http::Response::new(Bytes::from_static(body.as_bytes()));
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response
}

fn finish<T>(session: &mut Session, ticket: Ticket<T>, response: http::Response<Bytes>) -> T {
    let Step::Send(transmit) = session.poll_call(NOW, ticket.id()) else { panic!("nothing to send") };
    session.handle_response(NOW, transmit.exchange, response);
    let Step::Ready(outcome) = session.poll_call(NOW, ticket.id()) else { panic!("not ready") };
    ticket.decode(outcome).unwrap()
}

fn active() -> Session {
    let mut session = Session::new(Config::new(Server::account("acme").unwrap()), 1);
    let login = session.login(NOW, Credentials::new("me@acme.com", "qwerty").unwrap());
    assert_eq!(finish(&mut session, login, answered(r#"{"session_id":"5b1c"}"#)), Login::Active);
    session
}

/// How many allocations that takes, and how many bytes. The first time is not counted: the first clone of a shared
/// buffer may cost one, and every session is past it.
fn cost(act: &dyn Fn()) -> (u64, u64) {
    act();
    let AllocationInfo { count_total, bytes_total, .. } = measure(act);
    (count_total, bytes_total)
}

/// A request as somebody would write it with nothing but `http`.
fn by_hand(method: &str, path: &str, (name, value): (&str, &str), body: Vec<u8>) {
    let mut request = http::Request::builder()
        .method(method)
        .uri(format!("https://acme.quatrix.it/api/1.0{path}"))
        .header("content-type", "application/json")
        .header("accept", "application/json")
        .header("accept-encoding", "identity")
        .header("user-agent", "by-hand/1.0")
        .header(name, value);
    if method == "POST" {
        request = request.header("content-length", body.len());
    }
    black_box(request.body(Bytes::from(body)).unwrap());
}

/// What a request takes, and the same by hand.
#[track_caller]
fn built(
    endpoint: &impl Endpoint,
    authorization: Authorization<'_>,
    ours: (u64, u64),
    hand: &dyn Fn(),
    theirs: (u64, u64),
) {
    let server = Server::account("acme").unwrap();
    let build = || {
        black_box(endpoint.prepare(&server).unwrap().into_request(authorization));
    };
    assert_eq!((cost(&build), cost(hand)), (ours, theirs));
}

#[test]
fn a_request_takes_fewer_allocations_and_bytes_than_by_hand() {
    const ID: &str = "3f0e5b1c-4a7d-4c8e-9f6a-1b2c3d4e5f60";

    let credentials = Credentials::new("me@acme.com", "qwerty").unwrap();
    let id = SessionId::new(ID).unwrap();
    let (basic, session) = (Authorization::Basic(&credentials), Authorization::Session(&id));
    let get = |path| move || by_hand("GET", path, ("x-auth-token", ID), Vec::new());
    let post = |path, body: serde_json::Value| {
        move || by_hand("POST", path, ("x-auth-token", ID), serde_json::to_vec(&body).unwrap())
    };
    let login = || {
        let basic = format!("Basic {}", STANDARD.encode("me@acme.com:qwerty"));
        by_hand("GET", "/session/login", ("authorization", &basic), Vec::new());
    };

    // The path, and the two tables of a header map.
    built(&LogIn, basic, (3, 678), &login, (12, 889));
    built(&KeepAlive, session, (3, 682), &get("/session/keepalive"), (10, 841));
    built(&LogOut, session, (3, 679), &get("/session/logout"), (10, 841));
    // And the length, which takes two, and a body with an owner that wipes it.
    let code = json!({"auth_type": "2FA", "code": "654321"});
    built(&SecondFactor::totp("654321"), session, (7, 789), &post("/session/login", code), (14, 1037));
    let token = json!({"token": "solved"});
    built(&UnblockCaptcha::new("solved"), session, (7, 782), &post("/session/unblock-captcha", token), (14, 1037));

    // One more than without a value, as the path is not as long as there was room for.
    let file: FileId = ID.parse().unwrap();
    let path = format!("/file/metadata/{ID}?content=0");
    let hand = || by_hand("GET", &path, ("x-auth-token", ID), Vec::new());
    built(&GetFile::new(file.clone()), session, (4, 753), &hand, (11, 965));
    let folder = json!({"target": ID, "name": "reports", "resolve": false});
    let make = MakeFolder::new(file, "reports".parse().unwrap());
    built(&make, session, (6, 803), &post("/file/makedir", folder), (14, 1037));
}

#[test]
fn an_answer_is_decoded_with_few_allocations() {
    // The header map of the answer has two.
    let login = || {
        black_box(LogIn::decode(answered(r#"{"session_id":"5b1c"}"#)).unwrap());
    };
    assert_eq!(cost(&login), (4, 692), "and the id, and the owner that wipes it");
    let refusal = || {
        let mut response = answered(r#"{"code":14,"msg":"no"}"#);
        *response.status_mut() = http::StatusCode::UNAUTHORIZED;
        black_box(KeepAlive::decode(response).unwrap_err());
    };
    assert_eq!(cost(&refusal), (4, 762), "and the message, and the box around the error");
}

#[test]
fn a_call_through_a_session_takes_at_most_four_to_send_and_six_in_all() {
    let mut session = active();
    let warm = session.call(NOW, &GetProfile);
    finish(&mut session, warm, answered("{}"));

    let mut sent = None;
    let sending = measure(|| {
        let ticket = session.call(NOW, &GetProfile);
        sent = Some((session.poll_call(NOW, ticket.id()), ticket));
    });
    assert_eq!(sending.count_total, 4, "as alone, and one because the path is kept for a repetition");

    let Some((Step::Send(transmit), ticket)) = sent else { panic!("nothing to send") };
    let response = answered("{}");
    let ending = measure(|| {
        session.handle_response(NOW, transmit.exchange, response);
        let Step::Ready(outcome) = session.poll_call(NOW, ticket.id()) else { panic!("not ready") };
        black_box(ticket.decode(outcome).unwrap());
    });
    assert_eq!(ending.count_total, 0, "an answer is handed on, not copied");
}

#[test]
fn values_and_bodies_cost_a_session_no_more_than_themselves() {
    let mut session = active();
    let file: FileId = "3f0e5b1c".parse().unwrap();
    let mut sending = |endpoint: &dyn Fn(&mut Session) -> CallId| {
        measure(|| {
            let call = endpoint(&mut session);
            black_box(session.poll_call(NOW, call));
            session.cancel(NOW, call);
        })
        .count_total
    };
    let get = GetFile::new(file.clone()).with_content();
    let make = MakeFolder::new(file, "reports".parse().unwrap());
    sending(&|session| session.call(NOW, &get).id());
    assert_eq!(sending(&|session| session.call(NOW, &get).id()), 4, "as one without a value");
    assert_eq!(sending(&|session| session.call(NOW, &make).id()), 8, "the body is kept as well, and has a length");
}

#[test]
fn an_idle_session_with_a_running_keepalive_takes_less_than_a_kibibyte() {
    let config = std::sync::Arc::new(Config::new(Server::account("acme").unwrap()));
    let mut kept = None;
    let idle = measure(|| {
        let mut session = Session::new(config.clone(), 1);
        let login = session.login(NOW, Credentials::new("somebody@acme.example.com", "a long passphrase").unwrap());
        assert_eq!(
            finish(&mut session, login, answered(r#"{"session_id":"3f0e5b1c-4a7d-4c8e-9f6a-1b2c3d4e5f60"}"#)),
            Login::Active
        );
        let run = session.run_keepalive(NOW);
        assert!(matches!(session.poll_call(NOW, run.id()), Step::Wait(_)));
        kept = Some((session, run));
    });
    let all_told = idle.bytes_current as usize + size_of::<Session>();
    assert!(all_told <= 1024, "{all_told} bytes");
}
