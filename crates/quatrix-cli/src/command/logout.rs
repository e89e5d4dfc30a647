//! `quatrix logout`

use quatrix_ureq::Client;
use quatrix_ureq::proto::api::GetProfile;
use serde_json::json;

use crate::connect::check_owner;
use crate::failure::Failure;
use crate::identity::{By, NoCredentials, Purpose};
use crate::kept::Kept;
use crate::out;
use crate::settings::Settings;
use crate::show::Shown;

/// End the session, or forget the API key that is kept.
///
/// The token is forgotten here in any case, and the server is told. If it cannot
/// be reached, the session ends there by itself 15 minutes after its last call.
/// Logging out when nobody is logged in is no error. An API key that is forgotten
/// here stays valid: the profile page of the account switches it off.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Logout {}

impl Logout {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let identity = settings.identity(Purpose::ExistingSession)?;
        match &identity.by {
            By::Key { .. } => out::report(
                settings.json,
                &json!({ "state": "api_key" }),
                "No logout is needed: there is an API key. It is switched off or deleted on the profile page of the account.",
            ),
            By::Token { token, user } => {
                let client = settings.resume_token(&identity, token)?;
                // A session that has ended is no longer anyone's.
                if let Some(user) = user
                    && let Ok(profile) = client.call_with(&GetProfile, settings.call_options())
                {
                    check_owner(&token.name, &profile.email, user)?;
                }
                tell(settings, &client)
            }
            By::Password { .. } | By::Kept | By::Nothing(NoCredentials::NotLoggedIn) => forget(settings),
            By::Nothing(_) => Err(identity.failure()),
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
            tell(settings, &client)
        }
        Some(Kept::Key(kept)) => {
            let (server, user) = (kept.server.to_string(), kept.user);
            let text = format!("The API key of {} at {server} is forgotten here, and stays valid.", Shown(&user));
            out::report(settings.json, &json!({ "state": "logged_out", "server": server, "user": user }), &text)
        }
        None => out::report(settings.json, &json!({ "state": "logged_out" }), "Nobody was logged in."),
    }
}

fn tell(settings: &Settings, client: &Client) -> Result<(), Failure> {
    let server = client.config().server().to_string();
    let confirmed = client.logout()?.confirmed;
    let text = match confirmed {
        true => format!("Logged out of {server}."),
        false => format!("Logged out here. {server} could not be told: the session ends there by itself."),
    };
    out::report(settings.json, &json!({ "state": "logged_out", "server": server, "confirmed": confirmed }), &text)
}
