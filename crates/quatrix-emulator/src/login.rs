//! Session operations: login, second factor, captcha, logout.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Response, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::accounts::SecondFactor;
use crate::api_request::ApiRequest;
use crate::auth::Caller;
use crate::body::Body;
use crate::ids::Id;
use crate::response::{self, CAPTCHA_CODE, ErrorResponse};
use crate::server::Server;
use crate::sessions::LoginStage;
use crate::settings::{CaptchaSignal, CodeEncoding, IdPlace, SecondFactorId};
use crate::totp;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SecondFactorBody {
    auth_type: AuthType,
    code: String,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
enum AuthType {
    #[serde(rename = "2FA")]
    Totp,
    #[serde(rename = "PIN")]
    Pin,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaptchaBody {
    token: String,
}

impl Server {
    pub(crate) fn log_in(&mut self, request: &ApiRequest<'_>) -> Result<Response<Body>, ErrorResponse> {
        let rejected = || ErrorResponse::new(401, 14, "not authorised");
        let (user, password) = request.authorization("Basic").and_then(basic).ok_or_else(rejected)?;
        let index = self.people.iter().position(|person| person.account.is(&user)).ok_or_else(rejected)?;
        let person = &mut self.people[index];
        if person.account.password != password {
            person.refusals += 1;
            if self.settings.captcha_after.is_some_and(|limit| person.refusals >= limit) {
                person.captcha_due = true;
            }
            return Err(rejected());
        }
        person.refusals = 0;
        if person.captcha_due {
            return self.ask_for_captcha(request, index);
        }
        let (stage, status, mfa_code) = match person.account.second_factor {
            None => (LoginStage::LoggedIn, StatusCode::OK, None),
            Some(SecondFactor::Totp(_)) => {
                (LoginStage::SecondFactor, StatusCode::MULTI_STATUS, self.settings.totp_mfa_code)
            }
            Some(SecondFactor::Pin(_)) => {
                (LoginStage::SecondFactor, StatusCode::MULTI_STATUS, self.settings.pin_mfa_code)
            }
        };
        let id = self.open_session(request, index, stage);
        let mut response = self.grant(status, id);
        if let Some(code) = mfa_code {
            response.headers_mut().insert("mfa-code", HeaderValue::from(code));
        }
        Ok(response)
    }

    pub(crate) fn answer_second_factor(
        &mut self,
        caller: &Caller,
        request: &mut ApiRequest<'_>,
    ) -> Result<Response<Body>, ErrorResponse> {
        let Some(session) = caller.session else { return Err(self.gone()) };
        let body: SecondFactorBody = request.json()?;
        match caller.stage {
            LoginStage::SecondFactor => {}
            LoginStage::Captcha => return Err(ErrorResponse::no_captcha()),
            LoginStage::LoggedIn => {
                return Err(ErrorResponse::new(401, 70, "not allowed: this session is already logged in"));
            }
        }
        if !self.accepts_code(request, caller.person, &body) {
            return Err(match body.auth_type {
                AuthType::Totp => ErrorResponse::new(401, 83, "wrong authentication code"),
                AuthType::Pin => ErrorResponse::new(401, 84, "wrong PIN"),
            });
        }
        self.sessions.set_stage(session, LoginStage::LoggedIn);
        Ok(match self.settings.second_factor_id {
            SecondFactorId::Kept => self.grant(StatusCode::OK, session),
            SecondFactorId::Rotated => {
                self.sessions.close(session);
                let id = self.open_session(request, caller.person, LoginStage::LoggedIn);
                self.grant(StatusCode::OK, id)
            }
            SecondFactorId::Omitted => response::ok(&json!({})),
        })
    }

    /// Returns `true` if the code is currently valid. A time-based code may be one step early or late.
    fn accepts_code(&mut self, request: &ApiRequest<'_>, index: usize, body: &SecondFactorBody) -> bool {
        let decoded = match self.settings.code_encoding {
            CodeEncoding::Plain => Some(body.code.clone()),
            CodeEncoding::Base64 => STANDARD.decode(&body.code).ok().and_then(|bytes| String::from_utf8(bytes).ok()),
        };
        let Some(code) = decoded else { return false };
        let person = &mut self.people[index];
        match (&person.account.second_factor, body.auth_type) {
            (Some(SecondFactor::Pin(pin)), AuthType::Pin) => *pin == code,
            (Some(SecondFactor::Totp(secret)), AuthType::Totp) => {
                let current = totp::step(request.now.of_authenticators());
                let mut steps = current.saturating_sub(1)..=current + 1;
                let Some(step) = steps.find(|step| secret.code(*step) == code) else { return false };
                let used = person.used_step.replace(step);
                if self.settings.totp_single_use && used.is_some_and(|used| step <= used) {
                    person.used_step = used;
                    return false;
                }
                true
            }
            _ => false,
        }
    }

    pub(crate) fn unblock_captcha(
        &mut self,
        caller: &Caller,
        request: &mut ApiRequest<'_>,
    ) -> Result<Response<Body>, ErrorResponse> {
        let Some(session) = caller.session else { return Err(self.gone()) };
        let token = if request.head.method == "GET" {
            request.query("token")?.ok_or_else(|| ErrorResponse::missing("token"))?
        } else {
            request.json::<CaptchaBody>()?.token
        };
        if token != self.captcha_token {
            return Ok(response::json(StatusCode::UNAUTHORIZED, &json!({ "valid": false })));
        }
        if caller.stage == LoginStage::Captcha {
            let person = &mut self.people[caller.person];
            person.captcha_due = false;
            match person.account.second_factor {
                _ if !self.settings.captcha_logs_in => self.sessions.close(session),
                Some(_) => self.sessions.set_stage(session, LoginStage::SecondFactor),
                None => self.sessions.set_stage(session, LoginStage::LoggedIn),
            }
        }
        Ok(response::ok(&json!({ "valid": true })))
    }

    pub(crate) fn log_out(&mut self, caller: &Caller) -> Result<Response<Body>, ErrorResponse> {
        self.sessions.close(caller.session.ok_or_else(|| self.gone())?);
        Ok(response::empty())
    }

    fn ask_for_captcha(&mut self, request: &ApiRequest<'_>, index: usize) -> Result<Response<Body>, ErrorResponse> {
        let refusal = ErrorResponse::no_captcha();
        let id = self.open_session(request, index, LoginStage::Captcha);
        let mut response = match self.settings.captcha_signal {
            CaptchaSignal::Silent => return Err(ErrorResponse::new(401, 14, "not authorised")),
            CaptchaSignal::UnauthorizedBody => return Err(refusal.with("session_id", id.to_string())),
            CaptchaSignal::UnauthorizedHeader => with_token(refusal.into_response(), id),
            CaptchaSignal::MultiStatus => self.grant(StatusCode::MULTI_STATUS, id),
        };
        response.headers_mut().insert("mfa-code", HeaderValue::from(CAPTCHA_CODE));
        Ok(response)
    }

    fn open_session(&mut self, request: &ApiRequest<'_>, index: usize, stage: LoginStage) -> Id {
        let id = self.ids.secret();
        self.sessions.open(request.now.elapsed, id, index, stage);
        id
    }

    /// Returns a response with a session id.
    fn grant(&self, status: StatusCode, id: Id) -> Response<Body> {
        match self.settings.id_place {
            IdPlace::Body => response::json(status, &json!({ "session_id": id })),
            IdPlace::Header => with_token(response::json(status, &json!({ "account_id": self.site.account })), id),
        }
    }
}

fn with_token(mut response: Response<Body>, id: Id) -> Response<Body> {
    if let Ok(value) = HeaderValue::try_from(id.to_string()) {
        response.headers_mut().insert("x-auth-token", value);
    }
    response
}

/// Splits Basic credentials (RFC 7617): UTF-8, and the user id ends at the first colon.
fn basic(encoded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}
