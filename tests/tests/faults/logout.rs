//! Logouts while other calls are in flight: late responses have no effect.

use std::sync::Arc;
use std::thread;

use quatrix_proto::{Error, LoggedOut, Login, State};
use quatrix_tests::gate::Gate;
use quatrix_tests::listener::{Listener, json, with_headers};
use quatrix_tests::stage::Wire;
use quatrix_tests::subject::Subject;
use quatrix_tests::{conform, wait_until};

use crate::me;

conform![
    m13_a_logout_while_a_keepalive_is_under_way_is_the_end_of_both,
    m14_a_logout_while_the_first_login_is_under_way_takes_its_token_back,
    m14_a_logout_while_an_answer_is_under_way_takes_its_token_back,
];

fn m13_a_logout_while_a_keepalive_is_under_way_is_the_end_of_both<S: Subject>(wire: Wire) {
    let gate = Gate::closed();
    let held = Arc::clone(&gate);
    let listener = Listener::answering(wire, move |request| match request.path() {
        "/session/login" => json(200, r#"{"session_id":"one"}"#),
        "/session/keepalive" => {
            held.pass();
            json(200, "")
        }
        _ => json(200, ""),
    });
    let first: S = listener.client();
    assert_eq!(first.login(me()).unwrap(), Login::Active);
    let client: S = listener.client();
    client.resume(first.save().unwrap(), Some(me())).unwrap();
    let running = client.clone();
    let running = thread::spawn(move || running.run_keepalive());
    gate.wait_for(1);
    assert!(client.logout().unwrap().confirmed);
    gate.open();
    assert!(matches!(running.join().unwrap(), Error::LoggedOut(LoggedOut::ByUser)));
    assert!(matches!(client.state(), State::LoggedOut(LoggedOut::ByUser)));
    assert!(matches!(client.keepalive(), Err(Error::LoggedOut(LoggedOut::ByUser))));
    assert_eq!((listener.count("/session/keepalive"), listener.count("/session/login")), (1, 1));
}

/// Server that delays the login (GET), or the answer to the following challenge (POST).
fn holding(wire: Wire, hold: &'static str) -> (Listener, Arc<Gate>) {
    let gate = Gate::closed();
    let held = Arc::clone(&gate);
    let listener = Listener::answering(wire, move |request| {
        let method = request.head.split(' ').next().unwrap();
        if request.path() == "/session/login" && method == hold {
            held.pass();
        }
        match (request.path(), method) {
            ("/session/login", "POST") => json(200, r#"{"session_id":"whole"}"#),
            ("/session/login", _) if hold == "POST" => {
                with_headers(207, "mfa-code: 73\r\n", r#"{"session_id":"partial"}"#)
            }
            ("/session/login", _) => json(200, r#"{"session_id":"whole"}"#),
            _ => json(200, ""),
        }
    });
    (listener, gate)
}

/// Logs out while this is under way; the token that it still brings is logged out and not kept.
fn log_out_during<S: Subject>(
    client: &S,
    listener: &Listener,
    gate: &Gate,
    under_way: impl FnOnce(&S) -> Result<Login, Error> + Send + 'static,
) {
    let theirs = client.clone();
    let under_way = thread::spawn(move || under_way(&theirs));
    gate.wait_for(1);
    let theirs = client.clone();
    let logout = thread::spawn(move || theirs.logout());
    wait_until(|| matches!(client.state(), State::LoggingOut));
    gate.open();
    let ended = under_way.join().unwrap();
    assert!(matches!(ended, Err(Error::LoggedOut(LoggedOut::ByUser))), "{ended:?}");
    assert!(logout.join().unwrap().unwrap().confirmed);
    let last = listener.requests().pop().unwrap();
    assert_eq!((last.path(), last.header("x-auth-token")), ("/session/logout", Some("whole")));
    assert!(client.save().is_none() && matches!(client.state(), State::LoggedOut(LoggedOut::ByUser)));
}

fn m14_a_logout_while_the_first_login_is_under_way_takes_its_token_back<S: Subject>(wire: Wire) {
    let (listener, gate) = holding(wire, "GET");
    let client: S = listener.client();
    log_out_during(&client, &listener, &gate, |client| client.login(me()));
}

fn m14_a_logout_while_an_answer_is_under_way_takes_its_token_back<S: Subject>(wire: Wire) {
    let (listener, gate) = holding(wire, "POST");
    let client: S = listener.client();
    let Login::Challenged(challenge) = client.login(me()).unwrap() else { panic!() };
    log_out_during(&client, &listener, &gate, move |client| client.answer(challenge.answer("24680")));
}
