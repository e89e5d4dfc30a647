//! What came back, and what did not.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use super::call::{Call, CallResult, Kind, Request, Role, Status};
use super::{CallId, ExchangeId, Phase, Session};
use crate::endpoint::{Auth, BaseKind, BodyKind, Replay, Spec, Unauthorized};
use crate::error::{LoggedOut, TransportError, TransportErrorKind};
use crate::retry::retry_after;
use crate::time::Timestamp;

impl Session {
    /// Takes the answer to an exchange.
    ///
    /// Then poll its call again, and if [`wakes`](Self::wakes) has grown, every call whose last step was
    /// [`Step::Wait`](crate::Step::Wait).
    pub fn handle_response(&mut self, now: Timestamp, exchange: ExchangeId, response: http::Response<Bytes>) {
        if let Some((leader, spec)) = self.shared(exchange) {
            self.events.exchanged(leader, spec, Ok(response.status()));
            match self.take_phase() {
                Phase::LoggingIn(logging_in) => self.handle_login_response(now, *logging_in, response),
                Phase::Answering(answering) => self.handle_answer_response(now, *answering, response),
                Phase::Active(active) => self.handle_probe_response(active, &response),
                Phase::LoggingOut(logging_out) => self.handle_logout_response(now, *logging_out, response),
                other @ (Phase::LoggedOut(_) | Phase::Challenged(_) | Phase::ApiKey(_)) => self.enter(other),
            }
        } else if let Some(id) = self.calls.in_flight(exchange) {
            self.handle_call_response(now, id, response);
        }
    }

    /// Takes note that an exchange did not come to an end.
    ///
    /// Then poll as after [`handle_response`](Self::handle_response).
    pub fn handle_failure(&mut self, now: Timestamp, exchange: ExchangeId, failure: TransportError) {
        if let Some((leader, spec)) = self.shared(exchange) {
            self.events.exchanged(leader, spec, Err(failure.kind()));
            let timed_out = failure.kind() == TransportErrorKind::TimedOut;
            let failure = match self.calls.get(leader) {
                // A carrier that has run out of its own time went away; the others need not fail with it.
                Some(call) if timed_out && call.deadline <= now => {
                    self.time_out(leader);
                    TransportError::aborted()
                }
                _ => failure,
            };
            self.handle_shared_failure(now, failure);
        } else if let Some(id) = self.calls.in_flight(exchange) {
            self.handle_call_failure(now, id, failure);
        }
    }

    fn shared(&self, exchange: ExchangeId) -> Option<(CallId, &'static Spec)> {
        let shared_exchange =
            self.shared_exchange().filter(|shared_exchange| shared_exchange.exchange == Some(exchange))?;
        Some((shared_exchange.leader, shared_exchange.prepared.spec))
    }

    fn handle_shared_failure(&mut self, now: Timestamp, failure: TransportError) {
        match self.take_phase() {
            Phase::LoggingIn(logging_in) => self.handle_login_failure(now, *logging_in, failure),
            Phase::Answering(answering) => self.handle_answer_failure(*answering, failure.into()),
            Phase::Active(active) => self.handle_probe_failure(active, &failure),
            Phase::LoggingOut(logging_out) => self.handle_logout_failure(now, *logging_out, &failure),
            other @ (Phase::LoggedOut(_) | Phase::Challenged(_) | Phase::ApiKey(_)) => self.enter(other),
        }
    }

    /// What time alone does: a shared exchange that nobody reports counts as lost, a challenge runs out.
    pub(super) fn handle_timeout(&mut self, now: Timestamp) {
        if let Some(shared_exchange) = self.shared_exchange()
            && shared_exchange.deadline <= now
        {
            let (leader, spec) = (shared_exchange.leader, shared_exchange.prepared.spec);
            self.events.exchanged(leader, spec, Err(TransportErrorKind::TimedOut));
            self.handle_shared_failure(now, TransportError::maybe_sent(TransportErrorKind::TimedOut));
        }
        if let Phase::Challenged(challenged) = &self.phase
            && now.saturating_since(challenged.since) >= self.config.lifetime
        {
            let attempt = challenged.attempt.clone();
            self.challenge_ran_out(&attempt);
        }
    }

    /// A caller goes away: what it carried for all counts as lost, and others take over.
    pub(super) fn abandon(&mut self, now: Timestamp, id: CallId) {
        self.wakes += 1;
        if self.shared_exchange().is_some_and(|shared_exchange| shared_exchange.leader == id) {
            self.handle_shared_failure(now, TransportError::aborted());
        }
        if let Phase::Challenged(challenged) = &mut self.phase
            && challenged.asking == Some(id)
        {
            challenged.asking = None;
        }
    }

    fn handle_call_response(&mut self, now: Timestamp, id: CallId, response: http::Response<Bytes>) {
        let Some(Call { kind, status: Status::InFlight { epoch, sent, .. }, identity, .. }) = self.calls.get(id) else {
            return;
        };
        let (epoch, sent, same_identity) = (*epoch, *sent, *identity == self.identity);
        let Kind::Request(request) = kind else {
            return self.run_keepalive_answered(now, id, epoch, sent, &response);
        };
        let spec = request.prepared.spec;
        self.events.exchanged(id, spec, Ok(response.status()));

        if response.status().is_success() {
            self.budget.earn();
            if self.counts_as_use(spec) {
                self.note_success(epoch, sent);
            }
            return self.calls.end(id, Ok(CallResult::Response(response)));
        }
        let may_mean_expiry = response.status() == StatusCode::UNAUTHORIZED
            && spec.auth == Auth::Session
            && spec.unauthorized == Unauthorized::MayMeanExpiry;
        if may_mean_expiry && !matches!(self.phase, Phase::ApiKey(_)) {
            return match same_identity {
                true => self.unauthorized(now, id, epoch, response),
                false => self.calls.end(id, Err(LoggedOut::ByUser.into())),
            };
        }
        if matches!(response.status().as_u16(), 429 | 502 | 503 | 504) {
            return self.maybe_repeat_answered(now, id, response);
        }
        self.calls.end(id, Ok(CallResult::Response(response)));
    }

    /// A 401 that may mean that the session has ended, to a token of this epoch.
    fn unauthorized(&mut self, now: Timestamp, id: CallId, epoch: u64, response: http::Response<Bytes>) {
        let Some(request) = self.request(id) else {
            return;
        };
        let (role, replayed) = (request.role, request.replayed);
        let todays = matches!(self.phase, Phase::Active(_)) && epoch == self.epoch;
        if todays && (role == Role::KeepAlive || self.is_past_its_life(now)) {
            self.become_expired();
        } else if todays && !replayed {
            return self.set_status(id, Status::Held { response, epoch });
        }
        match replayed {
            true => self.calls.end(id, Ok(CallResult::Response(response))),
            false => self.send_again_after_401(id),
        }
    }

    /// The one repetition that a call has after a 401.
    pub(super) fn send_again_after_401(&mut self, id: CallId) {
        if let Some(Call { kind: Kind::Request(request), status, .. }) = self.calls.get_mut(id) {
            request.replayed = true;
            *status = Status::Waiting;
        }
    }

    fn handle_call_failure(&mut self, now: Timestamp, id: CallId, failure: TransportError) {
        let Some(call) = self.calls.get(id) else {
            return;
        };
        let Kind::Request(request) = &call.kind else {
            self.events.exchanged(id, &crate::api::KEEP_ALIVE, Err(failure.kind()));
            return self.run_keepalive_failed(now, id);
        };
        let spec = request.prepared.spec;
        // A sink may have taken part of a stream: only the task that owns the sink can go on from there.
        let safe = request.replay() == Replay::Safe && spec.body_kind != BodyKind::Stream;
        let worthwhile = failure.kind().is_transient() && failure.kind() != TransportErrorKind::Aborted;
        let repeat = worthwhile && (safe || !failure.may_have_been_sent()) && self.may_repeat(id);
        self.events.exchanged(id, spec, Err(failure.kind()));
        match repeat {
            true => self.repeat_later(now, id, None, failure.may_have_been_sent()),
            false => self.calls.end(id, Err(failure.into())),
        }
    }

    /// 429 was not carried out, whatever the operation; a gateway's 50x may have been.
    fn maybe_repeat_answered(&mut self, now: Timestamp, id: CallId, response: http::Response<Bytes>) {
        let asked = retry_after(response.headers());
        let patient = asked.is_none_or(|wait| wait <= self.config.max_retry_after);
        let maybe_executed = response.status() != StatusCode::TOO_MANY_REQUESTS;
        let safe = !maybe_executed || self.request(id).is_some_and(|request| request.replay() == Replay::Safe);
        match patient && safe && self.may_repeat(id) {
            true => self.repeat_later(now, id, asked, maybe_executed),
            false => self.calls.end(id, Ok(CallResult::Response(response))),
        }
    }

    fn may_repeat(&mut self, id: CallId) -> bool {
        let most = self.config.attempts;
        let left = self.request(id).is_some_and(|request| request.attempts < request.options.attempts.unwrap_or(most));
        left && self.budget.spend()
    }

    fn repeat_later(&mut self, now: Timestamp, id: CallId, asked: Option<Duration>, maybe_executed: bool) {
        let attempts = self.request(id).map_or(1, |request| request.attempts);
        let jitter = self.rng.backoff(attempts, Duration::from_secs(20));
        let until = now.saturating_add(asked.unwrap_or_default().max(jitter));
        if let Some(Call { kind: Kind::Request(request), status, .. }) = self.calls.get_mut(id) {
            request.maybe_executed |= maybe_executed;
            *status = Status::Backoff { until };
        }
    }

    fn request(&self, id: CallId) -> Option<&Request> {
        match &self.calls.get(id)?.kind {
            Kind::Request(request) => Some(request),
            Kind::Login | Kind::Answer | Kind::Logout | Kind::RunKeepAlive(_) => None,
        }
    }

    pub(super) fn set_status(&mut self, id: CallId, status: Status) {
        if let Some(call) = self.calls.get_mut(id) {
            call.status = status;
        }
    }

    /// Whether an answer from there shows that the server has reset the idle clock.
    pub(super) fn counts_as_use(&self, spec: &Spec) -> bool {
        let transfer = spec.base == BaseKind::Files || spec.body_kind == BodyKind::Stream;
        spec.auth == Auth::Session && (!transfer || self.config.compat.transfers_count_as_use)
    }
}
