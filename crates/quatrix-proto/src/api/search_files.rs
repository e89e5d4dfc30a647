//! `POST /file/search`

use bytes::Bytes;
use serde::Serialize;

use crate::endpoint::{Endpoint, Prepared, Spec};
use crate::error::{Error, Invalid};
use crate::file::File;
use crate::server::Server;
use crate::time::UnixTime;
use crate::wire;

pub(super) static SPEC: Spec = Spec::post("file.search", "/file/search").replay_safe();

/// Searches files by name, tag and time.
///
/// `POST /file/search`, over everything the user sees: there is no folder to search below, no limit, no order. Names
/// match parts (source: the documentation from before 2018); how times compare is not published.
///
/// ```
/// use quatrix_proto::api::{Condition, SearchFiles};
/// use quatrix_proto::{Authorization, Endpoint, Server, SessionId};
/// # use bytes::Bytes;
///
/// let session_id = SessionId::new("5b1c")?;
/// let search = SearchFiles::all([Condition::name("report"), Condition::name("2026")]);
/// let request = search.prepare(&Server::default())?.into_request(Authorization::Session(&session_id));
/// assert_eq!(request.uri(), "https://api.quatrix.it/api/1.0/file/search");
/// assert_eq!(request.body(), r#"{"_and":[{"name":{"_and":["report"]}},{"name":{"_and":["2026"]}}]}"#);
///
/// # let response = http::Response::new(Bytes::from(r#"[{"id":"1","name":"report-2026.pdf","type":"F"}]"#));
/// assert_eq!(SearchFiles::decode(response)?[0].name, "report-2026.pdf");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "fileSearchPost")]
#[doc(alias = "SearchReq")]
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct SearchFiles {
    /// All of these hold.
    #[serde(rename = "_and", skip_serializing_if = "Vec::is_empty")]
    pub all: Vec<Condition>,
    /// At least one of these holds.
    #[serde(rename = "_or", skip_serializing_if = "Vec::is_empty")]
    pub any: Vec<Condition>,
}

/// What a file is searched by: one of the fields.
#[doc(alias = "SearchQuery")]
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Condition {
    /// Parts of the name.
    Name(Group<String>),
    /// Its tags.
    Tag(Group<Tag>),
    /// When it was made.
    Created(Group<UnixTime>),
    /// When it was last changed.
    Modified(Group<UnixTime>),
}

/// Values of which all, or at least one, apply.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Group<T> {
    /// All of these apply.
    #[serde(rename = "_and", skip_serializing_if = "Vec::is_empty")]
    pub all: Vec<T>,
    /// At least one of these applies.
    #[serde(rename = "_or", skip_serializing_if = "Vec::is_empty")]
    pub any: Vec<T>,
}

/// A tag to search by.
#[doc(alias = "SearchTag")]
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Tag {
    /// How the value is compared.
    #[serde(rename = "type")]
    pub kind: TagKind,
    /// The value.
    pub value: String,
}

/// How the value of a tag is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TagKind {
    /// As text.
    Text,
    /// As the start of a range.
    From,
    /// As the end of a range.
    To,
}

impl SearchFiles {
    /// Searches what all the conditions hold for.
    pub fn all(conditions: impl Into<Vec<Condition>>) -> Self {
        Self { all: conditions.into(), any: Vec::new() }
    }

    /// Searches what at least one of the conditions holds for.
    pub fn any(conditions: impl Into<Vec<Condition>>) -> Self {
        Self { all: Vec::new(), any: conditions.into() }
    }
}

impl<T> Group<T> {
    /// All of these values apply.
    pub fn all(values: impl Into<Vec<T>>) -> Self {
        Self { all: values.into(), any: Vec::new() }
    }

    /// At least one of these values applies.
    pub fn any(values: impl Into<Vec<T>>) -> Self {
        Self { all: Vec::new(), any: values.into() }
    }
}

impl Tag {
    /// Compares a tag with this value.
    pub fn new(kind: TagKind, value: impl Into<String>) -> Self {
        Self { kind, value: value.into() }
    }
}

impl Condition {
    /// Asks for a name that holds this part.
    pub fn name(part: impl Into<String>) -> Self {
        Self::Name(Group::all([part.into()]))
    }
}

impl Endpoint for SearchFiles {
    type Response = Vec<File>;

    fn prepare(&self, server: &Server) -> Result<Prepared, Invalid> {
        wire::json(&SPEC, server, self)
    }

    fn decode(response: http::Response<Bytes>) -> Result<Vec<File>, Error> {
        wire::decode(&SPEC, &response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::known::{answer, sent};

    #[test]
    fn groups_nest_as_published() {
        let tag = |kind, value: &str| Tag { kind, value: value.into() };
        let search = SearchFiles::any([
            Condition::Tag(Group { all: vec![tag(TagKind::From, "1"), tag(TagKind::To, "9")], any: vec![] }),
            Condition::Modified(Group { all: vec![], any: vec![UnixTime::from_secs(7)] }),
        ]);
        let (line, body) = sent(&search);
        assert_eq!(line, "POST /api/1.0/file/search");
        let tags = r#"{"tag":{"_and":[{"type":"from","value":"1"},{"type":"to","value":"9"}]}}"#;
        assert_eq!(body, format!(r#"{{"_or":[{tags},{{"modified":{{"_or":[7.0]}}}}]}}"#));
    }

    #[test]
    fn nothing_found_is_an_empty_list() {
        assert_eq!(SearchFiles::decode(answer(200, "[]")).unwrap(), []);
        assert!(SearchFiles::decode(answer(200, "{}")).is_err());
    }
}
