//! `quatrix keepalive`

use quatrix_ureq::Client;
use serde_json::json;

use crate::failure::Failure;
use crate::identity::{By, Purpose};
use crate::interrupt::at_interrupt;
use crate::kept::Kept;
use crate::out;
use crate::settings::Settings;

/// Keep the session alive.
///
/// The server ends a session 15 minutes after its last call. One keepalive is one
/// call; with --watch the command stays and sends one whenever the session has
/// been idle for ten minutes, until the session ends (exit code 4) or Ctrl-C. An
/// API key needs none of this.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Keepalive {
    /// Stay, and keep it alive until it ends or Ctrl-C
    #[arg(long)]
    watch: bool,
}

impl Keepalive {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let identity = settings.identity(Purpose::ExistingSession)?;
        match &identity.by {
            By::Key { .. } => no_need(settings),
            By::Token { .. } => settings.with_identity(&identity, |client| self.keep_alive(settings, client)),
            By::Password { .. } | By::Kept => match settings.kept_by(&identity)? {
                Kept::Key(_) => no_need(settings),
                kept @ Kept::Session(_) => self.keep_alive(settings, &settings.resume(kept)?),
            },
            By::Nothing(_) => Err(identity.failure()),
        }
    }

    fn keep_alive(&self, settings: &Settings, client: &Client) -> Result<(), Failure> {
        client.keepalive()?;
        out::report(settings.json, &json!({ "state": "active" }), "The session lives for another 15 minutes.")?;
        if !self.watch {
            return Ok(());
        }
        let _ends_with_130 = at_interrupt(|| ());
        match client.run_keepalive()? {}
    }
}

fn no_need(settings: &Settings) -> Result<(), Failure> {
    out::report(
        settings.json,
        &json!({ "state": "api_key" }),
        "No keepalive is needed: there is an API key, which does not run out.",
    )
}
