//! `quatrix man`

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap_mangen::Man as Page;

use crate::failure::Failure;
use crate::out;

/// Print the manual, or write its pages.
///
///   quatrix man | man -l -                         # read it
///   quatrix man --dir /usr/local/share/man/man1    # install it, a page for each
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Man {
    /// Write one page for each command into this folder
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

impl Man {
    pub(crate) fn run(self, root: clap::Command) -> Result<(), Failure> {
        match self.dir {
            None => {
                let mut page = Vec::new();
                let rendered = Page::new(root).render(&mut page);
                rendered.map_err(|error| Failure::file(Path::new("manual"), &error))?;
                out::write(&page)
            }
            Some(folder) => write_pages(root, &folder).map_err(|error| Failure::file(&folder, &error)),
        }
    }
}

fn write_pages(mut root: clap::Command, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    root.build();
    for command in root.get_subcommands().chain([&root]) {
        let name = command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned();
        let mut page = Vec::new();
        Page::new(command.clone()).title(&name).render(&mut page)?;
        fs::write(folder.join(format!("{name}.1")), page)?;
    }
    Ok(())
}
