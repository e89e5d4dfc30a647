//! `POST /file/download-link`

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Endpoint, Prepared, Spec};
use crate::error::{Error, Invalid};
use crate::id::FileId;
use crate::secret::DownloadLink;
use crate::server::Server;
use crate::wire;

pub(super) static SPEC: Spec = Spec::post("file.download_link", "/file/download-link").replay_safe();

/// Asks for a link to download: one file as it is; a folder, or several ids, as a ZIP.
///
/// `POST /file/download-link`.
///
/// How long a link lives is not published, nor whether it can be used twice: the rclone backend asks for a new one for
/// every read, and so does [`Download`](crate::task::Download).
#[doc(alias = "fileDownloadLinkPost")]
#[doc(alias = "IdsReq")]
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct GetDownloadLink {
    /// Which ones.
    pub ids: Vec<FileId>,
}

impl GetDownloadLink {
    /// Asks for a link to these files and folders.
    pub fn new(ids: impl Into<Vec<FileId>>) -> Self {
        Self { ids: ids.into() }
    }
}

impl Endpoint for GetDownloadLink {
    type Response = DownloadLink;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        wire::json(&SPEC, server, self)
    }

    fn decode(response: http::Response<Bytes>) -> Result<DownloadLink, Error> {
        #[derive(Deserialize)]
        struct Body {
            id: DownloadLink,
        }
        wire::decode(&SPEC, &response).map(|Body { id }| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::known::{answer, sent};

    #[test]
    fn the_link_is_a_secret() {
        let (line, body) = sent(&GetDownloadLink::new(vec!["f1".parse().unwrap()]));
        assert_eq!((line.as_str(), body.as_str()), ("POST /api/1.0/file/download-link", r#"{"ids":["f1"]}"#));
        let link = GetDownloadLink::decode(answer(200, r#"{"id":"canary"}"#)).unwrap();
        assert_eq!(link.expose(), "canary");
        assert!(!format!("{link:?}").contains("canary"));
    }
}
