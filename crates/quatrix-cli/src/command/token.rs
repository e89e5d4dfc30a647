//! `quatrix token`

use quatrix_ureq::proto::{SessionId, Stage};
use serde_json::json;

use crate::connect::unfinished;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::identity::{By, Purpose, no_server};
use crate::kept::Kept;
use crate::out;
use crate::settings::Settings;
use crate::show::Quoted;

/// Print the token of the session.
///
/// Whoever has the token is logged in: mind where it goes. Other programs send it
/// as `X-Auth-Token`; this one takes it from QUATRIX_SESSION. With user and
/// password in the environment it logs in for the purpose, and does not log out:
///
///   eval "$(quatrix token --export)"   # QUATRIX_SESSION and QUATRIX_BASE_URL
///   quatrix logout                     # ends that session
///
/// --export is for POSIX shells (sh, bash, zsh ..). Others, such as fish, csh and
/// PowerShell, set QUATRIX_SESSION themselves, to what `quatrix token` prints.
///
/// The server is not asked, unless --user names whose QUATRIX_SESSION must be: the
/// session may have ended.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Token {
    /// Print commands for a POSIX shell that hand the session to the commands that follow
    #[arg(long)]
    export: bool,
}

impl Token {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let identity = settings.identity(Purpose::Work)?;
        let (server, token) = match &identity.by {
            By::Key { .. } => return Err(no_session()),
            By::Token { token, user } => {
                if user.is_some() {
                    // It is checked to be theirs.
                    settings.with_identity(&identity, |_| Ok(()))?;
                }
                (identity.server.clone().ok_or_else(no_server)?, settings.token(token)?)
            }
            By::Kept => match settings.kept_by(&identity)? {
                Kept::Key(_) => return Err(no_session()),
                Kept::Session(saved) => match saved.stage() {
                    Stage::Challenged(challenge) => return Err(unfinished(&challenge)),
                    Stage::Active => (saved.server().clone(), saved.token().clone()),
                },
            },
            By::Password { password, user } => {
                let client = settings.log_in_for_now(&identity, password, user.as_ref())?;
                let saved = client.save().ok_or_else(|| Failure::new(Exit::Login, "the session has ended"))?;
                (client.config().server().clone(), saved.token().clone())
            }
            By::Nothing(_) => return Err(identity.failure()),
        };
        self.print(settings, &server.to_string(), &token)
    }

    fn print(&self, settings: &Settings, server: &str, token: &SessionId) -> Result<(), Failure> {
        let token = token.expose();
        let text = match self.export {
            true => format!(
                "unset QUATRIX_HOST\nexport QUATRIX_BASE_URL={}\nexport QUATRIX_SESSION={}",
                Quoted(server),
                Quoted(token)
            ),
            false => token.to_owned(),
        };
        out::report(settings.json, &json!({ "server": server, "token": token }), &text)
    }
}

fn no_session() -> Failure {
    Failure::usage("an API key is in use: there is no session, and so no token")
        .because("Other programs send the key as `Authorization: Bearer KEY`.")
}
