//! Recorded requests, with every secret masked.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Uri};

use crate::ids::Id;
use crate::operations::Route;

/// Recorded request and the status of its response. Passwords, session ids, API keys, codes, upload keys and download
/// links are masked; bodies are not kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Time since the origin of the server's clock.
    pub at: Duration,
    /// The method.
    pub method: String,
    /// The path template of the operation under its base, such as `/file/metadata/{id}`; `None` for an unknown path.
    pub operation: Option<&'static str>,
    /// The path and query, with secrets as `***`.
    pub path: String,
    /// Every received header, in order. `Authorization` is `Basic ***` or `Bearer ***`; `X-Auth-Token` is `session 3`
    /// for the third session id of this server, `***` for a session that is not open.
    pub headers: HeaderMap,
    /// Length of the body in bytes.
    pub body_len: u64,
    /// Status of the response; 0 if a fault ended the connection before it.
    pub status: u16,
}

/// The latest requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Requests {
    latest: VecDeque<Recorded>,
}

impl Requests {
    pub(crate) fn push(&mut self, request: Recorded, keep: usize) {
        while self.latest.len() >= keep.max(1) {
            self.latest.pop_front();
        }
        if keep > 0 {
            self.latest.push_back(request);
        }
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Recorded> {
        self.latest.iter()
    }

    pub(crate) fn clear(&mut self) {
        self.latest.clear();
    }
}

impl fmt::Display for Recorded {
    /// One line for a log: method, path, status.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} -> {}", self.method, self.path, self.status)
    }
}

/// Returns headers with their secrets masked. `session` is the number of the session, if it is open.
pub(crate) fn mask_headers(headers: &HeaderMap, session: Option<u64>) -> HeaderMap {
    let mut masked = headers.clone();
    if let Some(value) = masked.get_mut(AUTHORIZATION) {
        let scheme = value.to_str().unwrap_or_default().split(' ').next();
        *value = HeaderValue::from_static(match scheme {
            Some("Basic") => "Basic ***",
            Some("Bearer") => "Bearer ***",
            _ => "***",
        });
    }
    if let Some(value) = masked.get_mut("x-auth-token") {
        let number = session.and_then(|number| HeaderValue::try_from(format!("session {number}")).ok());
        *value = number.unwrap_or(HeaderValue::from_static("***"));
    }
    masked
}

/// Returns a path and query with upload keys, download links and captcha tokens masked. In an unknown path, every id
/// is masked.
pub(crate) fn mask_target(uri: &Uri, route: Option<&Route<'_>>) -> String {
    let path = uri.path();
    let mut masked = match route {
        Some(route) if !route.id.is_empty() && route.operations[0].id_is_secret() => path.replace(route.id, "***"),
        Some(_) => path.to_owned(),
        None => {
            let segments = path.split('/').map(|segment| if Id::parse(segment).is_some() { "***" } else { segment });
            segments.collect::<Vec<_>>().join("/")
        }
    };
    if let Some(query) = uri.query() {
        let pairs = query.split('&').map(|pair| if pair.starts_with("token=") { "token=***" } else { pair });
        masked.push('?');
        masked.push_str(&pairs.collect::<Vec<_>>().join("&"));
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::route;

    #[test]
    fn only_the_latest_requests_are_kept() {
        let request = |path: &str| Recorded {
            at: Duration::ZERO,
            method: "GET".to_owned(),
            operation: None,
            path: path.to_owned(),
            headers: HeaderMap::new(),
            body_len: 0,
            status: 404,
        };
        let mut requests = Requests::default();
        for path in ["/a", "/b", "/c"] {
            requests.push(request(path), 2);
        }
        assert_eq!(requests.iter().map(|one| one.path.as_str()).collect::<Vec<_>>(), ["/b", "/c"]);
        requests.push(request("/d"), 0);
        assert!(!requests.iter().any(|one| one.path == "/d"));
    }

    #[test]
    fn secret_ids_and_tokens_are_masked_in_a_target() {
        const ID: &str = "0b5a7c1e-22aa-4f5e-9c3b-000000000001";
        for (target, masked) in [
            ("/upload/chunked/{ID}", "/upload/chunked/***"),
            ("/upload/chunked/short", "/upload/chunked/***"),
            ("/api/1.0/upload/link", "/api/1.0/upload/link"),
            ("/api/1.0/upload/finalize/{ID}?mtime=1.5", "/api/1.0/upload/finalize/***?mtime=1.5"),
            ("/api/1.0//file/download/{ID}", "/api/1.0//file/download/***"),
            ("/api/1.0/file/metadata/{ID}?content=0", "/api/1.0/file/metadata/{ID}?content=0"),
            ("/nothing/{ID}?token=x&b=1", "/nothing/***?token=***&b=1"),
        ] {
            let uri: Uri = target.replace("{ID}", ID).parse().unwrap();
            assert_eq!(mask_target(&uri, route(uri.path()).as_ref()), masked.replace("{ID}", ID));
        }
    }
}
