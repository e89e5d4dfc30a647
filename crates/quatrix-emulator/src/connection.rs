//! The thin server: sockets, TLS and HTTP/1.1 around the pure handler, and what goes wrong with them on purpose.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
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
use crate::faults::{Fault, What, When};

/// Serves every connection that comes, until the runtime is dropped.
pub(crate) async fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Most likely too many open files: some connection has to end first.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        // Fails only on a connection that is gone already.
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
    let service = service_fn(|request| answer(request, shared, end));
    // An error here is the client's, which went away or spoke no HTTP; or a fault that was asked for.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

/// Answers a request. An error closes the connection without an answer.
async fn answer(request: Request<Incoming>, shared: &Shared, end: &Arc<End>) -> io::Result<Response<Outgoing>> {
    let (head, incoming) = request.into_parts();
    let Some(fault) = shared.next_fault(&head) else {
        let body = collect(incoming, u64::MAX).await?;
        return Ok(shared.handle(Request::from_parts(head, body)).map(Outgoing::whole));
    };
    let limit = match fault.fault {
        What::Cut(When::Request(limit)) | What::Reset(When::Request(limit)) => limit,
        _ => u64::MAX,
    };
    let body = collect(incoming, limit).await?;
    let request = Request::from_parts(head, body);
    // From here on: a connection that is closed is reset, if the fault says so.
    end.reset.store(matches!(fault.fault, What::Reset(_)), Ordering::Relaxed);
    match fault.fault {
        What::Status(status) => {
            shared.record(request, status);
            Ok(fault.answer(status).map(Outgoing::whole))
        }
        What::Cut(When::Request(_) | When::Before) | What::Reset(When::Request(_) | When::Before) => {
            shared.record(request, 0);
            Err(on_purpose())
        }
        What::Cut(When::After) | What::Reset(When::After) => {
            shared.handle(request);
            Err(on_purpose())
        }
        What::Cut(When::Body(len)) | What::Reset(When::Body(len)) => {
            let cut = Some(Cut { left: len, end: Arc::clone(end), flushing: None });
            Ok(changed(shared, &fault, request).map(|body| Outgoing { body, cut }))
        }
        What::Delay(time) => {
            tokio::time::sleep(time).await;
            Ok(changed(shared, &fault, request).map(Outgoing::whole))
        }
        What::Expire => {
            shared.expire_all();
            Ok(changed(shared, &fault, request).map(Outgoing::whole))
        }
        What::Truncate(_) | What::Oversize(_) | What::WrongType(_) => {
            Ok(changed(shared, &fault, request).map(Outgoing::whole))
        }
    }
}

fn changed(shared: &Shared, fault: &Fault, request: Request<Body>) -> Response<Body> {
    fault.change(shared.handle(request))
}

fn on_purpose() -> io::Error {
    io::Error::other("a fault that was asked for")
}

/// Reads a body, or at least this many bytes of it.
async fn collect(mut incoming: Incoming, limit: u64) -> io::Result<Body> {
    let mut body = Body::default();
    while body.len() < limit
        && let Some(frame) = poll_fn(|cx| Pin::new(&mut incoming).poll_frame(cx)).await
    {
        if let Ok(piece) = frame.map_err(io::Error::other)?.into_data() {
            body.push(piece);
        }
    }
    Ok(body)
}

/// How a connection is going to end.
#[derive(Default)]
struct End {
    /// With a reset.
    reset: AtomicBool,
    /// How often all that was written has been handed to the system.
    flushes: AtomicU64,
}

/// A body on its way out, piece by piece.
struct Outgoing {
    body: Body,
    cut: Option<Cut>,
}

/// Where a body ends too early.
struct Cut {
    /// How many bytes may still go.
    left: u64,
    end: Arc<End>,
    /// Set while those bytes are on their way: how many flushes there had been before, and when to look again.
    flushing: Option<(u64, Pin<Box<Sleep>>)>,
}

impl Outgoing {
    fn whole(body: Body) -> Self {
        Self { body, cut: None }
    }
}

impl Cut {
    /// Ready when what may go has gone.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let soon = || Box::pin(tokio::time::sleep(Duration::from_millis(1)));
        loop {
            let flushes = self.end.flushes.load(Ordering::Relaxed);
            let (before, look_again) = self.flushing.get_or_insert_with(|| (flushes, soon()));
            if flushes != *before {
                return Poll::Ready(());
            }
            ready!(look_again.as_mut().poll(cx));
            *look_again = soon();
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
            return Poll::Ready(Some(Err(on_purpose())));
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

/// A connection that can end with a reset.
struct Socket {
    stream: TcpStream,
    end: Arc<End>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.end.reset.load(Ordering::Relaxed) {
            // A system that cannot do it closes the connection in the usual way.
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
