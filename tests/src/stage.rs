//! Emulator with the settings of its clients.

use std::sync::{Arc, Mutex};

use quatrix_emulator::{Builder, Emulator, Settings};
use quatrix_proto::{Config, Credentials, Event, Login, Server};

use crate::subject::{Setup, Subject};

/// The password of every account.
pub const PASSWORD: &str = "only-for-tests-4711";

/// How client and emulator are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// Plain HTTP.
    Plain,
    /// HTTP over TLS, with a certificate of the emulator's own authority.
    Tls,
}

/// Runs each test through both adapters, plain and over TLS.
#[macro_export]
macro_rules! conform {
    ($($test:ident),* $(,)?) => {
        mod ureq_plain { $(#[test] fn $test() { super::$test::<quatrix_ureq::Client>($crate::stage::Wire::Plain); })* }
        mod ureq_tls { $(#[test] fn $test() { super::$test::<quatrix_ureq::Client>($crate::stage::Wire::Tls); })* }
        mod hyper_plain { $(#[test] fn $test() { super::$test::<quatrix_hyper::Client>($crate::stage::Wire::Plain); })* }
        mod hyper_tls { $(#[test] fn $test() { super::$test::<quatrix_hyper::Client>($crate::stage::Wire::Tls); })* }
    };
}

/// Emulator with the settings of its clients.
pub struct Stage {
    /// The server.
    pub emulator: Emulator,
    events: Arc<Mutex<Vec<String>>>,
}

impl Stage {
    /// With the emulator's defaults.
    pub fn new(wire: Wire) -> Self {
        Self::with(wire, |settings| settings)
    }

    /// With other settings.
    pub fn with(wire: Wire, settings: impl FnOnce(Settings) -> Settings) -> Self {
        Self::built(wire, |builder| builder.settings(settings(Settings::default())))
    }

    /// Starts a stage with further settings of the builder.
    pub fn built(wire: Wire, change: impl FnOnce(Builder) -> Builder) -> Self {
        let builder = change(Emulator::builder().seed(7));
        let emulator = match wire {
            Wire::Plain => builder.start(),
            Wire::Tls => builder.tls().start(),
        };
        Self { emulator: emulator.expect("a test machine has sockets"), events: Arc::default() }
    }

    /// Where the emulator is.
    pub fn server(&self) -> Server {
        Server::at(self.emulator.api()).expect("the emulator is on this machine")
    }

    /// A setup whose events are noted.
    pub fn setup(&self) -> Setup {
        let events = Arc::clone(&self.events);
        Setup {
            roots: self.emulator.ca_cert_pem().map(str::to_owned),
            observer: Some(Arc::new(move |event| events.lock().expect("no observer panics").push(said(event)))),
            ..Setup::new(Config::new(self.server()))
        }
    }

    /// A client with the defaults.
    pub fn client<S: Subject>(&self) -> S {
        S::build(self.setup()).expect("the setup is a good one")
    }

    /// A client that has logged in as the user without a second factor.
    pub fn active<S: Subject>(&self) -> S {
        let client: S = self.client();
        assert_eq!(client.login(me("user@example.com")).expect("the password is right"), Login::Active);
        client
    }

    /// How often an operation was asked for.
    pub fn count(&self, operation: &str) -> usize {
        self.emulator.requests().iter().filter(|request| request.operation == Some(operation)).count()
    }

    /// Returns the events observed since the last call.
    pub fn take_events(&self) -> Vec<String> {
        std::mem::take(&mut *self.events.lock().expect("no observer panics"))
    }
}

fn said(event: &Event) -> String {
    match event {
        Event::Exchanged { endpoint, method, path, result: Ok(status), .. } => {
            format!("{endpoint}: {method} {path} {}", status.as_u16())
        }
        Event::Exchanged { endpoint, result: Err(kind), .. } => format!("{endpoint}: {kind:?}"),
        Event::Repeating { endpoint, attempts, .. } => format!("{endpoint}: again after {attempts}"),
        Event::LoggedIn { again, .. } => format!("logged in, again: {again}"),
        Event::Challenged(challenge) => format!("challenged: {challenge}, refused {}", challenge.refused()),
        Event::LoggedOut(why) => format!("logged out: {why}"),
        other => format!("{other:?}"),
    }
}

/// A user with the password of every account.
pub fn me(user: &str) -> Credentials {
    Credentials::new(user, PASSWORD).expect("no colon, no control character")
}
