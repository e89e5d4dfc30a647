//! What the demo prints: events of the session, one line each, and nothing that it was not told.

use std::env;
use std::sync::{Arc, Mutex, PoisonError};

use quatrix_ureq::proto::{Event, LoggedOut, TransportErrorKind};

use super::client::Observer;
use crate::failure::Failure;
use crate::out;

/// Collects events, and prints them.
pub(super) struct Transcript {
    events: Arc<Mutex<Vec<Event>>>,
    colour: bool,
    steps: usize,
    exchanges: usize,
    sessions: usize,
    refusals: usize,
    healed: usize,
    cuts: usize,
}

/// How a line or a word of it looks.
#[derive(Clone, Copy)]
enum Look {
    Title,
    Good,
    Open,
    Bad,
    Quiet,
}

impl Transcript {
    pub(super) fn new(how: &str) -> Result<Self, Failure> {
        let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || env::var_os("TERM").is_some_and(|terminal| terminal == "dumb");
        let transcript = Self {
            events: Arc::default(),
            colour: out::is_terminal() && !plain,
            steps: 0,
            exchanges: 0,
            sessions: 0,
            refusals: 0,
            healed: 0,
            cuts: 0,
        };
        out::line(&transcript.paint(Look::Title, "The life of a session"))?;
        out::line(&transcript.paint(Look::Quiet, &format!("{how}; the server is an emulator in this very process")))?;
        Ok(transcript)
    }

    /// Takes the events of a client.
    pub(super) fn observer(&self) -> Observer {
        let events = Arc::clone(&self.events);
        Arc::new(move |event| events.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone()))
    }

    /// Heads what comes next.
    pub(super) fn step(&mut self, title: &str) -> Result<(), Failure> {
        self.steps += 1;
        out::line(&format!("\n{}", self.paint(Look::Title, &format!("{} {title}", self.steps))))
    }

    /// Prints what has happened since.
    pub(super) fn tell(&mut self) -> Result<(), Failure> {
        let events = std::mem::take(&mut *self.events.lock().unwrap_or_else(PoisonError::into_inner));
        for (at, event) in events.iter().enumerate() {
            let before = at.checked_sub(1).and_then(|before| events.get(before));
            if let Some(line) = self.line(before, event, events.get(at + 1)) {
                out::line(&line)?;
            }
        }
        Ok(())
    }

    /// Counts up what there was.
    pub(super) fn end(self) -> Result<(), Failure> {
        let Self { exchanges, sessions, refusals, healed, cuts, .. } = self;
        let text = format!(
            "{exchanges} exchanges, {sessions} sessions: {refusals} wrong answers refused, {cuts} cuts and {healed} \
             expiry mended."
        );
        out::line(&format!("\n{}", self.paint(Look::Good, &text)))
    }

    fn line(&mut self, before: Option<&Event>, event: &Event, after: Option<&Event>) -> Option<String> {
        match event {
            Event::Exchanged { method, path, result, .. } => {
                self.exchanges += 1;
                self.cuts += usize::from(result.is_err());
                let (status, look) = match result {
                    Ok(status) if matches!(status.as_u16(), 200 | 201 | 206) => {
                        (status.as_u16().to_string(), Look::Good)
                    }
                    Ok(status) if status.is_success() => (status.as_u16().to_string(), Look::Open),
                    Ok(status) => (status.as_u16().to_string(), Look::Bad),
                    Err(TransportErrorKind::Interrupted) => ("cut".to_owned(), Look::Bad),
                    Err(kind) => (format!("{kind:?}"), Look::Bad),
                };
                let status = self.paint(look, &status);
                let made = made_of(before, event, after);
                Some(format!("  {:<4} {path:<30} {status}  {made}", method.as_str()).trim_end().to_owned())
            }
            Event::LoggedIn { again, .. } => {
                self.sessions += 1;
                self.healed += usize::from(*again);
                let text = if *again { "logged in again" } else { "logged in" };
                Some(self.paint(Look::Good, &format!("  ● {text}")))
            }
            Event::Challenged(challenge) => {
                let mut text = format!("  ◐ asked for {challenge}");
                if challenge.refused() > 0 {
                    self.refusals += 1;
                    text.push_str(" again");
                }
                Some(self.paint(Look::Open, &text))
            }
            Event::LoggedOut(why) => {
                self.refusals += usize::from(matches!(why, LoggedOut::Refused(_)));
                let look = if matches!(why, LoggedOut::ByUser) { Look::Title } else { Look::Bad };
                Some(self.paint(look, &format!("  ○ {why}")))
            }
            // It is told beside the exchange that it announces.
            _ => None,
        }
    }

    fn paint(&self, look: Look, text: &str) -> String {
        let code = match look {
            Look::Title => "1",
            Look::Good => "1;32",
            Look::Open => "1;33",
            Look::Bad => "1;31",
            Look::Quiet => "2",
        };
        match self.colour {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}

/// What the session made of an answer, as its next event shows.
fn made_of(before: Option<&Event>, event: &Event, after: Option<&Event>) -> &'static str {
    let Event::Exchanged { endpoint, result, .. } = event else { return "" };
    let Ok(status) = result else {
        return if *endpoint == "file.download" { "some came; the rest later" } else { "no word: did it arrive?" };
    };
    let repeated = matches!(before, Some(Event::Repeating { .. }));
    match (*endpoint, status.as_u16(), after) {
        ("session.login", _, Some(Event::LoggedIn { .. })) => "a session",
        ("session.login", _, Some(Event::Challenged(_))) => "half a session: more is asked",
        ("session.login", _, Some(Event::LoggedOut(_))) => "refused, and not tried again",
        ("session.second_factor", _, Some(Event::LoggedIn { .. })) => "a whole session",
        ("session.second_factor", _, Some(Event::Challenged(_))) => "refused, and asked again",
        ("session.unblock_captcha", _, Some(Event::Challenged(_))) => "wrong, but no session lost",
        ("session.unblock_captcha", _, Some(Event::Exchanged { .. })) => "right: is that all it takes?",
        ("session.keepalive", 401, Some(Event::LoggedOut(_))) => "it is: so log in again",
        ("session.keepalive", 200, _) => "15 minutes more",
        ("session.logout", _, Some(Event::LoggedOut(_))) => "the token is given back",
        (_, 401, Some(Event::Exchanged { endpoint: "session.keepalive", .. })) => "held: is the session gone?",
        (_, 200, Some(Event::LoggedIn { .. })) => "it is",
        ("file.makedir", ..) => "made",
        ("file.rename", ..) => "renamed",
        ("file.delete", ..) => "in the trash",
        ("file.metadata", ..) if matches!(before, Some(Event::Exchanged { endpoint: "file.download", .. })) => {
            "still the same file"
        }
        ("file.home" | "file.metadata", ..) => "listed",
        ("upload.link", ..) => "a key for one upload",
        ("upload.chunk", ..) if repeated => "the same bytes: there",
        ("upload.chunk", ..) => "there",
        ("upload.finalize", ..) => "whole: the sizes agree",
        ("file.moveone", ..) => "now under its own name",
        ("file.download_link", ..) => "a link to the bytes",
        ("file.download", 206, _) => "the rest",
        (_, 200..300, _) if repeated => "sent once more, and answered",
        (_, 200..300, _) => "answered",
        _ => "",
    }
}
