//! Operations that change the tree: folders, names, copies, moves, the trash.

use std::collections::BTreeMap;

use http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::api_request::ApiRequest;
use crate::auth::Caller;
use crate::body::Body;
use crate::files::time;
use crate::ids::Id;
use crate::profile::ACCOUNT_LIMIT;
use crate::response::{self, ErrorResponse};
use crate::server::Server;
use crate::timestamp::Timestamp;
use crate::tree::Kind;
use crate::view::is_system;

/// Default of `resolve`.
pub(crate) fn resolve_by_default() -> bool {
    true
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MakeFolder {
    target: String,
    name: String,
    #[serde(default = "resolve_by_default")]
    resolve: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rename {
    name: String,
    #[serde(default = "resolve_by_default")]
    resolve: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delete {
    ids: Vec<String>,
    #[serde(default)]
    delete_permanently: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TransferMany {
    ids: Vec<String>,
    target: String,
    #[serde(default = "resolve_by_default")]
    resolve: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TransferOne {
    file_id: String,
    target_id: String,
    name: Option<String>,
    mtime: Option<f64>,
    #[serde(default = "resolve_by_default")]
    resolve: bool,
    #[serde(default)]
    resolve_mode: ResolveMode,
}

#[derive(Deserialize, Default, PartialEq, Eq)]
enum ResolveMode {
    #[default]
    #[serde(rename = "")]
    FreeName,
    #[serde(rename = "overwrite")]
    Overwrite,
}

/// Destination of a move or copy.
struct Destination {
    folder: Id,
    /// New name; `None` keeps the name.
    name: Option<String>,
    /// Takes a free name on a conflict.
    resolve: bool,
    /// Replaces the existing file on a conflict, if `resolve` is set too.
    overwrite: bool,
    /// The modification time to set.
    modified: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Transfer {
    Move,
    Copy,
}

impl Server {
    pub(crate) fn make_folder(
        &mut self,
        caller: &Caller,
        request: &mut ApiRequest<'_>,
    ) -> Result<Response<Body>, ErrorResponse> {
        let MakeFolder { target, name, resolve } = request.json()?;
        let id = self.ids.fresh();
        let tree = self.tree_mut(caller);
        let folder = tree.find_folder(&target)?;
        let name = tree.name_in(folder, &name, resolve, None)?;
        tree.add(id, folder, name, Kind::Folder(BTreeMap::new()), Timestamp::from_unix(request.now.unix));
        Ok(response::json(StatusCode::CREATED, &self.view(caller, id)?))
    }

    pub(crate) fn rename(
        &mut self,
        caller: &Caller,
        request: &mut ApiRequest<'_>,
    ) -> Result<Response<Body>, ErrorResponse> {
        let Rename { name, resolve } = request.json()?;
        let id = self.movable(caller, request.id)?;
        let tree = self.tree_mut(caller);
        let node = tree.get(id)?;
        let (old_name, folder) = (node.name.clone(), node.parent.ok_or_else(ErrorResponse::not_found)?);
        let name = tree.name_in(folder, &name, resolve, Some(id))?;
        tree.place(id, folder, name);
        Ok(response::ok(&self.view(caller, id)?.with_old_name(old_name)))
    }

    pub(crate) fn delete(
        &mut self,
        caller: &Caller,
        request: &mut ApiRequest<'_>,
    ) -> Result<Response<Body>, ErrorResponse> {
        let Delete { ids, delete_permanently } = request.json()?;
        let done = apply_to_each(&ids, |id| self.discard(caller, id, delete_permanently))?;
        Ok(self.done_or_job(&ids, &done))
    }

    fn discard(&mut self, caller: &Caller, id: &str, permanently: bool) -> Result<Id, ErrorResponse> {
        let item = self.movable(caller, id)?;
        let tree = self.tree_mut(caller);
        if permanently || tree.is_within(item, tree.trash) {
            tree.remove(item);
        } else {
            let name = tree.name_in(tree.trash, &tree.get(item)?.name, true, None)?;
            tree.place(item, tree.trash, name);
        }
        Ok(item)
    }

    pub(crate) fn empty_trash(
        &mut self,
        caller: &Caller,
        request: &ApiRequest<'_>,
    ) -> Result<Response<Body>, ErrorResponse> {
        let tree = self.tree_mut(caller);
        if tree.find(request.id)? != tree.trash {
            return Err(ErrorResponse::bad("not the trash folder"));
        }
        let items: Vec<_> = tree.children(tree.trash).into_iter().flatten().map(|(_, id)| *id).collect();
        items.iter().for_each(|id| tree.remove(*id));
        let items = items.iter().map(|id| json!({ "id": id }));
        Ok(response::ok(&items.collect::<Vec<_>>()))
    }

    /// `POST /file/move`.
    pub(crate) fn move_many(
        &mut self,
        caller: &Caller,
        request: &mut ApiRequest<'_>,
    ) -> Result<Response<Body>, ErrorResponse> {
        let TransferMany { ids, target, resolve } = request.json()?;
        let to = self.destination(caller, &target, resolve)?;
        let done = apply_to_each(&ids, |id| self.transfer(caller, request, id, &to, Transfer::Move))?;
        Ok(self.done_or_job(&ids, &done))
    }

    /// `POST /file/copy`: always a job.
    pub(crate) fn copy_many(
        &mut self,
        caller: &Caller,
        request: &mut ApiRequest<'_>,
    ) -> Result<Response<Body>, ErrorResponse> {
        let TransferMany { ids, target, resolve } = request.json()?;
        let to = self.destination(caller, &target, resolve)?;
        apply_to_each(&ids, |id| self.transfer(caller, request, id, &to, Transfer::Copy))?;
        Ok(self.job())
    }

    /// `POST /file/moveone`.
    pub(crate) fn move_one(
        &mut self,
        caller: &Caller,
        request: &mut ApiRequest<'_>,
    ) -> Result<Response<Body>, ErrorResponse> {
        self.transfer_one(caller, request, Transfer::Move)
    }

    /// `POST /file/copyone`.
    pub(crate) fn copy_one(
        &mut self,
        caller: &Caller,
        request: &mut ApiRequest<'_>,
    ) -> Result<Response<Body>, ErrorResponse> {
        self.transfer_one(caller, request, Transfer::Copy)
    }

    fn destination(&self, caller: &Caller, target: &str, resolve: bool) -> Result<Destination, ErrorResponse> {
        let folder = self.tree(caller).find_folder(target)?;
        Ok(Destination { folder, name: None, resolve, overwrite: false, modified: None })
    }

    fn transfer_one(
        &mut self,
        caller: &Caller,
        request: &mut ApiRequest<'_>,
        kind: Transfer,
    ) -> Result<Response<Body>, ErrorResponse> {
        let TransferOne { file_id, target_id, name, mtime, resolve, resolve_mode } = request.json()?;
        let to = Destination {
            name,
            overwrite: resolve_mode == ResolveMode::Overwrite,
            modified: mtime.map(time).transpose()?,
            ..self.destination(caller, &target_id, resolve)?
        };
        let item = self.transfer(caller, request, &file_id, &to, kind)?;
        Ok(response::ok(&self.view(caller, item)?))
    }

    /// Moves or copies one item; changes nothing on an error.
    fn transfer(
        &mut self,
        caller: &Caller,
        request: &ApiRequest<'_>,
        id: &str,
        to: &Destination,
        kind: Transfer,
    ) -> Result<Id, ErrorResponse> {
        let item = match kind {
            Transfer::Move => self.movable(caller, id)?,
            Transfer::Copy => self.tree(caller).find(id)?,
        };
        let tree = self.tree(caller);
        if tree.is_within(to.folder, item) {
            return Err(ErrorResponse::bad("a folder cannot be moved or copied into itself"));
        }
        let itself = (kind == Transfer::Move).then_some(item);
        let name = to.name.as_ref().unwrap_or(&tree.get(item)?.name);
        let there = tree.child(to.folder, name).filter(|there| Some(*there) != itself);
        let replaced = there.filter(|_| to.resolve && to.overwrite);
        let name = match replaced {
            // Only a file is replaced, and only by another file.
            Some(there) if there == item || tree.content(there).is_none() || tree.content(item).is_none() => {
                return Err(ErrorResponse::exists());
            }
            Some(_) => name.clone(),
            None => tree.name_in(to.folder, name, to.resolve, itself)?,
        };
        if kind == Transfer::Copy {
            let freed = replaced.map_or(0, |replaced| tree.bytes(replaced));
            self.check_quota(caller.person, tree.bytes(item).saturating_sub(freed))?;
        }

        let Self { people, ids, .. } = self;
        let tree = &mut people[caller.person].tree;
        if let Some(replaced) = replaced {
            tree.remove(replaced);
        }
        let result = match kind {
            Transfer::Move => {
                tree.place(item, to.folder, name);
                item
            }
            Transfer::Copy => tree.copy(ids, item, to.folder, name, Timestamp::from_unix(request.now.unix)),
        };
        if let Some(modified) = to.modified {
            tree.set_modified(result, modified);
        }
        Ok(result)
    }

    /// Finds an item that may be moved, renamed and deleted.
    fn movable(&self, caller: &Caller, id: &str) -> Result<Id, ErrorResponse> {
        let tree = self.tree(caller);
        let id = tree.find(id)?;
        if is_system(tree, id) {
            return Err(ErrorResponse::from_setting(
                self.settings.no_right,
                "restriction: a system folder cannot be changed",
            ));
        }
        Ok(id)
    }

    /// Returns an error if this many more bytes exceed a quota.
    pub(crate) fn check_quota(&self, person: usize, more: u64) -> Result<(), ErrorResponse> {
        let person = &self.people[person];
        let within = |used: u64, limit: u64| used.saturating_add(more) <= limit;
        let own = person.account.limit.is_none_or(|limit| within(person.tree.used(), limit));
        if own && within(self.used(), ACCOUNT_LIMIT) { Ok(()) } else { Err(ErrorResponse::over_quota()) }
    }

    fn done_or_job(&mut self, asked: &[String], done: &[Id]) -> Response<Body> {
        if asked.len() >= self.settings.job_from { self.job() } else { response::ok(&json!({ "ids": done })) }
    }

    /// Returns the response of a background job; here the job is already done.
    fn job(&mut self) -> Response<Body> {
        response::json(StatusCode::ACCEPTED, &json!({ "job_id": self.ids.fresh() }))
    }
}

/// Action one thing to each item. Those are returned that it could be done to; if there is none, the last reason.
fn apply_to_each(
    ids: &[String],
    mut one: impl FnMut(&str) -> Result<Id, ErrorResponse>,
) -> Result<Vec<Id>, ErrorResponse> {
    let mut done = Vec::new();
    let mut refused = ErrorResponse::bad("no ids");
    for id in ids {
        match one(id) {
            Ok(item) => done.push(item),
            Err(problem) => refused = problem,
        }
    }
    if done.is_empty() { Err(refused) } else { Ok(done) }
}
