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
        let Self { id, question, observed, setting } = self;
        write!(f, "{id:<8} {question:<41} {observed}")?;
        match setting {
            Some(setting) => write!(f, "\n{:<8} {:<41} set: {setting}", "", ""),
            None => Ok(()),
        }
    }
}
