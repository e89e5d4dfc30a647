//! `quatrix login`

use quatrix_ureq::Client;
use quatrix_ureq::proto::api::GetAccountMetadata;
use quatrix_ureq::proto::{Error, Login as Step, Password, Saved, Server, Stage};
use serde_json::json;

use crate::challenge::{self, Answers, Given, TRIES};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::identity::{Identity, credentials};
use crate::out;
use crate::prompt::Prompt;
use crate::secret;
use crate::settings::Settings;
use crate::show::Shown;
use crate::store::Locked;

/// Log in, and keep the session for the commands that follow.
///
/// Whatever is not given is asked for at the terminal: account, user, password,
/// the second factor. The name is checked before the password leaves: an account
/// that does not exist hears nothing. The password is sent and forgotten; what is
/// kept is the session, in a file that only you can read. It ends 15 minutes after
/// its last call, or with `quatrix logout`.
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
    #[arg(long, conflicts_with = "password_file")]
    password_stdin: bool,

    #[command(flatten)]
    given: Given,
}

impl Login {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let given_password = match Identity::settle(settings)? {
            _ if self.password_stdin => Some(secret::of_stdin()?.into()),
            Identity::Key(_) => return no_need(settings),
            Identity::Password(password) => Some(password),
            Identity::Token(_) | Identity::Kept => None,
        };
        let prompt = Prompt::new(settings.no_input);
        let kept = settings.store()?.load()?;
        let server = server(settings, kept.as_ref(), prompt)?;
        if let Some(saved) = &kept
            && is_the_same(settings, &server, saved)
            && is_alive(settings, saved.clone())?
        {
            return already(settings, saved);
        }
        check_account(settings, &server)?;
        let user = user(settings, &server, kept.as_ref(), prompt)?;
        let mut typing = Typing { password: given_password, tries: 0, prompt };
        let first = typing.next(&user, &server)?;

        let locked = settings.store()?.lock(settings.patience())?;
        if let Some(saved) = locked.load()?
            && is_the_same(settings, &server, &saved)
            && kept.is_none_or(|kept| kept.token().expose() != saved.token().expose())
            && is_alive(settings, saved.clone())?
        {
            return already(settings, &saved);
        }
        let client = settings.builder(server)?.build()?;
        let step = log_in(&client, &user, first, &mut typing)?;
        let answers = Answers::new(settings, self.given, prompt)?;
        finish(settings, &locked, &client, step, answers)
    }
}

/// From the first step to a session, kept at every step.
pub(crate) fn finish(
    settings: &Settings,
    locked: &Locked<'_>,
    client: &Client,
    step: Step,
    mut answers: Answers,
) -> Result<(), Failure> {
    let keep = || match client.save() {
        Some(saved) => locked.save(&saved).inspect_err(|_| {
            // A session that nobody can find again.
            let _ = client.logout();
        }),
        None => Ok(()),
    };
    let result = answers.give(client, step, keep);
    let user = client.user().unwrap_or_default();
    match result {
        Ok(()) => {
            let server = client.config().server().to_string();
            let json = json!({ "state": "active", "server": server, "user": user, "profile": settings.profile });
            out::report(settings.json, &json, &format!("Logged in to {server} as {}.", Shown(&user)))
        }
        Err(failure) => {
            if failure.exit() == Exit::Challenge
                && let Some(Stage::Challenged(challenge)) = client.save().map(|saved| saved.stage())
            {
                out::json_line(&challenge::json(&challenge, client.config().server(), &user))?;
            }
            Err(failure)
        }
    }
}

fn no_need(settings: &Settings) -> Result<(), Failure> {
    out::report(
        settings.json,
        &json!({ "state": "api_key" }),
        "No login is needed: there is an API key, and every command uses it as it is.",
    )
}

fn already(settings: &Settings, saved: &Saved) -> Result<(), Failure> {
    let (server, user) = (saved.server().to_string(), saved.user());
    let json = json!({ "state": "active", "server": server, "user": user, "profile": settings.profile });
    out::report(settings.json, &json, &format!("Already logged in to {server} as {}.", Shown(user)))
}

fn server(settings: &Settings, kept: Option<&Saved>, prompt: Option<Prompt>) -> Result<Server, Failure> {
    match (&settings.server, kept, prompt) {
        (Some(server), _, _) => Ok(server.clone()),
        (None, Some(saved), _) => Ok(saved.server().clone()),
        (None, None, Some(prompt)) => {
            let host = prompt.line("Account (NAME of NAME.quatrix.it, or its own host name): ")?;
            Server::at(host.trim()).map_err(|error| Failure::usage(error.to_string()))
        }
        (None, None, None) => settings.named_server(),
    }
}

fn user(settings: &Settings, server: &Server, kept: Option<&Saved>, prompt: Option<Prompt>) -> Result<String, Failure> {
    let before = kept.filter(|saved| saved.server() == server).map(Saved::user).filter(|user| !user.is_empty());
    match (settings.user.as_deref().or(before), prompt) {
        (Some(user), _) => Ok(user.to_owned()),
        (None, Some(prompt)) => Ok(prompt.line("E-mail address: ")?.trim().to_owned()),
        (None, None) => Err(Failure::usage("who logs in? Give --user or QUATRIX_USER")),
    }
}

/// Asks the server what account it is, before any password leaves.
fn check_account(settings: &Settings, server: &Server) -> Result<(), Failure> {
    let client = settings.builder(server.clone())?.build()?;
    let account = client.call_with(&GetAccountMetadata, settings.call_options()).map_err(|error| match &error {
        Error::Api(refusal)
            if matches!(Exit::of(&error), Exit::NotFound | Exit::Other | Exit::Login | Exit::Forbidden) =>
        {
            Failure::new(Exit::Nonsense, format!("{server} is not a Quatrix account: {refusal}"))
                .because("The password was not sent. Is the name right?")
        }
        _ => Failure::from(error),
    })?;
    match account.is_suspended() {
        true => Err(Failure::new(Exit::Login, format!("the account at {server} is suspended"))
            .because("Nobody can log in there now; the password was not sent.")),
        false => Ok(()),
    }
}

fn is_the_same(settings: &Settings, server: &Server, saved: &Saved) -> bool {
    let same_user = |user: &String| user.eq_ignore_ascii_case(saved.user());
    saved.stage() == Stage::Active && saved.server() == server && settings.user.as_ref().is_none_or(same_user)
}

/// One keepalive tells.
fn is_alive(settings: &Settings, saved: Saved) -> Result<bool, Failure> {
    match settings.resume(saved)?.keepalive() {
        Ok(()) => Ok(true),
        Err(error) if Exit::of(&error) == Exit::Login => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Where passwords come from: given once, or typed a few times.
struct Typing {
    password: Option<Password>,
    tries: u8,
    prompt: Option<Prompt>,
}

impl Typing {
    fn next(&mut self, user: &str, server: &Server) -> Result<Password, Failure> {
        if let Some(password) = self.password.take() {
            self.prompt = None;
            return Ok(password);
        }
        let Some(prompt) = self.prompt else {
            return Err(Failure::new(Exit::Login, "there is no password, and nobody to ask for it")
                .because("Give --password-stdin, --password-file FILE, QUATRIX_PASSWORD or QUATRIX_PASSWORD_FILE."));
        };
        self.tries += 1;
        prompt.secret(&format!("Password of {} at {}: ", Shown(user), server.host())).map(Password::new)
    }

    fn may_try_again(&self) -> bool {
        self.prompt.is_some() && self.tries < TRIES
    }
}

fn log_in(client: &Client, user: &str, first: Password, typing: &mut Typing) -> Result<Step, Failure> {
    let mut password = first;
    loop {
        match client.login(credentials(user, password)?) {
            Ok(step) => return Ok(step),
            Err(Error::Api(refusal)) if refusal.status().as_u16() == 401 && typing.may_try_again() => {
                if let Some(prompt) = typing.prompt {
                    prompt.say(&format!("That is not right. Try {} of {TRIES}.", typing.tries + 1))?;
                }
                password = typing.next(user, client.config().server())?;
            }
            Err(error) => return Err(Failure::of_login(error)),
        }
    }
}
