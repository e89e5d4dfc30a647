//! Work that the server does at once, or later as a job.

use crate::id::JobId;

/// What an operation came to that the server may put off.
///
/// Copying always becomes a job, moving and deleting do so from about ten ids on (the texts contradict each other on
/// ten itself: Q15). No operation is known that asks how a job stands: look at the folder, or use
/// [`CopyOne`](crate::api::CopyOne) and [`MoveOne`](crate::api::MoveOne), which answer at once.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Deferred<T> {
    /// Done (200).
    Done(T),
    /// Accepted as a job (202).
    Job(JobId),
}

impl<T> Deferred<T> {
    /// The value, if the work is done.
    pub fn done(self) -> Option<T> {
        match self {
            Self::Done(value) => Some(value),
            Self::Job(_) => None,
        }
    }
}
