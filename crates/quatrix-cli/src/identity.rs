//! Whose account: the server, the user and the credentials of a run.
//!
//! Every command asks here. Two rules hold for all of them: credentials are sent to their own server only, and a user
//! that was named is not replaced by another. The table in `docs/CLI.md` says the same for people; the tests below are
//! its rows.

use std::fmt;

use quatrix_ureq::proto::Server;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::secret::Secret;
use crate::settings::{Origin, Setting};

/// What options, environment and configuration say about the account.
#[derive(Default)]
pub(crate) struct Accounts {
    pub(crate) option: Account,
    pub(crate) environment: Account,
    pub(crate) configuration: Account,
}

/// What one of them says.
#[derive(Default)]
pub(crate) struct Account {
    pub(crate) server: Option<Setting<Server>>,
    pub(crate) user: Option<Setting<String>>,
    pub(crate) key: Option<Setting<Secret>>,
    pub(crate) token: Option<Setting<Secret>>,
    pub(crate) password: Option<Setting<Secret>>,
}

/// Server and user of a kept session or key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) server: Server,
    pub(crate) user: String,
}

/// What credentials are needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Calls, in a session of their own if need be.
    Work,
    /// The session that exists: a password, which would only make another, does not count.
    ExistingSession,
    /// A new session or key to keep.
    Login,
}

/// The account of a run.
pub(crate) struct Identity<'a> {
    /// Named, or else that of the kept session or key.
    pub(crate) server: Option<Server>,
    pub(crate) by: By<'a>,
    /// Credentials that were found and not used.
    pub(crate) skipped: Vec<Skipped>,
}

impl Identity<'_> {
    /// What a command that needs credentials ends with where there are none.
    pub(crate) fn failure(&self) -> Failure {
        match &self.by {
            By::Nothing(reason) => reason.failure(&self.skipped),
            _ => NoCredentials::NotLoggedIn.failure(&self.skipped),
        }
    }
}

/// The credentials of a run.
pub(crate) enum By<'a> {
    /// An API key. If a user was named, the key must be theirs.
    Key {
        key: &'a Setting<Secret>,
        user: Option<&'a Setting<String>>,
    },
    /// The token of a session that another program keeps. If a user was named, it must be theirs.
    Token {
        token: &'a Setting<Secret>,
        user: Option<&'a Setting<String>>,
    },
    /// A password. Only a login can do without a user, for whom it asks.
    Password {
        password: &'a Setting<Secret>,
        user: Option<Setting<String>>,
    },
    /// The session or key that a login has kept.
    Kept,
    Nothing(NoCredentials),
}

/// Why no credentials can be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoCredentials {
    NotLoggedIn,
    OtherServer { named: Server, kept: Owner },
    OtherUser { named: String, kept: Owner },
}

/// Credentials that were not used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Skipped {
    name: String,
    why: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not used: {}", self.name, self.why)
    }
}

/// Whether two addresses are the same user.
pub(crate) fn is_same_user(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

impl Accounts {
    /// Resolves the account. `kept` reads the owner of what is kept; it is only called if that matters.
    ///
    /// # Errors
    /// Options that are incomplete, and what `kept` fails with.
    pub(crate) fn resolve(
        &self,
        purpose: Purpose,
        kept: impl Fn() -> Result<Option<Owner>, Failure>,
    ) -> Result<Identity<'_>, Failure> {
        let server = match self.server() {
            Some(named) => Some(named.clone()),
            None => kept()?.map(|owner| owner.server),
        };
        let mut skipped = Vec::new();
        for account in [&self.option, &self.environment, &self.configuration] {
            let candidates =
                [(Kind::Key, &account.key), (Kind::Token, &account.token), (Kind::Password, &account.password)];
            for (kind, secret) in candidates {
                let Some(secret) = secret else { continue };
                match self.judge(kind, secret, server.as_ref(), purpose, &kept)? {
                    Ok(by) => return Ok(Identity { server, by, skipped }),
                    Err(why) => skipped.push(Skipped { name: secret.name.clone(), why }),
                }
            }
        }
        let by = match kept()? {
            None => By::Nothing(NoCredentials::NotLoggedIn),
            Some(owner) => self.refusal(owner).map_or(By::Kept, By::Nothing),
        };
        Ok(Identity { server, by, skipped })
    }

    /// The server that is named.
    pub(crate) fn server(&self) -> Option<&Server> {
        [&self.option, &self.environment, &self.configuration]
            .into_iter()
            .find_map(|account| account.server.as_ref())
            .map(|setting| &setting.value)
    }

    /// The user that is named. The configured one is that of the configured server.
    pub(crate) fn user(&self, server: &Server) -> Option<&Setting<String>> {
        let configured = &self.configuration;
        let applies = configured.server.as_ref().is_none_or(|configured| configured.value == *server);
        self.demanded_user().or_else(|| configured.user.as_ref().filter(|_| applies))
    }

    /// The user named for this run, and not for all of them.
    pub(crate) fn demanded_user(&self) -> Option<&Setting<String>> {
        self.option.user.as_ref().or(self.environment.user.as_ref())
    }

    /// Why a kept session or key must not be used: it belongs to another server or user than the one named.
    pub(crate) fn refusal(&self, kept: Owner) -> Option<NoCredentials> {
        if let Some(named) = self.server()
            && *named != kept.server
        {
            return Some(NoCredentials::OtherServer { named: named.clone(), kept });
        }
        let named = self.user(&kept.server)?;
        (!is_same_user(&named.value, &kept.user)).then(|| NoCredentials::OtherUser { named: named.value.clone(), kept })
    }

    /// Credentials to use, or why they are skipped.
    fn judge<'a>(
        &'a self,
        kind: Kind,
        secret: &'a Setting<Secret>,
        server: Option<&Server>,
        purpose: Purpose,
        kept: &impl Fn() -> Result<Option<Owner>, Failure>,
    ) -> Result<Result<By<'a>, String>, Failure> {
        let origin = secret.origin;
        match (purpose, kind) {
            (Purpose::ExistingSession, Kind::Password) => {
                return Ok(Err("it would make a session of its own".to_owned()));
            }
            (Purpose::Login, Kind::Token) => return Ok(Err("a login makes a session of its own".to_owned())),
            (Purpose::Login, Kind::Key) if origin != Origin::Option && self.option.user.is_some() => {
                return Ok(Err("--user is to log in".to_owned()));
            }
            _ => {}
        }
        if let Some(why) = self.is_foreign(kind, origin, server) {
            return Ok(Err(why));
        }
        let Some(server) = server else {
            return match purpose {
                Purpose::Login => Ok(Ok(match kind {
                    Kind::Password => By::Password { password: secret, user: self.demanded_user().cloned() },
                    _ => By::Key { key: secret, user: self.demanded_user() },
                })),
                _ => Err(no_server()),
            };
        };
        let user = self.user(server);
        let demanded = if origin == Origin::Configuration { user } else { self.demanded_user() };
        match kind {
            Kind::Key => return Ok(Ok(By::Key { key: secret, user: demanded })),
            Kind::Token => return Ok(Ok(By::Token { token: secret, user: demanded })),
            Kind::Password => {}
        }
        if let (Some(own), Some(named)) = (&self.account(origin).user, user)
            && !is_same_user(&own.value, &named.value)
        {
            return Ok(Err(format!("it belongs to {}, and {} names {}", own.value, named.name, named.value)));
        }
        let user = match user {
            Some(named) => Some(named.clone()),
            None if origin == Origin::Option || purpose == Purpose::Login => kept()?
                .filter(|owner| owner.server == *server && !owner.user.is_empty())
                .map(|owner| Setting::option("the kept session", owner.user)),
            None => None,
        };
        match (user, purpose, origin) {
            (None, Purpose::Login, _) => Ok(Ok(By::Password { password: secret, user: None })),
            (None, _, Origin::Option) => {
                Err(Failure::usage("there is a password, but no user: give --user or QUATRIX_USER"))
            }
            (None, ..) => Ok(Err("no user is named beside it".to_owned())),
            (user, ..) => Ok(Ok(By::Password { password: secret, user })),
        }
    }

    /// Why this server must not be sent the credentials of that origin.
    fn is_foreign(&self, kind: Kind, origin: Origin, server: Option<&Server>) -> Option<String> {
        let named = |account: &'_ Account| account.server.as_ref().map(|setting| setting.value.clone());
        let (option, own) = (named(&self.option), named(self.account(origin)));
        let bound = match (origin, kind) {
            (Origin::Option, _) => return None,
            // A token is of one server; a key or password may be meant for the one that an option names.
            (Origin::Environment, Kind::Token) => own.or(option),
            (Origin::Environment, _) => option.or(own),
            (Origin::Configuration, _) => own,
        };
        match bound {
            None => Some("no server is named beside it".to_owned()),
            Some(bound) if Some(&bound) != server => Some(format!("it belongs to {bound}")),
            Some(_) => None,
        }
    }

    fn account(&self, origin: Origin) -> &Account {
        match origin {
            Origin::Option => &self.option,
            Origin::Environment => &self.environment,
            Origin::Configuration => &self.configuration,
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Key,
    Token,
    Password,
}

/// No server is named anywhere.
pub(crate) fn no_server() -> Failure {
    Failure::usage("which account? Give --host NAME, QUATRIX_HOST, or host in the configuration")
}

impl NoCredentials {
    /// What a command that needs credentials ends with.
    pub(crate) fn failure(&self, skipped: &[Skipped]) -> Failure {
        let (what, advice) = match self {
            Self::NotLoggedIn => ("not logged in".to_owned(), None),
            Self::OtherServer { named, kept } => (
                format!("not logged in to {named}: the session belongs to {}", kept.server),
                Some("It is used nowhere else. Another --profile keeps another session."),
            ),
            Self::OtherUser { named, kept } => (
                format!("not logged in as {named}: the session belongs to {}", kept.user),
                Some("Give the password, too, or keep a session of that user in another --profile."),
            ),
        };
        let failure = Failure::new(Exit::Login, what);
        let reasons: Vec<_> = skipped.iter().map(Skipped::to_string).collect();
        let failure = match (reasons.is_empty(), advice) {
            (true, None) => failure,
            (true, Some(advice)) => failure.because(advice),
            (false, _) => failure.because(reasons.join("; ")),
        };
        match self {
            Self::NotLoggedIn => failure.next("quatrix login"),
            _ => failure,
        }
    }
}

#[cfg(test)]
mod tests;
