//! `GET /file/download/{id}`

use std::fmt;

use bytes::Bytes;
use http::HeaderValue;
use http::header::RANGE;

use crate::content_range::{DownloadRange, Wanted};
use crate::endpoint::{BodyKind, Endpoint, Prepared, Spec};
use crate::error::{Error, Invalid, InvalidResponse, InvalidResponseKind};
use crate::secret::DownloadLink;
use crate::server::Server;
use crate::wire;

/// Never again by itself: bytes may have reached the caller's sink already.
pub(super) static SPEC: Spec =
    Spec::get("file.download", "/file/download/{id}").body_kind(BodyKind::Stream).statuses(&[200, 206]);

/// Reads what a link stands for, or a part of it.
///
/// `GET /file/download/{id}`, where the id is that of a link, not of a file. `Range` is known from the rclone backend;
/// a server that does not know it answers 200 with the whole.
///
/// [`Download`](crate::task::Download) does so whatever gets in its way.
///
/// ```
/// use quatrix_proto::api::ReadLink;
/// use quatrix_proto::{Authorization, DownloadLink, Endpoint, Server, SessionId};
/// # use bytes::Bytes;
///
/// let session_id = SessionId::new("5b1c")?;
/// let read = ReadLink::new(DownloadLink::new("4711")).starting_at(100);
/// let request = read.prepare(&Server::default())?.into_request(Authorization::Session(&session_id));
/// assert_eq!(request.uri(), "https://api.quatrix.it/api/1.0/file/download/4711");
/// assert_eq!(request.headers()["range"], "bytes=100-");
///
/// # let response = http::Response::builder().status(206).header("content-range", "bytes 100-104/105");
/// # let response = response.body(Bytes::from("hello"))?;
/// let part = ReadLink::decode(response)?;
/// assert_eq!((part.first, part.total, &part.body[..]), (100, Some(105), &b"hello"[..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "fileDownloadIdGet")]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReadLink {
    link: DownloadLink,
    wanted: Wanted,
    end: Option<u64>,
}

/// A part of a file, or the whole.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FilePart {
    /// Where in the whole the first byte of the answer stands. It may lie before the byte that was asked for: zero,
    /// where a server does not know ranges.
    pub first: u64,
    /// One past its last byte in the whole; `None`: where the body ends.
    pub end: Option<u64>,
    /// Bytes of the whole, where the answer says so.
    pub total: Option<u64>,
    /// The bytes, where the driver did not write them into a sink.
    pub body: Bytes,
}

/// A file may hold anything: only the length of its bytes is shown.
impl fmt::Debug for FilePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, end, total, body } = self;
        f.debug_struct("FilePart")
            .field("first", first)
            .field("end", end)
            .field("total", total)
            .field("body", &format_args!("{} bytes", body.len()))
            .finish()
    }
}

impl ReadLink {
    /// Reads the whole.
    pub fn new(link: DownloadLink) -> Self {
        Self { link, wanted: Wanted::default(), end: None }
    }

    /// Reads from this byte on: the sink has all before it.
    #[must_use]
    pub fn starting_at(mut self, first: u64) -> Self {
        self.wanted.from = first;
        self
    }

    /// Reads until before this byte.
    #[must_use]
    pub fn until(mut self, end: u64) -> Self {
        self.end = Some(end);
        self
    }

    /// Takes an answer only if the whole has this many bytes, where it says so: another number means another file.
    #[must_use]
    pub fn of(mut self, total: u64) -> Self {
        self.wanted.total = Some(total);
        self
    }
}

impl Endpoint for ReadLink {
    type Response = FilePart;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        let prepared = wire::with_values(&SPEC, server, &[self.link.expose()], &[])?.sink(self.wanted);
        let first = self.wanted.from;
        let range = match self.end {
            None if first == 0 => return Ok(prepared),
            None => format!("bytes={first}-"),
            Some(end) if first < end => format!("bytes={first}-{}", end - 1),
            Some(_) => return Err(Invalid::new("range", "is empty")),
        };
        let range = HeaderValue::try_from(range).map_err(|_| Invalid::new("range", "cannot be written"))?;
        Ok(prepared.header(RANGE, range))
    }

    fn decode(response: http::Response<Bytes>) -> Result<FilePart, Error> {
        wire::empty(&SPEC, &response)?;
        match DownloadRange::read(response.status(), response.headers()) {
            Some(DownloadRange { first, end, total }) => Ok(FilePart { first, end, total, body: response.into_body() }),
            None => Err(InvalidResponse::new(SPEC.name, response.status(), InvalidResponseKind::Range).into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Authorization;

    fn range(read: ReadLink) -> Option<String> {
        let request = read.prepare(&Server::default()).unwrap().into_request(Authorization::None);
        request.headers().get(RANGE).map(|range| range.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_range_is_asked_for_only_where_a_part_is_wanted() {
        let read = ReadLink::new(DownloadLink::new("x"));
        assert_eq!(range(read.clone()), None);
        assert_eq!(range(read.clone().starting_at(7)).as_deref(), Some("bytes=7-"));
        assert_eq!(range(read.clone().until(10)).as_deref(), Some("bytes=0-9"));
        assert_eq!(range(read.clone().starting_at(7).until(8)).as_deref(), Some("bytes=7-7"));
        let error = read.starting_at(8).until(8).prepare(&Server::default()).unwrap_err();
        assert_eq!(error.to_string(), "range is empty");
    }

    #[test]
    fn what_a_file_holds_is_not_shown() {
        let part = ReadLink::decode(http::Response::new(Bytes::from_static(b"canary"))).unwrap();
        let shown = format!("{part:?}");
        assert!(shown.contains("6 bytes") && !shown.contains("canary") && !shown.contains("99"), "{shown}");
    }

    #[test]
    fn the_answer_says_which_bytes_it_holds() {
        let part = |status: u16, name: &str, value: &str| {
            let response = http::Response::builder().status(status).header(name, value);
            ReadLink::decode(response.body(Bytes::from_static(b"body")).unwrap())
        };
        let body = Bytes::from_static(b"body");
        let whole = FilePart { first: 0, end: Some(4), total: Some(4), body: body.clone() };
        assert_eq!(part(200, "content-length", "4").unwrap(), whole);
        let rest = FilePart { first: 6, end: Some(10), total: Some(10), body };
        assert_eq!(part(206, "content-range", "bytes 6-9/10").unwrap(), rest);
        let says = "file.download: invalid response (status 206): body holds other bytes than the requested range";
        assert_eq!(part(206, "content-type", "multipart/byteranges").unwrap_err().to_string(), says);
        assert_eq!(part(416, "content-range", "bytes */10").unwrap_err().status().unwrap(), 416);
    }
}
