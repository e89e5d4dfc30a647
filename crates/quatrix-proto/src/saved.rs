//! A session put down, to be taken up by another process.

use serde::{Deserialize, Serialize, Serializer};

use crate::challenge::{Challenge, Factor};
use crate::credentials::Credentials;
use crate::error::Invalid;
use crate::secret::SessionId;
use crate::server::Server;

/// What [`Session::save`](crate::Session::save) puts down and [`Session::resume`](crate::Session::resume) takes up.
///
/// It holds the token: whoever reads it is logged in. The password is not part of it.
#[derive(Clone, Debug)]
pub struct Saved {
    pub(crate) server: Server,
    pub(crate) user: String,
    pub(crate) stage: Stage,
    pub(crate) token: SessionId,
    /// The second factor that a pending captcha came in between of.
    pub(crate) after_captcha: Option<Challenge>,
    /// Whether the pending login replaces a session that expired.
    pub(crate) again: bool,
}

/// How far the saved session had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Logged in.
    Active,
    /// Waiting for an answer; the token is a partial one.
    Challenged(Challenge),
}

impl Saved {
    /// Makes a logged-in session of which only the token is known, such as one from another program.
    pub fn active(server: Server, user: impl Into<String>, token: SessionId) -> Self {
        Self { server, user: user.into(), stage: Stage::Active, token, after_captcha: None, again: false }
    }

    /// The server that the session belongs to; its token must go nowhere else.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Who logged in, as far as it is known.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// How far it had come.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// The token.
    pub fn token(&self) -> &SessionId {
        &self.token
    }

    /// One line of JSON **with the token in it**, for a file that only its owner can read.
    pub fn expose_json(&self) -> String {
        let (stage, refused) = match self.stage {
            Stage::Active => (Written::Active, 0),
            Stage::Challenged(challenge) => written(challenge),
        };
        let after_captcha = self.after_captcha.map(written);
        let file = File {
            version: 1,
            server: self.server.to_string(),
            files: self.server.other_files_base(),
            token_prefix: self.server.token_prefix().map(str::to_owned),
            user: self.user.clone(),
            stage,
            refused,
            after_captcha,
            again: self.again,
            token: self.token.clone(),
        };
        // Room for all, so that growing leaves no copy of the token behind in freed memory.
        let mut json = Vec::with_capacity(8 * 1024);
        serde_json::to_writer(&mut json, &file).expect("numbers and text written to memory always make JSON");
        String::from_utf8(json).expect("JSON is UTF-8")
    }

    /// Reads what [`expose_json`](Self::expose_json) wrote.
    ///
    /// # Errors
    /// [`Invalid`] if it is anything else, or was written by a version to come.
    pub fn from_json(json: &[u8]) -> Result<Self, Invalid> {
        let refuse = |why| Invalid::new("saved session", why);
        let file: File = serde_json::from_slice(json).map_err(|_| refuse("is damaged or of another program"))?;
        if file.version != 1 {
            return Err(refuse("is of a newer version"));
        }
        // Written from a server that was allowed then: what it is may be judged again by whoever resumes it.
        let bad_server = |_| refuse("names a server that cannot be");
        let mut server = Server::at_insecure(&file.server).map_err(bad_server)?;
        if let Some(files) = &file.files {
            server = server.with_files_base(files).map_err(bad_server)?;
        }
        if let Some(prefix) = &file.token_prefix {
            server = server.with_token_prefix(prefix).map_err(bad_server)?;
        }
        let stage = match file.stage {
            Written::Active => Stage::Active,
            stage => Stage::Challenged(challenge((stage, file.refused))),
        };
        let after_captcha = file.after_captcha.map(challenge);
        Ok(Self { server, user: file.user, stage, token: file.token, after_captcha, again: file.again })
    }

    /// Whether these credentials certainly belong to another user. The server compares addresses in lower case.
    pub(crate) fn is_of_another_user_than(&self, credentials: &Credentials) -> bool {
        let (saved, other) = (self.user.to_lowercase(), credentials.user().to_lowercase());
        !saved.is_empty() && !other.is_empty() && saved != other
    }
}

fn written(challenge: Challenge) -> (Written, u8) {
    match challenge {
        Challenge::Captcha { refused } => (Written::Captcha, refused),
        Challenge::SecondFactor { factor, refused } => (factor.into(), refused),
    }
}

fn challenge((written, refused): (Written, u8)) -> Challenge {
    match written {
        Written::Captcha => Challenge::Captcha { refused },
        factor => Challenge::SecondFactor { factor: factor.into(), refused },
    }
}

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    server: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    files: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token_prefix: Option<String>,
    user: String,
    stage: Written,
    #[serde(default)]
    refused: u8,
    // Versions that do not know these two ignore them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after_captcha: Option<(Written, u8)>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    again: bool,
    #[serde(serialize_with = "expose")]
    token: SessionId,
}

fn expose<S: Serializer>(token: &SessionId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(token.expose())
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Written {
    Active,
    Captcha,
    Totp,
    Pin,
    Unnamed,
    Other(i64),
}

impl From<Factor> for Written {
    fn from(factor: Factor) -> Self {
        match factor {
            Factor::Totp => Self::Totp,
            Factor::Pin => Self::Pin,
            Factor::Other(code) => Self::Other(code),
            Factor::Unnamed => Self::Unnamed,
        }
    }
}

impl From<Written> for Factor {
    fn from(written: Written) -> Self {
        match written {
            Written::Totp => Self::Totp,
            Written::Pin => Self::Pin,
            Written::Other(code) => Self::Other(code),
            Written::Unnamed | Written::Active | Written::Captcha => Self::Unnamed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_survives_being_written_down() {
        let server = Server::account("acme").unwrap().with_files_base("https://up.acme.com").unwrap();
        let factors = [Factor::Totp, Factor::Pin, Factor::Other(61), Factor::Unnamed];
        let mut stages: Vec<_> =
            factors.map(|factor| Stage::Challenged(Challenge::SecondFactor { factor, refused: 2 })).to_vec();
        stages.extend([Stage::Active, Stage::Challenged(Challenge::Captcha { refused: 1 })]);
        for stage in stages {
            let token = SessionId::new("canary").unwrap();
            let after_captcha = Some(Challenge::SecondFactor { factor: Factor::Other(61), refused: 3 });
            let user = "me@acme.com".to_owned();
            let saved = Saved { server: server.clone(), user, stage, token, after_captcha, again: true };
            let read = Saved::from_json(saved.expose_json().as_bytes()).unwrap();
            assert_eq!((read.server, read.user.as_str(), read.stage), (server.clone(), "me@acme.com", stage));
            assert_eq!((read.after_captcha, read.again), (after_captcha, true));
            assert_eq!(read.token.expose(), "canary");
            assert!(!format!("{saved:?}").contains("canary"));
        }
    }

    #[test]
    fn a_text_of_an_older_version_is_read() {
        let old = r#"{"version":1,"server":"https://acme.quatrix.it/api/1.0","user":"me","stage":"captcha","refused":1,"token":"t"}"#;
        let read = Saved::from_json(old.as_bytes()).unwrap();
        assert_eq!(read.stage, Stage::Challenged(Challenge::Captcha { refused: 1 }));
        assert_eq!(read.expose_json(), old);
    }

    #[test]
    fn m39_a_damaged_or_foreign_text_is_refused_without_quoting_it() {
        let good = Saved::active(Server::default(), "me", SessionId::new("canary").unwrap()).expose_json();
        for end in 0..good.len() {
            let error = Saved::from_json(&good.as_bytes()[..end]).unwrap_err();
            assert_eq!(error.to_string(), "saved session is damaged or of another program");
        }
        let newer = good.replace("\"version\":1", "\"version\":2");
        assert_eq!(Saved::from_json(newer.as_bytes()).unwrap_err().to_string(), "saved session is of a newer version");
    }
}
