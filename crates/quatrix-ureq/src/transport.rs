//! One exchange: the request goes out, head and body of the answer come in.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::{ControlFlow, Range};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use quatrix_proto::{Sink, Timestamp, Transmit, TransportError, TransportErrorKind, TransportPhase};
use ureq::{Agent, Body, SendBody};

use crate::failure::{failure, read_failure};
use crate::stage::Stage;

/// How much of an answer is taken in at a time: at first, and when there is more.
const SMALL: usize = 2 * 1024;
const LARGE: usize = 64 * 1024;

/// Time limits of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// Maximum time for connecting: name, socket, proxy and TLS.
    pub(crate) connect: Duration,
    /// Maximum time without a byte in either direction.
    pub(crate) stall: Duration,
}

/// A pool of connections, and the clock that everything is measured with.
pub(crate) struct Transport {
    agent: Agent,
    origin: Instant,
}

/// What an upload is read from.
pub(crate) trait Source: Read + Seek {}

impl<T: Read + Seek> Source for T {}

/// The caller's ends of a call: what it sends bytes from, where bytes of the answer go.
#[derive(Default)]
pub(crate) struct BodyIo<'a> {
    pub(crate) source: Option<&'a mut dyn Source>,
    /// Without one, such bytes are the body of the answer.
    pub(crate) sink: Option<&'a mut dyn Write>,
    /// How many bytes the latest exchange has moved between them and the server.
    pub(crate) moved: u64,
    /// Is told of `moved` while it grows. It can end the exchange.
    pub(crate) progress: Option<&'a mut dyn FnMut(u64) -> ControlFlow<()>>,
    /// It has done so.
    pub(crate) stopped: bool,
}

impl BodyIo<'_> {
    /// Counts bytes that have moved.
    fn count(&mut self, length: usize) -> Result<(), TransportError> {
        self.moved += length as u64;
        if let Some(progress) = &mut self.progress {
            self.stopped = progress(self.moved).is_break();
        }
        if self.stopped { Err(TransportError::aborted()) } else { Ok(()) }
    }
}

impl Transport {
    pub(crate) fn new(agent: Agent) -> Self {
        Self { agent, origin: Instant::now() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.origin.elapsed().into()
    }

    /// Sends the request and takes the answer in.
    pub(crate) fn exchange(
        &self,
        mut transmit: Transmit,
        body_io: &mut BodyIo<'_>,
    ) -> Result<Response<Bytes>, TransportError> {
        Stage::begin(self.origin.checked_add(Duration::from_micros(transmit.deadline.as_micros())));
        body_io.moved = 0;
        let (head, body) = std::mem::take(&mut transmit.request).into_parts();
        let response = match transmit.source.clone() {
            None if body.is_empty() => self.agent.run(Request::from_parts(head, ())).map_err(failure)?,
            None => self.agent.run(Request::from_parts(head, &body[..])).map_err(failure)?,
            Some(range) => {
                let mut reader = RangeReader::new(self, body_io, range, transmit.deadline)?;
                let sent = self.agent.run(Request::from_parts(head, SendBody::from_reader(&mut reader)));
                // What stopped the reader is the cause of whatever ureq makes of it.
                match (sent, reader.failure) {
                    (Ok(response), _) => response,
                    (Err(_), Some(own)) => return Err(own),
                    (Err(error), None) => return Err(failure(error)),
                }
            }
        };
        self.receive(response, &transmit, body_io)
    }

    fn receive(
        &self,
        response: Response<Body>,
        transmit: &Transmit,
        body_io: &mut BodyIo<'_>,
    ) -> Result<Response<Bytes>, TransportError> {
        let (mut head, mut body) = response.into_parts();
        // ureq leaves the URI in there, which may be a capability.
        head.extensions.clear();
        let sink = if body_io.sink.is_some() { Sink::Caller } else { Sink::Buffer };
        let mut receiver = transmit.receiver(&head, sink)?;
        let mut reader = body.as_reader();
        // Most answers are small; only one that is not gets a buffer worth clearing.
        let (mut small, mut large) = ([0; SMALL], Vec::new());
        loop {
            let piece = if large.is_empty() { &mut small[..] } else { &mut large };
            let length = reader.read(piece).map_err(read_failure)?;
            if length == 0 {
                break;
            }
            let wanted = receiver.push(&piece[..length])?;
            if let Some(sink) = &mut body_io.sink
                && !wanted.is_empty()
            {
                sink.write_all(wanted)
                    .map_err(|error| TransportError::maybe_sent(TransportErrorKind::Local).with_source(error))?;
                body_io.count(wanted.len())?;
            }
            if self.now() >= transmit.deadline {
                return Err(TransportError::timed_out(TransportPhase::Receive));
            }
            if length == SMALL {
                large.resize(LARGE, 0);
            }
        }
        let body = receiver.finish()?;
        Ok(Response::from_parts(head, body))
    }
}

/// Reads a range of the caller's source, in time.
struct RangeReader<'r, 'e> {
    transport: &'r Transport,
    body_io: &'r mut BodyIo<'e>,
    left: u64,
    deadline: Timestamp,
    failure: Option<TransportError>,
}

impl<'r, 'e> RangeReader<'r, 'e> {
    fn new(
        transport: &'r Transport,
        body_io: &'r mut BodyIo<'e>,
        range: Range<u64>,
        deadline: Timestamp,
    ) -> Result<Self, TransportError> {
        let unsent = || TransportError::unsent(TransportErrorKind::Local);
        let source = body_io.source.as_mut().ok_or_else(unsent)?;
        source.seek(SeekFrom::Start(range.start)).map_err(|error| unsent().with_source(error))?;
        Ok(Self { transport, body_io, left: range.end - range.start, deadline, failure: None })
    }

    fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, TransportError> {
        if self.transport.now() >= self.deadline {
            return Err(TransportError::timed_out(TransportPhase::Send));
        }
        let local = || TransportError::maybe_sent(TransportErrorKind::Local);
        let source = self.body_io.source.as_mut().ok_or_else(local)?;
        let length = loop {
            match source.read(buffer) {
                Ok(0) if !buffer.is_empty() => {
                    return Err(local().with_detail(format!("the source ended {} bytes early", self.left)));
                }
                Ok(length) => break length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(local().with_source(error)),
            }
        };
        self.body_io.count(length)?;
        Ok(length)
    }
}

impl Read for RangeReader<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let length = match Stage::reached() {
            // Nobody takes these bytes any more; they only bring ureq to the answer.
            Stage::Unheard => most,
            _ => self.read_some(&mut buffer[..most]).map_err(|failure| {
                self.failure = Some(failure);
                io::ErrorKind::Other
            })?,
        };
        self.left -= length as u64;
        Ok(length)
    }
}
