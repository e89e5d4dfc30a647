//! The bodies of the fuzz targets, compiled with the crate so that they cannot rot. `fuzz/` holds one line for each.

use std::time::Duration;

use crate::api::{GetAccountMetadata, GetProfile, Raw};
use crate::{
    Answer, Authorization, CallId, Challenge, Config, Credentials, Declined, Endpoint, Server, Session, Sink, Step,
    Timestamp,
};

mod answers;
mod input;
mod saved;
mod transfers;

pub use answers::{endpoint_answers, error_bodies, retry_after};
use input::Input;
pub use saved::saved_session;
pub use transfers::transfers;

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
    let mut input = Input::new(data);
    let config = Config::new(Server::default()).observe(true).interactive(input.byte() & 1 == 1);
    let mut session = Session::new(config, 1);
    let mut now = Timestamp::ZERO;
    while !input.is_empty() {
        let call = command(&mut session, now, &mut input);
        run(&mut session, &mut now, call, &mut input);
        let shown = format!("{session:?} {:?}", std::iter::from_fn(|| session.poll_event()).collect::<Vec<_>>());
        discreet(&shown, &input);
    }
    let logout = session.logout(now).id();
    run(&mut session, &mut now, logout, &mut Input::new(&[]));
    assert!(session.save().is_none(), "logged out is logged out");
}

fn command(session: &mut Session, now: Timestamp, input: &mut Input<'_>) -> CallId {
    match input.byte() % 7 {
        0 | 1 => session.login(now, Credentials::new("me", SECRETS[0]).unwrap()).id(),
        2 => session.answer(now, Answer::totp(SECRETS[1])).id(),
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
                discreet(&shown, input);
                let response = input.response();
                let (head, body) = response.into_parts();
                let taken = transmit.receiver(&head, Sink::Buffer).and_then(|mut receiver| {
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
                session.handle_answer(*now, call, Ok(Answer::totp(SECRETS[1])));
            }
            Step::Ask(_) => session.handle_answer(*now, call, Err(Declined)),
            Step::Ready(outcome) => {
                discreet(&format!("{outcome:?}"), input);
                return;
            }
        }
    }
    panic!("a call that does not end: {session:?}");
}

/// No secret of ours in what is shown, unless the server said it itself.
fn discreet(shown: &str, input: &Input<'_>) {
    for secret in SECRETS {
        assert!(input.says(secret) || !shown.contains(secret), "a secret is shown: {shown}");
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

        #[test]
        fn no_bytes_break_the_other_targets(data in proptest::collection::vec(any::<u8>(), 0..100)) {
            base_url(&data);
            endpoint_answers(&data);
            error_bodies(&data);
            retry_after(&data);
            saved_session(&data);
            transfers(&data);
        }
    }
}
