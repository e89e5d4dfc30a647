//! A connection that can be kept from being used again.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use http::response::Parts;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect;

/// A stream with a mark on it. Once the mark says so, the stream is at its end: when hyper is about to use the
/// connection again, it finds that it was closed, has written nothing, and takes another one.
pub(crate) struct Connection<T> {
    stream: T,
    mark: Mark,
}

/// Goes along with every answer of a connection.
#[derive(Clone, Default)]
struct Mark {
    spent: Arc<AtomicBool>,
}

/// An answer that has not been taken in whole. If it never is, its connection is spent: hyper by itself keeps one that
/// happens to have read all of an answer that was refused.
pub(crate) struct Unfinished(Option<Mark>);

impl<T> Connection<T> {
    pub(crate) fn new(stream: T) -> Self {
        Self { stream, mark: Mark::default() }
    }

    fn is_spent(&self) -> bool {
        self.mark.spent.load(Ordering::Relaxed)
    }
}

impl Unfinished {
    /// Finds the mark in the head of an answer, and leaves nothing of hyper's there.
    pub(crate) fn new(head: &mut Parts) -> Self {
        let mark = head.extensions.remove();
        head.extensions.clear();
        Self(mark)
    }

    /// Now it has.
    pub(crate) fn finish(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(mark) = &self.0 {
            mark.spent.store(true, Ordering::Relaxed);
        }
    }
}

impl<T> connect::Connection for Connection<T> {
    fn connected(&self) -> connect::Connected {
        connect::Connected::new().extra(self.mark.clone())
    }
}

impl<T: Read + Unpin> Read for Connection<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match self.is_spent() {
            true => Poll::Ready(Ok(())),
            false => Pin::new(&mut self.stream).poll_read(cx, buffer),
        }
    }
}

impl<T: Write + Unpin> Write for Connection<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }
}
