//! Changing the tree: folders, names, copies, moves, the trash.

use std::collections::BTreeMap;

use http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::body::Body;
use crate::call::Call;
use crate::files::time;
use crate::gate::Caller;
use crate::ids::Id;
use crate::profile::ACCOUNT_LIMIT;
use crate::reply::{self, Problem};
use crate::server::Server;
use crate::stamp::Stamp;
use crate::tree::Kind;
use crate::view::is_system;

/// What `resolve` is if nobody says it.
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
struct Many {
    ids: Vec<String>,
    target: String,
    #[serde(default = "resolve_by_default")]
    resolve: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct One {
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

/// Where an item is to go.
struct Destination {
    folder: Id,
    /// `None`: as it is called.
    name: Option<String>,
    /// On a clash: take a free name.
    resolve: bool,
    /// On a clash, if `resolve` is set too: replace what is there.
    overwrite: bool,
    /// The modification time to set.
    modified: Option<Stamp>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    Move,
    Copy,
}

impl Server {
    pub(crate) fn make_folder(&mut self, caller: &Caller, call: &mut Call<'_>) -> Result<Response<Body>, Problem> {
        let MakeFolder { target, name, resolve } = call.json()?;
        let id = self.ids.fresh();
        let tree = self.tree_mut(caller);
        let folder = tree.find_folder(&target)?;
        let name = tree.name_in(folder, &name, resolve, None)?;
        tree.add(id, folder, name, Kind::Folder(BTreeMap::new()), Stamp::from_unix(call.now.unix));
        Ok(reply::json(StatusCode::CREATED, &self.view(caller, id)?))
    }

    pub(crate) fn rename(&mut self, caller: &Caller, call: &mut Call<'_>) -> Result<Response<Body>, Problem> {
        let Rename { name, resolve } = call.json()?;
        let id = self.movable(caller, call.id)?;
        let tree = self.tree_mut(caller);
        let node = tree.get(id)?;
        let (old_name, folder) = (node.name.clone(), node.parent.ok_or_else(Problem::not_found)?);
        let name = tree.name_in(folder, &name, resolve, Some(id))?;
        tree.place(id, folder, name);
        Ok(reply::ok(&self.view(caller, id)?.with_old_name(old_name)))
    }

    pub(crate) fn delete(&mut self, caller: &Caller, call: &mut Call<'_>) -> Result<Response<Body>, Problem> {
        let Delete { ids, delete_permanently } = call.json()?;
        let done = each(&ids, |id| self.discard(caller, id, delete_permanently))?;
        Ok(self.done_or_job(&ids, &done))
    }

    fn discard(&mut self, caller: &Caller, id: &str, permanently: bool) -> Result<Id, Problem> {
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

    pub(crate) fn empty_trash(&mut self, caller: &Caller, call: &Call<'_>) -> Result<Response<Body>, Problem> {
        let tree = self.tree_mut(caller);
        if tree.find(call.id)? != tree.trash {
            return Err(Problem::bad("not a trash"));
        }
        let items: Vec<_> = tree.children(tree.trash).into_iter().flatten().map(|(_, id)| *id).collect();
        items.iter().for_each(|id| tree.remove(*id));
        let items = items.iter().map(|id| json!({ "id": id }));
        Ok(reply::ok(&items.collect::<Vec<_>>()))
    }

    /// `POST /file/move`.
    pub(crate) fn move_many(&mut self, caller: &Caller, call: &mut Call<'_>) -> Result<Response<Body>, Problem> {
        let Many { ids, target, resolve } = call.json()?;
        let to = self.destination(caller, &target, resolve)?;
        let done = each(&ids, |id| self.transfer(caller, call, id, &to, How::Move))?;
        Ok(self.done_or_job(&ids, &done))
    }

    /// `POST /file/copy`: always a job.
    pub(crate) fn copy_many(&mut self, caller: &Caller, call: &mut Call<'_>) -> Result<Response<Body>, Problem> {
        let Many { ids, target, resolve } = call.json()?;
        let to = self.destination(caller, &target, resolve)?;
        each(&ids, |id| self.transfer(caller, call, id, &to, How::Copy))?;
        Ok(self.job())
    }

    /// `POST /file/moveone`.
    pub(crate) fn move_one(&mut self, caller: &Caller, call: &mut Call<'_>) -> Result<Response<Body>, Problem> {
        self.transfer_one(caller, call, How::Move)
    }

    /// `POST /file/copyone`.
    pub(crate) fn copy_one(&mut self, caller: &Caller, call: &mut Call<'_>) -> Result<Response<Body>, Problem> {
        self.transfer_one(caller, call, How::Copy)
    }

    fn destination(&self, caller: &Caller, target: &str, resolve: bool) -> Result<Destination, Problem> {
        let folder = self.tree(caller).find_folder(target)?;
        Ok(Destination { folder, name: None, resolve, overwrite: false, modified: None })
    }

    fn transfer_one(&mut self, caller: &Caller, call: &mut Call<'_>, how: How) -> Result<Response<Body>, Problem> {
        let One { file_id, target_id, name, mtime, resolve, resolve_mode } = call.json()?;
        let to = Destination {
            name,
            overwrite: resolve_mode == ResolveMode::Overwrite,
            modified: mtime.map(time).transpose()?,
            ..self.destination(caller, &target_id, resolve)?
        };
        let item = self.transfer(caller, call, &file_id, &to, how)?;
        Ok(reply::ok(&self.view(caller, item)?))
    }

    /// Moves or copies one item. Nothing has changed if this is an error.
    fn transfer(
        &mut self,
        caller: &Caller,
        call: &Call<'_>,
        id: &str,
        to: &Destination,
        how: How,
    ) -> Result<Id, Problem> {
        let item = match how {
            How::Move => self.movable(caller, id)?,
            How::Copy => self.tree(caller).find(id)?,
        };
        let tree = self.tree(caller);
        if tree.is_within(to.folder, item) {
            return Err(Problem::bad("a folder does not go into itself"));
        }
        let itself = (how == How::Move).then_some(item);
        let name = to.name.as_ref().unwrap_or(&tree.get(item)?.name);
        let there = tree.child(to.folder, name).filter(|there| Some(*there) != itself);
        let replaced = there.filter(|_| to.resolve && to.overwrite);
        let name = match replaced {
            // Only a file makes way, and only for another file.
            Some(there) if there == item || tree.content(there).is_none() || tree.content(item).is_none() => {
                return Err(Problem::exists());
            }
            Some(_) => name.clone(),
            None => tree.name_in(to.folder, name, to.resolve, itself)?,
        };
        if how == How::Copy {
            let freed = replaced.map_or(0, |replaced| tree.bytes(replaced));
            self.check_room(caller.person, tree.bytes(item).saturating_sub(freed))?;
        }

        let Self { people, ids, .. } = self;
        let tree = &mut people[caller.person].tree;
        if let Some(replaced) = replaced {
            tree.remove(replaced);
        }
        let result = match how {
            How::Move => {
                tree.place(item, to.folder, name);
                item
            }
            How::Copy => tree.copy(ids, item, to.folder, name, Stamp::from_unix(call.now.unix)),
        };
        if let Some(modified) = to.modified {
            tree.set_modified(result, modified);
        }
        Ok(result)
    }

    /// The item of an id that may be moved, renamed and deleted.
    fn movable(&self, caller: &Caller, id: &str) -> Result<Id, Problem> {
        let tree = self.tree(caller);
        let id = tree.find(id)?;
        if is_system(tree, id) {
            return Err(Problem::as_set(self.settings.no_right, "restriction: a system folder stays where it is"));
        }
        Ok(id)
    }

    /// Whether a person may store this many more bytes.
    pub(crate) fn check_room(&self, person: usize, more: u64) -> Result<(), Problem> {
        let person = &self.people[person];
        let within = |used: u64, limit: u64| used.saturating_add(more) <= limit;
        let own = person.account.limit.is_none_or(|limit| within(person.tree.used(), limit));
        if own && within(self.used(), ACCOUNT_LIMIT) { Ok(()) } else { Err(Problem::over_quota()) }
    }

    fn done_or_job(&mut self, asked: &[String], done: &[Id]) -> Response<Body> {
        if asked.len() >= self.settings.job_from { self.job() } else { reply::ok(&json!({ "ids": done })) }
    }

    /// The answer to what is done in the background; here it is done already.
    fn job(&mut self) -> Response<Body> {
        reply::json(StatusCode::ACCEPTED, &json!({ "job_id": self.ids.fresh() }))
    }
}

/// Does one thing to each item. Those are returned that it could be done to; if there is none, the last reason.
fn each(ids: &[String], mut one: impl FnMut(&str) -> Result<Id, Problem>) -> Result<Vec<Id>, Problem> {
    let mut done = Vec::new();
    let mut refused = Problem::bad("no ids");
    for id in ids {
        match one(id) {
            Ok(item) => done.push(item),
            Err(problem) => refused = problem,
        }
    }
    if done.is_empty() { Err(refused) } else { Ok(done) }
}
