//! One suite for both adapters, plain and over TLS: both behave the same.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod concurrency;
mod secrets;
mod session;
mod wire;
