//! Whose account: the server, the user and the credentials of a run.
//!
//! Every command asks here. Two rules hold for all of them: credentials are sent to their own server only, and a user
//! that was named is not replaced by another. The table in `docs/cli.md` says the same for people; the tests below are
//! its rows.

use std::fmt;

use quatrix_ureq::proto::Server;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::secret::Secret;
use crate::setting::{Origin, Setting};

/// What options, environment and configuration say about the account.
#[derive(Clone, Default)]
pub(crate) struct Accounts {
    /// Whether an option names the profile: then credentials of the environment, which are of no profile, are not used.
    pub(crate) has_profile_option: bool,
    pub(crate) option: Account,
    pub(crate) environment: Account,
    pub(crate) configuration: Account,
}

/// What one of them says.
#[derive(Clone, Default)]
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
    /// The session to end, or the kept key to forget: a key of elsewhere is neither.
    Logout,
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

impl<'a> By<'a> {
    /// The setting that names the secret.
    pub(crate) fn setting(&self) -> Option<&'a Setting<Secret>> {
        match self {
            Self::Key { key: setting, .. } | Self::Token { token: setting, .. } => Some(setting),
            Self::Password { password: setting, .. } => Some(setting),
            Self::Kept | Self::Nothing(_) => None,
        }
    }
}

/// Why no credentials can be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoCredentials {
    NotLoggedIn,
    OtherServer { named: Named, kept: Owner },
    OtherUser { named: Named, kept: Owner },
}

/// A server or user, and the setting that names it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named {
    value: String,
    setting: String,
}

impl<T: fmt::Display> From<&Setting<T>> for Named {
    fn from(setting: &Setting<T>) -> Self {
        Self { value: setting.value.to_string(), setting: setting.name.clone() }
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, named by {}", self.value, self.setting)
    }
}

/// Credentials that were not used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Skipped {
    name: String,
    reason: Reason,
}

/// Why credentials are not used.
#[derive(Debug, PartialEq, Eq)]
struct Reason {
    why: String,
    level: Level,
}

/// When a skipped credential is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    /// With `-v`.
    Detail,
    /// Always: the credential was meant for this run.
    Notice,
}

impl Reason {
    fn detail(why: impl Into<String>) -> Self {
        Self { why: why.into(), level: Level::Detail }
    }
}

impl Skipped {
    /// Whether it is reported without `-v`, too.
    pub(crate) fn is_notice(&self) -> bool {
        self.reason.level == Level::Notice
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not used: {}", self.name, self.reason.why)
    }
}

/// Whether two addresses are the same user.
pub(crate) fn is_same_user(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

impl Accounts {
    /// What later commands of the same profile find.
    pub(crate) fn without_options(&self) -> Self {
        Self { option: Account::default(), ..self.clone() }
    }

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
            Some(named) => Some(named.value.clone()),
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
                    Err(reason) => skipped.push(Skipped { name: secret.name.clone(), reason }),
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
    pub(crate) fn server(&self) -> Option<&Setting<Server>> {
        [&self.option, &self.environment, &self.configuration].into_iter().find_map(|account| account.server.as_ref())
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
            && named.value != kept.server
        {
            return Some(NoCredentials::OtherServer { named: named.into(), kept });
        }
        let named = self.user(&kept.server)?;
        (!is_same_user(&named.value, &kept.user)).then(|| NoCredentials::OtherUser { named: named.into(), kept })
    }

    /// Credentials to use, or why they are skipped.
    fn judge<'a>(
        &'a self,
        kind: Kind,
        secret: &'a Setting<Secret>,
        server: Option<&Server>,
        purpose: Purpose,
        kept: &impl Fn() -> Result<Option<Owner>, Failure>,
    ) -> Result<Result<By<'a>, Reason>, Failure> {
        let origin = secret.origin;
        match (purpose, kind) {
            (Purpose::ExistingSession | Purpose::Logout, Kind::Password) => {
                return Ok(Err(Reason::detail("it would make a session of its own")));
            }
            (Purpose::Login, Kind::Token) => {
                return Ok(Err(Reason::detail("a login makes a session of its own")));
            }
            (Purpose::Login, Kind::Key) if origin != Origin::Option && self.option.user.is_some() => {
                return Ok(Err(Reason::detail("--user is to log in")));
            }
            _ => {}
        }
        if origin == Origin::Environment && self.has_profile_option {
            let why = "--profile is to be used".to_owned();
            return Ok(Err(Reason { why, level: self.level(kind, origin) }));
        }
        if let Some(reason) = self.is_foreign(kind, origin, server) {
            return match (purpose, origin) {
                // The kept session is not ended in place of the one that was meant.
                (Purpose::Logout, Origin::Environment) => Err(not_ended(&secret.name, &reason.why)),
                _ => Ok(Err(reason)),
            };
        }
        if let (Purpose::Logout, Kind::Key) = (purpose, kind) {
            return Ok(Err(Reason::detail("only what is kept is logged out of")));
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
            let why = format!("it belongs to {}, and {} names {}", own.value, named.name, named.value);
            return Ok(Err(Reason::detail(why)));
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
            (None, _, Origin::Option) => Err(Failure::usage("no user for the password: give --user or QUATRIX_USER")),
            (None, ..) => Ok(Err(Reason::detail("no user is named beside it"))),
            (user, ..) => Ok(Ok(By::Password { password: secret, user })),
        }
    }

    /// Why this server must not be sent the credentials of that origin.
    fn is_foreign(&self, kind: Kind, origin: Origin, server: Option<&Server>) -> Option<Reason> {
        let own = self.account(origin).server.as_ref();
        let bound = match origin {
            Origin::Option => return None,
            Origin::Environment => own.or(self.option.server.as_ref()),
            Origin::Configuration => own,
        };
        match bound {
            None => Some(Reason { why: "no server is named beside it".to_owned(), level: self.level(kind, origin) }),
            Some(bound) if Some(&bound.value) != server => {
                let level = if origin == Origin::Environment { Level::Notice } else { Level::Detail };
                Some(Reason { why: format!("it belongs to {}", Named::from(bound)), level })
            }
            Some(_) => None,
        }
    }

    /// A key, a token or a password with its user are there to act as that user; a password alone is not.
    fn level(&self, kind: Kind, origin: Origin) -> Level {
        match kind {
            Kind::Password if self.account(origin).user.is_none() => Level::Detail,
            _ => Level::Notice,
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

/// A token or key of the environment that `logout` cannot use, and must not ignore.
fn not_ended(name: &str, why: &str) -> Failure {
    Failure::usage(format!("{name} is not used: {why}"))
        .because(format!("Nothing was logged out of. Name its server, or unset {name} to log out of what is kept."))
}

/// No server is named anywhere.
pub(crate) fn no_server() -> Failure {
    Failure::usage("no account named: give --host NAME, QUATRIX_HOST, or host in the configuration")
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
        let mut meaning = skipped.iter().map(Skipped::to_string).collect::<Vec<_>>().join("; ");
        if let Some(advice) = advice {
            meaning += if meaning.is_empty() { "" } else { ". " };
            meaning += advice;
        }
        let failure = if meaning.is_empty() { failure } else { failure.because(meaning) };
        match self {
            Self::NotLoggedIn => failure.next("quatrix login"),
            _ => failure,
        }
    }
}

#[cfg(test)]
mod tests;
