//! One exchange over the wire: the request out, the answer in.
//!
//! No decision about the protocol is made here. The request comes whole from the core but for `Host`, the answer
//! goes through the core's [`Receiver`](quatrix_proto::Receiver) piece by piece.

use std::future::{Future, poll_fn};
use std::io;
use std::ops::{ControlFlow, Range};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{HeaderValue, Request, Response};
use hyper::body::{Body as _, Incoming};
use hyper_util::client::legacy::{self, Client, ResponseFuture};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use quatrix_proto::TransportPhase::{Receive, Send};
use quatrix_proto::{ProxyRule, Sink, Transmit, TransportError, TransportErrorKind};
use rustls::ClientConfig;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::body::Outgoing;
use crate::body_io::BodyIo;
use crate::connection::Unfinished;
use crate::connector::Connector;
use crate::failure;
use crate::idle_timeout::{IdleTimeout, first};
use crate::resolver::NameResolver;

/// How much is read at once at most, and so the largest head that is read: the core takes no more than a quarter of it.
/// Each piece of a download wakes two tasks, so smaller ones cost time.
const READ: usize = 256 * 1024;
/// How many connections to one server are kept for later.
const IDLE: usize = 256;
/// Servers close idle connections after a minute or so; ours go first.
const IDLE_FOR: Duration = Duration::from_secs(15);

/// Time limits of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// Maximum time for connecting: name, socket, proxy and TLS.
    pub(crate) connect: Duration,
    /// Maximum time without a byte in either direction.
    pub(crate) stall: Duration,
}

/// A pool of connections.
pub(crate) struct Transport {
    http: Client<Connector, Outgoing>,
    stall: Duration,
}

impl Transport {
    pub(crate) fn new(tls: ClientConfig, proxy: ProxyRule, resolver: NameResolver, timeouts: Timeouts) -> Self {
        let connector = Connector::new(&Arc::new(tls), proxy, resolver, timeouts.connect);
        let http = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_FOR)
            .pool_max_idle_per_host(IDLE)
            .http1_max_buf_size(READ)
            .set_host(false)
            .build(connector);
        Self { http, stall: timeouts.stall }
    }

    /// Carries an exchange out.
    ///
    /// # Errors
    /// [`TransportError`] if no whole answer came.
    pub(crate) async fn exchange<S: BodyIo>(
        &self,
        mut transmit: Transmit,
        deadline: Option<Instant>,
        body_io: &mut S,
    ) -> Result<Response<Bytes>, TransportError> {
        let timer = pin!(sleep_until(first(deadline, Instant::now() + self.stall)));
        let mut idle_timeout = IdleTimeout::new(timer, self.stall, deadline);
        let request = with_host(std::mem::take(&mut transmit.request));
        let Some(range) = transmit.source.clone() else {
            body_io.begin(0);
            let answer = self.http.request(request.map(Outgoing::Whole));
            let answer = idle_timeout.over(Receive, answer).await?.map_err(failure::of_request)?;
            return receive(answer, &transmit, &mut idle_timeout, body_io).await;
        };
        body_io.begin(range.start);
        let (pieces, body) = mpsc::channel(1);
        let mut answer = self.http.request(request.map(|_| Outgoing::Pieces(body)));
        // A server may answer before it has read everything. The body must not end until that answer has been read.
        let (answer, _unfinished) = match send(range, pieces, &mut answer, &mut idle_timeout, body_io).await? {
            Sent::AnsweredEarly(answer, pieces) => (answer, Some(pieces)),
            Sent::All => (idle_timeout.over(Receive, answer).await?, None),
        };
        receive(answer.map_err(failure::of_request)?, &transmit, &mut idle_timeout, body_io).await
    }
}

/// Adds the one header that the core leaves to the transport. hyper-util would write it with a formatter, piece by piece;
/// in the core's URIs it is there as it goes out.
fn with_host(mut request: Request<Bytes>) -> Request<Bytes> {
    if let Some(host) = request.uri().authority().and_then(|host| HeaderValue::from_str(host.as_str()).ok()) {
        request.headers_mut().insert(HOST, host);
    }
    request
}

enum Sent {
    All,
    AnsweredEarly(Result<Response<Incoming>, legacy::Error>, mpsc::Sender<Bytes>),
}

/// Sends bytes of the caller's. While one piece is on its way out, the next one is read.
async fn send<S: BodyIo>(
    range: Range<u64>,
    pieces: mpsc::Sender<Bytes>,
    answer: &mut ResponseFuture,
    idle_timeout: &mut IdleTimeout<'_>,
    body_io: &mut S,
) -> Result<Sent, TransportError> {
    let mut offset = range.start;
    while offset < range.end {
        let left = range.end - offset;
        let piece = match unless(answer, body_io.read(offset, left)).await {
            Ok(piece) => piece.map_err(local)?,
            Err(early) => return Ok(Sent::AnsweredEarly(early, pieces)),
        };
        if piece.is_empty() {
            let detail = format!("the source ended {left} bytes early");
            return Err(TransportError::maybe_sent(TransportErrorKind::Local).with_detail(detail));
        }
        let length = piece.len();
        // If the connection has dropped its end of the channel, the answer will say why.
        match idle_timeout.over(Send, unless(answer, pieces.send(piece))).await? {
            Ok(_) => go_on(body_io.moved(length))?,
            Err(early) => return Ok(Sent::AnsweredEarly(early, pieces)),
        }
        offset += length as u64;
    }
    Ok(Sent::All)
}

/// Takes a step, unless the answer comes first.
async fn unless<F: Future>(
    answer: &mut ResponseFuture,
    step: F,
) -> Result<F::Output, Result<Response<Incoming>, legacy::Error>> {
    let mut step = pin!(step);
    poll_fn(|cx| match Pin::new(&mut *answer).poll(cx) {
        Poll::Ready(answer) => Poll::Ready(Err(answer)),
        Poll::Pending => step.as_mut().poll(cx).map(Ok),
    })
    .await
}

async fn receive<S: BodyIo>(
    answer: Response<Incoming>,
    transmit: &Transmit,
    idle_timeout: &mut IdleTimeout<'_>,
    body_io: &mut S,
) -> Result<Response<Bytes>, TransportError> {
    let (mut head, mut body) = answer.into_parts();
    let unfinished = Unfinished::new(&mut head);
    let sink = if S::SINK { Sink::Caller } else { Sink::Buffer };
    let mut receiver = transmit.receiver(&head, sink)?;
    while let Some(frame) = idle_timeout.over(Receive, poll_fn(|cx| Pin::new(&mut body).poll_frame(cx))).await? {
        // What is no data is a trailer, and says nothing to us.
        let Ok(piece) = frame.map_err(failure::of_body)?.into_data() else { continue };
        let wanted = piece.slice_ref(receiver.push(&piece)?);
        let length = wanted.len();
        if length > 0 {
            body_io.write(wanted).await.map_err(local)?;
            go_on(body_io.moved(length))?;
        }
    }
    let body = receiver.finish()?;
    unfinished.finish();
    Ok(Response::from_parts(head, body))
}

fn local(error: io::Error) -> TransportError {
    TransportError::maybe_sent(TransportErrorKind::Local).with_source(error)
}

fn go_on(flow: ControlFlow<()>) -> Result<(), TransportError> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(TransportError::aborted()),
    }
}
