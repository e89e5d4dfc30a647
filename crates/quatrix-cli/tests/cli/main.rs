//! The command as people and scripts meet it: the real binary, real sockets, a real terminal.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod account;
#[cfg(unix)]
mod accounts;
mod addresses;
mod api;
mod canaries;
#[cfg(unix)]
mod combinations;
#[cfg(unix)]
mod credentials;
#[cfg(feature = "demo")]
mod demo;
#[cfg(all(unix, feature = "demo"))]
mod docs;
mod doctor;
mod downloads;
mod dry_runs;
mod environment;
mod exits;
mod files;
mod help;
mod identity;
#[cfg(unix)]
mod interrupts;
#[cfg(unix)]
mod logins;
mod mirrors;
mod modules;
mod names;
#[cfg(all(unix, feature = "demo"))]
mod pages;
#[cfg(feature = "demo")]
mod picture;
#[cfg(unix)]
mod precedence;
mod progress;
#[cfg(unix)]
mod prompts;
#[cfg(unix)]
mod recorder;
#[cfg(unix)]
mod session_file;
mod streams;
mod support;
mod transfers;
mod uploads;
