//! Recursive listing.

use std::collections::VecDeque;

use bytes::Bytes;
use http::StatusCode;

use super::{Task, TaskStep};
use crate::api::{GetFile, GetHome};
use crate::endpoint::Endpoint;
use crate::error::{Error, InvalidResponse, InvalidResponseKind, TransportErrorKind};
use crate::file::{File, FileKind};
use crate::id::FileId;
use crate::path::RemotePath;
use crate::server::Server;
use crate::time::Timestamp;

/// Maximum depth: only a listing that contains itself is deeper.
const MAX_DEPTH: usize = 256;

/// Lists everything below a folder.
///
/// Entries come folder by folder, sorted by name, each folder before what is in it. Take them with
/// [`next_entry`](Self::next_entry) after each call: then memory holds one listing and the remaining folders. Entries that
/// were not taken are in the output. The trash is an entry, and is entered only if the walk starts there.
///
/// A folder below the first that vanishes, is forbidden or has an invalid listing, and an entry whose name cannot be part
/// of a path, are reported as [failed](Listed::failed), and the walk goes on. It ends with an error if the first folder
/// cannot be listed, and if the connection or the session fails.
///
/// Dropping it ends the walk; nothing is left behind.
#[derive(Clone, Debug)]
pub struct Walk {
    /// Folders to list, the last one first.
    folders: Vec<Folder>,
    listed: Listed,
    started: bool,
    error: Option<Error>,
}

#[derive(Clone, Debug)]
struct Folder {
    /// `None` is the home.
    id: Option<FileId>,
    path: RemotePath,
    depth: usize,
}

/// A file or folder that a [`Walk`] has listed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Entry {
    /// Path, from the path that the walk began with.
    pub path: RemotePath,
    /// The file or folder. Its children are entries of their own.
    pub file: File,
}

/// Result of a [`Walk`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Listed {
    /// Entries that were not taken by [`Walk::next_entry`].
    pub entries: VecDeque<Entry>,
    /// Folders that could not be listed, each with the reason.
    pub failed: Vec<(RemotePath, Error)>,
    /// Entries whose names cannot be part of a path.
    pub unnamed: Vec<Unnamed>,
}

/// An entry whose name cannot be part of a path: it is empty, `.` or `..`, or holds a slash.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Unnamed {
    /// The folder that lists it.
    pub folder: RemotePath,
    /// Its path, in which U+FFFD replaces the characters that a name cannot have.
    pub shown: RemotePath,
    /// The reason.
    pub error: Error,
}

impl Walk {
    /// Lists everything in the home folder.
    pub fn home() -> Self {
        Self::start(None, RemotePath::home())
    }

    /// Lists everything in this folder; the paths of the entries begin with `path`.
    pub fn below(folder: FileId, path: RemotePath) -> Self {
        Self::start(Some(folder), path)
    }

    fn start(id: Option<FileId>, path: RemotePath) -> Self {
        let folders = vec![Folder { id, path, depth: 0 }];
        Self { folders, listed: Listed::default(), started: false, error: None }
    }

    /// Returns the next entry of the listings received so far.
    pub fn next_entry(&mut self) -> Option<Entry> {
        self.listed.entries.pop_front()
    }

    /// Adds the children of a listing as entries, and its folders to those to list.
    fn enter(&mut self, folder: &Folder, file: File) -> Result<(), Error> {
        if folder.id.as_ref().is_some_and(|id| *id != file.id) {
            return Err(invalid("id"));
        }
        let mut content = file.into_children()?;
        content.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let first = self.listed.entries.len();
        self.listed.entries.reserve(content.len());
        for mut file in content {
            file.content = None;
            match folder.path.join(&file.name) {
                Ok(path) => self.listed.entries.push_back(Entry { path, file }),
                Err(_) => self.listed.unnamed.push(Unnamed::new(&folder.path, &file.name, invalid("name"))),
            }
        }
        let depth = folder.depth + 1;
        let below = self.listed.entries.range(first..).filter(|entry| entry.file.is_folder());
        let below = below.filter(|entry| entry.file.kind != FileKind::Trash);
        let below = below.map(|entry| Folder { id: Some(entry.file.id.clone()), path: entry.path.clone(), depth });
        self.folders.extend(below.rev());
        if depth > MAX_DEPTH {
            self.error = Some(invalid("content"));
        }
        Ok(())
    }
}

impl Unnamed {
    /// Returns the path under which it is reported.
    pub fn new(folder: &RemotePath, name: &str, error: Error) -> Self {
        let shown = match name {
            "" | "." | ".." => format!("\u{fffd}{name}"),
            name => name.replace('/', "\u{fffd}"),
        };
        Self { folder: folder.clone(), shown: folder.join(&shown).unwrap_or_else(|_| folder.clone()), error }
    }
}

fn invalid(field: &str) -> Error {
    InvalidResponse::new("file.metadata", StatusCode::OK, InvalidResponseKind::Value(field.into())).into()
}

/// Whether an error concerns the requested folder only, not the connection, the session or the server.
fn is_about_one_folder(error: &Error) -> bool {
    match error {
        Error::Api(refusal) => !error.retryable() || refusal.status() == StatusCode::INTERNAL_SERVER_ERROR,
        Error::InvalidResponse(_) | Error::Invalid(_) => true,
        Error::Transport(failure) => failure.kind() == TransportErrorKind::TooLarge,
        _ => false,
    }
}

impl Task for Walk {
    type Output = Listed;

    fn poll(&mut self, _now: Timestamp, server: &Server) -> TaskStep<Listed> {
        if let Some(error) = &self.error {
            return TaskStep::Done(Err(error.clone()));
        }
        match self.folders.last() {
            Some(Folder { id: Some(id), .. }) => {
                TaskStep::call(GetFile::new(id.clone()).with_content().prepare(server))
            }
            Some(Folder { id: None, .. }) => TaskStep::call(GetHome::new().with_content().prepare(server)),
            None => TaskStep::Done(Ok(std::mem::take(&mut self.listed))),
        }
    }

    fn handle(&mut self, _now: Timestamp, result: Result<http::Response<Bytes>, Error>, _moved: u64) {
        let Some(folder) = self.folders.pop() else { return };
        match result.and_then(GetFile::decode).and_then(|file| self.enter(&folder, file)) {
            Ok(()) => {}
            Err(error) if self.started && is_about_one_folder(&error) => self.listed.failed.push((folder.path, error)),
            Err(error) => self.error = Some(error),
        }
        self.started = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::known::answer;
    use crate::error::{LoggedOut, TransportError};
    use crate::task::model::Model;

    fn tree() -> Model {
        let mut model = Model::new();
        let b = model.folder("home", "b");
        model.file(&b, "2", b"");
        let deep = model.folder(&b, "1");
        model.file(&deep, "x", b"x");
        model.file("home", "c", b"c");
        model.folder("home", "a");
        model
    }

    fn paths<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Vec<String> {
        entries.into_iter().map(|entry| entry.path.to_string()).collect()
    }

    fn says(failed: &[(RemotePath, Error)]) -> Vec<String> {
        failed.iter().map(|(path, error)| format!("{path}: {error}")).collect()
    }

    #[test]
    fn every_folder_comes_before_what_is_in_it() {
        let mut model = tree();
        let entries = model.run(Walk::home()).unwrap().entries;
        assert_eq!(paths(&entries), ["/a", "/b", "/c", "/b/1", "/b/2", "/b/1/x"]);
        assert_eq!(model.calls().len(), 4, "one per folder");
        let below = Walk::below(model.id("/b").parse().unwrap(), "/b".parse().unwrap());
        assert_eq!(paths(&model.run(below).unwrap().entries), ["/b/1", "/b/2", "/b/1/x"]);
    }

    #[test]
    fn entries_can_be_taken_on_the_way() {
        let (mut model, mut walk, mut taken) = (tree(), Walk::home(), Vec::new());
        let rest = loop {
            match walk.poll(Timestamp::ZERO, &Server::default()) {
                TaskStep::Call(prepared) => walk.handle(Timestamp::ZERO, Ok(model.answer(&prepared, b"")), 0),
                TaskStep::Done(rest) => break rest.unwrap(),
            }
            let came: Vec<Entry> = std::iter::from_fn(|| walk.next_entry()).collect();
            assert!(came.len() <= 3, "one listing at a time");
            taken.extend(came);
        };
        assert_eq!(paths(&taken), ["/a", "/b", "/c", "/b/1", "/b/2", "/b/1/x"]);
        assert!(rest.entries.is_empty());
    }

    #[test]
    fn the_trash_is_named_and_not_looked_into() {
        let mut model = tree();
        let trash = model.trash("home", "Trash");
        model.file(&trash, "old", b"");
        let entries = model.run(Walk::home()).unwrap().entries;
        assert_eq!(paths(&entries), ["/Trash", "/a", "/b", "/c", "/b/1", "/b/2", "/b/1/x"]);
        let into = Walk::below(trash.parse().unwrap(), "/Trash".parse().unwrap());
        assert_eq!(paths(&model.run(into).unwrap().entries), ["/Trash/old"]);
    }

    #[test]
    fn a_folder_that_cannot_be_listed_is_reported_and_the_walk_goes_on() {
        let invalid = |field: &str| {
            format!("/b: file.metadata: invalid response (status 200): field {field} has an invalid value")
        };
        let missing =
            "/b: file.metadata: invalid response (status 200): field content is missing or duplicated".to_owned();
        for (status, body, expected) in [
            (404, r#"{"code":20,"msg":"not found"}"#, "/b: not found (code 20, status 404)".to_owned()),
            (403, r#"{"code":50,"msg":"restriction"}"#, "/b: restriction (code 50, status 403)".to_owned()),
            (200, r#"{"id":"i1","name":"b","type":"D"}"#, missing.clone()),
            (200, r#"{"id":"i1","name":"b","type":"D","content":null}"#, missing),
            (200, r#"{"id":"i1","name":"b","type":"F","content":[]}"#, invalid("type")),
            (200, r#"{"id":"other","name":"b","type":"D","content":[]}"#, invalid("id")),
        ] {
            let (mut model, mut walk) = (tree(), Walk::home());
            assert_eq!(model.id("/b"), "i1");
            let listed = model.run_with(&mut walk, |n, ok| if n == 2 { Ok(answer(status, body)) } else { ok }).unwrap();
            assert_eq!(paths(&listed.entries), ["/a", "/b", "/c"]);
            let expected = expected.replacen("/b: not", "/b: file.metadata: not", 1);
            assert_eq!(says(&listed.failed), [expected.replacen("/b: restr", "/b: file.metadata: restr", 1)]);
        }
    }

    #[test]
    fn the_first_folder_and_the_session_end_the_walk() {
        let gone = || Ok(answer(404, r#"{"code":20,"msg":"not found"}"#));
        let mut walk = Walk::home();
        let error = tree().run_with(&mut walk, |_, _| gone()).unwrap_err();
        assert_eq!(error.to_string(), "file.metadata: not found (code 20, status 404)");
        let mut walk = Walk::home();
        let bare = r#"{"id":"home","name":"","type":"D"}"#;
        let error = tree().run_with(&mut walk, |_, _| Ok(answer(200, bare))).unwrap_err();
        assert!(matches!(error, Error::InvalidResponse(_)), "{error}");
        for end in
            [Error::Cancelled, LoggedOut::Expired.into(), TransportError::unsent(TransportErrorKind::Connect).into()]
        {
            let mut walk = Walk::home();
            let ended = tree().run_with(&mut walk, |n, ok| if n == 1 { Err(end.clone()) } else { ok });
            assert_eq!(ended.unwrap_err().to_string(), end.to_string());
        }
        let mut walk = Walk::home();
        let busy = |n, ok| if n == 1 { Ok(answer(503, "")) } else { ok };
        assert!(tree().run_with(&mut walk, busy).is_err(), "a server that is down is asked no further");
    }

    #[test]
    fn m41_a_name_that_leads_elsewhere_is_no_entry() {
        for (name, shown) in [
            ("..", "/\u{fffd}.."),
            ("../../etc", "/..\u{fffd}..\u{fffd}etc"),
            ("/etc/passwd", "/\u{fffd}etc\u{fffd}passwd"),
            ("", "/\u{fffd}"),
        ] {
            let json = format!(
                r#"{{"id":"h","name":"","type":"D","content":[{{"id":"x","name":"{name}","type":"D"}},
                    {{"id":"y","name":"y","type":"F"}}]}}"#
            );
            let mut walk = Walk::home();
            walk.handle(Timestamp::ZERO, Ok(http::Response::new(json.into())), 0);
            let TaskStep::Done(Ok(listed)) = walk.poll(Timestamp::ZERO, &Server::default()) else {
                panic!("{name:?} was entered")
            };
            assert_eq!(paths(&listed.entries), ["/y"]);
            let [unnamed] = &listed.unnamed[..] else { panic!("{name:?} is not reported") };
            assert_eq!((unnamed.shown.to_string().as_str(), &unnamed.folder), (shown, &RemotePath::home()));
            let says = "file.metadata: invalid response (status 200): field name has an invalid value";
            assert_eq!(unnamed.error.to_string(), says);
        }
    }

    #[test]
    fn children_of_children_are_asked_for_again() {
        let deep = r#"{"id":"h","name":"","type":"D","content":[{"id":"a","name":"a","type":"D","content":
            [{"id":"b","name":"b","type":"F"}]}]}"#;
        let mut walk = Walk::home();
        walk.handle(Timestamp::ZERO, Ok(answer(200, deep)), 0);
        let entry = walk.next_entry().unwrap();
        assert_eq!((entry.file.name.as_str(), entry.file.content), ("a", None));
        assert!(
            walk.next_entry().is_none() && matches!(walk.poll(Timestamp::ZERO, &Server::default()), TaskStep::Call(_))
        );
    }

    #[test]
    fn a_folder_that_holds_itself_does_not_walk_for_ever() {
        let mut walk = Walk::home();
        let itself = r#"{"id":"a","name":"a","type":"D","content":[{"id":"a","name":"a","type":"D"}]}"#;
        let mut calls = 0;
        while let TaskStep::Call(_) = walk.poll(Timestamp::ZERO, &Server::default()) {
            walk.handle(Timestamp::ZERO, Ok(http::Response::new(itself.into())), 0);
            calls += 1;
        }
        assert_eq!(calls, MAX_DEPTH + 1);
        assert!(matches!(
            walk.poll(Timestamp::ZERO, &Server::default()),
            TaskStep::Done(Err(Error::InvalidResponse(_)))
        ));
    }
}
