//! Message body in pieces, so that large bodies are passed on without a copy.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Bytes of a request or a response, in the pieces in which they arrived or are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Body {
    pieces: VecDeque<Bytes>,
    len: u64,
}

impl Body {
    /// Adds a piece at the end.
    pub fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.len += piece.len() as u64;
            self.pieces.push_back(piece);
        }
    }

    /// Total number of bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Returns `true` if the body is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Removes and returns the first piece.
    pub fn pop(&mut self) -> Option<Bytes> {
        let piece = self.pieces.pop_front()?;
        self.len -= piece.len() as u64;
        Some(piece)
    }

    /// Shortens the body to at most `len` bytes.
    pub(crate) fn truncate(&mut self, len: u64) {
        while self.len > len {
            let Some(mut last) = self.pieces.pop_back() else { return };
            self.len -= last.len() as u64;
            if self.len < len {
                last.truncate(usize::try_from(len - self.len).unwrap_or(usize::MAX));
                self.push(last);
            }
        }
    }

    /// Returns all bytes in one piece; copies only if there are several.
    #[must_use]
    pub fn into_bytes(mut self) -> Bytes {
        if self.pieces.len() <= 1 {
            return self.pop().unwrap_or_default();
        }
        let mut whole = BytesMut::new();
        for piece in &self.pieces {
            whole.extend_from_slice(piece);
        }
        whole.freeze()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        let mut body = Self::default();
        body.push(bytes);
        body
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from(Bytes::from(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_add_up_and_come_out_in_order() {
        let mut body = Body::from(Bytes::from_static(b"ab"));
        body.push(Bytes::new());
        body.push(Bytes::from_static(b"cde"));
        assert_eq!(body.len(), 5);
        assert_eq!(body.clone().into_bytes(), "abcde");
        assert_eq!(body.pop(), Some(Bytes::from_static(b"ab")));
        assert_eq!(body.len(), 3);
        assert_eq!(body.pop(), Some(Bytes::from_static(b"cde")));
        assert_eq!(body.pop(), None);
        assert!(body.is_empty());
    }

    #[test]
    fn the_end_is_cut_off_within_a_piece_or_between_two() {
        for len in 0..=6 {
            let mut body = Body::from(Bytes::from_static(b"ab"));
            body.push(Bytes::from_static(b"cde"));
            body.truncate(len);
            let len = len.min(5);
            assert_eq!(body.len(), len);
            assert_eq!(body.into_bytes(), "abcde"[..len as usize]);
        }
    }

    #[test]
    fn one_piece_is_not_copied() {
        let bytes = Bytes::from(vec![7; 100]);
        assert_eq!(Body::from(bytes.clone()).into_bytes().as_ptr(), bytes.as_ptr());
    }
}
