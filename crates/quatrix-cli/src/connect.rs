//! From the settings to a client that speaks for somebody.

use std::fs;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use quatrix_ureq::proto::{CallOptions, Config, Event, Login, Saved, Server, SessionId, Stage};
use quatrix_ureq::{Builder, Client};

use crate::challenge;
use crate::exit::Exit;
use crate::failure::{Failure, answer_command};
use crate::identity::{Identity, credentials};
use crate::interrupt::at_interrupt;
use crate::out;
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
            builder = builder.proxy(proxy);
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

    /// Where to, if nobody but the session file knows it.
    pub(crate) fn named_server(&self) -> Result<Server, Failure> {
        let nobody = || Failure::usage("which account? Give --host NAME, QUATRIX_HOST, or host in the configuration");
        self.server.clone().ok_or_else(nobody)
    }

    /// The session of the session file, if it may be used here.
    pub(crate) fn kept_session(&self) -> Result<Saved, Failure> {
        let Some(saved) = self.store()?.load()? else {
            return Err(Failure::new(Exit::Login, "not logged in").next("quatrix login"));
        };
        match &self.server {
            Some(server) if server != saved.server() => {
                let what = format!("not logged in to {server}: the session belongs to {}", saved.server());
                Err(Failure::new(Exit::Login, what)
                    .because("Its token goes nowhere else. Another --profile keeps another session."))
            }
            _ => Ok(saved),
        }
    }

    /// A client that goes on with a session, unless it still waits for an answer.
    pub(crate) fn resume(&self, saved: Saved) -> Result<Client, Failure> {
        if let Stage::Challenged(challenge) = saved.stage() {
            let what = format!("the login is not finished: the server wants {challenge}");
            return Err(Failure::new(Exit::Challenge, what).next(answer_command(&challenge)));
        }
        let client = self.builder(saved.server().clone())?.build()?;
        client.resume(saved, None)?;
        Ok(client)
    }

    /// A client for the token that the environment has.
    pub(crate) fn resume_token(&self, token: SessionId) -> Result<Client, Failure> {
        let user = self.user.clone().unwrap_or_default();
        self.resume(Saved::active(self.named_server()?, user, token))
    }

    /// Does some work for whoever speaks here; somebody who logs in for it is logged out again, whatever comes of it.
    pub(crate) fn with_client<T>(&self, work: impl FnOnce(&Client) -> Result<T, Failure>) -> Result<T, Failure> {
        match Identity::settle(self)? {
            Identity::Key(key) => {
                work(&self.builder(self.named_server()?)?.api_key(key).build()?).map_err(Failure::of_key)
            }
            Identity::Token(token) => work(&self.resume_token(token)?),
            Identity::Kept => work(&self.resume(self.kept_session()?)?),
            Identity::Password(password) => {
                let client = self.log_in_for_now(password)?;
                let end = client.clone();
                let _at_interrupt = at_interrupt(move || drop(end.logout()));
                let result = work(&client);
                // The session ends by itself soon if the server does not hear of it.
                let _ = client.logout();
                result
            }
        }
    }

    /// Logs in with what the environment or the configuration has; nothing is kept.
    pub(crate) fn log_in_for_now(&self, password: quatrix_ureq::proto::Password) -> Result<Client, Failure> {
        let nobody = || Failure::usage("there is a password, but no user: give --user or QUATRIX_USER");
        let credentials = credentials(self.user.as_deref().ok_or_else(nobody)?, password)?;
        let mut builder = self.builder(self.named_server()?)?;
        if let Some(command) = self.code_command.clone() {
            builder = builder.second_factor(move |asked| {
                challenge::answer_by(&command, &asked).ok_or(quatrix_ureq::proto::Declined)
            });
        }
        let client = builder.build()?;
        match client.login(credentials).map_err(Failure::of_login)? {
            Login::Challenged(asked) => {
                // A partial session that nobody can finish.
                let _ = client.logout();
                Err(Failure::new(Exit::Challenge, format!("the server wants {asked}"))
                    .because("QUATRIX_CODE_COMMAND can answer it, or `quatrix login` and `quatrix answer` can."))
            }
            _ => Ok(client),
        }
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
