//! `POST /file/copy`, `POST /file/move`

use bytes::Bytes;
use serde::Serialize;

use super::delete_files::Ids;
use crate::deferred::Deferred;
use crate::endpoint::{Endpoint, Prepared, Spec};
use crate::error::{Error, Invalid};
use crate::id::FileId;
use crate::server::Server;
use crate::wire;

pub(super) static COPY: Spec = Spec::post("file.copy", "/file/copy").statuses(&[202]);
pub(super) static MOVE: Spec = Spec::post("file.move", "/file/move").statuses(&[200, 202]);

/// Copies files and folders into a folder.
///
/// `POST /file/copy`. It always becomes a job.
///
/// [`CopyOne`](super::CopyOne) answers at once.
#[doc(alias = "fileCopyPost")]
#[doc(alias = "CopyMoveFilesReq")]
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct CopyFiles {
    /// Which ones.
    pub ids: Vec<FileId>,
    /// The folder to copy them into.
    pub target: FileId,
    /// What happens if a name is taken: `true`, the server picks a free one; `false`, it refuses with code 30.
    pub(crate) resolve: bool,
}

impl CopyFiles {
    /// Copies these into a folder. A name that is taken is refused with code 30.
    pub fn new(ids: impl Into<Vec<FileId>>, target: FileId) -> Self {
        Self { ids: ids.into(), target, resolve: false }
    }

    /// Lets the server pick a free name if the name is taken, such as `test(1).pdf`; by default it refuses with code 30.
    #[must_use]
    pub fn rename_on_conflict(mut self) -> Self {
        self.resolve = true;
        self
    }
}

/// Moves files and folders into a folder.
///
/// `POST /file/move`. It becomes a job from about ten ids on.
///
/// [`MoveOne`](super::MoveOne) always answers at once.
#[doc(alias = "fileMovePost")]
#[doc(alias = "CopyMoveFilesReq")]
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct MoveFiles {
    /// Which ones.
    pub ids: Vec<FileId>,
    /// The folder to move them into.
    pub target: FileId,
    /// What happens if a name is taken: `true`, the server picks a free one; `false`, it refuses with code 30.
    pub(crate) resolve: bool,
}

impl MoveFiles {
    /// Moves these into a folder. A name that is taken is refused with code 30.
    pub fn new(ids: impl Into<Vec<FileId>>, target: FileId) -> Self {
        Self { ids: ids.into(), target, resolve: false }
    }

    /// Lets the server pick a free name if the name is taken, such as `test(1).pdf`; by default it refuses with code 30.
    #[must_use]
    pub fn rename_on_conflict(mut self) -> Self {
        self.resolve = true;
        self
    }
}

impl Endpoint for CopyFiles {
    type Response = Deferred<Ids>;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        wire::json(&COPY, server, self)
    }

    fn decode(response: http::Response<Bytes>) -> Result<Deferred<Ids>, Error> {
        wire::deferred(&COPY, &response)
    }
}

impl Endpoint for MoveFiles {
    type Response = Deferred<Ids>;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        wire::json(&MOVE, server, self)
    }

    fn decode(response: http::Response<Bytes>) -> Result<Deferred<Ids>, Error> {
        wire::deferred(&MOVE, &response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::known::{answer, sent};

    #[test]
    fn both_send_the_same_body() {
        let (ids, target) = (vec!["a".parse().unwrap(), "b".parse().unwrap()], "d".parse::<FileId>().unwrap());
        let copied = sent(&CopyFiles::new(ids.clone(), target.clone()));
        let moved = sent(&MoveFiles::new(ids, target));
        let body = r#"{"ids":["a","b"],"target":"d","resolve":false}"#.to_owned();
        assert_eq!(copied, ("POST /api/1.0/file/copy".into(), body.clone()));
        assert_eq!(moved, ("POST /api/1.0/file/move".into(), body));
    }

    #[test]
    fn a_copy_comes_back_as_a_job() {
        let copied = CopyFiles::decode(answer(202, r#"{"job_id":"j1"}"#)).unwrap();
        assert_eq!(copied, Deferred::Job("j1".parse().unwrap()));
        let moved = MoveFiles::decode(answer(200, r#"{"ids":["a"]}"#)).unwrap();
        assert_eq!(moved, Deferred::Done(Ids { ids: vec!["a".parse().unwrap()] }));
    }
}
