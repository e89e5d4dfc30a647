//! What the process ends with.

use quatrix_ureq::proto::{ApiError, Error, ErrorCode, LoggedOut, TransferError, TransportErrorKind};

/// The exit codes. Scripts branch on them, so a number never changes its meaning; any other number is a failure too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// None of the others.
    Other = 1,
    /// The command line, the environment or the configuration makes no sense.
    Usage = 2,
    /// Whoever was asked gave no answer.
    Cancelled = 3,
    /// Not logged in, or the login was refused; a wrong code too.
    Login = 4,
    /// A challenge is pending: `quatrix answer`.
    Challenge = 5,
    /// No such file, user, operation ..
    NotFound = 6,
    /// A right is missing.
    Forbidden = 7,
    /// Too many requests.
    RateLimited = 8,
    /// Network, proxy, TLS, time-out.
    Network = 9,
    /// The server failed.
    Server = 10,
    /// The answer makes no sense: probably not a Quatrix server.
    InvalidResponse = 11,
    /// A transfer that did not come to its end.
    Partial = 12,
    /// A file or folder of this machine.
    LocalFile = 13,
    /// There is something of that name already.
    Exists = 14,
    /// The quota is used up.
    Quota = 15,
    /// Ctrl-C.
    Interrupted = 130,
}

impl Exit {
    /// The one place where an error becomes a number.
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::Api(error) => Self::of_refusal(error),
            Error::AfterAttempt(error) => Self::of(error),
            Error::Challenged(_) => Self::Challenge,
            Error::LoggedOut(LoggedOut::Failed(error)) => Self::of(error),
            Error::LoggedOut(_) => Self::Login,
            Error::Transport(failure) => match failure.kind() {
                TransportErrorKind::Connect
                | TransportErrorKind::Tls
                | TransportErrorKind::Proxy
                | TransportErrorKind::TimedOut
                | TransportErrorKind::Interrupted => Self::Network,
                TransportErrorKind::TooLarge
                | TransportErrorKind::Encoding
                | TransportErrorKind::Range
                | TransportErrorKind::Redirect => Self::InvalidResponse,
                TransportErrorKind::Aborted => Self::Cancelled,
                TransportErrorKind::Local => Self::LocalFile,
                _ => Self::Other,
            },
            Error::InvalidResponse(_) => Self::InvalidResponse,
            Error::Transfer(TransferError::NameTaken) => Self::Exists,
            Error::Transfer(_) => Self::Partial,
            Error::Invalid(_) => Self::Usage,
            Error::Cancelled => Self::Cancelled,
            // Misuse, and what a later core may add.
            _ => Self::Other,
        }
    }

    fn of_refusal(error: &ApiError) -> Self {
        Self::of_answer(error.status().as_u16(), error.code())
    }

    /// A status outside the range of success, and the code of the error model where there is one. The code knows more,
    /// except where the status says that it was not about this request at all.
    pub(crate) fn of_answer(status: u16, code: Option<ErrorCode>) -> Self {
        match (status, code) {
            (429, _) => Self::RateLimited,
            (500.., _) => Self::Server,
            (300..=399, _) => Self::InvalidResponse,
            (_, Some(ErrorCode::NOT_FOUND | ErrorCode::NO_DATA)) => Self::NotFound,
            (_, Some(ErrorCode::EXISTS | USER_EXISTS | CONTACT_EXISTS)) => Self::Exists,
            (_, Some(ErrorCode::QUOTA_EXCEEDED)) => Self::Quota,
            (_, Some(ErrorCode::RESTRICTED | ErrorCode::NOT_ALLOWED | ErrorCode::BLOCKED)) => Self::Forbidden,
            (_, Some(ErrorCode::ACCOUNT_SUSPENDED | ErrorCode::NOT_AUTHORISED | ErrorCode::LOGIN_NOT_ALLOWED)) => {
                Self::Login
            }
            (_, Some(ErrorCode::WRONG_CODE | ErrorCode::WRONG_PIN)) => Self::Login,
            (401, _) => Self::Login,
            (403, _) => Self::Forbidden,
            (404, _) => Self::NotFound,
            _ => Self::Other,
        }
    }

    /// The word that `--json` has for it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Usage => "usage",
            Self::Cancelled => "cancelled",
            Self::Login => "login",
            Self::Challenge => "challenge",
            Self::NotFound => "not_found",
            Self::Forbidden => "forbidden",
            Self::RateLimited => "rate_limited",
            Self::Network => "network",
            Self::Server => "server",
            Self::InvalidResponse => "invalid_response",
            Self::Partial => "partial",
            Self::LocalFile => "local_file",
            Self::Exists => "exists",
            Self::Quota => "quota",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Codes of the vendor's list that the core has no name for.
const USER_EXISTS: ErrorCode = ErrorCode(31);
const CONTACT_EXISTS: ErrorCode = ErrorCode(32);

#[cfg(test)]
mod tests {
    use quatrix_ureq::proto::{Challenge, Factor, Misuse, TransportError};

    use super::*;

    #[test]
    fn every_kind_of_error_has_its_number() {
        let exchange = |kind| Exit::of(&TransportError::unsent(kind).into());
        assert_eq!(exchange(TransportErrorKind::Connect), Exit::Network);
        assert_eq!(exchange(TransportErrorKind::Tls), Exit::Network);
        assert_eq!(exchange(TransportErrorKind::Proxy), Exit::Network);
        assert_eq!(exchange(TransportErrorKind::TimedOut), Exit::Network);
        assert_eq!(exchange(TransportErrorKind::Interrupted), Exit::Network);
        assert_eq!(exchange(TransportErrorKind::TooLarge), Exit::InvalidResponse);
        assert_eq!(exchange(TransportErrorKind::Encoding), Exit::InvalidResponse);
        assert_eq!(exchange(TransportErrorKind::Range), Exit::InvalidResponse);
        assert_eq!(exchange(TransportErrorKind::Redirect), Exit::InvalidResponse);
        assert_eq!(exchange(TransportErrorKind::Aborted), Exit::Cancelled);
        assert_eq!(exchange(TransportErrorKind::Local), Exit::LocalFile);
        let challenge = Challenge::SecondFactor { factor: Factor::Pin, refused: 0 };
        assert_eq!(Exit::of(&Error::Challenged(challenge)), Exit::Challenge);
        assert_eq!(Exit::of(&LoggedOut::Expired.into()), Exit::Login);
        let failed = LoggedOut::Failed(Error::from(TransportError::unsent(TransportErrorKind::Connect)).into());
        assert_eq!(Exit::of(&failed.into()), Exit::Network);
        assert_eq!(Exit::of(&Error::Cancelled), Exit::Cancelled);
        assert_eq!(Exit::of(&TransferError::Changed.into()), Exit::Partial);
        assert_eq!(Exit::of(&TransferError::NameTaken.into()), Exit::Exists);
        assert_eq!(Exit::of(&Misuse::OtherServer.into()), Exit::Other);
    }

    #[test]
    fn every_number_has_the_word_that_scripts_know() {
        use Exit::*;
        let words = [
            (Other, 1, "other"),
            (Usage, 2, "usage"),
            (Cancelled, 3, "cancelled"),
            (Login, 4, "login"),
            (Challenge, 5, "challenge"),
            (NotFound, 6, "not_found"),
            (Forbidden, 7, "forbidden"),
            (RateLimited, 8, "rate_limited"),
            (Network, 9, "network"),
            (Server, 10, "server"),
            (InvalidResponse, 11, "invalid_response"),
            (Partial, 12, "partial"),
            (LocalFile, 13, "local_file"),
            (Exists, 14, "exists"),
            (Quota, 15, "quota"),
            (Interrupted, 130, "interrupted"),
        ];
        for (exit, number, word) in words {
            assert_eq!((exit as u8, exit.name()), (number, word));
        }
    }

    #[test]
    fn a_refusal_goes_by_its_code_and_then_by_its_status() {
        let of = |status, code: i64| Exit::of_answer(status, Some(ErrorCode(code)));
        assert_eq!(of(400, 20), Exit::NotFound);
        assert_eq!(of(400, 90), Exit::NotFound);
        assert_eq!(of(400, 30), Exit::Exists);
        assert_eq!(of(400, 31), Exit::Exists);
        assert_eq!(of(400, 32), Exit::Exists);
        assert_eq!(of(400, 122), Exit::Quota);
        assert_eq!(of(401, 50), Exit::Forbidden);
        assert_eq!(of(401, 74), Exit::Forbidden);
        assert_eq!(of(403, 13), Exit::Login);
        assert_eq!(of(401, 83), Exit::Login);
        assert_eq!(of(400, 10), Exit::Other);
        assert_eq!(of(503, 20), Exit::Server);
        assert_eq!(of(429, 20), Exit::RateLimited);
        let of = |status| Exit::of_answer(status, None);
        assert_eq!(of(302), Exit::InvalidResponse);
        assert_eq!(of(401), Exit::Login);
        assert_eq!(of(403), Exit::Forbidden);
        assert_eq!(of(404), Exit::NotFound);
        assert_eq!(of(405), Exit::Other);
        assert_eq!(of(509), Exit::Server);
    }
}
