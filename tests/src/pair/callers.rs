//! Who wants something of the session, one errand at a time: each is a driver of its own.

use std::convert::Infallible;
use std::time::Duration;

use quatrix_proto::api::{AccountMetadata, GetAccountMetadata, GetProfile, MakeFolder, Profile};
use quatrix_proto::{
    CallId, CallOptions, Challenge, Declined, Error, ExchangeId, File, Login, Logout, Outcome, State, Step, Ticket,
    TransportError,
};

use super::{Due, Life, Pair, people};

pub(super) struct Caller {
    open: Option<Open>,
    /// Its latest turn; earlier ones that are still due have been overtaken.
    turn: u64,
    /// How many errands it has still to begin.
    left: u32,
}

/// An errand on its way.
struct Open {
    serial: u64,
    call: CallId,
    what: What,
    at: At,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Waits,
    Flies(ExchangeId),
    Asked,
}

/// Command that a caller may start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    LogIn { user: &'static str, right: bool },
    Answer { right: bool },
    LogOut,
    Profile,
    Folder,
    Public,
    KeepAlive,
    RunKeepAlive,
    Save,
    Resume { with_password: bool },
    ForgetPassword,
}

enum What {
    Login(Ticket<Login>),
    Logout(Ticket<Logout>),
    /// Whose profile it must be.
    Profile(Ticket<Profile>, Option<&'static str>),
    Folder(Ticket<File>),
    Public(Ticket<AccountMetadata>),
    KeepAlive(Ticket<()>),
    RunKeepAlive(Ticket<Infallible>),
}

impl Caller {
    pub(super) fn new(errands: u32) -> Self {
        Self { open: None, turn: 0, left: errands }
    }

    pub(super) fn is_free(&self) -> bool {
        self.open.is_none()
    }

    pub(super) fn is_done(&self) -> bool {
        self.is_free() && self.left == 0
    }

    /// Whether it is still at this errand.
    pub(super) fn is_at(&self, errand: u64) -> bool {
        self.open.as_ref().is_some_and(|open| open.serial == errand)
    }

    /// Whether it has had no turn since this one was due.
    pub(super) fn awaits(&self, turn: u64) -> bool {
        self.turn == turn
    }
}

impl Pair {
    pub(super) fn turn(&mut self, caller: usize) {
        if self.callers[caller].open.is_none() {
            self.callers[caller].left -= 1;
            if self.callers.iter().all(|caller| caller.left == 0) {
                self.note(format_args!("the faults stop"));
                self.trouble = 0;
            }
            let wish = self.wish();
            self.begin(caller, wish);
        }
        self.poll(caller);
    }

    pub(super) fn turn_after(&mut self, caller: usize, wait: Duration) {
        self.callers[caller].turn += 1;
        let turn = self.callers[caller].turn;
        self.later(wait, Due::Turn { caller, turn });
    }

    /// As every driver: if that is worth it, those who wait look at the session again, in any order.
    pub(super) fn wake(&mut self) {
        let wakes = self.session.session().wakes();
        if std::mem::replace(&mut self.woken, wakes) == wakes {
            return;
        }
        for caller in 0..self.callers.len() {
            if self.callers[caller].open.as_ref().is_some_and(|open| open.at == At::Waits) {
                let wait = self.dice.up_to(Duration::from_millis(2));
                self.turn_after(caller, wait);
            }
        }
    }

    /// Chooses the next command of a caller.
    fn wish(&mut self) -> Wish {
        if self.life == Life::Service {
            return self.dice.pick(&[Wish::Profile, Wish::Profile, Wish::Profile, Wish::Folder, Wish::KeepAlive]);
        }
        let log_in = Wish::LogIn { user: self.dice.pick(&people::USERS), right: self.dice.chance(90) };
        let answer = Wish::Answer { right: self.dice.chance(75) };
        match (self.dice.below(100), self.session.session().state()) {
            (0..50, State::LoggedOut(_)) => log_in,
            (0..60, State::Challenged(_)) => answer,
            (0..75, _) => self.dice.pick(&[Wish::Profile, Wish::Profile, Wish::Folder, Wish::KeepAlive]),
            (75..80, _) => log_in,
            (80..83, _) => answer,
            (83..89, _) => Wish::LogOut,
            (89..91, _) => Wish::RunKeepAlive,
            (91..94, _) => Wish::Save,
            (94..97, _) => Wish::Resume { with_password: self.dice.chance(50) },
            (97, _) => Wish::ForgetPassword,
            _ => Wish::Public,
        }
    }

    /// Sets out. What takes no exchange is done at once.
    pub(super) fn begin(&mut self, caller: usize, wish: Wish) {
        self.serial += 1;
        let (serial, now) = (self.serial, self.client_time());
        self.note(format_args!("caller {caller} begins {serial}: {wish:?}"));
        let what = match wish {
            Wish::LogIn { user, right } => {
                if matches!(self.session.session().state(), State::LoggedOut(_) | State::Challenged(_)) {
                    self.rules.log_in(user);
                }
                What::Login(self.session.login(now, people::credentials(user, right)))
            }
            Wish::Answer { right } => {
                let challenge = match self.session.session().state() {
                    State::Challenged(challenge) => challenge,
                    _ => Challenge::Captcha { refused: 0 },
                };
                let answer = self.answer(challenge, right);
                What::Login(self.session.answer(now, answer))
            }
            Wish::LogOut => {
                self.rules.log_out();
                What::Logout(self.session.logout(now))
            }
            Wish::Profile => {
                let options = match self.life == Life::Wild && self.dice.chance(10) {
                    true => CallOptions::new().with_deadline(self.dice.up_to(Duration::from_secs(60))),
                    false => CallOptions::new(),
                };
                What::Profile(self.session.call_with(now, &GetProfile, options), self.rules.user())
            }
            Wish::Folder => {
                let target = people::home_of(self.rules.user().unwrap_or(people::USERS[0]));
                let name = format!("folder {serial}").parse().expect("a good name");
                What::Folder(self.session.call(now, &MakeFolder::new(target, name)))
            }
            Wish::Public => What::Public(self.session.call(now, &GetAccountMetadata)),
            Wish::KeepAlive => What::KeepAlive(self.session.keepalive(now)),
            Wish::RunKeepAlive => What::RunKeepAlive(self.session.run_keepalive(now)),
            Wish::Save => {
                if let (Some(saved), Some(user)) = (self.session.session().save(), self.rules.user()) {
                    self.saved = Some((saved, user));
                }
                return;
            }
            Wish::Resume { with_password } => {
                if let Some((saved, user)) = self.saved.clone() {
                    let credentials = with_password.then(|| people::credentials(user, true));
                    if self.session.resume(now, saved, credentials).is_ok() {
                        self.rules.log_in(user);
                    }
                }
                return;
            }
            Wish::ForgetPassword => return self.session.forget_password(now),
        };
        let call = what.call();
        self.callers[caller].open = Some(Open { serial, call, what, at: At::Waits });
        let patience = match wish {
            Wish::RunKeepAlive => 3600,
            _ if self.trouble > 0 && self.dice.chance(5) => 30,
            _ => return,
        };
        let wait = self.dice.up_to(Duration::from_secs(patience));
        self.later(wait, Due::Vanish { caller, errand: serial });
    }

    /// A driver's loop, up to where it has to wait for something.
    pub(super) fn poll(&mut self, caller: usize) {
        let now = self.client_time();
        let Some(open) = &mut self.callers[caller].open else {
            return self.rest(caller);
        };
        if open.at != At::Waits {
            return;
        }
        let (serial, call) = (open.serial, open.call);
        match self.session.poll_call(now, call) {
            Step::Send(transmit) => {
                open.at = At::Flies(transmit.exchange);
                self.rules.sent(serial, &transmit);
                self.send(caller, serial, transmit);
            }
            Step::Wait(until) => {
                let wait = until.saturating_since(now);
                assert!(!wait.is_zero() && wait <= Duration::from_secs(3600), "a wait of {wait:?}");
                self.turn_after(caller, wait);
            }
            Step::Ask(challenge) => {
                open.at = At::Asked;
                self.think(caller, serial, challenge);
            }
            Step::Ready(outcome) => self.end(caller, outcome),
        }
    }

    /// Whoever is asked takes a while; after a refusal until there is another code.
    fn think(&mut self, caller: usize, errand: u64, challenge: Challenge) {
        let right = match self.dice.below(100) {
            _ if self.trouble == 0 => Some(true),
            0..70 => Some(true),
            70..85 => Some(false),
            _ => None,
        };
        let mut wait = self.dice.up_to(Duration::from_secs(10));
        if challenge.refused() > 0 {
            wait += Duration::from_secs(30);
        }
        self.note(format_args!("caller {caller} is asked: {challenge:?}"));
        self.later(wait, Due::Told { caller, errand, challenge, right });
    }

    pub(super) fn told(&mut self, caller: usize, challenge: Challenge, right: Option<bool>) {
        let answer = right.map(|right| self.answer(challenge, right)).ok_or(Declined);
        self.note(format_args!("caller {caller} is told: {right:?}"));
        if let Some(open) = &mut self.callers[caller].open {
            open.at = At::Waits;
            let call = open.call;
            self.session.handle_answer(self.client_time(), call, answer);
        }
        self.poll(caller);
    }

    fn answer(&self, challenge: Challenge, right: bool) -> quatrix_proto::Answer {
        let user = self.rules.user().unwrap_or(people::USERS[0]);
        people::answer(&self.server, self.server_time(), user, challenge, right)
    }

    /// The exchange that a caller flew with has ended.
    pub(super) fn landed(&mut self, caller: usize, exchange: ExchangeId) {
        if let Some(open) = &mut self.callers[caller].open
            && open.at == At::Flies(exchange)
        {
            open.at = At::Waits;
            self.poll(caller);
        }
    }

    /// A call is cancelled, and its driver reports it or does not.
    pub(super) fn vanish(&mut self, caller: usize, errand: u64) {
        let Some(open) = self.callers[caller].open.take() else { return };
        let now = self.client_time();
        self.note(format_args!("caller {caller} gives up {errand}"));
        if let At::Flies(exchange) = open.at
            && self.dice.chance(50)
        {
            self.session.handle_failure(now, exchange, TransportError::aborted());
        }
        self.session.cancel(now, open.call);
        self.rest(caller);
    }

    fn end(&mut self, caller: usize, outcome: Outcome) {
        let Some(Open { serial, call, what, .. }) = self.callers[caller].open.take() else { return };
        let again = format!("{:?}", self.session.poll_call(self.client_time(), call));
        assert!(again.contains("UnknownCall"), "a call ends once, but then: {again}");
        let is_call = !matches!(what, What::Login(_) | What::Logout(_) | What::RunKeepAlive(_));
        let result = match what {
            What::Login(ticket) => ticket.decode(outcome).map(|login| format!("{login:?}")),
            What::Logout(ticket) => ticket.decode(outcome).map(|logout| format!("{logout:?}")),
            What::Profile(ticket, user) => ticket.decode(outcome).map(|profile| {
                assert_eq!(Some(profile.email.as_str()), user, "a call has ridden in a session of somebody else's");
                profile.email
            }),
            What::Folder(ticket) => ticket.decode(outcome).map(|folder| folder.name),
            What::Public(ticket) => ticket.decode(outcome).map(|_| "public".to_owned()),
            What::KeepAlive(ticket) => ticket.decode(outcome).map(|()| "alive".to_owned()),
            What::RunKeepAlive(ticket) => ticket.decode(outcome).map(|never| match never {}),
        };
        self.ran.calls += u64::from(is_call);
        self.ran.succeeded += u64::from(is_call && result.is_ok());
        self.ended(caller, serial, &result);
        self.rest(caller);
    }

    fn ended(&mut self, caller: usize, serial: u64, result: &Result<String, Error>) {
        let state = self.session.session().state();
        match result {
            Ok(text) => self.note(format_args!("caller {caller} ends {serial}: {text}; {state:?}")),
            Err(error) => self.note(format_args!("caller {caller} ends {serial}: {error}; {state:?}")),
        }
    }

    /// Removes callers that have finished.
    fn rest(&mut self, caller: usize) {
        self.callers[caller].turn += 1;
        if self.callers[caller].left == 0 {
            return;
        }
        let rest = self.dice.up_to(self.rest);
        self.turn_after(caller, rest);
    }
}

impl What {
    fn call(&self) -> CallId {
        match self {
            Self::Login(ticket) => ticket.id(),
            Self::Logout(ticket) => ticket.id(),
            Self::Profile(ticket, _) => ticket.id(),
            Self::Folder(ticket) => ticket.id(),
            Self::Public(ticket) => ticket.id(),
            Self::KeepAlive(ticket) => ticket.id(),
            Self::RunKeepAlive(ticket) => ticket.id(),
        }
    }
}
