//! `quatrix login`

use std::io::{self, IsTerminal as _};

use quatrix_ureq::Client;
use quatrix_ureq::proto::api::GetProfile;
use quatrix_ureq::proto::{ApiKey, Error, Login as Step, Password, Server};
use serde_json::json;

use crate::challenge::{Answers, Given, TRIES};
use crate::connect::{check_owner, credentials};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::identity::{By, Owner, Purpose, no_server};
use crate::kept::{Kept, KeptKey};
use crate::login::{authority, check_account, end_replaced, finish};
use crate::out;
use crate::prompt::Prompt;
use crate::secret::Secret;
use crate::setting::{Origin, Setting};
use crate::settings::Settings;
use crate::show::Shown;

/// Log in, and keep the session or an API key for the commands that follow.
///
/// Whatever is not given is asked for at the terminal: account, user, password,
/// the second factor. The name is checked before the password leaves: an account
/// that does not exist hears nothing. The password is sent and forgotten; what is
/// kept is the session, in a file that only you can read. It ends 15 minutes after
/// its last call, or with `quatrix logout`.
///
///   quatrix login --host acme --user me@acme.com
///   quatrix login --host acme --api-key          # keep an API key instead
///
/// A password or key that is given is always checked. If the server refuses it,
/// what was kept before is still kept; if not, it is replaced.
///
/// Without a terminal a second factor comes from --code-command, QUATRIX_CODE or
/// --code. If there is none, the unfinished login is kept, described as JSON on
/// standard output, and the exit code is 5: `quatrix answer` goes on from there.
/// Scripts that do one thing need no login: see QUATRIX_USER and QUATRIX_API_KEY
/// in the manual.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Login {
    /// Take the password from the first line of standard input
    #[arg(long, conflicts_with_all = ["password_file", "api_key_file"])]
    password_stdin: bool,

    /// Keep an API key: ask for it, or take it from the first line of standard input
    #[arg(long, conflicts_with_all = ["password_file", "api_key_file", "password_stdin"])]
    api_key: bool,

    #[command(flatten)]
    given: Given,
}

impl Login {
    pub(crate) fn run(self, mut settings: Settings) -> Result<(), Failure> {
        // Nothing leaves if there is no place to keep what comes of it.
        settings.store()?;
        let prompt = Prompt::new(settings.no_input);
        let given = &mut settings.accounts.option;
        if self.password_stdin {
            given.password = Some(Setting::option("--password-stdin", Secret::StandardInput));
        }
        if self.api_key {
            given.key = Some(Setting::option("--api-key", typed_key(prompt)?));
        }
        let settings = &settings;
        let identity = settings.identity(Purpose::Login)?;
        if let By::Key { key, .. } = &identity.by
            && key.origin != Origin::Option
        {
            return no_need(settings, &key.name);
        }
        let server = match (&identity.server, prompt) {
            (Some(server), _) => server.clone(),
            (None, Some(prompt)) => {
                let host = prompt.line("Account (NAME of NAME.quatrix.it, or its own host name): ")?;
                Server::at(host.trim()).map_err(|error| Failure::usage(error.to_string()))?
            }
            (None, None) => return Err(no_server()),
        };
        match &identity.by {
            By::Key { key, user } => keep_key(settings, server, settings.key(key)?, *user, &key.name),
            By::Password { password, user } => {
                let typing = Typing::given(settings.password(password)?, &password.name);
                self.log_in(settings, server, user.clone(), typing)
            }
            By::Kept if is_alive(settings)? => {
                // A password that was meant to be checked was not: that is said without -v, too.
                if settings.verbose == 0 {
                    let rest = identity.skipped.iter().filter(|skipped| !skipped.is_notice());
                    rest.for_each(|skipped| out::note(&skipped.to_string()));
                }
                already(settings)
            }
            _ => {
                let before = settings.kept()?.filter(|kept| *kept.server() == server && !kept.user().is_empty());
                let before = before.map(|kept| Setting::option("the kept session", kept.user().to_owned()));
                let user = settings.accounts.user(&server).cloned().or(before);
                if let By::Nothing(_) = identity.by {
                    settings.note_skipped(&identity);
                }
                let untold = identity.skipped.iter().filter(|skipped| !skipped.is_notice());
                let skipped = untold.map(ToString::to_string).collect();
                self.log_in(settings, server, user, Typing::typed(prompt, skipped))
            }
        }
    }

    fn log_in(
        self,
        settings: &Settings,
        server: Server,
        user: Option<Setting<String>>,
        mut typing: Typing,
    ) -> Result<(), Failure> {
        let prompt = Prompt::new(settings.no_input);
        let client = settings.builder(server)?.build()?;
        check_account(&client, settings.call_options())?;
        let user = match (user, prompt) {
            (Some(user), _) => user,
            (None, Some(prompt)) => {
                Setting::option("e-mail address", prompt.line("E-mail address: ")?.trim().to_owned())
            }
            (None, None) => return Err(Failure::usage("no user named: give --user or QUATRIX_USER")),
        };
        let first = typing.next(&user.value, client.config().server())?;
        let locked = settings.store()?.lock(settings.patience())?;
        locked.check_writable()?;
        let is_kept = locked.load()?.is_some();
        let step = log_in(&client, &user, first, &mut typing)
            .map_err(|failure| if is_kept { failure.still_kept() } else { failure })?;
        let answers = Answers::new(settings, self.given, prompt)?;
        finish(settings, &locked, &client, step, answers)?;
        note_what_comes_first(settings, client.config().server(), &user.value)
    }
}

/// The key that is typed, or where it is read from.
fn typed_key(prompt: Option<Prompt>) -> Result<Secret, Failure> {
    match (io::stdin().is_terminal(), prompt) {
        (false, _) => Ok(Secret::StandardInput),
        (true, Some(prompt)) => prompt.secret("API key: ").map(Secret::Text),
        (true, None) => Err(Failure::new(Exit::Login, "no API key given, and no prompt possible")
            .because("Give --api-key-file FILE, or the key on standard input.")),
    }
}

/// Checks the key with the server, and keeps it with the user that the server names.
fn keep_key(
    settings: &Settings,
    server: Server,
    key: ApiKey,
    user: Option<&Setting<String>>,
    name: &str,
) -> Result<(), Failure> {
    let client = settings.builder(server.clone())?.api_key(key.clone()).build()?;
    check_account(&client, settings.call_options())?;
    let locked = settings.store()?.lock(settings.patience())?;
    locked.check_writable()?;
    let before = locked.load()?;
    let owner = owner_of_key(settings, &client, user, name)
        .map_err(|failure| if before.is_some() { failure.still_kept() } else { failure })?;
    locked.save(&Kept::Key(KeptKey { server: server.clone(), user: owner.clone(), key }))?;
    end_replaced(settings, before, None);
    let json = json!({
        "state": "api_key", "server": server.to_string(), "user": owner, "profile": settings.profile,
    });
    out::report(settings.json, &json, &format!("Logged in to {server} as {}, with an API key.", Shown(&owner)))?;
    note_what_comes_first(settings, &server, &owner)
}

/// Asks the server whose key the client has; if a user was named, it must be theirs.
fn owner_of_key(
    settings: &Settings,
    client: &Client,
    user: Option<&Setting<String>>,
    name: &str,
) -> Result<String, Failure> {
    let profile = client.call_with(&GetProfile, settings.call_options());
    let owner = profile.map_err(|error| Failure::from(error).of_key(name))?.email;
    user.map_or(Ok(()), |user| check_owner(name, &owner, user)).map(|()| owner)
}

/// Reports which credentials of the environment or configuration later commands will use instead.
fn note_what_comes_first(settings: &Settings, server: &Server, user: &str) -> Result<(), Failure> {
    let owner = Owner { server: server.clone(), user: user.to_owned() };
    let accounts = settings.accounts.without_options();
    if let Some(first) = accounts.resolve(Purpose::Work, || Ok(Some(owner.clone())))?.by.setting() {
        out::note(&format!("{} is used before what is kept now", first.name));
    }
    Ok(())
}

fn no_need(settings: &Settings, key: &str) -> Result<(), Failure> {
    out::report(
        settings.json,
        &json!({ "state": "api_key" }),
        &format!("No login is needed: every command uses the API key that {key} names."),
    )
}

fn already(settings: &Settings) -> Result<(), Failure> {
    let Some(kept) = settings.kept()? else { return Ok(()) };
    let (server, user) = (kept.server().to_string(), kept.user());
    let json = json!({ "state": "active", "server": server, "user": user, "profile": settings.profile });
    out::report(settings.json, &json, &format!("Already logged in to {server} as {}.", Shown(user)))?;
    note_what_comes_first(settings, kept.server(), user)
}

/// Whether what is kept still works: one call tells.
fn is_alive(settings: &Settings) -> Result<bool, Failure> {
    let Some(kept) = settings.kept()?.filter(|kept| kept.challenge().is_none()) else { return Ok(false) };
    let client = settings.resume(kept)?;
    let result = match kept {
        Kept::Session(_) => client.keepalive(),
        Kept::Key(_) => client.call_with(&GetProfile, settings.call_options()).map(drop),
    };
    match result {
        Ok(()) => Ok(true),
        Err(error) if Exit::of(&error) == Exit::Login => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Where passwords come from: given once, or typed a few times.
struct Typing {
    password: Option<Password>,
    /// Where it comes from, for errors about it.
    name: String,
    tries: u8,
    prompt: Option<Prompt>,
    /// Passwords that were found and must not be used, with the reason.
    skipped: Vec<String>,
}

impl Typing {
    fn given(password: Password, name: &str) -> Self {
        Self { password: Some(password), name: name.to_owned(), tries: 0, prompt: None, skipped: Vec::new() }
    }

    fn typed(prompt: Option<Prompt>, skipped: Vec<String>) -> Self {
        Self { password: None, name: "the password".to_owned(), tries: 0, prompt, skipped }
    }

    fn next(&mut self, user: &str, server: &Server) -> Result<Password, Failure> {
        if let Some(password) = self.password.take() {
            return Ok(password);
        }
        let Some(prompt) = self.prompt else {
            let failure = Failure::new(Exit::Login, "no password given, and no prompt possible");
            return Err(match self.skipped.is_empty() {
                true => failure
                    .because("Give --password-stdin, --password-file FILE, QUATRIX_PASSWORD or QUATRIX_PASSWORD_FILE."),
                false => failure.because(self.skipped.join("; ")),
            });
        };
        self.tries += 1;
        prompt.secret(&format!("Password of {} at {}: ", Shown(user), authority(server))).map(Password::new)
    }

    fn may_try_again(&self) -> bool {
        self.prompt.is_some() && self.tries < TRIES
    }
}

fn log_in(client: &Client, user: &Setting<String>, first: Password, typing: &mut Typing) -> Result<Step, Failure> {
    let mut password = first;
    loop {
        match client.login(credentials(user, password, &typing.name)?) {
            Ok(step) => return Ok(step),
            Err(Error::Api(refusal)) if refusal.status().as_u16() == 401 && typing.may_try_again() => {
                if let Some(prompt) = typing.prompt {
                    prompt.say(&format!("That is not right. Try {} of {TRIES}.", typing.tries + 1))?;
                }
                password = typing.next(&user.value, client.config().server())?;
            }
            Err(error) => return Err(Failure::of_login(error)),
        }
    }
}
