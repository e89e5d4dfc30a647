//! How far an exchange has come: whether its request may have been sent.
//!
//! ureq's errors do not say so: a reset connection looks the same before the request and after it. So its connector and
//! its transports are wrapped here. An exchange runs on the thread of its caller from the first byte to the last; that
//! thread's cell is where exchange and connection meet.

use std::cell::Cell;
use std::io;
use std::time::Instant;

use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, NextTimeout, RustlsConnector, TcpConnector, Transport,
};
use ureq::{Error, Timeout};

use crate::resolver::NameResolver;

thread_local! {
    static STAGE: Cell<Stage> = const { Cell::new(Stage::Unsent) };
    /// When the exchange of this thread ends, if it has a deadline.
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// How far the exchange of this thread has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Not a byte of the request was written.
    Unsent,
    /// A connection is being made: what is written now is not the request.
    Connecting,
    /// The proxy could not be reached, or broke the connection off.
    NoProxy,
    /// The connection broke off in the handshake of TLS.
    NoTls,
    /// Some of the request may have reached the server.
    Sent,
    /// The server takes no more of it. It may have said why, so the answer is still read.
    Unheard,
}

impl Stage {
    /// An exchange begins, and ends at this moment at the latest.
    pub(crate) fn begin(deadline: Option<Instant>) {
        STAGE.set(Self::Unsent);
        DEADLINE.set(deadline);
    }

    /// How far it came.
    pub(crate) fn reached() -> Self {
        STAGE.get()
    }

    /// Whether the server may have seen something of the request.
    pub(crate) fn may_have_been_sent(self) -> bool {
        matches!(self, Self::Sent | Self::Unheard)
    }
}

/// Caps a timeout at what is left of the exchange's time. ureq sets its timeouts anew for each phase and each read.
pub(crate) fn in_time(timeout: NextTimeout, reason: Timeout) -> NextTimeout {
    match DEADLINE.get().map(|deadline| deadline.saturating_duration_since(Instant::now())) {
        Some(left) if left < *timeout.after => NextTimeout { after: left.into(), reason, ..timeout },
        _ => timeout,
    }
}

/// Connects as ureq does by itself, watched, and told where to.
pub(crate) fn connector(names: NameResolver) -> impl Connector {
    let wire = ().chain(ConnectProxyConnector::default()).chain(TcpConnector::default()).chain(Wires);
    Watched { connector: wire.chain(RustlsConnector::default()), names }
}

#[derive(Debug)]
struct Watched<C> {
    connector: C,
    names: NameResolver,
}

impl<C: Connector> Watched<C> {
    fn dial(&self, details: &ConnectionDetails<'_>, chained: Option<()>) -> Result<Option<C::Out>, Error> {
        let direct = details.config.proxy().is_none_or(|proxy| proxy.is_no_proxy(details.uri));
        // A server behind a proxy is the proxy's to find.
        let connected = match direct {
            true => self.connector.connect(&self.names.resolved(details)?, chained),
            false => self.connector.connect(details, chained),
        };
        connected.inspect_err(|error| match error {
            _ if STAGE.get() != Stage::Connecting => {}
            Error::Protocol(_) if !direct => STAGE.set(Stage::NoProxy),
            Error::Io(error) if !direct && is_closed(error) => STAGE.set(Stage::NoProxy),
            Error::Io(error) if details.needs_tls() && (is_closed(error) || is_end(error)) => STAGE.set(Stage::NoTls),
            _ => {}
        })
    }
}

impl<C: Connector> Connector for Watched<C> {
    type Out = WatchedTransport<C::Out>;

    fn connect(&self, details: &ConnectionDetails<'_>, chained: Option<()>) -> Result<Option<Self::Out>, Error> {
        // A connection through a proxy connects to the proxy first, by this same function.
        let before = STAGE.replace(Stage::Connecting);
        let transport = self.dial(details, chained).inspect_err(|_| {
            if before == Stage::Connecting {
                STAGE.set(Stage::NoProxy);
            }
        })?;
        STAGE.set(before);
        Ok(transport.map(WatchedTransport))
    }
}

/// A connection that says when it is written to.
#[derive(Debug)]
struct WatchedTransport<T>(T);

impl<T: Transport> Transport for WatchedTransport<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.0.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if STAGE.get() == Stage::Unsent {
            STAGE.set(Stage::Sent);
        }
        self.0.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.0.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.0.is_open()
    }

    fn is_tls(&self) -> bool {
        self.0.is_tls()
    }
}

/// Goes between a socket and TLS.
#[derive(Debug)]
struct Wires;

impl<T: Transport> Connector<T> for Wires {
    type Out = Wire<T>;

    fn connect(&self, _: &ConnectionDetails<'_>, chained: Option<T>) -> Result<Option<Wire<T>>, Error> {
        Ok(chained.map(|inner| Wire { inner, broken: false }))
    }
}

/// A socket whose other side may stop listening before all was said.
///
/// A server that refuses an upload answers and closes while the body is still on its way. The write then fails, but the
/// answer is there to be read: from here on nothing is written, and ureq comes to read it. That is decided below TLS,
/// which would go on trying to write before it reads.
#[derive(Debug)]
struct Wire<T> {
    inner: T,
    broken: bool,
}

impl<T: Transport> Transport for Wire<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if self.broken {
            return Ok(());
        }
        match self.inner.transmit_output(amount, in_time(timeout, Timeout::PerWrite)) {
            Err(Error::Io(error)) if STAGE.get() == Stage::Sent && is_closed(&error) => {
                self.broken = true;
                STAGE.set(Stage::Unheard);
                Ok(())
            }
            result => result,
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.inner.await_input(in_time(timeout, Timeout::PerRead))
    }

    fn is_open(&mut self) -> bool {
        !self.broken && self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

fn is_end(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
}

fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset)
}
