//! Blocking work on tokio's threads.

/// Runs blocking work on one of tokio's threads for it.
pub(crate) async fn spawn_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // Not cancelled, since nothing else has the handle: the work has panicked.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
