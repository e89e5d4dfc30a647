//! `quatrix rm`

use quatrix_ureq::Client;
use quatrix_ureq::proto::task::Delete;
use quatrix_ureq::proto::{Deferred, FileId, RemotePath};
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::out;
use crate::remote;
use crate::settings::Settings;
use crate::show::Shown;

/// Delete files and folders.
///
/// They go to the trash, where the server keeps them for 30 days, unless
/// --permanently is given. All paths are looked up first: if one leads nowhere,
/// nothing is deleted.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Rm {
    /// Files or folders
    #[arg(required = true)]
    paths: Vec<String>,

    /// Folders, too, with everything in them
    #[arg(short, long)]
    recursive: bool,

    /// Not into the trash: for good
    #[arg(long)]
    permanently: bool,

    /// Print what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,
}

impl Rm {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        settings.with_client(|client| {
            let mut doomed = Vec::new();
            for text in &self.paths {
                let path = remote::path(text)?;
                let found = remote::need(client, &path)?;
                if path.is_home() {
                    return Err(Failure::usage("the home cannot be deleted"));
                }
                if found.kind.is_folder() && !self.recursive {
                    return Err(Failure::usage(format!("{path} is a folder: -r deletes it with everything in it")));
                }
                doomed.push((path, found.id));
            }
            for (path, id) in doomed {
                let job = if self.dry_run { None } else { self.delete(client, &path, id)? };
                let json = json!({ "path": path.to_string(), "deleted": !self.dry_run, "job": job });
                match (settings.json, self.dry_run) {
                    (true, _) => out::json_line(&json)?,
                    (false, true) => out::line(&format!("would delete {}", Shown(&path.to_string())))?,
                    (false, false) => {}
                }
            }
            Ok(())
        })
    }

    /// The id of the job, if the server does it later.
    fn delete(&self, client: &Client, path: &RemotePath, id: FileId) -> Result<Option<String>, Failure> {
        let ids = [id.clone()];
        let delete = if self.permanently { Delete::permanently(id) } else { Delete::to_trash(id) };
        match client.run(delete)? {
            Deferred::Done(done) if done.missing(&ids).is_some() => {
                Err(Failure::new(Exit::Forbidden, format!("{path}: the server did not delete it"))
                    .because("System folders cannot be deleted, nor what belongs to others."))
            }
            Deferred::Done(_) => Ok(None),
            Deferred::Job(job) => Ok(Some(job.as_str().to_owned())),
        }
    }
}
