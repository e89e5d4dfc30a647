//! What a request has to pass before anything is done: its operation, the rate limit, its credentials.

use std::time::Duration;

use http::request::Parts;

use crate::accounts::{Account, SecondFactor};
use crate::call::Call;
use crate::ids::Id;
use crate::operations::{Auth, Does, Operation, Route};
use crate::reply::Problem;
use crate::server::Server;
use crate::sessions::Stage;
use crate::settings::{CaptchaMethod, RateLimit};

/// Who calls, once that is proven.
pub(crate) struct Caller {
    /// Index of the person.
    pub(crate) person: usize,
    pub(crate) stage: Stage,
    /// `None` with an API key.
    pub(crate) session: Option<Id>,
}

impl Server {
    /// The operation of a path that has this method, if this server has it.
    pub(crate) fn operation(&self, route: &Route<'_>, head: &Parts) -> Result<(&'static Operation, Does), Problem> {
        let names = |one: &Operation| format!("{} {}", one.method, one.template);
        let has = |one: &&&'static Operation| match (one.does, self.settings.captcha_method) {
            (Some(Does::PostCaptcha), CaptchaMethod::Get) | (Some(Does::GetCaptcha), CaptchaMethod::Post) => false,
            _ => !self.settings.without.iter().any(|name| *name == names(one)),
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
    pub(crate) fn identify(&mut self, operation: &Operation, call: &Call<'_>) -> Result<Option<Caller>, Problem> {
        if call.header("authorization").is_some() && call.header("x-auth-token").is_some() {
            return Err(Problem::bad("two kinds of credentials"));
        }
        let caller = match (operation.auth, call.authorization("Bearer")) {
            (Auth::None | Auth::Basic, _) => return Ok(None),
            (Auth::SessionOrKey | Auth::UploadKey, Some(key)) => self.caller_with_key(key),
            _ => self.caller_with_session(operation, call),
        };
        if operation.auth == Auth::UploadKey && !self.settings.chunks_need_credentials {
            return Ok(None);
        }
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
        Some(Caller { person, stage: Stage::LoggedIn, session: None })
    }

    fn caller_with_session(&mut self, operation: &Operation, call: &Call<'_>) -> Option<Caller> {
        let id = self.token(call.head)?;
        let session = self.sessions.find(call.now.elapsed, id, &self.settings)?;
        if self.settings.transfers_extend || !operation.moves_bytes() {
            session.touch(call.now.elapsed);
        }
        Some(Caller { person: session.account, stage: session.stage, session: Some(id) })
    }

    /// The session id that a request carries.
    pub(crate) fn token(&self, head: &Parts) -> Option<Id> {
        let value = head.headers.get("x-auth-token")?.to_str().ok()?;
        Id::parse(match &self.settings.token_prefix {
            None => value,
            Some(prefix) => value.strip_prefix(prefix.as_str())?.strip_prefix(' ')?,
        })
    }

    pub(crate) fn gone(&self) -> Problem {
        Problem::as_set(self.settings.gone, "not authorised")
    }
}

/// What a session hears that still has a step of its login to do.
fn unfinished(stage: Stage, account: &Account) -> Problem {
    match (stage, &account.second_factor) {
        (Stage::Captcha, _) => Problem::no_captcha(),
        (_, Some(SecondFactor::Pin(_))) => Problem::new(401, 73, "not allowed without PIN"),
        _ => Problem::new(401, 71, "not allowed without 2FA"),
    }
}

/// How much of a rate limit is used up.
#[derive(Default)]
pub(crate) struct Rate {
    /// When the current stretch of time began.
    since: Duration,
    calls: u32,
}

impl Rate {
    pub(crate) fn count(&mut self, now: Duration, limit: Option<RateLimit>) -> Result<(), Problem> {
        let Some(limit) = limit else { return Ok(()) };
        if now.saturating_sub(self.since) >= limit.per {
            *self = Self { since: now, calls: 0 };
        }
        if self.calls >= limit.calls {
            let left = self.since.saturating_add(limit.per).saturating_sub(now);
            return Err(Problem::too_many(limit.retry_after.then(|| left.as_secs_f64().ceil() as u64)));
        }
        self.calls += 1;
        Ok(())
    }
}
