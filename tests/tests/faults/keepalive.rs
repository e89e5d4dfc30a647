//! Keepalives that are lost or rejected.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use quatrix_emulator::{CutPoint, Fault, FaultKind};
use quatrix_proto::api::GetProfile;
use quatrix_proto::{Error, LoggedOut, State};
use quatrix_tests::stage::{Stage, Wire, me};
use quatrix_tests::subject::Subject;
use quatrix_tests::{conform, wait_until};

conform![
    m15_a_keepalive_that_got_lost_once_is_tried_again,
    m15_keepalives_lost_for_longer_than_the_session_lives_are_found_out_by_the_next_call,
    m16_a_keepalive_that_is_refused_ends_the_session_and_sends_no_password,
    m16_a_keepalive_answered_by_anything_else_leaves_the_session,
];

/// A client that does not know how old its session is, and so begins with a keepalive; it runs on a thread.
fn kept_alive<S: Subject>(stage: &Stage, kept: bool) -> (S, JoinHandle<Error>) {
    let saved = stage.active::<S>().save().unwrap();
    let client: S = stage.client();
    let credentials = kept.then(|| me("user@example.com"));
    client.resume(saved, credentials).unwrap();
    let running = client.clone();
    (client, thread::spawn(move || running.run_keepalive()))
}

fn confirmed<S: Subject>(client: &S) {
    wait_until(|| matches!(client.state(), State::Active { confirmed: true, .. }));
}

fn m15_a_keepalive_that_got_lost_once_is_tried_again<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    stage.emulator.set_faults([Fault::new(FaultKind::Cut(CutPoint::Before)).on("GET", "/session/keepalive")]).unwrap();
    let (client, running) = kept_alive::<S>(&stage, true);
    confirmed(&client);
    assert_eq!((stage.count("/session/keepalive"), stage.count("/session/login")), (2, 1));
    client.logout().unwrap();
    assert!(matches!(running.join().unwrap(), Error::LoggedOut(LoggedOut::ByUser)));
}

fn m15_keepalives_lost_for_longer_than_the_session_lives_are_found_out_by_the_next_call<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let lost = Fault::new(FaultKind::Cut(CutPoint::Before)).on("GET", "/session/keepalive").times(2);
    stage.emulator.set_faults([lost]).unwrap();
    let (client, running) = kept_alive::<S>(&stage, true);
    wait_until(|| stage.count("/session/keepalive") == 1);
    stage.emulator.advance(Duration::from_secs(15 * 60));
    wait_until(|| stage.count("/session/keepalive") == 2);
    assert!(matches!(client.state(), State::Active { .. }), "a keepalive that is lost proves nothing");
    assert_eq!(stage.count("/session/login"), 1);
    assert_eq!(client.call(&GetProfile).unwrap().email, "user@example.com");
    assert_eq!(stage.count("/session/login"), 2);
    client.logout().unwrap();
    running.join().unwrap();
}

fn m16_a_keepalive_that_is_refused_ends_the_session_and_sends_no_password<S: Subject>(wire: Wire) {
    for kept in [true, false] {
        let stage = Stage::new(wire);
        let refuse = Fault::new(FaultKind::Expire).on("GET", "/session/keepalive");
        stage.emulator.set_faults([refuse]).unwrap();
        let (client, running) = kept_alive::<S>(&stage, kept);
        wait_until(|| matches!(client.state(), State::LoggedOut(LoggedOut::Expired)));
        assert_eq!(stage.count("/session/login"), 1, "a keepalive does not log in by itself");
        if kept {
            assert_eq!(client.call(&GetProfile).unwrap().email, "user@example.com");
            assert_eq!(stage.count("/session/login"), 2);
            client.logout().unwrap();
            assert!(matches!(running.join().unwrap(), Error::LoggedOut(LoggedOut::ByUser)));
        } else {
            assert!(matches!(running.join().unwrap(), Error::LoggedOut(LoggedOut::Expired)));
            assert!(matches!(client.call(&GetProfile), Err(Error::LoggedOut(LoggedOut::Expired))));
        }
    }
}

fn m16_a_keepalive_answered_by_anything_else_leaves_the_session<S: Subject>(wire: Wire) {
    for status in [404, 503] {
        let stage = Stage::new(wire);
        let page = Fault::new(FaultKind::Status(status)).on("GET", "/session/keepalive").always();
        let page = page.header("content-type", "text/html").body("<h1>canary</h1>");
        let client: S = stage.active();
        stage.emulator.set_faults([page]).unwrap();
        let error = client.keepalive().unwrap_err();
        assert_eq!(error.status().unwrap(), status);
        assert!(!error.to_string().contains("canary"));
        assert!(matches!(client.state(), State::Active { .. }));
        assert_eq!(client.call(&GetProfile).unwrap().email, "user@example.com");

        let (resumed, running) = kept_alive::<S>(&stage, true);
        let before = stage.count("/session/keepalive");
        wait_until(|| stage.count("/session/keepalive") > before);
        stage.emulator.set_faults([]).unwrap();
        confirmed(&resumed);
        assert_eq!(stage.count("/session/login"), 2, "of the two clients: none follows");
        resumed.logout().unwrap();
        running.join().unwrap();
    }
}
