//! The emulated service: a state, and a pure function from a request to an answer.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{Request, Response};

use crate::accounts::{Account, Accounts, SecondFactor};
use crate::body::Body;
use crate::call::Call;
use crate::ids::Ids;
use crate::operations::{Auth, Does, Operation, Route, route};
use crate::reply::{self, Problem};
use crate::requests::{Recorded, Requests, mask_headers, mask_target};
use crate::sessions::{Sessions, Stage};
use crate::settings::{CaptchaMethod, Settings};
use crate::totp;

/// What time it is, on both clocks that the service has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Time since an origin of the caller's choice; never goes back. Sessions, upload keys and download links age
    /// by it.
    pub elapsed: Duration,
    /// Wall-clock time since 1970-01-01 00:00 UTC. One-time codes and the times of files come from it.
    pub unix: Duration,
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
    pub(crate) ids: Ids,
    requests: Requests,
    pub(crate) site: Site,
}

/// What belongs to the account as a whole.
pub(crate) struct Site {
    pub(crate) account: String,
    pub(crate) storage: String,
}

/// One of the accounts, and what happened to it.
pub(crate) struct Person {
    pub(crate) account: Account,
    pub(crate) id: String,
    pub(crate) home: String,
    pub(crate) channel: String,
    /// Wrong passwords in a row.
    pub(crate) refusals: u32,
    pub(crate) captcha_due: bool,
    /// The step of the latest one-time code that was accepted.
    pub(crate) used_step: Option<u64>,
}

/// Who calls, once that is proven.
pub(crate) struct Caller {
    /// Index of the person.
    pub(crate) person: usize,
    pub(crate) stage: Stage,
    /// The session's id; empty with an API key.
    pub(crate) session: String,
}

impl Server {
    /// A server with nothing done to it yet. Its ids come from the seed 0.
    #[must_use]
    pub fn new(settings: Settings, accounts: Accounts) -> Self {
        let mut ids = Ids::new(0);
        let site = Site { account: ids.uuid(), storage: ids.uuid() };
        let people = accounts.accounts.into_iter().map(|account| Person::new(account, &mut ids)).collect();
        Self { settings, people, sessions: Sessions::default(), ids, requests: Requests::default(), site }
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
        let body_len = body.len();
        let session = self.token(&head).and_then(|id| self.sessions.number(id));
        let route = route(head.uri.path());
        let response = self.answer(now, route.as_ref(), &head, body).unwrap_or_else(Problem::into_response);
        self.requests.push(
            Recorded {
                at: now.elapsed,
                method: head.method.to_string(),
                operation: route.as_ref().map(|route| route.operations[0].template),
                path: mask_target(&head.uri, route.as_ref()),
                headers: mask_headers(&head.headers, session),
                body_len,
                status: response.status().as_u16(),
            },
            self.settings.remembered_requests,
        );
        response
    }

    /// The latest requests, oldest first.
    pub fn requests(&self) -> impl DoubleEndedIterator<Item = &Recorded> {
        self.requests.iter()
    }

    /// The code that the second step of this user's login takes now: one-time code or PIN.
    #[must_use]
    pub fn code(&self, now: Now, user: &str) -> Option<String> {
        let person = self.people.iter().find(|person| person.account.is(user))?;
        Some(match person.account.second_factor.as_ref()? {
            SecondFactor::Totp(secret) => secret.code(totp::step(now.unix.as_secs())),
            SecondFactor::Pin(pin) => pin.clone(),
        })
    }

    /// Ends the sessions of one user, or of all. Says whether there is such a user.
    pub fn expire(&mut self, user: Option<&str>) -> bool {
        let person = user.map(|user| self.people.iter().position(|person| person.account.is(user)));
        if person == Some(None) {
            return false;
        }
        self.sessions.close_all(person.flatten());
        true
    }

    /// Makes everything as it was at the beginning; only ids do not come again.
    pub fn reset(&mut self) {
        self.sessions = Sessions::default();
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
        let mut call = Call { head, body };
        if head.headers.contains_key("authorization") && head.headers.contains_key("x-auth-token") {
            return Err(Problem::bad("two kinds of credentials"));
        }
        let caller = self.identify(now, operation, &call)?;
        call.check_shape()?;
        call.query(operation.query)?;
        match (does, caller) {
            (Does::LogIn, _) => self.log_in(now, &call),
            (Does::AccountMetadata, _) => Ok(self.account_metadata()),
            (_, None) => Err(self.gone()),
            (_, Some(caller)) => self.perform(now, does, &caller, &mut call),
        }
    }

    fn perform(
        &mut self,
        now: Now,
        does: Does,
        caller: &Caller,
        call: &mut Call<'_>,
    ) -> Result<Response<Body>, Problem> {
        match does {
            Does::AnswerSecondFactor => self.answer_second_factor(now, caller, call),
            Does::PostCaptcha | Does::GetCaptcha => self.unblock_captcha(caller, call),
            Does::LogOut => Ok(self.log_out(caller)),
            Does::KeepAlive => Ok(reply::empty()),
            Does::Profile => Ok(self.profile(caller)),
            Does::ProfileInfo => Ok(self.profile_info(caller)),
            Does::LogIn | Does::AccountMetadata => Err(Problem::unknown_path()),
        }
    }

    /// The operation of a path that has this method, if this server has it.
    fn operation(&self, route: &Route<'_>, head: &Parts) -> Result<(&'static Operation, Does), Problem> {
        let names = |one: &Operation| format!("{} {}", one.method, one.template);
        let has = |one: &&&'static Operation| match (one.does, self.settings.captcha_method) {
            (Some(Does::PostCaptcha), CaptchaMethod::Get) | (Some(Does::GetCaptcha), CaptchaMethod::Post) => false,
            _ => !self.settings.without.contains(&names(one)),
        };
        let present: Vec<_> = route.operations.iter().filter(has).collect();
        if present.is_empty() {
            return Err(Problem::unknown_path());
        }
        let allowed: Vec<_> = present.iter().map(|one| one.method).collect();
        let operation = present.into_iter().find(|one| one.method == head.method.as_str());
        let operation = operation.ok_or_else(|| Problem::wrong_method(&allowed))?;
        let does = operation.does.ok_or_else(|| Problem::not_emulated(&names(operation)))?;
        Ok((operation, does))
    }

    /// Who calls, if the operation wants to know it.
    fn identify(&mut self, now: Now, operation: &Operation, call: &Call<'_>) -> Result<Option<Caller>, Problem> {
        if matches!(operation.auth, Auth::None | Auth::Basic) {
            return Ok(None);
        }
        let caller = match call.authorization("Bearer") {
            Some(key) if operation.auth == Auth::SessionOrKey => self.caller_with_key(key),
            _ => self.caller_with_session(now, call),
        };
        let caller = caller.ok_or_else(|| self.gone())?;
        let account = &self.people[caller.person].account;
        if operation.auth != Auth::AnySession && caller.stage != Stage::LoggedIn {
            return Err(unfinished(caller.stage, account));
        }
        if account.contact && operation.is_about_files() {
            return Err(Problem::as_set(self.settings.no_right, "restriction: contacts have no files"));
        }
        Ok(Some(caller))
    }

    fn caller_with_key(&self, key: &str) -> Option<Caller> {
        let person = self.people.iter().position(|person| person.account.api_key.as_deref() == Some(key))?;
        Some(Caller { person, stage: Stage::LoggedIn, session: String::new() })
    }

    fn caller_with_session(&mut self, now: Now, call: &Call<'_>) -> Option<Caller> {
        let id = self.token(call.head)?.to_owned();
        let session = self.sessions.find(now.elapsed, &id, &self.settings)?;
        session.touch(now.elapsed);
        Some(Caller { person: session.account, stage: session.stage, session: id })
    }

    /// The session id that a request carries.
    fn token<'a>(&self, head: &'a Parts) -> Option<&'a str> {
        let value = head.headers.get("x-auth-token")?.to_str().ok()?;
        match &self.settings.token_prefix {
            None => Some(value),
            Some(prefix) => value.strip_prefix(prefix.as_str())?.strip_prefix(' '),
        }
    }

    fn gone(&self) -> Problem {
        Problem::as_set(self.settings.gone, "not authorised")
    }
}

/// What a session hears that still has a step of its login to do.
fn unfinished(stage: Stage, account: &Account) -> Problem {
    let (code, what) = match (stage, &account.second_factor) {
        (Stage::Captcha, _) => (72, "captcha"),
        (_, Some(SecondFactor::Pin(_))) => (73, "PIN"),
        _ => (71, "2FA"),
    };
    Problem::new(401, code, format!("not allowed without {what}"))
}

impl Person {
    fn new(account: Account, ids: &mut Ids) -> Self {
        let captcha_due = account.captcha;
        let (id, home, channel) = (ids.uuid(), ids.uuid(), ids.uuid());
        Self { account, id, home, channel, refusals: 0, captcha_due, used_step: None }
    }

    fn reset(&mut self) {
        self.refusals = 0;
        self.captcha_due = self.account.captcha;
        self.used_step = None;
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("settings", &self.settings).finish_non_exhaustive()
    }
}
