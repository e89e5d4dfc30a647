//! Text that must not be seen: wiped when its last owner goes, and printed by nothing.

use std::fmt;

use bytes::Bytes;
use http::HeaderValue;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use zeroize::Zeroizing;

use crate::error::Invalid;

/// The shared buffer of every secret. Clones are reference counts; the last one wipes the bytes.
#[derive(Clone)]
pub(crate) struct SecretText(Bytes);

impl SecretText {
    pub(crate) fn new(text: String) -> Self {
        Self::from_buffer(Zeroizing::new(text.into_bytes()))
    }

    /// The caller has written UTF-8 into `buffer`.
    pub(crate) fn from_buffer(buffer: Zeroizing<Vec<u8>>) -> Self {
        Self(Bytes::from_owner(buffer))
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A header value over the same wiped buffer, marked so that `http` prints it as `Sensitive`.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_maybe_shared(self.0.clone()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident, $debug:literal) => {
        $(#[$doc])*
        ///
        /// Wiped from memory when its last clone is dropped; it has no `Display`, no `Serialize` and no `PartialEq`,
        /// and `Debug` prints a fixed text.
        #[derive(Clone)]
        pub struct $name(SecretText);

        impl $name {
            /// The text itself.
            ///
            /// Whoever calls this is responsible for where it goes.
            pub fn expose(&self) -> &str {
                self.0.as_str()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($debug)
            }
        }
    };
}

/// Secrets that any text can be: they travel in a JSON body or percent-encoded in a path.
macro_rules! any_text {
    ($name:ident) => {
        impl $name {
            /// Takes the text over; the buffer is wiped when the last clone goes.
            pub fn new(text: impl Into<String>) -> Self {
                Self(SecretText::new(text.into()))
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::new(text)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
    };
}

/// Secrets that travel in a header: visible ASCII, 1 to 4096 characters.
macro_rules! header_text {
    ($name:ident, $what:literal) => {
        impl $name {
            /// Takes the text over.
            ///
            /// # Errors
            /// [`Invalid`] unless it is 1 to 4096 characters of visible ASCII, which is what a header can carry.
            pub fn new(text: impl Into<String>) -> Result<Self, Invalid> {
                let text = SecretText::new(text.into());
                match text.as_bytes() {
                    [] => Err(Invalid::new($what, "is empty")),
                    bytes if bytes.len() > 4096 => Err(Invalid::new($what, "is longer than 4096 characters")),
                    bytes if !bytes.iter().all(u8::is_ascii_graphic) => {
                        Err(Invalid::new($what, "holds a character other than visible ASCII"))
                    }
                    _ => Ok(Self(text)),
                }
            }

            /// The header value, after `prefix` and a space where there is one.
            pub(crate) fn header(&self, prefix: Option<&str>) -> HeaderValue {
                let text = match prefix {
                    None => self.0.clone(),
                    Some(prefix) => {
                        let mut buffer = Zeroizing::new(Vec::with_capacity(prefix.len() + 1 + self.0.as_bytes().len()));
                        buffer.extend_from_slice(prefix.as_bytes());
                        buffer.push(b' ');
                        buffer.extend_from_slice(self.0.as_bytes());
                        SecretText::from_buffer(buffer)
                    }
                };
                text.header().expect("visible ASCII, checked when this and the prefix were made")
            }
        }
    };
}

macro_rules! from_json {
    ($($name:ident),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_string(Text).and_then(|text| {
                    Self::try_from(text).map_err(|_| de::Error::custom("not usable"))
                })
            }
        }
    )*};
}

secret!(
    /// A password.
    Password,
    "Password(..)"
);
secret!(
    /// A session id: what `X-Auth-Token` carries (the specs call it `api_key`, it is not an [`ApiKey`]).
    SessionId,
    "SessionId(..)"
);
secret!(
    /// A second-factor code: the digits of an authenticator, or a PIN.
    Code,
    "Code(..)"
);
secret!(
    /// What a solved captcha gave.
    CaptchaToken,
    "CaptchaToken(..)"
);
secret!(
    /// An API key of the user's profile page: it stands for a login and never expires.
    ApiKey,
    "ApiKey(..)"
);
secret!(
    /// The key of one upload: whoever has it can write that file.
    UploadKey,
    "UploadKey(..)"
);
secret!(
    /// The id of one download: whoever has it can read what it stands for.
    DownloadLink,
    "DownloadLink(..)"
);

any_text!(Password);
any_text!(Code);
any_text!(CaptchaToken);
any_text!(UploadKey);
any_text!(DownloadLink);
header_text!(SessionId, "session id");
header_text!(ApiKey, "API key");

impl TryFrom<String> for SessionId {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::new(text)
    }
}

from_json!(SessionId, UploadKey, DownloadLink);

/// Reads a string without ever quoting it in an error.
struct Text;

impl Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<String, E> {
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m46_debug_text_is_fixed() {
        let shown = format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            Password::new("canary"),
            SessionId::new("canary").unwrap(),
            Code::new("canary"),
            CaptchaToken::new("canary"),
            ApiKey::new("canary").unwrap(),
            UploadKey::new("canary"),
            DownloadLink::new("canary"),
        );
        assert!(!shown.contains("canary"), "{shown}");
    }

    #[test]
    fn header_secrets_refuse_what_a_header_cannot_carry() {
        for text in ["", "a b", "a\r\nX-Evil: 1", "\u{e9}", "\0", &"x".repeat(4097)] {
            assert!(SessionId::new(text).is_err(), "{text:?}");
            assert!(ApiKey::new(text).is_err(), "{text:?}");
        }
        assert_eq!(SessionId::new("x".repeat(4096)).unwrap().expose().len(), 4096);
    }

    #[test]
    fn headers_are_sensitive_and_take_a_prefix() {
        let id = SessionId::new("abc").unwrap();
        assert_eq!(id.header(None), "abc");
        assert_eq!(id.header(Some("Token")), "Token abc");
        assert!(id.header(None).is_sensitive() && id.header(Some("Token")).is_sensitive());
    }

    #[test]
    fn a_json_error_does_not_quote_the_secret() {
        let error = serde_json::from_str::<SessionId>("\"can ary\"").unwrap_err();
        assert!(!error.to_string().contains("ary"), "{error}");
    }
}
