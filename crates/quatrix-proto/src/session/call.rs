//! The calls of a session: what each caller waits for, and how far it has come.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use crate::config::checked_header;
use crate::endpoint::{Auth, Prepared, Replay};
use crate::error::{AfterAttempt, Error, Invalid, Misuse};
use crate::session::{Login, Logout};
use crate::time::Timestamp;

/// What a caller waits for: names one call of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId {
    slot: u32,
    generation: u32,
}

/// One round trip.
///
/// A call that is sent again keeps its [`CallId`] and gets a new exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeId {
    pub(super) serial: u64,
    pub(super) slot: u32,
}

/// What a command leaves in its caller's hands: poll the call until it is ready, then decode the outcome.
#[must_use = "a call that nobody polls does nothing"]
#[cfg_attr(feature = "_internals", derive(Clone))]
pub struct Ticket<T> {
    id: CallId,
    decode: fn(CallResult) -> Result<T, Error>,
}

/// How a call ended; its [`Ticket`] knows how to read it.
pub struct Outcome(pub(super) Result<CallResult, Error>);

impl CallId {
    pub(super) fn slot(self) -> u32 {
        self.slot
    }
}

/// What a call that came to an end brought.
#[derive(Clone)]
pub(super) enum CallResult {
    Response(http::Response<Bytes>),
    Login(Login),
    Logout(Logout),
}

/// How one call differs from the rest.
///
/// ```
/// use std::time::Duration;
/// use quatrix_proto::CallOptions;
///
/// let options = CallOptions::new().with_deadline(Duration::from_secs(20)).with_attempts(1);
/// ```
#[derive(Clone, Debug, Default)]
pub struct CallOptions {
    pub(super) deadline: Option<Duration>,
    pub(super) attempts: Option<u8>,
    pub(super) replay: Option<Replay>,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

impl CallOptions {
    /// Makes options that ask for nothing out of the ordinary.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives up after this time, waits and repetitions included.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Sends it at most so often.
    #[must_use]
    pub fn with_attempts(mut self, attempts: u8) -> Self {
        self.attempts = Some(attempts.max(1));
        self
    }

    /// Overrides what the endpoint's [`Spec`](crate::Spec) says of sending it again.
    #[must_use]
    pub fn with_replay(mut self, replay: Replay) -> Self {
        self.replay = Some(replay);
        self
    }

    /// Sends one more header.
    ///
    /// # Errors
    /// [`Invalid`] for a header that the client sets itself.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Result<Self, Invalid> {
        self.headers.push(checked_header(name, value)?);
        Ok(self)
    }
}

impl<T> Ticket<T> {
    pub(super) fn new(id: CallId, decode: fn(CallResult) -> Result<T, Error>) -> Self {
        Self { id, decode }
    }

    /// The call to poll with [`Session::poll_call`](crate::Session::poll_call).
    pub fn id(&self) -> CallId {
        self.id
    }

    /// Reads the outcome.
    ///
    /// It takes no part of the session, so it can be done outside any lock.
    ///
    /// # Errors
    /// Whatever the call ended with.
    pub fn decode(self, outcome: Outcome) -> Result<T, Error> {
        (self.decode)(outcome.0?)
    }
}

impl<T> fmt::Debug for Ticket<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Ok(CallResult::Response(response)) => write!(f, "Outcome(status {})", response.status().as_u16()),
            Ok(CallResult::Login(login)) => write!(f, "Outcome({login:?})"),
            Ok(CallResult::Logout(logout)) => write!(f, "Outcome({logout:?})"),
            Err(error) => write!(f, "Outcome({error:?})"),
        }
    }
}

impl CallResult {
    /// For tickets of endpoints.
    pub(super) fn response(self) -> Result<http::Response<Bytes>, Error> {
        match self {
            Self::Response(response) => Ok(response),
            Self::Login(_) | Self::Logout(_) => Err(Misuse::UnknownCall.into()),
        }
    }

    /// For tickets of logins and answers.
    pub(super) fn login(self) -> Result<Login, Error> {
        match self {
            Self::Login(login) => Ok(login),
            Self::Logout(_) | Self::Response(_) => Err(Misuse::UnknownCall.into()),
        }
    }
}

/// One call.
#[cfg_attr(feature = "_internals", derive(Clone))]
pub(super) struct Call {
    pub(super) kind: Kind,
    pub(super) status: Status,
    /// The identity that it was submitted under. It is never sent, parked or replayed under another.
    pub(super) identity: u64,
    pub(super) deadline: Timestamp,
    /// While it was under way, a login came to nothing: another one is for a call that was made after that.
    pub(super) login_failed_meanwhile: bool,
}

#[cfg_attr(feature = "_internals", derive(Clone))]
pub(super) enum Kind {
    Request(Request),
    Login,
    Answer,
    Logout,
    RunKeepAlive(RunKeepAlive),
}

#[cfg_attr(feature = "_internals", derive(Clone))]
pub(super) struct Request {
    pub(super) prepared: Prepared,
    pub(super) options: CallOptions,
    pub(super) role: Role,
    /// How often it was sent.
    pub(super) attempts: u8,
    /// It has had its one repetition after a 401.
    pub(super) replayed: bool,
    /// It has paid for a keepalive before a transfer.
    pub(super) keepalive_sent: bool,
    /// An attempt that was followed by another may have been executed.
    pub(super) maybe_executed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Endpoint,
    /// Its 401 needs no probe: it is one.
    KeepAlive,
}

#[derive(Clone, Copy)]
pub(super) struct RunKeepAlive {
    /// The interval of this round, jitter included.
    pub(super) interval: Duration,
    /// Not before this moment, after a failure.
    pub(super) not_before: Timestamp,
    pub(super) failures: u8,
}

#[cfg_attr(feature = "_internals", derive(Clone))]
pub(super) enum Status {
    /// It goes on as soon as the session lets it.
    Waiting,
    /// Its own exchange is under way, with the token of this epoch.
    InFlight { exchange: ExchangeId, epoch: u64, sent: Timestamp },
    /// A 401 to the token of this epoch that may mean expiry: a probe decides.
    Held { response: http::Response<Bytes>, epoch: u64 },
    /// It is sent again at this moment.
    Backoff { until: Timestamp },
    /// It has ended; the outcome waits for its caller.
    Done(Result<CallResult, Error>),
}

impl Call {
    pub(super) fn new(kind: Kind, identity: u64) -> Self {
        Self { kind, status: Status::Waiting, identity, deadline: Timestamp::MAX, login_failed_meanwhile: false }
    }

    /// A call that has ended before it began.
    pub(super) fn failed(kind: Kind, error: impl Into<Error>) -> Self {
        Self { status: Status::Done(Err(error.into())), ..Self::new(kind, 0) }
    }

    /// Whether it rides on the session: it then belongs to an identity.
    pub(super) fn needs_session(&self) -> bool {
        match &self.kind {
            Kind::Request(request) => request.prepared.spec.auth != Auth::None,
            Kind::Login | Kind::Answer | Kind::RunKeepAlive(_) => true,
            // Logging out is what ends an identity.
            Kind::Logout => false,
        }
    }

    /// The outcome of a call that has ended: it tells what any of its attempts may have done.
    pub(super) fn outcome(self) -> Option<Outcome> {
        let Status::Done(result) = self.status else {
            return None;
        };
        Some(Outcome(match (result, self.kind) {
            (Ok(CallResult::Response(mut response)), Kind::Request(Request { maybe_executed: true, .. })) => {
                if !response.status().is_success() {
                    response.extensions_mut().insert(AfterAttempt);
                }
                Ok(CallResult::Response(response))
            }
            (Err(error), Kind::Request(Request { maybe_executed: true, .. })) => Err(error.after_attempt()),
            (result, _) => result,
        }))
    }

    pub(super) fn is_pending(&self) -> bool {
        matches!(self.status, Status::Waiting | Status::Held { .. })
    }
}

impl Request {
    pub(super) fn new(prepared: Prepared, options: CallOptions, role: Role) -> Self {
        Self { prepared, options, role, attempts: 0, replayed: false, keepalive_sent: false, maybe_executed: false }
    }

    pub(super) fn replay(&self) -> Replay {
        self.options.replay.unwrap_or(self.prepared.spec.replay)
    }
}

/// A slab: ids of ended calls are told from those of live ones by their generation.
#[cfg_attr(feature = "_internals", derive(Clone))]
#[derive(Default)]
pub(super) struct Calls {
    slots: Vec<Slot>,
    free: Vec<u32>,
}

#[cfg_attr(feature = "_internals", derive(Clone))]
struct Slot {
    generation: u32,
    call: Option<Call>,
}

impl Calls {
    pub(super) fn insert(&mut self, call: Call) -> CallId {
        if let Some(slot) = self.free.pop() {
            let place = &mut self.slots[slot as usize];
            place.call = Some(call);
            return CallId { slot, generation: place.generation };
        }
        // A session that only keeps itself alive has one call: four slots at once would be its largest part.
        if self.slots.is_empty() {
            self.slots.reserve_exact(1);
        }
        let slot = u32::try_from(self.slots.len()).expect("four billion calls do not fit into memory");
        self.slots.push(Slot { generation: 0, call: Some(call) });
        CallId { slot, generation: 0 }
    }

    pub(super) fn get(&self, id: CallId) -> Option<&Call> {
        let slot = self.slots.get(id.slot as usize)?;
        slot.call.as_ref().filter(|_| slot.generation == id.generation)
    }

    pub(super) fn get_mut(&mut self, id: CallId) -> Option<&mut Call> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        slot.call.as_mut().filter(|_| slot.generation == id.generation)
    }

    pub(super) fn remove(&mut self, id: CallId) -> Option<Call> {
        self.get(id)?;
        let slot = &mut self.slots[id.slot as usize];
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.slot);
        slot.call.take()
    }

    /// The call whose own exchange this is.
    pub(super) fn in_flight(&self, exchange: ExchangeId) -> Option<CallId> {
        let slot = self.slots.get(exchange.slot as usize)?;
        match slot.call.as_ref()?.status {
            Status::InFlight { exchange: current, .. } if current == exchange => {
                Some(CallId { slot: exchange.slot, generation: slot.generation })
            }
            _ => None,
        }
    }

    /// Ends a call, unless it has ended already.
    pub(super) fn end(&mut self, id: CallId, result: Result<CallResult, Error>) {
        if let Some(call) = self.get_mut(id)
            && !matches!(call.status, Status::Done(_))
        {
            call.status = Status::Done(result);
        }
    }

    /// The first logout that waits.
    pub(super) fn waiting_logout(&self) -> Option<CallId> {
        self.slots.iter().zip(0..).find_map(|(slot, number)| match &slot.call {
            Some(Call { kind: Kind::Logout, status: Status::Waiting, .. }) => {
                Some(CallId { slot: number, generation: slot.generation })
            }
            _ => None,
        })
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Call> {
        self.slots.iter_mut().filter_map(|slot| slot.call.as_mut())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Call> {
        self.slots.iter().filter_map(|slot| slot.call.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_not_taken_for_the_next_call_in_its_slot() {
        let mut calls = Calls::default();
        let first = calls.insert(Call::new(Kind::Login, 1));
        assert!(calls.remove(first).is_some());
        let second = calls.insert(Call::new(Kind::Logout, 1));
        assert_eq!(first.slot, second.slot);
        assert!(calls.get(first).is_none() && calls.remove(first).is_none());
        assert!(calls.get(second).is_some());
    }
}
