//! Reading a request strictly: only what some client in the field is known to send is taken.

use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use crate::body::Body;
use crate::reply::Problem;
use crate::server::Now;

/// A request that found its operation.
pub(crate) struct Call<'a> {
    pub(crate) now: Now,
    pub(crate) head: &'a Parts,
    pub(crate) body: Body,
    /// What the path has in the place of `{..}`.
    pub(crate) id: &'a str,
}

impl Call<'_> {
    /// What no operation takes: a GET with a body, a POST that does not say how long it is.
    pub(crate) fn check_shape(&self) -> Result<(), Problem> {
        if self.head.method == "GET" && !self.body.is_empty() {
            return Err(Problem::bad("a GET has no body"));
        }
        let declared = self.header(CONTENT_LENGTH.as_str()).map(str::parse::<u64>);
        match declared {
            Some(Ok(length)) if length == self.body.len() => Ok(()),
            Some(_) => Err(Problem::bad("Content-Length is not the length of the body")),
            None if self.head.method == "POST" => Err(Problem::bad("a POST says its Content-Length")),
            None => Ok(()),
        }
    }

    /// A header's text; `None` if it is not there or no text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// The part of `Authorization` after this scheme.
    pub(crate) fn authorization(&self, scheme: &str) -> Option<&str> {
        let (found, rest) = self.header(AUTHORIZATION.as_str())?.split_once(' ')?;
        found.eq_ignore_ascii_case(scheme).then_some(rest)
    }

    /// The value of the one name that the operation takes in its query.
    pub(crate) fn query(&self, name: &str) -> Result<Option<String>, Problem> {
        let Some(query) = self.head.uri.query() else { return Ok(None) };
        let (found, value) = query.split_once('=').unwrap_or((query, ""));
        if found != name || value.contains('&') {
            return Err(Problem::bad("the operation does not take this query"));
        }
        let value = percent_decode_str(value).decode_utf8();
        Ok(Some(value.map_err(|_| Problem::bad("the query is not UTF-8"))?.into_owned()))
    }

    /// The body, which has to be JSON of this form and nothing more.
    pub(crate) fn json<T: DeserializeOwned>(&mut self) -> Result<T, Problem> {
        let media_type = self.header(CONTENT_TYPE.as_str()).unwrap_or_default().split(';').next().unwrap_or_default();
        if !media_type.trim().eq_ignore_ascii_case("application/json") {
            return Err(Problem::bad("Content-Type is not application/json"));
        }
        let body = std::mem::take(&mut self.body).into_bytes();
        // serde would take a struct from an array as well.
        if body.trim_ascii_start().first() != Some(&b'{') {
            return Err(Problem::bad("the body is not a JSON object"));
        }
        serde_json::from_slice(&body).map_err(|error| {
            // The rest of a JSON error's text may quote a code or a password.
            let text = error.to_string();
            match text.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
                Some(name) => Problem::missing(name),
                None => Problem::bad(format!(
                    "the body is not what the operation takes (line {}, column {})",
                    error.line(),
                    error.column()
                )),
            }
        })
    }
}
