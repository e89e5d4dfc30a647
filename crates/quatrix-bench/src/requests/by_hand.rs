//! Code written by hand for these requests alone.

use std::hint::black_box;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, USER_AGENT};
use http::request::Builder;
use http::{Request, Response};
use serde::{Deserialize, Serialize};

use super::ours::response;

pub(super) const SESSION: &str = "3f0e5b1c-4a7d-4c8e-9f6a-1b2c3d4e5f60";
pub(super) const FILE: &str = "9d3a1f42-7b55-4e0b-8f0c-2a6f4f6f1c11";
const BASE: &str = "https://acme.quatrix.it/api/1.0";

pub(super) static LOGIN: LazyLock<Bytes> = LazyLock::new(|| format!(r#"{{"session_id":"{SESSION}"}}"#).into());
pub(super) static REFUSAL: LazyLock<Bytes> =
    LazyLock::new(|| Bytes::from_static(br#"{"code":21,"msg":"Session is expired","details":"log in again"}"#));
pub(super) static PROFILE: LazyLock<Bytes> = LazyLock::new(|| {
    Bytes::from_static(br#"{"id":"7b1c","email":"user@example.com","name":"A User","super_admin":"N","status":"A"}"#)
});
pub(super) static LISTING: LazyLock<Bytes> = LazyLock::new(|| {
    let file = |number: usize| {
        format!(
            r#"{{"id":"9d3a1f42-7b55-4e0b-8f0c-{number:012}","parent_id":"{FILE}","name":"report {number}.pdf",
            "type":"F","size":{number},"created":1700000000,"modified":1700000000,"modified_ms":1700000000.25,
            "operations":255}}"#
        )
    };
    let files = (0..1000).map(file).collect::<Vec<_>>().join(",");
    format!(r#"{{"id":"{FILE}","name":"in","type":"D","content":[{files}]}}"#).into()
});

fn head(method: &str, path: &str) -> Builder {
    Request::builder()
        .method(method)
        .uri(format!("{BASE}{path}"))
        .header(CONTENT_TYPE, "application/json")
        .header(ACCEPT, "application/json")
        .header(ACCEPT_ENCODING, "identity")
        .header(USER_AGENT, "by-hand/1.0")
}

fn get(path: &str) {
    black_box(head("GET", path).header("x-auth-token", SESSION).body(Bytes::new()).expect("it is well formed"));
}

fn post(path: &str, body: &impl Serialize) {
    let body = serde_json::to_vec(body).expect("it can be written");
    let request = head("POST", path).header("x-auth-token", SESSION).header(CONTENT_LENGTH, body.len());
    black_box(request.body(Bytes::from(body)).expect("it is well formed"));
}

pub(super) fn log_in() {
    let basic = format!("Basic {}", STANDARD.encode("user@example.com:only-for-tests-4711"));
    let request = head("GET", "/session/login").header(AUTHORIZATION, basic);
    black_box(request.body(Bytes::new()).expect("it is well formed"));
}

pub(super) fn second_factor() {
    #[derive(Serialize)]
    struct Code<'a> {
        auth_type: &'a str,
        code: &'a str,
    }
    post("/session/login", &Code { auth_type: "2FA", code: "654321" });
}

pub(super) fn keep_alive() {
    get("/session/keepalive");
}

pub(super) fn log_out() {
    get("/session/logout");
}

pub(super) fn captcha() {
    #[derive(Serialize)]
    struct Token<'a> {
        token: &'a str,
    }
    post("/session/unblock-captcha", &Token { token: "solved" });
}

pub(super) fn file() {
    get(&format!("/file/metadata/{FILE}?content=0"));
}

pub(super) fn folder() {
    #[derive(Serialize)]
    struct Folder<'a> {
        target: &'a str,
        name: &'a str,
        resolve: bool,
    }
    post("/file/makedir", &Folder { target: FILE, name: "reports", resolve: false });
}

fn decode<'a, T: Deserialize<'a>>(response: &'a Response<Bytes>) -> T {
    serde_json::from_slice(response.body()).expect("it has these fields")
}

pub(super) fn decode_login() {
    #[derive(Deserialize)]
    struct Login {
        session_id: String,
    }
    let response = response(200, &LOGIN);
    assert!(response.status() == 200);
    black_box(decode::<Login>(&response).session_id);
}

pub(super) fn decode_refusal() {
    #[derive(Deserialize)]
    struct Refusal {
        code: i64,
        msg: String,
        details: String,
    }
    let response = response(401, &REFUSAL);
    let refusal: Refusal = decode(&response);
    black_box((refusal.code, refusal.msg, refusal.details));
}

pub(super) fn decode_listing() {
    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only the decoding is measured")]
    struct File {
        id: String,
        parent_id: Option<String>,
        name: String,
        r#type: String,
        size: Option<u64>,
        created: Option<i64>,
        modified: Option<i64>,
        modified_ms: Option<f64>,
        operations: Option<i64>,
        #[serde(default)]
        content: Vec<Self>,
    }
    let response = response(200, &LISTING);
    assert_eq!(black_box(decode::<File>(&response)).content.len(), 1000);
}

pub(super) fn whole_login() {
    log_in();
    decode_login();
}

pub(super) fn whole_call() {
    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only the decoding is measured")]
    struct Profile {
        id: String,
        email: String,
        name: String,
        super_admin: String,
        status: String,
    }
    get("/profile");
    black_box(decode::<Profile>(&response(200, &PROFILE)));
}
