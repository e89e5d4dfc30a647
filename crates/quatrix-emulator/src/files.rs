//! Reading about files: metadata, information, size, id by path. And setting a modification time.

use http::Response;
use serde::Deserialize;
use serde_json::json;

use crate::body::Body;
use crate::call::Call;
use crate::gate::Caller;
use crate::ids::Id;
use crate::reply::{self, Problem};
use crate::server::Server;
use crate::stamp::Stamp;
use crate::view::{View, kind_of, size_of};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetTime {
    id: String,
    mtime: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Path {
    path: String,
    parent_id: Option<String>,
}

impl Server {
    pub(crate) fn home_metadata(&self, caller: &Caller, call: &Call<'_>) -> Result<Response<Body>, Problem> {
        self.metadata_of(caller, self.tree(caller).home, call)
    }

    pub(crate) fn metadata(&self, caller: &Caller, call: &Call<'_>) -> Result<Response<Body>, Problem> {
        self.metadata_of(caller, self.tree(caller).find(call.id)?, call)
    }

    fn metadata_of(&self, caller: &Caller, id: Id, call: &Call<'_>) -> Result<Response<Body>, Problem> {
        let with_content = match call.query("content")?.as_deref() {
            None | Some("1") => true,
            Some("0") => false,
            Some(_) => return Err(Problem::bad("content is 0 or 1")),
        };
        let mut view = self.view(caller, id)?.with_owner(self.uid(caller));
        let children = self.tree(caller).children(id);
        if let Some(children) = children.filter(|_| with_content) {
            let content: Result<_, _> = children.values().map(|id| self.view(caller, *id)).collect();
            view = view.with_content(content?);
        }
        Ok(reply::ok(&view))
    }

    pub(crate) fn set_time(&mut self, caller: &Caller, call: &mut Call<'_>) -> Result<Response<Body>, Problem> {
        let SetTime { id, mtime } = call.json()?;
        let tree = self.tree_mut(caller);
        let id = tree.find(&id)?;
        if let Some(mtime) = mtime {
            tree.set_modified(id, time(mtime)?);
        }
        Ok(reply::ok(&self.view(caller, id)?.with_owner(self.uid(caller))))
    }

    pub(crate) fn info(&self, caller: &Caller, call: &Call<'_>) -> Result<Response<Body>, Problem> {
        let person = &self.people[caller.person];
        let id = person.tree.find(call.id)?;
        let node = person.tree.get(id)?;
        Ok(reply::ok(&json!({
            "id": id,
            "created": node.created.seconds(),
            "modified": node.modified.seconds(),
            "content_modified": node.modified.seconds(),
            "name": node.name,
            "size": size_of(&person.tree, id, node, self.settings.folder_size),
            "type": kind_of(&person.tree, id, node),
            "file_owner": { "id": person.id, "name": person.name(), "email": person.account.user },
            "action_role": {},
            "paths": {},
        })))
    }

    pub(crate) fn file_size(&self, caller: &Caller, call: &Call<'_>) -> Result<Response<Body>, Problem> {
        let tree = self.tree(caller);
        Ok(reply::ok(&json!({ "size": tree.bytes(tree.find(call.id)?) })))
    }

    pub(crate) fn id_by_path(&self, caller: &Caller, call: &mut Call<'_>) -> Result<Response<Body>, Problem> {
        let Path { path, parent_id } = call.json()?;
        let tree = self.tree(caller);
        let start = parent_id.map_or(Ok(tree.home), |id| tree.find_folder(&id))?;
        let id = tree.at(start, &path).ok_or_else(Problem::not_found)?;
        let node = tree.get(id)?;
        let mut answer = json!({ "file_id": id, "src": path, "type": kind_of(tree, id, node) });
        if let Some(parent) = node.parent {
            answer["parent_id"] = json!(parent);
        }
        Ok(reply::ok(&answer))
    }

    pub(crate) fn view(&self, caller: &Caller, id: Id) -> Result<View<'_>, Problem> {
        let tree = self.tree(caller);
        Ok(View::new(tree, id, tree.get(id)?, self.settings.folder_size))
    }
}

/// A modification time that a client sent.
pub(crate) fn time(seconds: f64) -> Result<Stamp, Problem> {
    Stamp::from_seconds(seconds).ok_or_else(|| Problem::bad("mtime is no time"))
}
