//! The blocking client over real sockets: against the emulator, and against servers that answer oddly.

#![allow(clippy::unwrap_used)]

mod support;

mod callbacks;
mod files;
mod keep_alive;
mod proxy;
mod reexports;
mod session;
mod transfers;
mod transport;
mod wire;
