//! A tree of folders, folder by folder.

use std::collections::VecDeque;

use bytes::Bytes;
use http::StatusCode;

use super::{Task, TaskStep, is_absent};
use crate::api::{GetFile, GetHome};
use crate::endpoint::Endpoint;
use crate::error::{Error, Nonsense, Problem};
use crate::file::{File, FileKind};
use crate::id::FileId;
use crate::path::RemotePath;
use crate::server::Server;
use crate::time::Timestamp;

/// No tree made by people is deeper; an answer that holds itself is.
const DEEPEST: usize = 256;

/// Lists everything below a folder.
///
/// Entries come folder by folder, sorted by name, each folder before what is in it. Take them with
/// [`next_entry`](Self::next_entry) after each call: then memory holds one listing and the folders still to come. Those
/// that nobody took are the output. The trash is listed as an entry, and looked into only if the walk starts there. A
/// folder that vanishes on the way is passed over.
///
/// Dropping it ends the walk; nothing is left behind.
#[derive(Clone, Debug)]
pub struct Walk {
    server: Server,
    /// Where to look next, the last one first.
    folders: Vec<Folder>,
    entries: VecDeque<Entry>,
    started: bool,
    failed: Option<Error>,
}

#[derive(Clone, Debug)]
struct Folder {
    /// `None` is the home.
    id: Option<FileId>,
    path: RemotePath,
    depth: usize,
}

/// Something on the way.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Entry {
    /// The way to it, from the path that the walk began with.
    pub path: RemotePath,
    /// What it is. Its children are entries of their own.
    pub file: File,
}

impl Walk {
    /// Walks everything in the home.
    pub fn home(server: &Server) -> Self {
        Self::from(server, None, RemotePath::home())
    }

    /// Walks everything in this folder; `path` is what the paths of the entries begin with.
    pub fn below(server: &Server, folder: FileId, path: RemotePath) -> Self {
        Self::from(server, Some(folder), path)
    }

    fn from(server: &Server, id: Option<FileId>, path: RemotePath) -> Self {
        let folders = vec![Folder { id, path, depth: 0 }];
        Self { server: server.clone(), folders, entries: VecDeque::new(), started: false, failed: None }
    }

    /// Takes the next entry that the calls so far have brought.
    pub fn next_entry(&mut self) -> Option<Entry> {
        self.entries.pop_front()
    }

    /// Takes a listing in: all of it as entries, its folders as places to look at next.
    fn enter(&mut self, folder: &Folder, mut content: Vec<File>) -> Result<(), Nonsense> {
        let nonsense = |field: &str| Nonsense::new("file.metadata", StatusCode::OK, Problem::Value(field.into()));
        content.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let first = self.entries.len();
        self.entries.reserve(content.len());
        for mut file in content {
            let path = folder.path.join(&file.name).map_err(|_| nonsense("name"))?;
            file.content = Vec::new();
            self.entries.push_back(Entry { path, file });
        }
        let depth = folder.depth + 1;
        let below = self.entries.range(first..).filter(|entry| entry.file.is_folder());
        let below = below.filter(|entry| entry.file.kind != FileKind::Trash);
        let below = below.map(|entry| Folder { id: Some(entry.file.id.clone()), path: entry.path.clone(), depth });
        self.folders.extend(below.rev());
        match depth > DEEPEST {
            true => Err(nonsense("content")),
            false => Ok(()),
        }
    }
}

impl Task for Walk {
    type Output = Vec<Entry>;

    fn poll(&mut self, _now: Timestamp) -> TaskStep<Vec<Entry>> {
        if let Some(error) = &self.failed {
            return TaskStep::Done(Err(error.clone()));
        }
        match self.folders.last() {
            Some(Folder { id: Some(id), .. }) => {
                TaskStep::call(GetFile { id: id.clone(), content: true }.prepare(&self.server))
            }
            Some(Folder { id: None, .. }) => TaskStep::call(GetHome { content: true }.prepare(&self.server)),
            None => TaskStep::Done(Ok(std::mem::take(&mut self.entries).into())),
        }
    }

    fn handle(&mut self, _now: Timestamp, result: Result<http::Response<Bytes>, Error>, _moved: u64) {
        let Some(folder) = self.folders.pop() else { return };
        let entered = match result.and_then(GetFile::decode) {
            Ok(file) => self.enter(&folder, file.content).map_err(Error::from),
            Err(error) if is_absent(&error) && self.started => Ok(()),
            Err(error) => Err(error),
        };
        self.started = true;
        self.failed = entered.err();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::known::answer;
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

    fn paths(entries: &[Entry]) -> Vec<String> {
        entries.iter().map(|entry| entry.path.to_string()).collect()
    }

    #[test]
    fn every_folder_comes_before_what_is_in_it() {
        let mut model = tree();
        let entries = model.run(Walk::home(&Server::default())).unwrap();
        assert_eq!(paths(&entries), ["/a", "/b", "/c", "/b/1", "/b/2", "/b/1/x"]);
        assert_eq!(model.calls().len(), 4, "one per folder");
        let below = Walk::below(&Server::default(), model.id("/b").parse().unwrap(), "/b".parse().unwrap());
        assert_eq!(paths(&model.run(below).unwrap()), ["/b/1", "/b/2", "/b/1/x"]);
    }

    #[test]
    fn entries_can_be_taken_on_the_way() {
        let (mut model, mut walk, mut taken) = (tree(), Walk::home(&Server::default()), Vec::new());
        let rest = loop {
            match walk.poll(Timestamp::ZERO) {
                TaskStep::Call(prepared) => walk.handle(Timestamp::ZERO, Ok(model.answer(&prepared, b"")), 0),
                TaskStep::Done(rest) => break rest.unwrap(),
            }
            let came: Vec<Entry> = std::iter::from_fn(|| walk.next_entry()).collect();
            assert!(came.len() <= 3, "one listing at a time");
            taken.extend(came);
        };
        assert_eq!(paths(&taken), ["/a", "/b", "/c", "/b/1", "/b/2", "/b/1/x"]);
        assert!(rest.is_empty());
    }

    #[test]
    fn the_trash_is_named_and_not_looked_into() {
        let mut model = tree();
        let trash = model.trash("home", "Trash");
        model.file(&trash, "old", b"");
        let entries = model.run(Walk::home(&Server::default())).unwrap();
        assert_eq!(paths(&entries), ["/Trash", "/a", "/b", "/c", "/b/1", "/b/2", "/b/1/x"]);
        let into = Walk::below(&Server::default(), trash.parse().unwrap(), "/Trash".parse().unwrap());
        assert_eq!(paths(&model.run(into).unwrap()), ["/Trash/old"]);
    }

    #[test]
    fn a_folder_that_vanishes_is_passed_over_unless_it_is_the_first() {
        let mut model = tree();
        let mut walk = Walk::home(&Server::default());
        let gone = || Ok(answer(404, r#"{"code":20,"msg":"not found"}"#));
        let entries = model.run_with(&mut walk, |n, answered| if n == 1 { gone() } else { answered }).unwrap();
        assert_eq!(paths(&entries), ["/a", "/b", "/c", "/b/1", "/b/2", "/b/1/x"], "/a was empty anyway");
        let mut walk = Walk::home(&Server::default());
        let error = model.run_with(&mut walk, |_, _| gone()).unwrap_err();
        assert_eq!(error.to_string(), "file.metadata: not found (code 20, status 404)");
    }

    #[test]
    fn m41_a_name_that_leads_elsewhere_ends_the_walk() {
        for name in ["..", "../../etc", "/etc/passwd", ""] {
            let json =
                format!(r#"{{"id":"h","name":"","type":"D","content":[{{"id":"x","name":"{name}","type":"F"}}]}}"#);
            let mut walk = Walk::home(&Server::default());
            walk.handle(Timestamp::ZERO, Ok(http::Response::new(json.into())), 0);
            let TaskStep::Done(Err(error)) = walk.poll(Timestamp::ZERO) else { panic!("{name:?} was taken") };
            let says = "file.metadata: the answer (status 200) makes no sense: field name has an impossible value";
            assert_eq!(error.to_string(), says);
        }
    }

    #[test]
    fn children_of_children_are_asked_for_again() {
        let deep = r#"{"id":"h","name":"","type":"D","content":[{"id":"a","name":"a","type":"D","content":
            [{"id":"b","name":"b","type":"F"}]}]}"#;
        let mut walk = Walk::home(&Server::default());
        walk.handle(Timestamp::ZERO, Ok(answer(200, deep)), 0);
        let entry = walk.next_entry().unwrap();
        assert_eq!((entry.file.name.as_str(), entry.file.content.len()), ("a", 0));
        assert!(walk.next_entry().is_none() && matches!(walk.poll(Timestamp::ZERO), TaskStep::Call(_)));
    }

    #[test]
    fn a_folder_that_holds_itself_does_not_walk_for_ever() {
        let mut walk = Walk::home(&Server::default());
        let itself = r#"{"id":"a","name":"a","type":"D","content":[{"id":"a","name":"a","type":"D"}]}"#;
        let mut calls = 0;
        while let TaskStep::Call(_) = walk.poll(Timestamp::ZERO) {
            walk.handle(Timestamp::ZERO, Ok(http::Response::new(itself.into())), 0);
            calls += 1;
        }
        assert_eq!(calls, DEEPEST + 1);
        assert!(matches!(walk.poll(Timestamp::ZERO), TaskStep::Done(Err(Error::Nonsense(_)))));
    }
}
