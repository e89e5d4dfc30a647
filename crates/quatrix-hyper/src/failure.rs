//! What a failure of the transport means to the core: its kind, and whether the request may have left.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use hyper_util::client::legacy;
use quatrix_proto::{TransportError, TransportErrorKind};

/// There is no connection, so nothing was sent.
#[derive(Debug)]
pub(crate) struct ConnectError(pub(crate) TransportError);

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for ConnectError {}

/// A request that got no answer.
pub(crate) fn of_request(error: legacy::Error) -> TransportError {
    if let Some(ConnectError(failure)) = error.source().and_then(|source| source.downcast_ref()) {
        return failure.clone();
    }
    // Handed back unstarted: the connection was closed before it could take the request.
    let unstarted = error.source().and_then(|source| source.downcast_ref()).is_some_and(hyper::Error::is_canceled);
    let failure = match unstarted {
        true => TransportError::unsent(TransportErrorKind::Interrupted),
        false => TransportError::maybe_sent(kind_of(error.source())),
    };
    failure.with_source(Inner(Box::new(error)))
}

/// An answer that broke off.
pub(crate) fn of_body(error: hyper::Error) -> TransportError {
    TransportError::maybe_sent(kind_of(Some(&error))).with_source(error)
}

fn kind_of(error: Option<&(dyn StdError + 'static)>) -> TransportErrorKind {
    let mut next = error;
    while let Some(error) = next {
        if error.downcast_ref().is_some_and(hyper::Error::is_parse_too_large) {
            return TransportErrorKind::TooLarge;
        }
        if of_tls(error).is_some() {
            return TransportErrorKind::Tls;
        }
        next = error.source();
    }
    TransportErrorKind::Interrupted
}

/// Whether waiting was all that went wrong.
pub(crate) fn is_timeout(error: &(dyn StdError + 'static)) -> bool {
    let timed_out = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
    error.downcast_ref().is_some_and(timed_out) || error.source().is_some_and(is_timeout)
}

/// What rustls had against the connection. It travels inside of IO errors, whose `source` passes it over.
pub(crate) fn of_tls<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    let inner: &'a (dyn StdError + 'static) = error.downcast_ref::<io::Error>()?.get_ref()?;
    inner.downcast_ref().or_else(|| of_tls(inner))
}

/// An error that shows as what is inside of it: the shell says no more than "client error".
#[derive(Debug)]
struct Inner(Box<legacy::Error>);

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.source() {
            Some(source) => write!(f, "{source}"),
            None => write!(f, "{}", self.0),
        }
    }
}

impl StdError for Inner {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()?.source()
    }
}
