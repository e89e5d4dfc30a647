//! Responses that a server may send in a history.

use bytes::Bytes;
use http::Response;
use http::response::Builder;

use super::alphabet::Reply;

/// Every secret of a story begins like this, and nothing else does.
pub(super) const CANARY: &str = "canary";

/// Returns the response to an exchange of this endpoint; `serial` makes its ids unique.
pub(super) fn answer(reply: Reply, name: &str, serial: u64, second_factor: bool) -> Response<Bytes> {
    let id = format!("{CANARY}-token-{serial}");
    let granted = format!(r#"{{"session_id":"{id}"}}"#);
    match reply {
        Reply::Good if second_factor && name == "session.login" => {
            of(Response::builder().status(207).header("mfa-code", 71), &granted)
        }
        Reply::Good => match name {
            "session.login" | "session.second_factor" => with(200, &granted),
            "session.unblock_captcha" => with(200, r#"{"valid":true}"#),
            "profile.get" => with(200, r#"{"name":"Me","email":"me@example.com"}"#),
            _ => with(200, ""),
        },
        Reply::Partial(code) => match code {
            Some(code) => of(Response::builder().status(207).header("mfa-code", code), &granted),
            None => with(207, &granted),
        },
        Reply::Refusal(status, code) => with(status, &format!(r#"{{"code":{code},"msg":"no"}}"#)),
        Reply::RefusalWithId(status, code) => {
            let builder = Response::builder().status(status).header("x-auth-token", id);
            of(builder, &format!(r#"{{"code":{code},"msg":"no"}}"#))
        }
        Reply::Bare(status) => with(status, ""),
        Reply::Busy(status, wait) => match wait {
            "" => with(status, "<html>busy</html>"),
            wait => of(Response::builder().status(status).header("retry-after", wait), ""),
        },
        Reply::OtherJson => with(200, r#"{"valid":false,"session_id":null}"#),
        Reply::Garbage => with(200, "{\"session_id"),
    }
}

fn with(status: u16, body: &str) -> Response<Bytes> {
    of(Response::builder().status(status), body)
}

fn of(head: Builder, body: &str) -> Response<Bytes> {
    head.body(Bytes::copy_from_slice(body.as_bytes())).expect("known statuses and headers")
}
