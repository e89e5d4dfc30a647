//! One suite, both adapters, plain and over TLS: whatever one does, the other does.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod concurrency;
mod secrets;
mod session;
mod wire;
