//! Meaning of login responses.

use bytes::Bytes;

/// Meaning of a response for a login.
pub(super) enum Verdict {
    Granted(String),
    Partial(String),
    Refused,
    Nothing,
}

/// Body that is not JSON, or has no valid id.
pub(super) struct Unreadable;

impl Verdict {
    pub(super) fn read(response: &http::Response<Bytes>) -> Self {
        const CAPTCHA: Option<i64> = Some(72);

        let code = error_code(response);
        let signalled = code == CAPTCHA || mfa_code(response) == CAPTCHA;
        match (response.status().as_u16(), id_in(response).ok().flatten()) {
            (207, Some(id)) => Self::Partial(id),
            (200..300, Some(id)) => Self::Granted(id),
            (401, Some(id)) => Self::Partial(id),
            (400 | 403, Some(id)) if signalled => Self::Partial(id),
            (401, None) => Self::Refused,
            (400 | 403, _) if code.is_some() => Self::Refused,
            _ => Self::Nothing,
        }
    }
}

/// The session id in an answer, if there is one. A client can make nothing of a body that is cut off, whatever the
/// headers say.
pub(super) fn id_in(response: &http::Response<Bytes>) -> Result<Option<String>, Unreadable> {
    let in_body = match response.body().is_empty() {
        true => serde_json::Value::Null,
        false => json(response).ok_or(Unreadable)?,
    };
    match in_body.get("session_id") {
        None | Some(serde_json::Value::Null) => {
            Ok(response.headers().get("x-auth-token").and_then(|value| Some(value.to_str().ok()?.to_owned())))
        }
        Some(id) => id.as_str().map(|id| Some(id.to_owned())).ok_or(Unreadable),
    }
}

fn mfa_code(response: &http::Response<Bytes>) -> Option<i64> {
    response.headers().get("mfa-code")?.to_str().ok()?.trim().parse().ok()
}

fn error_code(response: &http::Response<Bytes>) -> Option<i64> {
    json(response)?.get("code")?.as_i64()
}

fn json(response: &http::Response<Bytes>) -> Option<serde_json::Value> {
    serde_json::from_slice(response.body()).ok()
}
