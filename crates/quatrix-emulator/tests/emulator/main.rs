//! What the emulator answers: in memory, over sockets, and as a command.

#![allow(clippy::unwrap_used)]

mod changes;
mod command;
mod control;
mod downloads;
mod faults;
mod field_clients;
mod files;
mod guide;
mod lies;
mod questions;
mod running;
mod session;
mod strictness;
mod support;
mod transfer_questions;
mod uploads;
mod wire;
