//! `POST /file/delete`

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::deferred::Deferred;
use crate::endpoint::{Endpoint, Prepared, Spec};
use crate::error::{Error, Invalid};
use crate::id::FileId;
use crate::server::Server;
use crate::wire;

/// Never again: what lies in the trash already may be deleted for good by a second time.
pub(super) static SPEC: Spec = Spec::post("file.delete", "/file/delete").statuses(&[200, 202]);

/// Deletes files and folders.
///
/// `POST /file/delete`. Up to about ten ids the server answers at once, above that it starts a job.
///
/// ```
/// use quatrix_proto::api::DeleteFiles;
/// use quatrix_proto::{Authorization, Deferred, Endpoint, Server, SessionId};
/// # use bytes::Bytes;
///
/// let session_id = SessionId::new("5b1c")?;
/// let delete = DeleteFiles::to_trash(["4711".parse()?]);
/// let request = delete.prepare(&Server::default())?.into_request(Authorization::Session(&session_id));
/// assert_eq!(request.uri(), "https://api.quatrix.it/api/1.0/file/delete");
/// assert_eq!(request.body(), r#"{"ids":["4711"]}"#);
///
/// # let response = http::Response::new(Bytes::from(r#"{"ids":["4711"]}"#));
/// match DeleteFiles::decode(response)? {
///     Deferred::Done(deleted) => assert_eq!(deleted.missing(&delete.ids), None),
///     Deferred::Job(id) => println!("the server goes on with it as job {id}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "fileDeletePost")]
#[doc(alias = "FileDeleteReq")]
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct DeleteFiles {
    /// Which ones.
    pub ids: Vec<FileId>,
    /// Whether they skip the trash, where they would be kept for 30 days. Sent only if `true`: the flag is known from
    /// the rclone backend alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) delete_permanently: bool,
}

/// The ids for which an operation was done.
#[doc(alias = "IdsResp")]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Ids {
    /// Which ones.
    pub ids: Vec<FileId>,
}

impl Ids {
    /// The first of the `asked` that is not among them.
    ///
    /// A success may have left some out: the C# client and the rclone backend both check.
    pub fn missing<'a>(&self, asked: &'a [FileId]) -> Option<&'a FileId> {
        asked.iter().find(|id| !self.ids.contains(id))
    }
}

impl DeleteFiles {
    /// Deletes them into the trash.
    pub fn to_trash(ids: impl Into<Vec<FileId>>) -> Self {
        Self { ids: ids.into(), delete_permanently: false }
    }

    /// Deletes them for good.
    pub fn permanently(ids: impl Into<Vec<FileId>>) -> Self {
        Self { ids: ids.into(), delete_permanently: true }
    }
}

impl Endpoint for DeleteFiles {
    type Response = Deferred<Ids>;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        wire::json(&SPEC, server, self)
    }

    fn decode(response: http::Response<Bytes>) -> Result<Deferred<Ids>, Error> {
        wire::deferred(&SPEC, &response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::known::{answer, sent};

    #[test]
    fn for_good_is_said_and_the_trash_is_not() {
        let ids: Vec<FileId> = vec!["a".parse().unwrap()];
        assert_eq!(sent(&DeleteFiles::to_trash(ids.clone())).1, r#"{"ids":["a"]}"#);
        assert_eq!(sent(&DeleteFiles::permanently(ids)).1, r#"{"ids":["a"],"delete_permanently":true}"#);
    }

    #[test]
    fn q15_the_answer_says_whether_it_is_a_job() {
        let job = Deferred::Job("j1".parse().unwrap());
        let done = Deferred::Done(Ids { ids: vec!["a".parse().unwrap()] });
        let decode = |status, json| DeleteFiles::decode(answer(status, json));
        assert_eq!(decode(202, r#"{"job_id":"j1"}"#).unwrap(), job);
        assert_eq!(decode(200, r#"{"job_id":"j1"}"#).unwrap(), job);
        assert_eq!(decode(202, r#"{"job_id":"j1","ids":["a"]}"#).unwrap(), job);
        assert_eq!(decode(200, r#"{"ids":["a"]}"#).unwrap(), done);
        assert_eq!(decode(202, r#"{"ids":["a"]}"#).unwrap(), done);
        assert_eq!(decode(200, r#"{"ids":["a"],"job_id":null}"#).unwrap(), done);
        let invalid_response = |status, json| decode(status, json).unwrap_err().to_string();
        let says = |status: u16, field: &str| {
            format!("file.delete: invalid response (status {status}): field {field} is missing or duplicated")
        };
        assert_eq!(invalid_response(202, "{}"), says(202, "job_id"));
        assert_eq!(invalid_response(200, "{}"), says(200, "ids"));
    }

    #[test]
    fn an_id_that_was_left_out_is_found() {
        let ids = Ids { ids: vec!["a".parse().unwrap()] };
        let asked: Vec<FileId> = vec!["a".parse().unwrap(), "b".parse().unwrap()];
        assert_eq!(ids.missing(&asked), Some(&asked[1]));
        assert_eq!(ids.missing(&asked[..1]), None);
    }
}
