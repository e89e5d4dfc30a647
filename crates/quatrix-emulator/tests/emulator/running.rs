//! The emulator behind a socket.

use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use quatrix_emulator::{Account, Accounts, Emulator, Settings};
use serde_json::json;

use crate::support::NONE;
use crate::wire::{Wire, secured};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_whole_session_runs_over_one_connection() {
    let emulator = Emulator::start().unwrap();
    assert_eq!(emulator.url(), format!("http://{}", emulator.address()));
    assert_eq!(emulator.api(), format!("{}/api/1.0", emulator.url()));
    assert_eq!((emulator.ca_cert_pem(), emulator.ca_cert_path()), (None, None));
    let mut wire = Wire::connect(emulator.url(), None);
    let id = wire.login("totp@example.com").session_id();
    let code = emulator.code("totp@example.com").unwrap();
    let body = json!({ "auth_type": "2FA", "code": code }).to_string();
    assert_eq!(wire.json("POST", "/api/1.0/session/login", &[("x-auth-token", &id)], &body).status, 200);
    assert_eq!(wire.profile(&id).json["email"], "totp@example.com");
    assert_eq!(wire.json("GET", "/api/1.0/session/logout", &[("x-auth-token", &id)], "").json, NONE);
    assert_eq!(wire.profile(&id).status, 401);
}

#[test]
fn tls_is_spoken_for_the_loopback_names_and_trusted_through_the_fresh_authority() {
    let emulator = Emulator::builder().tls().start().unwrap();
    let pem = emulator.ca_cert_pem().unwrap();
    assert_eq!(std::fs::read_to_string(emulator.ca_cert_path().unwrap()).unwrap(), pem);
    assert_eq!(Wire::connect(emulator.url(), Some(pem)).login("user@example.com").status, 200);

    let handshake = |pem: &str, name: &str| {
        let mut stream = secured(TcpStream::connect(emulator.address()).unwrap(), pem, name);
        stream.write_all(b"\r\n").map_err(|error| error.to_string())
    };
    for name in ["localhost", "127.0.0.1", "::1"] {
        assert_eq!(handshake(pem, name), Ok(()), "{name}");
    }
    assert!(handshake(pem, "example.com").unwrap_err().contains("not valid for name"));
    let other = Emulator::builder().tls().start().unwrap();
    assert!(handshake(other.ca_cert_pem().unwrap(), "localhost").unwrap_err().contains("certificate"));
}

#[test]
fn nothing_is_left_when_it_is_dropped() {
    let emulator = Emulator::builder().tls().start().unwrap();
    let (address, path) = (emulator.address(), emulator.ca_cert_path().unwrap().to_owned());
    let mut open = Wire::connect(emulator.url(), emulator.ca_cert_pem());
    open.login("user@example.com");
    drop(emulator);
    assert!(open.receive().is_err());
    assert!(TcpStream::connect(address).is_err());
    assert!(!path.exists());
}

#[test]
fn time_passes_for_sessions_when_told_so() {
    let emulator = Emulator::start().unwrap();
    let mut wire = Wire::connect(emulator.url(), None);
    let id = wire.login("user@example.com").session_id();
    emulator.advance(HOUR / 5);
    assert_eq!(wire.profile(&id).status, 200);
    emulator.advance(HOUR / 4);
    assert_eq!(wire.profile(&id).status, 401);
    emulator.advance(Duration::MAX);
    assert_eq!(wire.login("user@example.com").status, 200);
}

#[test]
fn sessions_end_and_all_begins_anew_when_told_so() {
    let emulator = Emulator::start().unwrap();
    let mut wire = Wire::connect(emulator.url(), None);
    let id = wire.login("user@example.com").session_id();
    assert!(!emulator.expire(Some("nobody@example.com")));
    assert!(emulator.expire(Some("user@example.com")));
    assert_eq!(wire.profile(&id).status, 401);
    emulator.advance(HOUR);
    emulator.reset();
    assert_eq!(emulator.requests(), []);
    wire.login("user@example.com");
    assert!(emulator.requests()[0].at < HOUR);
}

#[test]
fn settings_accounts_and_a_seed_are_used() {
    let start = || {
        let emulator = Emulator::builder()
            .settings(Settings { pin_mfa_code: None, ..Settings::default() })
            .accounts(Accounts::new(vec![Account::new("ann@example.com", crate::support::PASSWORD)]))
            .seed(11)
            .start()
            .unwrap();
        let id = Wire::connect(emulator.url(), None).login("ann@example.com").session_id();
        (emulator, id)
    };
    let (emulator, id) = start();
    assert_eq!(Wire::connect(emulator.url(), None).login("user@example.com").status, 401);
    assert_eq!(start().1, id);
    let random = Emulator::start().unwrap();
    assert_ne!(Wire::connect(random.url(), None).login("user@example.com").session_id(), id);
}

#[test]
fn each_request_is_reported() {
    let (sender, reported) = mpsc::channel();
    let emulator = Emulator::builder().on_request(move |one| sender.send(one.to_string()).unwrap()).start().unwrap();
    let mut wire = Wire::connect(emulator.url(), None);
    wire.login("user@example.com");
    wire.profile("x");
    drop(emulator);
    let lines: Vec<_> = reported.iter().collect();
    assert_eq!(lines, ["GET /api/1.0/session/login -> 200", "GET /api/1.0/profile -> 401"]);
}

#[test]
fn the_control_paths_do_what_the_methods_do() {
    let emulator = Emulator::builder().control().start().unwrap();
    let mut wire = Wire::connect(emulator.url(), None);
    let mut control = |method: &str, path: &str, body: &str| {
        let answer = wire.json(method, &format!("/_emulator{path}"), &[], body);
        (answer.status, answer.json)
    };
    let mut client = Wire::connect(emulator.url(), None);
    assert_eq!(control("GET", "/health", ""), (200, json!({ "status": "ok" })));
    let pin = control("GET", "/code?user=pin%40example.com", "");
    assert_eq!(pin, (200, json!({ "code": "24680" })));

    let id = client.login("user@example.com").session_id();
    assert_eq!(control("POST", "/clock", r#"{"advance_s": 899.5}"#).0, 200);
    assert_eq!(client.profile(&id).status, 200);
    assert_eq!(control("POST", "/clock", r#"{"advance_s": 900}"#).0, 200);
    assert_eq!(client.profile(&id).status, 401);
    for body in ["", "{}", r#"{"user": "user@example.com"}"#] {
        let id = client.login("user@example.com").session_id();
        assert_eq!(control("POST", "/expire", body).0, 200);
        assert_eq!(client.profile(&id).status, 401, "{body}");
    }

    let (_, requests) = control("GET", "/requests", "");
    assert_eq!(requests.as_array().unwrap().len(), 9);
    let first = &requests[0];
    assert_eq!(
        (&first["method"], &first["operation"], &first["path"], &first["status"], &first["body_len"]),
        (&json!("GET"), &json!("/session/login"), &json!("/api/1.0/session/login"), &json!(200), &json!(0))
    );
    assert!(first["headers"].as_array().unwrap().contains(&json!(["authorization", "Basic ***"])));
    assert!(!requests.to_string().contains(&id));

    assert_eq!(control("POST", "/reset", "").0, 200);
    assert_eq!(control("GET", "/requests", ""), (200, json!([])));
}

#[test]
fn a_wrong_use_of_the_control_paths_is_an_error() {
    let emulator = Emulator::builder().control().start().unwrap();
    let mut wire = Wire::connect(emulator.url(), None);
    let mut refusal =
        |method: &str, path: &str, body: &str| wire.json(method, &format!("/_emulator{path}"), &[], body).refusal();
    assert_eq!(refusal("GET", "/code?user=nobody", ""), (404, 20));
    assert_eq!(refusal("GET", "/code?user=user@example.com", ""), (404, 20));
    assert_eq!(refusal("GET", "/code", ""), (400, 11));
    assert_eq!(refusal("POST", "/clock", r#"{"advance_s": -1}"#), (400, 10));
    assert_eq!(refusal("POST", "/clock", "{}"), (400, 10));
    assert_eq!(refusal("POST", "/expire", r#"{"user": "nobody"}"#), (404, 20));
    assert_eq!(refusal("GET", "/reset", ""), (405, 21));
    assert_eq!(refusal("POST", "/health", ""), (405, 21));
    assert_eq!(refusal("GET", "/nothing", ""), (404, 20));
}

#[test]
fn there_are_no_control_paths_unless_asked_for() {
    let emulator = Emulator::start().unwrap();
    let mut wire = Wire::connect(emulator.url(), None);
    assert_eq!(wire.json("GET", "/_emulator/health", &[], "").refusal(), (404, 20));
}
