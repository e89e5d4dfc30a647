//! Uploads: a key, chunks in order, finalize.

use std::time::Duration;

use http::Response;
use serde::Deserialize;
use serde_json::json;

use crate::api_request::ApiRequest;
use crate::auth::Caller;
use crate::body::Body;
use crate::changes::resolve_by_default;
use crate::files::time;
use crate::ids::Id;
use crate::response::{self, ErrorResponse};
use crate::server::Server;
use crate::settings::UploadKeyLife;
use crate::timestamp::Timestamp;
use crate::tree::Kind;

/// State of an upload key.
#[derive(Clone, Copy)]
pub(crate) struct Upload {
    pub(crate) person: usize,
    pub(crate) file: Id,
    /// Total length, once known.
    total: Option<u64>,
    /// Offset of the latest chunk.
    latest: u64,
    /// Offset of the next chunk.
    next: u64,
    /// Start of its lifetime.
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
    /// Creates the file, empty and visible, and a key to upload its content.
    pub(crate) fn upload_link(
        &mut self,
        caller: &Caller,
        request: &mut ApiRequest<'_>,
    ) -> Result<Response<Body>, ErrorResponse> {
        let Link { parent_id, name, resolve, file_size } = request.json()?;
        self.check_quota(caller.person, file_size.unwrap_or(0))?;
        let file = self.ids.fresh();
        let tree = self.tree_mut(caller);
        let folder = tree.find_folder(&parent_id)?;
        let name = tree.name_in(folder, &name, resolve, None)?;
        tree.add(file, folder, name, Kind::File(Default::default()), Timestamp::from_unix(request.now.unix));
        self.start_upload(caller, request, file, file_size)
    }

    pub(crate) fn modify(
        &mut self,
        caller: &Caller,
        request: &mut ApiRequest<'_>,
    ) -> Result<Response<Body>, ErrorResponse> {
        let Modify { id, truncate } = request.json()?;
        self.modify_file(caller, request, &id, truncate)
    }

    pub(crate) fn modify_path(
        &mut self,
        caller: &Caller,
        request: &mut ApiRequest<'_>,
    ) -> Result<Response<Body>, ErrorResponse> {
        let ModifyPath { truncate } = request.json()?;
        self.modify_file(caller, request, request.id, truncate)
    }

    /// Truncates a file immediately, and creates a key that writes from its start.
    fn modify_file(
        &mut self,
        caller: &Caller,
        request: &ApiRequest<'_>,
        id: &str,
        truncate: Option<u64>,
    ) -> Result<Response<Body>, ErrorResponse> {
        let tree = self.tree_mut(caller);
        let file = tree.find(id)?;
        tree.content(file).ok_or_else(|| ErrorResponse::bad("not a file"))?;
        if let Some(len) = truncate {
            tree.truncate(file, len);
        }
        self.start_upload(caller, request, file, None)
    }

    fn start_upload(
        &mut self,
        caller: &Caller,
        request: &ApiRequest<'_>,
        file: Id,
        total: Option<u64>,
    ) -> Result<Response<Body>, ErrorResponse> {
        let key = self.ids.secret();
        let upload = Upload { person: caller.person, file, total, latest: 0, next: 0, since: request.now.elapsed };
        self.uploads.insert(key, upload);
        let node = self.tree(caller).get(file)?;
        Ok(response::ok(&json!({ "file_id": file, "parent_id": node.parent, "name": node.name, "upload_key": key })))
    }

    pub(crate) fn chunk(
        &mut self,
        caller: Option<&Caller>,
        request: &mut ApiRequest<'_>,
    ) -> Result<Response<Body>, ErrorResponse> {
        let (key, upload) = self.upload(request)?;
        if caller.is_some_and(|caller| caller.person != upload.person) {
            return Err(ErrorResponse::not_found());
        }
        let header = request.header("content-range").ok_or_else(|| ErrorResponse::missing("Content-Range"))?;
        let range = range(header).ok_or_else(|| ErrorResponse::bad("Content-Range must be bytes FIRST-LAST/TOTAL"))?;
        if range.end - range.first != request.body.len() {
            return Err(ErrorResponse::bad("the length of the body differs from Content-Range"));
        }
        if upload.total.is_some_and(|total| total != range.total) {
            return Err(ErrorResponse::bad("the total length differs from the link or an earlier chunk"));
        }
        // In order; the latest chunk may be repeated, because its response may have been lost.
        let is_repeated = range.first == upload.latest && range.end == upload.next;
        if range.first != upload.next && !is_repeated {
            return Err(ErrorResponse::bad("the chunk is out of order"));
        }
        let tree = &self.people[upload.person].tree;
        let len = tree.content(upload.file).ok_or_else(ErrorResponse::not_found)?.len();
        self.check_quota(upload.person, range.end.saturating_sub(len))?;
        self.people[upload.person].tree.write(upload.file, range.first, std::mem::take(&mut request.body));
        let since = match self.settings.upload_key_life {
            UploadKeyLife::SinceLink => upload.since,
            UploadKeyLife::SinceLastChunk => request.now.elapsed,
        };
        let (latest, next, total) = (range.first, range.end, Some(range.total));
        let file = upload.file;
        self.uploads.insert(key, Upload { total, latest, next, since, ..upload });
        Ok(response::ok(&file))
    }

    pub(crate) fn finalize(
        &mut self,
        caller: &Caller,
        request: &ApiRequest<'_>,
    ) -> Result<Response<Body>, ErrorResponse> {
        let (key, upload) = self.upload(request)?;
        if upload.person != caller.person {
            return Err(ErrorResponse::not_found());
        }
        let modified = match request.query("mtime")? {
            Some(text) => time(text.parse().map_err(|_| ErrorResponse::bad("mtime must be a number"))?)?,
            None => Timestamp::from_unix(request.now.unix),
        };
        self.uploads.remove(&key);
        let tree = self.tree_mut(caller);
        tree.set_modified(upload.file, modified);
        let node = tree.get(upload.file)?;
        Ok(response::ok(&json!({
            "id": upload.file,
            "parent_id": node.parent,
            "size": tree.bytes(upload.file),
            "modified": modified.seconds(),
        })))
    }

    /// Finds the upload of a valid key. Expired keys are kept, to report them as expired.
    fn upload(&self, request: &ApiRequest<'_>) -> Result<(Id, Upload), ErrorResponse> {
        let key = Id::parse(request.id).ok_or_else(ErrorResponse::not_found)?;
        let upload = self.uploads.get(&key).ok_or_else(ErrorResponse::not_found)?;
        if request.now.elapsed.saturating_sub(upload.since) >= self.settings.upload_key_lifetime {
            return Err(ErrorResponse::expired());
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
