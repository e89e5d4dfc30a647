//! `POST /file/search`.

use http::Response;
use serde::Deserialize;

use crate::api_request::ApiRequest;
use crate::auth::Caller;
use crate::body::Body;
use crate::response::{self, ErrorResponse};
use crate::server::Server;
use crate::tree::{Node, Tree};

/// Conditions: all of `_and`, and one of `_or` if it is not empty.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group<T> {
    #[serde(default = "Vec::new", rename = "_and")]
    all: Vec<T>,
    #[serde(default = "Vec::new", rename = "_or")]
    any: Vec<T>,
}

/// Conditions on one item; each given condition must match.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    tag: Option<Group<Tag>>,
    name: Option<Group<String>>,
    created: Option<Group<f64>>,
    modified: Option<Group<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "parsed to check the form; no item has a tag")]
struct Tag {
    r#type: TagType,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum TagType {
    Text,
    From,
    To,
}

impl<T> Group<T> {
    fn matches(&self, one: impl Fn(&T) -> bool) -> bool {
        self.all.iter().all(&one) && (self.any.is_empty() || self.any.iter().any(one))
    }
}

impl Query {
    /// A name must contain the text; a time must be within that second.
    fn matches(&self, node: &Node) -> bool {
        let (created, modified) = (node.created.seconds(), node.modified.seconds());
        self.tag.as_ref().is_none_or(|group| group.matches(|_| false))
            && self.name.as_ref().is_none_or(|group| group.matches(|text| node.name.contains(text.as_str())))
            && self.created.as_ref().is_none_or(|group| group.matches(|time| time.floor() == created as f64))
            && self.modified.as_ref().is_none_or(|group| group.matches(|time| time.floor() == modified as f64))
    }
}

impl Server {
    /// Searches all items outside the trash.
    pub(crate) fn search(
        &self,
        caller: &Caller,
        request: &mut ApiRequest<'_>,
    ) -> Result<Response<Body>, ErrorResponse> {
        let query: Group<Query> = request.json()?;
        let tree = self.tree(caller);
        let mut found = Vec::new();
        for id in tree.below(tree.home).into_iter().filter(|id| is_searched(tree, *id)) {
            let node = tree.get(id)?;
            if query.matches(|query| query.matches(node)) {
                found.push(self.view(caller, id)?);
            }
        }
        Ok(response::ok(&found))
    }
}

fn is_searched(tree: &Tree, id: crate::ids::Id) -> bool {
    id != tree.home && !tree.is_within(id, tree.trash)
}
