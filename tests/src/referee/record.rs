//! Record of a session as its callers and its server see it.

use bytes::Bytes;
use http::StatusCode;
use quatrix_proto::{
    CallId, ExchangeId, Limits, LoggedOut, Names, State, Timestamp, TransportError, TransportErrorKind,
};

use super::answer::{Verdict, id_in};
use super::password::Password;

#[derive(Clone)]
pub(super) struct Record {
    pub(super) limits: Limits,
    pub(super) calls: Vec<Call>,
    pub(super) shared: Option<Shared>,
    /// + 1 for each login, resume and logout that was taken.
    pub(super) identity: u32,
    /// + 1 for each login that the server has taken, wholly or up to a challenge.
    pub(super) grants: u32,
    /// The newest token that the server gave, whole or partial, while it is good.
    pub(super) token: Option<String>,
    /// When the last request was sent that showed the token to be good.
    pub(super) used: Option<Timestamp>,
    pub(super) password: Password,
    pub(super) leaving: Leaving,
    /// Number of answers to challenges that may still be sent.
    pub(super) answers: u8,
    /// The form of the captcha operation may be changed once.
    pub(super) other_form: bool,
    /// How many answers the driver has given to this login.
    pub(super) asked: u8,
    /// A logout may be sent.
    pub(super) logout: bool,
}

/// How far a logout has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    No,
    UnderWay,
    Left,
}

/// A call that has not ended.
#[derive(Clone, Copy)]
pub(super) struct Call {
    pub(super) id: CallId,
    pub(super) asked: Asked,
    pub(super) identity: u32,
    pub(super) deadline: Timestamp,
    /// It was made after the last login that came to nothing.
    pub(super) newcomer: bool,
    pub(super) sent: u8,
    pub(super) replays: u8,
    pub(super) last: Last,
    /// An exchange of its own that has ended may have been executed.
    pub(super) maybe_executed: bool,
}

/// Command of a caller.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Login,
    Answer,
    Call { rides: bool, safe: bool, attempts: u8 },
    KeepAlive,
    RunKeepAlive,
    Logout,
}

/// Result of a call's own last exchange.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Last {
    Nothing,
    InFlight {
        exchange: ExchangeId,
        grants: u32,
        sent: Timestamp,
        counts: bool,
    },
    Unauthorized,
    /// It may be sent again, in a while.
    Again,
    Final,
}

/// Shared exchange, led by one call.
#[derive(Clone, Copy)]
pub(super) struct Shared {
    pub(super) kind: Kind,
    pub(super) exchange: ExchangeId,
    pub(super) carrier: CallId,
    pub(super) sent: Timestamp,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Login,
    Code,
    Captcha,
    /// Whether a captcha has logged in.
    Check,
    Probe,
    Logout,
}

impl Call {
    /// Whether its own request may have been executed, as far as its caller and the network know.
    pub(super) fn maybe_executed(&self) -> bool {
        self.maybe_executed || matches!(self.last, Last::InFlight { .. })
    }

    pub(super) fn rides(&self) -> bool {
        match self.asked {
            Asked::Call { rides, .. } => rides,
            Asked::Login | Asked::Answer | Asked::KeepAlive | Asked::RunKeepAlive => true,
            Asked::Logout => false,
        }
    }
}

impl Record {
    pub(super) fn new(limits: Limits, key: Option<String>) -> Self {
        Self {
            limits,
            calls: Vec::new(),
            shared: None,
            identity: 0,
            grants: 0,
            token: key,
            used: None,
            password: Password::new(limits.keep_credentials, false),
            leaving: Leaving::No,
            answers: 0,
            other_form: false,
            asked: 0,
            logout: false,
        }
    }

    /// A login or a resume was taken.
    pub(super) fn begins(&mut self, kept: bool, token: Option<String>) {
        self.identity += 1;
        self.grants += 1;
        self.token = token;
        self.used = None;
        self.password = Password::new(self.limits.keep_credentials, kept);
        self.leaving = Leaving::No;
        (self.answers, self.asked, self.logout) = (0, 0, false);
    }

    /// A logout was taken. A login or answer that is under way is waited for, a probe is not.
    pub(super) fn leaves(&mut self) {
        self.identity += 1;
        self.leaving = Leaving::UnderWay;
        self.logout = true;
        self.password = Password::new(false, false);
        self.shared = self.shared.filter(|shared| shared.kind != Kind::Probe);
    }

    pub(super) fn submitted(&mut self, id: CallId, asked: Asked, deadline: Timestamp) {
        let (identity, last) = (self.identity, Last::Nothing);
        let (newcomer, sent, replays, maybe_executed) = (true, 0, 0, false);
        self.calls.push(Call { id, asked, identity, deadline, newcomer, sent, replays, last, maybe_executed });
    }

    pub(super) fn answer_given(&mut self) {
        (self.answers, self.other_form) = (1, true);
    }

    pub(super) fn call(&mut self, id: CallId) -> Option<&mut Call> {
        self.calls.iter_mut().find(|call| call.id == id)
    }

    /// Call that sends it.
    pub(super) fn carrier(&self, exchange: ExchangeId) -> Option<CallId> {
        let shared = self.shared.filter(|shared| shared.exchange == exchange).map(|shared| shared.carrier);
        let own = |call: &&Call| matches!(call.last, Last::InFlight { exchange: own, .. } if own == exchange);
        shared.or_else(|| Some(self.calls.iter().find(own)?.id))
    }

    /// A call has its outcome. What it carried for all is lost if its own time has run out, else it goes on.
    pub(super) fn ended(&mut self, now: Timestamp, id: CallId) {
        match self.call(id).is_some_and(|call| call.deadline <= now) {
            true => self.vanished(id),
            false => self.calls.retain(|call| call.id != id),
        }
    }

    /// A call was cancelled: the shared exchange that it led is lost.
    pub(super) fn vanished(&mut self, id: CallId) {
        self.calls.retain(|call| call.id != id);
        if self.shared.is_some_and(|shared| shared.carrier == id) {
            self.handle_shared_failure(&TransportError::aborted());
        } else if self.password.holder() == Some(id) && !self.password.carrier_vanished() {
            self.came_to_nothing();
        }
    }

    /// Exchanges without a report in time are lost.
    pub(super) fn time_passes(&mut self, now: Timestamp) {
        let most = self.limits.exchange_timeout;
        if self.shared.is_some_and(|shared| shared.sent.saturating_add(most) <= now) {
            self.handle_shared_failure(&TransportError::maybe_sent(TransportErrorKind::TimedOut));
        }
    }

    /// State that the session reports.
    pub(super) fn looked_at(&mut self, state: &State) {
        let State::LoggedOut(why) = state else {
            return;
        };
        if self.leaving == Leaving::UnderWay {
            self.leaving = Leaving::Left;
            self.token = None;
        }
        match why {
            LoggedOut::Refused(_) => self.password.refused(),
            // A login that was not sent in time.
            LoggedOut::Failed(_) if self.password.holder().is_some() => self.came_to_nothing(),
            // A challenge without an answer in time.
            LoggedOut::Failed(_) | LoggedOut::Expired if self.token.is_some() => self.came_to_nothing(),
            _ => {}
        }
    }

    pub(super) fn nobody_waits(&self) -> bool {
        self.calls.is_empty() && self.shared.is_none()
    }

    pub(super) fn answered(&mut self, now: Timestamp, exchange: ExchangeId, response: &http::Response<Bytes>) {
        if let Some(shared) = self.shared.filter(|shared| shared.exchange == exchange) {
            self.shared = None;
            return self.handle_shared_response(shared, response);
        }
        let (identity, grants, lifetime) = (self.identity, self.grants, self.limits.lifetime);
        let idle = self.used.map(|used| now.saturating_since(used));
        let Some((call, sent, todays, counts)) = self.calls.iter_mut().find_map(|call| match call.last {
            Last::InFlight { exchange: own, grants: then, sent, counts } if own == exchange => {
                let todays = call.identity == identity && then == grants;
                Some((call, sent, todays, counts))
            }
            _ => None,
        }) else {
            return;
        };
        let safe = matches!(call.asked, Asked::Call { safe: true, .. } | Asked::KeepAlive);
        // A redirect comes from something that is no Quatrix server, which may do anything.
        call.maybe_executed |= matches!(response.status().as_u16(), 300..400 | 500..);
        call.last = match response.status().as_u16() {
            200..300 => Last::Final,
            401 if call.rides() => Last::Unauthorized,
            429 => Last::Again,
            502..=504 if safe => Last::Again,
            _ => Last::Final,
        };
        let proves = matches!(call.asked, Asked::KeepAlive | Asked::RunKeepAlive);
        let succeeded = response.status().is_success();
        if todays && succeeded && counts {
            self.used = self.used.max(Some(sent));
        } else if todays
            && call.last == Last::Unauthorized
            && (proves || idle.is_some_and(|idle| idle >= lifetime))
            && self.token.is_some()
        {
            self.expired();
        }
    }

    pub(super) fn failed(&mut self, now: Timestamp, exchange: ExchangeId, failure: &TransportError) {
        if let Some(shared) = self.shared.filter(|shared| shared.exchange == exchange) {
            // A leader that timed out no longer leads.
            let impatient = self.call(shared.carrier).is_some_and(|call| call.deadline <= now);
            let gone = impatient && failure.kind() == TransportErrorKind::TimedOut;
            return self.handle_shared_failure(&if gone { TransportError::aborted() } else { failure.clone() });
        }
        for call in &mut self.calls {
            if !matches!(call.last, Last::InFlight { exchange: own, .. } if own == exchange) {
                continue;
            }
            let safe = matches!(call.asked, Asked::Call { safe: true, .. } | Asked::KeepAlive);
            let passing = matches!(
                failure.kind(),
                TransportErrorKind::Connect
                    | TransportErrorKind::Proxy
                    | TransportErrorKind::TimedOut
                    | TransportErrorKind::Interrupted
            );
            let again = passing && (safe || !failure.may_have_been_sent());
            call.maybe_executed |= failure.may_have_been_sent();
            call.last = if again { Last::Again } else { Last::Final };
        }
    }

    fn handle_shared_response(&mut self, shared: Shared, response: &http::Response<Bytes>) {
        let succeeded = response.status().is_success();
        match shared.kind {
            Kind::Login => match Verdict::read(response) {
                Verdict::Granted(token) => self.granted(Some(token), shared.sent),
                Verdict::Partial(token) => {
                    self.grants += 1;
                    self.token = Some(token);
                }
                Verdict::Refused => self.password.refused(),
                Verdict::Nothing => self.came_to_nothing(),
            },
            Kind::Code if succeeded => match id_in(response) {
                Ok(id) if response.status() == StatusCode::MULTI_STATUS => {
                    self.token = id.or_else(|| self.token.take())
                }
                Ok(id) => self.granted(id, shared.sent),
                Err(_) => {}
            },
            Kind::Code => {}
            Kind::Captcha => {
                if matches!(response.status().as_u16(), 404 | 405) && std::mem::take(&mut self.other_form) {
                    self.answers += 1;
                }
            }
            Kind::Check if succeeded => self.granted(None, shared.sent),
            // The captcha was right and has not logged in: the login goes once more.
            Kind::Check if self.leaving == Leaving::No => {
                self.token = None;
                self.password.allowed_to(shared.carrier);
            }
            Kind::Probe if response.status() == StatusCode::UNAUTHORIZED => self.expired(),
            Kind::Probe if succeeded => self.used = self.used.max(Some(shared.sent)),
            Kind::Check | Kind::Probe | Kind::Logout => {}
        }
    }

    fn handle_shared_failure(&mut self, failure: &TransportError) {
        let Some(shared) = self.shared.take() else {
            return;
        };
        if shared.kind != Kind::Login {
            return;
        }
        let passing = matches!(failure.kind(), TransportErrorKind::Connect | TransportErrorKind::Proxy);
        let over = match failure.kind() {
            TransportErrorKind::Aborted => !self.password.carrier_vanished(),
            _ if passing && !failure.may_have_been_sent() => !self.password.was_unsent(shared.carrier),
            _ => true,
        };
        if over {
            self.came_to_nothing();
        }
    }

    fn granted(&mut self, token: Option<String>, sent: Timestamp) {
        self.grants += 1;
        self.token = token.or_else(|| self.token.take());
        self.used = Some(sent);
        self.password.granted(self.leaving != Leaving::No);
    }

    /// The server is known to have ended the session.
    fn expired(&mut self) {
        self.token = None;
        self.used = None;
        self.shared = None;
        self.password.expired();
    }

    /// A login ended without a session and without a refusal.
    fn came_to_nothing(&mut self) {
        self.token = None;
        self.password.came_to_nothing();
        self.calls.iter_mut().for_each(|call| call.newcomer = false);
    }

    /// Values that affect later behaviour.
    pub(super) fn fingerprint(&self, now: Timestamp, names: Names<'_>, out: &mut Vec<u8>) {
        let Self { limits, calls, shared, identity, grants, token, used, password, leaving, .. } = self;
        let place = |id: CallId| names.calls.iter().position(|known| *known == id).map_or(u8::MAX, |at| at as u8);
        let name =
            |id: ExchangeId| names.exchanges.iter().position(|known| *known == id).map_or(u8::MAX, |at| at as u8);
        let ago = |then: Timestamp| now.saturating_since(then).min(limits.lifetime).as_secs() as u16;
        for id in names.calls {
            let Some(call) = calls.iter().find(|call| call.id == *id) else {
                out.push(u8::MAX);
                continue;
            };
            let last = match call.last {
                Last::Nothing => [0, 0, 0],
                Last::InFlight { exchange, grants: then, counts, .. } => {
                    [1, name(exchange), u8::from(then == *grants) * 2 + u8::from(counts)]
                }
                Last::Unauthorized => [2, 0, 0],
                Last::Again => [3, 0, 0],
                Last::Final => [4, 0, 0],
            };
            out.extend(last);
            out.extend([u8::from(call.identity == *identity), u8::from(call.newcomer), call.sent, call.replays]);
            out.push(call.maybe_executed.into());
        }
        match shared {
            None => out.push(u8::MAX),
            Some(Shared { kind, exchange, carrier, sent }) => {
                out.extend([*kind as u8, name(*exchange), place(*carrier)]);
                out.extend(ago(*sent).to_le_bytes());
            }
        }
        out.push(token.as_deref().map_or(u8::MAX, names.secret));
        out.extend(used.map_or(u16::MAX, ago).to_le_bytes());
        password.fingerprint(place, out);
        out.extend([*leaving as u8, self.answers, u8::from(self.other_form), self.asked, u8::from(self.logout)]);
    }
}
