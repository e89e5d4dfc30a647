//! Sans-IO protocol core of the Quatrix API.

mod challenge;
mod credentials;
mod endpoint;
mod error;
mod lenient;
mod retry;
mod secret;
mod server;
mod time;
mod wire;

pub mod api;

pub use challenge::{Answer, Challenge, Declined, Factor};
pub use credentials::Credentials;
pub use endpoint::{Auth, Authorization, Endpoint, Prepared, Replay, Spec};
pub use error::{
    ApiError, Details, Error, ErrorCode, Failure, FailureKind, Invalid, LoggedOut, Misuse, Nonsense, Problem,
};
pub use lenient::Extra;
pub use secret::{ApiKey, CaptchaToken, Code, DownloadLink, Password, SessionId, UploadKey};
pub use server::{Server, ServerError};
pub use time::{Timestamp, UnixTime};
