//! Sockets, TLS and HTTP/1.1 around the pure handler, and the injected connection faults.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http::{Request, Response};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Sleep;
use tokio_rustls::TlsAcceptor;

use crate::body::Body;
use crate::emulator::Shared;
use crate::faults::{CutPoint, FaultKind};

/// Maximum number of bytes kept of a control request's body.
const MAX_CONTROL_BODY: u64 = 16 * 1024 * 1024;

/// Serves every connection until the runtime is dropped.
pub(crate) async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Most likely too many open files: wait until a connection has closed.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        // Fails only on a connection that has been closed.
        let _ = stream.set_nodelay(true);
        let end = Arc::new(End::default());
        let socket = Socket { stream, end: Arc::clone(&end) };
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            match tls {
                None => serve_connection(socket, &shared, &end).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(socket).await {
                        serve_connection(stream, &shared, &end).await;
                    }
                }
            }
        });
    }
}

async fn serve_connection(stream: impl AsyncRead + AsyncWrite + Unpin, shared: &Shared, end: &Arc<End>) {
    let service = service_fn(|request| respond(request, shared, end));
    // An error means that the client disconnected or did not send HTTP, or that a fault was injected.
    let _ = http1::Builder::new().auto_date_header(false).serve_connection(TokioIo::new(stream), service).await;
}

/// Responds to a request. An error closes the connection without a response.
async fn respond(request: Request<Incoming>, shared: &Shared, end: &Arc<End>) -> io::Result<Response<Outgoing>> {
    let (head, incoming) = request.into_parts();
    if shared.is_control(&head.uri) {
        if let Err(problem) = shared.admit_control(&head) {
            return Ok(problem.into_response().map(Outgoing::whole));
        }
        let body = collect(incoming, u64::MAX, MAX_CONTROL_BODY).await?;
        return Ok(shared.control(Request::from_parts(head, body)).map(Outgoing::whole));
    }
    let (fault, max_body) = shared.begin(&head);
    let Some(fault) = fault else {
        let request = request_of(head, collect(incoming, u64::MAX, max_body).await?);
        return Ok(shared.handle(request).map(Outgoing::whole));
    };
    let limit = match fault.fault {
        FaultKind::Cut(CutPoint::Request(limit)) | FaultKind::Reset(CutPoint::Request(limit)) => limit,
        _ => u64::MAX,
    };
    let request = fault.change_request(request_of(head, collect(incoming, limit, max_body).await?));
    // From here on, closing the connection resets it if the fault is a reset.
    end.reset.store(matches!(fault.fault, FaultKind::Reset(_)), Ordering::Relaxed);
    let mut cut = None;
    match fault.fault {
        FaultKind::Status(status) => {
            shared.record(request, status);
            return Ok(fault.change(Response::default(), shared.date()).map(Outgoing::whole));
        }
        FaultKind::Cut(CutPoint::Request(_) | CutPoint::Before)
        | FaultKind::Reset(CutPoint::Request(_) | CutPoint::Before) => {
            shared.record(request, 0);
            return Err(injected_fault());
        }
        FaultKind::Cut(CutPoint::After) | FaultKind::Reset(CutPoint::After) => {
            shared.handle(request);
            return Err(injected_fault());
        }
        FaultKind::Cut(CutPoint::Body(len)) | FaultKind::Reset(CutPoint::Body(len)) => {
            cut = Some(Cut { left: len, end: Arc::clone(end), flushing: None });
        }
        FaultKind::Delay(time) => tokio::time::sleep(time).await,
        FaultKind::Expire => shared.expire_all(),
        FaultKind::Rewrite(len) => shared.rewrite(request.uri(), len),
        FaultKind::Execute
        | FaultKind::Replace(_)
        | FaultKind::Truncate(_)
        | FaultKind::Oversize(_)
        | FaultKind::WrongType(_) => {}
    }
    Ok(fault.change(shared.handle(request), shared.date()).map(|body| Outgoing { body, cut }))
}

/// Returns a request with the kept part of its body, and a `Content-Length` that fits.
fn request_of(mut head: Parts, body: Body) -> Request<Body> {
    let length = head.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > body.len()) {
        head.headers.insert(CONTENT_LENGTH, body.len().into());
    }
    Request::from_parts(head, body)
}

fn injected_fault() -> io::Error {
    io::Error::other("injected fault")
}

/// Reads a body, or at least `limit` bytes of it. Bytes beyond `keep` are read and discarded, so that the client
/// receives the response that rejects it.
async fn collect(mut incoming: Incoming, limit: u64, keep: u64) -> io::Result<Body> {
    let (mut body, mut read) = (Body::default(), 0);
    while read < limit
        && let Some(frame) = poll_fn(|cx| Pin::new(&mut incoming).poll_frame(cx)).await
    {
        if let Ok(mut piece) = frame.map_err(io::Error::other)?.into_data() {
            read += piece.len() as u64;
            piece.truncate(usize::try_from(keep - body.len()).unwrap_or(usize::MAX));
            body.push(piece);
        }
    }
    Ok(body)
}

/// State that decides how a connection closes.
#[derive(Default)]
struct End {
    /// Whether the connection is reset instead of closed.
    reset: AtomicBool,
    /// Number of completed flushes.
    flushes: AtomicU64,
}

/// Response body, sent piece by piece.
struct Outgoing {
    body: Body,
    cut: Option<Cut>,
}

/// Point at which a body is cut.
struct Cut {
    /// Number of bytes still to send.
    left: u64,
    end: Arc<End>,
    /// Set while those bytes are being flushed: the number of flushes before, and the next check.
    flushing: Option<(u64, Pin<Box<Sleep>>)>,
}

impl Outgoing {
    fn whole(body: Body) -> Self {
        Self { body, cut: None }
    }
}

impl Cut {
    /// Ready when the bytes before the cut have been flushed.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let soon = || Box::pin(tokio::time::sleep(Duration::from_millis(1)));
        loop {
            let flushes = self.end.flushes.load(Ordering::Relaxed);
            let (before, next_check) = self.flushing.get_or_insert_with(|| (flushes, soon()));
            if flushes != *before {
                return Poll::Ready(());
            }
            ready!(next_check.as_mut().poll(cx));
            *next_check = soon();
        }
    }
}

impl hyper::body::Body for Outgoing {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Self { body, cut } = &mut *self;
        if let Some(cut) = cut.as_mut().filter(|cut| cut.left == 0) {
            ready!(cut.poll(cx));
            return Poll::Ready(Some(Err(injected_fault())));
        }
        let piece = body.pop().map(|mut piece| {
            if let Some(cut) = cut {
                piece.truncate(usize::try_from(cut.left).unwrap_or(usize::MAX));
                cut.left -= piece.len() as u64;
            }
            Ok(Frame::data(piece))
        });
        Poll::Ready(piece)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_empty() && self.cut.as_ref().is_none_or(|cut| cut.left > 0)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.body.len())
    }
}

/// Connection that can be reset.
struct Socket {
    stream: TcpStream,
    end: Arc<End>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.end.reset.load(Ordering::Relaxed) {
            // A system without this option closes the connection normally.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.end.flushes.fetch_add(u64::from(flushed.is_ready()), Ordering::Relaxed);
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
