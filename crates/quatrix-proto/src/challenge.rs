//! Login challenges of a server and the answers of the user.

use std::fmt;

use crate::secret::{CaptchaToken, Code};

/// Login step that must be answered before there is a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Challenge {
    /// A second factor.
    SecondFactor {
        /// Kind of the second factor.
        factor: Factor,
        /// Number of answers to this challenge that the server has refused.
        refused: u8,
    },
    /// A captcha. The API does not show it: the account's login page does, in a browser.
    Captcha {
        /// Number of answers to this challenge that the server has refused.
        refused: u8,
    },
}

/// Kind of a second factor.
///
/// Each is one `Mfa-Code` of a response and one `auth_type` of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Factor {
    /// Code of an authenticator (71, `2FA`; source: the vendor's C# client and the 2018-06-13 spec).
    Totp,
    /// PIN (73, `PIN`; same sources).
    Pin,
    /// Number that no source explains, such as 61.
    Other(i64),
    /// Second factor without an `Mfa-Code`.
    Unnamed,
}

/// Answer to a [`Challenge`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// Code of a second factor.
    Code {
        /// Kind of the second factor; one that is not known is answered as [`Factor::Totp`].
        factor: Factor,
        /// The code, as the user typed it.
        code: Code,
    },
    /// Token of a solved captcha.
    Captcha(CaptchaToken),
}

/// No answer is available: the waiting calls end with the challenge instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declined;

impl Factor {
    /// Factors that the API names.
    const KNOWN: [Self; 2] = [Self::Totp, Self::Pin];

    /// Reads the value of an `Mfa-Code` header.
    pub(crate) fn from_mfa_code(code: Option<i64>) -> Self {
        let other = code.map_or(Self::Unnamed, Self::Other);
        Self::KNOWN.into_iter().find(|factor| factor.mfa_code() == code).unwrap_or(other)
    }

    /// Value of the `Mfa-Code` header that names this factor.
    pub(crate) fn mfa_code(self) -> Option<i64> {
        match self {
            Self::Totp => Some(71),
            Self::Pin => Some(73),
            Self::Other(code) => Some(code),
            Self::Unnamed => None,
        }
    }

    /// Value of `auth_type` in the request that answers this factor.
    pub(crate) fn auth_type(self) -> &'static str {
        match self {
            Self::Totp | Self::Other(_) | Self::Unnamed => "2FA",
            Self::Pin => "PIN",
        }
    }
}

impl Challenge {
    /// Returns the answer of the kind that the challenge asks for.
    ///
    /// A factor that is not known is answered as an authenticator code; use [`Answer::pin`] if the account has a PIN.
    pub fn answer(&self, text: impl Into<String>) -> Answer {
        match self {
            Self::SecondFactor { factor, .. } => Answer::Code { factor: *factor, code: Code::new(text) },
            Self::Captcha { .. } => Answer::Captcha(CaptchaToken::new(text)),
        }
    }

    /// Returns the number of answers to this challenge that the server has refused.
    pub fn refused(&self) -> u8 {
        match self {
            Self::SecondFactor { refused, .. } | Self::Captcha { refused } => *refused,
        }
    }

    /// Whether the answer fits: a captcha may be due although the server asked for a second factor.
    pub(crate) fn takes(&self, answer: &Answer) -> bool {
        match (self, answer) {
            (_, Answer::Captcha(_)) => true,
            (Self::Captcha { .. }, Answer::Code { .. }) => false,
            (Self::SecondFactor { factor: Factor::Other(_) | Factor::Unnamed, .. }, Answer::Code { .. }) => true,
            (Self::SecondFactor { factor, .. }, Answer::Code { factor: answered, .. }) => factor == answered,
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
    /// Answers with the code of an authenticator.
    pub fn totp(code: impl Into<Code>) -> Self {
        Self::Code { factor: Factor::Totp, code: code.into() }
    }

    /// Answers with a PIN.
    pub fn pin(pin: impl Into<Code>) -> Self {
        Self::Code { factor: Factor::Pin, code: pin.into() }
    }

    /// Whether the text is the same, whatever the kind.
    pub(crate) fn same_text(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }

    fn expose(&self) -> &str {
        match self {
            Self::Code { code, .. } => code.expose(),
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
        f.write_str("no answer is available")
    }
}

impl std::error::Error for Declined {}
