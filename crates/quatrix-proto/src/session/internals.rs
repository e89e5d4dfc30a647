//! For the project's own tools: what a session is, as far as it can make a difference from here on.
//!
//! Two sessions with the same fingerprint do the same for whatever happens next. So a search through all that can
//! happen sees each of them once, and comes to an end: ids are places in lists of the tool's, times are relative and
//! end where they stop to matter, an epoch or identity is today's or not, a secret is what the tool calls it, an answer
//! is its status. Every struct is taken apart without `..`: a new field does not compile before somebody has decided
//! what it means here.

use std::time::Duration;

use http::StatusCode;

use super::active::{Active, MAX_REST};
use super::answer::{AnswerStep, Answering, Challenged};
use super::call::{Call, CallResult, Kind, Request, Role, RunKeepAlive, Status};
use super::login::{Attempt, LoggingIn};
use super::logout::{Awaiting, LoggingOut};
use super::{CallId, CallOptions, ExchangeId, Login, Outcome, Phase, Session, SharedExchange};
use crate::challenge::{Answer, Challenge};
use crate::config::Config;
use crate::endpoint::Replay;
use crate::error::{Error, LoggedOut};
use crate::retry::{Rng, max_backoff};
use crate::time::Timestamp;

/// What the tool calls the things in a session.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    /// Calls by their place in here; any other is one that has gone.
    pub calls: &'a [CallId],
    /// Exchanges, likewise.
    pub exchanges: &'a [ExchangeId],
    /// Users, tokens and answers by number.
    pub secret: &'a dyn Fn(&str) -> u8,
}

/// What a session may do, in numbers.
#[derive(Clone, Copy)]
#[allow(missing_docs, reason = "they are those of the config")]
pub struct Limits {
    pub lifetime: Duration,
    pub exchange_timeout: Duration,
    pub attempts: u8,
    pub max_retry_after: Duration,
    pub keep_credentials: bool,
}

/// How one call differs from the rest.
#[derive(Clone, Copy)]
#[allow(missing_docs, reason = "they are those of the options")]
pub struct KnownOptions {
    pub deadline: Option<Duration>,
    pub attempts: u8,
    pub replay: Option<Replay>,
}

impl Config {
    /// The numbers in it.
    pub fn limits(&self) -> Limits {
        let &Self { lifetime, exchange_timeout, attempts, max_retry_after, keep_credentials, .. } = self;
        Limits { lifetime, exchange_timeout, attempts, max_retry_after, keep_credentials }
    }
}

impl Outcome {
    /// What it says of whether the call's own request may have been executed; `None` after a success.
    pub fn may_have_been_executed(&self) -> Option<bool> {
        match &self.0 {
            Ok(CallResult::Response(response)) if !response.status().is_success() => {
                Some(Error::from_answer("", response).may_have_been_executed())
            }
            Ok(_) => None,
            Err(error) => Some(error.may_have_been_executed()),
        }
    }
}

impl CallOptions {
    /// What they come to with this config.
    pub fn known(&self, config: &Config) -> KnownOptions {
        let attempts = self.attempts.unwrap_or(config.attempts);
        KnownOptions { deadline: self.deadline, attempts, replay: self.replay }
    }
}

impl Session {
    /// Appends the fingerprint.
    ///
    /// The budget of repetitions and the generator of jitter are not in it: a tool that looks at every state keeps the
    /// first from running out, and calls [`Session::without_jitter`] before each step.
    pub fn fingerprint(&self, now: Timestamp, names: Names<'_>, out: &mut Vec<u8>) {
        let Self {
            config,
            phase,
            kept,
            user,
            calls,
            epoch,
            identity,
            serial: _,
            wakes: _,
            takeovers,
            budget: _,
            rng: _,
            events: _,
        } = self;
        let mut scribe = Scribe { now, names, config, epoch: *epoch, identity: *identity, out };
        scribe.phase(phase);
        scribe.optional(kept.as_ref(), |scribe, kept| scribe.secret(kept.user()));
        scribe.optional(user.as_ref(), |scribe, user| scribe.secret(user));
        scribe.byte(*takeovers);
        for id in names.calls {
            scribe.optional(calls.get(*id), Scribe::one_call);
        }
    }

    /// Makes every jitter the same.
    pub fn without_jitter(&mut self) {
        self.rng = Rng::new(0);
    }

    /// Whether nothing is stored for any caller.
    pub fn is_idle(&self) -> bool {
        self.calls.iter().next().is_none() && self.shared_exchange().is_none()
    }
}

struct Scribe<'a> {
    now: Timestamp,
    names: Names<'a>,
    config: &'a Config,
    epoch: u64,
    identity: u64,
    out: &'a mut Vec<u8>,
}

impl Scribe<'_> {
    fn byte(&mut self, byte: u8) {
        self.out.push(byte);
    }

    fn flag(&mut self, flag: bool) {
        self.byte(flag.into());
    }

    fn number(&mut self, number: u64) {
        self.out.extend_from_slice(&number.to_le_bytes());
    }

    fn name(&mut self, name: &'static str) {
        self.out.extend_from_slice(name.as_bytes());
        self.byte(0);
    }

    fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.flag(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    fn secret(&mut self, text: &str) {
        let name = (self.names.secret)(text);
        self.byte(name);
    }

    fn call(&mut self, id: CallId) {
        let place = self.names.calls.iter().position(|known| *known == id);
        self.byte(place.map_or(u8::MAX, |place| place as u8));
    }

    fn exchange(&mut self, id: ExchangeId) {
        let place = self.names.exchanges.iter().position(|known| *known == id);
        self.byte(place.map_or(u8::MAX, |place| place as u8));
    }

    fn ahead(&mut self, moment: Timestamp) {
        let ahead = moment.saturating_since(self.now).as_micros() as u64;
        self.number(if moment == Timestamp::MAX { u64::MAX } else { ahead });
    }

    /// Nothing that is past depends on more than whether the lifetime or a keepalive interval with jitter is over.
    fn ago(&mut self, moment: Timestamp) {
        let enough = self.config.lifetime.max(self.config.keepalive_interval * 2);
        self.number(self.now.saturating_since(moment).min(enough).as_micros() as u64);
    }

    fn phase(&mut self, phase: &Phase) {
        match phase {
            Phase::LoggedOut(why) => {
                self.byte(0);
                self.logged_out(why);
            }
            Phase::LoggingIn(logging_in) => {
                let LoggingIn { attempt, shared_exchange } = &**logging_in;
                self.byte(1);
                self.attempt(attempt);
                self.shared_exchange(shared_exchange);
            }
            Phase::Challenged(challenged) => {
                self.byte(2);
                self.challenged(challenged);
            }
            Phase::Answering(answering) => {
                let Answering { challenged, step, asked, shared_exchange } = &**answering;
                self.byte(3);
                self.challenged(challenged);
                match step {
                    AnswerStep::Code(answer) => self.answer(answer),
                    AnswerStep::Captcha { token, other } => {
                        self.secret(token.expose());
                        self.flag(other.is_some());
                    }
                    AnswerStep::Check => self.byte(u8::MAX),
                }
                self.flag(*asked);
                self.shared_exchange(shared_exchange);
            }
            Phase::Active(Active { token, confirmed, used, probe }) => {
                self.byte(4);
                self.secret(token.expose());
                self.flag(*confirmed);
                self.ago(*used);
                self.optional(probe.as_deref(), Self::shared_exchange);
            }
            Phase::LoggingOut(logging_out) => {
                let LoggingOut { awaiting, shared_exchange } = &**logging_out;
                self.byte(5);
                match awaiting {
                    Awaiting::Login => self.byte(0),
                    Awaiting::Code(token) => {
                        self.byte(1);
                        self.secret(token.expose());
                    }
                    Awaiting::Captcha(token) => {
                        self.byte(2);
                        self.secret(token.expose());
                    }
                    Awaiting::Logout(token) => {
                        self.byte(3);
                        self.secret(token.expose());
                    }
                }
                self.shared_exchange(shared_exchange);
            }
            Phase::ApiKey(_) => self.byte(6),
        }
    }

    fn shared_exchange(&mut self, shared_exchange: &SharedExchange) {
        let SharedExchange { prepared, leader, exchange, sent, deadline } = shared_exchange;
        self.name(prepared.spec.name);
        self.flag(prepared.spec.method() == http::Method::GET);
        self.call(*leader);
        self.optional(*exchange, Self::exchange);
        self.ago(*sent);
        self.ahead(*deadline);
    }

    fn attempt(&mut self, attempt: &Attempt) {
        let Attempt { credentials, command, answer, again, keep, unsent, asked } = attempt;
        self.optional(credentials.as_ref(), |scribe, credentials| scribe.secret(credentials.user()));
        self.optional(*command, Self::call);
        self.optional(*answer, Self::call);
        [*again, *keep, *unsent].into_iter().for_each(|flag| self.flag(flag));
        self.byte(*asked);
    }

    fn challenged(&mut self, challenged: &Challenged) {
        let Challenged { partial, challenge, since, attempt, after_captcha, asking, declined, refusal } = challenged;
        self.secret(partial.expose());
        self.challenge(challenge);
        self.ago(*since);
        self.attempt(attempt);
        self.optional(after_captcha.as_ref(), Self::challenge);
        self.optional(*asking, Self::call);
        self.flag(*declined);
        self.optional(refusal.as_ref(), |scribe, (answer, error)| {
            scribe.answer(answer);
            scribe.status(error.status());
        });
    }

    fn challenge(&mut self, challenge: &Challenge) {
        match challenge {
            Challenge::SecondFactor { factor, refused } => {
                // A code is far from both ends.
                self.number(factor.mfa_code().map_or(u64::MAX - 1, i64::unsigned_abs));
                self.byte(*refused);
            }
            Challenge::Captcha { refused } => {
                self.number(u64::MAX);
                self.byte(*refused);
            }
        }
    }

    fn answer(&mut self, answer: &Answer) {
        match answer {
            Answer::Code { factor, code } => {
                self.byte(0);
                self.name(factor.auth_type());
                self.secret(code.expose());
            }
            Answer::Captcha(token) => {
                self.byte(2);
                self.secret(token.expose());
            }
        }
    }

    fn one_call(&mut self, call: &Call) {
        let Call { kind, status, identity, deadline, login_failed_meanwhile } = call;
        self.flag(*identity == self.identity);
        self.flag(*login_failed_meanwhile);
        self.ahead(*deadline);
        match kind {
            Kind::Request(Request { prepared, options, role, attempts, replayed, keepalive_sent, maybe_executed }) => {
                self.byte(0);
                self.name(prepared.spec.name);
                self.byte(options.attempts.unwrap_or(self.config.attempts));
                [*role == Role::KeepAlive, *replayed, *keepalive_sent, *maybe_executed]
                    .into_iter()
                    .for_each(|flag| self.flag(flag));
                self.byte(*attempts);
            }
            Kind::Login => self.byte(1),
            Kind::Answer => self.byte(2),
            Kind::Logout => self.byte(3),
            Kind::RunKeepAlive(RunKeepAlive { interval, not_before, failures }) => {
                self.byte(4);
                self.number(interval.as_micros() as u64);
                self.ahead(*not_before);
                let longest = self.config.keepalive_interval.min(MAX_REST);
                self.number(max_backoff(*failures, longest).as_micros() as u64);
            }
        }
        match status {
            Status::Waiting => self.byte(0),
            Status::InFlight { exchange, epoch, sent } => {
                self.byte(1);
                self.exchange(*exchange);
                self.flag(*epoch == self.epoch);
                self.ago(*sent);
            }
            Status::Held { response, epoch } => {
                self.byte(2);
                self.status(response.status());
                self.flag(*epoch == self.epoch);
            }
            Status::Backoff { until } => {
                self.byte(3);
                self.ahead(*until);
            }
            Status::Done(Ok(answered)) => {
                self.byte(4);
                self.answered(answered);
            }
            Status::Done(Err(error)) => {
                self.byte(5);
                self.error(error);
            }
        }
    }

    fn answered(&mut self, answered: &CallResult) {
        match answered {
            CallResult::Response(response) => self.status(response.status()),
            CallResult::Login(Login::Active) => self.byte(1),
            CallResult::Login(Login::Challenged(challenge)) => {
                self.byte(2);
                self.challenge(challenge);
            }
            CallResult::Logout(logout) => self.flag(logout.confirmed),
        }
    }

    fn status(&mut self, status: StatusCode) {
        self.out.extend_from_slice(&status.as_u16().to_le_bytes());
    }

    fn logged_out(&mut self, why: &LoggedOut) {
        match why {
            LoggedOut::Never => self.byte(0),
            LoggedOut::ByUser => self.byte(1),
            LoggedOut::Expired => self.byte(2),
            LoggedOut::Refused(error) => {
                self.byte(3);
                self.status(error.status());
            }
            LoggedOut::Failed(error) => {
                self.byte(4);
                self.error(error);
            }
        }
    }

    /// Errors are told apart as far as a caller may treat them differently.
    fn error(&mut self, error: &Error) {
        match error {
            Error::Api(error) => {
                self.byte(0);
                self.status(error.status());
                self.number(error.code().map_or(0, |code| code.0.unsigned_abs()));
            }
            Error::Challenged(challenge) => {
                self.byte(1);
                self.challenge(challenge);
            }
            Error::LoggedOut(why) => {
                self.byte(2);
                self.logged_out(why);
            }
            Error::Transport(failure) => {
                self.byte(3);
                self.byte(failure.kind() as u8);
                self.flag(failure.may_have_been_sent());
            }
            Error::InvalidResponse(invalid_response) => {
                self.byte(4);
                self.status(invalid_response.status());
            }
            Error::Invalid(_) | Error::Transfer(_) => self.byte(5),
            Error::Misuse(misuse) => {
                self.byte(6);
                self.byte(*misuse as u8);
            }
            Error::Cancelled => self.byte(7),
            Error::AfterAttempt(error) => {
                self.byte(8);
                self.error(error);
            }
        }
    }
}
