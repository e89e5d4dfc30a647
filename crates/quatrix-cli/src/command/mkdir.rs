//! `quatrix mkdir`

use quatrix_ureq::proto::api::MakeFolder;
use quatrix_ureq::proto::task::MakeFolders;
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::out;
use crate::remote;
use crate::settings::Settings;

/// Make folders.
#[derive(clap::Args)]
pub(crate) struct Mkdir {
    /// The folders
    #[arg(required = true)]
    paths: Vec<String>,

    /// Make what is missing above it, too; a folder that is there is no failure
    #[arg(short, long)]
    parents: bool,
}

impl Mkdir {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        settings.with_client(|client| {
            for text in &self.paths {
                let path = remote::path(text)?;
                let id = if self.parents {
                    client.run(MakeFolders::new(path.clone()))?
                } else {
                    if remote::look_up(client, &path)?.is_some() {
                        return Err(Failure::new(Exit::Exists, format!("{path} already exists")));
                    }
                    let place = remote::place(client, text.trim_end_matches('/'), None)?;
                    client.call(&MakeFolder::new(place.folder, place.name))?.id
                };
                if settings.json {
                    out::json_line(&json!({ "path": path.to_string(), "id": id.as_str() }))?;
                }
            }
            Ok(())
        })
    }
}
