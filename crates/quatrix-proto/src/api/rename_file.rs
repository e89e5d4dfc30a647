//! `POST /file/rename/{id}`

use bytes::Bytes;
use serde::Serialize;

use crate::endpoint::{Endpoint, Prepared, Spec};
use crate::error::{Error, Invalid};
use crate::file::File;
use crate::id::FileId;
use crate::name::FileName;
use crate::server::Server;
use crate::wire;

pub(super) static SPEC: Spec = Spec::post("file.rename", "/file/rename/{id}");

/// Gives a file or folder another name in the same folder.
///
/// `POST /file/rename/{id}`.
///
/// The answer is the renamed file; its old name is in [`File::extra`] as `old_name`.
#[doc(alias = "fileRenameIdPost")]
#[doc(alias = "FileRenameReq")]
#[doc(alias = "FileRenameResp")]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RenameFile {
    /// Which one.
    pub id: FileId,
    /// The new name.
    pub name: FileName,
    /// What happens if the name is taken: `true`, the server picks a free one; `false`, it refuses with code 30.
    pub(crate) resolve: bool,
}

impl RenameFile {
    /// Gives an item this name. A name that is taken is refused with code 30.
    pub fn new(id: FileId, name: FileName) -> Self {
        Self { id, name, resolve: false }
    }

    /// Lets the server pick a free name if the name is taken, such as `test(1).pdf`; by default it refuses with code 30.
    #[must_use]
    pub fn rename_on_conflict(mut self) -> Self {
        self.resolve = true;
        self
    }
}

impl Endpoint for RenameFile {
    type Response = File;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        #[derive(Serialize)]
        struct Body<'a> {
            name: &'a FileName,
            resolve: bool,
        }
        let body = Body { name: &self.name, resolve: self.resolve };
        wire::json_with_values(&SPEC, server, &[self.id.as_str()], &body)
    }

    fn decode(response: http::Response<Bytes>) -> Result<File, Error> {
        wire::decode(&SPEC, &response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::known::{answer, sent};

    #[test]
    fn the_old_name_comes_back_beside_the_new_one() {
        let rename = RenameFile::new("f1".parse().unwrap(), "b".parse().unwrap()).rename_on_conflict();
        let (line, body) = sent(&rename);
        assert_eq!((line.as_str(), body.as_str()), ("POST /api/1.0/file/rename/f1", r#"{"name":"b","resolve":true}"#));
        let file = RenameFile::decode(answer(200, r#"{"id":"f1","name":"b","type":"F","old_name":"a"}"#)).unwrap();
        assert_eq!((file.name.as_str(), file.extra.text("old_name")), ("b", Some("a")));
    }
}
