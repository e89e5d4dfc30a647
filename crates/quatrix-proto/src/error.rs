//! What can go wrong, grouped by who is to blame and what to do about it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use crate::challenge::Challenge;

mod api;
mod invalid_response;
mod transfer;
mod transport;

pub(crate) use api::AfterAttempt;
pub use api::{ApiError, Details, ErrorCode};
pub use invalid_response::{InvalidResponse, InvalidResponseKind};
pub use transfer::TransferError;
pub use transport::{TransportError, TransportErrorKind, TransportPhase};

/// Everything a call can end with instead of an answer.
///
/// The variants say who is to blame. No text of it holds a secret, a body, a header or a URL; a message of the server
/// is shown with control characters made visible.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// The server understood and said no.
    Api(Box<ApiError>),
    /// Somebody must answer a challenge first: [`Session::answer`](crate::Session::answer).
    Challenged(Challenge),
    /// There is no session, and why: [`Session::login`](crate::Session::login).
    LoggedOut(LoggedOut),
    /// The exchange did not come to an end: network, TLS, limits.
    Transport(TransportError),
    /// Invalid response: not JSON, a field missing, another service.
    InvalidResponse(Box<InvalidResponse>),
    /// A transfer cannot go on, although every answer made sense.
    Transfer(TransferError),
    /// A value that cannot be sent. Nothing left the machine.
    Invalid(Invalid),
    /// A command that does not fit the state. Nothing left the machine; only reading code helps.
    Misuse(Misuse),
    /// The caller cancelled this call.
    Cancelled,
    /// The call ended with this error after an earlier attempt of it that may have been executed.
    AfterAttempt(Box<Self>),
}

/// Why there is no session.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LoggedOut {
    /// Nobody has logged in yet.
    Never,
    /// Somebody logged out, or logged in anew, in this program.
    ByUser,
    /// The session, or its unanswered challenge, was given up by the server or ran out.
    Expired,
    /// The server refused the password or the second factor. It is not tried again by itself.
    Refused(Box<ApiError>),
    /// The last attempt to log in came to nothing. The next call tries again where credentials are kept.
    Failed(Arc<Error>),
}

/// A value that cannot be sent, refused before a request exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    what: &'static str,
    why: Cow<'static, str>,
}

/// A command that does not fit the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misuse {
    /// `login` or `resume` while there is a session, or one is being made: log out first.
    AlreadyLoggedIn,
    /// `answer` without a pending challenge, or of another kind than the one asked for.
    NothingToAnswer,
    /// A command that only makes sense for a session, with an API key: a key needs no login, keepalive or logout.
    NotWithApiKey,
    /// `resume` with a session that was saved from another server.
    OtherServer,
    /// `resume` with the credentials of another user than the one whose session was saved.
    OtherUser,
    /// A command while logging out: wait for that to end.
    LoggingOut,
    /// `call` of the login endpoint: log in by [`Session::login`](crate::Session::login), which knows what may follow.
    LoginIsACommand,
    /// A ticket of another session, or one whose outcome has been taken already.
    UnknownCall,
    /// A call that carries bytes of the caller's, in a driver that has none to give.
    NoSource,
}

impl Error {
    /// Whether the same call may succeed if it is simply made again later.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Api(error) => matches!(error.status().as_u16(), 429 | 500 | 502 | 503 | 504 | 509),
            Self::Transport(failure) => failure.kind().is_transient(),
            Self::LoggedOut(LoggedOut::Failed(error)) => error.retryable(),
            Self::Transfer(error) => error.is_transient(),
            Self::AfterAttempt(error) => error.retryable(),
            Self::Challenged(_)
            | Self::LoggedOut(_)
            | Self::InvalidResponse(_)
            | Self::Invalid(_)
            | Self::Misuse(_)
            | Self::Cancelled => false,
        }
    }

    /// Whether the server may have executed this call's own request although no usable response came back.
    ///
    /// It counts every attempt of the call, and nothing that the call waited for: a login, an answer or a captcha that
    /// failed leaves it `false`. If it is `true`, look before you repeat what is not safe to repeat.
    pub fn may_have_been_executed(&self) -> bool {
        match self {
            Self::Transport(failure) => failure.may_have_been_sent(),
            Self::InvalidResponse(_) | Self::Cancelled | Self::AfterAttempt(_) => true,
            Self::Api(error) => error.status().is_server_error() || error.is_after_attempt(),
            Self::Challenged(_) | Self::LoggedOut(_) | Self::Transfer(_) | Self::Invalid(_) | Self::Misuse(_) => false,
        }
    }

    /// How long the server asks to wait before the next try.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Api(error) => error.retry_after(),
            Self::LoggedOut(LoggedOut::Failed(error)) => error.retry_after(),
            Self::AfterAttempt(error) => error.retry_after(),
            _ => None,
        }
    }

    /// The server's error code, where it sent one.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Api(error) | Self::LoggedOut(LoggedOut::Refused(error)) => error.code(),
            Self::LoggedOut(LoggedOut::Failed(error)) => error.code(),
            Self::AfterAttempt(error) => error.code(),
            _ => None,
        }
    }

    /// The HTTP status, where there was an answer.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Api(error) | Self::LoggedOut(LoggedOut::Refused(error)) => Some(error.status()),
            Self::LoggedOut(LoggedOut::Failed(error)) => error.status(),
            Self::AfterAttempt(error) => error.status(),
            Self::InvalidResponse(invalid_response) => Some(invalid_response.status()),
            _ => None,
        }
    }

    /// The same error, of a call whose earlier attempt may have been executed.
    pub(crate) fn after_attempt(self) -> Self {
        match self {
            error if error.may_have_been_executed() => error,
            Self::Transport(failure) => Self::Transport(failure.after_attempt()),
            error => Self::AfterAttempt(Box::new(error)),
        }
    }

    /// Reads an answer outside the range of success: a redirect, the server's error model, or just a status.
    pub(crate) fn from_answer(endpoint: &'static str, response: &http::Response<Bytes>) -> Self {
        if response.status().is_redirection() {
            return Self::Transport(TransportError::redirect(response));
        }
        Self::Api(Box::new(ApiError::read(endpoint, response)))
    }
}

impl Invalid {
    /// Names what is refused and why; `why` continues the sentence that `what` begins.
    pub(crate) fn new(what: &'static str, why: impl Into<Cow<'static, str>>) -> Self {
        Self { what, why: why.into() }
    }

    /// Which value it was.
    pub fn what(&self) -> &'static str {
        self.what
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api(error) => error.fmt(f),
            Self::Challenged(challenge) => write!(f, "an answer is needed first: {challenge}"),
            Self::LoggedOut(why) => why.fmt(f),
            Self::Transport(failure) => failure.fmt(f),
            Self::InvalidResponse(invalid_response) => invalid_response.fmt(f),
            Self::Transfer(error) => error.fmt(f),
            Self::Invalid(invalid) => invalid.fmt(f),
            Self::Misuse(misuse) => misuse.fmt(f),
            Self::Cancelled => f.write_str("the call was cancelled"),
            Self::AfterAttempt(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Transport(failure) => std::error::Error::source(failure),
            Self::LoggedOut(LoggedOut::Failed(error)) => Some(&**error),
            Self::LoggedOut(LoggedOut::Refused(error)) => Some(&**error),
            Self::AfterAttempt(error) => std::error::Error::source(&**error),
            _ => None,
        }
    }
}

impl fmt::Display for LoggedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Never => "not logged in",
            Self::ByUser => "logged out",
            Self::Expired => "the session has expired",
            Self::Refused(_) => "not logged in: the server refused",
            Self::Failed(_) => "not logged in: the last attempt failed",
        })
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.what, self.why)
    }
}

impl std::error::Error for Invalid {}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AlreadyLoggedIn => "there is a session already: log out first",
            Self::NothingToAnswer => "no challenge of this kind is pending",
            Self::NotWithApiKey => "an API key needs no login, keepalive or logout",
            Self::OtherServer => "the saved session belongs to another server",
            Self::OtherUser => "the saved session belongs to another user than the credentials: log in instead",
            Self::LoggingOut => "a logout is under way: wait for it to end",
            Self::LoginIsACommand => "logging in is a command of the session, not a call",
            Self::UnknownCall => "the call is not known to this session, or its outcome was taken already",
            Self::NoSource => "the call sends bytes that this driver was not given",
        })
    }
}

impl std::error::Error for Misuse {}

impl From<Invalid> for Error {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<Misuse> for Error {
    fn from(misuse: Misuse) -> Self {
        Self::Misuse(misuse)
    }
}

impl From<TransportError> for Error {
    fn from(failure: TransportError) -> Self {
        Self::Transport(failure)
    }
}

impl From<InvalidResponse> for Error {
    fn from(invalid_response: InvalidResponse) -> Self {
        Self::InvalidResponse(Box::new(invalid_response))
    }
}

impl From<TransferError> for Error {
    fn from(error: TransferError) -> Self {
        Self::Transfer(error)
    }
}

impl From<LoggedOut> for Error {
    fn from(why: LoggedOut) -> Self {
        Self::LoggedOut(why)
    }
}

/// Text of the server for a human's eyes: control and bidirectional characters made visible, and no novel.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MAX: usize = 300;
        for (at, c) in self.0.char_indices() {
            if at > MAX {
                return f.write_str("..");
            }
            match c {
                '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                    write!(f, "{}", c.escape_unicode())?;
                }
                c if c.is_control() => write!(f, "{}", c.escape_default())?,
                c => fmt::Write::write_char(f, c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_text_is_shown_without_terminal_escapes() {
        assert_eq!(Shown("a\x1b[2Jb\n\u{202e}c").to_string(), "a\\u{1b}[2Jb\\n\\u{202e}c");
        assert!(Shown(&"x".repeat(9000)).to_string().len() < 310);
    }

    #[test]
    fn m20_statuses_that_may_pass_by_themselves_are_worth_another_try() {
        let retryable = |status: u16| {
            let response = http::Response::builder().status(status).body(Bytes::new()).unwrap();
            Error::from_answer("test", &response).retryable()
        };
        let some: Vec<u16> = (300..600).filter(|&status| retryable(status)).collect();
        assert_eq!(some, [429, 500, 502, 503, 504, 509]);
    }

    #[test]
    fn every_error_is_said_in_one_line_without_a_full_stop() {
        use Misuse::*;
        use TransportErrorKind::*;
        let failures =
            [Connect, Tls, Proxy, TimedOut, Interrupted, TooLarge, Encoding, Range, Redirect, Aborted, Local];
        let misuses = [
            AlreadyLoggedIn,
            NothingToAnswer,
            NotWithApiKey,
            OtherServer,
            OtherUser,
            LoggingOut,
            LoginIsACommand,
            UnknownCall,
            NoSource,
        ];
        let size = TransferError::Size { sent: 2, stored: 1 };
        let again = [size, TransferError::Changed, TransferError::SourceChanged];
        let (id, name) = ("4711".parse().unwrap(), "b".into());
        let in_vain = [
            TransferError::CannotReplace,
            TransferError::CannotStartOver,
            TransferError::NameTaken,
            TransferError::OtherFile { id },
            TransferError::Misplaced { name },
            TransferError::EmptySource,
            TransferError::TooManyDeletions { planned: 2, max: 1 },
        ];
        assert!(again.iter().all(|error| Error::from(error.clone()).retryable()));
        assert!(!in_vain.iter().any(|error| Error::from(error.clone()).retryable()));
        let transfers = again.into_iter().chain(in_vain);
        let errors = failures.map(|kind| Error::from(TransportError::unsent(kind))).into_iter();
        let transfers = transfers.map(Error::from);
        let errors = errors.chain(misuses.map(Error::from)).chain(transfers).chain([Error::Cancelled]);
        for error in errors {
            let said = error.to_string();
            assert!(!said.is_empty() && !said.ends_with('.') && !said.contains('\n'), "{said:?}");
            assert!(!said.starts_with(char::is_uppercase), "{said:?}");
        }
    }

    #[test]
    fn errors_are_small_enough_to_return() {
        assert!(size_of::<Error>() <= 40, "{}", size_of::<Error>());
    }
}
