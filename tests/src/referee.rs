//! Referee: observes a session from outside and reports violations of the rows of `docs/assurance/invariants.md`.
//!
//! [`Watched`] has the methods of a [`Session`] and passes them on. Beside the session it keeps a record of what its
//! callers and its server know of it: which calls there are and how often each was sent, which token the server
//! granted last, whether a password may leave. It reads tokens and passwords from the headers of requests, as a server
//! does, and looks at nothing inside the session. So it can sit between a session and any test that drives it:
//!
//! ```
//! use bytes::Bytes;
//! use quatrix_proto::{Config, Credentials, Server, Step, Timestamp};
//! use quatrix_tests::referee::Watched;
//!
//! let mut session = Watched::new(Config::new(Server::default()), 7);
//! let login = session.login(Timestamp::ZERO, Credentials::new("me", "qwerty")?);
//! if let Step::Send(sent) = session.poll_call(Timestamp::ZERO, login.id()) {
//!     let granted = http::Response::new(Bytes::from(r#"{"session_id":"one"}"#));
//!     session.handle_response(Timestamp::ZERO, sent.exchange, granted);
//! }
//! assert!(matches!(session.poll_call(Timestamp::ZERO, login.id()), Step::Ready(_)));
//! assert_eq!(session.verdict(), Ok(()));
//! # Ok::<(), quatrix_proto::Invalid>(())
//! ```
//!
//! It watches I1 to I5, I7, I9 and I11 to I13. That nothing panics (I6) the test sees by itself. What it says of I2 is that no
//! call ends twice or gets lost, and that nothing is left once nobody waits; that every call does end is for the
//! driver to show, who must be fair for that.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use quatrix_proto::{
    Answer, ApiKey, Auth, CallId, CallOptions, Config, Credentials, Declined, Endpoint, Event, ExchangeId,
    KnownOptions, Login, Logout, Misuse, Names, Prepared, Replay, Saved, Session, Spec, Stage, State, Step, Ticket,
    Timestamp, TransportError,
};

mod answer;
mod password;
mod record;
mod sent;
#[cfg(test)]
mod tests;
mod waiting;

use record::{Asked, Leaving, Record};
use sent::LONG_WAIT;

/// A rule that a session must never break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "docs/assurance/invariants.md says what they are")]
pub enum Invariant {
    I1,
    I2,
    I3,
    I4,
    I5,
    I7,
    I9,
    I11,
    I12,
    I13,
}

/// Violation of an invariant by a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Violation {
    /// Which rule it broke.
    pub invariant: Invariant,
    /// How.
    pub what: &'static str,
}

/// A session and its referee.
#[derive(Clone)]
pub struct Watched {
    session: Session,
    record: Record,
    violation: Option<Violation>,
    /// The driver's clock has never gone back.
    steady: bool,
}

impl Watched {
    /// Returns a session before its first login.
    pub fn new(config: impl Into<Arc<Config>>, seed: u64) -> Self {
        let session = Session::new(config, seed);
        Self { record: Record::new(session.config().limits(), None), session, violation: None, steady: true }
    }

    /// A session that an API key stands for.
    pub fn with_api_key(config: impl Into<Arc<Config>>, seed: u64, key: ApiKey) -> Self {
        let text = key.expose().to_owned();
        let session = Session::with_api_key(config, seed, key);
        Self { record: Record::new(session.config().limits(), Some(text)), session, violation: None, steady: true }
    }

    /// As [`Session::login`].
    pub fn login(&mut self, now: Timestamp, credentials: Credentials) -> Ticket<Login> {
        let taken = matches!(self.session.state(), State::LoggedOut(_) | State::Challenged(_));
        let ticket = self.act(now, None, |session| session.login(now, credentials));
        if taken {
            self.record.begins(false, None);
            self.record.password.allowed_to(ticket.id());
        }
        self.record.submitted(ticket.id(), Asked::Login, Timestamp::MAX);
        self.look();
        ticket
    }

    /// As [`Session::answer`].
    pub fn answer(&mut self, now: Timestamp, answer: Answer) -> Ticket<Login> {
        let challenged = matches!(self.session.state(), State::Challenged(_));
        let ticket = self.act(now, None, |session| session.answer(now, answer));
        self.record.submitted(ticket.id(), Asked::Answer, Timestamp::MAX);
        if challenged && matches!(self.session.state(), State::Answering) {
            self.record.answer_given();
        }
        self.look();
        ticket
    }

    /// As [`Session::call`].
    pub fn call<E: Endpoint>(&mut self, now: Timestamp, endpoint: &E) -> Ticket<E::Response> {
        self.call_with(now, endpoint, CallOptions::new())
    }

    /// As [`Session::call_with`].
    pub fn call_with<E: Endpoint>(
        &mut self,
        now: Timestamp,
        endpoint: &E,
        options: CallOptions,
    ) -> Ticket<E::Response> {
        let spec = endpoint.prepare(self.session.config().server()).map(|prepared| prepared.spec()).ok();
        let known = options.known(self.session.config());
        let ticket = self.act(now, None, |session| session.call_with(now, endpoint, options));
        self.requested(now, ticket.id(), asked(spec, &known), known.deadline);
        ticket
    }

    /// As [`Session::call_prepared`].
    pub fn call_prepared(
        &mut self,
        now: Timestamp,
        prepared: Prepared,
        options: CallOptions,
    ) -> Ticket<http::Response<Bytes>> {
        let spec = prepared.spec();
        let known = options.known(self.session.config());
        let ticket = self.act(now, None, |session| session.call_prepared(now, prepared, options));
        self.requested(now, ticket.id(), asked(Some(spec), &known), known.deadline);
        ticket
    }

    /// As [`Session::keepalive`].
    pub fn keepalive(&mut self, now: Timestamp) -> Ticket<()> {
        let ticket = self.act(now, None, |session| session.keepalive(now));
        self.requested(now, ticket.id(), Asked::KeepAlive, None);
        ticket
    }

    /// As [`Session::run_keepalive`].
    pub fn run_keepalive(&mut self, now: Timestamp) -> Ticket<std::convert::Infallible> {
        let ticket = self.act(now, None, |session| session.run_keepalive(now));
        self.record.submitted(ticket.id(), Asked::RunKeepAlive, Timestamp::MAX);
        self.look();
        ticket
    }

    /// As [`Session::logout`].
    pub fn logout(&mut self, now: Timestamp) -> Ticket<Logout> {
        let first = !matches!(self.session.state(), State::LoggingOut);
        let ticket = self.act(now, None, |session| session.logout(now));
        if first {
            self.record.leaves();
        }
        self.record.submitted(ticket.id(), Asked::Logout, Timestamp::MAX);
        self.look();
        ticket
    }

    /// As [`Session::cancel`].
    pub fn cancel(&mut self, now: Timestamp, call: CallId) {
        self.act(now, None, |session| session.cancel(now, call));
        self.record.vanished(call);
        self.look();
    }

    /// As [`Session::resume`].
    ///
    /// # Errors
    /// Those of the session.
    pub fn resume(&mut self, now: Timestamp, saved: Saved, credentials: Option<Credentials>) -> Result<(), Misuse> {
        let (token, active) = (saved.token().expose().to_owned(), saved.stage() == Stage::Active);
        let keeps = credentials.is_some();
        self.act(now, None, |session| session.resume(now, saved, credentials))?;
        self.record.begins(active && keeps, Some(token));
        self.look();
        Ok(())
    }

    /// As [`Session::forget_password`], at that moment.
    pub fn forget_password(&mut self, now: Timestamp) {
        self.act(now, None, Session::forget_password);
        self.record.password.forgotten();
    }

    /// As [`Session::handle_response`].
    pub fn handle_response(&mut self, now: Timestamp, exchange: ExchangeId, response: http::Response<Bytes>) {
        let carrier = self.record.carrier(exchange);
        self.record.answered(now, exchange, &response);
        self.act(now, carrier, |session| session.handle_response(now, exchange, response));
        self.look();
    }

    /// As [`Session::handle_failure`].
    pub fn handle_failure(&mut self, now: Timestamp, exchange: ExchangeId, failure: TransportError) {
        let carrier = self.record.carrier(exchange);
        self.record.failed(now, exchange, &failure);
        self.act(now, carrier, |session| session.handle_failure(now, exchange, failure));
        self.look();
    }

    /// As [`Session::handle_answer`].
    pub fn handle_answer(&mut self, now: Timestamp, call: CallId, answer: Result<Answer, Declined>) {
        let challenged = matches!(self.session.state(), State::Challenged(_));
        self.act(now, Some(call), |session| session.handle_answer(now, call, answer));
        if challenged && matches!(self.session.state(), State::Answering) {
            self.record.answer_given();
            self.record.asked += 1;
        }
        self.look();
    }

    /// As [`Session::poll_call`].
    #[must_use]
    pub fn poll_call(&mut self, now: Timestamp, call: CallId) -> Step {
        self.record.time_passes(now);
        let before = self.session.state();
        let step = self.act(now, Some(call), |session| session.poll_call(now, call));
        if let Step::Wait(until) = step {
            self.waits(call, until);
        }
        self.record.looked_at(&self.session.state());
        let judged = self.record.polled(now, call, &step, &before);
        self.note(judged);
        self.look();
        step
    }

    /// As [`Session::poll_event`].
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.session.poll_event()
    }

    /// The session, to look at.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The driver's clock goes back: rules that depend on time are suspended from here on, all others hold.
    pub fn clock_goes_back(&mut self) {
        self.steady = false;
    }

    /// The first violation, if there was one.
    ///
    /// # Errors
    /// That violation.
    pub fn verdict(&self) -> Result<(), Violation> {
        self.violation.map_or(Ok(()), Err)
    }

    /// Makes every jitter of the session the same.
    pub fn without_jitter(&mut self) {
        self.session.without_jitter();
    }

    /// What session and record are, as far as it can make a difference from here on.
    pub fn fingerprint(&self, now: Timestamp, names: Names<'_>, out: &mut Vec<u8>) {
        self.session.fingerprint(now, names, out);
        self.record.fingerprint(now, names, out);
    }

    fn requested(&mut self, now: Timestamp, call: CallId, asked: Asked, deadline: Option<Duration>) {
        // What ran out before this call is seen first: the call came after it.
        self.record.time_passes(now);
        self.record.looked_at(&self.session.state());
        let deadline = deadline.map_or(Timestamp::MAX, |wait| now.saturating_add(wait));
        self.record.submitted(call, asked, deadline);
        self.look();
    }

    /// What can be seen whenever something has happened.
    fn look(&mut self) {
        let state = self.session.state();
        self.record.looked_at(&state);
        if self.record.leaving == Leaving::Left && !matches!(state, State::LoggedOut(_)) {
            self.note(Err(Violation::new(Invariant::I5, "a session that was logged out is back")));
        }
        if self.record.nobody_waits() && !self.session.is_idle() {
            self.note(Err(Violation::new(Invariant::I2, "nobody waits, and something is left")));
        }
    }

    fn note(&mut self, judged: Result<(), Violation>) {
        let judged = judged.err().filter(|violation| self.steady || !violation.depends_on_time());
        self.violation = self.violation.or(judged);
    }
}

/// A call whose endpoint cannot even be prepared is never sent.
fn asked(spec: Option<&Spec>, known: &KnownOptions) -> Asked {
    Asked::Call {
        rides: spec.is_none_or(|spec| spec.authentication() != Auth::None),
        safe: known.replay.or_else(|| spec.map(Spec::replay)) == Some(Replay::Safe),
        attempts: known.attempts,
    }
}

impl Violation {
    /// Whether a clock that goes back is enough to break the rule.
    fn depends_on_time(self) -> bool {
        self.invariant == Invariant::I12 || self.what == LONG_WAIT
    }

    fn new(invariant: Invariant, what: &'static str) -> Self {
        Self { invariant, what }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.what)
    }
}
