//! Answers, without a session around them.

use std::error::Error as _;
use std::time::Duration;

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};

use super::Input;
use crate::api::{GetProfile, Reader, readers};
use crate::error::{Error, TransportErrorKind};
use crate::{ApiKey, Config, Server, Session, Step, Timestamp, retry};

/// Inputs have this where a value is to be kept quiet about. It is no name that a field of ours could have.
pub(super) const CANARY: &str = "CANARY";

/// Any answer to any operation: read, or refused without a word of it.
pub fn endpoint_answers(data: &[u8]) {
    let mut input = Input::new(data);
    let Reader { type_name, read } = input.pick(readers());
    match read(input.last_response()) {
        Ok(shown) => {
            let secret = ["LogIn", "SecondFactor", "KeepAlive", "LogOut", "UnblockCaptcha", "GetDownloadLink"];
            assert!(!(secret.contains(&type_name) && shown.contains(CANARY)), "{type_name} shows a secret: {shown}");
        }
        Err(error) => one_line(&error),
    }
}

/// Whatever a server says instead of what was asked for.
pub fn error_bodies(data: &[u8]) {
    let response = Input::new(data).last_response();
    let status = response.status();
    let error = Error::from_answer("file.move", &response);
    one_line(&error);
    assert!(!error.retryable() || !status.is_success(), "a success is no reason to try again");
    let shown = format!("{error} {error:?}");
    match &error {
        Error::Api(api) => {
            assert_eq!(api.status(), status);
            let said = api.message().is_some_and(|message| message.contains(CANARY));
            assert!(said || !shown.contains(CANARY), "more than the message is shown: {shown}");
        }
        Error::Transport(failure) => {
            assert_eq!(failure.kind(), TransportErrorKind::Redirect);
            let target = failure.to_string();
            let host = target.rsplit_once(" on ").map_or("", |(_, host)| host);
            assert!(!host.contains(['/', '?', '@']), "more than the host is shown: {host}");
        }
        other => panic!("an answer is a refusal or a redirect, not {other:?}"),
    }
}

/// A `Retry-After` with a `Date` beside it: read, and obeyed or handed on.
pub fn retry_after(data: &[u8]) {
    let mut input = Input::new(data);
    let status = input.pick(&[StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE]);
    let mut lines = input.rest().splitn(2, |&byte| byte == b'\n');
    let mut answer = http::Response::new(bytes::Bytes::new());
    *answer.status_mut() = status;
    for (name, line) in [RETRY_AFTER, DATE].into_iter().zip(lines.by_ref()) {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            answer.headers_mut().insert(name, value);
        }
    }
    let asked = retry::retry_after(answer.headers());

    let mut session = Session::with_api_key(Config::new(Server::default()), 1, ApiKey::new("key").unwrap());
    let mut now = Timestamp::ZERO;
    let mut sent = Vec::new();
    let ticket = session.call(now, &GetProfile);
    let outcome = loop {
        match session.poll_call(now, ticket.id()) {
            Step::Send(transmit) => {
                sent.push(now);
                session.handle_response(now, transmit.exchange, answer.clone());
            }
            Step::Wait(until) => {
                assert!(until > now && until.saturating_since(now) <= Duration::from_secs(3600), "I7");
                now = until;
            }
            Step::Ready(outcome) => break outcome,
            Step::Ask(_) => panic!("nothing to ask"),
        }
    };
    assert!(sent.len() <= 3, "at most three attempts");
    let gap = sent.windows(2).map(|pair| pair[1].saturating_since(pair[0])).min();
    assert!(gap.is_none() || gap >= asked, "sooner than the server asked for");
    let error = ticket.decode(outcome).unwrap_err();
    assert_eq!(error.retry_after(), asked, "what was asked for is handed on");
}

/// Errors reach terminals and logs: no control character, so no second line and no escape.
fn one_line(error: &Error) {
    let mut texts = vec![error.to_string(), format!("{error:?}")];
    let mut source = error.source();
    while let Some(error) = source {
        texts.push(error.to_string());
        source = error.source();
    }
    for text in &texts {
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
    if let Error::InvalidResponse(_) = error {
        assert!(!texts.iter().any(|text| text.contains(CANARY)), "a value is quoted: {texts:?}");
    }
}
