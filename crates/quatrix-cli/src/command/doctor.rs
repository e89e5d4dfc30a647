//! `quatrix doctor`

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use quatrix_ureq::proto::Credentials;
use quatrix_ureq::proto::api::GetProfile;
use serde_json::json;

use crate::challenge::{Answers, Given};
use crate::connect::{check_owner, credentials};
use crate::failure::Failure;
use crate::identity::{By, Identity, NoCredentials, Purpose, no_server};
use crate::kept::Kept;
use crate::out;
use crate::prompt::Prompt;
use crate::settings::{self, Settings};
use finding::{Finding, Findings};
use waiting::Waiting;
use wire::{Speaker, Wire};

mod files;
mod finding;
mod login;
mod place;
mod session;
mod waiting;
mod wire;

/// Find out what works from here, and how this server behaves.
///
/// What is written about the Quatrix API leaves questions open, and its sources
/// contradict each other in places. This command asks the server itself, one
/// harmless question after the other, and says what it saw and which setting of
/// the client libraries follows from it.
///
/// Without a login: the name, TLS, the proxy, whether it is a Quatrix account, the
/// clock. With a user and a password (options or environment): a login of its own,
/// step by step, and a logout. With an API key or the kept session: what can be
/// seen without a login. With --write FOLDER, too: uploads and downloads in a
/// scratch folder in there, which is deleted for good in the end.
///
/// The report holds no name, address, id or secret, so that it can be sent to the
/// people who keep this program.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Doctor {
    /// Write what was seen into this file, too, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// Try uploads and downloads in a scratch folder in this one
    #[arg(long, value_name = "FOLDER")]
    write: Option<String>,

    /// With --write: find out, too, what ends by itself; as long as a session lives and a bit more, such as 16m
    #[arg(long, value_name = "TIME", requires = "write", value_parser = time)]
    wait: Option<Duration>,

    #[command(flatten)]
    given: Given,
}

impl Doctor {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let identity = settings.identity(Purpose::Work)?;
        let wire = Wire::new(settings, identity.server.clone().ok_or_else(no_server)?)?;
        let mut findings = Findings::default();
        let seen = place::look(settings, &wire, &mut findings)
            .and_then(|()| self.ask(settings, &identity, &wire, &mut findings));
        wire.count(&mut findings);
        findings.complete();
        self.tell(settings, &findings)?;
        seen
    }

    fn ask(
        &self,
        settings: &Settings,
        identity: &Identity<'_>,
        wire: &Wire,
        findings: &mut Findings,
    ) -> Result<(), Failure> {
        let (speaker, user) = match &identity.by {
            By::Key { key, user } => (Speaker::Key(settings.key(key)?), *user),
            By::Token { token, user } => (Speaker::Session(settings.token(token)?), *user),
            By::Kept => match settings.kept_by(identity)? {
                Kept::Key(kept) => (Speaker::Key(kept.key.clone()), None),
                Kept::Session(saved) => (Speaker::Session(saved.token().clone()), None),
            },
            By::Nothing(NoCredentials::OtherUser { .. }) => return Err(identity.failure()),
            By::Nothing(_) => {
                settings.note_skipped(identity);
                return Ok(());
            }
            By::Password { password, user } => {
                let user = user.as_ref().ok_or_else(|| identity.failure())?;
                let credentials = credentials(user, settings.password(password)?, &password.name)?;
                let given = Given::clone(&self.given);
                let mut answers = Answers::new(settings, given, Prompt::new(settings.no_input))?;
                let Some(id) = login::walk(wire, &credentials, &mut answers, findings)? else { return Ok(()) };
                let speaker = Speaker::Session(id);
                let looked = self.look_around(wire, &speaker, Some(&credentials), findings);
                login::leave(wire, &speaker)?;
                return looked;
            }
        };
        if let Some(user) = user {
            let name = identity.by.setting().map_or("the API key or token", |setting| &setting.name);
            check_owner(name, &wire.get(&GetProfile, &speaker)?.email, user)?;
        }
        self.look_around(wire, &speaker, None, findings)
    }

    fn look_around(
        &self,
        wire: &Wire,
        speaker: &Speaker,
        credentials: Option<&Credentials>,
        findings: &mut Findings,
    ) -> Result<(), Failure> {
        session::look(wire, speaker, findings)?;
        let Some(folder) = &self.write else { return Ok(()) };
        let waiting = match self.wait {
            Some(time) => Some(Waiting::new(time, wire, credentials)?),
            None => None,
        };
        let tried = files::try_out(wire, speaker, folder, waiting.as_ref(), findings);
        waiting.map_or(Ok(()), |waiting| waiting.end(wire))?;
        tried
    }

    fn tell(&self, settings: &Settings, findings: &Findings) -> Result<(), Failure> {
        let json = json!({
            "program": concat!("quatrix-cli ", env!("CARGO_PKG_VERSION")),
            "findings": findings.iter().map(Finding::json).collect::<Vec<_>>(),
        });
        if let Some(path) = &self.report {
            fs::write(path, format!("{json:#}\n")).map_err(|error| Failure::file(path, &error))?;
        }
        if settings.json {
            return out::json_line(&json);
        }
        findings.iter().try_for_each(|finding| out::line(&finding.to_string()))
    }
}

fn time(text: &str) -> Result<Duration, String> {
    settings::time("--wait", text).map_err(|failure| failure.what().to_owned())
}
