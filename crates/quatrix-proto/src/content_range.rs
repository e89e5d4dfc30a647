//! `Content-Range`, which uploads send and downloads receive.

use std::fmt;
use std::ops::Range;

use http::header::{CONTENT_LENGTH, CONTENT_RANGE};
use http::{HeaderMap, StatusCode};

use crate::error::InvalidResponseKind;

/// Which bytes of a whole a body holds: `bytes 0-99/250` on the wire, where the last byte is counted in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ContentRange {
    pub(crate) range: Range<u64>,
    /// Bytes of the whole; `None`: not known (`*`).
    pub(crate) total: Option<u64>,
}

impl ContentRange {
    /// Reads `bytes FIRST-LAST/TOTAL` (RFC 9110 §14.4).
    fn parse(text: &str) -> Option<Self> {
        let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let total = if total == "*" { None } else { Some(number(total)?) };
        let range = number(first)?..number(last)?.checked_add(1)?;
        (!range.is_empty() && total.is_none_or(|total| range.end <= total)).then_some(Self { range, total })
    }
}

/// Digits alone: `u64::from_str` takes a plus sign, too.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok())?
}

impl fmt::Display for ContentRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bytes {}-{}/", self.range.start, self.range.end.saturating_sub(1))?;
        match self.total {
            Some(total) => total.fmt(f),
            None => f.write_str("*"),
        }
    }
}

/// Which bytes of a whole the caller's sink still lacks, and so what a streamed answer must begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Where the sink stands.
    pub(crate) from: u64,
    /// Bytes of the whole, where an earlier answer has said so: another number means another file.
    pub(crate) total: Option<u64>,
}

impl Wanted {
    /// Looks at the head of an answer that is a success: how many bytes at the start of its body are not wanted.
    ///
    /// A server that does not know `Range` answers 200 with the whole. That is noticed here: the bytes that the sink
    /// has already are skipped, and never written a second time.
    pub(crate) fn skip(self, status: StatusCode, headers: &HeaderMap) -> Result<u64, InvalidResponseKind> {
        let part = DownloadRange::read(status, headers).ok_or(InvalidResponseKind::Range)?;
        match part.total {
            Some(total) if self.total.is_some_and(|expected| expected != total) => Err(InvalidResponseKind::Range),
            _ => self.from.checked_sub(part.first).ok_or(InvalidResponseKind::Range),
        }
    }
}

/// Which bytes an answer to a download holds, by its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DownloadRange {
    pub(crate) first: u64,
    /// One past the last; `None`: until the body ends.
    pub(crate) end: Option<u64>,
    pub(crate) total: Option<u64>,
}

impl DownloadRange {
    /// `None`: a 206 that does not say which bytes it holds, or says several ranges.
    pub(crate) fn read(status: StatusCode, headers: &HeaderMap) -> Option<Self> {
        let text = |name| headers.get(name)?.to_str().ok();
        if status == StatusCode::PARTIAL_CONTENT {
            let ContentRange { range, total } = ContentRange::parse(text(CONTENT_RANGE)?)?;
            return Some(Self { first: range.start, end: Some(range.end), total });
        }
        let length = text(CONTENT_LENGTH).and_then(|text| number(text.trim()));
        Some(Self { first: 0, end: length, total: length })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges_are_read_and_written() {
        let range = ContentRange { range: 0..100, total: Some(250) };
        assert_eq!(range.to_string(), "bytes 0-99/250");
        assert_eq!(ContentRange::parse("bytes 0-99/250"), Some(range));
        assert_eq!(ContentRange::parse("bytes 5-5/*"), Some(ContentRange { range: 5..6, total: None }));
        for text in [
            "",
            "bytes",
            "0-9/10",
            "bytes */10",
            "bytes 9-0/10",
            "bytes 0-10/10",
            "bytes +0-9/10",
            "bytes 0-/10",
            "bytes 0-18446744073709551615/*",
            "items 0-9/10",
            "bytes 0-9",
        ] {
            assert_eq!(ContentRange::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_whole_answer_to_a_range_is_skipped_and_another_range_is_refused() {
        let skip = |from, total, status, header: (&'static str, &str)| {
            let mut headers = HeaderMap::new();
            headers.insert(header.0, header.1.parse().unwrap());
            Wanted { from, total }.skip(StatusCode::from_u16(status).unwrap(), &headers)
        };
        let part = |from, total, range: &str| skip(from, total, 206, ("content-range", range));
        assert_eq!(part(10, Some(30), "bytes 10-29/30"), Ok(0));
        assert_eq!(part(10, Some(30), "bytes 5-29/30"), Ok(5));
        assert_eq!(part(10, Some(30), "bytes 11-29/30"), Err(InvalidResponseKind::Range));
        assert_eq!(part(10, Some(30), "bytes 10-30/31"), Err(InvalidResponseKind::Range), "another file");
        assert_eq!(part(10, Some(30), "bytes 10-29/*"), Ok(0));
        assert_eq!(part(10, None, "invalid_response"), Err(InvalidResponseKind::Range));
        assert_eq!(skip(10, Some(30), 206, ("content-type", "multipart/byteranges")), Err(InvalidResponseKind::Range));
        assert_eq!(skip(10, Some(30), 200, ("content-length", "30")), Ok(10));
        assert_eq!(skip(10, Some(30), 200, ("content-length", "29")), Err(InvalidResponseKind::Range), "another file");
        assert_eq!(skip(10, None, 200, ("date", "today")), Ok(10));
        assert_eq!(skip(0, None, 200, ("content-length", "0")), Ok(0));
    }
}
