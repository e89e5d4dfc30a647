//! File metadata: reading it, finding an id by path, setting a modification time.

use http::Response;
use serde::Deserialize;
use serde_json::json;

use crate::api_request::ApiRequest;
use crate::auth::Caller;
use crate::body::Body;
use crate::ids::Id;
use crate::response::{self, ErrorResponse};
use crate::server::Server;
use crate::timestamp::Timestamp;
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
    pub(crate) fn home_metadata(
        &self,
        caller: &Caller,
        request: &ApiRequest<'_>,
    ) -> Result<Response<Body>, ErrorResponse> {
        self.metadata_of(caller, self.tree(caller).home, request)
    }

    pub(crate) fn metadata(&self, caller: &Caller, request: &ApiRequest<'_>) -> Result<Response<Body>, ErrorResponse> {
        self.metadata_of(caller, self.tree(caller).find(request.id)?, request)
    }

    fn metadata_of(&self, caller: &Caller, id: Id, request: &ApiRequest<'_>) -> Result<Response<Body>, ErrorResponse> {
        let with_content = match request.query("content")?.as_deref() {
            None | Some("1") => true,
            Some("0") => false,
            Some(_) => return Err(ErrorResponse::bad("content must be 0 or 1")),
        };
        let mut view = self.view(caller, id)?.with_owner(self.uid(caller));
        let children = self.tree(caller).children(id);
        if let Some(children) = children.filter(|_| with_content) {
            let content: Result<_, _> = children.values().map(|id| self.view(caller, *id)).collect();
            view = view.with_content(content?);
        }
        Ok(response::ok(&view))
    }

    pub(crate) fn set_time(
        &mut self,
        caller: &Caller,
        request: &mut ApiRequest<'_>,
    ) -> Result<Response<Body>, ErrorResponse> {
        let SetTime { id, mtime } = request.json()?;
        let tree = self.tree_mut(caller);
        let id = tree.find(&id)?;
        if let Some(mtime) = mtime {
            tree.set_modified(id, time(mtime)?);
        }
        Ok(response::ok(&self.view(caller, id)?.with_owner(self.uid(caller))))
    }

    pub(crate) fn info(&self, caller: &Caller, request: &ApiRequest<'_>) -> Result<Response<Body>, ErrorResponse> {
        let person = &self.people[caller.person];
        let id = person.tree.find(request.id)?;
        let node = person.tree.get(id)?;
        Ok(response::ok(&json!({
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

    pub(crate) fn file_size(&self, caller: &Caller, request: &ApiRequest<'_>) -> Result<Response<Body>, ErrorResponse> {
        let tree = self.tree(caller);
        Ok(response::ok(&json!({ "size": tree.bytes(tree.find(request.id)?) })))
    }

    pub(crate) fn id_by_path(
        &self,
        caller: &Caller,
        request: &mut ApiRequest<'_>,
    ) -> Result<Response<Body>, ErrorResponse> {
        let Path { path, parent_id } = request.json()?;
        let tree = self.tree(caller);
        let start = parent_id.map_or(Ok(tree.home), |id| tree.find_folder(&id))?;
        let id = tree.at(start, &path).ok_or_else(ErrorResponse::not_found)?;
        let node = tree.get(id)?;
        let mut location = json!({ "file_id": id, "src": path, "type": kind_of(tree, id, node) });
        if let Some(parent) = node.parent {
            location["parent_id"] = json!(parent);
        }
        Ok(response::ok(&location))
    }

    pub(crate) fn view(&self, caller: &Caller, id: Id) -> Result<View<'_>, ErrorResponse> {
        let tree = self.tree(caller);
        Ok(View::new(tree, id, tree.get(id)?, self.settings.folder_size))
    }
}

/// Parses a modification time sent by a client.
pub(crate) fn time(seconds: f64) -> Result<Timestamp, ErrorResponse> {
    Timestamp::from_seconds(seconds).ok_or_else(|| ErrorResponse::bad("mtime must be seconds since 1970"))
}
