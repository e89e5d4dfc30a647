//! Sessions that end on the server, and the meaning of a 401.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use quatrix_emulator::{Fault, FaultKind};
use quatrix_proto::api::{GetHome, GetProfile, GetProfileInfo, MakeFolder};
use quatrix_proto::{Error, ErrorCode, Login, State};
use quatrix_tests::conform;
use quatrix_tests::gate::Gate;
use quatrix_tests::listener::{Listener, json};
use quatrix_tests::stage::{Stage, Wire};
use quatrix_tests::subject::Subject;

use crate::me;

conform![
    m07_a_session_that_is_gone_is_made_anew_and_the_call_sent_once_more,
    m07_a_second_401_is_the_answer_of_the_call,
    m07_a_401_of_a_session_that_is_alive_is_the_answer_and_costs_no_password,
    m09_a_late_401_to_the_token_before_is_repeated_with_the_present_one_without_a_login,
    m43_a_token_that_expires_on_its_way_is_a_session_that_is_gone,
];

/// Operations and statuses of the requests since the first login.
fn asked(stage: &Stage) -> Vec<String> {
    let requests = stage.emulator.requests();
    requests.iter().skip(1).map(|one| format!("{} {} {}", one.method, one.operation.unwrap(), one.status)).collect()
}

fn m07_a_session_that_is_gone_is_made_anew_and_the_call_sent_once_more<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let client: S = stage.active();
    stage.emulator.expire(None);
    assert_eq!(client.call(&GetProfile).unwrap().email, "user@example.com");
    let expected = ["GET /profile 401", "GET /session/keepalive 401", "GET /session/login 200", "GET /profile 200"];
    assert_eq!(asked(&stage), expected);

    // A write is repeated as well: a 401 has changed nothing.
    let home = client.call(&GetHome::new()).unwrap().id;
    stage.emulator.advance(Duration::from_secs(15 * 60));
    client.call(&MakeFolder::new(home, "made once".parse().unwrap())).unwrap();
    assert_eq!(stage.count("/session/login"), 3);
    assert!(stage.emulator.paths("user@example.com").contains(&"made once/".to_owned()));
}

fn m07_a_second_401_is_the_answer_of_the_call<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let client: S = stage.active();
    stage.emulator.set_faults([Fault::new(FaultKind::Status(401)).on("GET", "/profile").always()]).unwrap();
    stage.emulator.expire(None);
    let error = client.call(&GetProfile).unwrap_err();
    assert!(matches!(error, Error::Api(_)) && error.status().unwrap() == 401, "{error:?}");
    let expected = ["GET /profile 401", "GET /session/keepalive 401", "GET /session/login 200", "GET /profile 401"];
    assert_eq!(asked(&stage), expected);
    assert!(matches!(client.state(), State::Active { .. }));
}

fn m07_a_401_of_a_session_that_is_alive_is_the_answer_and_costs_no_password<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let client: S = stage.active();
    let body = r#"{"code":50,"msg":"no right"}"#;
    stage.emulator.set_faults([Fault::new(FaultKind::Status(401)).on("GET", "/profile").body(body)]).unwrap();
    let error = client.call(&GetProfile).unwrap_err();
    assert_eq!((error.status().unwrap().as_u16(), error.code()), (401, Some(ErrorCode(50))));
    assert_eq!(asked(&stage), ["GET /profile 401", "GET /session/keepalive 200"]);
    client.call(&GetProfile).unwrap();
}

fn m09_a_late_401_to_the_token_before_is_repeated_with_the_present_one_without_a_login<S: Subject>(wire: Wire) {
    let (gate, logins) = (Gate::closed(), AtomicBool::new(false));
    let held = Arc::clone(&gate);
    let listener = Listener::answering(wire, move |request| match (request.path(), request.header("x-auth-token")) {
        ("/session/login", _) if logins.swap(true, Ordering::SeqCst) => json(200, r#"{"session_id":"two"}"#),
        ("/session/login", _) => json(200, r#"{"session_id":"one"}"#),
        (_, Some("two")) => json(200, r#"{"name":"Me","email":"me@example.com"}"#),
        ("/profile/info", _) => {
            held.pass();
            json(401, r#"{"code":14,"msg":"not authorised"}"#)
        }
        _ => json(401, r#"{"code":14,"msg":"not authorised"}"#),
    });
    let client: S = listener.client();
    assert_eq!(client.login(me()).unwrap(), Login::Active);
    let late = thread::spawn({
        let client = client.clone();
        move || client.call(&GetProfileInfo)
    });
    gate.wait_for(1);
    client.call(&GetProfile).unwrap();
    assert_eq!(listener.count("/session/login"), 2);
    gate.open();
    late.join().unwrap().unwrap();
    let tokens: Vec<_> = listener
        .requests()
        .iter()
        .filter(|request| request.path() == "/profile/info")
        .map(|request| request.header("x-auth-token").unwrap().to_owned())
        .collect();
    assert_eq!(tokens, ["one", "two"]);
    assert_eq!((listener.count("/session/login"), listener.count("/session/keepalive")), (2, 1));
}

fn m43_a_token_that_expires_on_its_way_is_a_session_that_is_gone<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let client: S = stage.active();
    client.keepalive().unwrap();
    stage.emulator.set_faults([Fault::new(FaultKind::Expire).on("GET", "/profile")]).unwrap();
    assert_eq!(client.call(&GetProfile).unwrap().email, "user@example.com");
    let expected = [
        "GET /session/keepalive 200",
        "GET /profile 401",
        "GET /session/keepalive 401",
        "GET /session/login 200",
        "GET /profile 200",
    ];
    assert_eq!(asked(&stage), expected);
}
