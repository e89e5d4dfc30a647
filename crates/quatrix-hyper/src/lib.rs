//! Async client of the Quatrix API over hyper and tokio
