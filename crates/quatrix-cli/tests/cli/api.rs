//! `quatrix api`: any operation, and only ever of the account's own server.

use serde_json::{Value, json};

use crate::support::{Canned, Home};

fn home() -> Home {
    let home = Home::new();
    home.log_in();
    home
}

fn call(home: &Home, args: &[&str]) -> Value {
    serde_json::from_str(&home.run(&[&["api"], args].concat()).ok()).unwrap()
}

#[test]
fn fields_make_a_body_or_a_query() {
    let home = home();
    let root = call(&home, &["GET", "/profile"])["home_id"].as_str().unwrap().to_owned();
    let target = format!("target={root}");
    let made = call(&home, &["post", "/file/makedir", "-f", &target, "-f", "name=Q1=2", "-F", "resolve:=false"]);
    assert_eq!(made["name"], "Q1=2");
    let listed = call(&home, &["GET", &format!("/file/metadata/{root}"), "-F", "content:=1"]);
    assert_eq!(listed["content"][0]["name"], "Q1=2");
    let bare = call(&home, &["GET", &format!("/file/metadata/{root}"), "-f", "content=0"]);
    assert_eq!(bare["content"].as_array().map_or(0, Vec::len), 0);
}

#[test]
fn a_body_comes_from_a_file_or_standard_input() {
    let home = home();
    let root = call(&home, &["GET", "/profile"])["home_id"].clone();
    let body = |name: &str| json!({ "target": root, "name": name, "resolve": false }).to_string();
    let path = home.write("body.json", &body("one")).display().to_string();
    assert_eq!(call(&home, &["POST", "/file/makedir", "--input", &path])["name"], "one");
    let made = home.run_with_stdin(&["api", "POST", "/file/makedir", "--input", "-"], &body("two")).ok();
    assert!(made.contains("\"two\""), "{made}");
    assert!(home.run(&["api", "POST", "/x", "--input", "/nonexistent"]).failed(13).contains("/nonexistent"));
    home.run(&["api", "POST", "/x", "--input", &path, "-f", "a=b"]).failed(2);
}

#[test]
fn status_and_headers_are_shown_on_request() {
    let shown = home().run(&["api", "GET", "/profile", "-i"]).ok();
    assert!(shown.starts_with("HTTP/1.1 200 OK\ncontent-type: application/json\n"), "{shown}");
    assert!(shown.contains("\n\n{\""), "{shown}");
    let home = Home::new().without("QUATRIX_BASE_URL").with("QUATRIX_API_KEY", "key");
    let canned = Canned::start(200, "x-auth-token: canary\nset-cookie: canary\nx-evil: a\u{202e}b", "{}");
    let shown = home.run(&["api", "GET", "/x", "-i", "--base-url", &canned.base_url]).ok();
    assert!(shown.contains("\nx-auth-token: ***\nset-cookie: ***\nx-evil: a\\u{202e}b\n"), "{shown}");
}

#[test]
fn a_refusal_is_printed_and_decides_the_exit_code() {
    let refused = home().run(&["api", "GET", "/nope"]);
    assert_eq!(refused.code, Some(6));
    assert_eq!(refused.json()["code"], 20);
    assert!(refused.err.starts_with("quatrix: GET: status 404 Not Found: not found"), "{}", refused.err);
    let json = home().run(&["api", "GET", "/nope", "--json"]).error_json();
    assert_eq!((&json["error"]["status"], &json["error"]["code"]), (&json!(404), &json!(20)));
}

#[test]
fn only_a_path_is_taken_and_no_credentials() {
    let home = home();
    let asked = home.asked().len();
    for args in [
        &["GET", "https://evil.example/"][..],
        &["GET", "//evil.example/"],
        &["GET", "/../../x"],
        &["GET", "profile"],
        &["TRACE", "/profile"],
        &["GET", "/profile", "-H", "X-Auth-Token: x"],
        &["GET", "/profile", "-H", "Authorization: Bearer x"],
        &["GET", "/profile", "-H", "Cookie: x"],
        &["GET", "/profile", "-H", "Host: evil.example"],
        &["GET", "/profile", "-H", "Upgrade: h2c"],
        &["GET", "/profile", "-H", "TE: trailers"],
        &["GET", "/profile", "-H", "Expect: 100-continue"],
        &["GET", "/profile", "-H", "no-colon"],
        &["GET", "/profile", "-f", "no-equals-sign"],
        &["GET", "/profile", "-F", "a:=canary"],
    ] {
        let error = home.run(&[&["api"], args].concat()).failed(2);
        assert!(!error.contains("canary"), "{error}");
    }
    assert_eq!(home.asked().len(), asked);
}

#[test]
fn a_header_goes_along() {
    let home = home();
    home.run(&["api", "GET", "/profile", "-H", "X-Gateway: blue"]).ok();
    let last = home.emulator.requests().pop().unwrap();
    assert_eq!(last.headers["x-gateway"], "blue");
    assert!(last.headers["user-agent"].to_str().unwrap().starts_with("quatrix-cli/"));
}

#[test]
fn bytes_are_passed_on_as_they_come() {
    let home = Home::new().without("QUATRIX_BASE_URL").with("QUATRIX_API_KEY", "key");
    let canned = Canned::start(200, "content-type: text/csv", "id;name\r\n1;x\x1b[31m\r\n");
    let out = home.run(&["api", "GET", "/tracking/csv", "--base-url", &canned.base_url]).ok();
    assert_eq!(out, "id;name\r\n1;x\x1b[31m\r\n");
}
