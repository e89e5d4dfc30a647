//! Questions to whoever sits at the terminal.
//!
//! They go to the terminal itself, so that standard input and output stay free for data. Nobody is asked unless standard
//! error is a terminal: a program that runs this one out of sight is not made to wait.

use std::io::{self, IsTerminal as _, Read as _, Write as _};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::terminal::Terminal;

/// Somebody who can be asked.
#[derive(Clone, Copy)]
pub(crate) struct Prompt(());

impl Prompt {
    /// `None` where nobody sits, or wants to be asked.
    pub(crate) fn new(no_input: bool) -> Option<Self> {
        let asked = !no_input && io::stderr().is_terminal() && Terminal::open().is_ok();
        asked.then_some(Self(()))
    }

    /// Says something without asking.
    pub(crate) fn say(self, text: &str) -> Result<(), Failure> {
        Terminal::open().and_then(|mut terminal| terminal.write_all(format!("{text}\n").as_bytes())).map_err(lost)
    }

    /// Asks for something that everybody may see.
    pub(crate) fn line(self, question: &str) -> Result<String, Failure> {
        ask(&mut Terminal::open().map_err(lost)?, question)
    }

    /// Asks for a secret: what is typed is not shown.
    pub(crate) fn secret(self, question: &str) -> Result<String, Failure> {
        let mut terminal = Terminal::open().map_err(lost)?;
        let silence = terminal.silence().map_err(lost)?;
        let answer = ask(&mut terminal, question);
        drop(silence);
        // The line feed that was typed was not shown either.
        terminal.write_all(b"\n").map_err(lost)?;
        answer
    }
}

/// One byte at a time: what comes after the line belongs to the next question.
fn ask(terminal: &mut Terminal, question: &str) -> Result<String, Failure> {
    terminal.write_all(question.as_bytes()).map_err(lost)?;
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        match terminal.read(&mut byte) {
            Ok(0) => break,
            Ok(_) if byte == *b"\n" => break,
            Ok(_) => line.push(byte[0]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(lost(error)),
        }
    }
    match String::from_utf8(line) {
        Ok(line) if line.is_empty() => Err(Failure::new(Exit::Cancelled, "cancelled: no answer was given")),
        Ok(line) => Ok(line),
        Err(_) => Err(Failure::usage("what was typed is not UTF-8")),
    }
}

fn lost(error: io::Error) -> Failure {
    Failure::new(Exit::Cancelled, format!("the terminal is gone: {error}"))
}
