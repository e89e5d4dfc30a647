//! `quatrix logout`

use quatrix_ureq::Client;
use quatrix_ureq::proto::api::GetProfile;
use serde_json::{Value, json};

use crate::connect::check_owner;
use crate::failure::Failure;
use crate::identity::{By, NoCredentials, Purpose};
use crate::kept::Kept;
use crate::out;
use crate::profile::DEFAULT_PROFILE;
use crate::settings::Settings;
use crate::show::Shown;

/// End the session, or forget the API key that is kept.
///
/// The token is forgotten here in any case, and the server is told. If it cannot
/// be reached, the session ends there by itself 15 minutes after its last call.
/// Logging out without a session is no error. An API key that is forgotten
/// here stays valid: the profile page of the account switches it off.
///
/// Where QUATRIX_SESSION can be used, that session is ended and what is kept stays.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Logout {}

impl Logout {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let identity = settings.identity(Purpose::Logout)?;
        match &identity.by {
            By::Token { token, user } => {
                let client = settings.resume_token(&identity, token)?;
                // A session that has ended is no longer anyone's.
                if let Some(user) = user
                    && let Ok(profile) = client.call_with(&GetProfile, settings.call_options())
                {
                    check_owner(&token.name, &profile.email, user)?;
                }
                let (json, text) = end(&client)?;
                out::report(settings.json, &json, &text)
            }
            By::Nothing(reason) if *reason != NoCredentials::NotLoggedIn => Err(identity.failure()),
            _ => forget(settings),
        }
    }
}

fn forget(settings: &Settings) -> Result<(), Failure> {
    let locked = settings.store()?.lock(settings.patience())?;
    let kept = locked.load()?;
    // Another process may have logged in meanwhile, as another user.
    kept.as_ref().map_or(Ok(()), |kept| settings.check_owner(kept.owner()))?;
    // Before the server is told: whatever comes of that, no command here goes on with it.
    locked.remove()?;
    match kept {
        Some(Kept::Session(saved)) => {
            // An unfinished login can be ended as well.
            let client = settings.builder(saved.server().clone())?.build()?;
            client.resume(saved, None)?;
            let (json, text) = end(&client)?;
            report(settings, json, text)
        }
        Some(Kept::Key(kept)) => {
            let (server, user) = (kept.server.to_string(), kept.user);
            let text = format!("The API key of {} at {server} is forgotten here, and stays valid.", Shown(&user));
            report(settings, json!({ "state": "logged_out", "server": server, "user": user }), text)
        }
        None => {
            let text = match settings.profile.as_str() {
                DEFAULT_PROFILE => "Nobody was logged in.".to_owned(),
                profile => format!("Nobody was logged in with the profile {profile}."),
            };
            report(settings, json!({ "state": "logged_out" }), text)
        }
    }
}

/// Ends the session on the server; returns the result for programs and for people.
fn end(client: &Client) -> Result<(Value, String), Failure> {
    let server = client.config().server().to_string();
    let confirmed = client.logout()?.confirmed;
    let text = match confirmed {
        true => format!("Logged out of {server}."),
        false => format!("Logged out here. {server} could not be told: the session ends there by itself."),
    };
    Ok((json!({ "state": "logged_out", "server": server, "confirmed": confirmed }), text))
}

/// Reports what was logged out of, and which credentials the commands that follow use now.
fn report(settings: &Settings, mut json: Value, mut text: String) -> Result<(), Failure> {
    let accounts = settings.accounts.without_options();
    if let Some(first) = accounts.resolve(Purpose::Work, || Ok(None))?.by.setting() {
        text += &format!("\n{} is still set: the commands that follow use it.", first.name);
        json["still_set"] = first.name.as_str().into();
    }
    out::report(settings.json, &json, &text)
}
