//! The session: one state machine that every call rides on.
//!
//! A *call* is what a caller waits for, an *exchange* one HTTP round trip. Each caller polls its own call and carries
//! its exchanges; beside them it may carry one that all share: the login after an expiry, an answer to a challenge, a
//! probe. At most one shared exchange is under way, and it lives inside the [`Phase`] it belongs to, so that none can
//! outlive its reason. A caller that goes away hands the shared exchange to the next one that polls.
//!
//! The parts: [`call`] holds the calls, `poll` says what a caller does next, `handle` takes in what came back, and
//! `login`, `answer`, `active`, `logout` are the phases.

use std::sync::Arc;

use bytes::Bytes;

use crate::challenge::{Answer, Declined};
use crate::config::Config;
use crate::credentials::Credentials;
use crate::endpoint::{Auth, Endpoint, Prepared};
use crate::error::{Error, LoggedOut, Misuse};
use crate::retry::{Budget, Rng};
use crate::saved::{Saved, Stage};
use crate::secret::ApiKey;
use crate::time::Timestamp;

mod active;
mod answer;
mod call;
mod event;
mod handle;
#[cfg(feature = "_internals")]
mod internals;
mod login;
mod logout;
mod poll;
mod shared_exchange;
mod state;
#[cfg(test)]
mod tests;

pub use call::{CallId, CallOptions, ExchangeId, Outcome, Ticket};
pub use event::Event;
#[cfg(feature = "_internals")]
#[doc(hidden)]
pub use internals::{KnownOptions, Limits, Names};
pub use poll::{Step, Transmit};
pub use state::{Login, Logout, State};

use active::Active;
use answer::{Answering, Challenged};
use call::{Call, CallResult, Calls, Kind, Request, Role, RunKeepAlive};
use event::Events;
use login::{Attempt, LoggingIn};
use logout::LoggingOut;
use shared_exchange::SharedExchange;

/// A session with one server: a state machine without IO, clock or threads.
///
/// The methods come in families. *Commands* ([`login`](Self::login), [`call`](Self::call), ..) never fail: they return a
/// [`Ticket`], and what cannot be done is what the ticket ends with. *Inputs* (`handle_*`) never fail either: what is
/// late, double or unknown is ignored. *Outputs* (`poll_*`) can be called at any time, any number of times. Getters
/// change nothing, so that there is nothing to poll after them.
///
/// Whatever makes [`wakes`](Self::wakes) grow, poll again every call whose last step was [`Step::Wait`].
#[cfg_attr(feature = "_internals", derive(Clone))]
pub struct Session {
    config: Arc<Config>,
    phase: Phase,
    /// For logging in again after an expiry: accepted by the server before, forgotten at logout.
    kept: Option<Credentials>,
    user: Option<Arc<str>>,
    calls: Calls,
    /// + 1 for each token granted or resumed: no two tokens share one, whoever they belong to.
    epoch: u64,
    /// + 1 for each login, resume and logout that somebody asked for.
    identity: u64,
    serial: u64,
    /// + 1 whenever a call may go on that waits for others.
    wakes: u64,
    /// How many carriers of the login after this expiry have vanished.
    takeovers: u8,
    budget: Budget,
    rng: Rng,
    events: Events,
}

/// The states of the session; each owns what only it has.
#[cfg_attr(feature = "_internals", derive(Clone))]
enum Phase {
    LoggedOut(LoggedOut),
    LoggingIn(Box<LoggingIn>),
    Challenged(Box<Challenged>),
    Answering(Box<Answering>),
    Active(Active),
    LoggingOut(Box<LoggingOut>),
    ApiKey(ApiKey),
}

impl Session {
    /// Makes a session that nobody has logged in to.
    ///
    /// The seed makes its jitter: any number will do, but clients that start together should not share one.
    pub fn new(config: impl Into<Arc<Config>>, seed: u64) -> Self {
        Self::in_phase(config.into(), seed, Phase::LoggedOut(LoggedOut::Never))
    }

    /// Makes a session that an API key stands for: no login, no keepalive; a 401 means that the key is off or deleted.
    pub fn with_api_key(config: impl Into<Arc<Config>>, seed: u64, key: ApiKey) -> Self {
        Self::in_phase(config.into(), seed, Phase::ApiKey(key))
    }

    fn in_phase(config: Arc<Config>, seed: u64, phase: Phase) -> Self {
        Self {
            phase,
            kept: None,
            user: None,
            calls: Calls::default(),
            epoch: 0,
            identity: 0,
            serial: 0,
            wakes: 0,
            takeovers: 0,
            budget: Budget::new(),
            rng: Rng::new(seed),
            events: Events::new(config.observe),
            config,
        }
    }

    /// Logs in.
    ///
    /// Poll the ticket; if it ends with [`Login::Challenged`], [`answer`](Self::answer) comes next.
    ///
    /// It is sent once. What may have reached the server is not sent again by itself: a wrong password counts there.
    pub fn login(&mut self, now: Timestamp, credentials: Credentials) -> Ticket<Login> {
        let misuse = match &self.phase {
            Phase::LoggedOut(_) | Phase::Challenged(_) => None,
            Phase::LoggingIn(_) | Phase::Answering(_) | Phase::Active(_) => Some(Misuse::AlreadyLoggedIn),
            Phase::LoggingOut(_) => Some(Misuse::LoggingOut),
            Phase::ApiKey(_) => Some(Misuse::NotWithApiKey),
        };
        if let Some(misuse) = misuse {
            return Ticket::new(self.calls.insert(Call::failed(Kind::Login, misuse)), CallResult::login);
        }
        self.identity += 1;
        self.kept = None;
        self.takeovers = 0;
        self.user = Some(credentials.shared_user());
        let id = self.calls.insert(Call::new(Kind::Login, self.identity));
        let attempt = Attempt::first(credentials, id, self.config.keep_credentials);
        if let Err(invalid) = self.start_login(now, attempt, id) {
            self.become_logged_out(LoggedOut::Never);
            self.calls.end(id, Err(invalid.into()));
        }
        Ticket::new(id, CallResult::login)
    }

    /// Answers the pending challenge.
    ///
    /// Poll the ticket; a wrong answer ends it with [`Login::Challenged`] once more.
    ///
    /// It is sent once and never again by itself: wrong answers may count towards a block.
    pub fn answer(&mut self, now: Timestamp, answer: Answer) -> Ticket<Login> {
        let id = self.calls.insert(Call::new(Kind::Answer, self.identity));
        if let Err(error) = self.start_answer(now, answer, id, Some(id)) {
            self.calls.end(id, Err(error));
        }
        Ticket::new(id, CallResult::login)
    }

    /// Submits an operation.
    ///
    /// Poll the ticket until it is ready, then decode.
    pub fn call<E: Endpoint>(&mut self, now: Timestamp, endpoint: &E) -> Ticket<E::Response> {
        self.call_with(now, endpoint, CallOptions::default())
    }

    /// Submits an operation as [`call`](Self::call) does, with a deadline, other repetitions or headers.
    pub fn call_with<E: Endpoint>(
        &mut self,
        now: Timestamp,
        endpoint: &E,
        options: CallOptions,
    ) -> Ticket<E::Response> {
        let id = match endpoint.prepare(&self.config.server) {
            Ok(prepared) => self.submit(now, prepared, options, Role::Endpoint),
            Err(invalid) => self.calls.insert(Call::failed(Kind::Logout, invalid)),
        };
        Ticket::new(id, |answered| E::decode(answered.response()?))
    }

    /// Submits a request that is prepared already, as a [`Task`](crate::Task) does.
    ///
    /// Poll the ticket until it is ready; the outcome is the answer itself.
    pub fn call_prepared(
        &mut self,
        now: Timestamp,
        prepared: Prepared,
        options: CallOptions,
    ) -> Ticket<http::Response<Bytes>> {
        let id = self.submit(now, prepared, options, Role::Endpoint);
        Ticket::new(id, CallResult::response)
    }

    /// Sends a keepalive now, due or not.
    ///
    /// Poll the ticket until it is ready.
    pub fn keepalive(&mut self, now: Timestamp) -> Ticket<()> {
        let id = match (&self.phase, crate::api::KeepAlive.prepare(&self.config.server)) {
            (Phase::ApiKey(_), _) => self.calls.insert(Call::failed(Kind::Logout, Misuse::NotWithApiKey)),
            (_, Ok(prepared)) => self.submit(now, prepared, CallOptions::default(), Role::KeepAlive),
            (_, Err(invalid)) => self.calls.insert(Call::failed(Kind::Logout, invalid)),
        };
        Ticket::new(id, |answered| crate::api::KeepAlive::decode(answered.response()?))
    }

    /// Keeps the session alive for as long as its ticket is polled: a keepalive whenever nothing else was sent for the
    /// interval.
    ///
    /// Between two of them the ticket says [`Step::Wait`]. A session that can log itself in again after an expiry is
    /// waited for; otherwise the ticket ends with the reason why there is no session any more.
    pub fn run_keepalive(&mut self, _now: Timestamp) -> Ticket<std::convert::Infallible> {
        let kind = Kind::RunKeepAlive(RunKeepAlive {
            interval: self.rng.around(self.config.keepalive_interval),
            not_before: Timestamp::ZERO,
            failures: 0,
        });
        let id = match &self.phase {
            Phase::ApiKey(_) => self.calls.insert(Call::failed(kind, Misuse::NotWithApiKey)),
            _ => self.calls.insert(Call::new(kind, self.identity)),
        };
        Ticket::new(id, |_| Err(Misuse::UnknownCall.into()))
    }

    /// Logs out: kept credentials are forgotten and waiting calls end at once; poll the ticket to tell the server.
    ///
    /// A login that is under way is waited for, so that its session does not stay behind on the server.
    pub fn logout(&mut self, now: Timestamp) -> Ticket<Logout> {
        let id = self.calls.insert(Call::new(Kind::Logout, self.identity));
        self.start_logout(now);
        Ticket::new(id, |answered| match answered {
            CallResult::Logout(logout) => Ok(logout),
            CallResult::Login(_) | CallResult::Response(_) => Err(Misuse::UnknownCall.into()),
        })
    }

    /// Gives a call up, at any moment; a late answer to it is ignored.
    ///
    /// If it carried a shared exchange, that counts as lost with its carrier: one of those that wait
    /// for it takes over when it is polled. The call itself is over: do not poll it again.
    pub fn cancel(&mut self, now: Timestamp, call: CallId) {
        self.calls.remove(call);
        self.abandon(now, call);
    }

    /// Takes up a session that [`save`](Self::save) put down.
    ///
    /// With credentials it can log in again when it expires. Nothing is to be polled: the next call goes out with its
    /// token, and tells whether it is still good.
    ///
    /// # Errors
    /// [`Misuse`] unless there is no session yet, the saved one belongs to the same server, and the credentials, if
    /// there are any, are not those of another user. Names are compared in lower case, as the server does; where one of
    /// them is not known, [`user`](Self::user) names the user of the credentials once these have logged in.
    pub fn resume(&mut self, now: Timestamp, saved: Saved, credentials: Option<Credentials>) -> Result<(), Misuse> {
        match &self.phase {
            Phase::LoggedOut(_) if saved.server != self.config.server => return Err(Misuse::OtherServer),
            Phase::LoggedOut(_) if credentials.as_ref().is_some_and(|own| saved.is_of_another_user_than(own)) => {
                return Err(Misuse::OtherUser);
            }
            Phase::LoggedOut(_) => {}
            Phase::LoggingIn(_) | Phase::Challenged(_) | Phase::Answering(_) | Phase::Active(_) => {
                return Err(Misuse::AlreadyLoggedIn);
            }
            Phase::LoggingOut(_) => return Err(Misuse::LoggingOut),
            Phase::ApiKey(_) => return Err(Misuse::NotWithApiKey),
        }
        self.identity += 1;
        self.takeovers = 0;
        self.user = Some(saved.user.into());
        let keep = self.config.keep_credentials;
        // Those of a first login are kept only once they have led to a session.
        let proven = saved.stage == Stage::Active || saved.again;
        self.kept = credentials.clone().filter(|_| keep && proven);
        match saved.stage {
            Stage::Active => {
                self.epoch += 1;
                self.enter(Phase::Active(Active::resumed(saved.token)));
            }
            Stage::Challenged(challenge) => {
                let attempt = Attempt { again: saved.again, ..Attempt::resumed(credentials, keep) };
                let challenged = Challenged::new(now, saved.token, challenge, attempt);
                let challenged = Challenged { after_captcha: saved.after_captcha, ..challenged };
                self.enter(Phase::Challenged(Box::new(challenged)));
            }
        }
        Ok(())
    }

    /// Writes down what it takes to go on in another process: of a session, or of a pending challenge.
    ///
    /// It is a secret.
    pub fn save(&self) -> Option<Saved> {
        let (server, user) = (self.config.server.clone(), self.user.as_deref().unwrap_or_default());
        match &self.phase {
            Phase::Active(active) => Some(Saved::active(server, user, active.token.clone())),
            Phase::Challenged(challenged) => Some(Saved {
                stage: Stage::Challenged(challenged.challenge),
                after_captcha: challenged.after_captcha,
                again: challenged.attempt.again,
                ..Saved::active(server, user, challenged.partial.clone())
            }),
            Phase::LoggedOut(_)
            | Phase::LoggingIn(_)
            | Phase::Answering(_)
            | Phase::LoggingOut(_)
            | Phase::ApiKey(_) => None,
        }
    }

    /// Forgets the password.
    ///
    /// An expiry then ends the session. Calls under way go on; a keepalive that waits for a login ends at its next poll.
    pub fn forget_password(&mut self) {
        self.kept = None;
        self.wakes += 1;
        if let Some(attempt) = self.attempt_mut() {
            attempt.keep = false;
        }
    }

    /// Takes what a driver has to say to [`Step::Ask`].
    ///
    /// Poll that call again; it carries the answer.
    pub fn handle_answer(&mut self, now: Timestamp, call: CallId, answer: Result<Answer, Declined>) {
        self.handle_driver_answer(now, call, answer);
    }

    /// Takes the next event for an observer, oldest first.
    ///
    /// Events are recorded only if the [`Config`] says so; poll until there is none, after each command, `handle_*` and
    /// [`poll_call`](Self::poll_call).
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// Grows whenever a call whose last step was [`Step::Wait`] may go on before its time.
    ///
    /// Commands, inputs and polls can make it grow: a driver that lets go of the session wakes those who wait if it has
    /// grown meanwhile. The call that an exchange belongs to is polled after its `handle_*` in any case.
    pub fn wakes(&self) -> u64 {
        self.wakes
    }

    /// Says where the session stands.
    pub fn state(&self) -> State {
        match &self.phase {
            Phase::LoggedOut(why) => State::LoggedOut(why.clone()),
            Phase::LoggingIn(_) => State::LoggingIn,
            Phase::Challenged(challenged) => State::Challenged(challenged.challenge),
            Phase::Answering(_) => State::Answering,
            Phase::Active(active) => State::Active { confirmed: active.confirmed },
            Phase::LoggingOut(_) => State::LoggingOut,
            Phase::ApiKey(_) => State::ApiKey,
        }
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The user that logged in last, or was resumed; empty if the saved session did not name one.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    fn submit(&mut self, now: Timestamp, prepared: Prepared, options: CallOptions, role: Role) -> CallId {
        if prepared.spec.auth == Auth::Basic {
            return self.calls.insert(Call::failed(Kind::Logout, Misuse::LoginIsACommand));
        }
        // What ran out before this call does not fail it.
        self.handle_timeout(now);
        let deadline = options.deadline.map_or(Timestamp::MAX, |wait| now.saturating_add(wait));
        let call = Call::new(Kind::Request(Request::new(prepared, options, role)), self.identity);
        self.calls.insert(Call { deadline, ..call })
    }

    fn attempt_mut(&mut self) -> Option<&mut Attempt> {
        match &mut self.phase {
            Phase::LoggingIn(logging_in) => Some(&mut logging_in.attempt),
            Phase::Challenged(challenged) => Some(&mut challenged.attempt),
            Phase::Answering(answering) => Some(&mut answering.challenged.attempt),
            Phase::LoggedOut(_) | Phase::Active(_) | Phase::LoggingOut(_) | Phase::ApiKey(_) => None,
        }
    }

    /// Takes up a phase, and has everybody who waits look at it: this is what they wait for.
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.wakes += 1;
    }

    /// The phase, to be replaced by its successor.
    fn take_phase(&mut self) -> Phase {
        std::mem::replace(&mut self.phase, Phase::LoggedOut(LoggedOut::Never))
    }

    /// There is no session any more.
    fn become_logged_out(&mut self, why: LoggedOut) {
        self.events.push(|| Event::LoggedOut(why.clone()));
        self.enter(Phase::LoggedOut(why));
    }

    /// Ends every call that waits for a session, and those under way once they come to wait for one. A running keepalive
    /// is not one of them: it has time.
    fn fail_waiting(&mut self, error: &Error) {
        let identity = self.identity;
        for call in self.calls.iter_mut() {
            if call.identity != identity || !call.needs_session() || matches!(call.kind, Kind::RunKeepAlive(_)) {
                continue;
            }
            call.login_failed_meanwhile = true;
            if call.is_pending() {
                call.status = call::Status::Done(Err(error.clone()));
            }
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("server", &self.config.server)
            .field("state", &self.state())
            .field("calls", &self.calls.iter().count())
            .finish_non_exhaustive()
    }
}
