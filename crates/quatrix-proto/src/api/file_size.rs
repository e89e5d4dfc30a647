//! `GET /file/size/{id}`

use bytes::Bytes;
use serde::Deserialize;

use crate::endpoint::{Endpoint, Prepared, Spec};
use crate::error::{Error, Invalid};
use crate::id::FileId;
use crate::lenient;
use crate::server::Server;
use crate::wire;

pub(super) static SPEC: Spec = Spec::get("file.size", "/file/size/{id}").replay_safe();

/// Asks for the size of a file or folder, in bytes.
///
/// `GET /file/size/{id}`, on servers since 2018-11. Of a folder the sources say nothing more than "size" (Q14).
#[doc(alias = "fileSizeIdGet")]
#[doc(alias = "FileSizeResp")]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GetFileSize {
    /// Which one.
    pub id: FileId,
}

impl GetFileSize {
    /// Asks for the size of this item.
    pub fn new(id: FileId) -> Self {
        Self { id }
    }
}

impl Endpoint for GetFileSize {
    type Response = u64;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        wire::with_values(&SPEC, server, &[self.id.as_str()], &[])
    }

    fn decode(response: http::Response<Bytes>) -> Result<u64, Error> {
        #[derive(Deserialize)]
        struct Body {
            #[serde(deserialize_with = "lenient::size")]
            size: u64,
        }
        wire::decode(&SPEC, &response).map(|Body { size }| size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::known::{answer, sent};

    #[test]
    fn a_size_is_there_or_it_is_nonsense() {
        assert_eq!(sent(&GetFileSize::new("f1".parse().unwrap())).0, "GET /api/1.0/file/size/f1");
        assert_eq!(GetFileSize::decode(answer(200, r#"{"size":12}"#)).unwrap(), 12);
        let error = GetFileSize::decode(answer(200, r#"{"size":null}"#)).unwrap_err();
        let says = "file.size: invalid response (status 200): field size has an invalid value";
        assert_eq!(error.to_string(), says);
    }
}
