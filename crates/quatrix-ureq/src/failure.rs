//! What ureq's errors mean to the core.

use std::io;

use quatrix_proto::{During, Failure, FailureKind};
use ureq::{Error, Timeout};
use ureq_proto::Error::HttpParseTooManyHeaders;

use crate::stage::Stage;

/// Says what went wrong, and whether the request may have been sent by then.
pub(crate) fn failure(error: Error) -> Failure {
    let stage = Stage::reached();
    if let Error::Timeout(phase) = error {
        return Failure::timed_out(match phase {
            _ if !stage.may_have_been_sent() => During::Connecting,
            Timeout::SendRequest | Timeout::SendBody | Timeout::PerWrite => During::Sending,
            _ => During::Answering,
        });
    }
    let kind = kind(&error, stage);
    let failure = if stage.may_have_been_sent() { Failure::maybe_sent(kind) } else { Failure::unsent(kind) };
    match error {
        Error::Io(error) => failure.with_source(error),
        // These quote the URI, or values that go into it.
        Error::BadUri(_) | Error::RequireHttpsOnly(_) | Error::Http(_) => failure,
        error => failure.with_source(error),
    }
}

/// As [`failure`], for what a read of a body ends with.
pub(crate) fn read_failure(error: io::Error) -> Failure {
    failure(Error::from(error))
}

fn kind(error: &Error, stage: Stage) -> FailureKind {
    match error {
        Error::Tls(_) | Error::Rustls(_) | Error::Pem(_) | Error::TlsRequired => FailureKind::Tls,
        Error::Io(error) if is_tls(error, stage) => FailureKind::Tls,
        Error::ConnectProxyFailed(_) | Error::InvalidProxyUrl => FailureKind::Proxy,
        Error::LargeResponseHeader(..) | Error::Protocol(HttpParseTooManyHeaders) => FailureKind::TooLarge,
        // Nothing that a server or a network had a part in.
        Error::BadUri(_) | Error::RequireHttpsOnly(_) | Error::Http(_) => FailureKind::Local,
        _ if stage == Stage::NoProxy => FailureKind::Proxy,
        Error::Protocol(_) if stage == Stage::Unsent => FailureKind::Local,
        _ if stage.may_have_been_sent() => FailureKind::Interrupted,
        _ => FailureKind::Connect,
    }
}

fn is_tls(error: &io::Error, stage: Stage) -> bool {
    stage == Stage::NoTls || error.get_ref().is_some_and(|inner| inner.is::<rustls::Error>())
}
