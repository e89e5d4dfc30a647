//! A server of files in memory, and a driver that can cut any exchange: what the tests and
//! fuzz targets of the tasks share.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, Request, Response};
use serde_json::{Value, json};

use super::{Task, TaskStep};
use crate::endpoint::{Authorization, Prepared};
use crate::error::Error;
use crate::server::Server;
use crate::time::Timestamp;

mod promises;
mod transfers;

pub(crate) use promises::{download_keeps_its_promise, upload_keeps_its_promise};
pub(crate) use transfers::{Fault, Wire};

#[derive(Clone)]
pub(crate) struct Model {
    items: BTreeMap<String, Item>,
    /// Upload keys and the files they write.
    keys: BTreeMap<String, String>,
    /// Download links and the files they read.
    links: BTreeMap<String, Vec<String>>,
    /// Whether it knows `Range`.
    pub(crate) ranges: bool,
    missing: BTreeMap<&'static str, (u16, &'static str)>,
    /// The name that `file.moveone` gives, whatever it is asked for.
    pub(crate) moved_name: Option<&'static str>,
    /// The id that `upload.finalize` names, whatever was uploaded.
    pub(crate) finalized_id: Option<&'static str>,
    calls: Vec<&'static str>,
    next: u32,
}

#[derive(Clone)]
struct Item {
    parent: String,
    name: String,
    letter: char,
    bytes: Vec<u8>,
    modified: f64,
    created: i64,
    /// Whether nobody is writing it.
    whole: bool,
}

/// An answer before it is one: status and JSON.
type Said = (u16, Value);

const GONE: &str = "not found";

impl Model {
    pub(crate) fn new() -> Self {
        let mut model = Self {
            items: BTreeMap::new(),
            keys: BTreeMap::new(),
            links: BTreeMap::new(),
            ranges: true,
            missing: BTreeMap::new(),
            moved_name: None,
            finalized_id: None,
            calls: Vec::new(),
            next: 1,
        };
        model.items.insert("home".into(), Item::new("", "", 'D'));
        model
    }

    /// From now on the server refuses this operation so.
    pub(crate) fn lacks(&mut self, operation: &'static str, refusal: (u16, &'static str)) {
        self.missing.insert(operation, refusal);
    }

    pub(crate) fn folder(&mut self, parent: &str, name: &str) -> String {
        self.add(Item::new(parent, name, 'D'))
    }

    pub(crate) fn trash(&mut self, parent: &str, name: &str) -> String {
        self.add(Item::new(parent, name, 'T'))
    }

    pub(crate) fn file(&mut self, parent: &str, name: &str, bytes: &[u8]) -> String {
        self.add(Item { bytes: bytes.to_vec(), ..Item::new(parent, name, 'F') })
    }

    pub(crate) fn set_created(&mut self, id: &str, seconds: i64) {
        self.items.get_mut(id).unwrap().created = seconds;
    }

    pub(crate) fn remove(&mut self, id: &str) {
        self.items.remove(id);
    }

    /// The id of what is at this path.
    pub(crate) fn id(&self, path: &str) -> String {
        self.find("home", path).unwrap_or_else(|| panic!("nothing at {path}"))
    }

    /// The files in a folder with their bytes, by name. Unfinished ones say so.
    pub(crate) fn files(&self, path: &str) -> BTreeMap<String, Vec<u8>> {
        let name = |item: &Item| if item.whole { item.name.clone() } else { format!("{} (unfinished)", item.name) };
        self.children(&self.id(path)).map(|(_, item)| (name(item), item.bytes.clone())).collect()
    }

    /// The operations that were asked for so far.
    pub(crate) fn calls(&self) -> &[&'static str] {
        &self.calls
    }

    fn add(&mut self, item: Item) -> String {
        let id = format!("i{}", self.next);
        self.next += 1;
        self.items.insert(id.clone(), item);
        id
    }

    fn children<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a String, &'a Item)> {
        self.items.iter().filter(move |(_, item)| item.parent == folder)
    }

    fn find(&self, start: &str, path: &str) -> Option<String> {
        let mut at = start.to_owned();
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let (id, _) = self.children(&at).find(|(_, item)| item.name == name)?;
            at = id.clone();
        }
        Some(at)
    }

    fn shown(&self, id: &str, content: bool) -> Value {
        let item = &self.items[id];
        let mut shown = json!({
            "id": id, "name": item.name, "type": item.letter, "size": item.bytes.len(),
            "created": item.created, "modified": item.modified.floor(), "modified_ms": item.modified, "metadata": null,
        });
        if !item.parent.is_empty() {
            shown["parent_id"] = item.parent.clone().into();
        }
        if content {
            shown["content"] = self.children(id).map(|(id, _)| self.shown(id, false)).collect();
        }
        shown
    }

    /// Answers what a session would send.
    pub(crate) fn answer(&mut self, prepared: &Prepared, body: &[u8]) -> Response<Bytes> {
        let operation = prepared.spec().name();
        self.calls.push(operation);
        if let Some(&(status, text)) = self.missing.get(operation) {
            return Response::builder().status(status).body(text.into()).unwrap();
        }
        let request = prepared.clone().into_request(Authorization::None);
        if operation == "file.download" {
            return self.download(&request);
        }
        let (status, json) = self.serve(&request, body).unwrap_or_else(|refusal| refusal);
        Response::builder().status(status).body(json.to_string().into()).unwrap()
    }

    fn serve(&mut self, request: &Request<Bytes>, source: &[u8]) -> Result<Said, Said> {
        let path = request.uri().path().strip_prefix("/api/1.0").unwrap_or_else(|| request.uri().path());
        let content = request.uri().query() != Some("content=0");
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let text = |name: &str| body[name].as_str().unwrap_or_default();
        let (start, end) = path.rsplit_once('/').unwrap();
        match (request.method(), path, start) {
            (&Method::GET, "/file/metadata", _) => Ok((200, self.shown("home", content))),
            (&Method::GET, _, "/file/metadata") => {
                self.known(end)?;
                Ok((200, self.shown(end, content)))
            }
            (_, "/file/id", _) => {
                let start = body["parent_id"].as_str().unwrap_or("home");
                let id = self.find(self.known(start)?, text("path")).ok_or_else(|| refuse(404, 20, GONE))?;
                let item = &self.items[&id];
                Ok((200, json!({"file_id": id, "parent_id": item.parent, "src": "x", "type": item.letter})))
            }
            (_, "/file/search", _) => {
                let parts = body["_and"].as_array().into_iter().flatten();
                let parts: Vec<_> =
                    parts.map(|part| part["name"]["_and"][0].as_str().unwrap().to_lowercase()).collect();
                let is_found = |item: &Item| parts.iter().all(|part| item.name.to_lowercase().contains(part));
                let found = self.items.iter().filter(|(_, item)| is_found(item));
                Ok((200, found.map(|(id, _)| self.shown(id, false)).collect()))
            }
            (_, "/file/makedir", _) => {
                let id = self.make(text("target"), text("name"), 'D')?;
                Ok((201, self.shown(&id, false)))
            }
            _ => self.transfer(request, &body, source),
        }
    }

    fn known<'a>(&self, id: &'a str) -> Result<&'a str, Said> {
        match self.items.contains_key(id) {
            true => Ok(id),
            false => Err(refuse(404, 20, GONE)),
        }
    }

    fn make(&mut self, parent: &str, name: &str, letter: char) -> Result<String, Said> {
        match self.items[self.known(parent)?].letter {
            'F' => return Err(refuse(400, 10, "not a folder")),
            _ if self.find(parent, name).is_some() => return Err(refuse(400, 30, "object exists")),
            _ => {}
        }
        Ok(self.add(Item::new(parent, name, letter)))
    }

    /// Runs a task to its end.
    pub(crate) fn run<T: Task>(&mut self, mut task: T) -> Result<T::Output, Error> {
        self.run_with(&mut task, |_, answer| answer)
    }

    /// Runs a task whose n-th answer may be changed on its way, after the server has done what was asked.
    pub(crate) fn run_with<T: Task>(
        &mut self,
        task: &mut T,
        mut on_the_way: impl FnMut(usize, Result<Response<Bytes>, Error>) -> Result<Response<Bytes>, Error>,
    ) -> Result<T::Output, Error> {
        for n in 0.. {
            match task.poll(Timestamp::ZERO, &Server::default()) {
                TaskStep::Call(prepared) => {
                    let answer = self.answer(&prepared, b"");
                    task.handle(Timestamp::ZERO, on_the_way(n, Ok(answer)), 0);
                }
                TaskStep::Done(result) => return result,
            }
        }
        unreachable!("a task ends")
    }
}

impl Item {
    fn new(parent: &str, name: &str, letter: char) -> Self {
        Self {
            parent: parent.into(),
            name: name.into(),
            letter,
            bytes: Vec::new(),
            modified: 1_612_325_106.5,
            created: 1_612_325_106,
            whole: true,
        }
    }
}

fn refuse(status: u16, code: i64, message: &str) -> Said {
    (status, json!({"code": code, "msg": message}))
}
