//! `/_emulator`: what tests in any language may do to the emulator.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::body::Body;
use crate::emulator::Running;
use crate::faults::Plan;
use crate::reply::{self, Problem};

/// The path that all of it is under.
pub(crate) const BASE: &str = "/_emulator";

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

pub(crate) fn answer(running: &mut Running, request: &Request<Bytes>) -> Response<Body> {
    perform(running, request).unwrap_or_else(Problem::into_response)
}

fn perform(running: &mut Running, request: &Request<Bytes>) -> Result<Response<Body>, Problem> {
    let path = request.uri().path().strip_prefix(BASE).unwrap_or_default();
    match (request.method().as_str(), path) {
        ("GET", "/health") => return Ok(reply::ok(&json!({ "status": "ok" }))),
        ("GET", "/requests") => return Ok(reply::ok(&requests(running))),
        ("GET", "/code") => {
            let user = user_of(request)?;
            let code = running.server.code(running.now(), &user).ok_or_else(no_user)?;
            return Ok(reply::ok(&json!({ "code": code })));
        }
        ("POST", "/clock") => {
            let Clock { advance_s } = json_of(request)?;
            let by = Duration::try_from_secs_f64(advance_s);
            running.advance(by.map_err(|_| Problem::bad("advance_s is no length of time"))?);
        }
        ("POST", "/expire") => {
            let Expire { user } = if request.body().is_empty() { Expire::default() } else { json_of(request)? };
            if !running.server.expire(user.as_deref()) {
                return Err(no_user());
            }
        }
        ("POST", "/faults") => {
            let plan = Plan::new(json_of(request)?).map_err(|error| Problem::bad(error.to_string()))?;
            running.faults = plan;
        }
        ("POST", "/reset") => running.reset(),
        (_, "/health" | "/requests" | "/code") => return Err(Problem::wrong_method(&["GET"])),
        (_, "/clock" | "/expire" | "/faults" | "/reset") => return Err(Problem::wrong_method(&["POST"])),
        _ => return Err(Problem::unknown_path()),
    }
    Ok(reply::ok(&json!({})))
}

fn no_user() -> Problem {
    Problem::new(404, 20, "not found: no such user, or one without a second factor")
}

fn user_of(request: &Request<Bytes>) -> Result<String, Problem> {
    let query = request.uri().query().and_then(|query| query.strip_prefix("user="));
    let user = percent_decode_str(query.ok_or_else(|| Problem::missing("user"))?).decode_utf8();
    Ok(user.map_err(|_| Problem::bad("user is not UTF-8"))?.into_owned())
}

fn json_of<T: DeserializeOwned>(request: &Request<Bytes>) -> Result<T, Problem> {
    serde_json::from_slice(request.body()).map_err(|error| Problem::bad(error.to_string()))
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
