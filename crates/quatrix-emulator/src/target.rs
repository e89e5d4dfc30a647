//! Target of a request, from its head alone: the item in its path, and the maximum length of its body.

use bytes::Bytes;
use http::Uri;
use http::header::AUTHORIZATION;
use http::request::Parts;

use crate::body::Body;
use crate::ids::Id;
use crate::operations::{Action, route};
use crate::server::{Now, Server};
use crate::timestamp::Timestamp;

/// Maximum number of bytes kept of the body of a request without credentials. No known request of that kind has a body.
pub(crate) const MAX_BODY_WITHOUT_CREDENTIALS: u64 = 64 * 1024;

impl Server {
    /// Returns `true` if a request's path refers to the item at this path below a user's home.
    pub(crate) fn targets(&self, uri: &Uri, path: &str) -> bool {
        self.target(uri).is_some_and(|(person, id)| {
            let tree = &self.people[person].tree;
            tree.at(tree.home, path) == Some(id)
        })
    }

    /// Replaces the bytes of the file that a request's path refers to; `None` keeps its length. Sets its modification time
    /// to now.
    pub(crate) fn rewrite(&mut self, now: Now, uri: &Uri, len: Option<u64>) {
        let Some((person, id)) = self.target(uri) else { return };
        let tree = &mut self.people[person].tree;
        let Some(content) = tree.content(id) else { return };
        let old = Body::from(content.clone()).into_bytes();
        let len = usize::try_from(len.unwrap_or(old.len() as u64)).unwrap_or(usize::MAX);
        let new: Vec<_> =
            old.iter().map(|byte| byte.wrapping_add(1)).chain(std::iter::repeat(b'x')).take(len).collect();
        tree.truncate(id, 0);
        tree.write(id, 0, Body::from(Bytes::from(new)));
        tree.set_modified(id, Timestamp::from_unix(now.unix));
    }

    /// Maximum number of bytes kept of a request's body; small for a request without valid credentials.
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

    /// Finds the account and the item that a path refers to by id, upload key or download link.
    fn target(&self, uri: &Uri) -> Option<(usize, Id)> {
        let route = route(uri.path())?;
        let id = Id::parse(route.id)?;
        match route.operations[0].action {
            Some(Action::Chunk | Action::Finalize) => self.uploads.get(&id).map(|upload| (upload.person, upload.file)),
            Some(Action::Download) => match self.links.get(&id).map(|link| (link.person, &link.items[..])) {
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
