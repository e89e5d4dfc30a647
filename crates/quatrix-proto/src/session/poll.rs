//! What a caller does next.

use std::fmt;
use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use super::call::{Call, CallResult, Kind, Request, Role, Status};
use super::{CallId, Event, ExchangeId, Outcome, Phase, Session, SharedExchange};
use crate::challenge::Challenge;
use crate::config::Config;
use crate::content_range::Wanted;
use crate::endpoint::{BodyKind, Endpoint as _, Prepared, Spec, X_AUTH_TOKEN};
use crate::error::{Error, LoggedOut, Misuse, TransportError, TransportErrorKind};
use crate::receiver::{Receiver, Sink};
use crate::secret::SessionId;
use crate::time::Timestamp;

/// What a caller does next.
///
/// Exhaustive on purpose: a driver must know all four.
#[derive(Debug)]
pub enum Step {
    /// Send this, then report with [`Session::handle_response`] or [`Session::handle_failure`].
    Send(Transmit),
    /// Poll again at this moment, or as soon as [`Session::wakes`] has grown. It lies in the future, but never more than
    /// an hour.
    Wait(Timestamp),
    /// Ask whoever knows, then say so with [`Session::handle_answer`]. Comes only if the config says that this driver
    /// can ask.
    Ask(Challenge),
    /// The call has ended: [`Ticket::decode`](crate::Ticket::decode) this.
    Ready(Outcome),
}

/// One exchange to carry out.
#[non_exhaustive]
pub struct Transmit {
    /// What to report the end of it with.
    pub exchange: ExchangeId,
    /// The request, complete but for `Host`. Secret headers are marked sensitive; its URI and body are not for logs.
    pub request: http::Request<Bytes>,
    /// Which bytes of the caller's source are the body, where the request itself has none.
    pub source: Option<Range<u64>>,
    /// When to give up. A driver that streams looks at it between two reads.
    pub deadline: Timestamp,
    spec: &'static Spec,
    wanted: Wanted,
    limit: usize,
}

impl Transmit {
    /// What is known of the operation: log its name, never the URI.
    pub fn spec(&self) -> &'static Spec {
        self.spec
    }

    /// Returns the receiver of the response's body.
    ///
    /// # Errors
    /// [`TransportError`] if the head already shows that the response is too large, encoded, or of another range.
    pub fn receiver(&self, head: &http::response::Parts, sink: Sink) -> Result<Receiver, TransportError> {
        Receiver::new(self.spec, self.wanted, self.limit, head, sink)
    }
}

/// The endpoint's name stands for the request: its body may hold a code, its path a link.
impl fmt::Debug for Transmit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transmit")
            .field("exchange", &self.exchange)
            .field("endpoint", &self.spec.name)
            .field("source", &self.source)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

impl Session {
    /// Says what this call's caller does next.
    ///
    /// It can be asked at any time, any number of times. After [`Step::Send`] and [`Step::Ask`], report with
    /// `handle_*`, then poll again; after [`Step::Wait`], poll at that moment, or as soon as [`wakes`](Self::wakes) has
    /// grown; after [`Step::Ready`], never again.
    #[must_use]
    pub fn poll_call(&mut self, now: Timestamp, call: CallId) -> Step {
        const MAX: Duration = Duration::from_secs(60 * 60);
        const MIN: Duration = Duration::from_micros(1);

        self.handle_timeout(now);
        match self.next_step(now, call) {
            Step::Wait(until) => {
                let until = until.min(now.saturating_add(MAX));
                Step::Wait(until.max(now.saturating_add(MIN)))
            }
            step => step,
        }
    }

    fn next_step(&mut self, now: Timestamp, id: CallId) -> Step {
        let Some(call) = self.calls.get(id) else {
            return Step::Ready(Outcome(Err(Misuse::UnknownCall.into())));
        };
        match &call.status {
            Status::Done(_) => self.ready(id),
            // An exchange that is not reported in time is not waited for either.
            _ if call.deadline <= now => {
                self.time_out(id);
                self.abandon(now, id);
                self.ready(id)
            }
            Status::InFlight { .. } => Step::Wait(call.deadline),
            _ if call.needs_session() && call.identity != self.identity => self.end_now(id, LoggedOut::ByUser),
            Status::Backoff { until } if now < *until => Step::Wait((*until).min(call.deadline)),
            Status::Backoff { .. } => {
                self.set_status(id, Status::Waiting);
                self.go_on(now, id)
            }
            Status::Waiting => self.go_on(now, id),
            Status::Held { .. } => self.decide_held(now, id),
        }
    }

    fn ready(&mut self, id: CallId) -> Step {
        let outcome = self.calls.remove(id).and_then(Call::outcome);
        Step::Ready(outcome.unwrap_or_else(|| Outcome(Err(Misuse::UnknownCall.into()))))
    }

    /// Ends a call whose deadline has passed. A held call has its response; any other has none.
    pub(super) fn time_out(&mut self, id: CallId) {
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let failure = match std::mem::replace(&mut call.status, Status::Waiting) {
            Status::Held { response, .. } => return self.calls.end(id, Ok(CallResult::Response(response))),
            Status::InFlight { .. } => TransportError::maybe_sent(TransportErrorKind::TimedOut),
            _ => TransportError::unsent(TransportErrorKind::TimedOut),
        };
        self.calls.end(id, Err(failure.into()));
    }

    /// A call that is free to go on, as far as the session lets it.
    pub(super) fn go_on(&mut self, now: Timestamp, id: CallId) -> Step {
        let Some(call) = self.calls.get(id) else {
            return self.ready(id);
        };
        if !call.needs_session() && matches!(call.kind, Kind::Request(_)) {
            return self.send_own(now, id, None);
        }
        let deadline = call.deadline;
        match &self.phase {
            Phase::ApiKey(key) => {
                let header = (http::header::AUTHORIZATION, key.header(Some("Bearer")));
                self.send_own(now, id, Some(header))
            }
            Phase::Active(_) => self.send_active(now, id),
            Phase::LoggedOut(why) if self.kept.is_none() || call.login_failed_meanwhile => {
                let why = why.clone();
                self.end_now(id, why)
            }
            Phase::LoggedOut(_) if matches!(call.kind, Kind::RunKeepAlive(_)) => Step::Wait(Timestamp::MAX),
            Phase::LoggedOut(_) => match self.log_in_again(now, id) {
                Ok(()) => self.send_shared(now),
                Err(invalid) => self.end_now(id, invalid),
            },
            Phase::Challenged(_) => self.ask(now, id),
            Phase::LoggingIn(_) | Phase::Answering(_) | Phase::LoggingOut(_) => match self.shared_exchange() {
                Some(SharedExchange { leader, exchange: None, .. }) if *leader == id => self.send_shared(now),
                Some(shared_exchange) => Step::Wait(shared_exchange.deadline.min(deadline)),
                None => Step::Wait(deadline),
            },
        }
    }

    pub(super) fn end_now(&mut self, id: CallId, error: impl Into<Error>) -> Step {
        self.calls.end(id, Err(error.into()));
        self.ready(id)
    }

    /// Sends a call's own request.
    pub(super) fn send_own(&mut self, now: Timestamp, id: CallId, auth: Option<(HeaderName, HeaderValue)>) -> Step {
        let serial = self.next_serial();
        let exchange = ExchangeId { serial, slot: id.slot() };
        let (epoch, config) = (self.epoch, self.config.clone());
        let Some(call) = self.calls.get_mut(id) else {
            return self.ready(id);
        };
        call.status = Status::InFlight { exchange, epoch, sent: now };
        let deadline = match &call.kind {
            Kind::Request(Request { role: Role::Endpoint, .. }) => call.deadline,
            _ => call.deadline.min(now.saturating_add(config.exchange_timeout)),
        };
        match &mut call.kind {
            Kind::Request(request) => {
                request.attempts = request.attempts.saturating_add(1);
                if request.attempts > 1 {
                    let (endpoint, attempts) = (request.prepared.spec.name, request.attempts - 1);
                    self.events.push(|| Event::Repeating { call: id, endpoint, attempts });
                }
                let prepared = &request.prepared;
                let built = match request.options.headers.is_empty() {
                    true => prepared.request(auth, &config.user_agent, &config.headers),
                    false => {
                        let headers = [&*config.headers, &*request.options.headers].concat();
                        prepared.request(auth, &config.user_agent, &headers)
                    }
                };
                Step::Send(transmit(exchange, deadline, prepared, built, &config))
            }
            Kind::RunKeepAlive(_) => match crate::api::KeepAlive.prepare(&config.server) {
                Ok(prepared) => {
                    let built = prepared.request(auth, &config.user_agent, &config.headers);
                    Step::Send(transmit(exchange, deadline, &prepared, built, &config))
                }
                Err(invalid) => self.end_now(id, invalid),
            },
            // Commands have no request of their own: theirs is the shared one.
            Kind::Login | Kind::Answer | Kind::Logout => self.end_now(id, Misuse::UnknownCall),
        }
    }

    /// Sends the shared exchange of the phase; its carrier is polling.
    pub(super) fn send_shared(&mut self, now: Timestamp) -> Step {
        let serial = self.next_serial();
        let config = self.config.clone();
        let auth = self.shared_authorization();
        let leader = self.shared_exchange().map(|shared_exchange| shared_exchange.leader);
        let patience = leader.and_then(|leader| self.calls.get(leader)).map_or(now, |call| call.deadline);
        let Some(shared_exchange) = self.shared_exchange_mut() else {
            return Step::Wait(now);
        };
        let exchange = ExchangeId { serial, slot: shared_exchange.leader.slot() };
        shared_exchange.exchange = Some(exchange);
        shared_exchange.sent = now;
        shared_exchange.deadline = now.saturating_add(config.exchange_timeout);
        let built = shared_exchange.prepared.request(auth, &config.user_agent, &config.headers);
        Step::Send(transmit(
            exchange,
            shared_exchange.deadline.min(patience),
            &shared_exchange.prepared,
            built,
            &config,
        ))
    }

    fn shared_authorization(&self) -> Option<(HeaderName, HeaderValue)> {
        let token = match &self.phase {
            Phase::LoggingIn(logging_in) => {
                let credentials = logging_in.attempt.credentials.as_ref()?;
                return Some((http::header::AUTHORIZATION, credentials.header()));
            }
            Phase::Answering(answering) => &answering.challenged.partial,
            Phase::Active(active) => &active.token,
            Phase::LoggingOut(logging_out) => logging_out.token()?,
            Phase::LoggedOut(_) | Phase::Challenged(_) | Phase::ApiKey(_) => return None,
        };
        Some(token_header(token, &self.config))
    }

    pub(super) fn current_token(&self) -> Option<(HeaderName, HeaderValue)> {
        match &self.phase {
            Phase::Active(active) => Some(token_header(&active.token, &self.config)),
            _ => None,
        }
    }

    fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }
}

fn transmit(
    exchange: ExchangeId,
    deadline: Timestamp,
    prepared: &Prepared,
    request: http::Request<Bytes>,
    config: &Config,
) -> Transmit {
    let limit = match prepared.spec.body_kind {
        BodyKind::Small => config.session_limit,
        BodyKind::Json | BodyKind::Stream => config.json_limit,
    };
    Transmit {
        exchange,
        request,
        source: prepared.source_range(),
        deadline,
        spec: prepared.spec,
        wanted: prepared.wanted(),
        limit,
    }
}

/// The token goes out as it is, or after the server's prefix.
fn token_header(token: &SessionId, config: &Config) -> (HeaderName, HeaderValue) {
    (X_AUTH_TOKEN, token.header(config.server.token_prefix()))
}
