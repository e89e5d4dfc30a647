//! `quatrix answer`

use quatrix_ureq::proto::Login as Step;
use serde_json::json;

use crate::challenge::{Answers, Given};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::kept::Kept;
use crate::login::finish;
use crate::out;
use crate::prompt::Prompt;
use crate::settings::Settings;
use crate::show::Shown;

/// Answer the challenge of a login: a code, a PIN, a captcha.
///
/// It goes on with the login that `quatrix login` left unfinished (exit code 5),
/// perhaps in another process: a challenge waits 15 minutes. Each answer is sent
/// once. After a wrong one the challenge still waits, and the exit code is 4.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct AnswerArgs {
    #[command(flatten)]
    given: Given,
}

impl AnswerArgs {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let locked = settings.store()?.lock(settings.patience())?;
        let kept = locked.load()?;
        kept.as_ref().map_or(Ok(()), |kept| settings.check_owner(kept.owner()))?;
        let (saved, challenge) = match kept {
            None => return Err(Failure::new(Exit::Login, "there is no login to answer for").next("quatrix login")),
            Some(kept) => match (kept.challenge(), kept) {
                (Some(challenge), Kept::Session(saved)) => (saved, challenge),
                (_, kept) => return nothing_to_answer(settings, &kept),
            },
        };
        let client = settings.builder(saved.server().clone())?.build()?;
        client.resume(saved, None)?;
        let answers = Answers::new(settings, self.given, Prompt::new(settings.no_input))?;
        finish(settings, &locked, &client, Step::Challenged(challenge), answers)
    }
}

fn nothing_to_answer(settings: &Settings, kept: &Kept) -> Result<(), Failure> {
    let text = format!("Nothing to answer: logged in to {} as {}.", kept.server(), Shown(kept.user()));
    out::report(settings.json, &json!({ "state": "active" }), &text)
}
