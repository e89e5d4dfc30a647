//! Session with a few callers, and every possible event.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use quatrix_proto::api::{EmptyTrash, GetProfile};
use quatrix_proto::{
    Answer, ApiKey, CallId, CallOptions, Config, Credentials, Declined, ExchangeId, FileId, Names, Saved, Server,
    SessionId, State, Step, Timestamp, TransportError, TransportErrorKind,
};
use quatrix_tests::explore;
use quatrix_tests::referee::Watched;

use crate::server::{Fate, Purpose, Whims};

/// All times in a world are multiples of this, so that there are few of them.
pub(crate) const TICK: Duration = Duration::from_secs(30);

/// What the callers do, each command once: a command, and which one of the script it comes after.
pub(crate) struct World {
    script: Vec<(What, Option<u8>)>,
    whims: Whims,
    config: Arc<Config>,
    key: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Login(&'static str),
    Resume(&'static str),
    Answer(Given),
    /// A call that may be repeated.
    Read,
    /// The same, given up after two ticks.
    ReadInTime,
    /// A call that must not be.
    Write,
    KeepAlive,
    RunKeepAlive,
    Logout,
    ForgetPassword,
}

/// Answer to a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    Code,
    OtherCode,
    Captcha,
    Nothing,
}

/// Something that happens. Numbers are places: of a command in the script, of an exchange among those under way.
#[derive(Clone, Copy)]
pub(crate) enum Move {
    Do(What, u8),
    Poll(u8),
    Cancel(u8),
    Reach(Purpose, Fate, u8),
    Tell(Given),
    Tick,
}

#[derive(Clone)]
pub(crate) struct Scene {
    session: Watched,
    now: Timestamp,
    /// One for each command.
    calls: Vec<Progress>,
    under_way: Vec<Exchange>,
    /// Exchanges whose end the session must not care for any more; the newest last.
    over: Vec<ExchangeId>,
    /// Call that asks the user.
    asked: Option<CallId>,
    tokens: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    NotYet,
    Since(CallId),
    Over,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Exchange {
    place: u8,
    purpose: Purpose,
    id: ExchangeId,
}

impl World {
    /// Without second steps, and with a driver that is never asked.
    pub(crate) fn new(script: &[(What, Option<u8>)]) -> Self {
        let config = Config::new(Server::default())
            .with_exchange_timeout(TICK)
            .with_idle_timeout(TICK * 2)
            .with_keepalive_interval(TICK)
            .with_attempts(2);
        let whims = Whims { codes: false, captchas: false };
        Self { script: script.to_vec(), whims, config: config.into(), key: false }
    }

    /// The server asks for codes.
    pub(crate) fn with_codes(mut self) -> Self {
        self.whims.codes = true;
        self
    }

    /// The server asks for captchas.
    pub(crate) fn with_captchas(mut self) -> Self {
        self.whims.captchas = true;
        self
    }

    /// The driver can be asked.
    pub(crate) fn with_a_driver_that_knows(mut self) -> Self {
        self.config = Config::clone(&self.config).interactive(true).into();
        self
    }

    /// An API key stands for the session.
    pub(crate) fn with_an_api_key(mut self) -> Self {
        self.key = true;
        self
    }

    fn poll(&self, scene: &mut Scene, place: u8, id: CallId) {
        match scene.session.poll_call(scene.now, id) {
            Step::Send(transmit) => {
                let purpose = Purpose::of(transmit.spec().name());
                scene.under_way.push(Exchange { place, purpose, id: transmit.exchange });
                scene.under_way.sort_unstable();
            }
            Step::Wait(_) => {}
            Step::Ask(_) => scene.asked = Some(id),
            Step::Ready(_) => scene.ended(place, id),
        }
    }

    fn submit(&self, scene: &mut Scene, what: What) -> Progress {
        let (now, session) = (scene.now, &mut scene.session);
        let credentials = |user| Credentials::new(user, "qwerty").expect("a user without a colon");
        let id = match what {
            What::Login(user) => session.login(now, credentials(user)).id(),
            What::Resume(user) => {
                let saved = Saved::active(Server::default(), user, SessionId::new("t0").expect("no space in it"));
                // It may be too late, after another login.
                let _ = session.resume(now, saved, Some(credentials(user)));
                return Progress::Over;
            }
            What::Answer(given) => match given.answer() {
                Some(answer) => session.answer(now, answer).id(),
                None => return Progress::Over,
            },
            What::Read => session.call(now, &GetProfile).id(),
            What::ReadInTime => session.call_with(now, &GetProfile, CallOptions::new().with_deadline(TICK * 2)).id(),
            What::Write => {
                let id = FileId::new("home").expect("a legal id");
                session.call(now, &EmptyTrash::new(id)).id()
            }
            What::KeepAlive => session.keepalive(now).id(),
            What::RunKeepAlive => session.run_keepalive(now).id(),
            What::Logout => session.logout(now).id(),
            What::ForgetPassword => {
                session.forget_password(now);
                return Progress::Over;
            }
        };
        Progress::Since(id)
    }

    fn verdict(scene: &Scene) -> Result<(), String> {
        scene.session.verdict().map_err(|violation| violation.to_string())
    }

    /// Late responses to ended exchanges have no effect.
    fn late_answers_mean_nothing(&self, scene: &Scene) -> Result<(), String> {
        let before = self.print(scene);
        for &id in &scene.over {
            for late in [
                Purpose::Login.come_to(Fate::Ok, "late"),
                Err(TransportError::maybe_sent(TransportErrorKind::Interrupted)),
            ] {
                let mut after = scene.clone();
                match late {
                    Ok(response) => after.session.handle_response(scene.now, id, response),
                    Err(failure) => after.session.handle_failure(scene.now, id, failure),
                }
                if self.print(&after) != before {
                    return Err("I5: a late answer changes something".into());
                }
            }
        }
        Ok(())
    }

    /// Once server and network behave, every call ends.
    fn every_call_ends(&self, scene: &Scene) -> Result<(), String> {
        let mut scene = scene.clone();
        for _ in 0..20 {
            while let Some(exchange) = scene.under_way.pop() {
                scene.reach(exchange, Fate::Ok);
            }
            let running = |place: usize| matches!(self.script[place].0, What::RunKeepAlive);
            let mut waiting = false;
            for place in 0..scene.calls.len() {
                if let Progress::Since(id) = scene.calls[place] {
                    self.poll(&mut scene, place as u8, id);
                    waiting |= !running(place) && matches!(scene.calls[place], Progress::Since(_));
                }
            }
            if let Some(asked) = scene.asked.take() {
                scene.session.handle_answer(scene.now, asked, Given::Code.answer().ok_or(Declined));
            }
            Self::verdict(&scene)?;
            if !waiting {
                return Ok(());
            }
            if scene.under_way.is_empty() {
                scene.now = scene.now.saturating_add(TICK);
            }
        }
        Err("I2: a call does not end".into())
    }

    fn print(&self, scene: &Scene) -> Vec<u8> {
        let mut print = Vec::new();
        explore::World::fingerprint(self, scene, &mut print);
        print
    }
}

impl explore::World for World {
    type State = Scene;
    type Move = Move;

    fn start(&self) -> Scene {
        let config = Arc::clone(&self.config);
        Scene {
            session: match self.key {
                true => Watched::with_api_key(config, 7, ApiKey::new("t0").expect("no space in it")),
                false => Watched::new(config, 7),
            },
            now: Timestamp::from(Duration::from_secs(100_000)),
            calls: vec![Progress::NotYet; self.script.len()],
            under_way: Vec::new(),
            over: Vec::new(),
            asked: None,
            tokens: 0,
        }
    }

    fn moves(&self, scene: &Scene, out: &mut Vec<Move>) {
        for (place, ((what, after), call)) in self.script.iter().zip(&scene.calls).enumerate() {
            let place = place as u8;
            match call {
                Progress::NotYet => {
                    if after.is_none_or(|after| scene.calls[usize::from(after)] != Progress::NotYet) {
                        out.push(Move::Do(*what, place));
                    }
                }
                Progress::Since(_) => {
                    out.extend([Move::Poll(place), Move::Cancel(place)]);
                }
                Progress::Over => {}
            }
        }
        for (place, exchange) in scene.under_way.iter().enumerate() {
            let fates = exchange.purpose.fates(self.whims);
            out.extend(fates.map(|fate| Move::Reach(exchange.purpose, fate, place as u8)));
        }
        if scene.asked.is_some() {
            let captcha = self.whims.captchas.then_some(Given::Captcha);
            out.extend([Given::Code, Given::OtherCode, Given::Nothing].into_iter().chain(captcha).map(Move::Tell));
        }
        out.push(Move::Tick);
    }

    fn make(&self, scene: &mut Scene, what: Move) -> Result<(), String> {
        scene.session.without_jitter();
        match what {
            Move::Do(what, place) => scene.calls[usize::from(place)] = self.submit(scene, what),
            Move::Poll(place) => {
                if let Progress::Since(id) = scene.calls[usize::from(place)] {
                    self.poll(scene, place, id);
                }
            }
            Move::Cancel(place) => {
                if let Progress::Since(id) = scene.calls[usize::from(place)] {
                    scene.session.cancel(scene.now, id);
                    scene.ended(place, id);
                    let gone = |exchange: &mut Exchange| exchange.place == place;
                    scene.over.extend(scene.under_way.extract_if(.., gone).map(|exchange| exchange.id));
                }
            }
            Move::Reach(_, fate, place) => {
                let exchange = scene.under_way.remove(usize::from(place));
                scene.reach(exchange, fate);
            }
            Move::Tell(given) => {
                if let Some(asked) = scene.asked.take() {
                    scene.session.handle_answer(scene.now, asked, given.answer().ok_or(Declined));
                }
            }
            Move::Tick => scene.now = scene.now.saturating_add(TICK),
        }
        Self::verdict(scene)
    }

    fn inspect(&self, scene: &Scene) -> Result<(), String> {
        self.late_answers_mean_nothing(scene)?;
        self.every_call_ends(scene)
    }

    fn fingerprint(&self, scene: &Scene, out: &mut Vec<u8>) {
        let calls: Vec<_> = scene.calls.iter().filter_map(|call| call.id()).collect();
        let exchanges: Vec<_> = scene.under_way.iter().map(|exchange| exchange.id).collect();
        let secrets = Secrets(Cell::new([u32::MAX; 4]));
        let secret = |text: &str| secrets.name(text);
        let names = Names { calls: &calls, exchanges: &exchanges, secret: &secret };
        scene.session.fingerprint(scene.now, names, out);
        out.extend(scene.calls.iter().map(|call| match call {
            Progress::NotYet => 0,
            Progress::Since(_) => 1,
            Progress::Over => 2,
        }));
        out.extend(scene.under_way.iter().flat_map(|exchange| [exchange.place, exchange.purpose as u8]));
        let asked = scene.asked.and_then(|asked| calls.iter().position(|call| *call == asked));
        out.push(asked.map_or(u8::MAX, |place| place as u8));
    }

    fn show(&self, scene: &Scene) -> String {
        let mut text = match scene.session.session().state() {
            State::LoggedOut(why) => format!("LoggedOut: {why}"),
            state => format!("{state:?}"),
        };
        for exchange in &scene.under_way {
            text += &format!(", {:?} of {}", exchange.purpose, exchange.place);
        }
        text
    }
}

impl Scene {
    fn ended(&mut self, place: u8, id: CallId) {
        self.calls[usize::from(place)] = Progress::Over;
        self.asked = self.asked.filter(|asked| *asked != id);
    }

    fn reach(&mut self, exchange: Exchange, fate: Fate) {
        self.tokens += 1;
        match exchange.purpose.come_to(fate, &format!("t{}", self.tokens)) {
            Ok(response) => self.session.handle_response(self.now, exchange.id, response),
            Err(failure) => self.session.handle_failure(self.now, exchange.id, failure),
        }
        self.over.push(exchange.id);
        self.over.drain(..self.over.len().saturating_sub(3));
    }
}

impl Progress {
    fn id(self) -> Option<CallId> {
        match self {
            Self::Since(id) => Some(id),
            Self::NotYet | Self::Over => None,
        }
    }
}

impl Given {
    fn answer(self) -> Option<Answer> {
        match self {
            Self::Code => Some(Answer::totp("code")),
            Self::OtherCode => Some(Answer::totp("other")),
            Self::Captcha => Some(Answer::Captcha("code".into())),
            Self::Nothing => None,
        }
    }
}

/// Secrets are told apart by the order in which they are met: tokens and codes as far as they are the same or not.
struct Secrets(Cell<[u32; 4]>);

impl Secrets {
    fn name(&self, text: &str) -> u8 {
        let number = match text {
            "A" | "B" => return text.as_bytes()[0],
            "code" => 0,
            "other" => 1,
            token => 2 + token.trim_start_matches('t').parse::<u32>().expect("no other secret is in this world"),
        };
        let mut known = self.0.get();
        let free = |known: &u32| *known == number || *known == u32::MAX;
        let place = known.iter().position(free).expect("a session knows fewer at a time");
        known[place] = number;
        self.0.set(known);
        place as u8
    }
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&match self {
            Self::Do(what, place) => format!("{place} does {what:?}"),
            Self::Poll(place) => format!("{place} is polled"),
            Self::Cancel(place) => format!("{place} is cancelled"),
            Self::Reach(purpose, fate, place) => format!("exchange {place}, {purpose:?}: {fate:?}"),
            Self::Tell(given) => format!("the driver answers {given:?}"),
            Self::Tick => "time passes".to_owned(),
        })
    }
}
