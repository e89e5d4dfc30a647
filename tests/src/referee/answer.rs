//! What the answers to a login say.

use bytes::Bytes;

/// What an answer says to a login.
pub(super) enum Verdict {
    Granted(String),
    Partial(String),
    Refused,
    Nothing,
}

impl Verdict {
    pub(super) fn read(response: &http::Response<Bytes>) -> Self {
        const CAPTCHA: Option<i64> = Some(72);

        let code = error_code(response);
        let signalled = code == CAPTCHA || mfa_code(response) == CAPTCHA;
        match (response.status().as_u16(), id_in(response)) {
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

/// The session id in an answer.
pub(super) fn id_in(response: &http::Response<Bytes>) -> Option<String> {
    let in_body = json(response).and_then(|json| Some(json.get("session_id")?.as_str()?.to_owned()));
    in_body.or_else(|| Some(response.headers().get("x-auth-token")?.to_str().ok()?.to_owned()))
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
