//! Who speaks to the server: the first that is found.

use quatrix_ureq::proto::{ApiKey, Credentials, Password, SessionId};

use crate::environment::variable;
use crate::failure::Failure;
use crate::secret;
use crate::settings::Settings;

/// Who speaks to the server.
pub(crate) enum Identity {
    /// The holder of an API key: there is no session to log in to.
    Key(ApiKey),
    /// A session that somebody else keeps, by its token.
    Token(SessionId),
    /// Somebody who logs in for this one command and out again.
    Password(Password),
    /// The session that a login has kept.
    Kept,
}

impl Identity {
    pub(crate) fn settle(settings: &Settings) -> Result<Self, Failure> {
        if let Some(path) = &settings.option.api_key {
            return key(secret::of_file(path)?);
        }
        if let Some(path) = &settings.option.password {
            return Ok(Self::Password(secret::of_file(path)?.into()));
        }
        if let Some(text) = secret::of_environment("QUATRIX_API_KEY")? {
            return key(text);
        }
        if let Some(text) = variable("QUATRIX_SESSION")? {
            let token =
                SessionId::new(text).map_err(|invalid| Failure::usage(format!("QUATRIX_SESSION: {invalid}")))?;
            return Ok(Self::Token(token));
        }
        if let Some(text) = secret::of_environment("QUATRIX_PASSWORD")? {
            return Ok(Self::Password(text.into()));
        }
        if let Some(path) = &settings.configured.api_key {
            return key(secret::of_file(path)?);
        }
        if let Some(path) = &settings.configured.password {
            return Ok(Self::Password(secret::of_file(path)?.into()));
        }
        Ok(Self::Kept)
    }

    /// For a command about a session that exists: somebody who would only make one for the command does not count.
    pub(crate) fn settle_existing(settings: &Settings) -> Result<Self, Failure> {
        match Self::settle(settings)? {
            Self::Password(_) => Ok(Self::Kept),
            identity => Ok(identity),
        }
    }
}

fn key(text: String) -> Result<Identity, Failure> {
    Ok(Identity::Key(ApiKey::new(text).map_err(|invalid| Failure::usage(invalid.to_string()))?))
}

/// A user and a password that can be sent.
pub(crate) fn credentials(user: &str, password: Password) -> Result<Credentials, Failure> {
    Credentials::new(user, password).map_err(|invalid| Failure::usage(invalid.to_string()))
}
