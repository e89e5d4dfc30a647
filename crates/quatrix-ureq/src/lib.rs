//! Blocking client of the Quatrix file-sharing API, over [ureq](https://docs.rs/ureq).
//!
//! It logs in, answers second factors, makes calls from any number of threads over one session, and logs in again when
//! that expires. It does not decide any of this: the protocol is [`quatrix_proto`]'s, and this crate moves its bytes. It
//! starts no thread of its own ([`Client::spawn_keepalive`] apart), follows no redirect, stores nothing, and has no
//! async form: that is `quatrix-hyper`, with the same names.
//!
//! ```
//! use quatrix_ureq::api::GetProfile;
//! use quatrix_ureq::{Client, Credentials, Login, Server};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let emulator = quatrix_emulator::Emulator::start()?;
//! # let server = Server::at(emulator.api())?;
//! # let (user, password) = ("pin@example.com", "only-for-tests-4711");
//! # let prompt = |_: &quatrix_ureq::Challenge| std::io::Result::Ok("24680".to_owned());
//! # const _: &str = stringify!(
//! let server = Server::account("acme")?;
//! # );
//! let client = Client::new(server)?;
//! let mut login = client.login(Credentials::new(user, password)?)?;
//! while let Login::Challenged(challenge) = login {
//!     login = client.answer(challenge.answer(prompt(&challenge)?))?;
//! }
//! println!("hello, {}", client.call(&GetProfile)?.name);
//! client.logout()?;
//! # Ok(())
//! # }
//! ```
//!
//! Every operation is a type in [`api`]; what takes several calls is a task in [`proto::task`], for [`Client::run`]. A
//! program that must run unattended gives a provider of second factors ([`Builder::second_factor`]) or an API key
//! ([`Builder::api_key`]), and keeps its session alive ([`Client::spawn_keepalive`]). One that is started again and again
//! saves its session ([`Client::save`]) and takes it up ([`Client::resume`]).
//!
//! # On the wire
//!
//! HTTP/1.1 over TLS 1.2 or 1.3 (rustls with ring), verified against the authorities that browsers trust or others of
//! your choice. Every header but `Host` comes from the core. Bodies and heads are bounded. There is a time limit for
//! connecting and one for silence, not one for the whole, so that a large transfer may take its time;
//! [`CallOptions::with_deadline`] limits a single call.
//!
//! An error says whether the request may have reached the server: [`Error::may_have_been_executed`].
//!
//! # Files
//!
//! [`Client::upload`] and [`Client::download`] transfer bytes of the caller. [`Client::files`] transfers local files,
//! folders and mirrors. A failed transfer leaves no incomplete file under its final name.
//!
//! # Logs
//!
//! This crate logs only through `tracing`, and no secret. ureq logs by itself through the `log` crate,
//! and at its `trace` level whole requests and answers, secrets and all: keep the targets `ureq` and `ureq_proto` above
//! that.
//!
//! # Features
//!
//! All off by default: `platform-verifier` (trust what the operating system trusts), `tracing` (one event for each
//! exchange, by endpoint name), `unstable-ureq` (adjust the ureq agent, outside semver).
//!
//! Cargo merges features: if another crate of the program turns on ureq's `gzip` or `cookies`, they are on here, too.
//! Neither is asked for, and the limits hold for what is unpacked.

mod builder;
mod client;
mod driver;
mod failure;
mod files;
mod keep_alive;
mod pipe;
mod resolver;
mod stage;
mod trace;
mod transfer;
mod transport;
mod trees;
mod upload_source;

pub use http;
pub use quatrix_proto as proto;
pub use quatrix_proto::task::mirror::Report;
pub use quatrix_proto::{
    Answer, ApiError, ApiKey, CallOptions, Challenge, Code, Config, Credentials, Declined, Endpoint, Error, Event,
    Factor, FileId, FileName, Invalid, InvalidResponse, LoggedOut, Login, Logout, Misuse, Password, RemotePath, Saved,
    Server, ServerError, SessionId, State, Task, TransferError, TransportError, TransportErrorKind, UnixTime, api,
    task,
};

pub use builder::Builder;
pub use client::Client;
pub use files::Files;
pub use keep_alive::KeepAliveGuard;
pub use upload_source::{Stream, UploadSource};
