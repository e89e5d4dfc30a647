//! Sinks of downloads.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::body_io::BodyIo;

/// Number of buffered bytes, or of small pieces, at which the buffer is written on a thread that may block.
const MIN_WRITE: usize = 512 * 1024;
const MAX_PIECES: usize = 64;

/// Sink of the caller.
pub(crate) struct Sink<W>(pub(crate) W);

impl<W: AsyncWrite + Send + Unpin> BodyIo for Sink<W> {
    const SINK: bool = true;

    async fn write(&mut self, piece: Bytes) -> io::Result<()> {
        self.0.write_all(&piece).await
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.0.flush().await
    }
}

/// Local file. It buffers received pieces while earlier ones are written.
pub(crate) struct FileSink {
    file: Arc<File>,
    buffered: Vec<Bytes>,
    length: usize,
    writing: Option<JoinHandle<io::Result<()>>>,
}

impl FileSink {
    pub(crate) fn new(file: File) -> Self {
        Self { file: Arc::new(file), buffered: Vec::new(), length: 0, writing: None }
    }

    /// Starts to write the buffered pieces.
    async fn start_write(&mut self) -> io::Result<()> {
        self.written().await?;
        let (file, pieces) = (Arc::clone(&self.file), std::mem::take(&mut self.buffered));
        self.length = 0;
        self.writing = Some(spawn_blocking(move || pieces.iter().try_for_each(|piece| (&*file).write_all(piece))));
        Ok(())
    }

    /// Waits for the write in progress.
    async fn written(&mut self) -> io::Result<()> {
        let Some(writing) = &mut self.writing else { return Ok(()) };
        let result = writing.await;
        self.writing = None;
        result?
    }
}

impl BodyIo for FileSink {
    const SINK: bool = true;

    async fn write(&mut self, piece: Bytes) -> io::Result<()> {
        self.length += piece.len();
        self.buffered.push(piece);
        if self.length >= MIN_WRITE || self.buffered.len() == MAX_PIECES { self.start_write().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> io::Result<()> {
        self.start_write().await?;
        self.written().await
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _};

    use super::*;

    #[tokio::test]
    async fn pieces_of_any_size_arrive_in_their_order() {
        let mut file = quatrix_local::unnamed_temp_file().unwrap();
        let mut sink = FileSink::new(file.try_clone().unwrap());
        let sizes = [1, 3, MIN_WRITE - 1, 5, 2 * MIN_WRITE].into_iter().chain([1; 3 * MAX_PIECES]);
        let mut all = Vec::new();
        for (number, size) in sizes.enumerate() {
            let piece = vec![number as u8; size];
            all.extend_from_slice(&piece);
            sink.write(piece.into()).await.unwrap();
        }
        sink.flush().await.unwrap();
        let mut written = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut written).unwrap();
        assert!(written == all);
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn m40_a_full_disk_is_told_at_the_next_turn_or_at_the_end() {
        let full = || FileSink::new(File::options().write(true).open("/dev/full").unwrap());
        let mut sink = full();
        sink.write(Bytes::from_static(b"x")).await.unwrap();
        assert_eq!(sink.flush().await.unwrap_err().kind(), io::ErrorKind::StorageFull);

        let (mut sink, large) = (full(), Bytes::from(vec![0; MIN_WRITE]));
        sink.write(large.clone()).await.unwrap();
        assert_eq!(sink.write(large).await.unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
