//! `quatrix put`

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use quatrix_ureq::Client;
use quatrix_ureq::proto::api::{Clash, GetFile};
use quatrix_ureq::proto::task::{MakeFolders, mirror::Mirror};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::out;
use crate::progress::Progress;
use crate::remote::{self, Place};
use crate::settings::Settings;
use crate::show::Shown;
use crate::transfer::{How, Sum, ended, files_below, is_outdated, modified};

/// Upload files and folders.
///
/// To a folder, or to a new name. A file of the same name is replaced, in one step, when all bytes have arrived: until
/// then it is the old one. Modification times go along. `-` stands for standard input.
///
///   quatrix put report.pdf photos /in
///   pg_dump shop | quatrix put - /backup/shop.sql
///
/// After Ctrl-C what had not arrived whole is removed from the server again.
#[derive(clap::Args)]
#[command(verbatim_doc_comment, override_usage = "quatrix put [OPTIONS] SOURCE.. TARGET")]
pub(crate) struct Put {
    /// Files and folders here; last, a folder or name there
    #[arg(required = true, num_args = 2.., value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Take another name if it is taken, as the server chooses; not for folders
    #[arg(long, conflicts_with_all = ["no_clobber", "update"])]
    rename: bool,

    #[command(flatten)]
    how: How,
}

impl Put {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let (target, sources) = self.paths.split_last().ok_or_else(|| Failure::usage("what, and to where?"))?;
        let target = target.to_str().ok_or_else(|| Failure::usage("TARGET is not UTF-8"))?;
        let total = sources.iter().map(|source| bytes_of(source)).sum::<Option<u64>>();
        settings.with_client(|client| {
            let work = Work { put: &self, client, progress: Progress::new(settings, self.how.progress, total) };
            if sources.len() > 1 {
                remote::need_folder(client, &remote::path(target)?)?;
            }
            let mut sum = Sum::default();
            for source in sources {
                work.put(source, target, &mut sum)?;
            }
            sum.end(settings, &work.progress)
        })
    }
}

struct Work<'a> {
    put: &'a Put,
    client: &'a Client,
    progress: Progress,
}

impl Work<'_> {
    fn put(&self, source: &Path, target: &str, sum: &mut Sum) -> Result<(), Failure> {
        if source == Path::new("-") {
            return self.put_stream(target, sum);
        }
        // A path such as `..` has a name all the same.
        let whole = fs::canonicalize(source).map_err(|error| Failure::file(source, &error))?;
        let name = source.file_name().or_else(|| whole.file_name()).and_then(|name| name.to_str());
        let name =
            name.ok_or_else(|| Failure::usage(format!("{}: it has no name that can be sent", source.display())))?;
        match whole.is_dir() {
            true => self.put_folder(&whole, target, name, sum),
            false => self.put_file(source, &remote::place(self.client, target, Some(name))?, sum),
        }
    }

    fn put_file(&self, source: &Path, place: &Place, sum: &mut Sum) -> Result<(), Failure> {
        let opened = File::open(source).and_then(|file| Ok((file.metadata()?, file)));
        let (metadata, file) = opened.map_err(|error| Failure::file(source, &error))?;
        if self.is_left(place, (metadata.len(), modified(&metadata)))? {
            sum.left += 1;
            return Ok(());
        }
        if self.would(source, place)? {
            return Ok(());
        }
        let mut upload = self.client.new_upload(place.folder.clone(), place.name.clone(), metadata.len());
        upload = upload.on_clash(self.clash());
        if let Some(time) = modified(&metadata) {
            upload = upload.modified(time);
        }
        let uploaded = self.client.upload_observed(upload, file, |event| self.progress.tell(&place.path, event));
        sum.add(ended(uploaded, &self.progress)?.size);
        Ok(())
    }

    fn put_stream(&self, target: &str, sum: &mut Sum) -> Result<(), Failure> {
        let place = remote::place(self.client, target, None)?;
        if self.put.how.update {
            return Err(Failure::usage("--update needs the size and time of a file, which a pipe has not"));
        }
        if self.put.how.no_clobber && place.taken.is_some() {
            sum.left += 1;
            return Ok(());
        }
        if self.would(Path::new("-"), &place)? {
            return Ok(());
        }
        let files = self.client.files().overwrite(self.clash() == Clash::Overwrite);
        let files = files.on_event(|_, event| self.progress.tell(&place.path, event));
        let uploaded = files.upload_stream(io::stdin().lock(), &place.folder, place.name.clone());
        sum.add(ended(uploaded, &self.progress)?.size);
        Ok(())
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
        if self.put.how.dry_run {
            for (file, _) in files_below(source) {
                let below = file.strip_prefix(source).unwrap_or(&file).display().to_string();
                out::line(&format!(
                    "would upload {} to {}/{}",
                    Shown(&file.display().to_string()),
                    Shown(&place.path.to_string()),
                    Shown(&below)
                ))?;
            }
            return Ok(());
        }
        let id = self.client.run(MakeFolders::new(self.client.config().server(), place.path.clone()))?;
        let How { no_clobber, update, parallel, .. } = self.put.how;
        let files = self.client.files().overwrite(!no_clobber).at_once(parallel.into());
        let files = files.on_event(|path, event| self.progress.tell(path, event));
        let report = match update {
            true => files.mirror_up(source, &id, &Mirror::default()),
            false => files.upload_folder(source, &id),
        };
        sum.add_report(ended(report, &self.progress)?, no_clobber);
        Ok(())
    }

    fn clash(&self) -> Clash {
        match (self.put.rename, self.put.how.no_clobber) {
            (true, _) => Clash::Rename,
            (false, true) => Clash::Refuse,
            (false, false) => Clash::Overwrite,
        }
    }

    /// Whether the options say that what is there stays.
    fn is_left(&self, place: &Place, source: (u64, Option<quatrix_ureq::proto::UnixTime>)) -> Result<bool, Failure> {
        let Some(taken) = &place.taken else { return Ok(false) };
        if taken.kind.is_folder() {
            return Err(Failure::new(Exit::Exists, format!("{} is a folder", place.path)));
        }
        if self.put.how.no_clobber {
            return Ok(true);
        }
        if !self.put.how.update {
            return Ok(false);
        }
        let there = self.client.call(&GetFile { id: taken.id.clone(), content: false })?;
        Ok(!is_outdated(source, (there.size, there.modified)))
    }

    /// In a dry run: says what would be done.
    fn would(&self, source: &Path, place: &Place) -> Result<bool, Failure> {
        if self.put.how.dry_run {
            out::line(&format!(
                "would upload {} to {}",
                Shown(&source.display().to_string()),
                Shown(&place.path.to_string())
            ))?;
        }
        Ok(self.put.how.dry_run)
    }
}

/// All bytes of a source, where they are known.
fn bytes_of(source: &Path) -> Option<u64> {
    let metadata = fs::metadata(source).ok()?;
    match metadata.is_dir() {
        true => Some(files_below(source).iter().map(|(_, size)| size).sum()),
        false => Some(metadata.len()),
    }
}
