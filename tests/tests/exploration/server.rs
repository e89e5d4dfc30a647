//! Unconstrained server and network: every plausible result of an exchange.

use bytes::Bytes;
use quatrix_proto::{TransportError, TransportErrorKind};

/// Purpose of an exchange, as far as its responses differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    Login,
    Code,
    Captcha,
    KeepAlive,
    Logout,
    Other,
}

/// Result of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// 200, with a new token where one is due.
    Ok,
    /// 200, and the old token stays.
    OkWithoutToken,
    /// 207: a code is due.
    CodeIsDue,
    /// 207 or 401: a captcha is due.
    CaptchaIsDue,
    /// 401 of the usual kind for this purpose.
    Refused,
    /// 401, since the partial session has ended.
    Expired,
    /// 404.
    Unknown,
    /// 503.
    Unavailable,
    /// It may have arrived.
    Lost,
    /// It cannot have arrived.
    Unsent,
    /// Its driver gave it up.
    Aborted,
}

/// Possible results of an exchange.
#[derive(Clone, Copy)]
pub(crate) struct Whims {
    pub(crate) codes: bool,
    pub(crate) captchas: bool,
}

impl Purpose {
    pub(crate) fn of(endpoint: &str) -> Self {
        match endpoint {
            "session.login" => Self::Login,
            "session.second_factor" => Self::Code,
            "session.unblock_captcha" => Self::Captcha,
            "session.keepalive" => Self::KeepAlive,
            "session.logout" => Self::Logout,
            _ => Self::Other,
        }
    }

    /// All that may come of it.
    pub(crate) fn fates(self, whims: Whims) -> impl Iterator<Item = Fate> {
        use Fate::*;
        let fates: &[Fate] = match self {
            Self::Login => &[Ok, CodeIsDue, CaptchaIsDue, Refused, Unavailable, Lost, Unsent, Aborted],
            Self::Code => &[Ok, OkWithoutToken, CodeIsDue, CaptchaIsDue, Refused, Expired, Unavailable, Lost, Aborted],
            Self::Captcha => &[Ok, Refused, Unknown, Unavailable, Lost, Aborted],
            Self::KeepAlive | Self::Other => &[Ok, Refused, Unavailable, Lost, Unsent, Aborted],
            Self::Logout => &[Ok, Unavailable, Lost],
        };
        fates.iter().copied().filter(move |fate| match fate {
            CodeIsDue | Expired => whims.codes,
            CaptchaIsDue => whims.captchas,
            _ => true,
        })
    }

    /// Response or failure; `token` is a new one.
    pub(crate) fn come_to(self, fate: Fate, token: &str) -> Result<http::Response<Bytes>, TransportError> {
        let granted = format!(r#"{{"session_id":"{token}"}}"#);
        let (status, mfa_code, body) = match (fate, self) {
            (Fate::Ok, Self::Login | Self::Code) => (200, None, granted),
            (Fate::Ok, Self::Captcha) => (200, None, r#"{"valid":true}"#.into()),
            (Fate::Ok, Self::KeepAlive | Self::Logout) | (Fate::OkWithoutToken, _) => (200, None, String::new()),
            (Fate::Ok, Self::Other) => (200, None, "{}".into()),
            (Fate::CodeIsDue, _) => (207, Some("71"), granted),
            (Fate::CaptchaIsDue, Self::Code) => (401, None, error(72)),
            (Fate::CaptchaIsDue, _) => (207, Some("72"), granted),
            (Fate::Refused, Self::Captcha) => (401, None, r#"{"valid":false}"#.into()),
            (Fate::Refused, _) => (401, None, error(83)),
            (Fate::Expired, _) => (401, None, error(60)),
            (Fate::Unknown, _) => (404, None, error(21)),
            (Fate::Unavailable, _) => (503, None, String::new()),
            (Fate::Lost, _) => return Err(TransportError::maybe_sent(TransportErrorKind::Interrupted)),
            (Fate::Unsent, _) => return Err(TransportError::unsent(TransportErrorKind::Connect)),
            (Fate::Aborted, _) => return Err(TransportError::aborted()),
        };
        let mut response = http::Response::builder().status(status);
        if let Some(code) = mfa_code {
            response = response.header("mfa-code", code);
        }
        Ok(response.body(Bytes::from(body)).expect("status and header are legal"))
    }
}

fn error(code: i64) -> String {
    format!(r#"{{"code":{code},"msg":"no"}}"#)
}
