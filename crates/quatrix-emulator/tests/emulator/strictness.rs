//! Only what some client in the field sends is taken.

use bytes::Bytes;
use http::Request;
use quatrix_emulator::Settings;
use serde_json::json;

use crate::support::{Answer, Memory, get};

const LOGIN: &str = "https://acme.quatrix.it/api/1.0/session/login";

#[test]
fn unknown_paths_are_not_found() {
    let mut memory = Memory::new();
    let id = memory.session();
    for path in ["/nothing", "/profile/", "/session", ""] {
        assert_eq!(memory.get(path, &id).refusal(), (404, 20), "{path}");
    }
    let outside = Request::get("/session/login").body(Bytes::new()).unwrap();
    assert_eq!(Answer::new(memory.send(outside)).refusal(), (404, 20));
}

#[test]
fn another_method_is_told_which_one_works() {
    let mut memory = Memory::new();
    let id = memory.session();
    let answer = memory.post("/session/keepalive", &id, &json!({}));
    assert_eq!(answer.refusal(), (405, 21));
    assert_eq!(answer.header("allow"), Some("GET"));
    let request = Request::put(LOGIN).body(Bytes::new()).unwrap();
    assert_eq!(Answer::new(memory.send(request)).header("allow"), Some("GET, POST"));
}

#[test]
fn what_is_known_and_not_emulated_says_so() {
    let mut memory = Memory::new();
    let answer = memory.get("/contact/metadata/4711", "no session at all");
    assert_eq!(answer.refusal(), (404, 21));
    assert_eq!(answer.header("x-quatrix-emulator"), Some("not-emulated"));
    assert_eq!(answer.json["details"], json!({ "operation": "GET /contact/metadata/{id}" }));
    assert_eq!(memory.get("/nothing", "").header("x-quatrix-emulator"), None);
}

#[test]
fn a_server_may_lack_an_operation() {
    let without = vec!["GET /profile".to_owned(), "GET /session/unblock-captcha".to_owned()];
    let mut memory = Memory::with(Settings { without, ..Settings::default() });
    let id = memory.session();
    assert_eq!(memory.get("/profile", &id).refusal(), (404, 20));
    assert_eq!(memory.get("/session/unblock-captcha?token=x", &id).refusal(), (405, 21));
    assert_eq!(memory.get("/profile/info", &id).status, 200);
}

#[test]
fn q03_a_nested_code_is_refused() {
    let mut memory = Memory::new();
    let id = memory.login("totp@example.com").session_id();
    let code = memory.code("totp@example.com");
    let nested = json!({ "auth_type": "2FA", "value": { "code": code } });
    assert_eq!(memory.post("/session/login", &id, &nested).status, 400);
    assert_eq!(memory.answer(&id, "2FA", &code).status, 200);
}

#[test]
fn a_second_factor_of_another_form_is_refused() {
    let mut memory = Memory::new();
    let id = memory.login("pin@example.com").session_id();
    for (body, code) in [
        (json!({ "auth_type": "PIN" }), 11),
        (json!({ "code": "24680" }), 11),
        (json!({ "auth_type": "pin", "code": "24680" }), 10),
        (json!({ "auth_type": "PIN", "code": 24680 }), 10),
        (json!({ "auth_type": "PIN", "code": "24680", "remember": true }), 10),
        (json!(["PIN", "24680"]), 10),
    ] {
        let answer = memory.post("/session/login", &id, &body);
        assert_eq!(answer.refusal(), (400, code), "{body}");
        assert!(!answer.json.to_string().contains("24680"), "{}", answer.json);
    }
}

#[test]
fn a_body_that_is_not_declared_as_json_is_refused() {
    let mut memory = Memory::new();
    let id = memory.login("pin@example.com").session_id();
    let body = r#"{"auth_type":"PIN","code":"24680"}"#;
    for (content_type, expected) in
        [(None, 400), (Some("text/plain"), 400), (Some("application/json; charset=utf-8"), 200)]
    {
        let mut request = Request::post(LOGIN).header("content-length", body.len()).header("x-auth-token", &id);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        assert_eq!(memory.send(request.body(Bytes::from(body)).unwrap()).status(), expected, "{content_type:?}");
    }
}

#[test]
fn a_post_says_how_long_it_is_and_does_not_lie() {
    let mut memory = Memory::new();
    let id = memory.login("pin@example.com").session_id();
    let body = r#"{"auth_type":"PIN","code":"24680"}"#;
    for (length, expected) in [(None, 400), (Some("33"), 400), (Some("x"), 400), (Some("34"), 200)] {
        let mut request = Request::post(LOGIN).header("content-type", "application/json").header("x-auth-token", &id);
        if let Some(length) = length {
            request = request.header("content-length", length);
        }
        assert_eq!(memory.send(request.body(Bytes::from(body)).unwrap()).status(), expected, "{length:?}");
    }
}

#[test]
fn a_get_has_no_body() {
    let mut memory = Memory::new();
    let id = memory.session();
    let request = get("/profile").header("x-auth-token", &id).body(Bytes::from("{}")).unwrap();
    assert_eq!(Answer::new(memory.send(request)).refusal(), (400, 10));
}

#[test]
fn a_query_that_no_client_sends_is_refused() {
    let mut memory = Memory::new();
    let id = memory.session();
    assert_eq!(memory.get("/profile?x=1", &id).refusal(), (400, 10));
    assert_eq!(memory.get("/session/unblock-captcha?token=a&token=b", &id).refusal(), (400, 10));
    assert_eq!(memory.get("/session/unblock-captcha?captcha=a", &id).refusal(), (400, 10));
}

#[test]
fn two_kinds_of_credentials_are_refused() {
    let mut memory = Memory::new();
    let id = memory.session();
    let request = get("/profile").header("x-auth-token", &id).header("authorization", "Bearer test-key-4711");
    assert_eq!(Answer::new(memory.send(request.body(Bytes::new()).unwrap())).refusal(), (400, 10));
}

#[test]
fn a_token_prefix_has_to_be_there_if_it_is_set() {
    let settings = Settings { token_prefix: Some("Token".to_owned()), ..Settings::default() };
    let mut memory = Memory::with(settings);
    let id = memory.session();
    for (token, expected) in
        [(id.clone(), 401), (format!("token {id}"), 401), (format!("Token{id}"), 401), (format!("Token {id}"), 200)]
    {
        assert_eq!(memory.get("/profile", &token).status, expected, "{token}");
    }
    let mut memory = Memory::new();
    let id = memory.session();
    assert_eq!(memory.get("/profile", &format!("Token {id}")).status, 401);
}
