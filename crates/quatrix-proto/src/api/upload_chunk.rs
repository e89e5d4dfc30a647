//! `POST /upload/chunked/{upload_key}`, beside the API base

use std::ops::Range;

use bytes::Bytes;
use http::HeaderValue;
use http::header::CONTENT_RANGE;

use crate::content_range::ContentRange;
use crate::endpoint::{Endpoint, Prepared, Spec};
use crate::error::{Error, Invalid};
use crate::secret::UploadKey;
use crate::server::Server;
use crate::wire;

/// The same bytes to the same place: the C# client and the rclone backend send a chunk again, too.
pub(super) static SPEC: Spec = Spec::post("upload.chunk", "/upload/chunked/{upload_key}").files_base().replay_safe();

/// Sends a range of a file; its bytes are read from the caller's source while they are sent.
///
/// `POST /upload/chunked/{upload_key}`, beside the API base, in no specification: known from the C#, Java and rclone
/// clients. Chunks come in order, one at a time. The C# client sends no credentials here, the others do (Q12).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UploadChunk {
    /// The key of the upload.
    pub key: UploadKey,
    /// Which bytes; never none.
    pub range: Range<u64>,
    /// Bytes of the whole file.
    pub total: u64,
}

impl UploadChunk {
    /// Sends this range of a file of `total` bytes.
    pub fn new(key: UploadKey, range: Range<u64>, total: u64) -> Self {
        Self { key, range, total }
    }
}

impl Endpoint for UploadChunk {
    /// Nothing: the answers seen hold the id of the file, which is known already.
    type Response = ();

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        if self.range.is_empty() || self.range.end > self.total {
            return Err(Invalid::new("range", "is empty or reaches beyond the end of the file"));
        }
        let range = ContentRange { range: self.range.clone(), total: Some(self.total) }.to_string();
        let range = HeaderValue::try_from(range).map_err(|_| Invalid::new("range", "cannot be written"))?;
        let prepared = wire::with_values(&SPEC, server, &[self.key.expose()], &[])?;
        Ok(prepared.header(CONTENT_RANGE, range).source(self.range.clone()))
    }

    fn decode(response: http::Response<Bytes>) -> Result<(), Error> {
        wire::empty(&SPEC, &response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Authorization;

    fn chunk(range: Range<u64>) -> Result<Prepared, Invalid> {
        UploadChunk::new(UploadKey::new("k1"), range, 30).prepare(&Server::account("acme").unwrap())
    }

    #[test]
    fn a_chunk_goes_beside_the_api_and_says_where_it_belongs() {
        let prepared = chunk(10..20).unwrap();
        assert_eq!(prepared.source_range(), Some(10..20));
        let request = prepared.into_request(Authorization::None);
        assert_eq!(request.method(), "POST");
        assert_eq!(request.uri(), "https://acme.quatrix.it/upload/chunked/k1");
        let header = |name: &str| request.headers()[name].to_str().unwrap();
        assert_eq!(
            (header("content-range"), header("content-length"), header("content-type")),
            ("bytes 10-19/30", "10", "application/octet-stream")
        );
    }

    #[test]
    fn an_empty_chunk_is_refused() {
        for range in [5..5, 20..31] {
            let error = chunk(range).unwrap_err().to_string();
            assert_eq!(error, "range is empty or reaches beyond the end of the file");
        }
    }
}
