//! What must hold while a pair runs, as it looks from outside the session: from what is sent and what is served.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::{Request, Response};
use quatrix_proto::{ExchangeId, State, Timestamp, Transmit};

use super::network::Flight;
use super::people;

/// More than any errand needs: three tries and one after a 401, a login that is tried twice and its captcha and code,
/// each also on behalf of others.
const MOST_SENT: u32 = 40;

#[derive(Default)]
pub(super) struct Rules {
    /// Who logged in last, or was resumed; nobody after a logout.
    user: Option<&'static str>,
    /// Whether anything that was asked for can still make a password leave.
    password: bool,
    /// The login or answer that is under way.
    entering: Option<Entering>,
    /// Tokens that were granted, and those that must not leave any more, but to be logged out.
    granted: BTreeSet<String>,
    dead: BTreeSet<String>,
    logouts: BTreeSet<u64>,
    /// How often each errand has sent something.
    sent: BTreeMap<u64, u32>,
    /// How often each errand has made its folder.
    made: BTreeMap<u64, u32>,
    /// The token that the client uses, as far as the server knows.
    sitting: Option<String>,
}

struct Entering {
    exchange: ExchangeId,
    errand: u64,
    deadline: Timestamp,
}

impl Rules {
    pub(super) fn user(&self) -> Option<&'static str> {
        self.user
    }

    pub(super) fn log_in(&mut self, user: &'static str) {
        self.user = Some(user);
        self.password = true;
    }

    pub(super) fn resume(&mut self, user: &'static str, token: String, with_password: bool) {
        self.user = Some(user);
        self.password = with_password;
        self.dead.remove(&token);
        self.granted.insert(token);
    }

    pub(super) fn log_out(&mut self, errand: u64) {
        self.user = None;
        self.password = false;
        self.dead.append(&mut self.granted);
        self.logouts.insert(errand);
    }

    /// The session says that it has heard a no: that password stays here.
    pub(super) fn look(&mut self, state: &State) {
        if let State::LoggedOut(quatrix_proto::LoggedOut::Refused(_)) = state {
            self.password = false;
        }
    }

    pub(super) fn sent(&mut self, now: Timestamp, errand: u64, transmit: &Transmit) {
        let name = transmit.spec().name();
        let sent = self.sent.entry(errand).or_default();
        *sent += 1;
        assert!(*sent <= MOST_SENT, "errand {errand} goes on and on");

        if matches!(name, "session.login" | "session.second_factor" | "session.unblock_captcha") {
            let under_way = self.entering.as_ref().filter(|entering| now < entering.deadline);
            assert!(under_way.is_none(), "{name} while another is under way");
            self.entering = Some(Entering { exchange: transmit.exchange, errand, deadline: transmit.deadline });
        }
        if name == "session.login" {
            let user = self.user.filter(|_| self.password).expect("a password leaves although nobody wants it to");
            assert!(people::logs_in(&transmit.request, user), "somebody else's password leaves");
        }
        if let Some(token) = token_of(&transmit.request)
            && self.dead.contains(token)
        {
            assert!(name == "session.logout" && !self.logouts.is_empty(), "{name} with a token that was logged out");
        }
    }

    pub(super) fn reported(&mut self, exchange: ExchangeId) {
        self.entering.take_if(|entering| entering.exchange == exchange);
    }

    /// An errand has come to an end, or its caller went away: nobody carries what it had under way.
    pub(super) fn ended(&mut self, errand: u64) {
        self.entering.take_if(|entering| entering.errand == errand);
        self.logouts.remove(&errand);
        self.sent.remove(&errand);
    }

    /// The server has answered. Says whether that was how the client learns that its session is gone.
    pub(super) fn served(&mut self, flight: &Flight, answer: &Response<Bytes>) -> bool {
        let (name, token) = (flight.transmit.spec().name(), token_of(&flight.transmit.request));
        if name == "file.makedir" && answer.status().is_success() {
            let made = self.made.entry(flight.errand).or_default();
            *made += u32::from(!flight.echo);
            assert!(*made <= 1, "what is not safe to repeat was done twice");
        }
        let entered = matches!(name, "session.login" | "session.second_factor") && answer.status() == 200;
        if entered {
            self.sitting = granted_by(answer).or_else(|| token.map(str::to_owned));
        }
        answer.status() == 401 && self.sitting.take_if(|sitting| token == Some(sitting)).is_some()
    }

    /// An answer gets to the session; what it grants while nobody is logged in must be logged out and nothing else.
    pub(super) fn learned(&mut self, answer: &Response<Bytes>) {
        if let Some(token) = granted_by(answer) {
            match self.user {
                Some(_) => self.granted.insert(token),
                None => self.dead.insert(token),
            };
        }
    }
}

fn token_of(request: &Request<Bytes>) -> Option<&str> {
    request.headers().get("x-auth-token")?.to_str().ok()
}

fn granted_by(answer: &Response<Bytes>) -> Option<String> {
    if let Some(header) = answer.headers().get("x-auth-token") {
        return Some(header.to_str().ok()?.to_owned());
    }
    let text = std::str::from_utf8(answer.body()).ok()?;
    let (_, id) = text.split_once(r#""session_id":""#)?;
    Some(id.split('"').next()?.to_owned())
}
