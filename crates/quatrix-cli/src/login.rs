//! What a login takes, for every command that logs in.

use quatrix_ureq::Client;
use quatrix_ureq::proto::api::{AccountMetadata, GetAccountMetadata};
use quatrix_ureq::proto::{CallOptions, Error, Login as Step, Saved, Server, Stage};
use serde_json::json;

use crate::challenge::{self, Answers};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::kept::Kept;
use crate::out;
use crate::settings::Settings;
use crate::show::Shown;
use crate::store::Locked;

/// Asks the server what account it is, before a password or key leaves.
pub(crate) fn check_account(client: &Client, options: CallOptions) -> Result<(), Failure> {
    let server = client.config().server();
    let account = client.call_with(&GetAccountMetadata, options).map_err(|error| match &error {
        Error::Api(refusal)
            if matches!(Exit::of(&error), Exit::NotFound | Exit::Other | Exit::Login | Exit::Forbidden) =>
        {
            no_account(server, &refusal.to_string())
        }
        _ => Failure::from(error),
    })?;
    check_metadata(server, &account)
}

/// Checks what a server says about its account.
pub(crate) fn check_metadata(server: &Server, account: &AccountMetadata) -> Result<(), Failure> {
    if account.status.is_empty() {
        return Err(no_account(server, "it names no status"));
    }
    match account.is_suspended() {
        true => Err(Failure::new(Exit::Login, format!("the account at {server} is suspended"))
            .because("The password was not sent. Ask the administrator of the account.")),
        false => Ok(()),
    }
}

/// The server is another service.
pub(crate) fn no_account(server: &Server, why: &str) -> Failure {
    Failure::new(Exit::InvalidResponse, format!("{server} is not a Quatrix account: {why}"))
        .because("The password was not sent. Is the name right?")
}

/// From the first step to a session that is kept.
///
/// An unfinished login is kept at every step, so that another process can go on. If there is a session or key to lose, it
/// is kept until the new one is there or only waits for an answer.
pub(crate) fn finish(
    settings: &Settings,
    locked: &Locked<'_>,
    client: &Client,
    step: Step,
    mut answers: Answers,
) -> Result<(), Failure> {
    let before = locked.load()?.filter(|kept| kept.challenge().is_none());
    let to_lose = before.is_some();
    let keep = |saved: Saved| {
        locked.save(&Kept::Session(saved)).inspect_err(|_| {
            // A session that no command would find again.
            let _ = client.logout();
        })
    };
    let result = answers.give(client, step, || match client.save() {
        Some(saved) if !to_lose || saved.stage() == Stage::Active => keep(saved),
        _ => Ok(()),
    });
    let user = client.user().unwrap_or_default();
    let server = client.config().server();
    let failure = match result {
        Ok(()) => {
            end_replaced(settings, before, client.save().as_ref());
            let json =
                json!({ "state": "active", "server": server.to_string(), "user": user, "profile": settings.profile });
            return out::report(settings.json, &json, &format!("Logged in to {server} as {}.", Shown(&user)));
        }
        Err(failure) => failure,
    };
    let Some(saved) = client.save() else { return Err(failure) };
    let Stage::Challenged(challenge) = saved.stage() else { return Err(failure) };
    if failure.exit() == Exit::Challenge {
        if to_lose {
            keep(saved.clone())?;
            end_replaced(settings, before, Some(&saved));
        }
        out::json_line(&challenge::json(&challenge, server, &user))?;
        return Err(failure);
    }
    match to_lose {
        true => {
            let _ = client.logout();
            Err(failure.given_up())
        }
        false => Err(failure),
    }
}

/// Ends the session that a login has replaced, if its server can be reached: no command would use it again.
pub(crate) fn end_replaced(settings: &Settings, replaced: Option<Kept>, new: Option<&Saved>) {
    let Some(Kept::Session(old)) = replaced else { return };
    if new.is_some_and(|new| new.token().expose() == old.token().expose()) {
        return;
    }
    let user = Shown(old.user()).to_string();
    let place = format!("{} as {user}", old.server());
    let end = || {
        let client = settings.builder(old.server().clone())?.build()?;
        client.resume(old, None)?;
        Ok::<_, Failure>(client.logout()?.confirmed)
    };
    let is_ended = end().unwrap_or(false);
    if settings.verbose > 0 {
        out::note(&match is_ended {
            true => format!("ended the session that was kept before, at {place}"),
            false => {
                format!("the session that was kept before, at {place}, ends by itself: its server could not be told")
            }
        });
    }
}

/// Host and port of a server, for questions.
pub(crate) fn authority(server: &Server) -> String {
    let address = server.to_string();
    let rest = address.split_once("://").map_or(&*address, |(_, rest)| rest);
    rest.split('/').next().unwrap_or_default().to_owned()
}
