//! How transfers go: told on standard error, to people or to programs; and when to stop.

use std::collections::BTreeMap;
use std::env;
use std::io::{self, IsTerminal as _};
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use quatrix_ureq::proto::RemotePath;
use quatrix_ureq::proto::task::TransferEvent;
use serde_json::json;
use terminal_size::{Width, terminal_size_of};

use crate::interrupt::{StopSign, stop_sign};
use crate::out;
use crate::remote;
use crate::settings::Settings;
use crate::show::ShownJson;
use line::Line;

mod line;

/// How often it is told.
const PAUSE: Duration = Duration::from_millis(200);

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
    all_done: u64,
    /// The bytes of all that has been begun or planned; not told if some are unknown.
    known: u64,
    some_unknown: bool,
    /// What was there before this run.
    before: u64,
    told: Option<Instant>,
    /// Whether it was told that files are replaced in two steps.
    in_two_steps: bool,
    /// How wide the line is that stands there.
    drawn: usize,
}

impl Progress {
    pub(crate) fn new(settings: &Settings, style: Option<Style>, total: Option<u64>) -> Self {
        let draws = io::stderr().is_terminal() && env::var_os("TERM").is_none_or(|term| term != "dumb");
        let style = match style {
            Some(Style::Bar) | None if settings.json || !draws => Style::None,
            style => style.unwrap_or(Style::Bar),
        };
        Self { style, total, start: Instant::now(), state: Mutex::default(), stop: stop_sign() }
    }

    /// So many bytes of the next file are here from another run.
    pub(crate) fn is_there(&self, bytes: u64) {
        self.state().before += bytes;
    }

    /// Takes note of one file, and says whether to go on.
    pub(crate) fn tell(&self, path: &RemotePath, event: &TransferEvent) -> ControlFlow<()> {
        if let TransferEvent::Progress { total, .. } = event
            && !self.state().done.contains_key(path)
        {
            self.plan(*total);
        }
        self.took_place(path, event)
    }

    /// Takes note of one of the files of a folder, and says whether to go on.
    pub(crate) fn tell_of_many(
        &self,
        folder: &RemotePath,
        file: &RemotePath,
        event: &TransferEvent,
    ) -> ControlFlow<()> {
        if let TransferEvent::Planned { bytes, .. } = event {
            self.plan(*bytes);
        }
        self.took_place(&remote::below(folder, file), event)
    }

    fn plan(&self, bytes: Option<u64>) {
        let mut state = self.state();
        match bytes {
            Some(bytes) => state.known = state.known.saturating_add(bytes),
            None => state.some_unknown = true,
        }
    }

    fn took_place(&self, path: &RemotePath, event: &TransferEvent) -> ControlFlow<()> {
        if let TransferEvent::Progress { done, total, .. } = event {
            self.moved(path, *done, *total);
        }
        match event {
            TransferEvent::LeftBehind { id, name, .. } => {
                let named = name.as_deref().and_then(|name| path.parent()?.join(name).ok());
                let at = named.as_ref().unwrap_or(path).to_string();
                self.clear();
                out::note_as(
                    &format!("{path}: a file of this upload may be left on the server: {at}, id {}", id.as_str()),
                    &json!({ "left_behind": { "path": at, "id": id.as_str(), "of": path.to_string() } }),
                );
            }
            TransferEvent::InTwoSteps if !std::mem::replace(&mut self.state().in_two_steps, true) => {
                self.clear();
                out::note(
                    "this server has no file.moveone: an old file goes to the trash before the new one takes its name",
                );
            }
            _ => {}
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
        let drawn = std::mem::take(&mut self.state().drawn);
        if drawn > 0 {
            out::say(&format!("\r{:drawn$}\r", ""));
        }
    }

    fn moved(&self, path: &RemotePath, done: u64, total: Option<u64>) {
        let mut state = self.state();
        let before = state.done.insert(path.clone(), done);
        state.all_done = (state.all_done - before.unwrap_or(0)).saturating_add(done);
        let complete = total == Some(done) && before != Some(done);
        if state.told.is_some_and(|told| told.elapsed() < PAUSE) && !(complete && self.style == Style::Json) {
            return;
        }
        state.told = Some(Instant::now());
        let line = self.line(&state, path, done, total);
        match self.style {
            Style::None => {}
            Style::Json => {
                let json = json!({
                    "path": path.to_string(), "done": done, "total": total,
                    "all_done": line.all_done, "all_total": line.all_total,
                    "rate": line.rate as u64, "left_s": line.left(),
                });
                out::say(&format!("{}\n", ShownJson(&json)));
            }
            // What is quickly done needs no line.
            Style::Bar if self.start.elapsed() < 2 * PAUSE => {}
            Style::Bar => {
                // The last cell stays free: some terminals begin a new line with it.
                let width = terminal_size_of(io::stderr()).map_or(80, |(Width(width), _)| width.into());
                let text = line.text(usize::saturating_sub(width, 1).min(100));
                let width = line::columns(&text);
                let rest = state.drawn.saturating_sub(width);
                out::say(&format!("\r{text}{:rest$}", ""));
                state.drawn = width;
            }
        }
    }

    fn line<'a>(&self, state: &State, path: &'a RemotePath, done: u64, total: Option<u64>) -> Line<'a> {
        let all_total = self.total.or_else(|| (!state.some_unknown).then_some(state.known));
        let arrived = state.all_done.saturating_sub(state.before) as f64;
        Line {
            name: path.name().unwrap_or_default(),
            done,
            total,
            all_done: state.all_done,
            all_total,
            rate: arrived / self.start.elapsed().as_secs_f64().max(0.001),
        }
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
