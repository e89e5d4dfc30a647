//! `quatrix mirror`

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, TypedValueParser};
use clap::error::ErrorKind;
use quatrix_local::{plan_mirror_down, plan_mirror_up};
use quatrix_ureq::Client;
use quatrix_ureq::proto::RemotePath;
use quatrix_ureq::proto::task::MakeFolders;
use quatrix_ureq::proto::task::mirror::{Batch, Mirror as How};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::out;
use crate::progress::{Progress, Style};
use crate::prompt::Prompt;
use crate::remote;
use crate::settings::Settings;
use crate::show::Shown;
use crate::transfer::{Sum, ended, would_run};

/// From this many files and folders on, a deletion is confirmed at a terminal.
const MANY: u64 = 10;

/// Make a folder on the server like one here (up), or one here like one there (down).
///
/// What is new, or differs in size or time, is copied. Nothing is deleted without
/// --delete; then what only the target has goes, last, and only if all transfers
/// have succeeded (on the server: to the trash), and each path is printed. Above
/// 10 files and folders you are asked first, if there is a terminal.
///
/// What cannot be read on one side is left alone on both: the rest is mirrored, and
/// the exit code is 12. An empty source deletes nothing without --delete-all.
///
///   quatrix mirror up photos /backup/photos --delete
///   quatrix mirror down /backup/photos photos
#[derive(clap::Args)]
#[command(
    verbatim_doc_comment,
    override_usage = "quatrix mirror up [OPTIONS] LOCAL REMOTE\n       quatrix mirror down [OPTIONS] REMOTE LOCAL"
)]
pub(crate) struct Mirror {
    /// up: to the server; down: from the server
    #[arg(value_name = "DIRECTION", value_parser = DirectionParser, hide_possible_values = true)]
    direction: Direction,

    /// The folder that is copied
    source: PathBuf,

    /// The folder that becomes like it; it is made if need be
    target: PathBuf,

    /// Before there were directions, this was the one down.
    #[arg(long, hide = true)]
    back: bool,

    /// Delete what only the target has
    #[arg(long)]
    delete: bool,

    /// Delete everything in the target if the source is empty
    #[arg(long, requires = "delete")]
    delete_all: bool,

    /// Delete nothing if more than N files and folders would go
    #[arg(long, value_name = "N", requires = "delete")]
    max_delete: Option<u64>,

    /// Delete without asking
    #[arg(long, short)]
    yes: bool,

    /// Do not print what is deleted
    #[arg(long, short)]
    quiet: bool,

    /// Files that go at the same time [4]
    #[arg(long, value_name = "N", default_value_t = 4, hide_default_value = true, value_parser = clap::value_parser!(u8).range(1..=64))]
    parallel: u8,

    /// Print what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,

    /// On a terminal: a line that shows how far it is; json: lines for programs; none
    #[arg(long, value_name = "STYLE", value_enum, hide_possible_values = true)]
    progress: Option<Style>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

/// Names both forms to those who know the one without a direction.
#[derive(Clone)]
struct DirectionParser;

impl TypedValueParser for DirectionParser {
    type Value = Direction;

    fn parse_ref(
        &self,
        _command: &clap::Command,
        _arg: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<Direction, clap::Error> {
        match value.to_str() {
            Some("up") => Ok(Direction::Up),
            Some("down") => Ok(Direction::Down),
            _ => Err(clap::Error::raw(ErrorKind::InvalidValue, format!("{FORMS}\n"))),
        }
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(["up", "down"].into_iter().map(PossibleValue::new)))
    }
}

const FORMS: &str = "mirror needs a direction: quatrix mirror up LOCAL REMOTE, or quatrix mirror down REMOTE LOCAL";

impl Mirror {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        if self.back {
            return Err(Failure::usage(FORMS));
        }
        let (local, remote) = match self.direction {
            Direction::Up => (&self.source, &self.target),
            Direction::Down => (&self.target, &self.source),
        };
        if self.direction == Direction::Up && !local.is_dir() {
            return Err(Failure::usage(format!("{} is not a folder", local.display())));
        }
        let remote = remote.to_str().ok_or_else(|| Failure::usage("REMOTE is not UTF-8"))?;
        let remote = remote::path(remote)?;
        settings.with_transfers(|client| {
            let batch = self.plan(client, local, &remote)?;
            if self.dry_run {
                let verb = if self.direction == Direction::Up { "upload" } else { "download" };
                return would_run(settings, &batch, verb);
            }
            self.confirm(settings, &batch)?;
            let progress = Progress::new(settings, self.progress, None);
            let files = client.files().concurrency(self.parallel.into());
            let files = files.on_event(|below, event| progress.tell_of_many(&remote, below, event));
            let mut sum = Sum::default();
            let report = ended(files.run_batch(batch, local), &progress)?;
            progress.clear();
            if !self.quiet && !settings.json {
                report
                    .deleted
                    .iter()
                    .try_for_each(|path| out::line(&format!("deleted {}", Shown(&path.to_string()))))?;
            }
            sum.add_report(report, &remote, false);
            sum.end(settings, &progress, false)
        })
    }

    fn plan(&self, client: &Client, local: &Path, path: &RemotePath) -> Result<Batch, Failure> {
        let mut how = How::default();
        if self.delete {
            how = how.with_deletions();
        }
        if self.delete_all {
            how = how.with_empty_source();
        }
        if let Some(max) = self.max_delete {
            how = how.with_max_deletions(max);
        }
        Ok(match self.direction {
            Direction::Down => {
                let folder = remote::need_folder(client, path)?.id;
                plan_mirror_down(&how, remote::list(client, folder)?, local)?
            }
            Direction::Up => {
                let folder = match self.dry_run {
                    true => remote::folder_if_any(client, path)?,
                    false => Some(client.run(MakeFolders::new(path.clone()))?),
                };
                plan_mirror_up(&how, local, remote::list_if_any(client, folder)?)?
            }
        })
    }

    /// Asks whoever sits at a terminal before much is deleted.
    fn confirm(&self, settings: &Settings, batch: &Batch) -> Result<(), Failure> {
        let doomed: u64 = batch.actions().map(|action| action.deletes()).sum();
        let prompt = Prompt::new(settings.no_input).filter(|_| !self.yes && doomed > MANY);
        let Some(prompt) = prompt else { return Ok(()) };
        for action in batch.actions().filter(|action| action.deletes() > 0) {
            prompt.say(&format!("would delete {}", Shown(&action.path().to_string())))?;
        }
        match prompt.line(&format!("Delete {doomed} files and folders? [y/N] "))?.trim() {
            "y" | "Y" | "yes" => Ok(()),
            _ => Err(Failure::new(Exit::Cancelled, "cancelled: nothing was copied and nothing deleted")),
        }
    }
}
