//! What `put`, `get` and `mirror` have in common: which files, and what came of them.

use quatrix_ureq::Report;
use quatrix_ureq::proto::task::mirror::{Action, Batch, Item, Mirror, Reason};
use quatrix_ureq::proto::{Error, RemotePath, UnixTime};
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::out;
use crate::progress::{Progress, Style};
use crate::remote;
use crate::settings::Settings;
use crate::show::Shown;
use crate::units::bytes;

/// Options of transfers.
#[derive(clap::Args)]
pub(crate) struct How {
    /// Leave files that are there, whatever they hold
    #[arg(long, conflicts_with = "update")]
    pub(crate) no_clobber: bool,

    /// Replace only what is older, or as old and of another size; nothing newer
    #[arg(long)]
    pub(crate) update: bool,

    /// Files of a folder that go at the same time [4]
    #[arg(long, value_name = "N", default_value_t = 4, hide_default_value = true, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) parallel: u8,

    /// Print what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// On a terminal: a line that shows how far it is; json: lines for programs; none
    #[arg(long, value_name = "STYLE", value_enum, hide_possible_values = true)]
    pub(crate) progress: Option<Style>,
}

/// What came of all transfers of one command.
#[derive(Default)]
pub(crate) struct Sum {
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    deletions: Vec<String>,
    /// Left as they are, because the options say so.
    pub(crate) left: u64,
    skipped: Vec<String>,
    failed: Vec<(String, Failure)>,
}

impl Sum {
    /// One file.
    pub(crate) fn add(&mut self, bytes: u64) {
        self.files += 1;
        self.bytes += bytes;
    }

    /// A folder on the server, or the one that came from there; what is there already is no failure if it is to be left.
    pub(crate) fn add_report(&mut self, mut report: Report, folder: &RemotePath, leave: bool) {
        self.files += report.files;
        self.bytes += report.bytes;
        self.deletions.extend(report.deleted.iter().map(|path| remote::below(folder, path).to_string()));
        self.skipped.extend(report.skipped.iter().map(|path| remote::below(folder, path).to_string()));
        // They failed in no particular order.
        report.failed.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (path, error) in report.failed {
            match leave && is_there(&error) {
                true => self.left += 1,
                false => self.failed.push((remote::below(folder, &path).to_string(), error.into())),
            }
        }
    }

    /// One of several sources: what it ends with is told in the end, and the others go on.
    pub(crate) fn add_source(&mut self, source: &str, ended: Result<(), Failure>) -> Result<(), Failure> {
        match ended {
            Err(failure) if failure.exit() == Exit::Interrupted => Err(failure),
            Err(failure) => {
                self.failed.push((source.to_owned(), failure));
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Tells what came of it, and whether that is what was asked for.
    pub(crate) fn end(self, settings: &Settings, progress: &Progress, dry_run: bool) -> Result<(), Failure> {
        progress.clear();
        let failed: Vec<_> = self
            .failed
            .iter()
            .map(|(path, why)| json!({ "path": path, "message": why.what(), "exit": why.exit() as u8 }))
            .collect();
        if settings.json && !dry_run {
            out::json_line(&json!({
                "files": self.files, "bytes": self.bytes, "deleted": self.deletions.len(), "left": self.left,
                "deletions": self.deletions, "skipped": self.skipped, "failed": failed,
            }))?;
        } else {
            for path in &self.skipped {
                out::say(&format!("quatrix: {}: neither a file nor a folder, skipped\n", Shown(path)));
            }
            for (path, why) in &self.failed {
                out::say(&format!("quatrix: {}: {}\n", Shown(path), Shown(why.what())));
            }
        }
        match self.failed.len() {
            0 => Ok(()),
            count => {
                let what = format!("{count} of {} files and folders failed", count as u64 + self.files);
                let files = if self.files == 1 { "1 file".to_owned() } else { format!("{} files", self.files) };
                let arrived = format!("{files} with {} transferred.", bytes(self.bytes));
                Err(Failure::new(Exit::Partial, what).because(arrived))
            }
        }
    }
}

/// Whether it failed because something has the name: there, or here.
pub(crate) fn is_there(error: &Error) -> bool {
    Exit::of(error) == Exit::Exists || {
        use std::error::Error as _;
        let cause = error.source().and_then(|source| source.downcast_ref::<std::io::Error>());
        cause.is_some_and(|error| error.kind() == std::io::ErrorKind::AlreadyExists)
    }
}

/// The last of some paths is where the others go.
pub(crate) fn sources_and_target<T>(paths: &[T]) -> Result<(&[T], &T), Failure> {
    match paths.split_last() {
        Some((target, sources)) if !sources.is_empty() => Ok((sources, target)),
        _ => Err(Failure::usage("missing destination: give SOURCE.. TARGET")),
    }
}

/// A transfer that Ctrl-C has stopped is not just cancelled.
pub(crate) fn ended<T>(result: Result<T, Error>, progress: &Progress) -> Result<T, Failure> {
    match result {
        Err(Error::Cancelled) if progress.is_stopped() => {
            Err(Failure::new(Exit::Interrupted, "interrupted").because("What had not arrived whole was removed again."))
        }
        result => Ok(result?),
    }
}

/// What a dry run says of one file: a line.
pub(crate) fn would(settings: &Settings, verb: &str, from: &str, to: &str) -> Result<(), Failure> {
    let json = json!({ "action": verb, "from": from, "to": to });
    out::report(settings.json, &json, &format!("would {verb} {} to {}", Shown(from), Shown(to)))
}

/// What a dry run says of what cannot be done.
pub(crate) fn would_fail(settings: &Settings, path: &RemotePath, failure: &Failure) -> Result<(), Failure> {
    let path = path.to_string();
    let json = json!({ "action": "fail", "path": path, "message": failure.what(), "exit": failure.exit() as u8 });
    out::report(settings.json, &json, &format!("would fail with {}: {}", Shown(&path), Shown(failure.what())))
}

/// What a dry run says of a plan; `verb` is what is done to files.
pub(crate) fn would_run(settings: &Settings, batch: &Batch, verb: &str) -> Result<(), Failure> {
    for action in batch.actions() {
        let verbs: &[&str] = match action {
            Action::MakeFolder { replaces: true, .. } => &["delete", "make"],
            Action::MakeFolder { .. } => &["make"],
            Action::Copy { reason: Reason::Folder { .. }, .. } => &["delete", verb],
            Action::Copy { .. } => &[verb],
            Action::Delete { .. } => &["delete"],
            Action::Conflict { path } => {
                would_fail(settings, path, &conflict())?;
                &[]
            }
        };
        let path = action.path().to_string();
        for verb in verbs {
            let json = json!({ "action": verb, "path": path });
            out::report(settings.json, &json, &format!("would {verb} {}", Shown(&path)))?;
        }
    }
    let mut failed = batch.report().failed.iter();
    failed.try_for_each(|(path, error)| would_fail(settings, path, &error.clone().into()))
}

/// What a dry run says of the files that a plan copies, and of what fails; paths of the plan start at `folder`.
pub(crate) fn would_copy(
    settings: &Settings,
    batch: &Batch,
    verb: &str,
    folder: &RemotePath,
    from_and_to: impl Fn(&RemotePath) -> Result<(String, String), Error>,
) -> Result<(), Failure> {
    for action in batch.actions() {
        match action {
            Action::Copy { path, .. } => {
                let (from, to) = from_and_to(path)?;
                would(settings, verb, &from, &to)?;
            }
            Action::Conflict { path } => would_fail(settings, &remote::below(folder, path), &conflict())?,
            Action::MakeFolder { .. } | Action::Delete { .. } => {}
        }
    }
    let mut failed = batch.report().failed.iter();
    failed.try_for_each(|(path, error)| would_fail(settings, &remote::below(folder, path), &error.clone().into()))
}

fn conflict() -> Failure {
    Failure::new(Exit::LocalFile, "a file on one side, a folder on the other: remove or rename one")
}

/// Whether `--update` has something to do.
pub(crate) fn is_outdated(source: (u64, Option<UnixTime>), target: (Option<u64>, Option<UnixTime>)) -> bool {
    let new = Item::File { size: Some(source.0), modified: source.1 };
    let old = Item::File { size: target.0, modified: target.1 };
    Mirror::default().with_update().reason(&new, &old).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_replaces_what_is_older_or_as_old_and_of_another_size() {
        let at = |seconds| Some(UnixTime::from_secs(seconds));
        assert!(!is_outdated((5, at(100)), (Some(4), at(200))), "newer");
        assert!(is_outdated((5, at(100)), (Some(4), at(100))));
        assert!(is_outdated((5, at(102)), (Some(5), at(100))));
        assert!(is_outdated((5, at(101)), (Some(5), at(100))));
        assert!(!is_outdated((5, at(100)), (Some(5), at(200))));
        assert!(is_outdated((5, at(100)), (Some(5), None)));
        assert!(is_outdated((5, at(100)), (None, at(100))));
    }
}
