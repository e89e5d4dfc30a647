//! `POST /file/id`

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Endpoint, Prepared, Spec};
use crate::error::{Error, Invalid};
use crate::file::FileKind;
use crate::id::FileId;
use crate::lenient;
use crate::path::RemotePath;
use crate::server::Server;
use crate::wire;

pub(super) static SPEC: Spec = Spec::post("file.id", "/file/id").replay_safe();

/// Asks for the id of what a path leads to.
///
/// `POST /file/id`, in no specification: known from the rclone backend, which starts every run with it. Absent is 404.
///
/// [`LookUp`](crate::task::LookUp) does so on servers, too, that do not have this operation.
///
/// ```
/// use quatrix_proto::api::GetFileId;
/// use quatrix_proto::{Authorization, Endpoint, FileKind, Server, SessionId};
/// # use bytes::Bytes;
///
/// let session_id = SessionId::new("5b1c")?;
/// let report = GetFileId::new("/reports/2026/q3.pdf".parse()?);
/// let request = report.prepare(&Server::default())?.into_request(Authorization::Session(&session_id));
/// assert_eq!(request.uri(), "https://api.quatrix.it/api/1.0/file/id");
/// assert_eq!(request.body(), r#"{"path":"reports/2026/q3.pdf"}"#);
///
/// # let response = http::Response::new(Bytes::from(r#"{"file_id":"4711","parent_id":"4700","type":"F"}"#));
/// let found = GetFileId::decode(response)?;
/// assert_eq!((found.id.as_str(), found.kind), ("4711", FileKind::File));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "FileIdReq")]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GetFileId {
    /// The way to it.
    pub path: RemotePath,
    /// Where the way begins; `None`: at the home.
    pub parent: Option<FileId>,
}

impl GetFileId {
    /// Looks this path up, from the home.
    pub fn new(path: RemotePath) -> Self {
        Self { path, parent: None }
    }

    /// Starts at this folder instead of the home.
    #[must_use]
    pub fn below(mut self, folder: FileId) -> Self {
        self.parent = Some(folder);
        self
    }
}

/// What a path leads to.
#[doc(alias = "FileIdResp")]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Located {
    /// Its id.
    #[serde(rename = "file_id")]
    pub id: FileId,
    /// The folder it is in.
    #[serde(default, deserialize_with = "lenient::id")]
    pub parent_id: Option<FileId>,
    /// File, folder or another kind.
    #[serde(rename = "type")]
    pub kind: FileKind,
}

impl Endpoint for GetFileId {
    type Response = Located;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        #[derive(Serialize)]
        struct Body<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            parent_id: Option<&'a FileId>,
            path: &'a str,
        }
        wire::json(&SPEC, server, &Body { parent_id: self.parent.as_ref(), path: self.path.relative() })
    }

    fn decode(response: http::Response<Bytes>) -> Result<Located, Error> {
        wire::decode(&SPEC, &response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::known::{answer, sent};

    #[test]
    fn the_home_is_an_empty_path_and_a_parent_comes_first() {
        assert_eq!(sent(&GetFileId::new(RemotePath::home())).1, r#"{"path":""}"#);
        let below = GetFileId::new("/a b/c".parse().unwrap()).below("d1".parse().unwrap());
        assert_eq!(sent(&below).1, r#"{"parent_id":"d1","path":"a b/c"}"#);
    }

    #[test]
    fn the_answer_is_read_whole() {
        let found = GetFileId::decode(answer(200, r#"{"file_id":"f1","parent_id":"","src":"x","type":"S"}"#)).unwrap();
        assert_eq!(found, Located { id: "f1".parse().unwrap(), parent_id: None, kind: FileKind::Project });
    }
}
