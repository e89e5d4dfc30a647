//! `quatrix stat`

use crate::failure::Failure;
use crate::out;
use crate::remote;
use crate::settings::Settings;
use crate::show::Shown;
use crate::units::{bytes, utc};

/// Show the details of a file or folder.
///
/// Times are UTC. With --json each is one line of JSON; times are seconds since
/// 1970 then.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Stat {
    /// Files or folders
    #[arg(required = true)]
    paths: Vec<String>,
}

impl Stat {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        settings.with_client(|client| {
            for text in &self.paths {
                let path = remote::path(text)?;
                let file = remote::file(client, &path, false)?;
                let time = |time: Option<_>| time.map_or_else(|| "-".to_owned(), utc);
                let size = file.size.filter(|_| !file.is_folder());
                let size = size.map_or_else(|| "-".to_owned(), |size| format!("{size} ({})", bytes(size)));
                let shown = format!(
                    "{}\n  {}, {size}\n  changed {}, made {}\n  id {}",
                    Shown(&path.to_string()),
                    remote::kind(file.kind),
                    time(file.modified),
                    time(file.created),
                    Shown(file.id.as_str()),
                );
                out::report(settings.json, &remote::json(&path, &file), &shown)?;
            }
            Ok(())
        })
    }
}
