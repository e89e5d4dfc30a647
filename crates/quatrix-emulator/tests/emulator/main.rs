//! What the emulator answers: in memory, over sockets, and as a command.

#![allow(clippy::unwrap_used)]

mod command;
mod questions;
mod running;
mod session;
mod strictness;
mod support;
mod wire;
