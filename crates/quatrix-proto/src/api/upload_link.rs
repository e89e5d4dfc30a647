//! `POST /upload/link`, `POST /file/modify`

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Endpoint, Prepared, Spec};
use crate::error::{Error, Invalid};
use crate::id::FileId;
use crate::lenient;
use crate::name::FileName;
use crate::secret::UploadKey;
use crate::server::Server;
use crate::wire;

pub(super) static LINK: Spec = Spec::post("upload.link", "/upload/link");
/// Again is as good as once: it cuts to the same length, and no byte has been written yet.
pub(super) static MODIFY: Spec = Spec::post("file.modify", "/file/modify").replay_safe();

/// Begins the upload of a new file.
///
/// `POST /upload/link`. The key is good for 15 minutes; whether chunks prolong that is not known (Q13).
///
/// [`Upload`](crate::task::Upload) does this and all that follows.
///
/// ```
/// use quatrix_proto::api::{FinalizeUpload, GetUploadLink, UploadChunk};
/// use quatrix_proto::{Authorization, Endpoint, Server, SessionId, UnixTime};
/// # use bytes::Bytes;
///
/// let (server, session_id) = (Server::default(), SessionId::new("5b1c")?);
/// let link = GetUploadLink::new("4700".parse()?, "q3.pdf".parse()?);
/// let request = link.prepare(&server)?.into_request(Authorization::Session(&session_id));
/// assert_eq!(request.uri(), "https://api.quatrix.it/api/1.0/upload/link");
///
/// # let response = http::Response::new(Bytes::from(r#"{"file_id":"4711","name":"q3.pdf","upload_key":"9f"}"#));
/// let link = GetUploadLink::decode(response)?;
/// let chunk = UploadChunk::new(link.upload_key.clone(), 0..1000, 1000);
/// let request = chunk.prepare(&server)?.into_request(Authorization::Session(&session_id));
/// assert_eq!(request.uri(), "https://api.quatrix.it/upload/chunked/9f");
/// assert_eq!(request.headers()["content-range"], "bytes 0-999/1000"); // the body is the caller's
///
/// let finalize = FinalizeUpload::new(link.upload_key).modified(UnixTime::from_micros(1_612_325_106_789_012));
/// let request = finalize.prepare(&server)?.into_request(Authorization::Session(&session_id));
/// assert_eq!(request.uri(), "https://api.quatrix.it/api/1.0/upload/finalize/9f?mtime=1612325106.789012");
///
/// # let response = http::Response::new(Bytes::from(r#"{"id":"4711","size":1000,"modified":1612325106}"#));
/// assert_eq!(FinalizeUpload::decode(response)?.size, 1000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "uploadLinkPost")]
#[doc(alias = "UploadLinkReq")]
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct GetUploadLink {
    /// The folder to make it in.
    pub parent_id: FileId,
    /// Its name.
    pub name: FileName,
    /// What happens if the name is taken: `true`, the server picks a free one; `false`, it refuses with code 30.
    pub(crate) resolve: bool,
    /// How many bytes there will be, for the quota; the C# client says so, the rclone backend does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_size: Option<u64>,
}

impl GetUploadLink {
    /// Makes a file of this name in a folder. A name that is taken is refused with code 30.
    pub fn new(parent_id: FileId, name: FileName) -> Self {
        Self { parent_id, name, resolve: false, file_size: None }
    }

    /// Lets the server pick a free name if the name is taken, such as `test(1).pdf`; by default it refuses with code 30.
    #[must_use]
    pub fn rename_on_conflict(mut self) -> Self {
        self.resolve = true;
        self
    }

    /// Announces the size of the file in bytes, for the quota.
    #[must_use]
    pub fn file_size(mut self, bytes: impl Into<Option<u64>>) -> Self {
        self.file_size = bytes.into();
        self
    }
}

/// Begins to write into a file that exists: what is cut off is lost at once.
///
/// `POST /file/modify`. The key is good for as long as that of [`GetUploadLink`].
#[doc(alias = "fileModifyPost")]
#[doc(alias = "FileModifyReq")]
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ModifyFile {
    /// Which one.
    pub id: FileId,
    /// To how many bytes it is cut first.
    pub truncate: u64,
}

impl ModifyFile {
    /// Writes into this file, which is cut to `truncate` bytes first.
    pub fn new(id: FileId, truncate: u64) -> Self {
        Self { id, truncate }
    }
}

/// Where an upload may write.
#[doc(alias = "FileModifyResp")]
#[derive(Clone, Debug, Deserialize)]
#[non_exhaustive]
pub struct UploadLink {
    /// The file, which is there from now on, and visible.
    pub file_id: FileId,
    /// The folder it is in.
    #[serde(default, deserialize_with = "lenient::id")]
    pub parent_id: Option<FileId>,
    /// Its name, which need not be the one that was asked for.
    #[serde(default, deserialize_with = "lenient::text")]
    pub name: String,
    /// The key of this upload.
    pub upload_key: UploadKey,
}

impl Endpoint for GetUploadLink {
    type Response = UploadLink;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        wire::json(&LINK, server, self)
    }

    fn decode(response: http::Response<Bytes>) -> Result<UploadLink, Error> {
        wire::decode(&LINK, &response)
    }
}

impl Endpoint for ModifyFile {
    type Response = UploadLink;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        wire::json(&MODIFY, server, self)
    }

    fn decode(response: http::Response<Bytes>) -> Result<UploadLink, Error> {
        wire::decode(&MODIFY, &response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::known::{answer, sent};

    #[test]
    fn the_size_is_sent_where_it_is_known() {
        let mut link = GetUploadLink::new("d1".parse().unwrap(), "a".parse().unwrap());
        assert_eq!(sent(&link).1, r#"{"parent_id":"d1","name":"a","resolve":false}"#);
        link.file_size = Some(7);
        assert_eq!(sent(&link).1, r#"{"parent_id":"d1","name":"a","resolve":false,"file_size":7}"#);
        let modify = ModifyFile::new("f1".parse().unwrap(), 0);
        assert_eq!(sent(&modify), ("POST /api/1.0/file/modify".into(), r#"{"id":"f1","truncate":0}"#.into()));
    }

    #[test]
    fn the_key_is_a_secret_and_must_be_there() {
        let json = r#"{"name":"a(1)","file_id":"f1","parent_id":"d1","upload_key":"canary"}"#;
        let link = GetUploadLink::decode(answer(200, json)).unwrap();
        assert_eq!((link.name.as_str(), link.upload_key.expose()), ("a(1)", "canary"));
        assert!(!format!("{link:?}").contains("canary"));
        let error = ModifyFile::decode(answer(200, r#"{"file_id":"f1"}"#)).unwrap_err();
        let says = "file.modify: invalid response (status 200): field upload_key is missing or duplicated";
        assert_eq!(error.to_string(), says);
    }
}
