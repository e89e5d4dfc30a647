//! From an address to a connection: TCP, a proxy where there is one, TLS.

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

/// Makes connections. A clone is a reference.
#[derive(Clone)]
pub(crate) struct Connector(Arc<Inner>);

struct Inner {
    secured: HttpsConnector<Dialer>,
    patience: Duration,
}

impl Connector {
    /// `patience` is for all of it: name, socket, proxy and TLS.
    pub(crate) fn new(tls: &Arc<ClientConfig>, proxy: ProxyRule, names: NameResolver, patience: Duration) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(names);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(patience));
        let dialer = Dialer { to_proxy: secured(tcp.clone(), tls), tcp, proxy: Arc::new(proxy) };
        Self(Arc::new(Inner { secured: secured(dialer, tls), patience }))
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
        let patience = self.0.patience;
        Box::pin(async move {
            match tokio::time::timeout(patience, connecting).await {
                Ok(Ok(stream)) => Ok(Connection::new(stream)),
                Ok(Err(error)) => Err(ConnectError(why(error))),
                Err(_) => Err(ConnectError(TransportError::timed_out(TransportPhase::Connect))),
            }
        })
    }
}

fn why(error: BoxError) -> TransportError {
    match error.downcast::<DialError>() {
        // Each address has its share of the time.
        Ok(undialled) if is_timeout(&*undialled.source) => TransportError::timed_out(TransportPhase::Connect),
        Ok(undialled) => TransportError::unsent(undialled.kind).with_source(undialled.source),
        // What is no fault of the dialer is one of the handshake.
        Err(error) => match of_tls(&*error) {
            Some(reason) => TransportError::unsent(TransportErrorKind::Tls).with_source(reason.clone()),
            None => TransportError::unsent(TransportErrorKind::Tls).with_source(error),
        },
    }
}

/// Connects to the server, or to it through a proxy.
#[derive(Clone)]
struct Dialer {
    tcp: Tcp,
    to_proxy: HttpsConnector<Tcp>,
    proxy: Arc<ProxyRule>,
}

/// There is no connection to speak TLS over.
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
            // A client that shares the connections of another may be for a server that the rule is not for.
            Err(invalid) => {
                return Box::pin(async { Err(DialError { kind: TransportErrorKind::Proxy, source: invalid.into() }) });
            }
        };
        let Some(proxy) = proxy else {
            let connecting = self.tcp.call(server);
            let undialled = |error| DialError { kind: TransportErrorKind::Connect, source: Box::new(error) };
            return Box::pin(async move { connecting.await.map(MaybeHttpsStream::Http).map_err(undialled) });
        };
        let mut tunnel = Tunnel::new(proxy.uri().clone(), self.to_proxy.clone());
        if let Some(credentials) = proxy.authorization() {
            tunnel = tunnel.with_auth(credentials.clone());
        }
        let connecting = tunnel.call(server);
        let undialled = |error| DialError { kind: TransportErrorKind::Proxy, source: Box::new(error) };
        Box::pin(async move { connecting.await.map_err(undialled) })
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
