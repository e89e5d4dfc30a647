//! Between the password and the session: second factors and captchas.

use bytes::Bytes;
use http::StatusCode;

use super::call::{CallResult, Kind};
use super::login::Attempt;
use super::poll::Step;
use super::{CallId, Event, Login, Phase, Session, SharedExchange};
use crate::api::{CaptchaMethod, GetProfile, SecondFactor, UnblockCaptcha, mfa_code};
use crate::challenge::{Answer, Challenge, Declined, Factor};
use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::error::{ApiError, Error, ErrorCode, Invalid, LoggedOut, Misuse};
use crate::secret::{CaptchaToken, SessionId};
use crate::time::Timestamp;

/// The server waits for an answer.
#[cfg_attr(feature = "_internals", derive(Clone))]
pub(super) struct Challenged {
    pub(super) partial: SessionId,
    pub(super) challenge: Challenge,
    pub(super) since: Timestamp,
    pub(super) attempt: Attempt,
    /// The second factor that a captcha came in between of.
    pub(super) after_captcha: Option<Challenge>,
    /// Whose driver has been asked and has not answered yet.
    pub(super) asking: Option<CallId>,
    /// The driver has no answer: nobody waits for it any more.
    pub(super) declined: bool,
    /// The driver's first answer, and what the server had against it.
    pub(super) refusal: Option<(Answer, Box<ApiError>)>,
}

/// An answer is on its way.
#[cfg_attr(feature = "_internals", derive(Clone))]
pub(super) struct Answering {
    pub(super) challenged: Box<Challenged>,
    pub(super) step: AnswerStep,
    /// It came from the driver, not from a command.
    pub(super) asked: bool,
    pub(super) shared_exchange: SharedExchange,
}

#[cfg_attr(feature = "_internals", derive(Clone))]
pub(super) enum AnswerStep {
    Code(Answer),
    /// `other`: the form that is left if the server does not know this one (Q7).
    Captcha {
        token: CaptchaToken,
        other: Option<CaptchaMethod>,
    },
    /// The captcha was right; whether that logged us in is asked here (Q8).
    Check,
}

impl Challenged {
    pub(super) fn new(now: Timestamp, partial: SessionId, challenge: Challenge, attempt: Attempt) -> Self {
        Self {
            partial,
            challenge,
            since: now,
            attempt,
            after_captcha: None,
            asking: None,
            declined: false,
            refusal: None,
        }
    }

    /// Whether the driver is asked: not for ever, whatever a server comes up with.
    fn asks(&self, config: &Config) -> bool {
        /// A captcha and two factors, with a second try each.
        const MAX_ANSWERS: u8 = 6;

        config.ask && !self.declined && self.attempt.asked < MAX_ANSWERS
    }
}

impl Session {
    /// Enters the state, and serves those who wait for a session.
    pub(super) fn challenged(&mut self, mut challenged: Challenged) {
        let challenge = challenged.challenge;
        self.events.push(|| Event::Challenged(challenge));
        let login = CallResult::Login(Login::Challenged(challenge));
        if let Some(answer) = challenged.attempt.answer.take() {
            self.calls.end(answer, Ok(login.clone()));
        }
        let asks = challenged.asks(&self.config);
        if !asks && let Some(command) = challenged.attempt.command.take() {
            self.calls.end(command, Ok(login));
        }
        self.enter(Phase::Challenged(Box::new(challenged)));
        if !asks {
            self.fail_waiting(&Error::Challenged(challenge));
        }
    }

    /// A call that finds a challenge.
    pub(super) fn ask(&mut self, now: Timestamp, id: CallId) -> Step {
        let (Phase::Challenged(challenged), Some(call)) = (&mut self.phase, self.calls.get(id)) else {
            return Step::Wait(now);
        };
        let until = challenged.since.saturating_add(self.config.lifetime).min(call.deadline);
        if matches!(call.kind, Kind::RunKeepAlive(_)) {
            return Step::Wait(until);
        }
        if !challenged.asks(&self.config) {
            let challenge = challenged.challenge;
            return self.end_now(id, Error::Challenged(challenge));
        }
        match *challenged.asking.get_or_insert(id) {
            asking if asking == id => Step::Ask(challenged.challenge),
            _ => Step::Wait(until),
        }
    }

    pub(super) fn handle_driver_answer(&mut self, now: Timestamp, id: CallId, answer: Result<Answer, Declined>) {
        let Phase::Challenged(challenged) = &mut self.phase else {
            return;
        };
        if challenged.asking != Some(id) {
            return;
        }
        challenged.asking = None;
        self.wakes += 1;
        let answer = answer.ok().filter(|answer| challenged.challenge.takes(answer));
        match (answer, &challenged.refusal) {
            // The same once more would only be refused once more.
            (Some(answer), Some((refused, error))) if refused.same_text(&answer) => {
                let (error, attempt) = (error.clone(), challenged.attempt.clone());
                self.become_refused(&attempt, error);
            }
            (Some(answer), _) => {
                if let Err(error) = self.start_answer(now, answer, id, None) {
                    self.calls.end(id, Err(error));
                }
            }
            (None, _) => {
                challenged.declined = true;
                if let Phase::Challenged(challenged) = self.take_phase() {
                    self.challenged(*challenged);
                }
            }
        }
    }

    /// Without a command the answer comes from the driver.
    pub(super) fn start_answer(
        &mut self,
        now: Timestamp,
        answer: Answer,
        leader: CallId,
        command: Option<CallId>,
    ) -> Result<(), Error> {
        match &self.phase {
            Phase::Challenged(challenged) if challenged.challenge.takes(&answer) => {}
            Phase::ApiKey(_) => return Err(Misuse::NotWithApiKey.into()),
            Phase::LoggingOut(_) => return Err(Misuse::LoggingOut.into()),
            _ => return Err(Misuse::NothingToAnswer.into()),
        }
        let compat = &self.config.compat;
        let (step, shared_exchange) = match answer {
            Answer::Captcha(token) => {
                let shared_exchange = self.captcha_exchange_led_by(now, leader, &token, compat.captcha_form.first())?;
                (AnswerStep::Captcha { token, other: compat.captcha_form.other() }, shared_exchange)
            }
            Answer::Code { factor, code } => {
                let second_factor = SecondFactor::new(factor, code).encoding(compat.code_encoding);
                let shared_exchange = self.shared_exchange_led_by(now, leader, &second_factor)?;
                (AnswerStep::Code(Answer::Code { factor, code: second_factor.code }), shared_exchange)
            }
        };
        if let Phase::Challenged(mut challenged) = self.take_phase() {
            challenged.attempt.asked += u8::from(command.is_none());
            challenged.attempt.answer = command;
            challenged.asking = None;
            self.enter(Phase::Answering(Box::new(Answering {
                challenged,
                step,
                asked: command.is_none(),
                shared_exchange,
            })));
        }
        Ok(())
    }

    fn captcha_exchange_led_by(
        &self,
        now: Timestamp,
        leader: CallId,
        token: &CaptchaToken,
        method: CaptchaMethod,
    ) -> Result<SharedExchange, Invalid> {
        self.shared_exchange_led_by(now, leader, &UnblockCaptcha::new(token.clone()).method(method))
    }

    pub(super) fn handle_answer_response(
        &mut self,
        now: Timestamp,
        answering: Answering,
        response: http::Response<Bytes>,
    ) {
        match &answering.step {
            AnswerStep::Code(_) => self.handle_code_response(now, answering, response),
            AnswerStep::Captcha { .. } => self.handle_captcha_response(now, answering, response),
            AnswerStep::Check => self.handle_check_response(now, answering, &response),
        }
    }

    fn handle_code_response(&mut self, now: Timestamp, answering: Answering, response: http::Response<Bytes>) {
        if response.status().is_success() {
            let granted = match SecondFactor::decode(response) {
                Ok(granted) => granted,
                Err(error) => return self.handle_answer_failure(answering, error),
            };
            let Challenged { partial, attempt, .. } = *answering.challenged;
            let token = granted.session_id.unwrap_or(partial);
            return match granted.second_factor {
                None => self.become_active(attempt, token, answering.shared_exchange.sent),
                Some(factor) => {
                    let challenge = self.challenge_of(factor);
                    self.challenged(Challenged::new(now, token, challenge, attempt));
                }
            };
        }
        if response.status() != StatusCode::UNAUTHORIZED {
            let error = Error::from_answer(answering.shared_exchange.prepared.spec.name, &response);
            return self.handle_answer_failure(answering, error);
        }
        let error = ApiError::read(answering.shared_exchange.prepared.spec.name, &response);
        if error.code() == Some(ErrorCode::EXPIRED) {
            return self.challenge_ran_out(&answering.challenged.attempt);
        }
        let is_captcha = |code| self.config.compat.is_captcha(code);
        if is_captcha(mfa_code(&response)) || is_captcha(error.code().map(|code| code.0)) {
            let Challenged { partial, attempt, challenge, .. } = *answering.challenged;
            let captcha = Challenged::new(now, partial, Challenge::Captcha { refused: 0 }, attempt);
            return self.challenged(Challenged { after_captcha: Some(challenge), ..captcha });
        }
        self.answer_refused(now, answering, error);
    }

    fn handle_captcha_response(&mut self, now: Timestamp, mut answering: Answering, response: http::Response<Bytes>) {
        let unknown = matches!(response.status(), StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED);
        if unknown
            && let AnswerStep::Captcha { token, other } = &mut answering.step
            && let Some(method) = other.take()
        {
            return match self.captcha_exchange_led_by(now, answering.shared_exchange.leader, token, method) {
                Ok(shared_exchange) => {
                    self.enter(Phase::Answering(Box::new(Answering { shared_exchange, ..answering })))
                }
                Err(invalid) => self.handle_answer_failure(answering, invalid.into()),
            };
        }
        let error = ApiError::read(answering.shared_exchange.prepared.spec.name, &response);
        match UnblockCaptcha::decode(response) {
            Ok(answer) if answer.valid => self.captcha_passed(now, answering),
            Ok(_) => self.answer_refused(now, answering, error),
            Err(error) => self.handle_answer_failure(answering, error),
        }
    }

    fn captcha_passed(&mut self, now: Timestamp, answering: Answering) {
        let second_factor = match answering.challenged.challenge {
            challenge @ Challenge::SecondFactor { .. } => Some(challenge),
            Challenge::Captcha { .. } => answering.challenged.after_captcha,
        };
        if let Some(challenge) = second_factor {
            let Challenged { partial, attempt, .. } = *answering.challenged;
            return self.challenged(Challenged::new(now, partial, challenge, attempt));
        }
        match self.shared_exchange_led_by(now, answering.shared_exchange.leader, &GetProfile) {
            Ok(shared_exchange) => {
                let check = Answering { step: AnswerStep::Check, shared_exchange, ..answering };
                self.enter(Phase::Answering(Box::new(check)));
            }
            Err(invalid) => self.handle_answer_failure(answering, invalid.into()),
        }
    }

    /// Not logged in by the captcha: the login itself goes once more, as part of the same command.
    fn handle_check_response(&mut self, now: Timestamp, answering: Answering, response: &http::Response<Bytes>) {
        let Answering { challenged, shared_exchange, .. } = answering;
        let Challenged { partial, attempt, .. } = *challenged;
        if response.status().is_success() {
            return self.become_active(attempt, partial, shared_exchange.sent);
        }
        if attempt.credentials.is_none() {
            return self.challenge_ran_out(&attempt);
        }
        if let Err(invalid) = self.start_login(now, attempt.clone(), shared_exchange.leader) {
            self.login_came_to_nothing(&attempt, invalid.into());
        }
    }

    fn answer_refused(&mut self, now: Timestamp, answering: Answering, error: ApiError) {
        let Answering { challenged, step, asked, .. } = answering;
        let mut challenged = *challenged;
        let error = Box::new(error);
        if asked {
            let answer = match step {
                AnswerStep::Code(answer) => answer,
                AnswerStep::Captcha { token, .. } => Answer::Captcha(token),
                AnswerStep::Check => return self.become_refused(&challenged.attempt, error),
            };
            if challenged.refusal.is_some() {
                return self.become_refused(&challenged.attempt, error);
            }
            challenged.refusal = Some((answer, error));
        }
        challenged.challenge = challenged.challenge.refused_once_more();
        challenged.since = now;
        self.challenged(challenged);
    }

    /// The challenge stands as it was; whoever answered is told, and the answer is not sent again.
    pub(super) fn handle_answer_failure(&mut self, answering: Answering, error: Error) {
        let Answering { mut challenged, asked, shared_exchange, .. } = answering;
        let command = challenged.attempt.command;
        let (teller, error) = match asked {
            // The request of a call that was asked has not left: only the answer has.
            true if command != Some(shared_exchange.leader) => {
                (Some(shared_exchange.leader), LoggedOut::Failed(error.into()).into())
            }
            true => (command, error),
            false => (challenged.attempt.answer.take(), error),
        };
        self.enter(Phase::Challenged(challenged));
        if let Some(teller) = teller {
            self.calls.end(teller, Err(error));
        }
    }

    /// Whoever waited for the answer is told: a login by itself would only lead to the next challenge.
    pub(super) fn challenge_ran_out(&mut self, attempt: &Attempt) {
        self.become_logged_out(LoggedOut::Expired);
        self.end_command(attempt, Err(LoggedOut::Expired.into()));
        self.fail_waiting(&LoggedOut::Expired.into());
    }

    pub(super) fn challenge_of(&self, factor: Factor) -> Challenge {
        match factor {
            Factor::Other(code) if self.config.compat.is_captcha(Some(code)) => Challenge::Captcha { refused: 0 },
            factor => Challenge::SecondFactor { factor, refused: 0 },
        }
    }
}
