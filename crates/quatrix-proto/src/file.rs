//! What the server tells of a file or folder.

use std::fmt;

use http::StatusCode;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::error::{Error, InvalidResponse, InvalidResponseKind};
use crate::id::FileId;
use crate::lenient::{self, UnknownFields};
use crate::time::UnixTime;

/// A file or folder.
///
/// A folder comes with its children where they were asked for.
#[doc(alias = "FileResp")]
#[doc(alias = "FileMetadataGetResp")]
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct File {
    /// Its id.
    pub id: FileId,
    /// The folder it is in; the home is in none.
    pub parent_id: Option<FileId>,
    /// Its name, as the server wrote it. Escape it before it reaches a terminal, check it before it becomes a path.
    pub name: String,
    /// File, folder or another kind.
    pub kind: FileKind,
    /// Bytes of a file. Of a folder the sources say bytes, and number of entries (Q14): do not decide by it.
    pub size: Option<u64>,
    /// When it was made.
    pub created: Option<UnixTime>,
    /// When it was last changed: with the fraction of `modified_ms`, where that agrees with `modified`.
    pub modified: Option<UnixTime>,
    /// A bit mask of what the user may do with it. The meaning of single bits is not published.
    pub operations: Option<i64>,
    /// Which system folder it is, such as `incoming`, `outgoing`, `homes` or `projects`. They cannot be deleted.
    pub sub_type: Option<Box<str>>,
    /// The children of a folder, in no particular order; `None` where the response has none. See
    /// [`into_children`](Self::into_children).
    pub content: Option<Vec<Self>>,
    /// What else there was.
    pub extra: UnknownFields,
}

impl File {
    /// Whether it can have children.
    pub fn is_folder(&self) -> bool {
        self.kind.is_folder()
    }

    /// Takes the children of a folder that was asked for with them. An empty list is an empty folder.
    ///
    /// # Errors
    /// [`Error::InvalidResponse`] if the response has none, or is not a folder: taking that for an empty folder would make
    /// everything in it seem deleted.
    pub fn into_children(self) -> Result<Vec<Self>, Error> {
        let problem = match self.content {
            Some(content) if self.kind.is_folder() => return Ok(content),
            Some(_) => InvalidResponseKind::Value("type".into()),
            None => InvalidResponseKind::Field("content".into()),
        };
        Err(InvalidResponse::new("file.metadata", StatusCode::OK, problem).into())
    }
}

/// What a [`File`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FileKind {
    /// A file (`F`).
    File,
    /// A folder (`D`).
    Folder,
    /// A project folder, or a folder that others share (`S`).
    Project,
    /// The trash (`T`).
    Trash,
    /// A link to a file (`N`; known to the C# client alone).
    Link,
    /// Another letter; of a longer text its first.
    Other(char),
}

impl FileKind {
    /// Whether it can have children: folders, project folders and the trash (as the rclone backend has it).
    pub fn is_folder(self) -> bool {
        matches!(self, Self::Folder | Self::Project | Self::Trash)
    }

    fn from_letter(letter: char) -> Self {
        match letter {
            'F' => Self::File,
            'D' => Self::Folder,
            'S' => Self::Project,
            'T' => Self::Trash,
            'N' => Self::Link,
            other => Self::Other(other),
        }
    }

    /// The letter on the wire.
    pub fn letter(self) -> char {
        match self {
            Self::File => 'F',
            Self::Folder => 'D',
            Self::Project => 'S',
            Self::Trash => 'T',
            Self::Link => 'N',
            Self::Other(letter) => letter,
        }
    }
}

impl<'de> Deserialize<'de> for FileKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Letter;
        impl Visitor<'_> for Letter {
            type Value = FileKind;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a letter")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<FileKind, E> {
                text.chars().next().map(FileKind::from_letter).ok_or_else(|| E::custom("empty type"))
            }
        }
        deserializer.deserialize_str(Letter)
    }
}

/// The fields that are read; by hand, since `serde(flatten)` would buffer every entry of a large folder.
#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Field {
    Id,
    ParentId,
    Name,
    Type,
    Size,
    Created,
    Modified,
    ModifiedMs,
    Operations,
    SubType,
    Metadata,
    Content,
    Other(Box<str>),
}

impl<'de> Deserialize<'de> for File {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FileVisitor)
    }
}

struct FileVisitor;

impl<'de> Visitor<'de> for FileVisitor {
    type Value = File;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<File, A::Error> {
        let (mut id, mut name, mut kind) = (None, None, None);
        let (mut parent_id, mut size, mut created, mut modified) = (None, None, None, None);
        let (mut exact, mut operations, mut sub_type, mut metadata) = (None, None, None, None);
        let mut content = None;
        let mut extra = UnknownFields::default();
        while let Some(field) = map.next_key()? {
            match field {
                Field::Id => once("id", &mut id, map.next_value()?)?,
                Field::ParentId => once("parent_id", &mut parent_id, map.next_value()?)?,
                Field::Name => once("name", &mut name, map.next_value()?)?,
                Field::Type => once("type", &mut kind, map.next_value()?)?,
                Field::Size => once("size", &mut size, map.next_value()?)?,
                Field::Created => once("created", &mut created, map.next_value()?)?,
                Field::Modified => once("modified", &mut modified, map.next_value()?)?,
                Field::ModifiedMs => once("modified_ms", &mut exact, map.next_value()?)?,
                Field::Operations => once("operations", &mut operations, map.next_value()?)?,
                Field::SubType => once("sub_type", &mut sub_type, map.next_value()?)?,
                Field::Metadata => once("metadata", &mut metadata, map.next_value()?)?,
                Field::Content => once("content", &mut content, map.next_value()?)?,
                Field::Other(other) => extra.insert(other, map.next_value()?),
            }
        }
        let lenient::Text(sub_type) = sub_type.unwrap_or_default();
        let mut sub_type = (!sub_type.is_empty()).then(|| sub_type.into_boxed_str());
        // Null for what is not special: keeping that would cost each of a hundred thousand files an entry.
        if let Some(metadata @ Value::Object(_)) = metadata {
            sub_type = sub_type.or_else(|| Some(metadata.get("subtype")?.as_str()?.into()));
            extra.insert("metadata".into(), metadata);
        }
        let lenient::Id(parent_id) = parent_id.unwrap_or_default();
        let lenient::Text(name) = name.ok_or_else(|| de::Error::missing_field("name"))?;
        let lenient::Unsigned(size) = size.unwrap_or_default();
        let lenient::Integer(operations) = operations.unwrap_or_default();
        Ok(File {
            id: id.ok_or_else(|| de::Error::missing_field("id"))?,
            parent_id,
            name,
            kind: kind.ok_or_else(|| de::Error::missing_field("type"))?,
            size,
            created: created.flatten(),
            modified: with_fraction(modified.flatten(), exact.unwrap_or_default()),
            operations,
            sub_type,
            content: content.flatten(),
            extra,
        })
    }
}

fn once<T, E: de::Error>(name: &'static str, slot: &mut Option<T>, value: T) -> Result<(), E> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::duplicate_field(name)),
    }
}

/// `modified_ms` is seconds with a fraction to the rclone backend, and microseconds by the text of the specification:
/// it counts only where it is the same second as `modified`.
fn with_fraction(modified: Option<UnixTime>, exact: Value) -> Option<UnixTime> {
    let exact = UnixTime::deserialize(exact).ok();
    match (modified, exact) {
        (Some(modified), Some(exact)) if modified.as_secs() == exact.as_secs() => Some(exact),
        (None, exact) => exact,
        (modified, _) => modified,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(json: &str) -> Result<File, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn every_field_is_read() {
        let json = r#"{"id":"d1","parent_id":"h","name":"in","type":"D","size":1,"created":1612325106,"uid":7,
            "modified":1612325107,"modified_ms":1612325107.789012,"operations":"191","sub_type":"incoming",
            "metadata":{"is_system":true},"content":[{"id":"f1","name":"a.txt","type":"F","size":"12"}]}"#;
        let child = File {
            id: "f1".parse().unwrap(),
            parent_id: None,
            name: "a.txt".into(),
            kind: FileKind::File,
            size: Some(12),
            created: None,
            modified: None,
            operations: None,
            sub_type: None,
            content: None,
            extra: UnknownFields::default(),
        };
        let mut extra = UnknownFields::default();
        extra.insert("uid".into(), 7.into());
        extra.insert("metadata".into(), serde_json::json!({"is_system": true}));
        let folder = File {
            id: "d1".parse().unwrap(),
            parent_id: Some("h".parse().unwrap()),
            name: "in".into(),
            kind: FileKind::Folder,
            size: Some(1),
            created: Some(UnixTime::from_secs(1_612_325_106)),
            modified: Some(UnixTime::from_micros(1_612_325_107_789_012)),
            operations: Some(191),
            sub_type: Some("incoming".into()),
            content: Some(vec![child]),
            extra,
        };
        assert_eq!(file(json).unwrap(), folder);
    }

    #[test]
    fn nulls_and_missing_fields_are_nothing() {
        let bare = file(r#"{"id":"h","name":"","type":"D"}"#).unwrap();
        let nulls = r#"{"id":"h","name":null,"type":"D","parent_id":null,"size":null,"created":null,"modified":null,
            "modified_ms":null,"operations":null,"sub_type":null,"metadata":null,"content":null}"#;
        assert_eq!(file(nulls).unwrap(), bare);
        assert_eq!((bare.parent_id, bare.size, bare.content), (None, None, None));
    }

    #[test]
    fn a_folder_without_content_is_not_an_empty_folder() {
        let children = |json: &str| file(json).unwrap().into_children().map(|list| list.len());
        assert_eq!(children(r#"{"id":"h","name":"","type":"D","content":[]}"#).unwrap(), 0);
        for (json, says) in [
            (r#"{"id":"h","name":"","type":"D"}"#, "field content is missing or duplicated"),
            (r#"{"id":"h","name":"","type":"D","content":null}"#, "field content is missing or duplicated"),
            (r#"{"id":"h","name":"","type":"F","content":[]}"#, "field type has an invalid value"),
        ] {
            assert!(children(json).unwrap_err().to_string().ends_with(says), "{json}");
        }
    }

    #[test]
    fn nonsense_is_refused_by_the_name_of_its_field() {
        assert!(file(r#"{"name":"a","type":"F"}"#).unwrap_err().starts_with("missing field `id`"));
        assert!(file(r#"{"id":"a","type":"F"}"#).unwrap_err().starts_with("missing field `name`"));
        assert!(file(r#"{"id":"a","name":"a"}"#).unwrap_err().starts_with("missing field `type`"));
        assert!(file(r#"{"id":"a","id":"b","name":"a","type":"F"}"#).unwrap_err().starts_with("duplicate field `id`"));
        assert!(file(r#"{"id":"a","name":"a","type":"F","size":-1}"#).is_err());
        assert!(file(r#"{"id":"a","name":"a","type":"","size":1}"#).is_err());
        assert!(file(r#"[]"#).is_err());
    }

    #[test]
    fn the_fraction_of_modified_ms_counts_where_it_is_the_same_second() {
        let modified = |times: &str| {
            file(&format!(r#"{{"id":"a","name":"a","type":"F",{times}}}"#))
                .unwrap()
                .modified
                .map(|time| time.to_string())
        };
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(modified(r#""modified":1612325106,"modified_ms":1612325106.789012"#), is("1612325106.789012"));
        assert_eq!(modified(r#""modified":1612325106,"modified_ms":1612325106789012"#), is("1612325106.000000"));
        assert_eq!(modified(r#""modified":1612325106,"modified_ms":1612325106789"#), is("1612325106.000000"));
        assert_eq!(modified(r#""modified_ms":"7.5""#), is("7.500000"));
        assert_eq!(modified(r#""modified":"7""#), is("7.000000"));
    }

    #[test]
    fn the_subtype_may_hide_in_the_metadata() {
        let json = r#"{"id":"a","name":"a","type":"D","sub_type":"","metadata":{"subtype":"projects"}}"#;
        assert_eq!(file(json).unwrap().sub_type.as_deref(), Some("projects"));
    }

    #[test]
    fn unknown_kinds_are_kept() {
        for (text, kind, folder) in [
            ("F", FileKind::File, false),
            ("D", FileKind::Folder, true),
            ("S", FileKind::Project, true),
            ("T", FileKind::Trash, true),
            ("N", FileKind::Link, false),
            ("Q", FileKind::Other('Q'), false),
            ("Zip", FileKind::Other('Z'), false),
        ] {
            let read: FileKind = serde_json::from_str(&format!("\"{text}\"")).unwrap();
            assert_eq!((read, read.is_folder()), (kind, folder));
            assert!(text.starts_with(read.letter()));
        }
    }
}
