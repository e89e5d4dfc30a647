//! The rows of the state table, one test or more each. `S`, `I`, `Q` and `M` rows stand in the names.

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::api::{GetAccountMetadata, GetProfile, Profile, Raw};
use crate::error::{TransportError, TransportErrorKind};
use crate::{ApiKey, Challenge, Compat, Factor, Server};

mod active;
mod answer;
mod asked;
mod budget;
mod failed_login;
mod keepalive;
mod login;
mod logout;
mod repeat;
mod resumed;
mod shown;
mod told;

const MINUTE: Duration = Duration::from_secs(60);
const PROFILE: &str = r#"{"name":"Me","email":"me@acme.com"}"#;

/// A session and a clock; the test plays driver and server.
struct World {
    session: Session,
    now: Timestamp,
}

/// What the test, as the server, was sent.
struct Sent {
    exchange: ExchangeId,
    name: &'static str,
    request: http::Request<Bytes>,
    source: Option<std::ops::Range<u64>>,
}

impl Sent {
    fn token(&self) -> &str {
        self.request.headers().get("x-auth-token").map_or("", |value| value.to_str().unwrap())
    }

    fn header(&self, name: &str) -> &str {
        self.request.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn body(&self) -> &str {
        std::str::from_utf8(self.request.body()).unwrap()
    }
}

impl World {
    fn new() -> Self {
        Self::with(|config| config)
    }

    fn with(settings: impl FnOnce(Config) -> Config) -> Self {
        let config = settings(Config::new(Server::account("acme").unwrap()).observe(true));
        Self { session: Session::new(config, 7), now: Timestamp::from(Duration::from_secs(1000)) }
    }

    /// Logged in, with this token.
    fn active(token: &str) -> Self {
        let mut world = Self::new();
        world.log_in(token);
        world
    }

    fn log_in(&mut self, token: &str) {
        let login = self.login();
        let sent = self.sent(&login);
        self.grant(&sent, token);
        assert_eq!(self.done(login).unwrap(), Login::Active);
    }

    /// After a 207 with this `Mfa-Code`.
    fn challenged(mut self, mfa_code: &str) -> Self {
        let login = self.login();
        let sent = self.sent(&login);
        self.answer(&sent, 207, &[("mfa-code", mfa_code)], r#"{"session_id":"partial"}"#);
        assert!(matches!(self.done(login).unwrap(), Login::Challenged(_)));
        self
    }

    fn login(&mut self) -> Ticket<Login> {
        self.session.login(self.now, Credentials::new("me@acme.com", "qwerty").unwrap())
    }

    fn profile(&mut self) -> Ticket<Profile> {
        self.session.call(self.now, &GetProfile)
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.saturating_add(time);
    }

    fn poll<T>(&mut self, ticket: &Ticket<T>) -> Step {
        self.session.poll_call(self.now, ticket.id())
    }

    #[track_caller]
    fn sent<T>(&mut self, ticket: &Ticket<T>) -> Sent {
        match self.poll(ticket) {
            Step::Send(transmit) => Sent {
                exchange: transmit.exchange,
                name: transmit.spec().name(),
                request: transmit.request,
                source: transmit.source,
            },
            step => panic!("nothing to send: {step:?}"),
        }
    }

    #[track_caller]
    fn waits<T>(&mut self, ticket: &Ticket<T>) -> Timestamp {
        match self.poll(ticket) {
            Step::Wait(until) => until,
            step => panic!("does not wait: {step:?}"),
        }
    }

    #[track_caller]
    fn done<T>(&mut self, ticket: Ticket<T>) -> Result<T, Error> {
        match self.poll(&ticket) {
            Step::Ready(outcome) => ticket.decode(outcome),
            step => panic!("has not ended: {step:?}"),
        }
    }

    /// How it ended, in words: errors are compared by what they say.
    #[track_caller]
    fn failed<T: std::fmt::Debug>(&mut self, ticket: Ticket<T>) -> String {
        self.done(ticket).unwrap_err().to_string()
    }

    /// Why the login that it waited for failed.
    #[track_caller]
    fn not_logged_in<T: std::fmt::Debug>(&mut self, ticket: Ticket<T>) -> String {
        let error = self.done(ticket).unwrap_err();
        assert_eq!(error.to_string(), "not logged in: the last attempt failed");
        std::error::Error::source(&error).unwrap().to_string()
    }

    fn answer(&mut self, sent: &Sent, status: u16, headers: &[(&str, &str)], body: &str) {
        let mut response = http::Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        let response = response.body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
        self.session.handle_response(self.now, sent.exchange, response);
    }

    fn ok(&mut self, sent: &Sent, body: &str) {
        self.answer(sent, 200, &[], body);
    }

    fn refuse(&mut self, sent: &Sent, status: u16, code: i64) {
        self.answer(sent, status, &[], &format!(r#"{{"code":{code},"msg":"no"}}"#));
    }

    fn grant(&mut self, sent: &Sent, token: &str) {
        self.ok(sent, &format!(r#"{{"session_id":"{token}"}}"#));
    }

    fn fail(&mut self, sent: &Sent, failure: TransportError) {
        self.session.handle_failure(self.now, sent.exchange, failure);
    }

    fn lose(&mut self, sent: &Sent) {
        self.fail(sent, TransportError::maybe_sent(TransportErrorKind::Interrupted));
    }

    /// The session has gone on the server: a call finds out and a keepalive confirms it.
    fn expire(&mut self) {
        let call = self.profile();
        let sent = self.sent(&call);
        self.refuse(&sent, 401, 14);
        let probe = self.sent(&call);
        assert_eq!(probe.name, "session.keepalive");
        self.refuse(&probe, 401, 14);
        self.session.cancel(self.now, call.id());
    }

    fn state(&self) -> String {
        match self.session.state() {
            State::LoggedOut(LoggedOut::Never) => "never",
            State::LoggedOut(LoggedOut::ByUser) => "by user",
            State::LoggedOut(LoggedOut::Expired) => "expired",
            State::LoggedOut(LoggedOut::Refused(_)) => "refused",
            State::LoggedOut(LoggedOut::Failed(_)) => "failed",
            State::LoggingIn => "logging in",
            State::Challenged(Challenge::Captcha { refused }) => return format!("captcha {refused}"),
            State::Challenged(Challenge::SecondFactor { factor, refused }) => return format!("{factor:?} {refused}"),
            State::Answering => "answering",
            State::Active { confirmed: true } => "active",
            State::Active { confirmed: false } => "unconfirmed",
            State::LoggingOut => "logging out",
            State::ApiKey => "api key",
        }
        .to_owned()
    }
}
