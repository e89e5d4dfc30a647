//! Conversion of ureq's errors into [`TransportError`].

use std::io;

use quatrix_proto::{TransportError, TransportErrorKind, TransportPhase};
use ureq::{Error, Timeout};
use ureq_proto::Error::HttpParseTooManyHeaders;

use crate::stage::Stage;

/// Converts an error: the kind, and whether the request may have been sent.
pub(crate) fn failure(error: Error) -> TransportError {
    let stage = Stage::reached();
    if let Error::Timeout(phase) = error {
        return TransportError::timed_out(match phase {
            _ if !stage.may_have_been_sent() => TransportPhase::Connect,
            Timeout::SendRequest | Timeout::SendBody | Timeout::PerWrite => TransportPhase::Send,
            _ => TransportPhase::Receive,
        });
    }
    let kind = kind(&error, stage);
    let failure =
        if stage.may_have_been_sent() { TransportError::maybe_sent(kind) } else { TransportError::unsent(kind) };
    match error {
        Error::Io(error) => failure.with_source(error),
        // Omitted as source: these quote the URI or parts of it, which may be secret.
        Error::BadUri(_) | Error::RequireHttpsOnly(_) | Error::Http(_) => failure,
        error => failure.with_source(error),
    }
}

/// Converts the error of a read of a response body.
pub(crate) fn read_failure(error: io::Error) -> TransportError {
    failure(Error::from(error))
}

fn kind(error: &Error, stage: Stage) -> TransportErrorKind {
    match error {
        Error::Tls(_) | Error::Rustls(_) | Error::Pem(_) | Error::TlsRequired => TransportErrorKind::Tls,
        Error::Io(error) if is_tls(error, stage) => TransportErrorKind::Tls,
        Error::ConnectProxyFailed(_) | Error::InvalidProxyUrl => TransportErrorKind::Proxy,
        Error::LargeResponseHeader(..) | Error::Protocol(HttpParseTooManyHeaders) => TransportErrorKind::TooLarge,
        // Causes without the server or the network.
        Error::BadUri(_) | Error::RequireHttpsOnly(_) | Error::Http(_) => TransportErrorKind::Local,
        _ if stage == Stage::NoProxy => TransportErrorKind::Proxy,
        Error::Protocol(_) if stage == Stage::Unsent => TransportErrorKind::Local,
        _ if stage.may_have_been_sent() => TransportErrorKind::Interrupted,
        _ => TransportErrorKind::Connect,
    }
}

fn is_tls(error: &io::Error, stage: Stage) -> bool {
    stage == Stage::NoTls || error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}
