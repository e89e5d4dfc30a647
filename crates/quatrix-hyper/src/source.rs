//! Sources of uploads.

use std::collections::VecDeque;
use std::future::Future;
use std::io::{self, SeekFrom};

use bytes::{Bytes, BytesMut};
use quatrix_local::{Source, Stamp};
use quatrix_proto::UnixTime;
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncSeek, AsyncSeekExt};

use crate::body_io::BodyIo;

/// Maximum size of one read.
const MAX_PIECE: u64 = 256 * 1024;

/// Source that can be read again.
pub(crate) struct Seekable<R> {
    reader: R,
    position: Option<u64>,
    buffer: BytesMut,
}

impl<R> Seekable<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, position: None, buffer: BytesMut::new() }
    }
}

impl<R: AsyncRead + AsyncSeek + Send + Unpin> BodyIo for Seekable<R> {
    const SOURCE: bool = true;

    async fn read(&mut self, offset: u64, most: u64) -> io::Result<Bytes> {
        // After an error the position is unknown.
        if self.position.take() != Some(offset) {
            self.reader.seek(SeekFrom::Start(offset)).await?;
        }
        let piece = read_piece(&mut self.reader, &mut self.buffer, most).await?;
        self.position = Some(offset + piece.len() as u64);
        Ok(piece)
    }
}

/// Local file, which other programs may change.
pub(crate) struct Local {
    file: Seekable<File>,
    stamp: Stamp,
}

impl Local {
    pub(crate) fn new(source: Source) -> Self {
        let (file, stamp) = source.into_parts();
        Self { file: Seekable::new(File::from_std(file)), stamp }
    }
}

impl BodyIo for Local {
    const SOURCE: bool = true;

    fn read(&mut self, offset: u64, most: u64) -> impl Future<Output = io::Result<Bytes>> + Send {
        self.file.read(offset, most)
    }

    async fn change(&mut self) -> Option<(u64, Option<UnixTime>)> {
        self.stamp.change(&self.file.reader.metadata().await.ok()?)
    }
}

/// Source that can be read only once. It keeps the bytes of the current chunk, in case the chunk is lost.
pub(crate) struct Piped<R> {
    reader: R,
    kept: VecDeque<Bytes>,
    /// Offset of the kept bytes.
    start: u64,
    /// Offset of the reader.
    position: u64,
    buffer: BytesMut,
}

impl<R> Piped<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, kept: VecDeque::new(), start: 0, position: 0, buffer: BytesMut::new() }
    }

    /// Returns the kept bytes from this offset to the end of a piece.
    fn remembered(&self, offset: u64) -> Option<Bytes> {
        let mut behind = usize::try_from(offset.checked_sub(self.start)?).ok()?;
        for piece in &self.kept {
            match behind.checked_sub(piece.len()) {
                Some(rest) => behind = rest,
                None => return Some(piece.slice(behind..)),
            }
        }
        None
    }
}

impl<R: AsyncRead + Send + Unpin> BodyIo for Piped<R> {
    const SOURCE: bool = true;

    fn begin(&mut self, offset: u64) {
        if offset == self.position {
            self.kept.clear();
            self.start = offset;
        }
    }

    async fn read(&mut self, offset: u64, most: u64) -> io::Result<Bytes> {
        if let Some(mut piece) = self.remembered(offset) {
            piece.truncate(usize::try_from(most).unwrap_or(usize::MAX));
            return Ok(piece);
        }
        if offset != self.position {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let piece = read_piece(&mut self.reader, &mut self.buffer, most).await?;
        self.position += piece.len() as u64;
        self.kept.push_back(piece.clone());
        Ok(piece)
    }
}

/// Reads once. The buffer reuses its memory after the previous piece has been dropped.
async fn read_piece(reader: &mut (impl AsyncRead + Unpin), buffer: &mut BytesMut, most: u64) -> io::Result<Bytes> {
    let most = most.min(MAX_PIECE);
    buffer.reserve(most as usize);
    reader.take(most).read_buf(buffer).await?;
    Ok(buffer.split().freeze())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    async fn read(source: &mut impl BodyIo, from: u64, length: u64) -> io::Result<Vec<u8>> {
        source.begin(from);
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < length {
            let at = bytes.len() as u64;
            match source.read(from + at, length - at).await? {
                piece if piece.is_empty() => break,
                piece => bytes.extend_from_slice(&piece),
            }
        }
        Ok(bytes)
    }

    #[tokio::test]
    async fn a_seekable_source_is_read_from_anywhere() {
        let whole: Vec<u8> = (0..=255).cycle().take(600_000).collect();
        let mut source = Seekable::new(Cursor::new(&whole));
        for range in [0..600_000, 5..300_000, 599_999..600_000, 0..1] {
            assert_eq!(read(&mut source, range.start as u64, range.len() as u64).await.unwrap(), whole[range]);
        }
        assert_eq!(read(&mut source, 599_990, 20).await.unwrap().len(), 10, "it ends early");
    }

    #[tokio::test]
    async fn a_pipe_goes_back_as_far_as_its_last_chunk() {
        let mut pipe = Piped::new(&b"0123456789"[..]);
        let mut read = async |from: u64, length| match read(&mut pipe, from, length).await {
            Ok(bytes) => String::from_utf8(bytes).unwrap(),
            Err(error) => error.kind().to_string(),
        };
        assert_eq!(read(0, 2).await, "01");
        assert_eq!(read(0, 4).await, "0123", "what was kept, and what comes after it");
        assert_eq!(read(4, 3).await, "456");
        assert_eq!(read(4, 3).await, "456");
        assert_eq!(read(5, 3).await, "567");
        assert_eq!(read(3, 1).await, "unsupported", "given away");
        assert_eq!(read(9, 1).await, "unsupported", "not there yet");
        assert_eq!(read(8, 5).await, "89", "it ends early");
    }
}
