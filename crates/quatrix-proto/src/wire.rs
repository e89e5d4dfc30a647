//! The shapes that all requests and answers have. An endpoint is one line out of here each way.

use std::io;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, StatusCode, header::CONTENT_TYPE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::deferred::Deferred;
use crate::endpoint::{BaseKind, Prepared, Spec};
use crate::error::{Error, Invalid, InvalidResponse, InvalidResponseKind};
use crate::id::JobId;
use crate::server::Server;

/// Everything but the unreserved characters of RFC 3986 §2.3.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A request without a body whose path holds no value.
pub(crate) fn plain(spec: &'static Spec, server: &Server) -> Result<Prepared, Invalid> {
    Ok(Prepared::new(spec, server, target(spec, server, &[], &[])?))
}

/// A request whose path and query hold values; `values` fill the `{}` of the path in their order.
pub(crate) fn with_values(
    spec: &'static Spec,
    server: &Server,
    values: &[&str],
    query: &[(&str, &str)],
) -> Result<Prepared, Invalid> {
    Ok(Prepared::new(spec, server, target(spec, server, values, query)?))
}

/// A request with a JSON body.
pub(crate) fn json(spec: &'static Spec, server: &Server, body: &impl Serialize) -> Result<Prepared, Invalid> {
    json_with_values(spec, server, &[], body)
}

/// A request with a JSON body whose path holds a value.
pub(crate) fn json_with_values(
    spec: &'static Spec,
    server: &Server,
    values: &[&str],
    body: &impl Serialize,
) -> Result<Prepared, Invalid> {
    Ok(with_values(spec, server, values, &[])?.json(written(body)?))
}

/// As [`json`], for a body that holds a secret: its buffer is wiped with its last clone.
pub(crate) fn secret_json(spec: &'static Spec, server: &Server, body: &impl Serialize) -> Result<Prepared, Invalid> {
    Ok(plain(spec, server)?.json(Bytes::from_owner(Zeroizing::new(written(body)?))))
}

/// JSON in a buffer of exactly its length: one that grows would leave copies of a secret behind in freed memory.
fn written(body: &impl Serialize) -> Result<Vec<u8>, Invalid> {
    let unwritable = |_| Invalid::new("body", "cannot be written as JSON");
    let mut length = Length(0);
    serde_json::to_writer(&mut length, body).map_err(unwritable)?;
    let mut buffer = Vec::with_capacity(length.0);
    serde_json::to_writer(&mut buffer, body).map_err(unwritable)?;
    Ok(buffer)
}

/// Only counts what is written.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A request to a path as the caller wrote it, below the base.
pub(crate) fn verbatim(spec: &'static Spec, server: &Server, path: &str) -> Result<Prepared, Invalid> {
    if !path.starts_with('/') || path.starts_with("//") {
        return Err(Invalid::new("path", "starts with one slash"));
    }
    let segments = path.split('?').next().unwrap_or_default().split('/');
    let dotted = |segment: &str| matches!(&*segment.to_ascii_lowercase().replace("%2e", "."), "." | "..");
    if segments.into_iter().any(dotted) {
        return Err(Invalid::new("path", "has a dotted segment"));
    }
    if !path.bytes().all(|b| b.is_ascii_graphic() && !b"#\\\"<>^`{|}".contains(&b)) {
        return Err(Invalid::new("path", "has a character that must be percent-encoded"));
    }
    let text = format!("{}{path}", server.api().path);
    let target = PathAndQuery::from_maybe_shared(Bytes::from(text)).map_err(|_| Invalid::new("path", "is too long"))?;
    Ok(Prepared::new(spec, server, target))
}

/// Writes the whole path at once: the base's, the operation's with values percent-encoded, the query.
fn target(
    spec: &'static Spec,
    server: &Server,
    values: &[&str],
    query: &[(&str, &str)],
) -> Result<PathAndQuery, Invalid> {
    let base = match spec.base {
        BaseKind::Api => server.api(),
        BaseKind::Files => server.files(),
    };
    // As long as it gets, or a little longer where there are values; only what must be encoded makes it grow.
    let parts = query.iter().flat_map(|(name, value)| ["?", name, "=", value]).chain(values.iter().copied());
    let mut text = String::with_capacity(base.path.len() + spec.path.len() + parts.map(str::len).sum::<usize>());
    text.push_str(&base.path);

    let mut values = values.iter();
    let mut rest = spec.path;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or(("", after));
        let value = values.next().copied().unwrap_or_default();
        // An empty or dotted segment would address another operation.
        if matches!(value, "" | "." | "..") {
            return Err(Invalid::new("path", format!("needs a value for {name}")));
        }
        text.push_str(before);
        text.extend(percent_encode(value.as_bytes(), VALUE));
        rest = after;
    }
    text.push_str(rest);

    for (index, (name, value)) in query.iter().enumerate() {
        text.push(if index == 0 { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        text.extend(percent_encode(value.as_bytes(), VALUE));
    }
    PathAndQuery::from_maybe_shared(Bytes::from(text)).map_err(|_| Invalid::new("path", "is too long"))
}

/// Reads an answer whose success has no body worth reading.
pub(crate) fn empty(spec: &'static Spec, response: &http::Response<Bytes>) -> Result<(), Error> {
    match response.status().is_success() {
        true => Ok(()),
        false => Err(Error::from_answer(spec.name, response)),
    }
}

/// Reads an answer whose success is JSON. A success with a status that the spec does not list is read all the same:
/// what counts is the fields.
pub(crate) fn decode<T: DeserializeOwned>(spec: &'static Spec, response: &http::Response<Bytes>) -> Result<T, Error> {
    empty(spec, response)?;
    body(spec, response)
}

/// Reads an answer that holds a value, or the id of a job. The field that is there decides, and the status where both
/// are: 202 means a job.
pub(crate) fn deferred<T: DeserializeOwned>(
    spec: &'static Spec,
    response: &http::Response<Bytes>,
) -> Result<Deferred<T>, Error> {
    #[derive(Deserialize)]
    struct Job {
        #[serde(default)]
        job_id: Option<JobId>,
    }
    empty(spec, response)?;
    let accepted = response.status() == StatusCode::ACCEPTED;
    let Job { job_id } = body(spec, response)?;
    match (job_id, body(spec, response)) {
        (Some(job), value) if accepted || value.is_err() => Ok(Deferred::Job(job)),
        (None, Err(_)) if accepted => {
            Err(InvalidResponse::new(spec.name, response.status(), InvalidResponseKind::Field("job_id".into())).into())
        }
        (_, value) => value.map(Deferred::Done),
    }
}

/// Reads the JSON body, whatever the status.
pub(crate) fn body<T: DeserializeOwned>(spec: &'static Spec, response: &http::Response<Bytes>) -> Result<T, Error> {
    if !is_json(response.headers()) {
        return Err(InvalidResponse::new(spec.name, response.status(), InvalidResponseKind::NotJsonType).into());
    }
    serde_json::from_slice(response.body())
        .map_err(|error| InvalidResponse::from_json(spec.name, response, &error).into())
}

/// Whether a body may be read as JSON: it says so, or says nothing.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    match headers.get(CONTENT_TYPE) {
        None => true,
        Some(value) => {
            let essence = value.as_bytes().split(|&b| b == b';').next().unwrap_or_default().trim_ascii();
            essence.eq_ignore_ascii_case(b"application/json")
                || essence.eq_ignore_ascii_case(b"text/json")
                || essence.len() >= 5 && essence[essence.len() - 5..].eq_ignore_ascii_case(b"+json")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static SPEC: Spec = Spec::get("test.values", "/file/metadata/{id}");

    fn path(values: &[&str], query: &[(&str, &str)]) -> Result<String, Invalid> {
        let server = Server::account("acme").unwrap();
        target(&SPEC, &server, values, query).map(|target| target.to_string())
    }

    #[test]
    fn values_are_encoded_into_the_path_and_the_query() {
        assert_eq!(path(&["a/b ?\u{e4}"], &[]).unwrap(), "/api/1.0/file/metadata/a%2Fb%20%3F%C3%A4");
        assert_eq!(path(&["x"], &[("a", "1 2"), ("b", "&")]).unwrap(), "/api/1.0/file/metadata/x?a=1%202&b=%26");
    }

    #[test]
    fn a_value_cannot_turn_the_path_into_another() {
        for value in ["", ".", ".."] {
            assert_eq!(path(&[value], &[]).unwrap_err().to_string(), "path needs a value for id");
        }
        assert_eq!(path(&["../../x"], &[]).unwrap(), "/api/1.0/file/metadata/..%2F..%2Fx");
    }

    #[test]
    fn i08_a_body_is_written_into_a_buffer_of_its_length() {
        let buffer = written(&vec!["canary"; 1000]).unwrap();
        assert_eq!((buffer.capacity(), buffer.len()), (9001, 9001));
    }

    #[test]
    fn q15_the_field_that_is_there_tells_a_value_from_a_job_and_the_status_where_both_are() {
        #[derive(Debug, PartialEq, Deserialize)]
        struct Ids {
            ids: Vec<u8>,
        }
        let read = |status, body: &'static str| {
            let response = http::Response::builder().status(status).body(Bytes::from_static(body.as_bytes())).unwrap();
            deferred::<Ids>(&SPEC, &response).map_err(|error| error.to_string())
        };
        let (done, job) = (Deferred::Done(Ids { ids: vec![7] }), Deferred::Job("4".parse().unwrap()));
        for status in [200, 202] {
            assert_eq!(read(status, r#"{"ids":[7]}"#).as_ref(), Ok(&done));
            assert_eq!(read(status, r#"{"job_id":"4"}"#).as_ref(), Ok(&job));
        }
        let both = r#"{"ids":[7],"job_id":"4"}"#;
        assert_eq!((read(200, both), read(202, both)), (Ok(done), Ok(job)));
        let [no_ids, no_job] = [200, 202].map(|status| read(status, "{}").unwrap_err());
        assert!(no_ids.contains("ids") && no_job.contains("job_id"), "{no_ids}; {no_job}");
    }

    #[test]
    fn m21_a_missing_type_is_taken_for_json_and_a_web_page_is_not() {
        let typed = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, http::HeaderValue::from_static(text));
            is_json(&headers)
        };
        assert!(is_json(&HeaderMap::new()));
        assert!(
            typed("application/json") && typed("Application/JSON; charset=utf-8") && typed("application/problem+json")
        );
        assert!(!typed("text/html") && !typed("") && !typed("application/octet-stream"));
    }
}
