//! Strict parsing of requests: only forms that a known client sends are accepted.

use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use crate::body::Body;
use crate::response::ErrorResponse;
use crate::server::Now;

/// Request that matched an operation.
pub(crate) struct ApiRequest<'a> {
    pub(crate) now: Now,
    pub(crate) head: &'a Parts,
    pub(crate) body: Body,
    /// Path segment in the place of `{..}`.
    pub(crate) id: &'a str,
}

impl ApiRequest<'_> {
    /// Rejects a GET with a body and a POST without `Content-Length`, which no operation accepts.
    pub(crate) fn check_shape(&self) -> Result<(), ErrorResponse> {
        if self.head.method == "GET" && !self.body.is_empty() {
            return Err(ErrorResponse::bad("a GET must not have a body"));
        }
        let declared = self.header(CONTENT_LENGTH.as_str()).map(str::parse::<u64>);
        match declared {
            Some(Ok(length)) if length == self.body.len() => Ok(()),
            Some(_) => Err(ErrorResponse::bad("Content-Length differs from the length of the body")),
            None if self.head.method == "POST" => Err(ErrorResponse::bad("a POST must have a Content-Length")),
            None => Ok(()),
        }
    }

    /// Returns a header's value; `None` if it is missing or not text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// Returns the credentials of `Authorization` for this scheme.
    pub(crate) fn authorization(&self, scheme: &str) -> Option<&str> {
        let (found, rest) = self.header(AUTHORIZATION.as_str())?.split_once(' ')?;
        found.eq_ignore_ascii_case(scheme).then_some(rest)
    }

    /// Returns the value of the one query parameter that the operation accepts.
    pub(crate) fn query(&self, name: &str) -> Result<Option<String>, ErrorResponse> {
        let Some(query) = self.head.uri.query() else { return Ok(None) };
        let (found, value) = query.split_once('=').unwrap_or((query, ""));
        if found != name || value.contains('&') {
            return Err(ErrorResponse::bad("the operation does not accept this query"));
        }
        let value = percent_decode_str(value).decode_utf8();
        Ok(Some(value.map_err(|_| ErrorResponse::bad("the query is not UTF-8"))?.into_owned()))
    }

    /// Parses the body, a JSON object of exactly this form.
    pub(crate) fn json<T: DeserializeOwned>(&mut self) -> Result<T, ErrorResponse> {
        let media_type = self.header(CONTENT_TYPE.as_str()).unwrap_or_default().split(';').next().unwrap_or_default();
        if !media_type.trim().eq_ignore_ascii_case("application/json") {
            return Err(ErrorResponse::bad("Content-Type must be application/json"));
        }
        let body = std::mem::take(&mut self.body).into_bytes();
        // serde also reads a struct from an array.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err(ErrorResponse::bad("the body must be a JSON object"));
        }
        serde_json::from_slice(&body).map_err(|error| {
            // The text of a JSON error may quote a code or a password.
            let text = error.to_string();
            match text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
                Some(name) => ErrorResponse::missing(name),
                None => ErrorResponse::bad(format!(
                    "the body does not have the form of this operation (line {}, column {})",
                    error.line(),
                    error.column()
                )),
            }
        })
    }
}
