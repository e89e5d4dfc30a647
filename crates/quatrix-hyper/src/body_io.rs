//! The caller's source of an upload, or sink of a download.

use std::future::Future;
use std::io;
use std::ops::ControlFlow;

use bytes::Bytes;
use quatrix_proto::UnixTime;

/// Source or sink of the caller's bytes.
pub(crate) trait BodyIo: Send {
    /// Whether there are bytes to send.
    const SOURCE: bool = false;
    /// Whether received bytes go to a sink. Without one, they are the response's body.
    const SINK: bool = false;

    /// Begins an exchange, which reads the source from this offset.
    fn begin(&mut self, _from: u64) {}

    /// Reads the next bytes of the source, at this offset. An empty result is the end.
    fn read(&mut self, _offset: u64, _most: u64) -> impl Future<Output = io::Result<Bytes>> + Send {
        async { Ok(Bytes::new()) }
    }

    /// Returns the size and modification time of the source if it has changed since the last check.
    fn change(&mut self) -> impl Future<Output = Option<(u64, Option<UnixTime>)>> + Send {
        async { None }
    }

    /// Writes bytes to the sink.
    fn write(&mut self, _piece: Bytes) -> impl Future<Output = io::Result<()>> + Send {
        async { Ok(()) }
    }

    /// Flushes the sink.
    fn flush(&mut self) -> impl Future<Output = io::Result<()>> + Send {
        async { Ok(()) }
    }

    /// Counts transferred bytes of this exchange; a break ends it.
    fn moved(&mut self, _length: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Neither source nor sink.
pub(crate) struct NoBodyIo;

impl BodyIo for NoBodyIo {}
