//! The user and password of a Basic login (RFC 7617).

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use zeroize::Zeroizing;

use crate::error::Invalid;
use crate::secret::{Password, SecretText};

/// A user name and a password, kept as the one header that they become.
///
/// ```
/// use quatrix_proto::Credentials;
///
/// let credentials = Credentials::new("test@example.com", "qwerty")?;
/// assert_eq!(credentials.user(), "test@example.com");
/// assert!(Credentials::new("a:b", "qwerty").is_err());
/// # Ok::<(), quatrix_proto::Invalid>(())
/// ```
#[derive(Clone)]
pub struct Credentials {
    user: Arc<str>,
    header: SecretText,
}

impl Credentials {
    /// Joins user and password by a colon and encodes them (UTF-8, base64).
    ///
    /// # Errors
    /// [`Invalid`] if the user holds a colon (the server could not tell where the password starts) or either part a
    /// control character: RFC 7617 §2 forbids both.
    pub fn new(user: impl Into<Arc<str>>, password: impl Into<Password>) -> Result<Self, Invalid> {
        let (user, password) = (user.into(), password.into());
        if user.contains(':') {
            return Err(Invalid::new("user", "holds a colon, which Basic authentication cannot carry"));
        }
        if user.contains(char::is_control) {
            return Err(Invalid::new("user", "holds a control character"));
        }
        if password.expose().contains(char::is_control) {
            return Err(Invalid::new("password", "holds a control character"));
        }
        Ok(Self { header: basic(&user, &password), user })
    }

    /// The user name, which is an e-mail address on every known account.
    pub fn user(&self) -> &str {
        &self.user
    }

    pub(crate) fn shared_user(&self) -> Arc<str> {
        self.user.clone()
    }

    pub(crate) fn header(&self) -> HeaderValue {
        self.header.header().expect("\"Basic \" and base64 are visible ASCII")
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

fn basic(user: &str, password: &Password) -> SecretText {
    const SCHEME: &[u8] = b"Basic ";

    let mut plain = Zeroizing::new(Vec::with_capacity(user.len() + 1 + password.expose().len()));
    plain.extend_from_slice(user.as_bytes());
    plain.push(b':');
    plain.extend_from_slice(password.expose().as_bytes());

    // Sized exactly, so that no half-grown copy of the secret is left behind in freed memory.
    let mut header = Zeroizing::new(vec![0; SCHEME.len() + plain.len().div_ceil(3) * 4]);
    header[..SCHEME.len()].copy_from_slice(SCHEME);
    STANDARD.encode_slice(&*plain, &mut header[SCHEME.len()..]).expect("four bytes for each three");
    SecretText::from_buffer(header)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_published_example_gives_the_published_header() {
        let credentials = Credentials::new("test@example.com", "qwerty").unwrap();
        assert_eq!(credentials.header(), "Basic dGVzdEBleGFtcGxlLmNvbTpxd2VydHk=");
        assert!(credentials.header().is_sensitive());
    }

    #[test]
    fn m28_colons_and_control_characters_are_refused_by_name() {
        let refused = |user: &str, password: &str| Credentials::new(user, password).unwrap_err().to_string();
        assert_eq!(refused("a:b", "x"), "user holds a colon, which Basic authentication cannot carry");
        assert_eq!(refused("a\n", "x"), "user holds a control character");
        assert_eq!(refused("a", "x\0y"), "password holds a control character");
    }

    #[test]
    fn debug_shows_the_user_only() {
        let shown = format!("{:?}", Credentials::new("me@example.com", "canary").unwrap());
        assert_eq!(shown, "Credentials { user: \"me@example.com\", .. }");
    }

    proptest! {
        #[test]
        fn m28_every_legal_pair_survives_the_round_trip(user in "[^:\\pC]{0,40}", password in "[^\\pC]{0,40}") {
            let header = Credentials::new(user.as_str(), password.as_str()).unwrap().header();
            let encoded = header.as_bytes().strip_prefix(b"Basic ").unwrap();
            let plain = String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap();
            prop_assert_eq!(plain.split_once(':').unwrap(), (user.as_str(), password.as_str()));
        }
    }
}
