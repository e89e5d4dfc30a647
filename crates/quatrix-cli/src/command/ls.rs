//! `quatrix ls`

use quatrix_ureq::proto::api::GetFile;
use quatrix_ureq::proto::task::Walk;
use quatrix_ureq::proto::{File, RemotePath};

use crate::failure::Failure;
use crate::out;
use crate::remote;
use crate::settings::Settings;

/// List a folder.
///
/// Names come sorted, folders with a slash at their end. Paths start at the home;
/// without one the home is listed. With --json each entry is one line of JSON,
/// with its name as it is.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Ls {
    /// The folder, or a file
    #[arg(default_value = "/", hide_default_value = true)]
    path: String,

    /// What it is, bytes, when it was changed (UTC), name
    #[arg(short)]
    long: bool,

    /// Everything below, too
    #[arg(short = 'R')]
    recursive: bool,
}

impl Ls {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let path = remote::path(&self.path)?;
        settings.with_client(|client| {
            let found = remote::need(client, &path)?;
            if self.recursive && found.kind.is_folder() {
                let walk = Walk::below(found.id, path.clone());
                let listed = client.run(walk)?;
                for entry in &listed.entries {
                    let below = entry.path.to_string();
                    let name = below.strip_prefix(&path.to_string()).unwrap_or(&below).trim_start_matches('/');
                    self.print(settings, &entry.path, &entry.file, name)?;
                }
                return remote::all_listed(listed);
            }
            let file = client.call(&GetFile::new(found.id).with_content())?;
            if !file.is_folder() {
                return self.print(settings, &path, &file, &file.name);
            }
            let mut children = file.into_children()?;
            children.sort_by(|one, other| one.name.cmp(&other.name));
            for child in &children {
                // A name that could not be a path of its own is shown all the same.
                let below = path.join(&child.name).unwrap_or_else(|_| path.clone());
                self.print(settings, &below, child, &child.name)?;
            }
            Ok(())
        })
    }

    fn print(&self, settings: &Settings, path: &RemotePath, file: &File, name: &str) -> Result<(), Failure> {
        let text = if self.long { remote::long(file, name) } else { remote::short(file, name) };
        out::report(settings.json, &remote::json(path, file), &text)
    }
}
