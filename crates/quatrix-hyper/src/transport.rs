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

/// How long which step may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeouts {
    /// Until there is a connection: name, socket, proxy, TLS.
    pub(crate) connect: Duration,
    /// Without a byte moving in either direction.
    pub(crate) stall: Duration,
}

/// A pool of connections.
pub(crate) struct Transport {
    http: Client<Connector, Outgoing>,
    stall: Duration,
}

impl Transport {
    pub(crate) fn new(tls: ClientConfig, proxy: ProxyRule, names: NameResolver, patience: Timeouts) -> Self {
        let connector = Connector::new(&Arc::new(tls), proxy, names, patience.connect);
        let http = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_FOR)
            .pool_max_idle_per_host(IDLE)
            .http1_max_buf_size(READ)
            .set_host(false)
            .build(connector);
        Self { http, stall: patience.stall }
    }

    /// Carries an exchange out.
    ///
    /// # Errors
    /// [`TransportError`] if no whole answer came.
    pub(crate) async fn exchange<S: BodyIo>(
        &self,
        mut transmit: Transmit,
        deadline: Option<Instant>,
        streams: &mut S,
    ) -> Result<Response<Bytes>, TransportError> {
        let timer = pin!(sleep_until(first(deadline, Instant::now() + self.stall)));
        let mut watch = IdleTimeout::new(timer, self.stall, deadline);
        let request = with_host(std::mem::take(&mut transmit.request));
        let Some(range) = transmit.source.clone() else {
            streams.begin(0);
            let answer = self.http.request(request.map(Outgoing::Whole));
            let answer = watch.over(Receive, answer).await?.map_err(failure::of_request)?;
            return receive(answer, &transmit, &mut watch, streams).await;
        };
        streams.begin(range.start);
        let (pieces, body) = mpsc::channel(1);
        let mut answer = self.http.request(request.map(|_| Outgoing::Pieces(body)));
        // A server may answer before it has read everything. The body must not end until that answer has been read.
        let (answer, _unfinished) = match send(range, pieces, &mut answer, &mut watch, streams).await? {
            Sent::AnsweredEarly(answer, pieces) => (answer, Some(pieces)),
            Sent::All => (watch.over(Receive, answer).await?, None),
        };
        receive(answer.map_err(failure::of_request)?, &transmit, &mut watch, streams).await
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
    watch: &mut IdleTimeout<'_>,
    streams: &mut S,
) -> Result<Sent, TransportError> {
    let mut offset = range.start;
    while offset < range.end {
        let left = range.end - offset;
        let piece = match unless(answer, streams.read(offset, left)).await {
            Ok(piece) => piece.map_err(local)?,
            Err(early) => return Ok(Sent::AnsweredEarly(early, pieces)),
        };
        if piece.is_empty() {
            let detail = format!("the source ended {left} bytes early");
            return Err(TransportError::maybe_sent(TransportErrorKind::Local).with_detail(detail));
        }
        let length = piece.len();
        // If the connection has dropped its end of the channel, the answer will say why.
        match watch.over(Send, unless(answer, pieces.send(piece))).await? {
            Ok(_) => go_on(streams.moved(length))?,
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
    watch: &mut IdleTimeout<'_>,
    streams: &mut S,
) -> Result<Response<Bytes>, TransportError> {
    let (mut head, mut body) = answer.into_parts();
    let unfinished = Unfinished::new(&mut head);
    let sink = if S::SINK { Sink::Caller } else { Sink::Buffer };
    let mut receiver = transmit.receiver(&head, sink)?;
    while let Some(frame) = watch.over(Receive, poll_fn(|cx| Pin::new(&mut body).poll_frame(cx))).await? {
        // What is no data is a trailer, and says nothing to us.
        let Ok(piece) = frame.map_err(failure::of_body)?.into_data() else { continue };
        let wanted = piece.slice_ref(receiver.push(&piece)?);
        let length = wanted.len();
        if length > 0 {
            streams.write(wanted).await.map_err(local)?;
            go_on(streams.moved(length))?;
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
