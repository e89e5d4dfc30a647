//! `POST /file/search`.

use http::Response;
use serde::Deserialize;

use crate::body::Body;
use crate::call::Call;
use crate::gate::Caller;
use crate::reply::{self, Problem};
use crate::server::Server;
use crate::tree::{Node, Tree};

/// A group of conditions: all of `_and`, and one of `_or` if there are any.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Group<T> {
    #[serde(default = "Vec::new", rename = "_and")]
    all: Vec<T>,
    #[serde(default = "Vec::new", rename = "_or")]
    any: Vec<T>,
}

/// Conditions on one item; all that are there have to hold.
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
#[expect(dead_code, reason = "read so that the form is checked; nothing has a tag here")]
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
    fn holds(&self, one: impl Fn(&T) -> bool) -> bool {
        self.all.iter().all(&one) && (self.any.is_empty() || self.any.iter().any(one))
    }
}

impl Query {
    /// A name has to contain the text; a time has to be of that second.
    fn holds(&self, node: &Node) -> bool {
        let (created, modified) = (node.created.seconds(), node.modified.seconds());
        self.tag.as_ref().is_none_or(|group| group.holds(|_| false))
            && self.name.as_ref().is_none_or(|group| group.holds(|text| node.name.contains(text.as_str())))
            && self.created.as_ref().is_none_or(|group| group.holds(|time| time.floor() == created as f64))
            && self.modified.as_ref().is_none_or(|group| group.holds(|time| time.floor() == modified as f64))
    }
}

impl Server {
    /// Looks through everything but the trash.
    pub(crate) fn search(&self, caller: &Caller, call: &mut Call<'_>) -> Result<Response<Body>, Problem> {
        let query: Group<Query> = call.json()?;
        let tree = self.tree(caller);
        let mut found = Vec::new();
        for id in tree.below(tree.home).into_iter().filter(|id| is_searched(tree, *id)) {
            let node = tree.get(id)?;
            if query.holds(|query| query.holds(node)) {
                found.push(self.view(caller, id)?);
            }
        }
        Ok(reply::ok(&found))
    }
}

fn is_searched(tree: &Tree, id: crate::ids::Id) -> bool {
    id != tree.home && !tree.is_within(id, tree.trash)
}
