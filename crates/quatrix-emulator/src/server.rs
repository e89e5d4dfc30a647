//! The emulated service: a state, and a pure function from a request to an answer.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};

use crate::accounts::{Account, Accounts, SecondFactor};
use crate::body::Body;
use crate::call::Call;
use crate::downloads::Link;
use crate::gate::{Caller, Rate};
use crate::ids::{Id, Ids};
use crate::operations::{Does, Route, route};
use crate::reply::{self, Problem};
use crate::requests::{Recorded, Requests, mask_headers, mask_target};
use crate::seed::Seed;
use crate::sessions::Sessions;
use crate::settings::Settings;
use crate::stamp::Stamp;
use crate::totp;
use crate::tree::Tree;
use crate::uploads::Upload;

/// 2017-07-14, when everything here was made.
pub(crate) const FOUNDED: Stamp = Stamp::at(1_500_000_000);

/// What time it is, on both clocks that the service has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Time since an origin of the caller's choice; never goes back. Sessions, upload keys and download links age
    /// by it.
    pub elapsed: Duration,
    /// Wall-clock time since 1970-01-01 00:00 UTC. The times of files come from it.
    pub unix: Duration,
    /// How far `unix` is ahead of the clock of authenticators, by which one-time codes go.
    pub ahead: Duration,
}

impl Now {
    /// What the clock of authenticators shows, in whole seconds since 1970.
    pub(crate) fn of_authenticators(self) -> u64 {
        self.unix.saturating_sub(self.ahead).as_secs()
    }
}

/// The service as a pure state machine: no sockets, no clock, no randomness.
///
/// Equal servers that are asked the same things at the same times give equal answers, ids included.
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
/// let answer = server.handle(Now::default(), login);
/// assert_eq!(answer.status(), 200);
/// assert!(answer.body().starts_with(b"{\"session_id\":"));
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

/// What belongs to the account as a whole.
pub(crate) struct Site {
    pub(crate) account: Id,
    pub(crate) storage: Id,
}

/// One of the accounts, and what happened to it.
pub(crate) struct Person {
    pub(crate) account: Account,
    pub(crate) id: Id,
    pub(crate) channel: Id,
    pub(crate) tree: Tree,
    /// The tree as it was at the beginning.
    pristine: Tree,
    /// Wrong passwords in a row.
    pub(crate) refusals: u32,
    pub(crate) captcha_due: bool,
    /// The step of the latest one-time code that was accepted.
    pub(crate) used_step: Option<u64>,
}

impl Server {
    /// A server with nothing done to it yet. Its ids come from the seed 0.
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

    /// Has these files in every home from the beginning.
    #[must_use]
    pub fn with_files(mut self, seed: &Seed) -> Self {
        for person in &mut self.people {
            seed.plant(&mut person.pristine, &mut self.ids, FOUNDED);
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

    /// Answers a request. Its target may be a path or a whole URL.
    pub fn handle(&mut self, now: Now, request: Request<Bytes>) -> Response<Bytes> {
        self.handle_in_pieces(now, request.map(Body::from)).map(Body::into_bytes)
    }

    /// Answers a request as [`handle`](Self::handle) does, and copies no large body together.
    pub fn handle_in_pieces(&mut self, now: Now, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let route = route(head.uri.path());
        let seen = self.seen(now, &head, &body, route.as_ref());
        let response = self.answer(now, route.as_ref(), &head, body).unwrap_or_else(Problem::into_response);
        let status = response.status().as_u16();
        self.requests.push(Recorded { status, ..seen }, self.settings.remembered_requests);
        response
    }

    /// Remembers a request that is not executed; the status 0 stands for no answer at all.
    pub(crate) fn record(&mut self, now: Now, request: Request<Body>, status: u16) {
        let (head, body) = request.into_parts();
        let seen = self.seen(now, &head, &body, route(head.uri.path()).as_ref());
        self.requests.push(Recorded { status, ..seen }, self.settings.remembered_requests);
    }

    /// What is remembered of a request, as yet without a status.
    fn seen(&self, now: Now, head: &Parts, body: &Body, route: Option<&Route<'_>>) -> Recorded {
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

    /// The bytes of a user's file, by its path below the home.
    #[must_use]
    pub fn file(&self, user: &str, path: &str) -> Option<Bytes> {
        let tree = &self.person(user)?.tree;
        let content = tree.content(tree.at(tree.home, path)?)?;
        Some(Body::from(content.clone()).into_bytes())
    }

    /// The paths of all of a user's files and folders below the home, sorted; those of folders end with a slash.
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

    /// The code that the second step of this user's login takes now: one-time code or PIN.
    #[must_use]
    pub fn code(&self, now: Now, user: &str) -> Option<String> {
        Some(match self.person(user)?.account.second_factor.as_ref()? {
            SecondFactor::Totp(secret) => secret.code(totp::step(now.of_authenticators())),
            SecondFactor::Pin(pin) => pin.clone(),
        })
    }

    /// Ends the sessions of one user, or of all. Says whether there is such a user.
    pub fn expire(&mut self, user: Option<&str>) -> bool {
        let person = user.map(|user| self.people.iter().position(|person| person.account.is(user)));
        let known = person != Some(None);
        if known {
            self.sessions.close_all(person.flatten());
        }
        known
    }

    /// Makes everything as it was at the beginning; only ids do not come again.
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

    fn answer(
        &mut self,
        now: Now,
        route: Option<&Route<'_>>,
        head: &Parts,
        body: Body,
    ) -> Result<Response<Body>, Problem> {
        let route = route.ok_or_else(Problem::unknown_path)?;
        let (operation, does) = self.operation(route, head)?;
        self.rate.count(now.elapsed, self.settings.rate_limit)?;
        let mut call = Call { now, head, body, id: route.id };
        let caller = self.identify(operation, &call)?;
        call.check_shape()?;
        call.query(operation.query)?;
        match (does, caller) {
            (Does::LogIn, _) => self.log_in(&call),
            (Does::AccountMetadata, _) => Ok(self.account_metadata()),
            (Does::Chunk, caller) => self.chunk(caller.as_ref(), &mut call),
            (_, None) => Err(self.gone()),
            (_, Some(caller)) => self.perform(does, &caller, &mut call),
        }
    }

    fn perform(&mut self, does: Does, caller: &Caller, call: &mut Call<'_>) -> Result<Response<Body>, Problem> {
        match does {
            Does::AnswerSecondFactor => self.answer_second_factor(caller, call),
            Does::PostCaptcha | Does::GetCaptcha => self.unblock_captcha(caller, call),
            Does::LogOut => self.log_out(caller),
            Does::KeepAlive => Ok(reply::empty()),
            Does::Profile => Ok(self.profile(caller)),
            Does::ProfileInfo => Ok(self.profile_info(caller)),
            Does::HomeMetadata => self.home_metadata(caller, call),
            Does::Metadata => self.metadata(caller, call),
            Does::SetTime => self.set_time(caller, call),
            Does::Info => self.info(caller, call),
            Does::Size => self.file_size(caller, call),
            Does::IdByPath => self.id_by_path(caller, call),
            Does::Search => self.search(caller, call),
            Does::MakeFolder => self.make_folder(caller, call),
            Does::Rename => self.rename(caller, call),
            Does::Delete => self.delete(caller, call),
            Does::EmptyTrash => self.empty_trash(caller, call),
            Does::MoveMany => self.move_many(caller, call),
            Does::CopyMany => self.copy_many(caller, call),
            Does::MoveOne => self.move_one(caller, call),
            Does::CopyOne => self.copy_one(caller, call),
            Does::UploadLink => self.upload_link(caller, call),
            Does::Modify => self.modify(caller, call),
            Does::ModifyPath => self.modify_path(caller, call),
            Does::Finalize => self.finalize(caller, call),
            Does::DownloadLink => self.download_link(caller, call),
            Does::Download => self.download(caller, call),
            // These have been served without a caller.
            Does::LogIn | Does::AccountMetadata | Does::Chunk => Err(Problem::unknown_path()),
        }
    }
}

impl Person {
    fn new(account: Account, ids: &mut Ids) -> Self {
        let captcha_due = account.captcha;
        let tree = Tree::new(ids, FOUNDED);
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
