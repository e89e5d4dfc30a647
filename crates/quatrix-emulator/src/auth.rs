//! Checks before an operation runs: its method, the rate limit, its credentials.

use std::time::Duration;

use http::request::Parts;

use crate::accounts::{Account, SecondFactor};
use crate::api_request::ApiRequest;
use crate::ids::Id;
use crate::operations::{Action, Auth, Operation, Route};
use crate::response::ErrorResponse;
use crate::server::Server;
use crate::sessions::LoginStage;
use crate::settings::{CaptchaMethod, RateLimit};

/// Authenticated caller.
pub(crate) struct Caller {
    /// Index of the account.
    pub(crate) person: usize,
    pub(crate) stage: LoginStage,
    /// `None` with an API key.
    pub(crate) session: Option<Id>,
}

impl Server {
    /// Finds the operation of a path and method, if this server has it.
    pub(crate) fn operation(
        &self,
        route: &Route<'_>,
        head: &Parts,
    ) -> Result<(&'static Operation, Action), ErrorResponse> {
        let names = |one: &Operation| format!("{} {}", one.method, one.template);
        let has = |one: &&&'static Operation| match (one.action, self.settings.captcha_method) {
            (Some(Action::PostCaptcha), CaptchaMethod::Get) | (Some(Action::GetCaptcha), CaptchaMethod::Post) => false,
            _ => !self.settings.without.iter().any(|name| *name == names(one)),
        };
        let present: Vec<_> = route.operations.iter().filter(has).collect();
        if present.is_empty() {
            return Err(ErrorResponse::unknown_path());
        }
        let allowed: Vec<_> = present.iter().map(|one| one.method).collect();
        let operation = present.into_iter().find(|one| one.method == head.method.as_str());
        let operation = operation.ok_or_else(|| ErrorResponse::wrong_method(&allowed))?;
        let action = operation.action.ok_or_else(|| ErrorResponse::not_emulated(&names(operation)))?;
        Ok((operation, action))
    }

    /// Authenticates the caller, if the operation requires it.
    pub(crate) fn identify(
        &mut self,
        operation: &Operation,
        request: &ApiRequest<'_>,
    ) -> Result<Option<Caller>, ErrorResponse> {
        if request.header("authorization").is_some() && request.header("x-auth-token").is_some() {
            return Err(ErrorResponse::bad("a request must not have both Authorization and X-Auth-Token"));
        }
        let caller = match (operation.auth, request.authorization("Bearer")) {
            (Auth::None | Auth::Basic, _) => return Ok(None),
            (Auth::SessionOrKey | Auth::UploadKey, Some(key)) => self.caller_with_key(key),
            _ => self.caller_with_session(operation, request),
        };
        if operation.auth == Auth::UploadKey && !self.settings.chunks_need_credentials {
            return Ok(None);
        }
        let caller = caller.ok_or_else(|| self.gone())?;
        let account = &self.people[caller.person].account;
        if operation.auth != Auth::AnySession && caller.stage != LoginStage::LoggedIn {
            return Err(unfinished(caller.stage, account));
        }
        if account.contact && operation.is_about_files() {
            return Err(ErrorResponse::from_setting(self.settings.no_right, "restriction: contacts have no files"));
        }
        Ok(Some(caller))
    }

    fn caller_with_key(&self, key: &str) -> Option<Caller> {
        let person = self.people.iter().position(|person| person.account.api_key.as_deref() == Some(key))?;
        Some(Caller { person, stage: LoginStage::LoggedIn, session: None })
    }

    fn caller_with_session(&mut self, operation: &Operation, request: &ApiRequest<'_>) -> Option<Caller> {
        let id = self.token(request.head)?;
        let session = self.sessions.find(request.now.elapsed, id, &self.settings)?;
        if self.settings.transfers_extend || !operation.moves_bytes() {
            session.touch(request.now.elapsed);
        }
        Some(Caller { person: session.account, stage: session.stage, session: Some(id) })
    }

    /// Returns the session id of a request.
    pub(crate) fn token(&self, head: &Parts) -> Option<Id> {
        let value = head.headers.get("x-auth-token")?.to_str().ok()?;
        Id::parse(match &self.settings.token_prefix {
            None => value,
            Some(prefix) => value.strip_prefix(prefix.as_str())?.strip_prefix(' ')?,
        })
    }

    pub(crate) fn gone(&self) -> ErrorResponse {
        ErrorResponse::from_setting(self.settings.gone, "not authorised")
    }
}

/// Error for a session that lacks a step of its login.
fn unfinished(stage: LoginStage, account: &Account) -> ErrorResponse {
    match (stage, &account.second_factor) {
        (LoginStage::Captcha, _) => ErrorResponse::no_captcha(),
        (_, Some(SecondFactor::Pin(_))) => ErrorResponse::new(401, 73, "not allowed without PIN"),
        _ => ErrorResponse::new(401, 71, "not allowed without 2FA"),
    }
}

/// Calls counted for the rate limit.
#[derive(Default)]
pub(crate) struct Rate {
    /// Start of the current period.
    since: Duration,
    calls: u32,
}

impl Rate {
    pub(crate) fn count(&mut self, now: Duration, limit: Option<RateLimit>) -> Result<(), ErrorResponse> {
        let Some(limit) = limit else { return Ok(()) };
        if now.saturating_sub(self.since) >= limit.per {
            *self = Self { since: now, calls: 0 };
        }
        if self.calls >= limit.calls {
            let left = self.since.saturating_add(limit.per).saturating_sub(now);
            return Err(ErrorResponse::too_many(limit.retry_after.then(|| left.as_secs_f64().ceil() as u64)));
        }
        self.calls += 1;
        Ok(())
    }
}
