//! How transfers go: told on standard error, to people or to programs; and when to stop.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal as _, Write as _};
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use quatrix_ureq::proto::RemotePath;
use quatrix_ureq::proto::task::TransferEvent;
use serde_json::json;

use crate::interrupt::{StopSign, stop_sign};
use crate::settings::Settings;
use crate::show::Shown;
use crate::units::bytes;

/// How often it is told.
const PAUSE: Duration = Duration::from_millis(200);
/// Most terminals are wider; a line that wraps could not be drawn over.
const WIDTH: usize = 79;

/// How progress is shown.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Style {
    /// A line that is drawn over, if standard error is a terminal.
    Bar,
    /// A line of JSON now and then.
    Json,
    /// Nothing.
    None,
}

/// Follows the transfers of one command.
pub(crate) struct Progress {
    style: Style,
    /// All bytes, where they are known beforehand.
    total: Option<u64>,
    start: Instant,
    state: Mutex<State>,
    stop: StopSign,
}

#[derive(Default)]
struct State {
    /// What has arrived of each file.
    done: BTreeMap<RemotePath, u64>,
    told: Option<Instant>,
    drawn: bool,
}

impl Progress {
    pub(crate) fn new(settings: &Settings, style: Option<Style>, total: Option<u64>) -> Self {
        let style = match style {
            Some(Style::Bar) | None if settings.json || !io::stderr().is_terminal() => Style::None,
            style => style.unwrap_or(Style::Bar),
        };
        Self { style, total, start: Instant::now(), state: Mutex::default(), stop: stop_sign() }
    }

    /// Takes note, and says whether to go on.
    pub(crate) fn tell(&self, path: &RemotePath, event: &TransferEvent) -> ControlFlow<()> {
        if let TransferEvent::Progress { done, total, .. } = event {
            self.moved(path, *done, *total);
        }
        if let TransferEvent::LeftBehind { id, .. } = event {
            self.clear();
            eprintln!(
                "quatrix: {}: an unfinished file may be left on the server, id {}",
                Shown(&path.to_string()),
                Shown(id.as_str())
            );
        }
        match self.is_stopped() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// Whether Ctrl-C was pressed.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.is_up()
    }

    /// Takes the line away, to make room for something else.
    pub(crate) fn clear(&self) {
        if std::mem::take(&mut self.state().drawn) {
            eprint!("\r{:WIDTH$}\r", "");
        }
    }

    fn moved(&self, path: &RemotePath, done: u64, total: Option<u64>) {
        let mut state = self.state();
        state.done.insert(path.clone(), done);
        let complete = total == Some(done);
        if state.told.is_some_and(|told| told.elapsed() < PAUSE) && !(complete && self.style == Style::Json) {
            return;
        }
        state.told = Some(Instant::now());
        let all: u64 = state.done.values().sum();
        match self.style {
            Style::None => {}
            // What is quickly done needs no line.
            Style::Bar if self.start.elapsed() < 2 * PAUSE => {}
            Style::Json => {
                let json = json!({ "path": path.to_string(), "done": done, "total": total, "all_done": all, "all_total": self.total });
                eprintln!("{json}");
            }
            Style::Bar => {
                state.drawn = true;
                let _ = write!(io::stderr(), "\r{:<WIDTH$}", self.line(path, done, total, all));
            }
        }
    }

    fn line(&self, path: &RemotePath, done: u64, total: Option<u64>, all: u64) -> String {
        let rate = all as f64 / self.start.elapsed().as_secs_f64().max(0.001);
        let part = match total.filter(|total| *total > 0) {
            Some(total) => format!("{:3}%", u128::from(done) * 100 / u128::from(total)),
            None => bytes(done),
        };
        let mut numbers = format!("  {part}  {}  {}/s", bytes(all), bytes(rate as u64));
        if let Some(left) = self.total.and_then(|total| total.checked_sub(all)).filter(|_| rate >= 1.0) {
            let seconds = (left as f64 / rate) as u64;
            numbers.push_str(&match seconds {
                ..3600 => format!("  {}:{:02} left", seconds / 60, seconds % 60),
                3600..360_000 => format!("  {}:{:02}:{:02} left", seconds / 3600, seconds / 60 % 60, seconds % 60),
                // Nobody knows.
                _ => String::new(),
            });
        }
        let name = Shown(path.name().unwrap_or_default()).to_string();
        let room = WIDTH.saturating_sub(numbers.chars().count());
        let name = match name.chars().count() > room {
            true => name.chars().take(room.saturating_sub(2)).chain("..".chars()).collect(),
            false => name,
        };
        format!("{name}{numbers}")
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
