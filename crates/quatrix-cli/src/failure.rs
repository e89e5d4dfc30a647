//! How a command fails: what happened, what it means, what to type next.

use std::borrow::Cow;
use std::error::Error as _;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use quatrix_local::{NotPrivate, NotPrivateReason};
use quatrix_ureq::proto::{ApiError, Challenge, Error, ErrorCode, LoggedOut, TransferError, TransportErrorKind};
use serde::Serialize;
use serde_json::json;

use crate::exit::Exit;
use crate::show::{Quoted, Shown, ShownJson};

/// The end of a command that did not do what it was asked for.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    what: String,
    meaning: Option<Cow<'static, str>>,
    next: Option<Cow<'static, str>>,
    facts: Facts,
    /// What a file or stream of this machine has failed with.
    local: Option<io::ErrorKind>,
}

/// What only programs want to know.
#[derive(Debug, Default, Serialize)]
struct Facts {
    status: Option<u16>,
    code: Option<i64>,
    retryable: bool,
    may_have_been_executed: bool,
    retry_after_s: Option<u64>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), meaning: None, next: None, facts: Facts::default(), local: None }
    }

    /// An answer of the server that is no success.
    pub(crate) fn answered(status: u16, code: Option<i64>, what: impl Into<String>) -> Self {
        let facts = Facts { status: Some(status), code, ..Facts::default() };
        Self { facts, ..Self::new(Exit::of_answer(status, code.map(ErrorCode)), what) }
    }

    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// A file or folder of this machine.
    pub(crate) fn file(path: &Path, error: &io::Error) -> Self {
        Self::new(Exit::LocalFile, format!("{}: {error}", path.display()))
    }

    /// What a login with a password has ended with.
    pub(crate) fn of_login(error: Error) -> Self {
        match &error {
            Error::Api(refusal) if refusal.status().as_u16() == 401 => {
                Self { next: None, ..Self::from(error).because("The address or the password is wrong.") }
            }
            _ => error.into(),
        }
    }

    /// A failed login before a command: the command's own request has not left.
    pub(crate) fn of_login_before_a_command(error: Error) -> Self {
        if !error.may_have_been_executed() {
            return Self::of_login(error);
        }
        let (meaning, _) = explain_kind(&error);
        let mut failure = Self { meaning, ..Self::of_login(error) };
        failure.facts.may_have_been_executed = false;
        failure
    }

    /// The same with an API key, which no login replaces. `source` is where the key comes from.
    pub(crate) fn of_key(self, source: &str) -> Self {
        match self.suggests_login() {
            true => Self { next: None, ..self.because(format!("The API key ({source}) is wrong or switched off.")) },
            false => self,
        }
    }

    /// The same with a token of the environment, which comes before whatever a login keeps.
    pub(crate) fn of_token(self, variable: &str) -> Self {
        match self.suggests_login() {
            true => self
                .because(format!("The session in {variable} has ended or is not valid."))
                .next(format!("unset {variable}")),
            false => self,
        }
    }

    /// The same for a second factor, which another login without a prompt would not mend.
    pub(crate) fn of_code(self, meaning: String) -> Self {
        match self.suggests_login() {
            true => Self { next: None, ..self.because(meaning) },
            false => self,
        }
    }

    /// Whether the server refused the session or key. An error about its owner is none about its validity.
    fn suggests_login(&self) -> bool {
        self.exit == Exit::Login && self.next.as_deref() == Some("quatrix login")
    }

    /// A login that was refused, and changes nothing here.
    pub(crate) fn still_kept(self) -> Self {
        let meaning = self.meaning.as_deref().map_or_else(String::new, |meaning| format!("{meaning} "));
        self.because(meaning + "What was kept before is still kept.")
    }

    /// A login that was given up, because what was kept before it is worth more.
    pub(crate) fn given_up(self) -> Self {
        Self { next: None, ..self.because("The login was given up; what was kept before is still kept.") }
    }

    /// Says what it means, in a sentence.
    #[must_use]
    pub(crate) fn because(mut self, meaning: impl Into<Cow<'static, str>>) -> Self {
        self.meaning = Some(meaning.into());
        self
    }

    /// Says what to type next.
    #[must_use]
    pub(crate) fn next(mut self, command: impl Into<Cow<'static, str>>) -> Self {
        self.next = Some(command.into());
        self
    }

    /// What happened, alone.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// What a file or stream of this machine has failed with, if it was that.
    pub(crate) fn local(&self) -> Option<io::ErrorKind> {
        self.local
    }

    /// Says which file or stream it was.
    pub(crate) fn at(self, place: &str) -> Self {
        Self { what: format!("{place}: {}", self.what), ..self }
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// For people: two or three lines. A next command is given the profile that it has to name.
    pub(crate) fn text(&self, profile: &str) -> String {
        let mut text = format!("quatrix: {}\n", Shown(&self.what));
        if let Some(meaning) = &self.meaning {
            let _ = writeln!(text, "  {}", Shown(meaning));
        }
        if let Some(next) = self.next_in(profile) {
            let _ = writeln!(text, "  Next: {}", Shown(&next));
        }
        text
    }

    /// For programs: one line of JSON.
    pub(crate) fn json(&self, profile: &str) -> String {
        let error = Json {
            exit: self.exit as u8,
            name: self.exit.name(),
            message: &self.what,
            meaning: self.meaning.as_deref(),
            next: self.next_in(profile),
            facts: &self.facts,
        };
        format!("{}\n", ShownJson(&json!({ "error": error })))
    }

    fn next_in(&self, profile: &str) -> Option<String> {
        let next = self.next.as_ref()?;
        let named = next.starts_with("quatrix ") && profile != crate::profile::DEFAULT_PROFILE;
        Some(if named { format!("{next} --profile {profile}") } else { next.to_string() })
    }
}

#[derive(Serialize)]
struct Json<'a> {
    exit: u8,
    name: &'static str,
    message: &'a str,
    meaning: Option<&'a str>,
    next: Option<String>,
    #[serde(flatten)]
    facts: &'a Facts,
}

/// What is wrong, and what mends it; where that differs from file to file, the caller adds it.
impl From<NotPrivate> for Failure {
    fn from(found: NotPrivate) -> Self {
        let failure = Self::new(Exit::LocalFile, found.to_string());
        match found.reason {
            NotPrivateReason::Io(_) => failure,
            NotPrivateReason::NotAFile => failure.because("Links and pipes are not used here: name the file itself."),
            NotPrivateReason::OtherOwner => failure.because("Only what belongs to the user who runs quatrix is used."),
            NotPrivateReason::Linked => {
                failure.because("It can be read or replaced by its other name: remove it, and create it again.")
            }
            NotPrivateReason::Shared(_) => failure.next(format!("chmod 600 {}", Quoted(&found.path))),
            NotPrivateReason::SharedFolder(_) => failure
                .because("Another user could replace the files in it.")
                .next(format!("chmod go-w {}", Quoted(&found.path))),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let mut what = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let _ = write!(what, ": {cause}");
            source = cause.source();
        }
        what += match &error {
            Error::Transfer(TransferError::EmptySource) => " (--delete-all deletes all the same)",
            Error::Transfer(TransferError::TooManyDeletions { .. }) => " (--max-delete)",
            _ => "",
        };
        // Whoever runs the command knows which machine is meant.
        if let Some(here) = what.strip_prefix("a local error: ") {
            what = here.to_owned();
        }
        let (meaning, next) = explain(&error);
        let facts = Facts {
            status: error.status().map(|status| status.as_u16()),
            code: error.code().map(|code| code.0),
            retryable: error.retryable(),
            may_have_been_executed: error.may_have_been_executed(),
            retry_after_s: error.retry_after().map(|wait| wait.as_secs()),
        };
        let local = match &error {
            Error::Transport(failure) if failure.kind() == TransportErrorKind::Local => {
                failure.source().and_then(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind)
            }
            _ => None,
        };
        Self { exit: Exit::of(&error), what, meaning, next: next.map(Cow::from), facts, local }
    }
}

/// What to type for an answer to this challenge.
pub(crate) fn answer_command(challenge: &Challenge) -> &'static str {
    match challenge {
        Challenge::Captcha { .. } => "quatrix answer --captcha TOKEN",
        _ => "quatrix answer --code CODE",
    }
}

/// What an error means for somebody at a terminal, and what helps.
fn explain(error: &Error) -> (Option<Cow<'static, str>>, Option<&'static str>) {
    let (meaning, next) = explain_kind(error);
    let unclear = match error {
        Error::AfterAttempt(_) => true,
        Error::Transport(failure) if failure.kind() == TransportErrorKind::Local => false,
        Error::Transport(_) | Error::InvalidResponse(_) => meaning.is_none() && error.may_have_been_executed(),
        _ => false,
    };
    let look = Cow::from("The server may have executed the call: check before you repeat it.");
    (if unclear { Some(look) } else { meaning }, next)
}

fn explain_kind(error: &Error) -> (Option<Cow<'static, str>>, Option<&'static str>) {
    let (meaning, next) = match error {
        Error::Api(error) | Error::LoggedOut(LoggedOut::Refused(error)) => return explain_refusal(error),
        Error::AfterAttempt(error) => return explain_kind(error),
        Error::Challenged(challenge) => ("", Some(answer_command(challenge))),
        Error::LoggedOut(LoggedOut::Failed(error)) => return explain_kind(error),
        Error::LoggedOut(LoggedOut::Expired) => {
            ("The server ends a session 15 minutes after its last call.", Some("quatrix login"))
        }
        Error::LoggedOut(_) => ("", Some("quatrix login")),
        Error::Transport(failure) => {
            let meaning = match failure.kind() {
                TransportErrorKind::Connect => "Is the name right and the network up? Is a proxy needed (--proxy)?",
                TransportErrorKind::Tls => {
                    "Nothing was sent. Behind a proxy that inspects TLS, name its authority with --ca-cert FILE."
                }
                TransportErrorKind::Proxy => {
                    "The proxy comes from --proxy, QUATRIX_PROXY or the usual proxy variables."
                }
                TransportErrorKind::TimedOut => "A slow network may need a longer --timeout.",
                TransportErrorKind::Redirect => "Is this the account's own host? Nothing was sent to the other place.",
                TransportErrorKind::Local => return (None, None),
                _ => "",
            };
            (meaning, None)
        }
        Error::InvalidResponse(_) => {
            ("Something other than Quatrix answers there, or something on the way changed the answer.", None)
        }
        _ => ("", None),
    };
    ((!meaning.is_empty()).then_some(Cow::from(meaning)), next)
}

fn explain_refusal(error: &ApiError) -> (Option<Cow<'static, str>>, Option<&'static str>) {
    if let Some(wait) = error.retry_after() {
        return (Some(format!("The server asks to wait {} seconds.", wait.as_secs()).into()), None);
    }
    let meaning = match (error.status().as_u16(), error.code()) {
        (_, Some(ErrorCode::BLOCKED)) => "This address is blocked for a while, mostly after several wrong passwords.",
        (_, Some(ErrorCode::ACCOUNT_SUSPENDED)) => "The account is suspended: ask its administrator.",
        (500.., _) => "The server failed; a later try may succeed.",
        (403, _) => "Logged in, but without the right to do this.",
        (405, _) => "The path is right, the method is not.",
        _ => {
            return (
                None,
                (Exit::of_answer(error.status().as_u16(), error.code()) == Exit::Login).then_some("quatrix login"),
            );
        }
    };
    (Some(meaning.into()), None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_says_what_happened_what_it_means_and_what_to_type() {
        let failure = Failure::from(Error::from(LoggedOut::Expired));
        assert_eq!(
            failure.text("default"),
            "quatrix: the session has expired\n  The server ends a session 15 minutes after its last call.\n  \
             Next: quatrix login\n"
        );
        assert!(failure.text("work").ends_with("Next: quatrix login --profile work\n"));
    }

    #[test]
    fn nothing_in_a_meaning_or_a_suggestion_reaches_the_terminal_unescaped() {
        let failure = Failure::usage("a\u{9b}").because("b\x1b[2J").next("c\u{202e}");
        assert_eq!(failure.text("default"), "quatrix: a\\u{9b}\n  b\\u{1b}[2J\n  Next: c\\u{202e}\n");
        let json = failure.json("default");
        assert!(
            json.contains(r#""meaning":"b\u001b[2J","message":"a\u009b","name":"usage","next":"c\u202e""#),
            "{json}"
        );
    }

    #[test]
    fn the_cause_is_told_once_and_made_visible() {
        let cause = io::Error::other("canary\x1b[31m");
        let error =
            Error::from(quatrix_ureq::proto::TransportError::unsent(TransportErrorKind::Connect).with_source(cause));
        let text = Failure::from(error).text("default");
        assert!(text.starts_with("quatrix: could not connect: canary\\u{1b}[31m\n"), "{text}");
    }

    #[test]
    fn what_may_have_been_carried_out_says_so_and_what_was_not_sent_does_not() {
        use quatrix_ureq::proto::TransportError as Lost;
        let told = |lost: Lost| Failure::from(Error::from(lost)).text("default").contains("check before you repeat it");
        assert!(told(Lost::maybe_sent(TransportErrorKind::Interrupted)));
        assert!(!told(Lost::unsent(TransportErrorKind::Interrupted)));
    }

    #[test]
    fn the_form_for_programs_has_every_key_every_time() {
        let json: serde_json::Value = serde_json::from_str(&Failure::usage("no").json("default")).unwrap();
        assert_eq!(
            json,
            json!({ "error": {
                "exit": 2, "name": "usage", "message": "no", "meaning": null, "next": null, "status": null,
                "code": null, "retryable": false, "may_have_been_executed": false, "retry_after_s": null,
            }})
        );
    }
}
