//! Quatrix in a box: an emulator of the Quatrix API 1.0 for tests. It knows who is logged in, keeps a tree of files per
//! person in memory, and can be told to fail. It does *not* store anything, does not do what the real service does
//! beside files and sessions (shares, contacts, automation and the rest answer that they are not emulated), and has
//! never been compared with a live server: it is built from what is written about the service and from what clients
//! in the field send and read. It is strict: a request that no known client sends is refused.
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
//! let code = emulator.code("totp@example.com");                   // what the user would type now
//! emulator.advance(Duration::from_secs(15 * 60));                 // every session is too old now
//! emulator.set_faults([Fault::new(FaultKind::Status(503)).on("GET", "/profile").times(2)])?;
//! assert!(emulator.requests().is_empty());                        // what was asked, secrets masked
//! assert_eq!(emulator.paths("user@example.com"), ["Trash/"]);     // what is stored
//! assert_eq!(quatrix_emulator::secret_in("what was logged"), None);
//! # assert!(code.is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Without sockets, [`Server`] is the same service as a function from a state, a time and a request to an answer.
//!
//! # In any other language
//!
//! The command `quatrix-emulator` (see its `--help`, and `docs/emulator.md` in the repository for all that it takes and
//! fixtures in three languages) prints one line of JSON when it is ready:
//!
//! ```json
//! {"url":"http://127.0.0.1:40123","api":"http://127.0.0.1:40123/api/1.0","ca_cert":null,"control":null}
//! ```
//!
//! With `--tls`, `ca_cert` is the path of a certificate to trust. With `--control`, `control` is a URL, and under it, for
//! programs on this machine:
//!
//! | request | body or query | does |
//! |---|---|---|
//! | `GET /health` | | says `{"status": "ok"}` |
//! | `GET /code` | `?user=totp@example.com` | says `{"code": "123456"}`: what the second step of that login takes now |
//! | `POST /clock` | `{"advance_s": 900}` | moves the clock ahead: what lives for a time ages, what is made or dated is later |
//! | `POST /expire` | `{"user": "pin@example.com"}`, or nothing for all | ends sessions |
//! | `GET /requests` | | lists what was asked, oldest first; secrets are masked |
//! | `POST /faults` | an array of faults | sets the fault plan; `[]` ends it |
//! | `POST /reset` | | makes everything as it was at the start |
//!
//! A fault is an object such as `{"method": "GET", "path": "/profile", "skip": 1, "times": 2, "fault": {"status": 503},
//! "headers": {"retry-after": "1"}}`; [`Fault`] and [`FaultKind`] explain its fields.
//!
//! # Accounts
//!
//! The password of all is `only-for-tests-4711`:
//!
//! | user | second step |
//! |---|---|
//! | `user@example.com` | none; has the API key `test-key-4711` |
//! | `totp@example.com` | authenticator code, secret `JBSWY3DPEHPK3PXP` |
//! | `pin@example.com` | PIN `24680` |
//! | `captcha@example.com` | captcha, due at once; the token `test-captcha-4711` passes |
//!
//! `--accounts FILE`, or [`Accounts::from_json`], takes others; all but `accounts`, `user` and `password` may be left out:
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
//! # What nobody knows
//!
//! Where the evidence leaves a choice, [`Settings`] has a field that names the question, with a default. Smaller
//! things are decided here, and no client should rely on them:
//!
//! - A name clash without `resolve`, a full quota, a wrong or missing parameter are 400 (codes 30, 122, 10, 11).
//! - A partial session that calls something hears 401 with 71, 73 or 72, for the step that it lacks.
//! - A key or link that has expired is 404 with code 60; one that never was, 404 with code 20.
//! - The trash is a folder of type `T` in the home. What is deleted there is gone; what `overwrite` replaces, too.
//! - A file replaces only a file. Jobs are done by the time their answer arrives.
//! - Of several ids those are served that can be; only if there is none, the answer is an error.
//! - A search finds names that contain a text, in this case of letters, and times of that second.
//! - A ZIP archive is not compressed, and a `Range` of it is ignored.

mod accounts;
mod body;
mod call;
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
#[allow(clippy::unwrap_used, reason = "what a fuzz target unwraps is its own")]
pub mod fuzzing;
mod gate;
mod ids;
mod login;
mod names;
mod operations;
mod profile;
mod reply;
mod requests;
mod search;
mod secrets;
mod seed;
mod server;
mod sessions;
mod settings;
mod stamp;
mod subject;
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
pub use requests::Recorded;
pub use secrets::secret_in;
pub use seed::Seed;
pub use server::{Now, Server};
pub use settings::{
    CaptchaMethod, CaptchaSignal, CodeEncoding, FolderSize, IdPlace, RateLimit, Refused, SecondFactorId, Settings,
    UploadKeyLife,
};

/// A random number, for what nobody should guess.
fn random() -> std::io::Result<u64> {
    use ring::rand::{SecureRandom, SystemRandom};
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).map_err(|_| std::io::Error::other("no randomness to be had"))?;
    Ok(u64::from_le_bytes(bytes))
}
