//! What the emulator answers: in memory, over sockets, and as a command.

#![allow(clippy::unwrap_used)]

mod questions;
mod session;
mod strictness;
mod support;
