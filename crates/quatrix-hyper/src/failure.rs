//! Conversion of hyper's errors into [`TransportError`]: the kind, and whether the request may have been sent.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use hyper_util::client::legacy;
use quatrix_proto::{TransportError, TransportErrorKind};

/// Error of the connector; nothing was sent.
#[derive(Debug)]
pub(crate) struct ConnectError(pub(crate) TransportError);

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for ConnectError {}

/// Converts the error of a request without a response.
pub(crate) fn of_request(error: legacy::Error) -> TransportError {
    if let Some(ConnectError(failure)) = error.source().and_then(|source| source.downcast_ref()) {
        return failure.clone();
    }
    // The connection was closed before it took the request.
    let unstarted = error.source().and_then(|source| source.downcast_ref()).is_some_and(hyper::Error::is_canceled);
    let failure = match unstarted {
        true => TransportError::unsent(TransportErrorKind::Interrupted),
        false => TransportError::maybe_sent(kind_of(error.source())),
    };
    failure.with_source(Inner(Box::new(error)))
}

/// Converts the error of an incomplete response body.
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

/// Whether the error or one of its sources is a timeout.
pub(crate) fn is_timeout(error: &(dyn StdError + 'static)) -> bool {
    let timed_out = |error: &io::Error| error.kind() == io::ErrorKind::TimedOut;
    error.downcast_ref().is_some_and(timed_out) || error.source().is_some_and(is_timeout)
}

/// Returns the rustls error inside of an IO error, whose `source` skips it.
pub(crate) fn of_tls<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    let inner: &'a (dyn StdError + 'static) = error.downcast_ref::<io::Error>()?.get_ref()?;
    inner.downcast_ref().or_else(|| of_tls(inner))
}

/// Displays the source of hyper-util's error, whose own text is only "client error".
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
