//! The client over real sockets, against the emulator and against servers that behave badly.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod files;
mod observed;
mod proxies;
mod reexports;
mod secured;
mod session;
mod sharing;
mod support;
mod transfers;
mod unattended;
mod wire;
