//! Work that blocks.

/// Does blocking work on one of tokio's threads for it.
pub(crate) async fn spawn_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        // It cannot have been cancelled: nobody else has its handle.
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
