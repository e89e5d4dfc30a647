//! Failures of the wire, of TLS and of sessions, through both adapters: the rows of `docs/assurance/failures.md`.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod answers;
mod callbacks;
mod challenge;
mod expiry;
mod folders;
mod heads;
mod keepalive;
mod lengths;
mod logout;
mod names;
mod patience;
mod proxies;
mod redirects;
mod renewal;
mod reuse;
mod tls;
mod torture;
mod uploads;

use quatrix_proto::{CallOptions, Credentials, Error, Saved, SessionId, TransportError, TransportErrorKind};
use quatrix_tests::subject::Subject;

/// Call without a retry, so that a test sees the result of its only attempt.
fn once() -> CallOptions {
    CallOptions::new().with_attempts(1)
}

fn me() -> Credentials {
    Credentials::new("me@example.com", "canary-password").unwrap()
}

/// Gives the client a session without asking the server.
fn resume(client: &impl Subject) {
    let saved = Saved::active(client.server().clone(), "me", SessionId::new("canary-token").unwrap());
    client.resume(saved, None).unwrap();
}

#[track_caller]
fn failure<T: std::fmt::Debug>(result: Result<T, Error>) -> TransportError {
    match result {
        Err(Error::Transport(failure)) => failure,
        other => panic!("not a failed exchange: {other:?}"),
    }
}

/// Kind of a failure, and whether the request may have been sent.
#[track_caller]
fn kind<T: std::fmt::Debug>(result: Result<T, Error>) -> (TransportErrorKind, bool) {
    let failure = failure(result);
    (failure.kind(), failure.may_have_been_sent())
}

/// An error and all its causes, as a report prints them.
fn report(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
