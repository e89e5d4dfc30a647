//! A folder and all that are missing above it.

use bytes::Bytes;

use super::look_up::Finder;
use super::{Task, TaskStep};
use crate::api::{Located, MakeFolder};
use crate::endpoint::{Endpoint, Prepared};
use crate::error::{Error, ErrorCode, Invalid};
use crate::id::FileId;
use crate::name::FileName;
use crate::path::RemotePath;
use crate::server::Server;
use crate::time::Timestamp;

/// How often making one folder may come to nothing without a word from the server.
const TRIES: u8 = 3;

/// Makes a folder and all that are missing above it; comes to the id of the folder.
///
/// A folder that exists is no error, one that another program makes meanwhile neither. A file in the way is: the
/// server's own refusal, code 30. Folders that were made stay, whatever happens later.
#[derive(Clone, Debug)]
pub struct MakeFolders {
    start: Option<FileId>,
    path: RemotePath,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// Is there a folder after `depth` segments? From the end of the path upwards.
    Looking {
        depth: usize,
        finder: Finder,
    },
    /// There is, and the next one is being made in it.
    Making(Place),
    /// That came to an error: has somebody else made it, or has the server after all?
    Checking {
        place: Place,
        error: Error,
        finder: Finder,
    },
    Done(Result<FileId, Error>),
}

/// Where a folder is being made: in `parent`, which is `depth` segments into the path.
#[derive(Clone, Debug)]
struct Place {
    depth: usize,
    parent: FileId,
    tries: u8,
}

impl MakeFolders {
    /// Makes a folder whose path starts at the home.
    pub fn new(path: RemotePath) -> Self {
        Self::start(None, path)
    }

    /// Makes a folder whose path starts at this folder.
    pub fn below(start: FileId, path: RemotePath) -> Self {
        Self::start(Some(start), path)
    }

    fn start(start: Option<FileId>, path: RemotePath) -> Self {
        let depth = path.segments().count();
        let finder = Finder::new(start.clone(), path.clone());
        Self { start, path, state: State::Looking { depth, finder } }
    }

    /// A folder is there after `depth` segments: make the next one, or be done.
    fn there(&self, depth: usize, folder: FileId) -> State {
        match depth == self.path.segments().count() {
            true => State::Done(Ok(folder)),
            false => State::Making(Place { depth, parent: folder, tries: 1 }),
        }
    }

    /// None is there after `depth` segments: look one further up.
    fn not_there(&self, depth: usize) -> State {
        let Some(depth) = depth.checked_sub(1) else {
            return State::Done(Err(Invalid::new("path", "starts at a folder that does not exist").into()));
        };
        let above = self.path.segments().take(depth).collect::<Vec<_>>().join("/");
        match RemotePath::new(&above) {
            Ok(path) => State::Looking { depth, finder: Finder::new(self.start.clone(), path) },
            Err(invalid) => State::Done(Err(invalid.into())),
        }
    }

    fn name(&self, place: &Place) -> Result<FileName, Invalid> {
        FileName::new(self.path.segments().nth(place.depth).unwrap_or_default())
    }

    fn make(&self, server: &Server, place: &Place) -> Result<Prepared, Invalid> {
        let (target, name) = (place.parent.clone(), self.name(place)?);
        MakeFolder::new(target, name).prepare(server)
    }

    fn check(&self, place: Place, error: Error) -> State {
        let name = self.name(&place).and_then(|name| RemotePath::new(name.as_str()));
        match name {
            Ok(name) => {
                let finder = Finder::new(Some(place.parent.clone()), name);
                State::Checking { place, error, finder }
            }
            Err(invalid) => State::Done(Err(invalid.into())),
        }
    }
}

impl Task for MakeFolders {
    type Output = FileId;

    fn poll(&mut self, _now: Timestamp, server: &Server) -> TaskStep<FileId> {
        match &self.state {
            State::Looking { finder, .. } | State::Checking { finder, .. } => TaskStep::call(finder.call(server)),
            State::Making(place) => TaskStep::call(self.make(server, place)),
            State::Done(result) => TaskStep::Done(result.clone()),
        }
    }

    fn handle(&mut self, _now: Timestamp, result: Result<http::Response<Bytes>, Error>, _moved: u64) {
        // What is there and no folder counts as absent: the server will refuse to make a folder in its place, and its
        // word is the error.
        let folder = |found: Option<Located>| found.filter(|found| found.kind.is_folder()).map(|found| found.id);
        self.state = match &mut self.state {
            State::Looking { depth, finder } => {
                let depth = *depth;
                match finder.take(result) {
                    None => return,
                    Some(Ok(found)) => match folder(found) {
                        Some(id) => self.there(depth, id),
                        None => self.not_there(depth),
                    },
                    Some(Err(error)) => State::Done(Err(error)),
                }
            }
            State::Making(place) => {
                let place = place.clone();
                match result.and_then(MakeFolder::decode) {
                    Ok(made) => self.there(place.depth + 1, made.id),
                    Err(error) if is_taken(&error) || error.may_have_been_executed() => self.check(place, error),
                    Err(error) => State::Done(Err(error)),
                }
            }
            State::Checking { place, error, finder } => {
                let (Place { depth, parent, tries }, error) = (place.clone(), error.clone());
                match finder.take(result) {
                    None => return,
                    Some(Ok(found)) => match folder(found) {
                        Some(id) => self.there(depth + 1, id),
                        None if !is_taken(&error) && tries < TRIES => {
                            State::Making(Place { depth, parent, tries: tries + 1 })
                        }
                        None => State::Done(Err(error)),
                    },
                    Some(Err(error)) => State::Done(Err(error)),
                }
            }
            State::Done(_) => return,
        };
    }
}

fn is_taken(error: &Error) -> bool {
    error.code() == Some(ErrorCode::EXISTS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{TransportError, TransportErrorKind};
    use crate::task::model::Model;

    fn make(path: &str) -> MakeFolders {
        MakeFolders::new(path.parse().unwrap())
    }

    #[test]
    fn what_is_missing_is_made_and_what_is_there_stays() {
        let mut model = Model::new();
        model.folder("home", "a");
        let made = model.run(make("/a/b/c")).unwrap();
        assert_eq!(made.as_str(), model.id("/a/b/c"));
        assert_eq!(model.calls(), ["file.id", "file.id", "file.id", "file.makedir", "file.makedir"]);
        assert_eq!(model.run(make("/a/b/c")).unwrap(), made);
        assert_eq!(model.calls().len(), 6, "one call for what is there");
        assert_eq!(model.run(make("/")).unwrap().as_str(), "home");
        let below = MakeFolders::below(made, "d/e".parse().unwrap());
        assert_eq!(model.run(below).unwrap().as_str(), model.id("/a/b/c/d/e"));
    }

    #[test]
    fn it_works_without_the_look_up_operation() {
        let mut model = Model::new();
        model.lacks("file.id", (405, ""));
        model.folder("home", "a");
        assert_eq!(model.run(make("/a/b")).unwrap().as_str(), model.id("/a/b"));
    }

    #[test]
    fn a_file_in_the_way_is_the_servers_refusal() {
        let mut model = Model::new();
        model.file("home", "a", b"");
        for path in ["/a", "/a/b"] {
            let error = model.run(make(path)).unwrap_err();
            assert_eq!(error.to_string(), "file.makedir: object exists (code 30, status 400)", "{path}");
        }
        let makes = model.calls().iter().filter(|&&name| name == "file.makedir");
        assert_eq!(makes.count(), 2, "one refusal each is enough");
    }

    #[test]
    fn one_that_another_program_makes_meanwhile_is_taken() {
        let mut model = Model::new();
        let mut task = make("/a");
        for _ in 0..2 {
            let TaskStep::Call(prepared) = task.poll(Timestamp::ZERO, &Server::default()) else { panic!("no call") };
            task.handle(Timestamp::ZERO, Ok(model.answer(&prepared, b"")), 0);
        }
        let theirs = model.folder("home", "a");
        assert_eq!(model.run(task).unwrap().as_str(), theirs);
    }

    #[test]
    fn m42_a_lost_answer_is_looked_after() {
        let lost = || Err(TransportError::maybe_sent(TransportErrorKind::Interrupted).into());
        let mut model = Model::new();
        let mut task = make("/a");
        let made = model.run_with(&mut task, |n, answer| if n == 2 { lost() } else { answer }).unwrap();
        assert_eq!(made.as_str(), model.id("/a"));
        assert_eq!(model.calls(), ["file.id", "file.id", "file.makedir", "file.id"]);

        let mut model = Model::new();
        let mut task = make("/a");
        let mut makes = 0;
        let error = loop {
            match task.poll(Timestamp::ZERO, &Server::default()) {
                TaskStep::Call(prepared) if prepared.spec().name() == "file.makedir" => {
                    makes += 1;
                    task.handle(Timestamp::ZERO, lost(), 0);
                }
                TaskStep::Call(prepared) => task.handle(Timestamp::ZERO, Ok(model.answer(&prepared, b"")), 0),
                TaskStep::Done(result) => break result.unwrap_err(),
            }
        };
        assert_eq!((makes, error.may_have_been_executed()), (TRIES, true));
    }

    #[test]
    fn names_are_checked_before_sending() {
        let mut model = Model::new();
        let error = model.run(make("/a /b")).unwrap_err();
        assert_eq!(error.to_string(), "name ends with a space");
        assert!(!model.calls().contains(&"file.makedir"));
    }
}
