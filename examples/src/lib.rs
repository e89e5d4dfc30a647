//! Shared code of the examples without an HTTP client.

use std::fmt::Write as _;

use bytes::Bytes;
use quatrix_proto::{TransportError, TransportErrorKind};

/// Writes a request as HTTP/1.1, for the examples that have no HTTP client. The core has set every header but `Host`.
pub fn written(request: &http::Request<Bytes>, keep_alive: bool) -> Vec<u8> {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let host = request.uri().authority().map_or("", |authority| authority.as_str());
    let connection = if keep_alive { "keep-alive" } else { "close" };
    let mut head = String::new();
    let _ = write!(head, "{} {target} HTTP/1.1\r\nhost: {host}\r\nconnection: {connection}\r\n", request.method());
    let mut bytes = head.into_bytes();
    for (name, value) in request.headers() {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend(b"\r\n");
    bytes.extend(request.body());
    bytes
}

/// Parses a response. Returns `None` if more bytes are needed.
///
/// # Errors
/// A [`TransportError`] if it is not HTTP/1.1 with a length.
pub fn read(bytes: &[u8]) -> Result<Option<http::Response<Bytes>>, TransportError> {
    let invalid = || {
        TransportError::maybe_sent(TransportErrorKind::Interrupted)
            .with_detail("not a response that this example can parse")
    };
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| invalid())?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).ok_or_else(invalid)?;
    let mut response = http::Response::builder().status(status);
    for line in lines {
        let (name, value) = line.split_once(':').ok_or_else(invalid)?;
        response = response.header(name, value.trim());
    }
    let length = response.headers_ref().and_then(|headers| headers.get("content-length"));
    let length: usize = length.map_or(Some(0), |value| value.to_str().ok()?.parse().ok()).ok_or_else(invalid)?;
    match bytes[end + 4..].get(..length) {
        Some(body) => response.body(Bytes::copy_from_slice(body)).map(Some).map_err(|_| invalid()),
        None => Ok(None),
    }
}
