//! `quatrix logout`

use quatrix_ureq::Client;
use quatrix_ureq::proto::Saved;
use serde_json::json;

use crate::failure::Failure;
use crate::identity::Identity;
use crate::out;
use crate::settings::Settings;

/// End the session.
///
/// The token is forgotten here in any case, and the server is told. If it cannot
/// be reached, the session ends there by itself 15 minutes after its last call.
/// Logging out when nobody is logged in is no error.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Logout {}

impl Logout {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        match Identity::settle_existing(settings)? {
            Identity::Key(_) => out::report(
                settings.json,
                &json!({ "state": "api_key" }),
                "No logout is needed: there is an API key. It is switched off or deleted on the profile page of the account.",
            ),
            Identity::Token(token) => tell(settings, &settings.resume_token(token)?),
            Identity::Password(_) | Identity::Kept => forget(settings),
        }
    }
}

fn forget(settings: &Settings) -> Result<(), Failure> {
    let locked = settings.store()?.lock(settings.patience())?;
    let saved = locked.load()?;
    // Before the server is told: whatever comes of that, nobody goes on with the session here.
    locked.remove()?;
    match saved {
        Some(saved) => tell(settings, &client_of(settings, saved)?),
        None => out::report(settings.json, &json!({ "state": "logged_out" }), "Nobody was logged in."),
    }
}

/// An unfinished login can be ended as well.
fn client_of(settings: &Settings, saved: Saved) -> Result<Client, Failure> {
    let client = settings.builder(saved.server().clone())?.build()?;
    client.resume(saved, None)?;
    Ok(client)
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
