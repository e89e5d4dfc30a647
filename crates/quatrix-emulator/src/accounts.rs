//! Accounts and their credentials.

use std::fmt;

use serde::Deserialize;

use crate::totp;

/// The accounts of this server.
///
/// [`Accounts::default`] has the four that the crate's documentation lists.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    /// One entry per account.
    pub accounts: Vec<Account>,
    /// The one captcha token that passes.
    #[serde(default = "captcha_token")]
    pub captcha_token: String,
}

fn captcha_token() -> String {
    "test-captcha-4711".to_owned()
}

/// One account. `Debug` shows no secret.
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
    /// Second step of the login, after the password.
    #[serde(default)]
    pub second_factor: Option<SecondFactor>,
    /// Whether the first login has to pass a captcha.
    #[serde(default)]
    pub captcha: bool,
    /// Whether this is a contact: an account with a profile and no files.
    #[serde(default)]
    pub contact: bool,
    /// Quota in bytes; `None` applies only the quota of the whole site.
    #[serde(default)]
    pub limit: Option<u64>,
}

/// Second step of a login, after the password. `Debug` shows no secret.
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

/// Error for a text that is not base32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidBase32;

impl Accounts {
    /// Returns these accounts with the default captcha token.
    #[must_use]
    pub fn new(accounts: Vec<Account>) -> Self {
        Self { accounts, captcha_token: captcha_token() }
    }

    /// Reads the JSON of `--accounts FILE`; the crate's documentation shows it.
    ///
    /// # Errors
    /// The text is not JSON, does not have that form, lists no account, or lists a user twice. The error shows no secret.
    pub fn from_json(text: &str) -> Result<Self, InvalidAccounts> {
        let accounts: Self = serde_json::from_str(text).map_err(|error| InvalidAccounts::form(&error))?;
        if accounts.accounts.is_empty() {
            return Err(InvalidAccounts("the list is empty, add at least one account".to_owned()));
        }
        for (index, account) in accounts.accounts.iter().enumerate() {
            if accounts.accounts[..index].iter().any(|other| other.is(&account.user)) {
                return Err(InvalidAccounts(format!("the user {} is listed twice", account.user)));
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
    /// Returns an account that logs in with a password alone.
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
    /// Reads a secret in the form that authenticator apps accept: base32 in either case; spaces and padding are ignored.
    ///
    /// # Errors
    /// The text is not base32, or empty.
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
        f.write_str("the secret is not base32: use the letters A to Z and the digits 2 to 7")
    }
}

impl std::error::Error for InvalidBase32 {}

/// Error for an account list that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidAccounts(String);

impl InvalidAccounts {
    /// Keeps only the position and the name of a missing field: the text of a JSON error quotes its input, which may be
    /// a password.
    fn form(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        let what = if text.starts_with("missing field") {
            text.split(" at line").next().unwrap_or_default()
        } else {
            "unexpected value"
        };
        Self(format!("{what} at line {}, column {}", error.line(), error.column()))
    }
}

impl fmt::Display for InvalidAccounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid account list: {}", self.0)
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
    fn an_error_names_the_position_and_shows_no_secret() {
        let wrong = |text: &str| Accounts::from_json(text).unwrap_err().to_string();
        assert_eq!(
            wrong(r#"{"accounts": [{"user": "a@example.com"}]}"#),
            "invalid account list: missing field `password` at line 1, column 39"
        );
        for secret in [
            r#"{"accounts": ["hunter2"]}"#,
            r#"{"accounts": [{"user": "a", "password": "p", "second_factor": {"totp": "hunter2!"}}]}"#,
            r#"{"accounts": [{"user": "a", "password": "p", "limit": "hunter2"}]}"#,
        ] {
            assert!(!wrong(secret).contains("hunter2"), "{}", wrong(secret));
        }
        assert_eq!(wrong(r#"{"accounts": []}"#), "invalid account list: the list is empty, add at least one account");
        assert_eq!(
            wrong(r#"{"accounts": [{"user": "a@b.c", "password": "p"}, {"user": "A@b.c", "password": "q"}]}"#),
            "invalid account list: the user A@b.c is listed twice"
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
