//! Events for `tracing`: endpoint names, statuses and kinds of errors, but no URI, header or body.

use bytes::Bytes;
use http::Response;
use quatrix_proto::{Spec, TransportError};

/// Logs the end of an exchange.
#[cfg(feature = "tracing")]
pub(crate) fn exchanged(spec: &'static Spec, result: &Result<Response<Bytes>, TransportError>) {
    let endpoint = spec.name();
    match result {
        Ok(response) => tracing::debug!(endpoint, status = response.status().as_u16(), "response"),
        Err(failure) => {
            tracing::debug!(endpoint, kind = ?failure.kind(), sent = failure.may_have_been_sent(), "failed")
        }
    }
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn exchanged(_: &'static Spec, _: &Result<Response<Bytes>, TransportError>) {}
