//! Emulated service: a state, and a pure function from a request to a response.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};

use crate::accounts::{Account, Accounts, SecondFactor};
use crate::api_request::ApiRequest;
use crate::auth::{Caller, Rate};
use crate::body::Body;
use crate::downloads::Link;
use crate::ids::{Id, Ids};
use crate::operations::{Action, Route, route};
use crate::recorded::{Recorded, Requests, mask_headers, mask_target};
use crate::response::{self, ErrorResponse};
use crate::seed::Seed;
use crate::sessions::Sessions;
use crate::settings::Settings;
use crate::timestamp::Timestamp;
use crate::totp;
use crate::tree::Tree;
use crate::uploads::Upload;

/// 2017-07-14, the creation time of accounts and initial files.
pub(crate) const CREATED: Timestamp = Timestamp::at(1_500_000_000);

/// Current time, on both clocks of the service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Monotonic time since an origin of the caller's choice; sessions, upload keys and download links age by it.
    pub elapsed: Duration,
    /// Wall-clock time since 1970-01-01 00:00 UTC, used for the times of files.
    pub unix: Duration,
    /// How far `unix` is ahead of the clock of one-time codes.
    pub ahead: Duration,
}

impl Now {
    /// Time on the clock of authenticators, in whole seconds since 1970.
    pub(crate) fn of_authenticators(self) -> u64 {
        self.unix.saturating_sub(self.ahead).as_secs()
    }
}

/// The service as a pure state machine: no sockets, no clock, no randomness.
///
/// Equal servers return equal responses to the same requests at the same times, ids included.
///
/// ```
/// use bytes::Bytes;
/// use http::Request;
/// use quatrix_emulator::{Accounts, Now, Server, Settings};
///
/// let mut server = Server::new(Settings::default(), Accounts::default());
/// let login = Request::get("/api/1.0/session/login")
///     .header("authorization", "Basic dXNlckBleGFtcGxlLmNvbTpvbmx5LWZvci10ZXN0cy00NzEx")
///     .body(Bytes::new())?;
/// let response = server.handle(Now::default(), login);
/// assert_eq!(response.status(), 200);
/// assert!(response.body().starts_with(b"{\"session_id\":"));
/// # Ok::<(), http::Error>(())
/// ```
pub struct Server {
    pub(crate) settings: Settings,
    pub(crate) people: Vec<Person>,
    pub(crate) sessions: Sessions,
    pub(crate) uploads: BTreeMap<Id, Upload>,
    pub(crate) links: BTreeMap<Id, Link>,
    pub(crate) ids: Ids,
    pub(crate) site: Site,
    pub(crate) captcha_token: String,
    rate: Rate,
    requests: Requests,
}

/// Ids of the whole site.
pub(crate) struct Site {
    pub(crate) account: Id,
    pub(crate) storage: Id,
}

/// An account and its state.
pub(crate) struct Person {
    pub(crate) account: Account,
    pub(crate) id: Id,
    pub(crate) channel: Id,
    pub(crate) tree: Tree,
    /// The initial tree.
    pristine: Tree,
    /// Wrong passwords in a row.
    pub(crate) refusals: u32,
    pub(crate) captcha_due: bool,
    /// The step of the latest one-time code that was accepted.
    pub(crate) used_step: Option<u64>,
}

impl Server {
    /// Returns a server in its initial state, with ids from the seed 0.
    #[must_use]
    pub fn new(settings: Settings, accounts: Accounts) -> Self {
        let mut ids = Ids::new(0);
        let site = Site { account: ids.fresh(), storage: ids.fresh() };
        let people = accounts.accounts.into_iter().map(|account| Person::new(account, &mut ids)).collect();
        Self {
            settings,
            people,
            sessions: Sessions::default(),
            uploads: BTreeMap::new(),
            links: BTreeMap::new(),
            ids,
            site,
            captcha_token: accounts.captcha_token,
            rate: Rate::default(),
            requests: Requests::default(),
        }
    }

    /// Starts every home with these files.
    #[must_use]
    pub fn with_files(mut self, seed: &Seed) -> Self {
        for person in &mut self.people {
            seed.plant(&mut person.pristine, &mut self.ids, CREATED);
            person.tree = person.pristine.clone();
        }
        self
    }

    /// Takes its further ids (sessions, files, keys, links) from this seed.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.ids = Ids::new(seed);
        self
    }

    /// Handles a request. Its target may be a path or a whole URL.
    pub fn handle(&mut self, now: Now, request: Request<Bytes>) -> Response<Bytes> {
        self.handle_in_pieces(now, request.map(Body::from)).map(Body::into_bytes)
    }

    /// Answers a request as [`handle`](Self::handle) action, and copies no large body together.
    pub fn handle_in_pieces(&mut self, now: Now, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let route = route(head.uri.path());
        let recorded = self.recorded(now, &head, &body, route.as_ref());
        let response = self.respond(now, route.as_ref(), &head, body).unwrap_or_else(ErrorResponse::into_response);
        let status = response.status().as_u16();
        self.requests.push(Recorded { status, ..recorded }, self.settings.remembered_requests);
        response
    }

    /// Records a request that is not executed; the status 0 means no response.
    pub(crate) fn record(&mut self, now: Now, request: Request<Body>, status: u16) {
        let (head, body) = request.into_parts();
        let recorded = self.recorded(now, &head, &body, route(head.uri.path()).as_ref());
        self.requests.push(Recorded { status, ..recorded }, self.settings.remembered_requests);
    }

    /// Returns the record of a request, without a status.
    fn recorded(&self, now: Now, head: &Parts, body: &Body, route: Option<&Route<'_>>) -> Recorded {
        let session = self.token(head).and_then(|id| self.sessions.number(id));
        Recorded {
            at: now.elapsed,
            method: head.method.to_string(),
            operation: route.map(|route| route.operations[0].template),
            path: mask_target(&head.uri, route),
            headers: mask_headers(&head.headers, session),
            body_len: body.len(),
            status: 0,
        }
    }

    /// Returns the bytes of a user's file, by its path below the home.
    #[must_use]
    pub fn file(&self, user: &str, path: &str) -> Option<Bytes> {
        let tree = &self.person(user)?.tree;
        let content = tree.content(tree.at(tree.home, path)?)?;
        Some(Body::from(content.clone()).into_bytes())
    }

    /// Returns the sorted paths of a user's files and folders below the home; a folder's path ends with a slash.
    #[must_use]
    pub fn paths(&self, user: &str) -> Vec<String> {
        self.person(user).map_or_else(Vec::new, |person| person.tree.paths())
    }

    fn person(&self, user: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.account.is(user))
    }

    /// The caller's files.
    pub(crate) fn tree(&self, caller: &Caller) -> &Tree {
        &self.people[caller.person].tree
    }

    pub(crate) fn tree_mut(&mut self, caller: &Caller) -> &mut Tree {
        &mut self.people[caller.person].tree
    }

    /// The latest requests, oldest first.
    pub fn requests(&self) -> impl DoubleEndedIterator<Item = &Recorded> {
        self.requests.iter()
    }

    /// Returns the current code of this user's second factor: one-time code or PIN.
    #[must_use]
    pub fn code(&self, now: Now, user: &str) -> Option<String> {
        Some(match self.person(user)?.account.second_factor.as_ref()? {
            SecondFactor::Totp(secret) => secret.code(totp::step(now.of_authenticators())),
            SecondFactor::Pin(pin) => pin.clone(),
        })
    }

    /// Ends the sessions of one user, or of all. Returns `false` if the user does not exist.
    pub fn expire(&mut self, user: Option<&str>) -> bool {
        let person = user.map(|user| self.people.iter().position(|person| person.account.is(user)));
        let known = person != Some(None);
        if known {
            self.sessions.close_all(person.flatten());
        }
        known
    }

    /// Restores the initial state, except that ids are not reused.
    pub fn reset(&mut self) {
        self.sessions = Sessions::default();
        self.uploads.clear();
        self.links.clear();
        self.rate = Rate::default();
        self.requests.clear();
        for person in &mut self.people {
            person.reset();
        }
    }

    fn respond(
        &mut self,
        now: Now,
        route: Option<&Route<'_>>,
        head: &Parts,
        body: Body,
    ) -> Result<Response<Body>, ErrorResponse> {
        let route = route.ok_or_else(ErrorResponse::unknown_path)?;
        let (operation, action) = self.operation(route, head)?;
        self.rate.count(now.elapsed, self.settings.rate_limit)?;
        let mut request = ApiRequest { now, head, body, id: route.id };
        let caller = self.identify(operation, &request)?;
        request.check_shape()?;
        request.query(operation.query)?;
        match (action, caller) {
            (Action::LogIn, _) => self.log_in(&request),
            (Action::AccountMetadata, _) => Ok(self.account_metadata()),
            (Action::Chunk, caller) => self.chunk(caller.as_ref(), &mut request),
            (_, None) => Err(self.gone()),
            (_, Some(caller)) => self.perform(action, &caller, &mut request),
        }
    }

    fn perform(
        &mut self,
        action: Action,
        caller: &Caller,
        request: &mut ApiRequest<'_>,
    ) -> Result<Response<Body>, ErrorResponse> {
        match action {
            Action::AnswerSecondFactor => self.answer_second_factor(caller, request),
            Action::PostCaptcha | Action::GetCaptcha => self.unblock_captcha(caller, request),
            Action::LogOut => self.log_out(caller),
            Action::KeepAlive => Ok(response::empty()),
            Action::Profile => Ok(self.profile(caller)),
            Action::ProfileInfo => Ok(self.profile_info(caller)),
            Action::HomeMetadata => self.home_metadata(caller, request),
            Action::Metadata => self.metadata(caller, request),
            Action::SetTime => self.set_time(caller, request),
            Action::Info => self.info(caller, request),
            Action::Size => self.file_size(caller, request),
            Action::IdByPath => self.id_by_path(caller, request),
            Action::Search => self.search(caller, request),
            Action::MakeFolder => self.make_folder(caller, request),
            Action::Rename => self.rename(caller, request),
            Action::Delete => self.delete(caller, request),
            Action::EmptyTrash => self.empty_trash(caller, request),
            Action::MoveMany => self.move_many(caller, request),
            Action::CopyMany => self.copy_many(caller, request),
            Action::MoveOne => self.move_one(caller, request),
            Action::CopyOne => self.copy_one(caller, request),
            Action::UploadLink => self.upload_link(caller, request),
            Action::Modify => self.modify(caller, request),
            Action::ModifyPath => self.modify_path(caller, request),
            Action::Finalize => self.finalize(caller, request),
            Action::DownloadLink => self.download_link(caller, request),
            Action::Download => self.download(caller, request),
            // Handled before, without a caller.
            Action::LogIn | Action::AccountMetadata | Action::Chunk => Err(ErrorResponse::unknown_path()),
        }
    }
}

impl Person {
    fn new(account: Account, ids: &mut Ids) -> Self {
        let captcha_due = account.captcha;
        let tree = Tree::new(ids, CREATED);
        let (id, channel, pristine) = (ids.fresh(), ids.fresh(), tree.clone());
        Self { account, id, channel, tree, pristine, refusals: 0, captcha_due, used_step: None }
    }

    pub(crate) fn name(&self) -> &str {
        if self.account.name.is_empty() { &self.account.user } else { &self.account.name }
    }

    fn reset(&mut self) {
        self.tree = self.pristine.clone();
        self.refusals = 0;
        self.captcha_due = self.account.captcha;
        self.used_step = None;
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("settings", &self.settings)
            .field("people", &self.people.len())
            .finish_non_exhaustive()
    }
}
