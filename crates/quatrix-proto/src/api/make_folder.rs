//! `POST /file/makedir`

use bytes::Bytes;
use serde::Serialize;

use crate::endpoint::{Endpoint, Prepared, Spec};
use crate::error::{Error, Invalid};
use crate::file::File;
use crate::id::FileId;
use crate::name::FileName;
use crate::server::Server;
use crate::wire;

pub(super) static SPEC: Spec = Spec::post("file.makedir", "/file/makedir").statuses(&[201]);

/// Makes a folder.
///
/// `POST /file/makedir`.
///
/// ```
/// use quatrix_proto::api::MakeFolder;
/// use quatrix_proto::{Authorization, Endpoint, Server, SessionId};
/// # use bytes::Bytes;
///
/// let session_id = SessionId::new("5b1c")?;
/// let folder = MakeFolder::new("4711".parse()?, "2026".parse()?);
/// let request = folder.prepare(&Server::default())?.into_request(Authorization::Session(&session_id));
/// assert_eq!(request.uri(), "https://api.quatrix.it/api/1.0/file/makedir");
/// assert_eq!(request.body(), r#"{"target":"4711","name":"2026","resolve":false}"#);
///
/// # let response = http::Response::new(Bytes::from(r#"{"id":"4712","name":"2026","type":"D"}"#));
/// assert_eq!(MakeFolder::decode(response)?.id.as_str(), "4712");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "fileMakedirPost")]
#[doc(alias = "MakeDirReq")]
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct MakeFolder {
    /// The folder to make it in.
    pub target: FileId,
    /// Its name.
    pub name: FileName,
    /// What happens if the name is taken: `true`, the server picks a free one; `false`, it refuses with code 30.
    pub(crate) resolve: bool,
}

impl MakeFolder {
    /// Makes a folder of this name in a folder. A name that is taken is refused with code 30.
    pub fn new(target: FileId, name: FileName) -> Self {
        Self { target, name, resolve: false }
    }

    /// Lets the server pick a free name if the name is taken, such as `test(1).pdf`; by default it refuses with code 30.
    #[must_use]
    pub fn rename_on_conflict(mut self) -> Self {
        self.resolve = true;
        self
    }
}

impl Endpoint for MakeFolder {
    type Response = File;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        wire::json(&SPEC, server, self)
    }

    fn decode(response: http::Response<Bytes>) -> Result<File, Error> {
        wire::decode(&SPEC, &response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::known::answer;
    use crate::error::ErrorCode;

    #[test]
    fn created_and_taken_are_told_apart() {
        let made = MakeFolder::decode(answer(201, r#"{"id":"d1","parent_id":"h","name":"2026","type":"D"}"#)).unwrap();
        assert_eq!((made.id.as_str(), made.is_folder()), ("d1", true));
        let taken = MakeFolder::decode(answer(400, r#"{"code":30,"msg":"object exists"}"#)).unwrap_err();
        assert_eq!(taken.code(), Some(ErrorCode::EXISTS));
    }
}
