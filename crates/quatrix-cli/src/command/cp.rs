//! `quatrix cp` and `quatrix mv`: they differ in one operation.

use quatrix_ureq::Client;
use quatrix_ureq::proto::File;
use quatrix_ureq::proto::api::{CopyOne, Located, MoveOne, OnConflict};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::out;
use crate::remote::{self, Place};
use crate::settings::Settings;
use crate::transfer::sources_and_target;

/// Copy files on the server.
///
/// To a folder, or to a new name. A file that has the name is replaced; a folder
/// never is. No bytes pass through here.
#[derive(clap::Args)]
#[command(verbatim_doc_comment, override_usage = "quatrix cp [OPTIONS] SOURCE.. TARGET")]
pub(crate) struct Cp {
    #[command(flatten)]
    relocation: Relocation,

    /// Folders, too
    #[arg(short, long)]
    recursive: bool,
}

/// Move or rename files and folders.
///
/// To a folder, or to a new name. A file that has the name is replaced; a folder
/// never is.
#[derive(clap::Args)]
#[command(verbatim_doc_comment, override_usage = "quatrix mv [OPTIONS] SOURCE.. TARGET")]
pub(crate) struct Mv {
    #[command(flatten)]
    relocation: Relocation,
}

#[derive(clap::Args)]
struct Relocation {
    /// What; last, the folder or name that it goes to
    #[arg(required = true, num_args = 1.., value_name = "PATH")]
    paths: Vec<String>,

    /// Leave what has the name, and go on
    #[arg(long, conflicts_with = "rename")]
    no_clobber: bool,

    /// Take another name if it is taken, as the server chooses
    #[arg(long)]
    rename: bool,
}

impl Cp {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        self.relocation.run(settings, self.recursive, |client, what, to, on_conflict| {
            let copy = CopyOne::new(what.id, to.folder, to.name).on_conflict(on_conflict);
            Ok(client.call(&copy)?)
        })
    }
}

impl Mv {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        self.relocation.run(settings, true, |client, what, to, on_conflict| {
            let relocate = MoveOne::new(what.id, to.folder, to.name).on_conflict(on_conflict);
            Ok(client.call(&relocate)?)
        })
    }
}

impl Relocation {
    fn run(
        self,
        settings: &Settings,
        folders: bool,
        relocate: impl Fn(&Client, Located, Place, OnConflict) -> Result<File, Failure>,
    ) -> Result<(), Failure> {
        let (sources, target) = sources_and_target(&self.paths)?;
        settings.with_client(|client| {
            if sources.len() > 1 {
                remote::target_folder(client, &remote::path(target)?)?;
            }
            for source in sources {
                let path = remote::path(source)?;
                let what = remote::need(client, &path)?;
                if what.kind.is_folder() && !folders {
                    return Err(Failure::usage(format!("{path} is a folder: -r copies it with everything in it")));
                }
                let name = path.name().ok_or_else(|| Failure::usage("the home stays where it is"))?;
                let to = remote::place(client, target, Some(name))?;
                if self.no_clobber && to.taken.is_some() {
                    continue;
                }
                let on_conflict = self.on_conflict(&what, &to)?;
                let shown = to.path.clone();
                let made = relocate(client, what, to, on_conflict)?;
                if settings.json {
                    let path = shown.parent().unwrap_or_default().join(&made.name).unwrap_or(shown);
                    out::json_line(&remote::json(&path, &made))?;
                }
            }
            Ok(())
        })
    }

    fn on_conflict(&self, what: &Located, to: &Place) -> Result<OnConflict, Failure> {
        let folder = |found: &Located| found.kind.is_folder();
        match &to.taken {
            _ if self.rename => Ok(OnConflict::Rename),
            Some(taken) if taken.id == what.id => {
                Err(Failure::usage(format!("{}: source and target are the same", to.path)))
            }
            Some(taken) if folder(taken) || folder(what) => {
                Err(Failure::new(Exit::Exists, format!("{} already exists", to.path))
                    .because("Only files are replaced, and only by files."))
            }
            Some(_) => Ok(OnConflict::Overwrite),
            None => Ok(OnConflict::Refuse),
        }
    }
}
