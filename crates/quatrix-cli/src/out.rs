//! Standard output, for data and nothing else; and standard error, for the rest.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal as _, StdoutLock, Write as _};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::failure::Failure;
use crate::show::{Shown, ShownJson};

/// Writes this. Whoever closes the pipe early has seen enough; that is no failure.
pub(crate) fn write(bytes: &[u8]) -> Result<(), Failure> {
    stream(|stdout| stdout.write_all(bytes))
}

/// A text and a line feed, written as it is made: it may be long.
pub(crate) fn show(text: impl fmt::Display) -> Result<(), Failure> {
    stream(|stdout| {
        let mut stdout = BufWriter::new(stdout);
        writeln!(stdout, "{text}")?;
        stdout.flush()
    })
}

fn stream(write: impl FnOnce(&mut StdoutLock<'static>) -> io::Result<()>) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match write(&mut stdout).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::file(Path::new("standard output"), &error))
        }
        _ => Ok(()),
    }
}

/// A line.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    write(format!("{text}\n").as_bytes())
}

/// A line of JSON.
pub(crate) fn json_line(value: &serde_json::Value) -> Result<(), Failure> {
    line(&ShownJson(value).to_string())
}

/// A line of JSON for programs, or the text for people.
pub(crate) fn report(json: bool, value: &serde_json::Value, text: &str) -> Result<(), Failure> {
    match json {
        true => json_line(value),
        false => line(text),
    }
}

/// Whether somebody looks at it.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether programs read along.
static JSON: AtomicBool = AtomicBool::new(false);

/// From now on notes are JSON.
pub(crate) fn notes_are_json() {
    JSON.store(true, Ordering::Relaxed);
}

/// A line on standard error of something that is no failure.
pub(crate) fn note(text: &str) {
    note_as(text, &json!({ "note": text }));
}

/// The same; programs get this value.
pub(crate) fn note_as(text: &str, value: &serde_json::Value) {
    match JSON.load(Ordering::Relaxed) {
        true => say(&format!("{}\n", ShownJson(value))),
        false => say(&format!("quatrix: {}\n", Shown(text))),
    }
}

/// Writes to standard error. Nowhere is left to say that it cannot be written to.
pub(crate) fn say(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
