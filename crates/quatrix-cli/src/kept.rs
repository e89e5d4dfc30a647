//! What `quatrix login` keeps for later commands: a session or an API key, bound to its server and its user.

use quatrix_ureq::proto::{ApiKey, Challenge, Saved, Server, Stage};
use serde::Deserialize;
use serde_json::json;

use crate::identity::Owner;

/// What a login has kept.
#[derive(Clone)]
pub(crate) enum Kept {
    Session(Saved),
    Key(KeptKey),
}

/// An API key with its server, and its owner as the server named it.
#[derive(Clone)]
pub(crate) struct KeptKey {
    pub(crate) server: Server,
    pub(crate) user: String,
    pub(crate) key: ApiKey,
}

#[derive(Deserialize)]
struct KeyFile {
    version: u32,
    server: String,
    user: String,
    api_key: String,
}

impl Kept {
    pub(crate) fn server(&self) -> &Server {
        match self {
            Self::Session(saved) => saved.server(),
            Self::Key(kept) => &kept.server,
        }
    }

    pub(crate) fn user(&self) -> &str {
        match self {
            Self::Session(saved) => saved.user(),
            Self::Key(kept) => &kept.user,
        }
    }

    pub(crate) fn owner(&self) -> Owner {
        Owner { server: self.server().clone(), user: self.user().to_owned() }
    }

    /// The challenge that an unfinished login waits for.
    pub(crate) fn challenge(&self) -> Option<Challenge> {
        match self {
            Self::Session(saved) => match saved.stage() {
                Stage::Challenged(challenge) => Some(challenge),
                Stage::Active => None,
            },
            Self::Key(_) => None,
        }
    }

    /// JSON **with the secret in it**, for a file that only its owner can read.
    pub(crate) fn expose_json(&self) -> String {
        match self {
            Self::Session(saved) => saved.expose_json(),
            Self::Key(kept) => json!({
                "version": 1,
                "server": kept.server.to_string(),
                "user": kept.user,
                "api_key": kept.key.expose(),
            })
            .to_string(),
        }
    }

    /// Reads what [`expose_json`](Self::expose_json) wrote. The error quotes nothing of it.
    pub(crate) fn from_json(json: &[u8]) -> Result<Self, String> {
        let kept = match serde_json::from_slice::<KeyFile>(json) {
            Ok(file) if file.version != 1 => return Err("is of a newer version".to_owned()),
            Ok(file) => Self::Key(KeptKey {
                server: Server::at(&file.server).map_err(|_| "names a server that cannot be used")?,
                user: file.user,
                key: ApiKey::new(file.api_key).map_err(|invalid| invalid.to_string())?,
            }),
            Err(_) => Self::Session(Saved::from_json(json).map_err(|invalid| invalid.to_string())?),
        };
        // A saved session keeps whatever server it had; whether that may be used is checked again.
        match Server::at(&kept.server().to_string()) {
            Ok(_) => Ok(kept),
            Err(_) => Err("names a server over plain http".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_key_is_read_back_and_a_damaged_one_is_not_quoted() {
        let server = Server::at("https://acme.quatrix.it/api/1.0").unwrap();
        let key = ApiKey::new("canary").unwrap();
        let json = Kept::Key(KeptKey { server: server.clone(), user: "a@example.com".to_owned(), key }).expose_json();
        let read = |json: &str| Kept::from_json(json.as_bytes());
        let Ok(Kept::Key(kept)) = read(&json) else { panic!("a key") };
        assert_eq!((&kept.server, &*kept.user, kept.key.expose()), (&server, "a@example.com", "canary"));
        let newer = json.replace("\"version\":1", "\"version\":2");
        let plain = json.replace("https:", "http:");
        for wrong in [&json[..json.len() / 2], &newer, &plain, &json.replace("canary", "can ary")] {
            let error = read(wrong).err().unwrap();
            assert!(!error.contains("ary"), "{error}");
        }
    }
}
