//! Uploads: a key, chunks in order, an end.

use std::time::Duration;

use http::Response;
use serde::Deserialize;
use serde_json::json;

use crate::body::Body;
use crate::call::Call;
use crate::changes::resolve_by_default;
use crate::files::time;
use crate::gate::Caller;
use crate::ids::Id;
use crate::reply::{self, Problem};
use crate::server::Server;
use crate::settings::UploadKeyLife;
use crate::stamp::Stamp;
use crate::tree::Kind;

/// What an upload key stands for.
#[derive(Clone, Copy)]
pub(crate) struct Upload {
    pub(crate) person: usize,
    pub(crate) file: Id,
    /// The length of the whole, once it is known.
    total: Option<u64>,
    /// Where the latest chunk began.
    latest: u64,
    /// Where the next chunk begins.
    next: u64,
    /// What its life counts from.
    since: Duration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    parent_id: String,
    name: String,
    #[serde(default = "resolve_by_default")]
    resolve: bool,
    file_size: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Modify {
    id: String,
    truncate: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModifyPath {
    truncate: Option<u64>,
}

/// `Content-Range: bytes FIRST-LAST/TOTAL` of a chunk, as first byte, byte after the last, and total.
struct Range {
    first: u64,
    end: u64,
    total: u64,
}

impl Server {
    /// Makes the file, empty and visible, and a key that fills it.
    pub(crate) fn upload_link(&mut self, caller: &Caller, call: &mut Call<'_>) -> Result<Response<Body>, Problem> {
        let Link { parent_id, name, resolve, file_size } = call.json()?;
        self.check_room(caller.person, file_size.unwrap_or(0))?;
        let file = self.ids.fresh();
        let tree = self.tree_mut(caller);
        let folder = tree.find_folder(&parent_id)?;
        let name = tree.name_in(folder, &name, resolve, None)?;
        tree.add(file, folder, name, Kind::File(Default::default()), Stamp::from_unix(call.now.unix));
        self.start_upload(caller, call, file, file_size)
    }

    pub(crate) fn modify(&mut self, caller: &Caller, call: &mut Call<'_>) -> Result<Response<Body>, Problem> {
        let Modify { id, truncate } = call.json()?;
        self.modify_file(caller, call, &id, truncate)
    }

    pub(crate) fn modify_path(&mut self, caller: &Caller, call: &mut Call<'_>) -> Result<Response<Body>, Problem> {
        let ModifyPath { truncate } = call.json()?;
        self.modify_file(caller, call, call.id, truncate)
    }

    /// Cuts a file, at once, and makes a key that writes into it from its beginning.
    fn modify_file(
        &mut self,
        caller: &Caller,
        call: &Call<'_>,
        id: &str,
        truncate: Option<u64>,
    ) -> Result<Response<Body>, Problem> {
        let tree = self.tree_mut(caller);
        let file = tree.find(id)?;
        tree.content(file).ok_or_else(|| Problem::bad("not a file"))?;
        if let Some(len) = truncate {
            tree.truncate(file, len);
        }
        self.start_upload(caller, call, file, None)
    }

    fn start_upload(
        &mut self,
        caller: &Caller,
        call: &Call<'_>,
        file: Id,
        total: Option<u64>,
    ) -> Result<Response<Body>, Problem> {
        let key = self.ids.secret();
        let upload = Upload { person: caller.person, file, total, latest: 0, next: 0, since: call.now.elapsed };
        self.uploads.insert(key, upload);
        let node = self.tree(caller).get(file)?;
        Ok(reply::ok(&json!({ "file_id": file, "parent_id": node.parent, "name": node.name, "upload_key": key })))
    }

    pub(crate) fn chunk(&mut self, caller: Option<&Caller>, call: &mut Call<'_>) -> Result<Response<Body>, Problem> {
        let (key, upload) = self.upload(call)?;
        if caller.is_some_and(|caller| caller.person != upload.person) {
            return Err(Problem::not_found());
        }
        let header = call.header("content-range").ok_or_else(|| Problem::missing("Content-Range"))?;
        let range = range(header).ok_or_else(|| Problem::bad("Content-Range is not bytes FIRST-LAST/TOTAL"))?;
        if range.end - range.first != call.body.len() {
            return Err(Problem::bad("the body is not as long as Content-Range says"));
        }
        if upload.total.is_some_and(|total| total != range.total) {
            return Err(Problem::bad("the total length has changed"));
        }
        // In order; the latest may come again, because its sender may not have got the answer.
        let again = range.first == upload.latest && range.end == upload.next;
        if range.first != upload.next && !again {
            return Err(Problem::bad("this is not the next chunk"));
        }
        let tree = &self.people[upload.person].tree;
        let len = tree.content(upload.file).ok_or_else(Problem::not_found)?.len();
        self.check_room(upload.person, range.end.saturating_sub(len))?;
        self.people[upload.person].tree.write(upload.file, range.first, std::mem::take(&mut call.body));
        let since = match self.settings.upload_key_life {
            UploadKeyLife::SinceLink => upload.since,
            UploadKeyLife::SinceLastChunk => call.now.elapsed,
        };
        let (latest, next, total) = (range.first, range.end, Some(range.total));
        let file = upload.file;
        self.uploads.insert(key, Upload { total, latest, next, since, ..upload });
        Ok(reply::ok(&file))
    }

    pub(crate) fn finalize(&mut self, caller: &Caller, call: &Call<'_>) -> Result<Response<Body>, Problem> {
        let (key, upload) = self.upload(call)?;
        if upload.person != caller.person {
            return Err(Problem::not_found());
        }
        let modified = match call.query("mtime")? {
            Some(text) => time(text.parse().map_err(|_| Problem::bad("mtime is no number"))?)?,
            None => Stamp::from_unix(call.now.unix),
        };
        self.uploads.remove(&key);
        let tree = self.tree_mut(caller);
        tree.set_modified(upload.file, modified);
        let node = tree.get(upload.file)?;
        Ok(reply::ok(&json!({
            "id": upload.file,
            "parent_id": node.parent,
            "size": tree.bytes(upload.file),
            "modified": modified.seconds(),
        })))
    }

    /// The upload of a key that is alive. A key that has expired stays known as such.
    fn upload(&self, call: &Call<'_>) -> Result<(Id, Upload), Problem> {
        let key = Id::parse(call.id).ok_or_else(Problem::not_found)?;
        let upload = self.uploads.get(&key).ok_or_else(Problem::not_found)?;
        if call.now.elapsed.saturating_sub(upload.since) >= self.settings.upload_key_lifetime {
            return Err(Problem::expired());
        }
        Ok((key, *upload))
    }
}

fn range(header: &str) -> Option<Range> {
    let (range, total) = header.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
    let (first, last, total) = (number(first)?, number(last)?, number(total)?);
    (first <= last && last < total).then(|| Range { first, end: last + 1, total })
}
