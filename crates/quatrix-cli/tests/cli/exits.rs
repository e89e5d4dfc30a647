//! Each exit code, reached by what it stands for. 3 and 130 need a terminal: see `prompts`.

use quatrix_emulator::{CutPoint, Fault, FaultKind};
use serde_json::json;

use crate::support::{Canned, Ended, Home, PASSWORD, PIN, USER};

/// A call of a server that always answers so.
fn answered(status: u16, body: &str) -> Ended {
    let canned = Canned::json(status, body);
    let home = Home::new().without("QUATRIX_BASE_URL").with("QUATRIX_API_KEY", "key");
    home.run(&["api", "GET", "/x", "--base-url", &canned.base_url, "--retries", "0"])
}

#[test]
fn every_exit_code_is_reached() {
    let home = Home::new();
    home.log_in();
    let password = home.password_file();
    home.run(&["status"]).ok();
    assert_eq!(home.run(&["api", "PATCH", "/profile"]).code, Some(1));
    home.run(&["stat"]).failed(2);
    home.run(&["status", "--profile", "other"]).failed(4);
    assert_eq!(home.run(&["login", "--profile", "pin", "--user", PIN, "--password-file", &password]).code, Some(5));
    assert_eq!(home.run(&["api", "GET", "/nope"]).code, Some(6));
    assert_eq!(answered(403, r#"{"code":50,"msg":"restriction"}"#).code, Some(7));
    assert_eq!(answered(429, "{}").code, Some(8));
    home.run(&["status", "--base-url", "http://127.0.0.1:1/api/1.0", "--password-file", &password, "--user", "x"])
        .failed(9);
    assert_eq!(answered(503, "{}").code, Some(10));
    let elsewhere = Canned::start(302, "location: https://evil.example/x", "");
    home.run(&["status", "--base-url", &elsewhere.base_url, "--password-file", &password, "--user", "x"]).failed(11);
    home.run(&["status", "--api-key-file", "/nonexistent"]).failed(13);
    assert_eq!(answered(400, r#"{"code":30,"msg":"exists"}"#).code, Some(14));
    assert_eq!(answered(400, r#"{"code":122,"msg":"quota"}"#).code, Some(15));
}

#[test]
fn errors_are_json_where_json_is_asked_for() {
    let home = Home::new();
    let error = home.run(&["status", "--json"]).error_json();
    assert_eq!(error["error"]["exit"], 4);
    assert_eq!(error["error"]["name"], "login");
    assert_eq!(error["error"]["next"], "quatrix login");
    let usage = home.run(&["status", "--json", "--bogus"]).error_json();
    assert_eq!((&usage["error"]["exit"], &usage["error"]["name"]), (&json!(2), &json!("usage")));
    let busy = Canned::start(429, "content-type: application/json\nretry-after: 3600", "{}");
    let args = ["status", "--json", "--base-url", &busy.base_url, "--api-key-file", &home.password_file()];
    let busy = home.run(&args).error_json();
    assert_eq!((&busy["error"]["retry_after_s"], &busy["error"]["retryable"]), (&json!(3600), &json!(true)));
}

#[test]
fn m42_json_tells_whether_the_commands_own_request_may_have_been_executed() {
    let lost = |method: &str, path: &str| {
        let home = Home::new().with("QUATRIX_USER", USER).with("QUATRIX_PASSWORD", PASSWORD);
        home.emulator.set_faults([Fault::new(FaultKind::Cut(CutPoint::After)).on(method, path)]).unwrap();
        let error = home.run(&["api", "POST", "/file/makedir", "--json"]).error_json();
        assert_eq!(error["error"]["exit"], 9, "{error}");
        error["error"]["may_have_been_executed"].clone()
    };
    assert_eq!(lost("GET", "/session/login"), json!(false), "only the login was lost");
    assert_eq!(lost("POST", "/file/makedir"), json!(true));
}

#[test]
fn retries_are_as_many_as_asked_for() {
    let down = Canned::json(503, "{}");
    let home = Home::new();
    let key = home.password_file();
    for (retries, connections) in [("0", 1), ("1", 3)] {
        home.run(&["status", "--base-url", &down.base_url, "--api-key-file", &key, "--retries", retries]).failed(10);
        assert_eq!(down.connections(), connections);
    }
    home.run(&["status", "--retries", "many"]).failed(2);
    home.run(&["status", "--timeout", "soon"]).failed(2);
    home.run(&["status", "--profile", "../x"]).failed(2);
}

#[test]
fn a_server_that_says_nothing_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}/api/1.0", silent.local_addr().unwrap());
    let home = Home::new();
    let key = home.password_file();
    for limit in [["--timeout", "1s"], ["--max-time", "1s"]] {
        let args =
            [&["status", "--base-url", &base_url, "--api-key-file", &key, "--retries", "0"], &limit[..]].concat();
        let error = home.run(&args).failed(9);
        assert!(error.starts_with("quatrix: timed out"), "{error}");
    }
}
