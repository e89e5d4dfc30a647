//! Who may log in, and with what.

use std::fmt;

use serde::Deserialize;

use crate::totp;

/// The people this server knows.
///
/// [`Accounts::default`] has the four that the crate's documentation lists.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    /// One entry per person.
    pub accounts: Vec<Account>,
    /// The one captcha token that passes.
    #[serde(default = "captcha_token")]
    pub captcha_token: String,
}

fn captcha_token() -> String {
    "test-captcha-4711".to_owned()
}

/// One person. `Debug` shows no secret.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    /// The e-mail address that logs in; its case does not matter.
    pub user: String,
    /// The password.
    pub password: String,
    /// The name that the profile shows.
    #[serde(default)]
    pub name: String,
    /// A key that works as `Authorization: Bearer` in place of a session.
    #[serde(default)]
    pub api_key: Option<String>,
    /// What the login asks for after the password.
    #[serde(default)]
    pub second_factor: Option<SecondFactor>,
    /// Whether the first login has to pass a captcha.
    #[serde(default)]
    pub captcha: bool,
    /// Whether this is a contact: somebody who has a profile and no files.
    #[serde(default)]
    pub contact: bool,
    /// How many bytes this person may store; `None`: as many as the account as a whole.
    #[serde(default)]
    pub limit: Option<u64>,
}

/// What a login asks for after the password. `Debug` shows no secret.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecondFactor {
    /// A code from an authenticator.
    Totp(TotpSecret),
    /// A fixed number.
    Pin(String),
}

/// The secret that an authenticator and the server share. `Debug` does not show it.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct TotpSecret(Vec<u8>);

/// A text that is no base32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidBase32;

impl Accounts {
    /// These people, and the usual captcha token.
    #[must_use]
    pub fn new(accounts: Vec<Account>) -> Self {
        Self { accounts, captcha_token: captcha_token() }
    }

    /// Reads the form of `--accounts FILE`, see the crate's documentation.
    ///
    /// # Errors
    /// The text is no JSON, or not of that form, or names no account, or one twice. The error shows no secret.
    pub fn from_json(text: &str) -> Result<Self, InvalidAccounts> {
        let accounts: Self = serde_json::from_str(text).map_err(|error| InvalidAccounts::form(&error))?;
        if accounts.accounts.is_empty() {
            return Err(InvalidAccounts("there is no account in it".to_owned()));
        }
        for (index, account) in accounts.accounts.iter().enumerate() {
            if accounts.accounts[..index].iter().any(|other| other.is(&account.user)) {
                return Err(InvalidAccounts(format!("the user {} is in it twice", account.user)));
            }
        }
        Ok(accounts)
    }
}

impl Default for Accounts {
    fn default() -> Self {
        let account = |user| Account::new(user, "only-for-tests-4711");
        let secret = TotpSecret(b"Hello!\xde\xad\xbe\xef".to_vec());
        Self::new(vec![
            Account { api_key: Some("test-key-4711".to_owned()), ..account("user@example.com") },
            Account { second_factor: Some(SecondFactor::Totp(secret)), ..account("totp@example.com") },
            Account { second_factor: Some(SecondFactor::Pin("24680".to_owned())), ..account("pin@example.com") },
            Account { captcha: true, ..account("captcha@example.com") },
        ])
    }
}

impl Account {
    /// Somebody who logs in with a password alone.
    #[must_use]
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self {
            user: user.into(),
            password: password.into(),
            name: String::new(),
            api_key: None,
            second_factor: None,
            captcha: false,
            contact: false,
            limit: None,
        }
    }

    pub(crate) fn is(&self, user: &str) -> bool {
        self.user.eq_ignore_ascii_case(user)
    }
}

impl fmt::Debug for Accounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.accounts).finish()
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("user", &self.user).finish_non_exhaustive()
    }
}

impl fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Totp(_) => "Totp(..)",
            Self::Pin(_) => "Pin(..)",
        })
    }
}

impl TotpSecret {
    /// Reads a secret as an authenticator app takes it: base32 in either case; spaces and padding do not matter.
    ///
    /// # Errors
    /// The text is no base32, or there is nothing in it.
    pub fn from_base32(text: &str) -> Result<Self, InvalidBase32> {
        totp::secret(text).map(Self).ok_or(InvalidBase32)
    }

    pub(crate) fn code(&self, step: u64) -> String {
        totp::code(&self.0, step)
    }
}

impl TryFrom<String> for TotpSecret {
    type Error = InvalidBase32;

    fn try_from(text: String) -> Result<Self, InvalidBase32> {
        Self::from_base32(&text)
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(..)")
    }
}

impl fmt::Display for InvalidBase32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the secret is not base32")
    }
}

impl std::error::Error for InvalidBase32 {}

/// What is wrong with a text of accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidAccounts(String);

impl InvalidAccounts {
    /// A JSON error quotes what it found, which here may be a password; so only the place is kept, and the name of
    /// a missing field.
    fn form(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let what = if text.starts_with("missing field") {
            text.split(" at line").next().unwrap_or_default()
        } else {
            "not what is expected"
        };
        Self(format!("{what} at line {}, column {}", error.line(), error.column()))
    }
}

impl fmt::Display for InvalidAccounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no accounts could be read: {}", self.0)
    }
}

impl std::error::Error for InvalidAccounts {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_form_is_read() {
        let accounts = Accounts::from_json(
            r#"{"accounts": [
                {"user": "ann@example.com", "password": "pass:word", "name": "Ann", "api_key": "key", "limit": 1000},
                {"user": "bob@example.com", "password": "x", "second_factor": {"totp": "JBSWY3DPEHPK3PXP"}},
                {"user": "cy@example.com", "password": "x", "second_factor": {"pin": "13579"}, "captcha": true},
                {"user": "di@example.com", "password": "x", "contact": true}
            ], "captcha_token": "passes"}"#,
        )
        .unwrap();
        assert_eq!(accounts.captcha_token, "passes");
        let accounts = accounts.accounts;
        assert_eq!(accounts[0].password, "pass:word");
        assert_eq!(accounts[0].api_key.as_deref(), Some("key"));
        assert_eq!(accounts[0].limit, Some(1000));
        assert!(matches!(&accounts[1].second_factor, Some(SecondFactor::Totp(secret)) if secret.code(1) == "996554"));
        assert!(matches!(&accounts[2].second_factor, Some(SecondFactor::Pin(pin)) if pin == "13579"));
        assert!(accounts[2].captcha && accounts[3].contact);
    }

    #[test]
    fn an_error_says_where_and_shows_no_secret() {
        let wrong = |text: &str| Accounts::from_json(text).unwrap_err().to_string();
        assert_eq!(
            wrong(r#"{"accounts": [{"user": "a@example.com"}]}"#),
            "no accounts could be read: missing field `password` at line 1, column 39"
        );
        for secret in [
            r#"{"accounts": ["hunter2"]}"#,
            r#"{"accounts": [{"user": "a", "password": "p", "second_factor": {"totp": "hunter2!"}}]}"#,
            r#"{"accounts": [{"user": "a", "password": "p", "limit": "hunter2"}]}"#,
        ] {
            assert!(!wrong(secret).contains("hunter2"), "{}", wrong(secret));
        }
        assert_eq!(wrong(r#"{"accounts": []}"#), "no accounts could be read: there is no account in it");
        assert_eq!(
            wrong(r#"{"accounts": [{"user": "a@b.c", "password": "p"}, {"user": "A@b.c", "password": "q"}]}"#),
            "no accounts could be read: the user A@b.c is in it twice"
        );
    }

    #[test]
    fn debug_shows_no_secret() {
        let mut account = Account { api_key: Some("canary".to_owned()), ..Account::new("a@example.com", "canary") };
        for factor in [SecondFactor::Pin("canary".to_owned()), SecondFactor::Totp(TotpSecret(b"canary".to_vec()))] {
            account.second_factor = Some(factor);
            let accounts = Accounts { accounts: vec![account.clone()], captcha_token: "canary".to_owned() };
            let shown = format!("{accounts:?} {:?}", account.second_factor);
            assert!(!shown.contains("canary") && !shown.contains("99"), "{shown}");
        }
    }
}
