//! The same work through the core.

use std::hint::black_box;
use std::sync::LazyLock;

use bytes::Bytes;
use http::Response;
use http::header::{CONTENT_TYPE, HeaderValue};
use quatrix_proto::api::{GetFile, GetProfile, KeepAlive, LogIn, LogOut, MakeFolder, SecondFactor, UnblockCaptcha};
use quatrix_proto::{
    Authorization, Config, Credentials, Endpoint, FileId, Server, Session, SessionId, Step, Ticket, Timestamp,
};

/// Values that a program has before it makes a request.
pub(super) struct Given {
    pub(super) server: Server,
    pub(super) credentials: Credentials,
    pub(super) session: SessionId,
    pub(super) file: FileId,
}

pub(super) static GIVEN: LazyLock<Given> = LazyLock::new(|| Given {
    server: Server::account("acme").expect("it is a name"),
    credentials: Credentials::new("user@example.com", "only-for-tests-4711").expect("they are valid"),
    session: SessionId::new(super::by_hand::SESSION).expect("it is an id"),
    file: super::by_hand::FILE.parse().expect("it is an id"),
});

fn build(endpoint: &impl Endpoint, authorization: Authorization<'_>) {
    let prepared = endpoint.prepare(&GIVEN.server).expect("its values can be sent");
    black_box(prepared.into_request(authorization));
}

fn of_session(endpoint: &impl Endpoint) {
    build(endpoint, Authorization::Session(&GIVEN.session));
}

pub(super) fn log_in() {
    build(&LogIn, Authorization::Basic(&GIVEN.credentials));
}

pub(super) fn second_factor() {
    of_session(&SecondFactor::totp("654321"));
}

pub(super) fn keep_alive() {
    of_session(&KeepAlive);
}

pub(super) fn log_out() {
    of_session(&LogOut);
}

pub(super) fn captcha() {
    of_session(&UnblockCaptcha::new("solved"));
}

pub(super) fn file() {
    of_session(&GetFile::new(GIVEN.file.clone()));
}

pub(super) fn folder() {
    of_session(&MakeFolder::new(GIVEN.file.clone(), "reports".parse().expect("it is a name")));
}

/// Returns a server's response.
pub(super) fn response(status: u16, body: &Bytes) -> Response<Bytes> {
    let mut response = Response::new(body.clone());
    *response.status_mut() = status.try_into().expect("it is a status");
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub(super) fn decode_login() {
    black_box(LogIn::decode(response(200, &super::by_hand::LOGIN)).expect("it is one"));
}

pub(super) fn decode_refusal() {
    black_box(KeepAlive::decode(response(401, &super::by_hand::REFUSAL)).expect_err("it is one"));
}

pub(super) fn decode_listing() {
    let folder = GetFile::decode(response(200, &super::by_hand::LISTING)).expect("it is one");
    assert_eq!(black_box(folder).into_children().expect("it has them").len(), 1000);
}

pub(super) fn whole_login() {
    log_in();
    decode_login();
}

pub(super) fn whole_call() -> impl FnMut() {
    const NOW: Timestamp = Timestamp::from_micros(1);
    fn carry<T>(session: &mut Session, ticket: Ticket<T>, body: &Bytes) -> T {
        let Step::Send(transmit) = session.poll_call(NOW, ticket.id()) else { panic!("nothing to send") };
        session.handle_response(NOW, transmit.exchange, response(200, body));
        let Step::Ready(outcome) = session.poll_call(NOW, ticket.id()) else { panic!("not ready") };
        ticket.decode(outcome).expect("the response is valid")
    }
    let mut session = Session::new(Config::new(GIVEN.server.clone()), 1);
    let login = session.login(NOW, GIVEN.credentials.clone());
    let _ = carry(&mut session, login, &super::by_hand::LOGIN);
    move || {
        let ticket = session.call(NOW, &GetProfile);
        black_box(carry(&mut session, ticket, &super::by_hand::PROFILE));
    }
}
