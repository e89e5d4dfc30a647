//! `quatrix put`

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use quatrix_local::{below, modified, plan_mirror_up, plan_upload, read_tree};
use quatrix_ureq::proto::RemotePath;
use quatrix_ureq::proto::api::{GetFile, OnConflict};
use quatrix_ureq::proto::task::MakeFolders;
use quatrix_ureq::proto::task::mirror::{Batch, Item, Mirror, Remote};
use quatrix_ureq::{Client, Files, Stream};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::remote::{self, Place};
use crate::settings::Settings;
use crate::transfer::{How, Sum, ended, is_outdated, sources_and_target, would, would_copy};

/// Upload files and folders.
///
/// To a folder, or to a new name. A file has a temporary name until all bytes have
/// arrived; then it takes its own in one step, in place of the old file if there is
/// one. Modification times go along. `-` stands for standard input, and pipes and
/// devices are read to their end first.
///
///   quatrix put report.pdf photos /in
///   pg_dump shop | quatrix put - /backup/shop.sql
///
/// After Ctrl-C what had not arrived whole is removed from the server again.
#[derive(clap::Args)]
#[command(verbatim_doc_comment, override_usage = "quatrix put [OPTIONS] SOURCE.. TARGET")]
pub(crate) struct Put {
    /// Files and folders here; last, a folder or name there
    #[arg(required = true, num_args = 1.., value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Take another name if it is taken, as the server chooses; not for folders
    #[arg(long, conflicts_with_all = ["no_clobber", "update"])]
    rename: bool,

    /// Write straight under the final name, for automations that react to names
    #[arg(long)]
    inplace: bool,

    #[command(flatten)]
    how: How,
}

impl Put {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let (paths, target) = sources_and_target(&self.paths)?;
        let target = target.to_str().ok_or_else(|| Failure::usage("TARGET is not UTF-8"))?;
        let sources = paths.iter().map(|path| Source::of(path)).collect::<Result<Vec<_>, _>>()?;
        // How much of it will be left as it is shows only on the way.
        let all = !self.how.no_clobber && !self.how.update;
        let total = sources.iter().map(|source| source.bytes().filter(|_| all)).sum::<Option<u64>>();
        settings.with_transfers(|client| {
            let progress = Progress::new(settings, self.how.progress, total);
            let work = Work { put: &self, settings, client, progress };
            let several = sources.len() > 1;
            if several {
                remote::target_folder(client, &remote::path(target)?)?;
            }
            let mut sum = Sum::default();
            for source in &sources {
                let ended = work.put(source, target, &mut sum);
                if several { sum.add_source(&source.to_string(), ended) } else { ended }?;
            }
            sum.end(settings, &work.progress, self.how.dry_run)
        })
    }
}

/// What is to be uploaded.
enum Source {
    Stdin,
    /// Its path, as it was given and in full, and its name.
    File(PathBuf, String),
    Folder(PathBuf, String),
}

impl Source {
    fn of(path: &Path) -> Result<Self, Failure> {
        if path == Path::new("-") {
            return Ok(Self::Stdin);
        }
        // A path such as `..` has a name all the same.
        let whole = fs::canonicalize(path).map_err(|error| Failure::file(path, &error))?;
        let name = path.file_name().or_else(|| whole.file_name()).and_then(|name| name.to_str()).map(str::to_owned);
        let name =
            name.ok_or_else(|| Failure::usage(format!("{}: it has no name that can be sent", path.display())))?;
        Ok(match whole.is_dir() {
            true => Self::Folder(whole, name),
            false => Self::File(path.to_owned(), name),
        })
    }

    /// All its bytes, where they are known.
    fn bytes(&self) -> Option<u64> {
        match self {
            Self::Stdin => None,
            // Of a pipe nobody knows.
            Self::File(path, _) => fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|file| file.len()),
            Self::Folder(path, _) => {
                let size = |item: &Item| if let Item::File { size, .. } = item { size.unwrap_or(0) } else { 0 };
                Some(read_tree(path).ok()?.items().map(|(_, item)| size(item)).sum())
            }
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdin => f.write_str("-"),
            Self::File(path, _) | Self::Folder(path, _) => path.display().fmt(f),
        }
    }
}

struct Work<'a> {
    put: &'a Put,
    settings: &'a Settings,
    client: &'a Client,
    progress: Progress,
}

impl Work<'_> {
    fn put(&self, source: &Source, target: &str, sum: &mut Sum) -> Result<(), Failure> {
        match source {
            Source::Stdin => self.put_stream(target, sum),
            Source::File(path, name) => self.put_file(path, &remote::place(self.client, target, Some(name))?, sum),
            Source::Folder(path, name) => self.put_folder(path, target, name, sum),
        }
    }

    fn put_file(&self, source: &Path, place: &Place, sum: &mut Sum) -> Result<(), Failure> {
        if self.is_left(place, Some(source))? {
            sum.left += 1;
            return Ok(());
        }
        if self.would(source, place)? {
            return Ok(());
        }
        let uploaded = self.files(&place.path).name(place.name.clone()).upload(source, &place.folder);
        sum.add(ended(uploaded, &self.progress)?.size);
        Ok(())
    }

    fn put_stream(&self, target: &str, sum: &mut Sum) -> Result<(), Failure> {
        let place = remote::place(self.client, target, None)?;
        if self.is_left(&place, None)? {
            sum.left += 1;
            return Ok(());
        }
        if self.would(Path::new("-"), &place)? {
            return Ok(());
        }
        let files = self.files(&place.path);
        let uploaded = files.upload(Stream::new(place.name.clone(), io::stdin().lock()), &place.folder);
        sum.add(ended(uploaded, &self.progress)?.size);
        Ok(())
    }

    /// For one file, which goes to this path.
    fn files<'a>(&'a self, path: &'a RemotePath) -> Files<'a> {
        let on_conflict = match (self.put.rename, self.put.how.no_clobber) {
            (true, _) => OnConflict::Rename,
            (false, true) => OnConflict::Refuse,
            (false, false) => OnConflict::Overwrite,
        };
        let files = self.client.files().on_conflict(on_conflict);
        files.under_final_name(self.put.inplace).on_event(|_, event| self.progress.tell(path, event))
    }

    /// Into the folder of this name in the target, or into the target itself if that is new.
    fn put_folder(&self, source: &Path, target: &str, name: &str, sum: &mut Sum) -> Result<(), Failure> {
        if self.put.rename {
            return Err(Failure::usage("--rename is for single files"));
        }
        let place = remote::place(self.client, target.trim_end_matches('/'), Some(name))?;
        if place.taken.as_ref().is_some_and(|taken| !taken.kind.is_folder()) {
            return Err(Failure::new(Exit::Exists, format!("{} is a file", place.path)));
        }
        let How { no_clobber, update, parallel, dry_run, .. } = self.put.how;
        let folder = match (&place.taken, dry_run) {
            (Some(taken), _) => Some(taken.id.clone()),
            (None, true) => None,
            (None, false) => Some(self.client.run(MakeFolders::new(place.path.clone()))?),
        };
        let on_conflict = if no_clobber { OnConflict::Refuse } else { OnConflict::Overwrite };
        let batch = match (update, folder) {
            (true, folder) => {
                plan_mirror_up(&Mirror::default().with_update(), source, remote::list_if_any(self.client, folder)?)?
            }
            (false, folder) => {
                plan_upload(source, folder.unwrap_or_else(|| Remote::missing().id().clone()), on_conflict)?
            }
        };
        if dry_run {
            return self.would_put_folder(&batch, source, &place.path);
        }
        let files = self.client.files().concurrency(parallel.into()).under_final_name(self.put.inplace);
        let files = files.on_event(|below, event| self.progress.tell_of_many(&place.path, below, event));
        let report = files.run_batch(batch, source);
        sum.add_report(ended(report, &self.progress)?, &place.path, no_clobber);
        Ok(())
    }

    /// Whether the options say that what is there stays. A pipe is not opened for that.
    fn is_left(&self, place: &Place, source: Option<&Path>) -> Result<bool, Failure> {
        let modified = match source {
            Some(path) if self.put.how.update => {
                let metadata = fs::metadata(path).map_err(|error| Failure::file(path, &error))?;
                metadata.is_file().then(|| (metadata.len(), modified(&metadata)))
            }
            _ => None,
        };
        if self.put.how.update && modified.is_none() {
            return Err(Failure::usage("--update needs the size and time of a file, which a pipe has not"));
        }
        let Some(taken) = &place.taken else { return Ok(false) };
        if taken.kind.is_folder() {
            return Err(Failure::new(Exit::Exists, format!("{} is a folder", place.path)));
        }
        let Some(source) = modified else { return Ok(self.put.how.no_clobber) };
        let there = self.client.call(&GetFile::new(taken.id.clone()))?;
        Ok(!is_outdated(source, (there.size, there.modified)))
    }

    /// In a dry run: says what would be done.
    fn would(&self, source: &Path, place: &Place) -> Result<bool, Failure> {
        if self.put.how.dry_run {
            would(self.settings, "upload", &source.display().to_string(), &place.path.to_string())?;
        }
        Ok(self.put.how.dry_run)
    }

    fn would_put_folder(&self, batch: &Batch, source: &Path, target: &RemotePath) -> Result<(), Failure> {
        would_copy(self.settings, batch, "upload", target, |path| {
            Ok((below(source, path)?.display().to_string(), remote::below(target, path).to_string()))
        })
    }
}
