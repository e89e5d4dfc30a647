//! `GET /file/metadata`, `GET /file/metadata/{id}`, `POST /file/metadata`

use bytes::Bytes;
use serde::Serialize;

use crate::endpoint::{Endpoint, Prepared, Spec};
use crate::error::{Error, Invalid};
use crate::file::File;
use crate::id::FileId;
use crate::server::Server;
use crate::time::UnixTime;
use crate::wire;

pub(super) static HOME: Spec = Spec::get("file.home", "/file/metadata").replay_safe();
pub(super) static GET: Spec = Spec::get("file.metadata", "/file/metadata/{id}").replay_safe();
pub(super) static SET: Spec = Spec::post("file.set_modified", "/file/metadata").replay_safe();

/// Without it, children come along.
const WITHOUT_CONTENT: (&str, &str) = ("content", "0");

/// Asks for the home of the user.
///
/// `GET /file/metadata`, otherwise as [`GetFile`].
#[doc(alias = "fileMetadataGet")]
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct GetHome {
    /// Whether the children come along.
    pub(crate) content: bool,
}

impl GetHome {
    /// Asks for the home itself.
    pub fn new() -> Self {
        Self { content: false }
    }

    /// Asks for its children too: [`File::into_children`].
    #[must_use]
    pub fn with_content(mut self) -> Self {
        self.content = true;
        self
    }
}

/// Asks for a file or folder.
///
/// `GET /file/metadata/{id}`. A listing is always whole: there is no paging, and no order is promised.
///
/// ```
/// use quatrix_proto::api::GetFile;
/// use quatrix_proto::{Authorization, Endpoint, FileKind, Server, SessionId};
/// # use bytes::Bytes;
///
/// let session_id = SessionId::new("5b1c")?;
/// let folder = GetFile::new("4711".parse()?).with_content();
/// let request = folder.prepare(&Server::default())?.into_request(Authorization::Session(&session_id));
/// assert_eq!(request.uri(), "https://api.quatrix.it/api/1.0/file/metadata/4711");
///
/// # let response = http::Response::new(Bytes::from(
/// #     r#"{"id":"4711","name":"in","type":"D","content":[{"id":"1","name":"a.txt","type":"F","size":3}]}"#));
/// let folder = GetFile::decode(response)?; // the answer of your HTTP client
/// assert_eq!(folder.kind, FileKind::Folder);
/// assert_eq!(folder.into_children()?[0].name, "a.txt");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "fileMetadataIdGet")]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GetFile {
    /// Which one.
    pub id: FileId,
    /// Whether the children of a folder come along.
    pub(crate) content: bool,
}

impl GetFile {
    /// Asks for an item itself.
    pub fn new(id: FileId) -> Self {
        Self { id, content: false }
    }

    /// Asks for the children of a folder too: [`File::into_children`].
    #[must_use]
    pub fn with_content(mut self) -> Self {
        self.content = true;
        self
    }
}

/// Sets the modification time of a file or folder.
///
/// `POST /file/metadata`.
#[doc(alias = "fileMetadataPost")]
#[doc(alias = "FileMetadataPostReq")]
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct SetModified {
    /// Which one.
    pub id: FileId,
    /// The new time; the server keeps microseconds.
    #[serde(rename = "mtime")]
    pub modified: UnixTime,
}

impl SetModified {
    /// Gives an item this modification time.
    pub fn new(id: FileId, modified: UnixTime) -> Self {
        Self { id, modified }
    }
}

impl Endpoint for GetHome {
    type Response = File;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        let query: &[_] = if self.content { &[] } else { &[WITHOUT_CONTENT] };
        wire::with_values(&HOME, server, &[], query)
    }

    fn decode(response: http::Response<Bytes>) -> Result<File, Error> {
        wire::decode(&HOME, &response)
    }
}

impl Endpoint for GetFile {
    type Response = File;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        let query: &[_] = if self.content { &[] } else { &[WITHOUT_CONTENT] };
        wire::with_values(&GET, server, &[self.id.as_str()], query)
    }

    fn decode(response: http::Response<Bytes>) -> Result<File, Error> {
        wire::decode(&GET, &response)
    }
}

impl Endpoint for SetModified {
    type Response = File;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        wire::json(&SET, server, self)
    }

    fn decode(response: http::Response<Bytes>) -> Result<File, Error> {
        wire::decode(&SET, &response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::known::{answer, sent};

    #[test]
    fn content_is_asked_for_by_saying_nothing() {
        let id: FileId = "a b".parse().unwrap();
        let request = |content| sent(&GetFile { id: id.clone(), content });
        assert_eq!(request(true), ("GET /api/1.0/file/metadata/a%20b".into(), String::new()));
        assert_eq!(request(false), ("GET /api/1.0/file/metadata/a%20b?content=0".into(), String::new()));
        assert_eq!(sent(&GetHome::new().with_content()).0, "GET /api/1.0/file/metadata");
        assert_eq!(sent(&GetHome::new()).0, "GET /api/1.0/file/metadata?content=0");
    }

    #[test]
    fn a_time_is_sent_in_seconds_with_a_fraction() {
        let set = SetModified::new("f1".parse().unwrap(), UnixTime::from_micros(1_612_325_106_789_012));
        let (line, body) = sent(&set);
        assert_eq!(line, "POST /api/1.0/file/metadata");
        assert_eq!(body, r#"{"id":"f1","mtime":1612325106.789012}"#);
    }

    #[test]
    fn nonsense_is_refused_with_the_field_and_no_value() {
        let error = GetFile::decode(answer(200, r#"{"id":"f1","name":"canary","type":"F","size":"canary"}"#));
        let says = "file.metadata: invalid response (status 200): field size has an invalid value";
        assert_eq!(error.unwrap_err().to_string(), says);
        let error = GetHome::decode(answer(200, "{}")).unwrap_err();
        assert_eq!(error.to_string(), "file.home: invalid response (status 200): field name is missing or duplicated");
    }

    #[test]
    fn no_such_file_is_the_servers_word() {
        let error = GetFile::decode(answer(404, r#"{"code":20,"msg":"not found"}"#)).unwrap_err();
        assert_eq!(error.to_string(), "file.metadata: not found (code 20, status 404)");
    }
}
