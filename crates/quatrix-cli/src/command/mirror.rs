//! `quatrix mirror`

use std::path::PathBuf;

use quatrix_local::read_tree;
use quatrix_ureq::Client;
use quatrix_ureq::proto::RemotePath;
use quatrix_ureq::proto::task::mirror::{Action, Mirror as Plan, Remote, Tree};
use quatrix_ureq::proto::task::{MakeFolders, Walk};
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::out;
use crate::progress::{Progress, Style};
use crate::remote;
use crate::settings::Settings;
use crate::show::Shown;
use crate::transfer::{Sum, ended, would_fail};

/// Make a folder on the server like one here, or the other way round.
///
/// What is new or differs in size or time is uploaded, or with --back downloaded.
/// Nothing is deleted without --delete; then what only the other side has goes,
/// last, and only if all else has succeeded (on the server: to the trash).
///
///   quatrix mirror photos /backup/photos --delete
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Mirror {
    /// The folder here
    local: PathBuf,

    /// The folder on the server; it is made if need be
    remote: String,

    /// Make the folder here like the one on the server
    #[arg(long)]
    back: bool,

    /// Delete what only the other side has
    #[arg(long)]
    delete: bool,

    /// Files that go at the same time [4]
    #[arg(long, value_name = "N", default_value_t = 4, hide_default_value = true, value_parser = clap::value_parser!(u8).range(1..=64))]
    parallel: u8,

    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,

    /// On a terminal: a line that shows how far it is; json: lines for programs; none
    #[arg(long, value_name = "STYLE", value_enum, hide_possible_values = true)]
    progress: Option<Style>,
}

impl Mirror {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        if !self.back && !self.local.is_dir() {
            return Err(Failure::usage(format!("{} is no folder", self.local.display())));
        }
        let path = remote::path(&self.remote)?;
        let plan = if self.delete { Plan::default().with_deletions() } else { Plan::default() };
        settings.with_client(|client| {
            if self.dry_run {
                return self.tell(settings, client, &path, &plan);
            }
            let progress = Progress::new(settings, self.progress, None);
            let files = client.files().overwrite(true).at_once(self.parallel.into());
            let files = files.on_event(|below, event| progress.tell_of_many(&path, below, event));
            let report = match self.back {
                true => files.mirror_down(&remote::need_folder(client, &path)?.id, &self.local, &plan),
                false => {
                    let folder = client.run(MakeFolders::new(client.config().server(), path.clone()))?;
                    files.mirror_up(&self.local, &folder, &plan)
                }
            };
            let mut sum = Sum::default();
            sum.add_report(ended(report, &progress)?, &path, false);
            sum.end(settings, &progress, false)
        })
    }

    fn tell(&self, settings: &Settings, client: &Client, path: &RemotePath, plan: &Plan) -> Result<(), Failure> {
        let here = match self.local.is_dir() {
            true => read_tree(&self.local)?,
            false => Tree::default(),
        };
        let there = remote_tree(client, path, self.back)?;
        let (actions, verb) = match self.back {
            true => (plan.compare(&there, &here), "download"),
            false => (plan.compare(&here, &there), "upload"),
        };
        let mut fails = false;
        for action in actions {
            let (verb, path) = match &action {
                Action::MakeFolder { path } => ("make", path),
                Action::Copy { path, .. } => match remote::need_name(path) {
                    Err(failure) if !self.back => {
                        would_fail(settings, path, &failure)?;
                        fails = true;
                        continue;
                    }
                    _ => (verb, path),
                },
                // Nothing is deleted where anything has failed.
                Action::Delete { .. } if fails => continue,
                Action::Delete { path, .. } => ("delete", path),
                Action::Conflict { path } => {
                    let why = Failure::new(Exit::LocalFile, "one side has a file, the other a folder");
                    would_fail(settings, path, &why)?;
                    fails = true;
                    continue;
                }
            };
            let path = path.to_string();
            let json = json!({ "action": verb, "path": path });
            out::report(settings.json, &json, &format!("would {verb} {}", Shown(&path)))?;
        }
        let mut failed = here.failed.into_iter().chain(there.failed);
        failed.try_for_each(|(path, error)| would_fail(settings, &path, &error.into()))
    }
}

fn remote_tree(client: &Client, path: &RemotePath, needed: bool) -> Result<Tree, Failure> {
    let folder = match remote::look_up(client, path)? {
        None if !needed => return Ok(Tree::default()),
        _ => remote::need_folder(client, path)?.id,
    };
    let walk = Walk::below(client.config().server(), folder.clone(), RemotePath::home());
    Ok(Remote::new(folder, client.run(walk)?).into_tree())
}
