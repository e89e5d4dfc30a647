//! With somebody who is logged in: what can be seen without changing anything.

use std::collections::BTreeSet;

use quatrix_ureq::proto::SessionId;
use quatrix_ureq::proto::api::{GetHome, GetProfile};
use serde_json::Value;

use super::finding::Findings;
use super::wire::{Speaker, Wire};
use crate::exit::Exit;
use crate::failure::Failure;

pub(super) fn look(wire: &Wire, speaker: &Speaker, findings: &mut Findings) -> Result<(), Failure> {
    let profile = wire.ask(&GetProfile, speaker)?;
    if !profile.is_success() {
        return Err(Failure::new(Exit::Login, format!("whoever speaks is not let in: {}", profile.refusal())));
    }
    note_nulls("nulls", "fields of a profile that are null", &profile.json(), findings);

    let nobody = SessionId::new("00000000-0000-4000-8000-000000000000");
    let nobody = nobody.map_err(|invalid| Failure::new(Exit::Other, invalid.to_string()))?;
    let gone = wire.ask(&GetProfile, &Speaker::Session(nobody))?;
    findings.note("Q9", "a session that does not exist", gone.refusal());

    let home = wire.ask(&GetHome::new().with_content(), speaker)?;
    if profile.json()["is_contact"] == true {
        findings.note("Q9", "a call without the right to it", home.refusal());
        return Ok(());
    }
    note_nulls("nulls", "fields of a listing that are null", &home.json(), findings);
    Ok(())
}

/// Names of fields only: values are the user's.
fn note_nulls(id: &'static str, question: &'static str, json: &Value, findings: &mut Findings) {
    let mut names = BTreeSet::new();
    collect(json, &mut names);
    let names: Vec<_> = names.into_iter().take(20).collect();
    findings.note(id, question, if names.is_empty() { "none".to_owned() } else { names.join(", ") });
}

fn collect(json: &Value, names: &mut BTreeSet<String>) {
    match json {
        Value::Object(fields) => {
            for (name, value) in fields {
                if value.is_null() {
                    names.insert(name.chars().filter(char::is_ascii_graphic).take(40).collect());
                }
                collect(value, names);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, names)),
        _ => {}
    }
}
