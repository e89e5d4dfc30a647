//! JSON of a file in responses.

use serde::Serialize;

use crate::ids::Id;
use crate::settings::FolderSize;
use crate::tree::{Kind, Node, Tree};

/// Permissions of a home and of other items: samples of the mask, whose bits are not documented.
const HOME_OPERATIONS: u32 = 191;
const OPERATIONS: u32 = 31;

/// `FileResp`, or `FileMetadataGetResp` with the optional fields.
#[derive(Serialize)]
pub(crate) struct View<'a> {
    id: Id,
    /// Left out for the home.
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_id: Option<Id>,
    name: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    size: u64,
    /// Whole seconds.
    created: i64,
    modified: i64,
    /// Seconds with a fraction, despite the name.
    modified_ms: f64,
    operations: u32,
    metadata: Metadata,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Vec<Self>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    old_name: Option<String>,
}

#[derive(Serialize)]
struct Metadata {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    is_system: bool,
}

impl<'a> View<'a> {
    pub(crate) fn new(tree: &'a Tree, id: Id, node: &'a Node, folder_size: FolderSize) -> Self {
        Self {
            id,
            parent_id: node.parent,
            name: &node.name,
            kind: kind_of(tree, id, node),
            size: size_of(tree, id, node, folder_size),
            created: node.created.seconds(),
            modified: node.modified.seconds(),
            modified_ms: node.modified.exact(),
            operations: if id == tree.home { HOME_OPERATIONS } else { OPERATIONS },
            metadata: Metadata { is_system: is_system(tree, id) },
            uid: None,
            gid: None,
            content: None,
            old_name: None,
        }
    }

    pub(crate) fn with_owner(self, uid: u32) -> Self {
        Self { uid: Some(uid), gid: Some(crate::profile::GID), ..self }
    }

    pub(crate) fn with_content(self, content: Vec<Self>) -> Self {
        Self { content: Some(content), ..self }
    }

    pub(crate) fn with_old_name(self, old_name: String) -> Self {
        Self { old_name: Some(old_name), ..self }
    }
}

/// Returns the `size` of an item.
pub(crate) fn size_of(tree: &Tree, id: Id, node: &Node, folder_size: FolderSize) -> u64 {
    match (&node.kind, folder_size) {
        (Kind::File(content), _) => content.len(),
        (Kind::Folder(children), FolderSize::Items) => children.len() as u64,
        (Kind::Folder(_), FolderSize::Bytes) => tree.bytes(id),
    }
}

/// Returns the letter of an item's type.
pub(crate) fn kind_of(tree: &Tree, id: Id, node: &Node) -> &'static str {
    match node.kind {
        Kind::File(_) => "F",
        Kind::Folder(_) if id == tree.trash => "T",
        Kind::Folder(_) => "D",
    }
}

/// Returns `true` if an item cannot be deleted, renamed or moved.
pub(crate) fn is_system(tree: &Tree, id: Id) -> bool {
    id == tree.home || id == tree.trash
}
