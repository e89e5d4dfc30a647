//! Emulator of the Quatrix API 1.0 for tests: sessions, a tree of files per account in memory, and injected faults.
//!
//! It does *not* store anything on disk. Operations other than files and sessions (shares, contacts, automation ..)
//! respond that they are not emulated. It has never been compared with a live server: it is built from the published
//! documentation and from the requests and responses of existing clients. It is strict: a request that no known client
//! sends is rejected.
//!
//! # In a Rust test
//!
//! [`Emulator`] runs on a thread of its own and stops when it is dropped.
//!
//! ```
//! use std::time::Duration;
//! use quatrix_emulator::{Emulator, Fault, Settings, FaultKind};
//!
//! let emulator = Emulator::builder().settings(Settings { pin_mfa_code: None, ..Settings::default() }).start()?;
//! println!("point the client at {}", emulator.api());
//!
//! let code = emulator.code("totp@example.com");                   // what the user would enter now
//! emulator.advance(Duration::from_secs(15 * 60));                 // every session has expired
//! emulator.set_faults([Fault::new(FaultKind::Status(503)).on("GET", "/profile").times(2)])?;
//! assert!(emulator.requests().is_empty());                        // received requests, secrets masked
//! assert_eq!(emulator.paths("user@example.com"), ["Trash/"]);     // stored files
//! assert_eq!(quatrix_emulator::secret_in("a log line"), None);
//! # assert!(code.is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Without sockets, [`Server`] is the same service as a function from a state, a time and a request to a response.
//!
//! # In any other language
//!
//! The command `quatrix-emulator` (see its `--help`, and `docs/emulator.md` in the repository for all options and
//! fixtures in three languages) prints one line of JSON when it is ready:
//!
//! ```json
//! {"url":"http://127.0.0.1:40123","api":"http://127.0.0.1:40123/api/1.0","ca_cert":null,"control":null}
//! ```
//!
//! With `--tls`, `ca_cert` is the path of a certificate to trust. With `--control`, `control` is a URL that serves
//! programs on this machine:
//!
//! | request | body or query | effect |
//! |---|---|---|
//! | `GET /health` | | returns `{"status": "ok"}` |
//! | `GET /code` | `?user=totp@example.com` | returns `{"code": "123456"}`: the current code of that user's second factor |
//! | `POST /clock` | `{"advance_s": 900}` | advances the clock: sessions, keys and links age, new items and dates are later |
//! | `POST /expire` | `{"user": "pin@example.com"}`, or no body for all users | ends sessions |
//! | `GET /requests` | | lists the received requests, oldest first; secrets are masked |
//! | `POST /faults` | an array of faults | sets the fault plan; `[]` ends all faults |
//! | `POST /reset` | | restores the initial state |
//!
//! A fault is an object such as `{"method": "GET", "path": "/profile", "skip": 1, "times": 2, "fault": {"status": 503},
//! "headers": {"retry-after": "1"}}`; [`Fault`] and [`FaultKind`] explain its fields.
//!
//! # Accounts
//!
//! All have the password `only-for-tests-4711`:
//!
//! | user | second step |
//! |---|---|
//! | `user@example.com` | none; has the API key `test-key-4711` |
//! | `totp@example.com` | authenticator code, secret `JBSWY3DPEHPK3PXP` |
//! | `pin@example.com` | PIN `24680` |
//! | `captcha@example.com` | captcha at the first login; the token is `test-captcha-4711` |
//!
//! `--accounts FILE`, or [`Accounts::from_json`], reads other accounts; only `accounts`, `user` and `password` are required:
//!
//! ```
//! # let text = r#"
//! {"accounts": [
//!     {"user": "ann@example.com", "password": "..", "name": "Ann", "api_key": "..", "limit": 1000000},
//!     {"user": "bob@example.com", "password": "..", "second_factor": {"totp": "JBSWY3DPEHPK3PXP"}},
//!     {"user": "cid@example.com", "password": "..", "second_factor": {"pin": "13579"}, "captcha": true},
//!     {"user": "dee@example.com", "password": "..", "contact": true}
//! ], "captcha_token": ".."}
//! # "#;
//! # assert_eq!(quatrix_emulator::Accounts::from_json(text)?.accounts.len(), 4);
//! # Ok::<(), quatrix_emulator::InvalidAccounts>(())
//! ```
//!
//! # Open questions
//!
//! Where the evidence leaves a choice, [`Settings`] has a field with a default. Smaller choices are fixed, and no
//! client should rely on them:
//!
//! - A name conflict without `resolve`, a full quota, a wrong or missing parameter are 400 (codes 30, 122, 10, 11).
//! - Calls of a partial session are rejected with 401 and code 71, 73 or 72, for the missing step.
//! - An expired key or link is 404 with code 60; an unknown one, 404 with code 20.
//! - The trash is a folder of type `T` in the home. Items deleted there, and files replaced by `overwrite`, are removed for good.
//! - A file replaces only a file. Jobs are done when their response is sent.
//! - With several ids, the valid ones are processed; the response is an error only if there is none.
//! - A search finds names that contain a text (case-sensitive), and times within that second.
//! - A ZIP archive is not compressed, and a `Range` of it is ignored.

mod accounts;
mod api_request;
mod auth;
mod body;
mod changes;
mod command;
mod connection;
mod content;
mod control;
mod downloads;
mod edits;
mod emulator;
mod faults;
mod files;
#[cfg(any(test, feature = "_internals"))]
#[doc(hidden)]
#[allow(clippy::unwrap_used, reason = "a fuzz target fails by panicking")]
pub mod fuzzing;
mod ids;
mod login;
mod names;
mod operations;
mod profile;
mod recorded;
mod response;
mod search;
mod secrets;
mod seed;
mod server;
mod sessions;
mod settings;
mod target;
mod timestamp;
mod tls;
mod totp;
mod tree;
mod uploads;
mod view;
mod zip;

pub use accounts::{Account, Accounts, InvalidAccounts, InvalidBase32, SecondFactor, TotpSecret};
pub use body::Body;
pub use command::run;
pub use emulator::{Builder, Emulator};
pub use faults::{CutPoint, Fault, FaultKind, InvalidFault};
pub use recorded::Recorded;
pub use secrets::secret_in;
pub use seed::Seed;
pub use server::{Now, Server};
pub use settings::{
    CaptchaMethod, CaptchaSignal, CodeEncoding, FolderSize, IdPlace, RateLimit, Refused, SecondFactorId, Settings,
    UploadKeyLife,
};

/// Returns a random number that cannot be guessed.
fn random() -> std::io::Result<u64> {
    use ring::rand::{SecureRandom, SystemRandom};
    let mut bytes = [0; 8];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| std::io::Error::other("the system's random number generator failed"))?;
    Ok(u64::from_le_bytes(bytes))
}
