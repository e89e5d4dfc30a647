//! What a server asks for on the way into a session, and what it is told.

use std::fmt;

use crate::secret::{CaptchaToken, Code};

/// What must be answered before there is a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Challenge {
    /// A second factor.
    SecondFactor {
        /// Which one.
        factor: Factor,
        /// How many answers to this challenge the server has refused so far.
        refused: u8,
    },
    /// A captcha. Where it is shown is not part of the API: the account's login page in a browser.
    Captcha {
        /// How many answers to this challenge the server has refused so far.
        refused: u8,
    },
}

/// Which second factor a server asks for: its `Mfa-Code`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Factor {
    /// The code of an authenticator (71; source: the vendor's C# client and the 2018-06-13 spec).
    Totp,
    /// A PIN (73; same sources).
    Pin,
    /// A number that no source explains, such as 61.
    Other(i64),
    /// The server did not say.
    Unnamed,
}

/// An answer to a [`Challenge`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// The code of an authenticator, sent as `auth_type` `2FA`.
    Totp(Code),
    /// A PIN, sent as `auth_type` `PIN`.
    Pin(Code),
    /// What a solved captcha gave.
    Captcha(CaptchaToken),
}

/// A provider of answers has none: the challenge goes to the callers instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declined;

impl Factor {
    /// Reads the value of an `Mfa-Code` header.
    pub(crate) fn from_mfa_code(code: Option<i64>) -> Self {
        match code {
            Some(71) => Self::Totp,
            Some(73) => Self::Pin,
            Some(other) => Self::Other(other),
            None => Self::Unnamed,
        }
    }
}

impl Challenge {
    /// Makes the answer of the kind that is asked for.
    ///
    /// A factor that is not known is answered as an authenticator code; use [`Answer::Pin`] where you know better.
    pub fn answer(&self, text: impl Into<String>) -> Answer {
        match self {
            Self::SecondFactor { factor: Factor::Pin, .. } => Answer::Pin(Code::new(text)),
            Self::SecondFactor { factor: Factor::Totp | Factor::Other(_) | Factor::Unnamed, .. } => {
                Answer::Totp(Code::new(text))
            }
            Self::Captcha { .. } => Answer::Captcha(CaptchaToken::new(text)),
        }
    }

    /// How many answers to this challenge the server has refused so far.
    pub fn refused(&self) -> u8 {
        match self {
            Self::SecondFactor { refused, .. } | Self::Captcha { refused } => *refused,
        }
    }

    /// Whether the answer is of a kind that can help: a captcha always may be asked for.
    pub(crate) fn takes(&self, answer: &Answer) -> bool {
        match (self, answer) {
            (_, Answer::Captcha(_)) => true,
            (Self::Captcha { .. }, _) => false,
            (Self::SecondFactor { factor, .. }, answer) => match factor {
                Factor::Totp => matches!(answer, Answer::Totp(_)),
                Factor::Pin => matches!(answer, Answer::Pin(_)),
                Factor::Other(_) | Factor::Unnamed => true,
            },
        }
    }

    pub(crate) fn refused_once_more(mut self) -> Self {
        match &mut self {
            Self::SecondFactor { refused, .. } | Self::Captcha { refused } => *refused = refused.saturating_add(1),
        }
        self
    }
}

impl Answer {
    /// Whether the text is the same, whatever the kind.
    pub(crate) fn same_text(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }

    fn expose(&self) -> &str {
        match self {
            Self::Totp(code) | Self::Pin(code) => code.expose(),
            Self::Captcha(token) => token.expose(),
        }
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SecondFactor { factor, .. } => factor.fmt(f),
            Self::Captcha { .. } => f.write_str("a captcha"),
        }
    }
}

impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Totp => f.write_str("the code of an authenticator"),
            Self::Pin => f.write_str("a PIN"),
            Self::Other(code) => write!(f, "a second factor of kind {code}"),
            Self::Unnamed => f.write_str("a second factor that the server did not name"),
        }
    }
}

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no answer is at hand")
    }
}

impl std::error::Error for Declined {}
