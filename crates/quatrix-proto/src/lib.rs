//! The protocol core of the Quatrix API: it builds requests and turns answers into a session, a state machine.
//!
//! It opens no socket, reads no clock, file or environment variable, starts no thread and draws no random number. What
//! it does not do is left to a *driver* of some thirty lines; `quatrix-ureq` (blocking) and `quatrix-hyper` (tokio) are
//! two, and any other runtime can have its own. Nor does it know HTTP as bytes: it speaks [`http::Request`] and
//! [`http::Response`], and a driver's HTTP client does the rest.
//!
//! Three layers, each usable without the one above:
//!
//! 1. **Endpoints** ([`api`]): one operation, one type. [`Endpoint::prepare`], add an [`Authorization`], send, decode.
//! 2. **Session** ([`Session`]): log in, answer the second factor, stay alive, log in again after an expiry, repeat what
//!    may be repeated, log out; safe under many callers at once.
//! 3. **Tasks** ([`task`]): what takes several calls, such as an upload, as small machines above the session.
//!
//! # The driver
//!
//! Every command of a session returns a [`Ticket`]. A caller polls its call and does what the [`Step`] says, until it is
//! ready. This is all of it:
//!
//! ```
//! use std::time::Instant;
//!
//! use bytes::Bytes;
//! use quatrix_proto::api::GetProfile;
//! use quatrix_proto::{Config, Credentials, Declined, Error, Login, Server, Session, Step, Ticket, TransportError};
//!
//! # fn http(request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
//! #     Ok(http::Response::new(Bytes::from(match request.uri().path() {
//! #         "/api/1.0/session/login" => r#"{"session_id": "5b1c"}"#,
//! #         _ => r#"{"name": "Me"}"#,
//! #     })))
//! # }
//! fn drive<T>(session: &mut Session, start: Instant, ticket: Ticket<T>) -> Result<T, Error> {
//!     loop {
//!         let now = start.elapsed().into();
//!         match session.poll_call(now, ticket.id()) {
//!             Step::Send(transmit) => {
//!                 let result = http(transmit.request); // the only IO
//!                 let now = start.elapsed().into();
//!                 match result {
//!                     Ok(response) => session.handle_response(now, transmit.exchange, response),
//!                     Err(failure) => session.handle_failure(now, transmit.exchange, failure),
//!                 }
//!             }
//!             Step::Wait(until) => std::thread::sleep(until.saturating_since(now)),
//!             Step::Ask(_) => session.handle_answer(now, ticket.id(), Err(Declined)), // nobody to ask
//!             Step::Ready(outcome) => return ticket.decode(outcome),
//!         }
//!     }
//! }
//!
//! let start = Instant::now();
//! let mut session = Session::new(Config::new(Server::account("acme")?), 4711);
//!
//! let login = session.login(start.elapsed().into(), Credentials::new("me@acme.com", "qwerty")?);
//! assert_eq!(drive(&mut session, start, login)?, Login::Active);
//!
//! let profile = session.call(start.elapsed().into(), &GetProfile);
//! assert_eq!(drive(&mut session, start, profile)?.name, "Me");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`drive()`] and [`drive_async()`] are this loop over closures. A program with many callers puts the session behind a lock
//! that it never holds across the IO. Before it lets go of it, it looks whether [`Session::wakes`] has grown, and if so
//! wakes those whose last step was [`Step::Wait`].
//!
//! # The states
//!
//! ```text
//!            login               200                401, confirmed
//! LoggedOut ───────► LoggingIn ─────────► Active ─────────────────► LoggedOut(Expired)
//!     ▲               │  │                  ▲                            │ when a call needs it,
//!     │    refused,   │  │ 207, captcha     │ right                      ▼ with kept credentials
//!     └──── failed ───┘  ▼        answer    │                        LoggingIn
//!                    Challenged ─────────► Answering
//!                        ▲                  │ wrong
//!                        └──────────────────┘
//! logout, from anywhere: LoggingOut ──► LoggedOut(ByUser)
//! ```
//!
//! [`State`] says where a session stands. A challenge ([`Login::Challenged`]) is no error: hand it to whoever knows, and
//! [`answer`](Session::answer).
//!
//! # Calls, exchanges, epochs, identities
//!
//! A *call* ([`CallId`]) is what a caller waits for; an *exchange* ([`ExchangeId`]) is one round trip. A call that is sent
//! again keeps its id and gets a new exchange, so an answer that comes late or twice hits nothing. A caller carries its
//! own exchanges and, for all, a login after an expiry, an answer or a probe: no exchange exists that no caller waits
//! for, and nothing is ever spawned.
//!
//! A token has an *epoch*: a 401 to an older one only means that the call must be sent with today's. A session has an
//! *identity*, a new one for each login and logout that somebody asked for: a call is never sent, parked or repeated
//! under another identity than the one it was submitted under, so no call of one user can land in the session of the
//! next.
//!
//! # Time
//!
//! `now` is the first argument wherever it is needed: a [`Timestamp`], microseconds since an origin of the driver's. Where
//! the driver's clock stands still or jumps, the session stays right: a 401 is the truth, a timer a hint.
//! [`Step::Wait`] lies always in the future and never more than an hour.
//!
//! # When a 401 means that the session is gone
//!
//! Expired, logged out elsewhere and "no right" all say 401. So the call is held and one keepalive decides for all that
//! are held: 401, the session is gone, and with kept credentials it is made anew, once; 200, the 401 was the call's own
//! answer. After fifteen idle minutes no keepalive is needed to know. A call is repeated once after a 401, never twice.
//!
//! # What is sent again
//!
//! At most three times ([`Config::with_attempts`]), with jitter, within a budget that successes refill: transport
//! failures, 502, 503, 504 of operations that a second time does no harm ([`Replay`], never the HTTP method: logout,
//! revoke and finalize are GETs in this API), and whatever provably was not carried out. Logging in, answering and
//! logging out are never repeated when they may have arrived: wrong passwords and codes count on the server.
//!
//! # Observers
//!
//! With [`Config::observe`], [`Session::poll_event`] tells of exchanges and changes of state, by endpoint name. No event,
//! error or `Debug` text holds a password, code, token, key, link, body or URL.

mod challenge;
mod config;
mod content_range;
mod credentials;
mod deferred;
mod drive;
mod endpoint;
mod error;
mod file;
#[cfg(any(test, feature = "_internals"))]
#[doc(hidden)]
#[allow(clippy::unwrap_used, reason = "what a fuzz target unwraps is its own")]
pub mod fuzzing;
mod id;
mod lenient;
mod name;
mod path;
mod proxy;
mod receiver;
mod retry;
mod saved;
mod secret;
mod server;
mod session;
mod time;
mod wire;

pub mod api;
pub mod task;

pub use challenge::{Answer, Challenge, Declined, Factor};
pub use config::{CaptchaForm, Compat, Config};
pub use credentials::Credentials;
pub use deferred::Deferred;
pub use drive::{drive, drive_async};
pub use endpoint::{Auth, Authorization, Endpoint, Prepared, Replay, Spec};
pub use error::{
    ApiError, Details, Error, ErrorCode, Invalid, InvalidResponse, InvalidResponseKind, LoggedOut, Misuse,
    TransferError, TransportError, TransportErrorKind, TransportPhase,
};
pub use file::{File, FileKind};
pub use id::{FileId, JobId, UserId};
pub use lenient::UnknownFields;
pub use name::FileName;
pub use path::RemotePath;
pub use proxy::{Proxy, ProxyRule};
pub use receiver::{Receiver, Sink};
pub use saved::{Saved, Stage};
pub use secret::{ApiKey, CaptchaToken, Code, DownloadLink, Password, SessionId, UploadKey};
pub use server::{Server, ServerError};
pub use session::{
    CallId, CallOptions, Event, ExchangeId, Login, Logout, Outcome, Session, State, Step, Ticket, Transmit,
};
#[cfg(feature = "_internals")]
#[doc(hidden)]
pub use session::{KnownOptions, Limits, Names};
pub use task::{Task, TaskStep};
pub use time::{Timestamp, UnixTime};
