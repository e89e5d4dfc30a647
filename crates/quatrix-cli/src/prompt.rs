//! Questions at the terminal.
//!
//! They go to the terminal itself, so that standard input and output stay free for data. Nothing is asked unless standard
//! error is a terminal: a program that runs this one in the background is not made to wait. Secrets are read by
//! `rpassword`, on Unix and on Windows.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::thread;
use std::time::Duration;

use crate::exit::Exit;
use crate::failure::Failure;

/// The terminal of this process, whatever its standard streams are.
const INPUT: &str = if cfg!(windows) { "CONIN$" } else { "/dev/tty" };
const OUTPUT: &str = if cfg!(windows) { "CONOUT$" } else { "/dev/tty" };

/// A user at a terminal.
#[derive(Clone, Copy)]
pub(crate) struct Prompt(());

impl Prompt {
    /// `None` without a terminal, or where the user does not want to be asked.
    pub(crate) fn new(no_input: bool) -> Option<Self> {
        let can_ask = !no_input && io::stderr().is_terminal() && input().is_ok() && output().is_ok();
        can_ask.then_some(Self(()))
    }

    /// Writes a text without asking.
    pub(crate) fn say(self, text: &str) -> Result<(), Failure> {
        write(&format!("{text}\n"))
    }

    /// Asks for something that may be seen.
    pub(crate) fn line(self, question: &str) -> Result<String, Failure> {
        write(question)?;
        let mut terminal = input().map_err(lost)?;
        let mut line = Vec::new();
        let mut byte = [0];
        // One byte at a time: what comes after the line belongs to the next question.
        loop {
            match terminal.read(&mut byte) {
                Ok(0) => break,
                Ok(_) if byte == *b"\n" => break,
                Ok(_) => line.push(byte[0]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(lost(error)),
            }
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        given(String::from_utf8(line).map_err(|_| Failure::usage("the input is not UTF-8"))?)
    }

    /// Asks for a secret: what is typed is not shown.
    pub(crate) fn secret(self, question: &str) -> Result<String, Failure> {
        let _silence = silence::Silence::new().map_err(lost)?;
        match rpassword::prompt_password(question) {
            Ok(secret) => given(secret),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                write("\n")?;
                given(String::new())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                // The handler of the interrupt, on its thread, ends the process.
                thread::sleep(Duration::from_secs(1));
                Err(Failure::new(Exit::Interrupted, "interrupted"))
            }
            Err(error) => Err(lost(error)),
        }
    }
}

fn input() -> io::Result<File> {
    File::open(INPUT)
}

fn output() -> io::Result<File> {
    OpenOptions::new().write(true).open(OUTPUT)
}

fn write(text: &str) -> Result<(), Failure> {
    output().and_then(|mut terminal| terminal.write_all(text.as_bytes())).map_err(lost)
}

fn given(answer: String) -> Result<String, Failure> {
    match answer.is_empty() {
        true => Err(Failure::new(Exit::Cancelled, "cancelled: no input")),
        false => Ok(answer),
    }
}

fn lost(error: io::Error) -> Failure {
    Failure::new(Exit::Cancelled, format!("the terminal is gone: {error}"))
}

/// Turns the echo off before a question is shown, and on again if the process is interrupted meanwhile: `rpassword` turns
/// it off after the question, when an answer may have been typed already, and on again only when it returns.
#[cfg(unix)]
mod silence {
    use std::fs::File;
    use std::io;

    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    use crate::interrupt::{AtInterrupt, at_interrupt};

    pub(super) struct Silence {
        terminal: File,
        usual: Termios,
        _at_interrupt: AtInterrupt,
    }

    impl Silence {
        pub(super) fn new() -> io::Result<Self> {
            let terminal = super::input()?;
            let usual = tcgetattr(&terminal)?;
            let (again, usual_again) = (terminal.try_clone()?, usual.clone());
            let at_interrupt = at_interrupt(move || restore(&again, &usual_again));
            let mut silent = usual.clone();
            silent.local_modes -= LocalModes::ECHO;
            // What was typed before the question belongs to something else.
            tcsetattr(&terminal, OptionalActions::Flush, &silent)?;
            Ok(Self { terminal, usual, _at_interrupt: at_interrupt })
        }
    }

    impl Drop for Silence {
        fn drop(&mut self) {
            restore(&self.terminal, &self.usual);
        }
    }

    /// If that fails there is no terminal left to report it to.
    fn restore(terminal: &File, usual: &Termios) {
        let _ = tcsetattr(terminal, OptionalActions::Now, usual);
    }
}

/// `rpassword` restores the console when it returns; an interrupt only has to end the process with its exit code.
#[cfg(not(unix))]
mod silence {
    use std::io;

    use crate::interrupt::{AtInterrupt, at_interrupt};

    pub(super) struct Silence(#[expect(dead_code, reason = "kept until it is dropped")] AtInterrupt);

    impl Silence {
        pub(super) fn new() -> io::Result<Self> {
            Ok(Self(at_interrupt(|| ())))
        }
    }
}
