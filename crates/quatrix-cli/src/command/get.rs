//! `quatrix get`

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use quatrix_ureq::Client;
use quatrix_ureq::proto::api::GetFile;
use quatrix_ureq::proto::task::{Download, Walk, mirror::Mirror};
use quatrix_ureq::proto::{File, FileId, RemotePath};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::out;
use crate::progress::Progress;
use crate::remote;
use crate::settings::Settings;
use crate::show::Shown;
use crate::transfer::{How, Sum, ended, is_outdated, modified};

mod resume;

/// Download files and folders.
///
/// To a folder, or to a new name. A file of the same name is replaced, in one step, when all bytes have arrived: until
/// then it is the old one. Modification times come along. `-` stands for standard output.
///
///   quatrix get /in/report.pdf /in/photos .
///   quatrix get /backup/shop.sql - | psql shop
///
/// After Ctrl-C, or a failure, nothing is left of a file that has not arrived whole; with --resume it is kept beside its
/// place as NAME.VERSION.part, and the same command again goes on from there (exit code 12, or 130 after Ctrl-C). If the
/// file has changed on the server meanwhile, it begins anew.
#[derive(clap::Args)]
#[command(verbatim_doc_comment, override_usage = "quatrix get [OPTIONS] SOURCE.. TARGET")]
pub(crate) struct Get {
    /// Files and folders there; last, a folder or name here
    #[arg(required = true, num_args = 2.., value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Keep what has arrived when not all does, and go on with it the next time; not for folders
    #[arg(long)]
    resume: bool,

    #[command(flatten)]
    how: How,
}

impl Get {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let (target, sources) = self.paths.split_last().ok_or_else(|| Failure::usage("what, and to where?"))?;
        if sources.len() > 1 && !target.is_dir() {
            return Err(Failure::usage(format!("{} is no folder, and there are several sources", target.display())));
        }
        settings.with_client(|client| {
            let work = Work { get: &self, client, progress: Progress::new(settings, self.how.progress, None) };
            let mut sum = Sum::default();
            for source in sources {
                let source = source.to_str().ok_or_else(|| Failure::usage("SOURCE is not UTF-8"))?;
                work.get(&remote::path(source)?, target, &mut sum)?;
            }
            if target == Path::new("-") {
                work.progress.clear();
                return Ok(());
            }
            sum.end(settings, &work.progress)
        })
    }
}

struct Work<'a> {
    get: &'a Get,
    client: &'a Client,
    progress: Progress,
}

impl Work<'_> {
    fn get(&self, source: &RemotePath, target: &Path, sum: &mut Sum) -> Result<(), Failure> {
        let found = remote::need(self.client, source)?;
        if target == Path::new("-") {
            let file = self.client.call(&GetFile { id: found.id, content: false })?;
            return self.get_stream(source, &file);
        }
        let place = match (target.is_dir(), source.name()) {
            (true, Some(name)) => target.join(local_name(name)?),
            _ => target.to_owned(),
        };
        match found.kind.is_folder() {
            true => self.get_folder(source, found.id, &place, sum),
            false => self.get_file(source, found.id, &place, sum),
        }
    }

    fn get_stream(&self, source: &RemotePath, file: &File) -> Result<(), Failure> {
        if file.is_folder() {
            return Err(Failure::usage(format!("{source} is a folder: it does not fit into a pipe")));
        }
        let download = Download::file(self.client.config().server(), file);
        let sink = io::stdout().lock();
        let downloaded = self.client.download_observed(download, sink, |event| self.progress.tell(source, event));
        ended(downloaded, &self.progress).map(drop)
    }

    fn get_file(&self, source: &RemotePath, id: FileId, place: &Path, sum: &mut Sum) -> Result<(), Failure> {
        if self.is_left(&id, place)? {
            sum.left += 1;
            return Ok(());
        }
        if self.get.how.dry_run {
            return would(source, place);
        }
        if self.get.resume {
            let file = self.client.call(&GetFile { id, content: false })?;
            sum.add(resume::download(self.client, &file, source, place, &self.progress)?);
            return Ok(());
        }
        let files = self.client.files().overwrite(!self.get.how.no_clobber);
        let files = files.on_event(|_, event| self.progress.tell(source, event));
        sum.add(ended(files.download(&id, place), &self.progress)?.size);
        Ok(())
    }

    fn get_folder(&self, source: &RemotePath, id: FileId, place: &Path, sum: &mut Sum) -> Result<(), Failure> {
        if self.get.resume {
            return Err(Failure::usage("--resume is for files; for a folder, --update does the rest of it"));
        }
        if self.get.how.dry_run {
            for entry in self.client.run(Walk::below(self.client.config().server(), id, RemotePath::home()))? {
                if !entry.file.is_folder() {
                    let below = entry.path.to_string();
                    would(&remote::path(&format!("{source}{below}"))?, &place.join(below.trim_start_matches('/')))?;
                }
            }
            return Ok(());
        }
        let How { no_clobber, update, parallel, .. } = self.get.how;
        let files = self.client.files().overwrite(!no_clobber).at_once(parallel.into());
        let files = files.on_event(|path, event| self.progress.tell(path, event));
        let report = match update {
            true => files.mirror_down(&id, place, &Mirror::default()),
            false => files.download_folder(&id, place),
        };
        sum.add_report(ended(report, &self.progress)?, no_clobber);
        Ok(())
    }

    /// Whether the options say that what is here stays.
    fn is_left(&self, id: &FileId, place: &Path) -> Result<bool, Failure> {
        let here = match fs::symlink_metadata(place) {
            Ok(here) => here,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(Failure::file(place, &error)),
        };
        if here.is_dir() {
            return Err(Failure::new(Exit::Exists, format!("{} is a folder", place.display())));
        }
        if self.get.how.no_clobber || !self.get.how.update {
            return Ok(self.get.how.no_clobber);
        }
        let there = self.client.call(&GetFile { id: id.clone(), content: false })?;
        let size =
            there.size.ok_or_else(|| Failure::new(Exit::Nonsense, "the server does not tell the file's size"))?;
        Ok(!is_outdated((size, there.modified), (Some(here.len()), modified(&here))))
    }
}

fn would(source: &RemotePath, place: &Path) -> Result<(), Failure> {
    out::line(&format!("would download {} to {}", Shown(&source.to_string()), Shown(&place.display().to_string())))
}

/// A name of the server that is one name here, and leads nowhere else.
fn local_name(name: &str) -> Result<&str, Failure> {
    let mut components = Path::new(name).components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(_)), None) => Ok(name),
        _ => Err(Failure::new(Exit::LocalFile, format!("{name}: this cannot be the name of a file here"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m41_a_name_is_one_name() {
        assert!(local_name("a b.txt").is_ok() && local_name("..a").is_ok());
        for name in ["", ".", "..", "/etc", "a/b", "../a"] {
            assert!(local_name(name).is_err(), "{name}");
        }
    }
}
