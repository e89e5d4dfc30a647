//! `GET /upload/finalize/{upload_key}`

use bytes::Bytes;
use serde::Deserialize;

use crate::endpoint::{Endpoint, Prepared, Spec};
use crate::error::{Error, Invalid};
use crate::id::FileId;
use crate::lenient;
use crate::secret::UploadKey;
use crate::server::Server;
use crate::time::UnixTime;
use crate::wire;

pub(super) static SPEC: Spec = Spec::get("upload.finalize", "/upload/finalize/{upload_key}");

/// Ends an upload.
///
/// `GET /upload/finalize/{upload_key}`, a GET that changes something. The answer tells the size that the server has.
#[doc(alias = "uploadFinalizeIdGet")]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FinalizeUpload {
    /// The key of the upload.
    pub key: UploadKey,
    /// The modification time that the file gets; `None` leaves it to the server.
    pub modified: Option<UnixTime>,
}

impl FinalizeUpload {
    /// Finalizes the upload with this key.
    pub fn new(key: UploadKey) -> Self {
        Self { key, modified: None }
    }

    /// Sets the modification time of the file; by default the server chooses it.
    #[must_use]
    pub fn modified(mut self, time: impl Into<Option<UnixTime>>) -> Self {
        self.modified = time.into();
        self
    }
}

/// A file that was uploaded.
#[doc(alias = "UploadFinalizeResp")]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Finalized {
    /// Its id.
    pub id: FileId,
    /// The folder it is in.
    #[serde(default, deserialize_with = "lenient::id")]
    pub parent_id: Option<FileId>,
    /// Bytes that the server has. Compare them with what was sent.
    #[serde(deserialize_with = "lenient::size")]
    pub size: u64,
    /// When it was last changed.
    pub modified: Option<UnixTime>,
}

impl Endpoint for FinalizeUpload {
    type Response = Finalized;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        let key = [self.key.expose()];
        match self.modified.map(|modified| modified.to_string()) {
            Some(modified) => wire::with_values(&SPEC, server, &key, &[("mtime", &modified)]),
            None => wire::with_values(&SPEC, server, &key, &[]),
        }
    }

    fn decode(response: http::Response<Bytes>) -> Result<Finalized, Error> {
        wire::decode(&SPEC, &response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::known::{answer, sent};

    #[test]
    fn the_time_is_sent_with_six_decimals_or_not_at_all() {
        let line = |modified| sent(&FinalizeUpload::new(UploadKey::new("k1")).modified(modified)).0;
        assert_eq!(line(None), "GET /api/1.0/upload/finalize/k1");
        assert_eq!(line(Some(UnixTime::from_secs(7))), "GET /api/1.0/upload/finalize/k1?mtime=7.000000");
    }

    #[test]
    fn a_size_must_come_back() {
        let json = r#"{"id":"f1","parent_id":"d1","size":"12","modified":7.5}"#;
        let finalized = Finalized {
            id: "f1".parse().unwrap(),
            parent_id: Some("d1".parse().unwrap()),
            size: 12,
            modified: Some(UnixTime::from_micros(7_500_000)),
        };
        assert_eq!(FinalizeUpload::decode(answer(200, json)).unwrap(), finalized);
        let error = |json| FinalizeUpload::decode(answer(200, json)).unwrap_err().to_string();
        let says = "upload.finalize: invalid response (status 200): field size";
        assert_eq!(error(r#"{"id":"f1"}"#), format!("{says} is missing or duplicated"));
        assert_eq!(error(r#"{"id":"f1","size":null}"#), format!("{says} has an invalid value"));
    }
}
