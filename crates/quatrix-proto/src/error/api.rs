//! The server's own error model: `{code, msg, details}`.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::Shown;
use crate::wire;

/// The server understood the request and said no.
#[derive(Clone, PartialEq)]
pub struct ApiError {
    endpoint: &'static str,
    status: StatusCode,
    code: Option<ErrorCode>,
    message: Option<Box<str>>,
    details: Details,
    retry_after: Option<Duration>,
    after_attempt: bool,
}

/// Extension of a response: an earlier attempt of its call may have been executed.
#[derive(Clone)]
pub(crate) struct AfterAttempt;

impl ApiError {
    /// Reads whatever came: a body that is not the error model leaves just the status.
    pub(crate) fn read(endpoint: &'static str, response: &http::Response<Bytes>) -> Self {
        #[derive(Deserialize, Default)]
        struct Model {
            #[serde(default)]
            code: Value,
            #[serde(default)]
            msg: Value,
            #[serde(default)]
            details: Value,
        }
        let model: Model = match wire::is_json(response.headers()) {
            true => serde_json::from_slice(response.body()).unwrap_or_default(),
            false => Model::default(),
        };
        Self {
            endpoint,
            status: response.status(),
            code: integer(&model.code).map(ErrorCode),
            message: match model.msg {
                Value::String(text) if !text.is_empty() => Some(text.into()),
                _ => None,
            },
            details: Details(model.details),
            retry_after: crate::retry::retry_after(response.headers()),
            after_attempt: response.extensions().get::<AfterAttempt>().is_some(),
        }
    }

    /// The name of the endpoint that was refused.
    pub fn endpoint(&self) -> &'static str {
        self.endpoint
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The server's code.
    ///
    /// It is missing where something else answered: a proxy, a gateway, another service.
    pub fn code(&self) -> Option<ErrorCode> {
        self.code
    }

    /// The server's message, as it came.
    ///
    /// Escape it before it reaches a terminal.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// What else the server had to say.
    pub fn details(&self) -> &Details {
        &self.details
    }

    pub(crate) fn is_after_attempt(&self) -> bool {
        self.after_attempt
    }

    /// What `Retry-After` asked for, as a wait: seconds, or a date read against the `Date` of the same answer.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

/// Codes come as numbers; a number in quotes is taken as well.
fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.endpoint)?;
        match (&self.message, self.code) {
            (Some(message), Some(code)) => {
                write!(f, "{} (code {code}, status {})", Shown(message), self.status.as_u16())
            }
            (Some(message), None) => write!(f, "{} (status {})", Shown(message), self.status.as_u16()),
            (None, Some(code)) => write!(f, "refused with code {code}, status {}", self.status.as_u16()),
            (None, None) => write!(f, "refused with status {}", self.status),
        }
    }
}

impl fmt::Debug for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiError")
            .field("endpoint", &self.endpoint)
            .field("status", &self.status.as_u16())
            .field("code", &self.code)
            .field("message", &self.message.as_deref().map(|message| Shown(message).to_string()))
            .field("retry_after", &self.retry_after)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for ApiError {}

/// The free-form part of an error: a JSON object, other for each operation.
///
/// `Debug` hides it.
#[derive(Clone, Default, PartialEq)]
pub struct Details(Value);

impl Details {
    /// The member of that name, if it is text: the C# client reads `status`, `name` and, with code 74, `ip`.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// The whole as JSON; `null` where there was none.
    pub fn to_json(&self) -> String {
        self.0.to_string()
    }
}

impl fmt::Debug for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Details(..)")
    }
}

/// A code of the server's error model.
///
/// The set is open: the spec's range (-1 to 100) is exceeded in practice.
///
/// Source: constants of the vendor's C# client and the list in the vendor's documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorCode(pub i64);

impl ErrorCode {
    /// A parameter has a value that is not allowed.
    pub const BAD_PARAMETER: Self = Self(10);
    /// A parameter is missing.
    pub const MISSING_PARAMETER: Self = Self(11);
    /// No account has this host name.
    pub const BAD_HOSTNAME: Self = Self(12);
    /// The account is suspended.
    pub const ACCOUNT_SUSPENDED: Self = Self(13);
    /// Not authorised: no session, or one that has ended.
    pub const NOT_AUTHORISED: Self = Self(14);
    /// This user may not log in.
    pub const LOGIN_NOT_ALLOWED: Self = Self(15);
    /// No such file, user, share ..
    pub const NOT_FOUND: Self = Self(20);
    /// The operation is not supported.
    pub const NOT_SUPPORTED: Self = Self(21);
    /// There is something of that name already.
    pub const EXISTS: Self = Self(30);
    /// A permission is missing.
    pub const RESTRICTED: Self = Self(50);
    /// Something has expired.
    pub const EXPIRED: Self = Self(60);
    /// Not allowed; on logout also: not logged in.
    pub const NOT_ALLOWED: Self = Self(70);
    /// A code of an authenticator is needed.
    pub const SECOND_FACTOR_DUE: Self = Self(71);
    /// A PIN is needed.
    pub const PIN_DUE: Self = Self(73);
    /// The address of the caller is blocked.
    pub const BLOCKED: Self = Self(74);
    /// The second-factor code is wrong.
    pub const WRONG_CODE: Self = Self(83);
    /// The PIN is wrong.
    pub const WRONG_PIN: Self = Self(84);
    /// There is no data: treated as not found.
    pub const NO_DATA: Self = Self(90);
    /// The quota is used up.
    pub const QUOTA_EXCEEDED: Self = Self(122);
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, content_type: Option<&str>, body: &str) -> ApiError {
        let mut response = http::Response::builder().status(status);
        if let Some(content_type) = content_type {
            response = response.header("content-type", content_type);
        }
        ApiError::read("file.move", &response.body(Bytes::copy_from_slice(body.as_bytes())).unwrap())
    }

    #[test]
    fn the_error_model_is_read_whole() {
        let body = r#"{"code":30,"msg":"File exists","details":{"name":"a.txt"}}"#;
        let error = read(400, Some("application/json"), body);
        assert_eq!(error.code(), Some(ErrorCode::EXISTS));
        assert_eq!(error.message(), Some("File exists"));
        assert_eq!(error.details().text("name"), Some("a.txt"));
        assert_eq!(error.to_string(), "file.move: File exists (code 30, status 400)");
    }

    #[test]
    fn codes_outside_the_published_range_and_in_quotes_are_kept() {
        assert_eq!(read(400, None, r#"{"code":122}"#).code(), Some(ErrorCode::QUOTA_EXCEEDED));
        assert_eq!(read(400, None, r#"{"code":"20"}"#).code(), Some(ErrorCode::NOT_FOUND));
    }

    #[test]
    fn m20_html_or_nothing_leaves_the_status() {
        for (content_type, body) in [(Some("text/html"), "<h1>{\"code\":1}</h1>"), (None, ""), (None, "[[[")] {
            let error = read(502, content_type, body);
            assert_eq!((error.code(), error.message()), (None, None));
            assert_eq!(error.to_string(), "file.move: refused with status 502 Bad Gateway");
        }
    }

    #[test]
    fn debug_hides_the_details() {
        let error = read(400, None, r#"{"code":1,"msg":"no","details":{"token":"canary"}}"#);
        assert!(!format!("{error:?} {:?}", error.details()).contains("canary"));
    }
}
