//! From the settings to a client that speaks for an account.

use std::fs;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use quatrix_ureq::proto::api::GetProfile;
use quatrix_ureq::proto::{
    ApiKey, CallOptions, Challenge, Config, Credentials, Declined, Event, Login, Password, ProxyRule, Saved, Server,
    SessionId,
};
use quatrix_ureq::{Builder, Client};

use crate::challenge::Unattended;
use crate::exit::Exit;
use crate::failure::{Failure, answer_command};
use crate::identity::{By, Identity, Purpose, is_same_user, no_server};
use crate::interrupt::at_interrupt;
use crate::kept::Kept;
use crate::login::check_account;
use crate::out;
use crate::secret::Secret;
use crate::setting::Setting;
use crate::settings::Settings;

impl Settings {
    /// A client of this server, for nobody yet.
    pub(crate) fn builder(&self, server: Server) -> Result<Builder, Failure> {
        let config = Config::new(server)
            .with_user_agent(concat!("quatrix-cli/", env!("CARGO_PKG_VERSION")))
            .map_err(|invalid| Failure::new(Exit::Other, invalid.to_string()))?
            .with_attempts(self.retries + 1)
            .with_exchange_timeout(self.max_time.unwrap_or(self.timeout * 3));
        let mut builder = Client::builder(config)
            .connect_timeout(self.timeout.min(Duration::from_secs(10)))
            .stall_timeout(self.timeout);
        if let Some(path) = &self.ca_cert {
            builder = builder.roots(fs::read(path).map_err(|error| Failure::file(path, &error))?);
        }
        if let Some(proxy) = &self.proxy {
            ProxyRule::fixed(&proxy.value).map_err(|invalid| proxy.invalid(invalid))?;
            builder = builder.proxy(&proxy.value);
        }
        Ok(match self.verbose {
            0 => builder,
            level => builder.on_event(observer(level)),
        })
    }

    /// What a call is given along.
    pub(crate) fn call_options(&self) -> CallOptions {
        let options = CallOptions::new();
        match self.max_time {
            Some(time) => options.with_deadline(time),
            None => options,
        }
    }

    pub(crate) fn key(&self, setting: &Setting<Secret>) -> Result<ApiKey, Failure> {
        ApiKey::new(self.read(setting)?).map_err(|invalid| setting.invalid(invalid))
    }

    pub(crate) fn token(&self, setting: &Setting<Secret>) -> Result<SessionId, Failure> {
        SessionId::new(self.read(setting)?).map_err(|invalid| setting.invalid(invalid))
    }

    pub(crate) fn password(&self, setting: &Setting<Secret>) -> Result<Password, Failure> {
        self.read(setting).map(Password::new)
    }

    fn read(&self, setting: &Setting<Secret>) -> Result<String, Failure> {
        setting.value.read(self.privacy, self.max_time.unwrap_or(self.timeout))
    }

    /// A client that goes on with what is kept, unless a login still waits for an answer.
    pub(crate) fn resume(&self, kept: &Kept) -> Result<Client, Failure> {
        if let Some(challenge) = kept.challenge() {
            return Err(unfinished(&challenge));
        }
        let builder = self.builder(kept.server().clone())?;
        match kept {
            Kept::Session(saved) => {
                let client = builder.build()?;
                client.resume(saved.clone(), None)?;
                Ok(client)
            }
            Kept::Key(kept) => Ok(builder.api_key(kept.key.clone()).build()?),
        }
    }

    /// A client for the token of another program's session.
    pub(crate) fn resume_token(&self, identity: &Identity<'_>, token: &Setting<Secret>) -> Result<Client, Failure> {
        let server = identity.server.clone().ok_or_else(no_server)?;
        let client = self.builder(server.clone())?.build()?;
        client.resume(Saved::active(server, "", self.token(token)?), None)?;
        Ok(client)
    }

    /// Runs `work` as the user whose account this is. A session made for it is ended, however it ends.
    pub(crate) fn with_client<T>(&self, work: impl FnOnce(&Client) -> Result<T, Failure>) -> Result<T, Failure> {
        self.with_identity(&self.identity(Purpose::Work)?, work)
    }

    /// Runs `work` as [`with_client`](Self::with_client) does and keeps the session alive beside it: one file may take
    /// longer than the idle time of a session.
    pub(crate) fn with_transfers<T>(&self, work: impl FnOnce(&Client) -> Result<T, Failure>) -> Result<T, Failure> {
        self.with_client(|client| {
            let _keepalive = client.spawn_keepalive()?;
            work(client)
        })
    }

    pub(crate) fn with_identity<T>(
        &self,
        identity: &Identity<'_>,
        work: impl FnOnce(&Client) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        match &identity.by {
            By::Key { key, user } => {
                let server = identity.server.clone().ok_or_else(no_server)?;
                let client = self.builder(server)?.api_key(self.key(key)?).build()?;
                check_user(&client, key, *user, self.call_options())
                    .and_then(|()| work(&client))
                    .map_err(|failure| failure.of_key(&key.name))
            }
            By::Token { token, user } => {
                let client = self.resume_token(identity, token)?;
                check_user(&client, token, *user, self.call_options())
                    .and_then(|()| work(&client))
                    .map_err(|failure| failure.of_token(&token.name))
            }
            By::Kept => {
                let kept = self.kept_by(identity)?;
                let result = work(&self.resume(kept)?);
                match kept {
                    Kept::Key(_) => result.map_err(|failure| failure.of_key("kept by quatrix login")),
                    Kept::Session(_) => result,
                }
            }
            By::Password { password, user } => {
                let client = self.log_in_for_now(identity, password, user.as_ref())?;
                let end = client.clone();
                let _at_interrupt = at_interrupt(move || drop(end.logout()));
                let result = work(&client);
                // The session ends by itself soon if the server does not hear of it.
                let _ = client.logout();
                result
            }
            By::Nothing(_) => Err(identity.failure()),
        }
    }

    /// What is kept, for an identity that uses it.
    pub(crate) fn kept_by(&self, identity: &Identity<'_>) -> Result<&Kept, Failure> {
        self.kept()?.ok_or_else(|| identity.failure())
    }

    /// Logs in with a password that was found; nothing is kept.
    pub(crate) fn log_in_for_now(
        &self,
        identity: &Identity<'_>,
        password: &Setting<Secret>,
        user: Option<&Setting<String>>,
    ) -> Result<Client, Failure> {
        let server = identity.server.clone().ok_or_else(no_server)?;
        let user = user.ok_or_else(|| identity.failure())?;
        let credentials = credentials(user, self.password(password)?, &password.name)?;
        let unattended = Unattended::new(self)?;
        let answer = unattended.clone();
        let builder = self.builder(server)?.second_factor(move |asked| answer.answer(&asked).ok_or(Declined));
        let client = builder.build()?;
        check_account(&client, self.call_options())?;
        match client.login(credentials) {
            Ok(Login::Challenged(asked)) => {
                // Another process cannot finish this one: nothing is kept.
                let _ = client.logout();
                Err(unattended.failure(&asked))
            }
            Ok(_) => Ok(client),
            Err(error) if unattended.has_answered() => Err(unattended.refused(error.into())),
            Err(error) => Err(Failure::of_login_before_a_command(error)),
        }
    }
}

/// A login that waits for its answer is kept.
pub(crate) fn unfinished(challenge: &Challenge) -> Failure {
    let what = format!("the login is not finished: the server wants {challenge}");
    Failure::new(Exit::Challenge, what).next(answer_command(challenge))
}

/// A user and a password that can be sent. `name` is where the password comes from.
pub(crate) fn credentials(user: &Setting<String>, password: Password, name: &str) -> Result<Credentials, Failure> {
    // A user alone is checked first, so that an error about both is one about the password.
    Credentials::new(&*user.value, "").map_err(|invalid| user.invalid(invalid))?;
    Credentials::new(&*user.value, password).map_err(|invalid| Failure::usage(format!("{name}: {invalid}")))
}

/// Asks the server whose key or token this is, if a user was named.
fn check_user(
    client: &Client,
    secret: &Setting<Secret>,
    user: Option<&Setting<String>>,
    options: CallOptions,
) -> Result<(), Failure> {
    let Some(user) = user else { return Ok(()) };
    check_owner(&secret.name, &client.call_with(&GetProfile, options)?.email, user)
}

/// Fails if a key or token belongs to another user than the named one.
pub(crate) fn check_owner(secret: &str, owner: &str, user: &Setting<String>) -> Result<(), Failure> {
    match is_same_user(owner, &user.value) {
        true => Ok(()),
        false => Err(Failure::new(Exit::Login, format!("{secret} belongs to {owner}, not to {}", user.value))
            .because(format!("{} names the user: nothing is done as another.", user.name))),
    }
}

/// Tells on standard error what happens to a session; events hold no secret.
fn observer(level: u8) -> impl Fn(&Event) + Send + Sync {
    let since = Mutex::new(Instant::now());
    move |event| {
        let took =
            since.lock().map_or(Duration::ZERO, |mut since| std::mem::replace(&mut *since, Instant::now()).elapsed());
        if let Some(text) = told(event, level) {
            out::note(&format!("{text} ({} ms)", took.as_millis()));
        }
    }
}

fn told(event: &Event, level: u8) -> Option<String> {
    match event {
        Event::Exchanged { endpoint, method, path, result, .. } => {
            let result = match result {
                Ok(status) => status.as_u16().to_string(),
                Err(kind) => format!("{kind:?}"),
            };
            Some(format!("{endpoint}: {method} {path} -> {result}"))
        }
        _ if level < 2 => None,
        Event::Repeating { endpoint, attempts, .. } => {
            Some(format!("{endpoint}: repeated, sent {attempts} times before"))
        }
        Event::LoggedIn { again: false, .. } => Some("logged in".to_owned()),
        Event::LoggedIn { again: true, .. } => Some("logged in again".to_owned()),
        Event::Challenged(challenge) => Some(format!("the server wants {challenge}")),
        Event::LoggedOut(why) => Some(why.to_string()),
        _ => None,
    }
}
