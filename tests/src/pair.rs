//! A session and the emulator, linked in memory, with a bad network and several callers between them.
//!
//! No socket, no thread, no clock: a queue of what is due, ordered by virtual time, and a seed that decides everything
//! else. So a run of hours takes a millisecond or two, and a run that shows a defect can be looked at as often as needed.
//!
//! The parts: `callers` is who wants something of the session and drives it, `network` what happens to a request on its
//! way to the server and back, `rules` what must hold meanwhile, `settle` what must hold in the end.

use std::collections::BTreeMap;
use std::time::Duration;

use quatrix_emulator::{Accounts, CaptchaMethod, CaptchaSignal, IdPlace, Now, SecondFactorId, Server, Settings};
use quatrix_proto::{Challenge, Config, Saved, Timestamp};

use crate::dice::Dice;
use crate::referee::Watched;

mod callers;
mod journal;
mod network;
mod people;
mod rules;
mod settle;

use callers::{Caller, Wish};

use journal::Journal;
use network::{Flight, Report};
use rules::Rules;

/// Plan of a run, besides its seed.
pub struct Plan {
    /// The client's settings.
    pub config: Config,
    /// The server's.
    pub settings: Settings,
    /// Goal of the callers.
    pub life: Life,
    /// How many callers there are.
    pub callers: usize,
    /// How many errands each of them has.
    pub errands: u32,
    /// How long a caller rests at most between two errands.
    pub rest: Duration,
    /// How many exchanges in a hundred something happens to.
    pub trouble: u64,
}

/// Goal of the callers of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// Whatever the session can be asked for, in any order: logins, answers, logouts, calls; and they give up at times.
    Wild,
    /// One login, then calls only; the server ends the session every now and then. Whoever is asked for a code knows it.
    Service,
}

/// Result of a run. The same plan and seed give the same numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    /// Of the whole log.
    pub hash: u64,
    /// How much virtual time passed.
    pub time: Duration,
    /// How many requests left the client.
    pub exchanges: u64,
    /// Number of requests with a password.
    pub logins: u64,
    /// How often the server gave up a session that the client was using: idle for too long, or ended by force.
    pub expiries: u64,
    /// How many calls the callers made.
    pub calls: u64,
    /// Number of successful calls.
    pub succeeded: u64,
}

/// A session, a server, and all that is between them.
pub struct Pair {
    session: Watched,
    server: Server,
    life: Life,
    rest: Duration,
    /// Becomes nothing once the faults stop.
    trouble: u64,
    now: Duration,
    /// How far the client's clock has jumped ahead of the world.
    client_ahead: Duration,
    /// How far the server's has.
    server_ahead: Duration,
    due: BTreeMap<(Duration, u64), Due>,
    /// Of whatever has to be told from its like.
    serial: u64,
    dice: Dice,
    callers: Vec<Caller>,
    /// How far [`Session::wakes`](quatrix_proto::Session::wakes) had come when those who wait were woken.
    woken: u64,
    /// A session that was put down, and whose it was.
    saved: Option<(Saved, &'static str)>,
    rules: Rules,
    journal: Journal,
    ran: Ran,
}

enum Due {
    /// A caller goes on, unless it has had another turn since.
    Turn { caller: usize, turn: u64 },
    /// A caller cancels this command.
    Vanish { caller: usize, errand: u64 },
    /// A request gets to the server.
    Arrival(Box<Flight>),
    /// A driver reports the end of an exchange.
    Report(Box<Report>),
    /// A challenge callback returns an answer, right or wrong, or none.
    Told { caller: usize, errand: u64, challenge: Challenge, right: Option<bool> },
    /// The server ends all sessions.
    Expiry,
}

impl Plan {
    /// Everything at random: settings of both sides, callers, troubles.
    pub fn wild(seed: u64) -> Self {
        let mut dice = Dice::new(!seed);
        let config = Config::new(people::address()).observe(true).interactive(dice.chance(50));
        let config = if dice.chance(20) { config.forget_credentials() } else { config };
        let settings = Settings {
            totp_single_use: dice.chance(30),
            remembered_requests: 0,
            second_factor_id: dice.pick(&[SecondFactorId::Kept, SecondFactorId::Rotated, SecondFactorId::Omitted]),
            id_place: dice.pick(&[IdPlace::Body, IdPlace::Body, IdPlace::Header]),
            captcha_signal: dice.pick(&[
                CaptchaSignal::MultiStatus,
                CaptchaSignal::UnauthorizedHeader,
                CaptchaSignal::UnauthorizedBody,
            ]),
            captcha_after: dice.pick(&[None, Some(2)]),
            captcha_method: dice.pick(&[CaptchaMethod::Both, CaptchaMethod::Post, CaptchaMethod::Get]),
            captcha_logs_in: dice.chance(50),
            partial_lifetime: dice.pick(&[None, Some(Duration::from_secs(5 * 60))]),
            ..Settings::default()
        };
        Self {
            config,
            settings,
            life: Life::Wild,
            callers: 2 + dice.below(4) as usize,
            errands: 8 + dice.below(24) as u32,
            rest: dice.pick(&[1, 30, 20 * 60].map(Duration::from_secs)),
            trouble: dice.pick(&[5, 20, 40]),
        }
    }

    /// A service with an authenticator that makes a call every now and then, on a network that is only slow.
    pub fn service(calls: u32) -> Self {
        Self {
            config: Config::new(people::address()).interactive(true),
            settings: Settings { totp_single_use: true, remembered_requests: 0, ..Settings::default() },
            life: Life::Service,
            callers: 3,
            errands: calls,
            rest: Duration::from_secs(20 * 60),
            trouble: 0,
        }
    }
}

impl Pair {
    /// Prints the log of a seed to stderr on request.
    pub fn new(plan: Plan, seed: u64, shown: bool) -> Self {
        let Plan { config, settings, life, callers, errands, rest, trouble } = plan;
        let mut pair = Self {
            session: Watched::new(config, seed),
            server: Server::new(settings, Accounts::default()).with_seed(seed),
            life,
            rest,
            trouble,
            now: Duration::ZERO,
            client_ahead: Duration::ZERO,
            server_ahead: Duration::ZERO,
            due: BTreeMap::new(),
            serial: 0,
            dice: Dice::new(seed),
            callers: (0..callers).map(|_| Caller::new(errands)).collect(),
            woken: 0,
            saved: None,
            rules: Rules::default(),
            journal: Journal::new(shown),
            ran: Ran::default(),
        };
        if life == Life::Service {
            pair.begin(0, Wish::LogIn { user: people::AUTHENTICATOR, right: true });
            pair.expire_some_time();
        }
        for caller in 0..callers {
            pair.turn_after(caller, Duration::from_secs(1));
        }
        pair
    }

    /// Lets everything happen that is due, until the faults stop and everybody has been served; then looks whether
    /// client and server agree.
    ///
    /// # Panics
    /// A rule is broken.
    pub fn run(mut self) -> Ran {
        self.until_nothing_is_due();
        self.ran.time = self.now;
        self.settle();
        self.ran.hash = self.journal.hash();
        self.ran
    }

    fn until_nothing_is_due(&mut self) {
        // Far more than the longest errand of all takes.
        let mut patience = 1_000_000_u32;
        while let Some(((moment, _), due)) = self.due.pop_first() {
            if self.is_overtaken(&due) {
                continue;
            }
            patience -= 1;
            assert!(patience > 0, "it goes in circles: {:?}", self.session.session());
            self.now = self.now.max(moment);
            match due {
                Due::Turn { caller, .. } => self.turn(caller),
                Due::Vanish { caller, errand } => self.vanish(caller, errand),
                Due::Arrival(flight) => self.arrive(*flight),
                Due::Report(report) => self.report(*report),
                Due::Told { caller, challenge, right, .. } => self.told(caller, challenge, right),
                Due::Expiry => self.expire(),
            }
            self.wake();
            assert_eq!(self.session.verdict(), Ok(()));
        }
        for caller in &self.callers {
            assert!(caller.is_free(), "a call has never ended: {:?}", self.session.session());
        }
    }

    /// Events without a waiting caller do not advance the time.
    fn is_overtaken(&self, due: &Due) -> bool {
        match due {
            Due::Turn { caller, turn } => !self.callers[*caller].awaits(*turn),
            Due::Vanish { caller, errand } | Due::Told { caller, errand, .. } => !self.callers[*caller].is_at(*errand),
            Due::Arrival(_) | Due::Report(_) | Due::Expiry => false,
        }
    }

    fn later(&mut self, wait: Duration, due: Due) {
        self.serial += 1;
        self.due.insert((self.now + wait, self.serial), due);
    }

    /// Returns the client's clock.
    fn client_time(&self) -> Timestamp {
        Timestamp::from(self.now + self.client_ahead)
    }

    /// How long the world has to wait for a moment of the client's.
    fn until(&self, moment: Timestamp) -> Duration {
        moment.saturating_since(self.client_time())
    }

    fn server_time(&self) -> Now {
        /// Some day in 2026, as good as any other.
        const ORIGIN: Duration = Duration::from_secs(1_795_000_000);
        Now { elapsed: self.now + self.server_ahead, unix: ORIGIN + self.now, ..Now::default() }
    }

    fn note(&mut self, line: std::fmt::Arguments<'_>) {
        self.journal.note(self.now, line);
    }

    fn expire_some_time(&mut self) {
        let wait = Duration::from_secs(60) + self.dice.up_to(Duration::from_secs(6 * 60 * 60));
        self.later(wait, Due::Expiry);
    }

    fn expire(&mut self) {
        self.note(format_args!("the server ends all sessions"));
        self.server.expire(None);
        if self.callers.iter().any(|caller| !caller.is_done()) {
            self.expire_some_time();
        }
    }
}
