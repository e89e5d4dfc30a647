//! What the core costs in allocations, counted exactly.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::hint::black_box;

use allocation_counter::measure;
use bytes::Bytes;
use http::HeaderValue;
use quatrix_proto::api::{GetFile, GetProfile, KeepAlive, LogIn};
use quatrix_proto::{
    Authorization, Config, Credentials, Endpoint, Login, Server, Session, SessionId, Step, Ticket, Timestamp,
};

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

#[test]
fn a_request_alone_takes_three_allocations() {
    let server = Server::account("acme").unwrap();
    let id = SessionId::new("3f0e5b1c-4a7d-4c8e-9f6a-1b2c3d4e5f60").unwrap();
    let credentials = Credentials::new("me@acme.com", "qwerty").unwrap();
    // The first clone of a shared buffer may cost one: every session is past it.
    let warm = || KeepAlive.prepare(&server).unwrap().into_request(Authorization::Session(&id));
    black_box(warm());
    let built = measure(|| {
        black_box(warm());
    });
    assert_eq!(built.count_total, 3, "the path, and the two tables of a header map");
    let login = measure(|| {
        black_box(LogIn.prepare(&server).unwrap().into_request(Authorization::Basic(&credentials)));
    });
    assert_eq!(login.count_total, 3);
    let file = GetFile { id: "c6a2b9d4-7e1f-4b3a-8d5c-0f9e8d7c6b5a".parse().unwrap(), content: false };
    let with_values = measure(|| {
        black_box(file.prepare(&server).unwrap().into_request(Authorization::Session(&id)));
    });
    assert_eq!(with_values.count_total, 4, "one more, as the path is not as long as there was room for");
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
