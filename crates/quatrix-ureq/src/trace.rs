//! What `tracing` is told: endpoint names, statuses and kinds of failures. No URI, header or body.

use bytes::Bytes;
use http::Response;
use quatrix_proto::{Spec, TransportError};

/// An exchange has ended.
#[cfg(feature = "tracing")]
pub(crate) fn exchanged(spec: &'static Spec, result: &Result<Response<Bytes>, TransportError>) {
    let endpoint = spec.name();
    match result {
        Ok(response) => tracing::debug!(endpoint, status = response.status().as_u16(), "answered"),
        Err(failure) => {
            tracing::debug!(endpoint, kind = ?failure.kind(), sent = failure.may_have_been_sent(), "failed")
        }
    }
}

#[cfg(not(feature = "tracing"))]
pub(crate) fn exchanged(_: &'static Spec, _: &Result<Response<Bytes>, TransportError>) {}
