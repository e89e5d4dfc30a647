//! `POST /file/empty-trash/{id}`

use bytes::Bytes;

use crate::endpoint::{Endpoint, Prepared, Spec};
use crate::error::{Error, Invalid};
use crate::id::FileId;
use crate::server::Server;
use crate::wire;

/// Never again: a second time would take what was thrown away in between.
pub(super) static SPEC: Spec = Spec::post("file.empty_trash", "/file/empty-trash/{id}");

/// Deletes for good what is in a trash.
///
/// `POST /file/empty-trash/{id}`, on servers since 2019-07. The statuses are not published, nor what `source_id` and
/// `dest_id` of the answer mean.
///
/// The form of the answer is uncertain, so it is not read.
#[doc(alias = "fileEmptyTrashIdPost")]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EmptyTrash {
    /// The trash, a folder of kind [`FileKind::Trash`](crate::FileKind::Trash).
    pub id: FileId,
}

impl EmptyTrash {
    /// Empties this trash.
    pub fn new(id: FileId) -> Self {
        Self { id }
    }
}

impl Endpoint for EmptyTrash {
    type Response = ();

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        wire::with_values(&SPEC, server, &[self.id.as_str()], &[])
    }

    fn decode(response: http::Response<Bytes>) -> Result<(), Error> {
        wire::empty(&SPEC, &response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::known::{answer, sent};

    #[test]
    fn any_success_is_one() {
        assert_eq!(
            sent(&EmptyTrash::new("t1".parse().unwrap())),
            ("POST /api/1.0/file/empty-trash/t1".into(), String::new())
        );
        assert!(EmptyTrash::decode(answer(200, r#"[{"id":"a","source_id":"b","dest_id":"c"}]"#)).is_ok());
        assert!(EmptyTrash::decode(answer(202, "")).is_ok());
        assert_eq!(EmptyTrash::decode(answer(403, "")).unwrap_err().status().unwrap(), 403);
    }
}
