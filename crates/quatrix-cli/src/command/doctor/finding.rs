//! What was seen, without whose account it was.

use std::fmt;

use serde_json::{Value, json};

/// One question and what this server has to say to it.
pub(super) struct Finding {
    /// The number of an open question, or a word.
    id: &'static str,
    question: &'static str,
    observed: String,
    /// The setting that follows, where it is not the default.
    setting: Option<&'static str>,
}

/// The open questions, and what it takes to see something of each.
const QUESTIONS: [(&str, &str, &str); 16] = [
    ("Q1", "the Mfa-Code of the login", SECOND_FACTOR),
    ("Q2", "how the code is written", SECOND_FACTOR),
    ("Q3", "whether the code lies flat in the body", SECOND_FACTOR),
    ("Q4", "the session id after the second factor", SECOND_FACTOR),
    ("Q5", "where the session id is", "needs a login: --user and --password-file"),
    ("Q6", "how a captcha is announced", CAPTCHA),
    ("Q7", "how a captcha is sent", "it did not come to that"),
    ("Q8", "whether a right captcha logs in", CAPTCHA),
    ("Q9", "a session that does not exist", "needs somebody who is logged in, or a key"),
    ("Q10", "whether a transfer keeps a session", "needs --write, --wait and a password alone"),
    ("Q11", "a keepalive of an unfinished login", SECOND_FACTOR),
    ("Q12", "what a chunk needs besides its key", WRITE),
    ("Q13", "from when on an upload key lives", "needs --write and --wait"),
    ("Q14", "the size of a folder", WRITE),
    ("Q15", "deleting exactly ten at once", WRITE),
    ("Q16", "a limit to the number of calls", "it did not come to that"),
];
const SECOND_FACTOR: &str = "needs a login with a second factor";
const CAPTCHA: &str = "needs a login when a captcha is due";
const WRITE: &str = "needs --write FOLDER";

#[derive(Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    /// Something that is as the default settings expect it, or that no setting depends on.
    pub(super) fn note(&mut self, id: &'static str, question: &'static str, observed: impl Into<String>) {
        self.0.push(Finding { id, question, observed: observed.into(), setting: None });
    }

    /// Something that a setting follows from.
    pub(super) fn differs(
        &mut self,
        id: &'static str,
        question: &'static str,
        observed: impl Into<String>,
        setting: &'static str,
    ) {
        self.0.push(Finding { id, question, observed: observed.into(), setting: Some(setting) });
    }

    /// Adds the questions that nothing was seen of, and what it takes to see it.
    pub(super) fn complete(&mut self) {
        let seen = |id| self.0.iter().any(|finding| finding.id == id);
        let rest = QUESTIONS.iter().filter(|(id, ..)| !seen(*id));
        let rest: Vec<_> =
            rest.map(|(id, question, needs)| (*id, *question, format!("not looked at: {needs}"))).collect();
        for (id, question, why) in rest {
            self.note(id, question, why);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Finding> {
        self.0.iter()
    }
}

impl Finding {
    pub(super) fn json(&self) -> Value {
        json!({ "id": self.id, "question": self.question, "observed": self.observed, "setting": self.setting })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const WIDTH: usize = 80;
        const INDENT: usize = 9;

        let Self { id, question, observed, setting } = self;
        let line = format!("{id:<8} {question:<41} {observed}");
        match line.chars().count() <= WIDTH {
            true => f.write_str(&line)?,
            false => write!(f, "{id:<8} {question}\n{:INDENT$}{observed}", "")?,
        }
        match setting {
            Some(setting) => write!(f, "\n{:INDENT$}set: {setting}", ""),
            None => Ok(()),
        }
    }
}
