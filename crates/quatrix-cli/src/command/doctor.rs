//! `quatrix doctor`

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use quatrix_ureq::proto::Credentials;
use serde_json::json;

use crate::challenge::{Answers, Given};
use crate::failure::Failure;
use crate::identity::{Identity, credentials};
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
        let kept = if settings.server.is_none() { settings.store()?.load()? } else { None };
        let server = match kept {
            Some(saved) => saved.server().clone(),
            None => settings.named_server()?,
        };
        let wire = Wire::new(settings, server)?;
        let mut findings = Findings::default();
        let seen = place::look(settings, &wire, &mut findings).and_then(|()| self.ask(settings, &wire, &mut findings));
        wire.count(&mut findings);
        findings.complete();
        self.tell(settings, &findings)?;
        seen
    }

    /// As whoever can be had.
    fn ask(&self, settings: &Settings, wire: &Wire, findings: &mut Findings) -> Result<(), Failure> {
        match Identity::settle(settings)? {
            Identity::Key(key) => self.look_around(wire, &Speaker::Key(key), None, findings),
            Identity::Token(token) => self.look_around(wire, &Speaker::Session(token), None, findings),
            Identity::Kept => match settings.kept_session() {
                Ok(saved) => self.look_around(wire, &Speaker::Session(saved.token().clone()), None, findings),
                Err(_) => Ok(()),
            },
            Identity::Password(password) => {
                let user = settings.user.as_deref().ok_or_else(|| Failure::usage("who logs in? Give --user"))?;
                let credentials = credentials(user, password)?;
                let given = Given::clone(&self.given);
                let mut answers = Answers::new(settings, given, Prompt::new(settings.no_input))?;
                let Some(id) = login::walk(wire, &credentials, &mut answers, findings)? else { return Ok(()) };
                let speaker = Speaker::Session(id);
                let looked = self.look_around(wire, &speaker, Some(&credentials), findings);
                login::leave(wire, &speaker)?;
                looked
            }
        }
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
