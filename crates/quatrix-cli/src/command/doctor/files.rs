//! With --write: uploads and downloads in a scratch folder.

use std::hash::{BuildHasher as _, RandomState};

use quatrix_ureq::proto::api::{
    DeleteFiles, FinalizeUpload, GetDownloadLink, GetFile, GetFileId, GetUploadLink, MakeFolder, MoveOne, OnConflict,
    ReadLink, UploadChunk,
};
use quatrix_ureq::proto::{Endpoint, File, FileId, FileName, UploadKey};

use super::finding::Findings;
use super::waiting::Waiting;
use super::wire::{Seen, Speaker, Wire};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::{StopSign, stop_sign};
use crate::out;
use crate::remote;

/// One scratch folder and who works in it.
pub(super) struct Scratch<'a> {
    pub(super) wire: &'a Wire,
    pub(super) speaker: &'a Speaker,
    folder: FileId,
    stop: StopSign,
}

pub(super) fn try_out(
    wire: &Wire,
    speaker: &Speaker,
    folder: &str,
    waiting: Option<&Waiting>,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let place = GetFileId::new(remote::path(folder)?);
    let parent = wire.get(&place, speaker)?;
    let name = format!("quatrix-doctor-{:08x}", RandomState::new().hash_one(()) as u32);
    let made = wire.get(&MakeFolder::new(parent.id, file_name(&name)?), speaker)?;
    let scratch = Scratch { wire, speaker, folder: made.id.clone(), stop: stop_sign() };
    let tried = scratch.look(waiting, findings);
    let deleted = wire.ask(&DeleteFiles::permanently([made.id]), speaker)?;
    if !deleted.is_success() {
        out::note(&format!("the scratch folder {name} could not be deleted: {}", deleted.refusal()));
    }
    tried
}

impl Scratch<'_> {
    fn look(&self, waiting: Option<&Waiting>, findings: &mut Findings) -> Result<(), Failure> {
        for look in [Self::credentials, Self::size, Self::order, Self::ranges, Self::overwrite, Self::ten] {
            self.go_on()?;
            look(self, findings)?;
        }
        waiting.map_or(Ok(()), |waiting| self.wait(waiting, findings))
    }

    /// Unless somebody wants it to stop; then what was made is taken away again.
    pub(super) fn go_on(&self) -> Result<(), Failure> {
        match self.stop.is_up() {
            true => Err(Failure::new(Exit::Interrupted, "interrupted")),
            false => Ok(()),
        }
    }

    /// The key alone, and if that is not enough, with a session.
    fn credentials(&self, findings: &mut Findings) -> Result<(), Failure> {
        const QUESTION: &str = "what a chunk needs besides its key";

        let key = self.link("five", 5)?;
        let seen = self.chunk(&key, &Speaker::Nobody, 0, b"01234", 5)?;
        if seen.is_success() {
            findings.note("Q12", QUESTION, "nothing");
        } else {
            findings.note("Q12", QUESTION, format!("a session or a key (without: {})", seen.refusal()));
            self.chunk(&key, self.speaker, 0, b"01234", 5)?;
        }
        self.finalize(&key).map(drop)
    }

    /// There is one file of five bytes in the folder by now.
    fn size(&self, findings: &mut Findings) -> Result<(), Failure> {
        let folder = self.get(&GetFile::new(self.folder.clone()))?;
        findings.note(
            "Q14",
            "the size of a folder",
            match folder.size {
                Some(1) => "the number of its items".to_owned(),
                Some(5) => "its bytes".to_owned(),
                Some(_) => "neither its items nor its bytes".to_owned(),
                None => "not told".to_owned(),
            },
        );
        Ok(())
    }

    /// The second half first. The client never does that; it is good to know why.
    fn order(&self, findings: &mut Findings) -> Result<(), Failure> {
        let key = self.link("order", 10)?;
        let second = self.chunk(&key, self.speaker, 5, b"56789", 10)?;
        let observed = if second.is_success() {
            self.chunk(&key, self.speaker, 0, b"01234", 10)?;
            let file = self.finalize(&key)?;
            let whole = self.read(&file, None)?;
            if whole.body == "0123456789" {
                "in any order".to_owned()
            } else {
                "taken in any order, but mixed up".to_owned()
            }
        } else {
            format!("one after the other (else: {})", second.refusal())
        };
        findings.note("chunks", "the order of chunks", observed);
        Ok(())
    }

    fn ranges(&self, findings: &mut Findings) -> Result<(), Failure> {
        let file = self.upload("ranges", b"abcde")?;
        let seen = self.read(&file, Some(2))?;
        let observed = match (seen.status, &*seen.body) {
            (206, b"cde") => "served".to_owned(),
            (200, b"abcde") => "ignored: everything comes, and what is there already is skipped".to_owned(),
            (status, body) => format!("{status} with {} bytes: not usable", body.len()),
        };
        findings.note("ranges", "a range of a download", observed);
        Ok(())
    }

    /// What every upload over an existing file ends with.
    fn overwrite(&self, findings: &mut Findings) -> Result<(), Failure> {
        self.upload("old", b"old")?;
        let new = self.upload("new", b"new!!")?;
        let name = file_name("old")?;
        let target = self.folder.clone();
        let moved = self.wire.ask(&MoveOne::new(new, target, name).on_conflict(OnConflict::Overwrite), self.speaker)?;
        let observed = if moved.is_success() {
            let names = self.get(&GetFile::new(self.folder.clone()).with_content())?;
            let names = names.into_children()?;
            let here = |name: &str| names.iter().find(|file| file.name == name);
            match (here("old"), here("new")) {
                (Some(file), None) if file.size == Some(5) => "works".to_owned(),
                _ => "accepted, but the old file is not replaced".to_owned(),
            }
        } else {
            format!("not offered ({}): upload in place (Upload::in_place)", moved.refusal())
        };
        findings.note("replace", "replacing a file in one step", observed);
        Ok(())
    }

    fn ten(&self, findings: &mut Findings) -> Result<(), Failure> {
        let ids = (0..10).map(|n| Ok(self.make(&format!("ten-{n}"))?.id)).collect::<Result<Vec<_>, Failure>>()?;
        let seen = self.wire.ask(&DeleteFiles::permanently(ids), self.speaker)?;
        findings.note(
            "Q15",
            "deleting exactly ten at once",
            match seen.status {
                200 => "done at once (200)".to_owned(),
                202 => "done later, by a job (202)".to_owned(),
                _ => seen.refusal(),
            },
        );
        Ok(())
    }

    fn get<E: Endpoint>(&self, endpoint: &E) -> Result<E::Response, Failure> {
        self.wire.get(endpoint, self.speaker)
    }

    fn make(&self, name: &str) -> Result<File, Failure> {
        self.get(&MakeFolder::new(self.folder.clone(), file_name(name)?))
    }

    pub(super) fn link(&self, name: &str, size: u64) -> Result<UploadKey, Failure> {
        let link = GetUploadLink::new(self.folder.clone(), file_name(name)?).file_size(size);
        Ok(self.get(&link)?.upload_key)
    }

    pub(super) fn chunk(
        &self,
        key: &UploadKey,
        speaker: &Speaker,
        first: u64,
        bytes: &'static [u8],
        total: u64,
    ) -> Result<Seen, Failure> {
        let range = first..first + bytes.len() as u64;
        self.wire.ask_with(&UploadChunk::new(key.clone(), range, total), speaker, bytes)
    }

    fn finalize(&self, key: &UploadKey) -> Result<FileId, Failure> {
        Ok(self.get(&FinalizeUpload::new(key.clone()))?.id)
    }

    fn upload(&self, name: &str, bytes: &'static [u8]) -> Result<FileId, Failure> {
        let size = bytes.len() as u64;
        let key = self.link(name, size)?;
        let seen = self.chunk(&key, self.speaker, 0, bytes, size)?;
        match seen.is_success() {
            true => self.finalize(&key),
            false => Err(Failure::new(Exit::Server, format!("a chunk was refused: {}", seen.refusal()))),
        }
    }

    fn read(&self, file: &FileId, from: Option<u64>) -> Result<Seen, Failure> {
        let link = self.get(&GetDownloadLink::new(vec![file.clone()]))?;
        let read = ReadLink::new(link);
        self.wire.ask(&from.map_or_else(|| read.clone(), |from| read.clone().starting_at(from)), self.speaker)
    }
}

fn file_name(name: &str) -> Result<FileName, Failure> {
    FileName::new(name).map_err(|invalid| Failure::new(Exit::Other, invalid.to_string()))
}
