//! Rules that need both sides of a pair; the referee checks the others.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Request, Response};
use quatrix_proto::Transmit;

use super::network::Flight;
use super::people;

/// More than any errand needs: three tries and one after a 401, a login that is tried twice and its captcha and code,
/// each also on behalf of others.
const MOST_SENT: u32 = 40;

#[derive(Default)]
pub(super) struct Rules {
    /// User of the last login or resumption; none after a logout.
    user: Option<&'static str>,
    /// How often each errand has sent something.
    sent: BTreeMap<u64, u32>,
    /// How often each errand has made its folder.
    made: BTreeMap<u64, u32>,
    /// The token that the client uses, as far as the server knows.
    sitting: Option<String>,
}

impl Rules {
    pub(super) fn user(&self) -> Option<&'static str> {
        self.user
    }

    /// Records a login or a resumption.
    pub(super) fn log_in(&mut self, user: &'static str) {
        self.user = Some(user);
    }

    pub(super) fn log_out(&mut self) {
        self.user = None;
    }

    pub(super) fn sent(&mut self, errand: u64, transmit: &Transmit) {
        let sent = self.sent.entry(errand).or_default();
        *sent += 1;
        assert!(*sent <= MOST_SENT, "errand {errand} goes on and on");
        if transmit.spec().name() == "session.login" {
            let user = self.user.expect("a password leaves although nobody wants it to");
            assert!(people::logs_in(&transmit.request, user), "somebody else's password leaves");
        }
    }

    /// Records a response. Returns whether it reports an ended session.
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
