//! The bodies of the fuzz targets, compiled with the crate so that they cannot rot. `fuzz/` holds one line for each.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

use crate::api::{GetAccountMetadata, GetProfile, Raw};
use crate::{
    Answer, Authorization, CallId, Challenge, Config, Credentials, Declined, Endpoint, Server, Session, Step, Timestamp,
};

const SECRETS: [&str; 3] = ["canary-password", "canary-code", "canary-captcha"];

/// A base URL and a raw path: taken and written back the same, or refused.
pub fn base_url(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let (base, path) = text.split_once('\n').unwrap_or((text, "/profile"));
    let _ = Server::account(base);
    let Ok(server) = Server::at(base) else {
        return;
    };
    assert_eq!(Server::at(&server.to_string()), Ok(server.clone()), "a base survives being written down");
    let Ok(prepared) = Raw::get(path).prepare(&server) else {
        return;
    };
    let uri = prepared.into_request(Authorization::None).uri().to_string();
    assert!(uri.starts_with(&server.to_string()), "a raw path stays below its base");
    assert_eq!(uri.parse::<http::Uri>().unwrap().host(), Some(server.host()), "and on its host");
}

/// A whole session life against a server that answers whatever the data says.
pub fn session_answers(data: &[u8]) {
    let mut input = Input(data);
    let config = Config::new(Server::default()).observe(true).ask_the_driver(input.byte() & 1 == 1);
    let mut session = Session::new(config, 1);
    let mut now = Timestamp::ZERO;
    while !input.0.is_empty() {
        let call = command(&mut session, now, &mut input);
        run(&mut session, &mut now, call, &mut input);
        let shown = format!("{session:?} {:?}", std::iter::from_fn(|| session.poll_event()).collect::<Vec<_>>());
        discreet(&shown, data);
    }
    let logout = session.logout(now).id();
    run(&mut session, &mut now, logout, &mut Input(&[]));
    assert!(session.save().is_none(), "logged out is logged out");
}

fn command(session: &mut Session, now: Timestamp, input: &mut Input<'_>) -> CallId {
    match input.byte() % 7 {
        0 | 1 => session.login(now, Credentials::new("me", SECRETS[0]).unwrap()).id(),
        2 => session.answer(now, Answer::Totp(SECRETS[1].into())).id(),
        3 => session.answer(now, Answer::Captcha(SECRETS[2].into())).id(),
        4 => session.call(now, &GetAccountMetadata).id(),
        5 => session.keepalive(now).id(),
        _ => session.call(now, &GetProfile).id(),
    }
}

fn run(session: &mut Session, now: &mut Timestamp, call: CallId, input: &mut Input<'_>) {
    // Attempts, a probe, a login and its answers: far fewer than this, or the session goes in circles.
    for _ in 0..200 {
        match session.poll_call(*now, call) {
            Step::Send(transmit) => {
                let shown = format!("{transmit:?}");
                discreet(&shown, input.0);
                let response = input.response();
                let (head, body) = response.into_parts();
                let taken = transmit.receiver(&head).and_then(|mut receiver| {
                    receiver.push(&body)?;
                    receiver.finish()
                });
                match taken {
                    Ok(body) => {
                        session.handle_response(*now, transmit.exchange, http::Response::from_parts(head, body));
                    }
                    Err(failure) => session.handle_failure(*now, transmit.exchange, failure),
                }
            }
            Step::Wait(until) => {
                assert!(until > *now && until.saturating_since(*now) <= Duration::from_secs(3600), "I7");
                *now = until;
            }
            Step::Ask(Challenge::SecondFactor { .. }) => {
                session.handle_answer(*now, call, Ok(Answer::Totp(SECRETS[1].into())));
            }
            Step::Ask(_) => session.handle_answer(*now, call, Err(Declined)),
            Step::Ready(outcome) => {
                discreet(&format!("{outcome:?}"), input.0);
                return;
            }
        }
    }
    panic!("a call that does not end: {session:?}");
}

/// No secret of ours in what is shown, unless the server said it itself.
fn discreet(shown: &str, data: &[u8]) {
    for secret in SECRETS {
        let echoed = data.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(echoed || !shown.contains(secret), "a secret is shown: {shown}");
    }
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    fn text(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.0.len());
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        text
    }

    fn response(&mut self) -> http::Response<Bytes> {
        const STATUSES: [u16; 16] = [200, 200, 207, 401, 400, 403, 404, 405, 429, 302, 500, 502, 503, 202, 204, 418];
        const NAMES: [&str; 8] = [
            "mfa-code",
            "x-auth-token",
            "content-type",
            "content-length",
            "content-encoding",
            "retry-after",
            "date",
            "location",
        ];
        let mut response = http::Response::new(Bytes::new());
        *response.status_mut() = STATUSES[usize::from(self.byte() % 16)].try_into().unwrap();
        for _ in 0..self.byte() % 4 {
            let name = HeaderName::from_static(NAMES[usize::from(self.byte() % 8)]);
            if let Ok(value) = HeaderValue::from_bytes(self.text()) {
                response.headers_mut().append(name, value);
            }
        }
        *response.body_mut() = Bytes::copy_from_slice(self.text());
        response
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_login_with_a_second_factor_runs_through() {
        let mut data = vec![0, 0, 2, 1, 0, 2];
        data.extend(b"71\x14{\"session_id\":\"one\"}");
        data.extend([2, 0, 0, 2]);
        data.extend(b"{}");
        session_answers(&data);
    }

    proptest! {
        #[test]
        fn i06_no_answers_make_the_session_panic(data in proptest::collection::vec(any::<u8>(), 0..400)) {
            session_answers(&data);
        }
    }
}
