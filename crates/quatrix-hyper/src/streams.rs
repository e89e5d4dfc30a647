//! The caller's ends of a call: where the bytes of an upload come from, and where those of a download go to.

use std::future::Future;

use bytes::Bytes;
use quatrix_proto::Failure;

/// Bytes of the caller's that requests and answers carry.
pub(crate) trait Streams: Send {
    /// Whether there are bytes to send.
    const SOURCE: bool;
    /// Whether there is a place for bytes that come. Without one, they are the body of the answer.
    const SINK: bool;

    /// Reads bytes of the source from this offset on: as many as are at hand, at least one, at most `most`.
    fn read(&mut self, offset: u64, most: usize) -> impl Future<Output = Result<Bytes, Failure>> + Send;

    /// Adds bytes to the sink.
    fn write(&mut self, piece: &[u8]) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// No bytes but those in requests and answers themselves.
pub(crate) struct NoStreams;

impl Streams for NoStreams {
    const SOURCE: bool = false;
    const SINK: bool = false;

    async fn read(&mut self, _: u64, _: usize) -> Result<Bytes, Failure> {
        Ok(Bytes::new())
    }

    async fn write(&mut self, _: &[u8]) -> Result<(), Failure> {
        Ok(())
    }
}
