//! The session operations: logging in, the second factor, the captcha, keeping alive, logging out.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Response, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::accounts::SecondFactor;
use crate::body::Body;
use crate::call::Call;
use crate::gate::Caller;
use crate::ids::Id;
use crate::reply::{self, CAPTCHA_CODE, Problem};
use crate::server::Server;
use crate::sessions::Stage;
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
    pub(crate) fn log_in(&mut self, call: &Call<'_>) -> Result<Response<Body>, Problem> {
        let refused = || Problem::new(401, 14, "not authorised");
        let (user, password) = call.authorization("Basic").and_then(basic).ok_or_else(refused)?;
        let index = self.people.iter().position(|person| person.account.is(&user)).ok_or_else(refused)?;
        let person = &mut self.people[index];
        if person.account.password != password {
            person.refusals += 1;
            if self.settings.captcha_after.is_some_and(|limit| person.refusals >= limit) {
                person.captcha_due = true;
            }
            return Err(refused());
        }
        person.refusals = 0;
        if person.captcha_due {
            return self.ask_for_captcha(call, index);
        }
        let (stage, status, mfa_code) = match person.account.second_factor {
            None => (Stage::LoggedIn, StatusCode::OK, None),
            Some(SecondFactor::Totp(_)) => (Stage::SecondFactor, StatusCode::MULTI_STATUS, self.settings.totp_mfa_code),
            Some(SecondFactor::Pin(_)) => (Stage::SecondFactor, StatusCode::MULTI_STATUS, self.settings.pin_mfa_code),
        };
        let id = self.open_session(call, index, stage);
        let mut response = self.grant(status, id);
        if let Some(code) = mfa_code {
            response.headers_mut().insert("mfa-code", HeaderValue::from(code));
        }
        Ok(response)
    }

    pub(crate) fn answer_second_factor(
        &mut self,
        caller: &Caller,
        call: &mut Call<'_>,
    ) -> Result<Response<Body>, Problem> {
        let Some(session) = caller.session else { return Err(self.gone()) };
        let body: SecondFactorBody = call.json()?;
        match caller.stage {
            Stage::SecondFactor => {}
            Stage::Captcha => return Err(Problem::no_captcha()),
            Stage::LoggedIn => return Err(Problem::new(401, 70, "not allowed: this session waits for no code")),
        }
        if !self.is_right(call, caller.person, &body) {
            return Err(match body.auth_type {
                AuthType::Totp => Problem::new(401, 83, "wrong authentication code"),
                AuthType::Pin => Problem::new(401, 84, "wrong PIN"),
            });
        }
        self.sessions.set_stage(session, Stage::LoggedIn);
        Ok(match self.settings.second_factor_id {
            SecondFactorId::Kept => self.grant(StatusCode::OK, session),
            SecondFactorId::Rotated => {
                self.sessions.close(session);
                let id = self.open_session(call, caller.person, Stage::LoggedIn);
                self.grant(StatusCode::OK, id)
            }
            SecondFactorId::Omitted => reply::ok(&json!({})),
        })
    }

    /// Whether the code is the account's, now. A time-based one may be a step early or late.
    fn is_right(&mut self, call: &Call<'_>, index: usize, body: &SecondFactorBody) -> bool {
        let decoded = match self.settings.code_encoding {
            CodeEncoding::Plain => Some(body.code.clone()),
            CodeEncoding::Base64 => STANDARD.decode(&body.code).ok().and_then(|bytes| String::from_utf8(bytes).ok()),
        };
        let Some(code) = decoded else { return false };
        let person = &mut self.people[index];
        match (&person.account.second_factor, body.auth_type) {
            (Some(SecondFactor::Pin(pin)), AuthType::Pin) => *pin == code,
            (Some(SecondFactor::Totp(secret)), AuthType::Totp) => {
                let current = totp::step(call.now.of_authenticators());
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

    pub(crate) fn unblock_captcha(&mut self, caller: &Caller, call: &mut Call<'_>) -> Result<Response<Body>, Problem> {
        let Some(session) = caller.session else { return Err(self.gone()) };
        let token = if call.head.method == "GET" {
            call.query("token")?.ok_or_else(|| Problem::missing("token"))?
        } else {
            call.json::<CaptchaBody>()?.token
        };
        if token != self.captcha_token {
            return Ok(reply::json(StatusCode::UNAUTHORIZED, &json!({ "valid": false })));
        }
        if caller.stage == Stage::Captcha {
            let person = &mut self.people[caller.person];
            person.captcha_due = false;
            match person.account.second_factor {
                _ if !self.settings.captcha_logs_in => self.sessions.close(session),
                Some(_) => self.sessions.set_stage(session, Stage::SecondFactor),
                None => self.sessions.set_stage(session, Stage::LoggedIn),
            }
        }
        Ok(reply::ok(&json!({ "valid": true })))
    }

    pub(crate) fn log_out(&mut self, caller: &Caller) -> Result<Response<Body>, Problem> {
        self.sessions.close(caller.session.ok_or_else(|| self.gone())?);
        Ok(reply::empty())
    }

    fn ask_for_captcha(&mut self, call: &Call<'_>, index: usize) -> Result<Response<Body>, Problem> {
        let refusal = Problem::no_captcha();
        let id = self.open_session(call, index, Stage::Captcha);
        let mut response = match self.settings.captcha_signal {
            CaptchaSignal::Silent => return Err(Problem::new(401, 14, "not authorised")),
            CaptchaSignal::UnauthorizedBody => return Err(refusal.with("session_id", id.to_string())),
            CaptchaSignal::UnauthorizedHeader => with_token(refusal.into_response(), id),
            CaptchaSignal::MultiStatus => self.grant(StatusCode::MULTI_STATUS, id),
        };
        response.headers_mut().insert("mfa-code", HeaderValue::from(CAPTCHA_CODE));
        Ok(response)
    }

    fn open_session(&mut self, call: &Call<'_>, index: usize, stage: Stage) -> Id {
        let id = self.ids.secret();
        self.sessions.open(call.now.elapsed, id, index, stage);
        id
    }

    /// An answer that hands a session id to the client.
    fn grant(&self, status: StatusCode, id: Id) -> Response<Body> {
        match self.settings.id_place {
            IdPlace::Body => reply::json(status, &json!({ "session_id": id })),
            IdPlace::Header => with_token(reply::json(status, &json!({ "account_id": self.site.account })), id),
        }
    }
}

fn with_token(mut response: Response<Body>, id: Id) -> Response<Body> {
    if let Ok(value) = HeaderValue::try_from(id.to_string()) {
        response.headers_mut().insert("x-auth-token", value);
    }
    response
}

/// Takes Basic credentials apart (RFC 7617): UTF-8, and the user id ends at the first colon.
fn basic(encoded: &str) -> Option<(String, String)> {
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (user, password) = text.split_once(':')?;
    Some((user.to_owned(), password.to_owned()))
}
