//! Bytes of a file, in shared pieces.

use bytes::Bytes;

use crate::body::Body;

/// A file's bytes. Cloning shares them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Content {
    pieces: Vec<Bytes>,
    len: u64,
}

/// Bodies up to this length are copied, so that a small file does not keep a whole receive buffer in memory.
const SMALL: u64 = 64 * 1024;

impl Content {
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Shortens the content to at most `len` bytes.
    pub(crate) fn truncate(&mut self, len: u64) {
        if len < self.len {
            *self = self.slice(0, len);
        }
    }

    /// Overwrites bytes from an offset on; the offset is at most the length.
    pub(crate) fn write(&mut self, offset: u64, body: Body) {
        let body = if body.len() <= SMALL { Body::from(Bytes::copy_from_slice(&body.into_bytes())) } else { body };
        let rest = self.slice(offset + body.len(), self.len);
        self.truncate(offset);
        self.append(body);
        rest.pieces.into_iter().for_each(|piece| self.push(piece));
    }

    /// Returns the bytes between two offsets, clipped to the length.
    pub(crate) fn slice(&self, from: u64, to: u64) -> Self {
        let mut found = Self::default();
        if from >= self.len {
            return found;
        }
        let mut start = 0;
        for piece in &self.pieces {
            let end = start + piece.len() as u64;
            if start >= to {
                break;
            }
            if end > from {
                let (first, last) = (from.max(start) - start, to.min(end) - start);
                // Both are within a piece, which is in memory.
                found.push(piece.slice(first as usize..last as usize));
            }
            start = end;
        }
        found
    }

    pub(crate) fn pieces(&self) -> impl Iterator<Item = &Bytes> {
        self.pieces.iter()
    }

    fn append(&mut self, mut body: Body) {
        while let Some(piece) = body.pop() {
            self.push(piece);
        }
    }

    fn push(&mut self, piece: Bytes) {
        self.len += piece.len() as u64;
        self.pieces.push(piece);
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self { len: bytes.len() as u64, pieces: vec![bytes] }
    }
}

impl From<Content> for Body {
    fn from(content: Content) -> Self {
        let mut body = Self::default();
        content.pieces.into_iter().for_each(|piece| body.push(piece));
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(content: &Content) -> String {
        let bytes = Body::from(content.clone()).into_bytes();
        assert_eq!(content.len(), bytes.len() as u64);
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn content(pieces: &[&'static str]) -> Content {
        let mut content = Content::default();
        pieces.iter().for_each(|piece| content.push(Bytes::from_static(piece.as_bytes())));
        content
    }

    #[test]
    fn a_slice_may_begin_and_end_within_a_piece() {
        let content = content(&["abc", "de", "fghi"]);
        for from in 0..=9_u64 {
            for to in from..=9 {
                assert_eq!(text(&content.slice(from, to)), "abcdefghi"[from as usize..to as usize]);
            }
        }
        assert_eq!(text(&content.slice(7, 100)), "hi");
        assert_eq!(text(&content.slice(100, 200)), "");
    }

    #[test]
    fn writing_extends_and_replaces() {
        let mut content = Content::default();
        content.write(0, Body::from(Bytes::from_static(b"abcdef")));
        content.write(6, Body::from(Bytes::from_static(b"ghi")));
        assert_eq!(text(&content), "abcdefghi");
        content.write(2, Body::from(Bytes::from_static(b"XY")));
        assert_eq!(text(&content), "abXYefghi");
        content.write(7, Body::from(Bytes::from_static(b"1234")));
        assert_eq!(text(&content), "abXYefg1234");
        content.truncate(20);
        content.truncate(3);
        assert_eq!(text(&content), "abX");
    }

    #[test]
    fn a_large_body_is_shared_and_a_small_one_has_a_buffer_of_its_own() {
        for (len, shared) in [(SMALL as usize, false), (SMALL as usize + 1, true)] {
            let bytes = Bytes::from(vec![0; len]);
            let mut content = Content::default();
            content.write(0, Body::from(bytes.clone()));
            assert_eq!(content.pieces[0].as_ptr() == bytes.as_ptr(), shared);
        }
    }
}
