//! The referee complains: its record is changed so that what a session rightly does looks wrong.

use std::time::Duration;

use quatrix_proto::api::GetProfile;
use quatrix_proto::{Server, Transmit, TransportErrorKind};

use super::record::{Kind, Last, Shared};
use super::*;

const START: Timestamp = Timestamp::from_micros(1_000_000_000);

fn credentials() -> Credentials {
    Credentials::new("me@acme.com", "qwerty").unwrap()
}

fn answer(status: u16, body: &'static str) -> http::Response<Bytes> {
    http::Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap()
}

fn sent(session: &mut Watched, call: CallId) -> Transmit {
    match session.poll_call(START, call) {
        Step::Send(transmit) => transmit,
        step => panic!("nothing to send: {step:?}"),
    }
}

/// Logged in with the token `one`, and with a call that has not been polled.
fn active() -> (Watched, CallId) {
    let mut session = Watched::new(Config::new(Server::default()), 7);
    let login = session.login(START, credentials()).id();
    let exchange = sent(&mut session, login).exchange;
    session.handle_response(START, exchange, answer(200, r#"{"session_id":"one"}"#));
    assert!(matches!(session.poll_call(START, login), Step::Ready(_)));
    let call = session.call(START, &GetProfile).id();
    assert_eq!(session.verdict(), Ok(()));
    (session, call)
}

fn sent_by_another() -> ExchangeId {
    let mut session = Watched::new(Config::new(Server::default()), 7);
    let login = session.login(START, credentials()).id();
    sent(&mut session, login).exchange
}

/// What the referee says of a call that is sent, after its record was changed.
#[track_caller]
fn complaint(change: impl FnOnce(&mut Record)) -> String {
    let (mut session, call) = active();
    change(&mut session.record);
    sent(&mut session, call);
    session.verdict().unwrap_err().to_string()
}

/// The same for a login.
#[track_caller]
fn complaint_at_login(change: impl FnOnce(&mut Record, CallId)) -> String {
    let mut session = Watched::new(Config::new(Server::default()), 7);
    let login = session.login(START, credentials()).id();
    change(&mut session.record, login);
    sent(&mut session, login);
    session.verdict().unwrap_err().to_string()
}

#[test]
fn two_shared_exchanges_are_seen() {
    let exchange = sent_by_another();
    let two = complaint_at_login(|record, carrier| {
        record.shared = Some(Shared { kind: Kind::Code, exchange, carrier, sent: START });
    });
    assert_eq!(two, "I1: two shared exchanges are in flight");
}

#[test]
fn a_call_that_goes_on_or_gets_lost_is_seen() {
    assert_eq!(complaint(|record| record.calls.clear()), "I2: a call goes on after its end");
    let (mut session, call) = active();
    session.session.cancel(START, call);
    assert!(matches!(session.poll_call(START, call), Step::Ready(_)));
    assert_eq!(session.verdict().unwrap_err().to_string(), "I2: a call has ended without its outcome");
}

#[test]
fn what_is_left_is_seen() {
    let (mut session, _) = active();
    session.record.calls.clear();
    session.handle_failure(START, sent_by_another(), TransportError::aborted());
    assert_eq!(session.verdict().unwrap_err().to_string(), "I2: nobody waits, and something is left");
}

#[test]
fn an_older_token_is_seen() {
    let newer = complaint(|record| record.token = Some("two".into()));
    assert_eq!(newer, "I3: another token than the newest is sent");
}

#[test]
fn a_password_without_a_reason_is_seen() {
    let seen = complaint_at_login(|record, _| record.password.refused());
    assert_eq!(seen, "I4: a password leaves without a reason");
}

#[test]
fn a_second_repetition_after_a_401_is_seen() {
    let seen = complaint(|record| (record.calls[0].last, record.calls[0].replays) = (Last::Unauthorized, 1));
    assert_eq!(seen, "I4: a call is sent again after its second 401");
}

#[test]
fn a_token_or_a_password_after_a_logout_is_seen() {
    let left = |record: &mut Record| record.leaving = Leaving::Left;
    let (mut session, call) = active();
    left(&mut session.record);
    session.cancel(START, call);
    assert_eq!(session.verdict().unwrap_err().to_string(), "I5: a session that was logged out is back");
    assert_eq!(complaint(left), "I5: a token is sent after a logout");
    assert_eq!(complaint(|record| record.leaving = Leaving::UnderWay), "I5: a token is sent during a logout");
    assert_eq!(complaint_at_login(|record, _| left(record)), "I5: a password leaves after a logout");
}

#[test]
fn a_wait_that_spins_or_never_ends_is_seen() {
    let (mut session, call) = active();
    let state = session.session.state();
    let mut judged = |until| session.record.polled(START, call, &Step::Wait(until), &state);
    let spins = Err(Violation::new(Invariant::I7, "a wait without end, or without a pause"));
    assert_eq!(judged(START), spins);
    assert_eq!(judged(Timestamp::MAX), spins);
    assert_eq!(judged(START.saturating_add(Duration::from_secs(3600))), Ok(()));
}

#[test]
fn what_is_sent_or_waited_for_too_often_is_seen() {
    assert_eq!(complaint(|record| record.calls[0].sent = 3), "I9: a call is sent too often");
    let again = complaint(|record| record.calls[0].last = Last::Final);
    assert_eq!(again, "I9: a call is sent again that may have been carried out");
    let (mut session, call) = active();
    let state = session.session.state();
    session.record.calls[0].last = Last::Again;
    let late = session.record.polled(START, call, &Step::Wait(START.saturating_add(Duration::from_secs(31))), &state);
    assert_eq!(late, Err(Violation::new(Invariant::I9, "a wait before a repetition is longer than the longest")));
}

#[test]
fn after_a_clock_has_gone_back_only_rules_about_time_are_suspended() {
    let (mut session, call) = active();
    session.clock_goes_back();
    session.note(Err(Violation::new(Invariant::I9, LONG_WAIT)));
    assert_eq!(session.verdict(), Ok(()));
    session.record.token = Some("two".into());
    sent(&mut session, call);
    assert_eq!(session.verdict().unwrap_err().to_string(), "I3: another token than the newest is sent");
}

#[test]
fn a_call_that_nobody_wakes_is_seen() {
    let (mut session, call) = active();
    session.waits(call, START.saturating_add(Duration::from_secs(1)));
    assert_eq!(session.verdict().unwrap_err().to_string(), "I12: a call that waits may go on before its time");
    let (mut session, call) = active();
    let exchange = sent(&mut session, call).exchange;
    session.act(START, None, |session| session.handle_response(START, exchange, answer(200, "{}")));
    assert_eq!(session.verdict().unwrap_err().to_string(), "I12: a call may go on, and nobody is told");
}

#[test]
fn a_caller_that_is_told_wrongly_what_its_request_may_have_done_is_seen() {
    for (executed, failure) in [
        (true, TransportError::unsent(TransportErrorKind::Tls)),
        (false, TransportError::maybe_sent(TransportErrorKind::Tls)),
    ] {
        let (mut session, call) = active();
        let exchange = sent(&mut session, call).exchange;
        session.handle_failure(START, exchange, failure);
        session.record.calls[0].maybe_executed = executed;
        assert!(matches!(session.poll_call(START, call), Step::Ready(_)));
        let told = "I13: a caller is told wrongly whether its request may have been executed";
        assert_eq!(session.verdict().unwrap_err().to_string(), told);
    }
}

#[test]
fn another_identity_is_seen() {
    assert_eq!(complaint(|record| record.identity += 1), "I11: a call is sent under another identity");
    let (mut session, call) = active();
    let state = session.session.state();
    session.record.identity += 1;
    let parked = session.record.polled(START, call, &Step::Wait(START.saturating_add(Duration::from_secs(1))), &state);
    assert_eq!(parked, Err(Violation::new(Invariant::I11, "a call waits under another identity")));
}
