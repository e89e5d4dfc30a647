//! `quatrix status`

use quatrix_ureq::proto::Challenge;
use quatrix_ureq::proto::api::GetProfile;
use serde_json::json;

use crate::challenge;
use crate::exit::Exit;
use crate::failure::{Failure, answer_command};
use crate::identity::{By, Purpose};
use crate::kept::Kept;
use crate::out;
use crate::settings::Settings;
use crate::show::Shown;

/// Show who is logged in, and where.
///
/// The server is asked, so the answer is true at this moment, and the session
/// lives for another 15 minutes. The exit code is 0 if there is a session, 4 if
/// there is none or it has ended, 5 if a challenge waits for its answer.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Status {}

impl Status {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let identity = settings.identity(Purpose::Work)?;
        let by = match &identity.by {
            By::Key { .. } => "an API key",
            By::Token { .. } => "the session in QUATRIX_SESSION",
            By::Password { .. } => "a password, for this command only",
            By::Kept => match settings.kept_by(&identity)? {
                Kept::Key(_) => "the kept API key",
                kept @ Kept::Session(_) => match kept.challenge() {
                    Some(asked) => return unfinished(settings, kept, &asked),
                    None => "the kept session",
                },
            },
            By::Nothing(_) => return Err(identity.failure()),
        };
        let (profile, server) = settings.with_identity(&identity, |client| {
            Ok((client.call_with(&GetProfile, settings.call_options())?, client.config().server().to_string()))
        })?;
        let json = json!({
            "state": "active",
            "server": server,
            "user": profile.email,
            "name": profile.name,
            "contact": profile.is_contact,
            "by": by,
            "source": identity.by.setting().map(|setting| &setting.name),
            "profile": settings.profile,
        });
        let mut who = profile.email.clone();
        if !profile.name.is_empty() && profile.name != profile.email {
            who.push_str(&format!(" ({})", profile.name));
        }
        let source = identity.by.setting().filter(|setting| !by.contains(&setting.name));
        let source = source.map_or_else(String::new, |setting| format!(" ({})", setting.name));
        let mut text = format!("Logged in to {server} as {}, with {by}{source}.", Shown(&who));
        if profile.is_contact == Some(true) {
            text.push_str("\nThis is a contact: it has no files of its own.");
        }
        out::report(settings.json, &json, &text)
    }
}

fn unfinished(settings: &Settings, kept: &Kept, asked: &Challenge) -> Result<(), Failure> {
    let text = format!("Logging in to {} as {}: not finished.", kept.server(), Shown(kept.user()));
    out::report(settings.json, &challenge::json(asked, kept.server(), kept.user()), &text)?;
    Err(Failure::new(Exit::Challenge, format!("the server wants {asked}")).next(answer_command(asked)))
}
