//! Many callers on one session, and others that share it.

use std::sync::{Arc, Barrier};

use quatrix_emulator::{Fault, FaultKind};
use quatrix_proto::api::{GetProfile, LogOut};
use quatrix_proto::{Authorization, Endpoint as _, Error, LoggedOut, Login};
use quatrix_tests::conform;
use quatrix_tests::stage::{Stage, Wire, me};
use quatrix_tests::subject::Subject;

conform![
    m08_64_calls_on_an_expired_session_make_one_login,
    m10_when_the_login_fails_all_are_told_and_the_next_call_starts_afresh,
    another_process_logs_the_session_out,
    a_logout_ends_what_waits_and_nothing_revives_the_session,
];

const CALLERS: usize = 64;

fn m08_64_calls_on_an_expired_session_make_one_login<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let client: S = stage.client();
    assert_eq!(client.login(me("user@example.com")).unwrap(), Login::Active);
    for _ in 0..3 {
        stage.emulator.expire(None);
        let before = stage.count("/session/login");
        let emails = concurrency(&client, |client| client.call(&GetProfile).unwrap().email);
        assert!(emails.iter().all(|email| email == "user@example.com") && emails.len() == CALLERS);
        assert_eq!(stage.count("/session/login"), before + 1);
    }
}

fn m10_when_the_login_fails_all_are_told_and_the_next_call_starts_afresh<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let client: S = stage.client();
    assert_eq!(client.login(me("user@example.com")).unwrap(), Login::Active);
    let refuse = Fault::new(FaultKind::Status(401)).on("GET", "/session/login");
    stage.emulator.set_faults([refuse]).unwrap();
    stage.emulator.expire(None);
    let before = stage.count("/session/login");
    let errors = concurrency(&client, |client| client.call(&GetProfile).unwrap_err());
    assert!(errors.iter().all(|error| matches!(error, Error::LoggedOut(LoggedOut::Refused(_)))), "{errors:?}");
    assert_eq!(stage.count("/session/login"), before + 1, "a refused password is never sent again by itself");
    stage.emulator.set_faults([]).unwrap();
    assert_eq!(client.login(me("user@example.com")).unwrap(), Login::Active);
    assert_eq!(client.call(&GetProfile).unwrap().email, "user@example.com");
}

fn another_process_logs_the_session_out<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let client: S = stage.client();
    assert_eq!(client.login(me("user@example.com")).unwrap(), Login::Active);
    let saved = client.save().unwrap();
    let request = LogOut.prepare(saved.server()).unwrap().into_request(Authorization::Session(saved.token()));
    if matches!(wire, Wire::Plain) {
        in_another_process(&request);
    } else {
        let other: S = stage.client();
        other.resume(saved, None).unwrap();
        assert!(other.logout().unwrap().confirmed);
    }
    let before = stage.count("/session/login");
    assert_eq!(client.call(&GetProfile).unwrap().email, "user@example.com");
    assert_eq!(stage.count("/session/login"), before + 1);
}

fn a_logout_ends_what_waits_and_nothing_revives_the_session<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let client: S = stage.client();
    for _ in 0..5 {
        assert_eq!(client.login(me("user@example.com")).unwrap(), Login::Active);
        stage.emulator.expire(None);
        let logout = client.clone();
        let other = std::thread::spawn(move || logout.logout());
        for result in concurrency(&client, |client| client.call(&GetProfile)) {
            assert!(matches!(result, Ok(_) | Err(Error::LoggedOut(LoggedOut::ByUser))), "{result:?}");
        }
        other.join().unwrap().unwrap();
        assert!(matches!(client.call(&GetProfile), Err(Error::LoggedOut(LoggedOut::ByUser))));
    }
}

/// Lets many threads do the same at the same time.
fn concurrency<S: Subject, T: Send + 'static>(client: &S, act: impl Fn(&S) -> T + Clone + Send + 'static) -> Vec<T> {
    let barrier = Arc::new(Barrier::new(CALLERS));
    let threads: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (client, barrier, act) = (client.clone(), Arc::clone(&barrier), act.clone());
            std::thread::spawn(move || {
                barrier.wait();
                act(&client)
            })
        })
        .collect();
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

/// Sends a request from a separate process: this test binary, run for that alone.
fn in_another_process(request: &http::Request<bytes::Bytes>) {
    let token = request.headers()["x-auth-token"].to_str().unwrap();
    let host = request.uri().authority().unwrap().as_str();
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "concurrency::the_other_process", "--nocapture"])
        .env("QUATRIX_TESTS_OTHER", format!("{host} {} {token}", request.uri().path()))
        .stdout(std::process::Stdio::null())
        .status();
    assert!(status.unwrap().success());
}

#[test]
fn the_other_process() {
    use std::io::{Read as _, Write as _};

    let Ok(order) = std::env::var("QUATRIX_TESTS_OTHER") else { return };
    let [host, path, token] = order.split(' ').collect::<Vec<_>>()[..] else { panic!() };
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nx-auth-token: {token}\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
