//! The caller's end of a call: where the bytes of an upload come from, or where those of a download go to.

use std::future::Future;
use std::io;
use std::ops::ControlFlow;

use bytes::Bytes;
use quatrix_proto::UnixTime;

/// Bytes of the caller's that requests and answers carry.
pub(crate) trait BodyIo: Send {
    /// Whether there are bytes to send.
    const SOURCE: bool = false;
    /// Whether there is a place for bytes that come. Without one, they are the body of the answer.
    const SINK: bool = false;

    /// An exchange begins. If it sends bytes of the source, they start here.
    fn begin(&mut self, _from: u64) {}

    /// Reads the next bytes of the source, which stand at this offset: some, at most so many. None is the end.
    fn read(&mut self, _offset: u64, _most: u64) -> impl Future<Output = io::Result<Bytes>> + Send {
        async { Ok(Bytes::new()) }
    }

    /// Checks whether the source has changed since the last time, and what it is now: its size and modification time.
    fn change(&mut self) -> impl Future<Output = Option<(u64, Option<UnixTime>)>> + Send {
        async { None }
    }

    /// Adds bytes to the sink.
    fn write(&mut self, _piece: Bytes) -> impl Future<Output = io::Result<()>> + Send {
        async { Ok(()) }
    }

    /// Makes sure that nothing is left in a buffer of the sink.
    fn flush(&mut self) -> impl Future<Output = io::Result<()>> + Send {
        async { Ok(()) }
    }

    /// Is told of bytes that have moved in this exchange, and can end it.
    fn moved(&mut self, _length: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// No bytes but those in requests and answers themselves.
pub(crate) struct NoBodyIo;

impl BodyIo for NoBodyIo {}
