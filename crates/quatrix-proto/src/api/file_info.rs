//! `GET /file/info/{id}`

use bytes::Bytes;
use serde::Deserialize;

use crate::endpoint::{Endpoint, Prepared, Spec};
use crate::error::{Error, Invalid};
use crate::file::FileKind;
use crate::id::FileId;
use crate::lenient::{self, UnknownFields};
use crate::server::Server;
use crate::time::UnixTime;
use crate::wire;

pub(super) static SPEC: Spec = Spec::get("file.info", "/file/info/{id}").replay_safe();

/// Asks who owns a file or folder, where it is and what the virus scan said.
///
/// `GET /file/info/{id}`.
#[doc(alias = "fileInfoIdGet")]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GetFileInfo {
    /// Which one.
    pub id: FileId,
}

impl GetFileInfo {
    /// Asks about this item.
    pub fn new(id: FileId) -> Self {
        Self { id }
    }
}

/// More about a file or folder.
#[doc(alias = "FileInfoResp")]
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct FileInfo {
    /// Its id.
    pub id: FileId,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::text")]
    pub name: String,
    /// File, folder or another kind.
    #[serde(rename = "type")]
    pub kind: Option<FileKind>,
    /// Bytes of a file.
    #[serde(default, deserialize_with = "lenient::unsigned")]
    pub size: Option<u64>,
    /// When it was made.
    pub created: Option<UnixTime>,
    /// When it was last changed.
    pub modified: Option<UnixTime>,
    /// When its content was last changed.
    pub content_modified: Option<UnixTime>,
    /// What the virus scan said (servers since 2019-07). The words are not published.
    #[serde(default, deserialize_with = "lenient::text")]
    pub antivirus_check: String,
    /// What else there was: `file_owner`, `action_role` and `paths` are objects whose form is not published.
    #[serde(flatten)]
    pub extra: UnknownFields,
}

impl Endpoint for GetFileInfo {
    type Response = FileInfo;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        wire::with_values(&SPEC, server, &[self.id.as_str()], &[])
    }

    fn decode(response: http::Response<Bytes>) -> Result<FileInfo, Error> {
        wire::decode(&SPEC, &response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::known::{answer, sent};

    #[test]
    fn the_published_fields_are_read() {
        assert_eq!(sent(&GetFileInfo::new("f1".parse().unwrap())).0, "GET /api/1.0/file/info/f1");
        let json = r#"{"id":"f1","name":"a.txt","type":"F","size":"3","created":1,"modified":2.5,"content_modified":null,
            "antivirus_check":"clean","file_owner":{"name":"Me"}}"#;
        let info = GetFileInfo::decode(answer(200, json)).unwrap();
        assert_eq!((info.id.as_str(), info.name.as_str(), info.kind), ("f1", "a.txt", Some(FileKind::File)));
        assert_eq!((info.size, info.created), (Some(3), Some(UnixTime::from_secs(1))));
        assert_eq!((info.modified, info.content_modified), (Some(UnixTime::from_micros(2_500_000)), None));
        assert_eq!(info.antivirus_check, "clean");
        assert_eq!(info.extra.json("file_owner").as_deref(), Some(r#"{"name":"Me"}"#));
    }
}
