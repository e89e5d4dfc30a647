//! A response that an endpoint cannot have sent.

use std::fmt;

use bytes::Bytes;
use http::StatusCode;

/// Response that the endpoint cannot have sent: it comes from another service, or a proxy changed it.
///
/// It names the field, never a value: a response may hold a session id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidResponse {
    endpoint: &'static str,
    status: StatusCode,
    kind: InvalidResponseKind,
}

/// Kind of an invalid response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidResponseKind {
    /// A success with a body of another type than JSON: often the web page of a proxy, or a wrong base URL.
    NotJsonType,
    /// The body is not JSON, or ends early, at this line and column.
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Counted from 1.
        column: usize,
    },
    /// A field that the endpoint cannot do without is missing, or stands there twice.
    Field(Box<str>),
    /// A field has a value of another type or range than it can have.
    Value(Box<str>),
    /// A success without a usable session id.
    NoSessionId,
    /// A success with a status that this endpoint does not give.
    Status,
    /// A range was answered with other bytes than the ones asked for.
    Range,
}

impl InvalidResponse {
    pub(crate) fn new(endpoint: &'static str, status: StatusCode, kind: InvalidResponseKind) -> Self {
        Self { endpoint, status, kind }
    }

    /// Turns a JSON error into one that quotes nothing of the body but the name of a field.
    pub(crate) fn from_json(
        endpoint: &'static str,
        response: &http::Response<Bytes>,
        error: &serde_json::Error,
    ) -> Self {
        let kind = match error.classify() {
            serde_json::error::Category::Data => data_error_kind(response.body(), error),
            _ => InvalidResponseKind::NotJson { line: error.line(), column: error.column() },
        };
        Self::new(endpoint, response.status(), kind)
    }

    /// The name of the endpoint.
    pub fn endpoint(&self) -> &'static str {
        self.endpoint
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The kind of the defect.
    pub fn kind(&self) -> &InvalidResponseKind {
        &self.kind
    }
}

/// serde quotes field names of our own structs between back ticks, and values of the server elsewhere: only the two
/// forms known to hold a name of ours are taken, everything else is located in the body.
fn data_error_kind(body: &[u8], error: &serde_json::Error) -> InvalidResponseKind {
    let text = error.to_string();
    for form in ["missing field `", "duplicate field `"] {
        if let Some((name, _)) = text.strip_prefix(form).and_then(|rest| rest.split_once('`')) {
            return InvalidResponseKind::Field(name.into());
        }
    }
    InvalidResponseKind::Value(key_before(body, error.line(), error.column()).into())
}

/// The last object key that starts before a position: the field whose value does not fit.
fn key_before(body: &[u8], line: usize, column: usize) -> &str {
    const NONE: &str = "(top level)";
    let start: usize = body.split_inclusive(|&b| b == b'\n').take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    let before = &body[..body.len().min(start.saturating_add(column))];
    // A name is quote, plain characters, quote, colon; a value that only looks so is followed by no colon.
    let mut end = before.len();
    while let Some(colon) = before[..end].iter().rposition(|&b| b == b':') {
        let named = before[..colon].trim_ascii_end().strip_suffix(b"\"");
        if let Some(rest) = named
            && let Some(open) = rest.iter().rposition(|&b| b == b'"')
            && let name = &rest[open + 1..]
            && (1..=40).contains(&name.len())
            && name.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'_')
        {
            return std::str::from_utf8(name).unwrap_or(NONE);
        }
        end = colon;
    }
    NONE
}

impl fmt::Display for InvalidResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: invalid response (status {}): ", self.endpoint, self.status.as_u16())?;
        match &self.kind {
            InvalidResponseKind::NotJsonType => f.write_str("body is not JSON; check the base URL"),
            InvalidResponseKind::NotJson { line, column } => {
                write!(f, "body is not JSON at line {line}, column {column}")
            }
            InvalidResponseKind::Field(name) => write!(f, "field {name} is missing or duplicated"),
            InvalidResponseKind::Value(name) => write!(f, "field {name} has an invalid value"),
            InvalidResponseKind::NoSessionId => f.write_str("no usable session id"),
            InvalidResponseKind::Status => f.write_str("unexpected status for this operation"),
            InvalidResponseKind::Range => f.write_str("body holds other bytes than the requested range"),
        }
    }
}

impl std::error::Error for InvalidResponse {}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct File {
        #[allow(dead_code)]
        name: String,
        #[allow(dead_code)]
        size: u32,
    }

    fn problem(body: &'static str) -> InvalidResponseKind {
        let response = http::Response::new(Bytes::from_static(body.as_bytes()));
        let error = serde_json::from_slice::<Vec<File>>(response.body()).unwrap_err();
        InvalidResponse::from_json("file.search", &response, &error).kind
    }

    #[test]
    fn m22_json_errors_name_the_field_and_quote_no_value() {
        assert_eq!(problem(r#"[{"name":"a"}]"#), InvalidResponseKind::Field("size".into()));
        assert_eq!(problem(r#"[{"name":"a","name":"b","size":1}]"#), InvalidResponseKind::Field("name".into()));
        assert_eq!(problem(r#"[{"name":"a","size":"canary"}]"#), InvalidResponseKind::Value("size".into()));
        assert_eq!(problem("[{\"size\":1,\n\"name\" : {\"canary\":1}}]"), InvalidResponseKind::Value("name".into()));
        assert_eq!(problem(r#""canary""#), InvalidResponseKind::Value("(top level)".into()));
        assert_eq!(problem("[{\n\"na"), InvalidResponseKind::NotJson { line: 2, column: 3 });
    }

    #[test]
    fn m45_a_web_page_makes_one_ask_for_the_base_url() {
        let text = InvalidResponse::new("profile.get", StatusCode::OK, InvalidResponseKind::NotJsonType).to_string();
        let says = "profile.get: invalid response (status 200): body is not JSON; check the base URL";
        assert_eq!(text, says);
    }
}
