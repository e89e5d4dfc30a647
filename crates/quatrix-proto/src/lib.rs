//! Sans-IO protocol core of the Quatrix API.

mod challenge;
mod config;
mod content_range;
mod credentials;
mod deferred;
mod endpoint;
mod error;
mod file;
mod id;
mod lenient;
mod name;
mod path;
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
pub use config::{CaptchaForm, Config};
pub use credentials::Credentials;
pub use deferred::Deferred;
pub use endpoint::{Auth, Authorization, Endpoint, Prepared, Replay, Spec};
pub use error::{
    ApiError, Details, Error, ErrorCode, Failure, FailureKind, Invalid, LoggedOut, Misuse, Nonsense, Problem,
};
pub use file::{File, FileKind};
pub use id::{FileId, JobId};
pub use lenient::Extra;
pub use name::FileName;
pub use path::RemotePath;
pub use receiver::Receiver;
pub use saved::{Saved, Stage};
pub use secret::{ApiKey, CaptchaToken, Code, DownloadLink, Password, SessionId, UploadKey};
pub use server::{Server, ServerError};
pub use session::{
    CallId, CallOptions, Event, ExchangeId, Login, Logout, Outcome, Session, State, Step, Ticket, Transmit,
};
pub use task::{Task, TaskStep};
pub use time::{Timestamp, UnixTime};
