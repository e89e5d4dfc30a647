//! `POST /file/copyone`, `POST /file/moveone`

use bytes::Bytes;
use serde::{Serialize, Serializer};

use crate::endpoint::{Endpoint, Prepared, Spec};
use crate::error::{Error, Invalid};
use crate::file::File;
use crate::id::FileId;
use crate::name::FileName;
use crate::server::Server;
use crate::time::UnixTime;
use crate::wire;

pub(super) static COPY: Spec = Spec::post("file.copyone", "/file/copyone");
pub(super) static MOVE: Spec = Spec::post("file.moveone", "/file/moveone");

/// Copies one file or folder to a folder, under a name.
///
/// `POST /file/copyone`, in no specification: known from the rclone backend, which uses it to get an answer at once.
#[doc(alias = "FileCopyMoveOneReq")]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CopyOne {
    /// Which one.
    pub id: FileId,
    /// The folder to copy it into.
    pub target: FileId,
    /// The name of the copy.
    pub name: FileName,
    /// The modification time of the copy; `None` leaves it to the server.
    pub modified: Option<UnixTime>,
    /// What happens if the name is taken.
    pub on_conflict: OnConflict,
}

impl CopyOne {
    /// Copies one item to a folder, under this name. A name that is taken is refused with code 30.
    pub fn new(id: FileId, target: FileId, name: FileName) -> Self {
        Self { id, target, name, modified: None, on_conflict: OnConflict::Refuse }
    }

    /// Sets what happens if the name is taken.
    #[must_use]
    pub fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.on_conflict = on_conflict;
        self
    }

    /// Sets the modification time; by default the server chooses it.
    #[must_use]
    pub fn modified(mut self, time: impl Into<Option<UnixTime>>) -> Self {
        self.modified = time.into();
        self
    }
}

/// Moves one file or folder to a folder, under a name.
///
/// `POST /file/moveone`, in no specification: known from the rclone backend, which uses it to get an answer at once and
/// to replace a file that exists.
///
/// Moving in place renames.
///
/// ```
/// use quatrix_proto::api::{OnConflict, MoveOne};
/// use quatrix_proto::{Authorization, Endpoint, Server, SessionId};
/// # use bytes::Bytes;
///
/// let session_id = SessionId::new("5b1c")?;
/// let publish = MoveOne::new("4711".parse()?, "4700".parse()?, "q3.pdf".parse()?)
///     .on_conflict(OnConflict::Overwrite);
/// let request = publish.prepare(&Server::default())?.into_request(Authorization::Session(&session_id));
/// assert_eq!(request.uri(), "https://api.quatrix.it/api/1.0/file/moveone");
///
/// # let response = http::Response::new(Bytes::from(r#"{"id":"4711","name":"q3.pdf","type":"F"}"#));
/// assert_eq!(MoveOne::decode(response)?.name, "q3.pdf");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "FileCopyMoveOneReq")]
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MoveOne {
    /// Which one.
    pub id: FileId,
    /// The folder to move it into.
    pub target: FileId,
    /// Its name there.
    pub name: FileName,
    /// Its modification time there; `None` leaves it to the server.
    pub modified: Option<UnixTime>,
    /// What happens if the name is taken.
    pub on_conflict: OnConflict,
}

impl MoveOne {
    /// Moves one item to a folder, under this name. A name that is taken is refused with code 30.
    pub fn new(id: FileId, target: FileId, name: FileName) -> Self {
        Self { id, target, name, modified: None, on_conflict: OnConflict::Refuse }
    }

    /// Sets what happens if the name is taken.
    #[must_use]
    pub fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.on_conflict = on_conflict;
        self
    }

    /// Sets the modification time; by default the server chooses it.
    #[must_use]
    pub fn modified(mut self, time: impl Into<Option<UnixTime>>) -> Self {
        self.modified = time.into();
        self
    }
}

/// What happens if a name is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnConflict {
    /// The server refuses with code 30.
    #[default]
    Refuse,
    /// The server picks a free name, such as `test(1).pdf`.
    Rename,
    /// What has the name is replaced.
    Overwrite,
}

#[derive(Serialize)]
struct Body<'a> {
    file_id: &'a FileId,
    target_id: &'a FileId,
    name: &'a FileName,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtime: Option<UnixTime>,
    #[serde(flatten)]
    on_conflict: OnConflict,
}

/// As the rclone backend sends it: both fields always, the mode empty where nothing is to be replaced.
impl Serialize for OnConflict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut fields = serializer.serialize_struct("OnConflict", 2)?;
        fields.serialize_field("resolve", &(*self != Self::Refuse))?;
        fields.serialize_field("resolve_mode", if *self == Self::Overwrite { "overwrite" } else { "" })?;
        fields.end()
    }
}

impl Endpoint for CopyOne {
    type Response = File;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        let Self { id: file_id, target: target_id, name, modified, on_conflict } = self;
        wire::json(&COPY, server, &Body { file_id, target_id, name, mtime: *modified, on_conflict: *on_conflict })
    }

    fn decode(response: http::Response<Bytes>) -> Result<File, Error> {
        wire::decode(&COPY, &response)
    }
}

impl Endpoint for MoveOne {
    type Response = File;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        let Self { id: file_id, target: target_id, name, modified, on_conflict } = self;
        wire::json(&MOVE, server, &Body { file_id, target_id, name, mtime: *modified, on_conflict: *on_conflict })
    }

    fn decode(response: http::Response<Bytes>) -> Result<File, Error> {
        wire::decode(&MOVE, &response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::known::{answer, sent};

    fn body(on_conflict: OnConflict, modified: Option<UnixTime>) -> String {
        let [id, target] = ["f1", "d1"].map(|id| id.parse().unwrap());
        let (line, body) =
            sent(&MoveOne::new(id, target, "b".parse().unwrap()).modified(modified).on_conflict(on_conflict));
        assert_eq!(line, "POST /api/1.0/file/moveone");
        body
    }

    #[test]
    fn a_clash_is_sent_as_rclone_sends_it() {
        let is = |rest: &str| format!(r#"{{"file_id":"f1","target_id":"d1","name":"b",{rest}}}"#);
        assert_eq!(body(OnConflict::Refuse, None), is(r#""resolve":false,"resolve_mode":"""#));
        assert_eq!(body(OnConflict::Rename, None), is(r#""resolve":true,"resolve_mode":"""#));
        let time = Some(UnixTime::from_micros(1_612_325_106_789_012));
        let rest = r#""mtime":1612325106.789012,"resolve":true,"resolve_mode":"overwrite""#;
        assert_eq!(body(OnConflict::Overwrite, time), is(rest));
    }

    #[test]
    fn copying_differs_in_the_path_alone() {
        let [id, target] = ["f1", "d1"].map(|id| id.parse().unwrap());
        let copy = CopyOne::new(id, target, "b".parse().unwrap());
        assert_eq!(sent(&copy), ("POST /api/1.0/file/copyone".into(), body(OnConflict::Refuse, None)));
        let file = CopyOne::decode(answer(200, r#"{"id":"f2","parent_id":"d1","name":"b","type":"F"}"#)).unwrap();
        assert_eq!((file.id.as_str(), file.name.as_str()), ("f2", "b"));
    }
}
