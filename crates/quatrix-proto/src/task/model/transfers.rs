//! Uploads and downloads of the model, and wires that break.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, RANGE};
use http::{Request, Response};
use serde_json::{Value, json};

use super::{GONE, Item, Model, Said, refuse};
use crate::endpoint::Prepared;
use crate::error::{Error, TransportError, TransportErrorKind};
use crate::receiver::{Receiver, Sink};
use crate::server::Server;
use crate::task::{Task, TaskStep};
use crate::time::Timestamp;

/// What happens to one exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// No connection.
    Unsent,
    /// The server does it, and its answer is lost.
    Lost,
    /// The connection breaks after so many bytes of the file, up or down.
    Cut(usize),
    /// A gateway refuses in the server's place.
    Status(u16),
    /// The server does it, and a gateway replaces its response by this status and code.
    Replaced(u16, i64),
}

/// A driver: a source, a sink, a clock, and a wire that breaks as told.
pub(crate) struct Wire<'a, F> {
    pub(crate) source: &'a [u8],
    pub(crate) sink: Vec<u8>,
    pub(crate) now: Timestamp,
    /// The fault of the n-th exchange.
    pub(crate) fault: F,
    pub(crate) exchanges: usize,
}

impl<'a> Wire<'a, fn(usize, &'static str, &mut Model) -> Fault> {
    pub(crate) fn new(source: &'a [u8]) -> Self {
        Self::breaking(source, |_, _, _| Fault::None)
    }
}

impl<'a, F: FnMut(usize, &'static str, &mut Model) -> Fault> Wire<'a, F> {
    pub(crate) fn breaking(source: &'a [u8], fault: F) -> Self {
        Self { source, sink: Vec::new(), now: Timestamp::ZERO, fault, exchanges: 0 }
    }

    pub(crate) fn run<T: Task>(&mut self, model: &mut Model, task: &mut T) -> Result<T::Output, Error> {
        loop {
            match task.poll(self.now, &Server::default()) {
                TaskStep::Call(prepared) => {
                    let (result, moved) = self.exchange(model, &prepared);
                    task.handle(self.now, result, moved);
                }
                TaskStep::Done(result) => return result,
            }
            assert!(self.exchanges < 10_000, "a task ends");
        }
    }

    /// One exchange, as a session and a driver that streams would carry it out.
    pub(crate) fn exchange(&mut self, model: &mut Model, prepared: &Prepared) -> (Result<Response<Bytes>, Error>, u64) {
        let fault = (self.fault)(self.exchanges, prepared.spec().name(), model);
        self.exchanges += 1;
        let body =
            prepared.source_range().map_or(&[][..], |range| &self.source[range.start as usize..range.end as usize]);
        let sent = body.len() as u64;
        let broken = |failure: TransportError, moved: u64| (Err(failure.into()), moved);
        match fault {
            Fault::Unsent => return broken(TransportError::unsent(TransportErrorKind::Connect), 0),
            Fault::Status(status) => {
                return (Ok(Response::builder().status(status).body(Bytes::new()).unwrap()), 0);
            }
            Fault::Cut(after) if !body.is_empty() => {
                let arrived = after.min(body.len());
                model.answer(prepared, &body[..arrived]);
                return broken(TransportError::maybe_sent(TransportErrorKind::Interrupted), arrived as u64);
            }
            Fault::None | Fault::Lost | Fault::Cut(_) | Fault::Replaced(..) => {}
        }
        let response = model.answer(prepared, body);
        if let Fault::Replaced(status, code) = fault {
            let refusal = refuse(status, code, "replaced").1.to_string();
            return (Ok(Response::builder().status(status).body(refusal.into()).unwrap()), 0);
        }
        if fault == Fault::Lost {
            return broken(TransportError::maybe_sent(TransportErrorKind::Interrupted), sent);
        }
        let (head, body) = response.into_parts();
        let mut receiver = match Receiver::new(prepared.spec(), prepared.wanted(), 1 << 20, &head, Sink::Caller) {
            Ok(receiver) => receiver,
            Err(failure) => return broken(failure, 0),
        };
        let arrived = if let Fault::Cut(after) = fault { after.min(body.len()) } else { body.len() };
        for piece in body[..arrived].chunks(7) {
            self.sink.extend_from_slice(receiver.push(piece).unwrap());
        }
        let moved = receiver.moved();
        match receiver.finish() {
            Ok(_) if arrived < body.len() => broken(TransportError::maybe_sent(TransportErrorKind::Interrupted), moved),
            Ok(kept) => (Ok(Response::from_parts(head, kept)), sent + moved),
            Err(failure) => broken(failure, moved),
        }
    }
}

impl Model {
    pub(crate) fn expire_keys(&mut self) {
        self.keys.clear();
    }

    pub(crate) fn expire_links(&mut self) {
        self.links.clear();
    }

    /// Somebody writes other bytes into a file.
    pub(crate) fn rewrite(&mut self, path: &str, bytes: &[u8]) {
        self.rewrite_after(path, bytes, 10.0);
    }

    /// Somebody writes other bytes into a file, so many seconds after the last time.
    pub(crate) fn rewrite_after(&mut self, path: &str, bytes: &[u8], seconds: f64) {
        let item = self.items.get_mut(&self.id(path)).unwrap();
        item.bytes = bytes.to_vec();
        item.modified += seconds;
    }

    /// Somebody writes other bytes into the file that is being uploaded to this folder.
    pub(crate) fn rewrite_unfinished(&mut self, folder: &str, bytes: &[u8]) {
        let folder = self.id(folder);
        let mut items = self.items.values_mut();
        items.find(|item| item.parent == folder && !item.whole).unwrap().bytes = bytes.to_vec();
    }

    pub(super) fn transfer(&mut self, request: &Request<Bytes>, body: &Value, source: &[u8]) -> Result<Said, Said> {
        let path = request.uri().path().strip_prefix("/api/1.0").unwrap_or_else(|| request.uri().path());
        let text = |name: &str| body[name].as_str().unwrap_or_default();
        let (start, end) = path.rsplit_once('/').unwrap();
        match (path, start) {
            ("/upload/link", _) => {
                let (parent, name) = (text("parent_id"), text("name"));
                let name = self.free_name(parent, name, body["resolve"] == true, None);
                let id = self.make(parent, &name, 'F')?;
                Ok((200, self.open(&id)))
            }
            ("/file/modify", _) => {
                let id = self.known(text("id"))?.to_owned();
                self.items.get_mut(&id).unwrap().bytes.truncate(body["truncate"].as_u64().unwrap() as usize);
                Ok((200, self.open(&id)))
            }
            (_, "/upload/chunked") => {
                let id = self.keys.get(end).ok_or_else(|| refuse(404, 20, GONE))?;
                let file = &mut self.items.get_mut(id).unwrap().bytes;
                let range = request.headers()[CONTENT_RANGE].to_str().unwrap();
                let first: usize = range["bytes ".len()..].split('-').next().unwrap().parse().unwrap();
                if first > file.len() {
                    return Err(refuse(400, 10, "a chunk is missing before this one"));
                }
                let end = file.len().max(first + source.len());
                file.resize(end, 0);
                file[first..first + source.len()].copy_from_slice(source);
                Ok((200, json!(id)))
            }
            (_, "/upload/finalize") => {
                let id = self.keys.remove(end).ok_or_else(|| refuse(404, 20, GONE))?;
                let file = self.items.get_mut(&id).unwrap();
                file.whole = true;
                if let Some(time) = request.uri().query().and_then(|query| query.strip_prefix("mtime=")) {
                    file.modified = time.parse().unwrap();
                }
                let (size, modified) = (file.bytes.len(), file.modified.floor());
                let id = self.finalized_id.unwrap_or(&id);
                Ok((200, json!({"id": id, "parent_id": file.parent, "size": size, "modified": modified})))
            }
            ("/file/moveone", _) => {
                let id = self.known(text("file_id"))?.to_owned();
                let (parent, name) = (text("target_id"), self.moved_name.unwrap_or_else(|| text("name")));
                if let Some(other) = self.find(parent, name).filter(|other| *other != id)
                    && body["resolve_mode"] == "overwrite"
                {
                    self.items.remove(&other);
                }
                self.place(&id, parent, name, body["resolve"] == true)
            }
            (_, "/file/rename") => {
                let id = self.known(end)?.to_owned();
                let parent = self.items[&id].parent.clone();
                self.place(&id, &parent, text("name"), body["resolve"] == true)
            }
            ("/file/delete", _) => {
                let trash = self.items.iter().find(|(_, item)| item.letter == 'T').map(|(id, _)| id.clone());
                for id in body["ids"].as_array().unwrap() {
                    let id = self.known(id.as_str().unwrap())?.to_owned();
                    match trash
                        .clone()
                        .filter(|trash| body["delete_permanently"] != true && self.items[&id].parent != *trash)
                    {
                        Some(trash) => self.items.get_mut(&id).unwrap().parent = trash,
                        None => drop(self.items.remove(&id)),
                    }
                }
                Ok((200, json!({"ids": body["ids"]})))
            }
            ("/file/download-link", _) => {
                let ids: Vec<_> = body["ids"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
                let ids = ids.into_iter().map(|id| self.known(id).map(str::to_owned)).collect::<Result<_, _>>()?;
                self.next += 1;
                let link = format!("l{}", self.next);
                self.links.insert(link.clone(), ids);
                Ok((200, json!({"id": link})))
            }
            _ => panic!("the model does not know {path}"),
        }
    }

    /// The name itself, or if it is taken and may be another one, one that is free.
    fn free_name(&self, parent: &str, name: &str, resolve: bool, of: Option<&str>) -> String {
        let mut name = name.to_owned();
        while resolve && self.find(parent, &name).is_some_and(|other| Some(other.as_str()) != of) {
            name.push_str("(1)");
        }
        name
    }

    fn place(&mut self, id: &str, parent: &str, name: &str, resolve: bool) -> Result<Said, Said> {
        let name = self.free_name(parent, name, resolve, Some(id));
        if self.find(parent, &name).is_some_and(|other| other != id) {
            return Err(refuse(400, 30, "object exists"));
        }
        let item = self.items.get_mut(id).unwrap();
        (item.parent, item.name) = (parent.to_owned(), name);
        Ok((200, self.shown(id, false)))
    }

    fn open(&mut self, id: &str) -> Value {
        self.next += 1;
        let key = format!("k{}", self.next);
        self.keys.insert(key.clone(), id.to_owned());
        let item: &mut Item = self.items.get_mut(id).unwrap();
        item.whole = false;
        json!({"file_id": id, "parent_id": item.parent, "name": item.name, "upload_key": key})
    }

    /// A link is good for one answer.
    pub(super) fn download(&mut self, request: &Request<Bytes>) -> Response<Bytes> {
        let (_, link) = request.uri().path().rsplit_once('/').unwrap();
        let said = |status: u16, body: Vec<u8>| Response::builder().status(status).body(Bytes::from(body)).unwrap();
        let Some(ids) = self.links.remove(link) else {
            return said(404, refuse(404, 20, GONE).1.to_string().into_bytes());
        };
        let files = ids.iter().filter_map(|id| self.items.get(id));
        if ids.len() > 1 {
            return said(200, files.flat_map(|item| item.bytes.clone()).collect());
        }
        let bytes: Vec<u8> = files.flat_map(|item| item.bytes.clone()).collect();
        let total = bytes.len();
        let range = request.headers().get(RANGE).filter(|_| self.ranges);
        let Some(range) = range.map(|range| range.to_str().unwrap()["bytes=".len()..].to_owned()) else {
            let mut response = said(200, bytes);
            response.headers_mut().insert(CONTENT_LENGTH, total.into());
            return response;
        };
        let (first, last) = range.split_once('-').unwrap();
        let first: usize = first.parse().unwrap();
        if first >= total {
            return said(416, Vec::new());
        }
        let last = last.parse().unwrap_or(total - 1).min(total - 1);
        let mut response = said(206, bytes[first..=last].to_vec());
        response.headers_mut().insert(CONTENT_RANGE, format!("bytes {first}-{last}/{total}").parse().unwrap());
        response.headers_mut().insert(CONTENT_LENGTH, (last + 1 - first).into());
        response
    }
}
