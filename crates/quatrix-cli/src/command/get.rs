//! `quatrix get`

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use quatrix_local::{below, folder_of, is_usable, modified, plan_download, plan_mirror_down, refuse_link};
use quatrix_ureq::Client;
use quatrix_ureq::proto::api::{GetFile, Located, OnConflict};
use quatrix_ureq::proto::task::{Download, mirror::Mirror};
use quatrix_ureq::proto::{File, FileId, RemotePath};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::remote;
use crate::settings::Settings;
use crate::show::Quoted;
use crate::transfer::{How, Sum, ended, is_outdated, is_there, sources_and_target, would, would_copy};

mod resume;

/// Download files and folders.
///
/// To a folder, or to a new name. A file of the same name is replaced, in one
/// step, when all bytes have arrived: until then it is the old one, whose mode the
/// new one gets. Modification times come along. No link below TARGET is followed.
/// `-` stands for standard output.
///
///   quatrix get /in/report.pdf /in/photos .
///   quatrix get /backup/shop.sql - | psql shop
///
/// After Ctrl-C, or a failure, nothing is left of a file that has not arrived
/// whole; with --resume it is kept beside its place as NAME.VERSION.part, and the
/// same command again continues it, from a few MiB before its end (exit code 12, or
/// 130 after Ctrl-C). If the file has changed on the server, it starts over.
#[derive(clap::Args)]
#[command(verbatim_doc_comment, override_usage = "quatrix get [OPTIONS] SOURCE.. TARGET")]
pub(crate) struct Get {
    /// Files and folders there; last, a folder or name here
    #[arg(required = true, num_args = 1.., value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Keep what has arrived when not all does, and go on with it the next time; not for folders
    #[arg(long)]
    resume: bool,

    #[command(flatten)]
    how: How,
}

impl Get {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let (sources, target) = sources_and_target(&self.paths)?;
        let several = sources.len() > 1;
        if several && !target.is_dir() {
            return Err(Failure::usage(format!(
                "{} is not a folder: several sources need a folder as TARGET",
                target.display()
            )));
        }
        settings.with_transfers(|client| {
            let look_up = |source: &PathBuf| {
                let source = source.to_str().ok_or_else(|| Failure::usage("SOURCE is not UTF-8"))?;
                let path = remote::path(source)?;
                remote::need(client, &path).map(|found| (path, found))
            };
            // All of them first: if one leads nowhere, nothing is downloaded.
            let sources = sources.iter().map(look_up).collect::<Result<Vec<_>, _>>()?;
            let work =
                Work { get: &self, settings, client, progress: Progress::new(settings, self.how.progress, None) };
            let mut sum = Sum::default();
            for (source, found) in sources {
                let ended = work.get(&source, found, target, &mut sum);
                if several { sum.add_source(&source.to_string(), ended) } else { ended }?;
            }
            match target == Path::new("-") {
                true => Ok(()),
                false => sum.end(settings, &work.progress, self.how.dry_run),
            }
        })
    }
}

struct Work<'a> {
    get: &'a Get,
    settings: &'a Settings,
    client: &'a Client,
    progress: Progress,
}

impl Work<'_> {
    fn get(&self, source: &RemotePath, found: Located, target: &Path, sum: &mut Sum) -> Result<(), Failure> {
        if target == Path::new("-") {
            let file = self.client.call(&GetFile::new(found.id))?;
            return self.get_stream(source, &file);
        }
        let (place, is_named_by_server) = match (target.is_dir(), source.name()) {
            (true, Some(name)) => (target.join(local_name(name)?), true),
            _ => (target.to_owned(), false),
        };
        match found.kind.is_folder() {
            true => {
                if is_named_by_server {
                    refuse_link(&place)?;
                }
                self.get_folder(source, found.id, &place, sum)
            }
            false => need_folder_of(&place).and_then(|()| self.get_file(source, found.id, &place, sum)),
        }
    }

    fn get_stream(&self, source: &RemotePath, file: &File) -> Result<(), Failure> {
        if file.is_folder() {
            return Err(Failure::usage(format!("{source} is a folder: only a file can be written to standard output")));
        }
        let download = Download::file(file);
        let sink = io::stdout().lock();
        let downloaded = self.client.download_observed(download, sink, |event| self.progress.tell(source, event));
        let downloaded = ended(downloaded, &self.progress);
        self.progress.clear();
        match downloaded {
            // Whoever closes the pipe early has seen enough.
            Err(failure) if failure.local() == Some(io::ErrorKind::BrokenPipe) => Ok(()),
            Err(failure) if failure.local().is_some() => Err(failure.at("standard output")),
            downloaded => downloaded.map(drop),
        }
    }

    fn get_file(&self, source: &RemotePath, id: FileId, place: &Path, sum: &mut Sum) -> Result<(), Failure> {
        if self.is_left(&id, place)? {
            sum.left += 1;
            return Ok(());
        }
        if self.get.how.dry_run {
            return self.would(source, place);
        }
        if self.get.resume {
            let file = self.client.call(&GetFile::new(id))?;
            let overwrite = !self.get.how.no_clobber;
            sum.add(resume::download(self.client, &file, source, place, overwrite, &self.progress)?);
            return Ok(());
        }
        let on_conflict = if self.get.how.no_clobber { OnConflict::Refuse } else { OnConflict::Overwrite };
        let files = self.client.files().on_conflict(on_conflict);
        let files = files.on_event(|_, event| self.progress.tell(source, event));
        match files.download(&id, place) {
            // It was not there a moment ago.
            Err(error) if self.get.how.no_clobber && is_there(&error) => sum.left += 1,
            downloaded => sum.add(ended(downloaded, &self.progress)?.size),
        }
        Ok(())
    }

    fn get_folder(&self, source: &RemotePath, id: FileId, place: &Path, sum: &mut Sum) -> Result<(), Failure> {
        if self.get.resume {
            return Err(Failure::usage("--resume is for files; for a folder, --update does the rest of it"));
        }
        let How { no_clobber, update, parallel, dry_run, .. } = self.get.how;
        let there = remote::list(self.client, id)?;
        let batch = match update {
            true => plan_mirror_down(&Mirror::default().with_update(), there, place)?,
            false => plan_download(there, place, !no_clobber),
        };
        if dry_run {
            return would_copy(self.settings, &batch, "download", source, |path| {
                Ok((remote::below(source, path).to_string(), below(place, path)?.display().to_string()))
            });
        }
        let files = self.client.files().concurrency(parallel.into());
        let files = files.on_event(|below, event| self.progress.tell_of_many(source, below, event));
        let report = files.run_batch(batch, place);
        sum.add_report(ended(report, &self.progress)?, source, no_clobber);
        Ok(())
    }

    /// In a dry run: says what would be done.
    fn would(&self, source: &RemotePath, place: &Path) -> Result<(), Failure> {
        would(self.settings, "download", &source.to_string(), &place.display().to_string())
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
        let there = self.client.call(&GetFile::new(id.clone()))?;
        let size =
            there.size.ok_or_else(|| Failure::new(Exit::InvalidResponse, "the server reports no size for the file"))?;
        Ok(!is_outdated((size, there.modified), (Some(here.len()), modified(&here))))
    }
}

/// A name of the server that is one name here, and leads nowhere else.
fn local_name(name: &str) -> Result<&str, Failure> {
    match is_usable(name) {
        true => Ok(name),
        false => Err(Failure::new(Exit::LocalFile, format!("{name}: not a valid file name on this machine"))),
    }
}

/// The folder that a file goes into is not made.
fn need_folder_of(place: &Path) -> Result<(), Failure> {
    let folder = match place.as_os_str().as_encoded_bytes().ends_with(b"/") {
        true => place,
        false => folder_of(place),
    };
    match folder.is_dir() {
        true => Ok(()),
        false => Err(Failure::new(Exit::LocalFile, format!("{}: no such folder", folder.display()))
            .next(format!("mkdir -p {}", Quoted(folder)))),
    }
}
