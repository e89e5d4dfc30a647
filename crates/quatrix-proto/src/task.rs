//! What takes several calls: small pure machines above the endpoints.
//!
//! A [`Task`] asks for one call at a time and is told what came of it. It holds no session and does no IO: a driver
//! sends each call through its session, streams the bytes that the call names, and stops at [`TaskStep::Done`]. Both
//! adapters run any task with one function; here is the whole of it, over a closure that stands for the session:
//!
//! ```
//! use bytes::Bytes;
//! use quatrix_proto::task::{LookUp, Task, TaskStep};
//! use quatrix_proto::{Authorization, Error, Prepared, Server, Timestamp};
//!
//! fn run<T: Task>(
//!     mut task: T,
//!     server: &Server,
//!     mut call: impl FnMut(Prepared) -> Result<http::Response<Bytes>, Error>,
//! ) -> Result<T::Output, Error> {
//!     let now = Timestamp::ZERO; // a driver asks its clock before each step
//!     loop {
//!         match task.poll(now, server) {
//!             TaskStep::Call(prepared) => task.handle(now, call(prepared), 0),
//!             TaskStep::Done(result) => return result,
//!         }
//!     }
//! }
//!
//! let look_up = LookUp::new("/reports/q3.pdf".parse()?);
//! let found = run(look_up, &Server::account("acme")?, |prepared| {
//!     let request = prepared.into_request(Authorization::None);
//!     assert_eq!(request.uri().path(), "/api/1.0/file/id");
//!     Ok(http::Response::new(Bytes::from(r#"{"file_id":"4711","type":"F"}"#)))
//! })?;
//! assert_eq!(found.expect("it is there").id.as_str(), "4711");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use bytes::Bytes;
use http::StatusCode;

use crate::endpoint::Prepared;
use crate::error::{Error, ErrorCode, Invalid};
use crate::server::Server;
use crate::time::Timestamp;

mod chunk_sizer;
mod delete;
mod download;
mod leftovers;
mod look_up;
mod make_folders;
pub mod mirror;
#[cfg(any(test, feature = "_internals"))]
#[allow(clippy::unwrap_used, reason = "it is a test's, and knows what it is asked")]
#[cfg_attr(not(test), allow(dead_code, reason = "the fuzz targets need a part of it"))]
pub(crate) mod model;
mod partial_name;
mod transfer;
mod transfer_event;
mod upload;
mod walk;

pub use delete::Delete;
pub use download::{Download, Downloaded};
pub use leftovers::RemoveLeftovers;
pub use look_up::LookUp;
pub use make_folders::MakeFolders;
pub use partial_name::{is_aside_name, is_partial_name, partial_name, partial_stem};
pub use transfer::Transfer;
pub use transfer_event::TransferEvent;
pub use upload::{Upload, Uploaded};
pub use walk::{Entry, Listed, Unnamed, Walk};

/// Operation that takes several calls.
///
/// Polling has no visible effect: until the next [`handle`](Self::handle), the same step comes back. One call at a time:
/// poll again only when the last call has been handled.
pub trait Task {
    /// Result of the operation.
    type Output;

    /// Returns the next step. `server` is the server of the session that makes the calls: the same at each poll.
    fn poll(&mut self, now: Timestamp, server: &Server) -> TaskStep<Self::Output>;

    /// Takes the result of the call that the last poll returned.
    ///
    /// `moved` counts the bytes that the call read from the source or wrote into the sink; a failed call may have moved
    /// some.
    fn handle(&mut self, now: Timestamp, result: Result<http::Response<Bytes>, Error>, moved: u64);
}

/// What to do next for a [`Task`].
///
/// A driver matches on every step, so this enum is complete.
#[derive(Debug)]
#[must_use]
pub enum TaskStep<T> {
    /// Make this call, and [`handle`](Task::handle) what comes of it. Its body may be a range of the caller's source
    /// ([`Prepared::source_range`]), its answer may belong into the caller's sink.
    Call(Prepared),
    /// It has ended.
    Done(Result<T, Error>),
}

impl<T> TaskStep<T> {
    /// What cannot be sent ends the task.
    fn call(prepared: Result<Prepared, Invalid>) -> Self {
        match prepared {
            Ok(prepared) => Self::Call(prepared),
            Err(invalid) => Self::Done(Err(invalid.into())),
        }
    }
}

/// Whether the server says that what it was asked for is not there.
fn is_absent(error: &Error) -> bool {
    matches!(error, Error::Api(error) if matches!(error.code(), Some(ErrorCode::NOT_FOUND | ErrorCode::NO_DATA)))
}

/// Whether the server says that it does not have the operation itself.
///
/// A 404 with the code for "not found" is about a file. Any other 404 comes from whatever routes requests and knows no
/// such path: it carries no error model, or code 21.
fn is_not_offered(error: &Error) -> bool {
    let Error::Api(api) = error else { return false };
    match api.status() {
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => true,
        StatusCode::NOT_FOUND => !is_absent(error),
        _ => api.code() == Some(ErrorCode::NOT_SUPPORTED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::known::answer;

    #[test]
    fn a_missing_file_and_a_missing_operation_are_told_apart() {
        let told = |status, json| {
            let error = Error::from_answer("file.id", &answer(status, json));
            (is_absent(&error), is_not_offered(&error))
        };
        assert_eq!(told(404, r#"{"code":20,"msg":"not found"}"#), (true, false));
        assert_eq!(told(400, r#"{"code":90,"msg":"no data"}"#), (true, false));
        assert_eq!(told(404, r#"{"code":21,"msg":"not supported"}"#), (false, true));
        assert_eq!(told(404, "<h1>nothing here</h1>"), (false, true));
        assert_eq!(told(405, ""), (false, true));
        assert_eq!(told(501, ""), (false, true));
        assert_eq!(told(400, r#"{"code":21}"#), (false, true));
        assert_eq!(told(400, r#"{"code":10}"#), (false, false));
        assert_eq!(told(403, ""), (false, false));
        assert_eq!(told(500, ""), (false, false));
    }
}
