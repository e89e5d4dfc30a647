//! From a path to an id.

use bytes::Bytes;

use super::{Task, TaskStep, is_absent, is_not_offered};
use crate::api::{GetFile, GetFileId, GetHome, Located};
use crate::endpoint::{Endpoint, Prepared};
use crate::error::{Error, Invalid};
use crate::file::File;
use crate::id::FileId;
use crate::path::RemotePath;
use crate::server::Server;
use crate::time::Timestamp;

/// Finds out what a path leads to; `None` if to nothing.
///
/// It asks `POST /file/id`, which is in no specification. Where a server does not have that, it lists folder after
/// folder from the start: slower, and just as sure.
#[derive(Clone, Debug)]
pub struct LookUp {
    finder: Finder,
    end: Option<Result<Option<Located>, Error>>,
}

/// A look-up under way; [`MakeFolders`](super::MakeFolders) makes several.
#[derive(Clone, Debug)]
pub(super) struct Finder {
    start: Option<FileId>,
    path: RemotePath,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Asking,
    /// The first `depth` segments lead to `folder`; `None` is the home.
    Listing {
        folder: Option<FileId>,
        depth: usize,
    },
}

impl LookUp {
    /// Looks a path up that starts at the home.
    pub fn new(path: RemotePath) -> Self {
        Self { finder: Finder::new(None, path), end: None }
    }

    /// Looks a path up that starts at this folder.
    pub fn below(start: FileId, path: RemotePath) -> Self {
        Self { finder: Finder::new(Some(start), path), end: None }
    }
}

impl Task for LookUp {
    type Output = Option<Located>;

    fn poll(&mut self, _now: Timestamp, server: &Server) -> TaskStep<Option<Located>> {
        match &self.end {
            Some(end) => TaskStep::Done(end.clone()),
            None => TaskStep::call(self.finder.call(server)),
        }
    }

    fn handle(&mut self, _now: Timestamp, result: Result<http::Response<Bytes>, Error>, _moved: u64) {
        if self.end.is_none() {
            self.end = self.finder.take(result);
        }
    }
}

impl Finder {
    pub(super) fn new(start: Option<FileId>, path: RemotePath) -> Self {
        Self { start, path, state: State::Asking }
    }

    pub(super) fn call(&self, server: &Server) -> Result<Prepared, Invalid> {
        // Children are of interest where there is a next segment.
        let content = !self.path.is_home();
        match &self.state {
            State::Asking => GetFileId { path: self.path.clone(), parent: self.start.clone() }.prepare(server),
            State::Listing { folder: None, .. } => GetHome { content }.prepare(server),
            State::Listing { folder: Some(id), .. } => GetFile { id: id.clone(), content }.prepare(server),
        }
    }

    /// Takes an answer in; `None`: there is another call to make.
    pub(super) fn take(
        &mut self,
        result: Result<http::Response<Bytes>, Error>,
    ) -> Option<Result<Option<Located>, Error>> {
        match &self.state {
            State::Asking => match result.and_then(GetFileId::decode) {
                Ok(found) => Some(Ok(Some(found))),
                Err(error) if is_absent(&error) => Some(Ok(None)),
                Err(error) if is_not_offered(&error) => {
                    self.state = State::Listing { folder: self.start.clone(), depth: 0 };
                    None
                }
                Err(error) => Some(Err(error)),
            },
            State::Listing { depth, .. } => match result.and_then(GetFile::decode) {
                Ok(folder) => self.look_into(folder, *depth),
                Err(error) if is_absent(&error) => Some(Ok(None)),
                Err(error) => Some(Err(error)),
            },
        }
    }

    /// Reads a listing on the way.
    fn look_into(&mut self, folder: File, depth: usize) -> Option<Result<Option<Located>, Error>> {
        let mut segments = self.path.segments().skip(depth);
        let Some(name) = segments.next() else {
            return Some(Ok(Some(Located { id: folder.id, parent_id: folder.parent_id, kind: folder.kind })));
        };
        let last = segments.next().is_none();
        let parent = folder.id.clone();
        let children = match folder.into_children() {
            Ok(children) => children,
            Err(error) => return Some(Err(error)),
        };
        match children.into_iter().find(|child| child.name == name) {
            Some(File { id, parent_id, kind, .. }) if last => {
                Some(Ok(Some(Located { id, parent_id: parent_id.or(Some(parent)), kind })))
            }
            Some(child) if child.is_folder() => {
                self.state = State::Listing { folder: Some(child.id), depth: depth + 1 };
                None
            }
            Some(_) | None => Some(Ok(None)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::known::answer;
    use crate::endpoint::Authorization;
    use crate::file::FileKind;
    use crate::task::model::Model;

    fn found(model: &mut Model, path: &str) -> Option<(String, FileKind)> {
        let task = LookUp::new(path.parse().unwrap());
        let found = model.run(task).unwrap();
        found.map(|found| (found.id.to_string(), found.kind))
    }

    fn tree() -> Model {
        let mut model = Model::new();
        let reports = model.folder("home", "reports");
        model.file(&reports, "q3.pdf", b"q3");
        model.folder(&reports, "2026");
        model
    }

    #[test]
    fn one_call_where_the_server_knows_paths() {
        let mut model = tree();
        assert_eq!(found(&mut model, "/reports/q3.pdf"), Some((model.id("/reports/q3.pdf"), FileKind::File)));
        assert_eq!(found(&mut model, "/reports/q4.pdf"), None);
        assert_eq!(found(&mut model, "/"), Some(("home".into(), FileKind::Folder)));
        assert_eq!(model.calls(), ["file.id"; 3]);
    }

    #[test]
    fn listings_where_it_does_not() {
        for refusal in [(404, r#"{"code":21,"msg":"not supported"}"#), (405, ""), (404, "<h1>not found</h1>")] {
            let mut model = tree();
            model.lacks("file.id", refusal);
            assert_eq!(found(&mut model, "/reports/q3.pdf"), Some((model.id("/reports/q3.pdf"), FileKind::File)));
            assert_eq!(model.calls(), ["file.id", "file.home", "file.metadata"]);
            assert_eq!(found(&mut model, "/reports/2026"), Some((model.id("/reports/2026"), FileKind::Folder)));
            assert_eq!(found(&mut model, "/reports"), Some((model.id("/reports"), FileKind::Folder)));
            assert_eq!(found(&mut model, "/"), Some(("home".into(), FileKind::Folder)));
            for nowhere in ["/reports/q4.pdf", "/reports/q3.pdf/x", "/Reports", "/x/y"] {
                assert_eq!(found(&mut model, nowhere), None, "{nowhere}");
            }
        }
    }

    #[test]
    fn a_path_may_start_at_any_folder() {
        let mut model = tree();
        for knows_paths in [true, false] {
            if !knows_paths {
                model.lacks("file.id", (405, ""));
            }
            let reports: FileId = model.id("/reports").parse().unwrap();
            let look = |path: &str| LookUp::below(reports.clone(), path.parse().unwrap());
            let file = model.run(look("q3.pdf")).unwrap().unwrap();
            assert_eq!((file.id.to_string(), file.parent_id), (model.id("/reports/q3.pdf"), Some(reports.clone())));
            assert_eq!(model.run(look("/")).unwrap().unwrap().id, reports);
        }
    }

    #[test]
    fn listings_go_no_further_than_they_must() {
        let mut model = tree();
        model.lacks("file.id", (405, ""));
        assert_eq!(found(&mut model, "/reports/q3.pdf/x"), None);
        assert_eq!(model.calls(), ["file.id", "file.home", "file.metadata"], "a file is not listed");

        let mut task = LookUp::new(RemotePath::home());
        let _ = task.poll(Timestamp::ZERO, &Server::default());
        task.handle(Timestamp::ZERO, Ok(answer(405, "")), 0);
        let TaskStep::Call(prepared) = task.poll(Timestamp::ZERO, &Server::default()) else { panic!("no call") };
        let request = prepared.into_request(Authorization::None);
        assert_eq!(request.uri().query(), Some("content=0"), "no children of the end");
    }

    #[test]
    fn a_child_that_names_no_parent_is_in_the_folder_that_lists_it() {
        let mut task = LookUp::new("/a".parse().unwrap());
        task.handle(Timestamp::ZERO, Ok(answer(405, "")), 0);
        let listing = r#"{"id":"h","name":"","type":"D","content":[{"id":"a1","name":"a","type":"F"}]}"#;
        task.handle(Timestamp::ZERO, Ok(answer(200, listing)), 0);
        let TaskStep::Done(Ok(Some(found))) = task.poll(Timestamp::ZERO, &Server::default()) else {
            panic!("not found")
        };
        assert_eq!((found.id.as_str(), found.parent_id), ("a1", Some("h".parse().unwrap())));
    }

    #[test]
    fn a_listing_without_content_does_not_say_that_nothing_is_there() {
        let mut task = LookUp::new("/a".parse().unwrap());
        task.handle(Timestamp::ZERO, Ok(answer(405, "")), 0);
        task.handle(Timestamp::ZERO, Ok(answer(200, r#"{"id":"h","name":"","type":"D","content":null}"#)), 0);
        let TaskStep::Done(Err(error)) = task.poll(Timestamp::ZERO, &Server::default()) else {
            panic!("it was believed")
        };
        assert!(error.to_string().ends_with("field content is missing or duplicated"), "{error}");
    }

    #[test]
    fn a_refusal_for_another_reason_is_an_error() {
        let mut model = tree();
        model.lacks("file.id", (403, r#"{"code":50,"msg":"restriction"}"#));
        let task = LookUp::new("/reports".parse().unwrap());
        assert_eq!(model.run(task).unwrap_err().to_string(), "file.id: restriction (code 50, status 403)");
    }
}
