//! Control requests under `/_emulator`, for tests in any language.

use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, HeaderName, Request, Response};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::body::Body;
use crate::emulator::Running;
use crate::faults::Plan;
use crate::response::{self, ErrorResponse};

/// Base path of the control requests.
pub(crate) const BASE: &str = "/_emulator";

/// Access to the control paths.
pub(crate) enum Access {
    /// Disabled.
    Off,
    /// Programs on this machine, but not web pages in its browsers.
    Local,
    /// Requests with this bearer token.
    Token(String),
}

impl Access {
    /// Rejects a request without access.
    pub(crate) fn check(&self, head: &Parts) -> Result<(), ErrorResponse> {
        match self {
            Self::Off => Err(ErrorResponse::unknown_path()),
            Self::Token(token) => {
                let sent = single_value(&head.headers, &AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
                match sent {
                    Some(sent) if equal_in_constant_time(sent.as_bytes(), token.as_bytes()) => Ok(()),
                    _ => Err(ErrorResponse::new(401, 14, "not authorised: control requests need the bearer token")),
                }
            }
            Self::Local => {
                let host = single_value(&head.headers, &HOST).filter(|host| is_local(host));
                let host = host.ok_or_else(|| forbidden("Host is not an address of this machine"))?;
                let own = |origin: &str| {
                    origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")) == Some(host)
                };
                if head.headers.contains_key(ORIGIN) && !single_value(&head.headers, &ORIGIN).is_some_and(own) {
                    return Err(forbidden("Origin is another site"));
                }
                Ok(())
            }
        }
    }
}

fn forbidden(why: &str) -> ErrorResponse {
    ErrorResponse::new(403, 50, format!("restriction: {why}"))
}

/// Returns the value of a header that occurs exactly once.
fn single_value<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())?.to_str().ok()
}

/// Returns `true` for `localhost` or a loopback address, with or without a port. The owner of any other name may point
/// it to this machine (DNS rebinding), so that its web page would count as the same origin.
fn is_local(authority: &str) -> bool {
    let Ok(parsed) = authority.parse::<Authority>() else { return false };
    let host = parsed.host();
    let is_loopback = || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback());
    !authority.contains('@') && (host.eq_ignore_ascii_case("localhost") || host == "[::1]" || is_loopback())
}

/// Compares in a time that does not depend on where the values differ.
fn equal_in_constant_time(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |different, (a, b)| different | (a ^ b)) == 0
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Clock {
    advance_s: f64,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Expire {
    user: Option<String>,
}

pub(crate) fn handle(running: &mut Running, request: &Request<Bytes>) -> Response<Body> {
    perform(running, request).unwrap_or_else(ErrorResponse::into_response)
}

fn perform(running: &mut Running, request: &Request<Bytes>) -> Result<Response<Body>, ErrorResponse> {
    let path = request.uri().path().strip_prefix(BASE).unwrap_or_default();
    match (request.method().as_str(), path) {
        ("GET", "/health") => return Ok(response::ok(&json!({ "status": "ok" }))),
        ("GET", "/requests") => return Ok(response::ok(&requests(running))),
        ("GET", "/code") => {
            let user = user_of(request)?;
            let code = running.server.code(running.now(), &user).ok_or_else(no_user)?;
            return Ok(response::ok(&json!({ "code": code })));
        }
        ("POST", "/clock") => {
            let Clock { advance_s } = json_of(request)?;
            let by = Duration::try_from_secs_f64(advance_s);
            running.advance(by.map_err(|_| ErrorResponse::bad("advance_s must be a number of seconds, not negative"))?);
        }
        ("POST", "/expire") => {
            let Expire { user } = if request.body().is_empty() { Expire::default() } else { json_of(request)? };
            if !running.server.expire(user.as_deref()) {
                return Err(no_user());
            }
        }
        ("POST", "/faults") => {
            let plan = Plan::new(json_of(request)?).map_err(|error| ErrorResponse::bad(error.to_string()))?;
            running.faults = plan;
        }
        ("POST", "/reset") => running.reset(),
        (_, "/health" | "/requests" | "/code") => return Err(ErrorResponse::wrong_method(&["GET"])),
        (_, "/clock" | "/expire" | "/faults" | "/reset") => return Err(ErrorResponse::wrong_method(&["POST"])),
        _ => return Err(ErrorResponse::unknown_path()),
    }
    Ok(response::ok(&json!({})))
}

fn no_user() -> ErrorResponse {
    ErrorResponse::new(404, 20, "not found: the user does not exist or has no second factor")
}

fn user_of(request: &Request<Bytes>) -> Result<String, ErrorResponse> {
    let query = request.uri().query().and_then(|query| query.strip_prefix("user="));
    let user = percent_decode_str(query.ok_or_else(|| ErrorResponse::missing("user"))?).decode_utf8();
    Ok(user.map_err(|_| ErrorResponse::bad("user must be UTF-8"))?.into_owned())
}

fn json_of<T: DeserializeOwned>(request: &Request<Bytes>) -> Result<T, ErrorResponse> {
    serde_json::from_slice(request.body()).map_err(|error| ErrorResponse::bad(error.to_string()))
}

fn requests(running: &Running) -> Vec<serde_json::Value> {
    let requests = running.server.requests();
    requests
        .map(|one| {
            let headers =
                one.headers.iter().map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes())));
            json!({
                "at_s": one.at.as_secs_f64(),
                "method": one.method,
                "operation": one.operation,
                "path": one.path,
                "headers": headers.collect::<Vec<_>>(),
                "body_len": one.body_len,
                "status": one.status,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_this_machine_are_local() {
        for local in ["localhost", "LOCALHOST:1", "127.0.0.1:80", "127.1.2.3", "[::1]", "[::1]:80"] {
            assert!(is_local(local), "{local}");
        }
        let foreign = "emulator 127.0.0.1.evil.com localhost.evil.com 128.0.0.1 0.0.0.0 [::2] ::1 evil@127.0.0.1 127.1";
        for foreign in foreign.split(' ').chain([""]) {
            assert!(!is_local(foreign), "{foreign}");
        }
    }
}
