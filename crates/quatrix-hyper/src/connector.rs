//! Connector: TCP, a proxy if one is set, and TLS.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper_rustls::{DefaultServerNameResolver, HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::TokioIo;
use quatrix_proto::{ProxyRule, TransportError, TransportErrorKind, TransportPhase};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::connection::Connection;
use crate::failure::{ConnectError, is_timeout, of_tls};
use crate::resolver::NameResolver;

type BoxError = Box<dyn StdError + Send + Sync>;
type Connecting<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;
type Tcp = HttpConnector<NameResolver>;
/// A socket, or a tunnel through a proxy, which may be reached over TLS itself.
type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Opens connections. A clone is a reference.
#[derive(Clone)]
pub(crate) struct Connector(Arc<Inner>);

struct Inner {
    secured: HttpsConnector<Dialer>,
    connect_timeout: Duration,
}

impl Connector {
    /// `connect_timeout` covers name, socket, proxy and TLS.
    pub(crate) fn new(
        tls: &Arc<ClientConfig>,
        proxy: ProxyRule,
        resolver: NameResolver,
        connect_timeout: Duration,
    ) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(resolver);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(connect_timeout));
        let dialer = Dialer { to_proxy: secured(tcp.clone(), tls), tcp, proxy: Arc::new(proxy) };
        Self(Arc::new(Inner { secured: secured(dialer, tls), connect_timeout }))
    }
}

fn secured<T>(below: T, tls: &Arc<ClientConfig>) -> HttpsConnector<T> {
    HttpsConnector::new(below, Arc::clone(tls), false, Arc::new(DefaultServerNameResolver::default()))
}

impl Service<Uri> for Connector {
    type Response = Connection<MaybeHttpsStream<Stream>>;
    type Error = ConnectError;
    type Future = Connecting<Self::Response, ConnectError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        let connecting = self.0.secured.clone().call(server);
        let connect_timeout = self.0.connect_timeout;
        Box::pin(async move {
            match tokio::time::timeout(connect_timeout, connecting).await {
                Ok(Ok(stream)) => Ok(Connection::new(stream)),
                Ok(Err(error)) => Err(ConnectError(transport_error(error))),
                Err(_) => Err(ConnectError(TransportError::timed_out(TransportPhase::Connect))),
            }
        })
    }
}

fn transport_error(error: BoxError) -> TransportError {
    match error.downcast::<DialError>() {
        // Each address has its share of the time.
        Ok(dial_error) if is_timeout(&*dial_error.source) => TransportError::timed_out(TransportPhase::Connect),
        Ok(dial_error) => TransportError::unsent(dial_error.kind).with_source(dial_error.source),
        // Any other error is one of the TLS handshake.
        Err(error) => match of_tls(&*error) {
            Some(reason) => TransportError::unsent(TransportErrorKind::Tls).with_source(reason.clone()),
            None => TransportError::unsent(TransportErrorKind::Tls).with_source(error),
        },
    }
}

/// Connects to the server directly or through a proxy.
#[derive(Clone)]
struct Dialer {
    tcp: Tcp,
    to_proxy: HttpsConnector<Tcp>,
    proxy: Arc<ProxyRule>,
}

/// Error before the TLS handshake.
#[derive(Debug)]
struct DialError {
    kind: TransportErrorKind,
    source: BoxError,
}

impl Service<Uri> for Dialer {
    type Response = Stream;
    type Error = DialError;
    type Future = Connecting<Stream, DialError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, server: Uri) -> Self::Future {
        let through =
            self.proxy.towards_host(server.scheme().unwrap_or(&Scheme::HTTP), server.host().unwrap_or_default());
        let proxy = match through {
            Ok(proxy) => proxy,
            // A client that shares these connections may use a server that the rule excludes.
            Err(invalid) => {
                return Box::pin(async { Err(DialError { kind: TransportErrorKind::Proxy, source: invalid.into() }) });
            }
        };
        let Some(proxy) = proxy else {
            let connecting = self.tcp.call(server);
            let dial_error = |error| DialError { kind: TransportErrorKind::Connect, source: Box::new(error) };
            return Box::pin(async move { connecting.await.map(MaybeHttpsStream::Http).map_err(dial_error) });
        };
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.to_proxy.clone());
        if let Some(credentials) = proxy.authorization() {
            tunnel = tunnel.with_auth(credentials.clone());
        }
        let connecting = tunnel.call(server);
        let dial_error = |error| DialError { kind: TransportErrorKind::Proxy, source: Box::new(error) };
        Box::pin(async move { connecting.await.map_err(dial_error) })
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.source.fmt(f)
    }
}

impl StdError for DialError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.source()
    }
}
