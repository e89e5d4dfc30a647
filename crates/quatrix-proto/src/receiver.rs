//! The body of an answer, taken in piece by piece and never more of it than allowed.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use http::response::Parts;

use crate::content_range::Wanted;
use crate::endpoint::{BodyKind, Spec};
use crate::error::{InvalidResponse, TransportError, TransportErrorKind};

/// How large a head may be, in bytes as they are sent. Transports have limits of their own, which are those of their
/// buffers.
const MAX_HEAD: usize = 64 * 1024;

/// Destination of a streamed body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sink {
    /// The driver writes the bytes that [`Receiver::push`] returns.
    Caller,
    /// The receiver buffers the body in memory, up to the limit of JSON responses.
    Buffer,
}

/// Takes in the body of one answer; made by [`Transmit::receiver`](crate::Transmit::receiver) from its head.
///
/// A driver pushes what it reads. What belongs into the caller's sink comes back, everything else is kept: JSON, and the
/// refusal of a download. At the end it finishes, and hands head and kept body to
/// [`Session::handle_response`](crate::Session::handle_response).
#[derive(Debug)]
pub struct Receiver {
    /// Kept bytes, or none where the answer is a stream for the sink.
    kept: Option<Vec<u8>>,
    limit: usize,
    /// What the head announced and has not come yet.
    missing: Option<u64>,
    /// What the sink has already.
    skip: u64,
    moved: u64,
}

impl Receiver {
    pub(crate) fn new(
        spec: &'static Spec,
        wanted: Wanted,
        limit: usize,
        head: &Parts,
        sink: Sink,
    ) -> Result<Self, TransportError> {
        let line = |(name, value): (&http::HeaderName, &http::HeaderValue)| name.as_str().len() + value.len() + 4;
        if head.headers.iter().map(line).sum::<usize>() > MAX_HEAD {
            return Err(TransportError::maybe_sent(TransportErrorKind::TooLarge));
        }
        let identity = |value: &http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
        if !head.headers.get_all(CONTENT_ENCODING).iter().all(identity) {
            return Err(TransportError::maybe_sent(TransportErrorKind::Encoding));
        }
        let length = head.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let streams = spec.body_kind == BodyKind::Stream && head.status.is_success();
        let skip = match streams {
            true => wanted.skip(head.status, &head.headers).map_err(|problem| {
                let invalid_response = InvalidResponse::new(spec.name, head.status, problem);
                TransportError::maybe_sent(TransportErrorKind::Range).with_source(invalid_response)
            })?,
            false => 0,
        };
        let kept = match (streams, sink) {
            (true, Sink::Caller) => None,
            (true, Sink::Buffer) | (false, _) => {
                let announced = length.map_or(0, |length| length.saturating_sub(skip));
                match usize::try_from(announced) {
                    Ok(announced) if announced <= limit => Some(Vec::with_capacity(announced)),
                    _ => return Err(TransportError::maybe_sent(TransportErrorKind::TooLarge)),
                }
            }
        };
        Ok(Self { kept, limit, missing: length, skip, moved: 0 })
    }

    /// Takes the next piece in.
    ///
    /// What comes back belongs into the caller's sink; it is empty for an answer that is kept.
    ///
    /// # Errors
    /// [`TransportError`] if the answer is larger than allowed: drop the connection, and report it.
    pub fn push<'a>(&mut self, piece: &'a [u8]) -> Result<&'a [u8], TransportError> {
        if let Some(missing) = &mut self.missing {
            *missing = missing.saturating_sub(piece.len() as u64);
        }
        let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(piece.len());
        self.skip -= skipped as u64;
        let piece = &piece[skipped..];
        match &mut self.kept {
            Some(kept) if piece.len() > self.limit - kept.len() => {
                Err(TransportError::maybe_sent(TransportErrorKind::TooLarge))
            }
            Some(kept) => {
                let (length, room) = (kept.len() + piece.len(), kept.capacity());
                if length > room {
                    // Twice the room, but never more than the limit.
                    kept.reserve_exact(length.max((2 * room).min(self.limit)) - kept.len());
                }
                kept.extend_from_slice(piece);
                Ok(&[])
            }
            None => {
                self.moved += piece.len() as u64;
                Ok(piece)
            }
        }
    }

    /// How many bytes were handed out for the sink.
    pub fn moved(&self) -> u64 {
        self.moved
    }

    /// Ends the body: comes to what was kept of it.
    ///
    /// # Errors
    /// [`TransportError`] if it ended before its announced length.
    pub fn finish(self) -> Result<Bytes, TransportError> {
        match self.missing {
            None | Some(0) => Ok(self.kept.unwrap_or_default().into()),
            Some(missing) => Err(TransportError::maybe_sent(TransportErrorKind::Interrupted)
                .with_detail(format!("the answer ended {missing} bytes early"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static JSON: Spec = Spec::get("test.json", "/json");
    static STREAM: Spec = Spec::get("test.stream", "/stream").body_kind(BodyKind::Stream);

    fn receiver(
        spec: &'static Spec,
        wanted: Wanted,
        status: u16,
        headers: &[(&str, &str)],
        sink: Sink,
    ) -> Result<Receiver, TransportError> {
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        Receiver::new(spec, wanted, 10, &response.body(()).unwrap().into_parts().0, sink)
    }

    fn taken(headers: &[(&str, &str)], body: &[u8]) -> Result<Bytes, TransportErrorKind> {
        let mut receiver =
            receiver(&JSON, Wanted::default(), 200, headers, Sink::Caller).map_err(|failure| failure.kind())?;
        for piece in body.chunks(3) {
            assert!(receiver.push(piece).map_err(|failure| failure.kind())?.is_empty());
        }
        receiver.finish().map_err(|failure| failure.kind())
    }

    #[test]
    fn m23_exactly_the_limit_passes_and_one_byte_more_does_not() {
        assert_eq!(taken(&[], &[b'x'; 10]).unwrap().len(), 10);
        assert_eq!(taken(&[], &[b'x'; 11]), Err(TransportErrorKind::TooLarge));
        assert_eq!(taken(&[("content-length", "11")], &[]), Err(TransportErrorKind::TooLarge));
        assert_eq!(taken(&[("content-length", "99999999999999999999")], b"x").unwrap(), "x");
    }

    #[test]
    fn m23_an_answer_that_ends_early_is_interrupted() {
        assert_eq!(taken(&[("content-length", "4")], b"abcd").unwrap(), "abcd");
        assert_eq!(taken(&[("content-length", "4")], b"abc"), Err(TransportErrorKind::Interrupted));
    }

    #[test]
    fn m27_a_head_of_64_kib_passes_and_one_byte_more_does_not() {
        let value = "y".repeat(MAX_HEAD / 2 - 5);
        assert_eq!(taken(&[("x", &value), ("z", &value)], b"").unwrap(), "");
        assert_eq!(taken(&[("x", &value), ("zz", &value)], b""), Err(TransportErrorKind::TooLarge));
    }

    #[test]
    fn m24_an_encoding_that_nobody_asked_for_is_refused_by_the_head() {
        assert_eq!(taken(&[("content-encoding", "gzip")], b""), Err(TransportErrorKind::Encoding));
        assert_eq!(
            taken(&[("content-encoding", "identity"), ("content-encoding", "br")], b""),
            Err(TransportErrorKind::Encoding)
        );
        assert_eq!(taken(&[("content-encoding", "identity")], b"x").unwrap(), "x");
    }

    #[test]
    fn a_stream_goes_to_the_sink_without_limit_and_its_refusal_does_not() {
        let mut stream = receiver(&STREAM, Wanted::default(), 200, &[], Sink::Caller).unwrap();
        assert_eq!(stream.push(&[b'x'; 100]).unwrap().len(), 100);
        assert_eq!(stream.moved(), 100);
        assert!(stream.finish().unwrap().is_empty());

        let mut refusal = receiver(&STREAM, Wanted::default(), 404, &[], Sink::Caller).unwrap();
        assert!(refusal.push(b"no").unwrap().is_empty());
        assert_eq!(refusal.finish().unwrap(), "no");
    }

    #[test]
    fn m23_a_stream_without_a_sink_is_kept_up_to_the_limit() {
        let kept = |headers: &[(&str, &str)], body: &[u8]| {
            let wanted = Wanted { from: 4, ..Wanted::default() };
            let receiver = receiver(&STREAM, wanted, 200, headers, Sink::Buffer);
            let mut receiver = receiver.map_err(|failure| failure.kind())?;
            for piece in body.chunks(3) {
                assert!(receiver.push(piece).map_err(|failure| failure.kind())?.is_empty());
            }
            receiver.finish().map_err(|failure| failure.kind())
        };
        let body = b"0123456789abcde";
        assert_eq!(kept(&[], &body[..14]).unwrap(), body[4..14]);
        assert_eq!(kept(&[("content-length", "14")], &body[..14]).unwrap(), body[4..14]);
        assert_eq!(kept(&[], body), Err(TransportErrorKind::TooLarge));
        assert_eq!(kept(&[("content-length", "15")], &[]), Err(TransportErrorKind::TooLarge));
        assert_eq!(kept(&[("content-length", "14")], &body[..9]), Err(TransportErrorKind::Interrupted));
    }

    #[test]
    fn the_whole_in_answer_to_a_range_is_skipped_up_to_what_is_missing() {
        let wanted = Wanted { from: 4, ..Wanted::default() };
        let mut whole = receiver(&STREAM, wanted, 200, &[], Sink::Caller).unwrap();
        let sink: Vec<u8> = b"0123456789".chunks(3).flat_map(|piece| whole.push(piece).unwrap().to_vec()).collect();
        assert_eq!((sink.as_slice(), whole.moved()), (&b"456789"[..], 6));
        let other = receiver(&STREAM, wanted, 206, &[("content-range", "bytes 5-9/10")], Sink::Caller).unwrap_err();
        assert_eq!(other.kind(), TransportErrorKind::Range);
    }
}
