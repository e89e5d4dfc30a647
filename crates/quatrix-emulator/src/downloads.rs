//! Download links and downloads, whole or in part.

use std::time::Duration;

use http::header::{CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE};
use http::{HeaderValue, Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::json;

use crate::api_request::ApiRequest;
use crate::auth::Caller;
use crate::body::Body;
use crate::content::Content;
use crate::ids::Id;
use crate::response::{self, ErrorResponse};
use crate::server::Server;
use crate::zip;

/// Media type that the specification declares for downloads.
const OCTETS: &str = "application/octet-stream";

/// Target of a download link.
pub(crate) struct Link {
    pub(crate) person: usize,
    pub(crate) items: Vec<Id>,
    since: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkBody {
    ids: Vec<String>,
}

/// Requested part of a `Range` header.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// First offset, and the offset after the last byte.
    Bytes(u64, u64),
    Unsatisfiable,
}

impl Server {
    pub(crate) fn download_link(
        &mut self,
        caller: &Caller,
        request: &mut ApiRequest<'_>,
    ) -> Result<Response<Body>, ErrorResponse> {
        let LinkBody { ids } = request.json()?;
        let tree = self.tree(caller);
        let items: Vec<_> = ids.iter().map(|id| tree.find(id)).collect::<Result<_, _>>()?;
        if items.is_empty() {
            return Err(ErrorResponse::bad("no ids"));
        }
        let id = self.ids.secret();
        self.links.insert(id, Link { person: caller.person, items, since: request.now.elapsed });
        Ok(response::ok(&json!({ "id": id })))
    }

    /// Sends one file as it is, a folder or several items as a ZIP.
    pub(crate) fn download(&self, caller: &Caller, request: &ApiRequest<'_>) -> Result<Response<Body>, ErrorResponse> {
        let link = Id::parse(request.id).and_then(|id| self.links.get(&id)).ok_or_else(ErrorResponse::not_found)?;
        if link.person != caller.person {
            return Err(ErrorResponse::not_found());
        }
        if request.now.elapsed.saturating_sub(link.since) >= self.settings.download_link_lifetime {
            return Err(ErrorResponse::expired());
        }
        let tree = self.tree(caller);
        if let [item] = link.items[..] {
            let node = tree.get(item)?;
            if let Some(content) = tree.content(item) {
                let header = request.header("range").filter(|_| self.settings.ranges);
                return in_part(content, &node.name, header);
            }
            return Ok(whole(zip::archive(tree, &link.items)?, &format!("{}.zip", node.name)));
        }
        Ok(whole(zip::archive(tree, &link.items)?, "files.zip"))
    }
}

fn in_part(content: &Content, name: &str, header: Option<&str>) -> Result<Response<Body>, ErrorResponse> {
    let Some(header) = header else { return Ok(whole(content.clone().into(), name)) };
    let len = content.len();
    match part(header, len).ok_or_else(|| ErrorResponse::bad("the range must be bytes=A-B, bytes=A- or bytes=-N"))? {
        Part::Unsatisfiable => {
            let mut response =
                ErrorResponse::new(416, 10, "bad parameter value: the range is outside the file").into_response();
            set(&mut response, CONTENT_RANGE.as_str(), &format!("bytes */{len}"));
            Ok(response)
        }
        Part::Bytes(first, end) => {
            let mut response = whole(content.slice(first, end).into(), name);
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            set(&mut response, CONTENT_RANGE.as_str(), &format!("bytes {first}-{}/{len}", end - 1));
            Ok(response)
        }
    }
}

fn whole(body: Body, name: &str) -> Response<Body> {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(OCTETS));
    let name = utf8_percent_encode(name, NON_ALPHANUMERIC);
    set(&mut response, CONTENT_DISPOSITION.as_str(), &format!("attachment; filename*=UTF-8''{name}"));
    response
}

fn set(response: &mut Response<Body>, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Reads `bytes=A-B`, `bytes=A-` or `bytes=-N`; `None` for anything else.
fn part(header: &str, len: u64) -> Option<Part> {
    let (first, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok())?;
    let (first, end) = match (first, last) {
        ("", _) => (len.saturating_sub(number(last)?), len),
        (_, "") => (number(first)?, len),
        _ => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some((first, last.saturating_add(1).min(len)))?
        }
    };
    Some(if first < end { Part::Bytes(first, end) } else { Part::Unsatisfiable })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_header_names_a_part() {
        for (header, expected) in [
            ("bytes=0-0", Some(Part::Bytes(0, 1))),
            ("bytes=2-4", Some(Part::Bytes(2, 5))),
            ("bytes=2-", Some(Part::Bytes(2, 10))),
            ("bytes=-3", Some(Part::Bytes(7, 10))),
            ("bytes=-99", Some(Part::Bytes(0, 10))),
            ("bytes=9-18446744073709551615", Some(Part::Bytes(9, 10))),
            ("bytes=10-", Some(Part::Unsatisfiable)),
            ("bytes=10-11", Some(Part::Unsatisfiable)),
            ("bytes=-0", Some(Part::Unsatisfiable)),
            ("bytes=4-2", None),
            ("bytes=-", None),
            ("bytes=0-1,3-4", None),
            ("bytes=+1-2", None),
            ("bytes=1-99999999999999999999", None),
            ("bytes 1-2", None),
            ("items=1-2", None),
            ("", None),
        ] {
            assert_eq!(part(header, 10), expected, "{header}");
        }
        assert_eq!(part("bytes=0-", 0), Some(Part::Unsatisfiable));
    }
}
