//! What a request is about, by its head alone: the item that its path names, and how much it may bring.

use bytes::Bytes;
use http::Uri;
use http::header::AUTHORIZATION;
use http::request::Parts;

use crate::body::Body;
use crate::ids::Id;
use crate::operations::{Does, route};
use crate::server::{Now, Server};
use crate::stamp::Stamp;

/// How many bytes of a body are kept of a request without credentials. No known request of that kind has any.
pub(crate) const MAX_BODY_WITHOUT_CREDENTIALS: u64 = 64 * 1024;

impl Server {
    /// Whether a request's path names the item at this path below a user's home.
    pub(crate) fn names(&self, uri: &Uri, path: &str) -> bool {
        self.subject(uri).is_some_and(|(person, id)| {
            let tree = &self.people[person].tree;
            tree.at(tree.home, path) == Some(id)
        })
    }

    /// Gives the file that a request's path names other bytes, at this length or its own. It is modified now.
    pub(crate) fn rewrite(&mut self, now: Now, uri: &Uri, len: Option<u64>) {
        let Some((person, id)) = self.subject(uri) else { return };
        let tree = &mut self.people[person].tree;
        let Some(content) = tree.content(id) else { return };
        let old = Body::from(content.clone()).into_bytes();
        let len = usize::try_from(len.unwrap_or(old.len() as u64)).unwrap_or(usize::MAX);
        let new: Vec<_> =
            old.iter().map(|byte| byte.wrapping_add(1)).chain(std::iter::repeat(b'x')).take(len).collect();
        tree.truncate(id, 0);
        tree.write(id, 0, Body::from(Bytes::from(new)));
        tree.set_modified(id, Stamp::from_unix(now.unix));
    }

    /// How many bytes of a request's body are kept: no more than a little before it has shown any right.
    pub(crate) fn max_body(&self, head: &Parts) -> u64 {
        let bearer = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.split_once(' '));
        let has_key = bearer
            .is_some_and(|(_, key)| self.people.iter().any(|person| person.account.api_key.as_deref() == Some(key)));
        let has_session = self.token(head).is_some_and(|id| self.sessions.number(id).is_some());
        let has_upload_key = route(head.uri.path())
            .and_then(|route| Id::parse(route.id))
            .is_some_and(|id| self.uploads.contains_key(&id));
        if has_key || has_session || has_upload_key { u64::MAX } else { MAX_BODY_WITHOUT_CREDENTIALS }
    }

    /// The item that a path names by its id, or by an upload key or a download link; and whose it is.
    fn subject(&self, uri: &Uri) -> Option<(usize, Id)> {
        let route = route(uri.path())?;
        let id = Id::parse(route.id)?;
        match route.operations[0].does {
            Some(Does::Chunk | Does::Finalize) => self.uploads.get(&id).map(|upload| (upload.person, upload.file)),
            Some(Does::Download) => match self.links.get(&id).map(|link| (link.person, &link.items[..])) {
                Some((person, [item])) => Some((person, *item)),
                _ => None,
            },
            _ => {
                let person = self.people.iter().position(|person| person.tree.get(id).is_ok())?;
                Some((person, id))
            }
        }
    }
}
