//! History of a session, decoded from bytes: commands of its callers, responses of its server, losses and the passing
//! of time, in any order. Property tests and the fuzz target `session_ops` run such histories; the
//! [referee](crate::referee) checks them.

use std::error::Error as _;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use quatrix_proto::api::{GetAccountMetadata, GetProfile, Raw, ReadLink};
use quatrix_proto::{
    Answer, CallId, CallOptions, CaptchaToken, Challenge, Config, Credentials, Declined, DownloadLink, Error, Event,
    ExchangeId, Saved, Server, State, Step, Timestamp, TransportError, TransportErrorKind,
};

use crate::referee::{Violation, Watched};

mod alphabet;
mod server;

pub use alphabet::Theme;

use alphabet::{Choices, Loss, Op, Reply, Which};
use server::CANARY;

/// Summary of a history: enough to see that it exercised the session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Verdict of the referee.
    pub violation: Option<Violation>,
    /// Of everything that was sent, waited for, and shown.
    pub hash: u64,
    /// How often each kind of thing happened.
    pub seen: Seen,
}

/// How often each kind of thing happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Seen {
    pub logins: usize,
    pub answers: usize,
    pub logouts: usize,
    pub expiries: usize,
    pub refusals: usize,
    pub repetitions: usize,
    pub waits: usize,
    pub late_answers: usize,
    pub ended: usize,
}

/// Runs the history of these bytes.
///
/// # Panics
/// The session does, a call never ends, or a secret is shown.
pub fn tell(data: &[u8]) -> Told {
    told(data, false)
}

/// The body of the fuzz target: a story that breaks no rule.
///
/// # Panics
/// As [`tell`], and if the referee sees a violation.
pub fn session_ops(data: &[u8]) {
    assert_eq!(tell(data).violation, None);
}

/// Runs it and prints each event to stderr.
///
/// # Panics
/// As [`tell`].
pub fn tell_aloud(data: &[u8]) -> Told {
    told(data, true)
}

fn told(data: &[u8], aloud: bool) -> Told {
    let mut choices = Choices::new(data);
    let theme = Theme::of(choices.byte());
    let mut story = Story::new(choices.byte(), aloud);
    while !choices.is_empty() {
        let op = choices.op(theme);
        story.happens(op, &mut choices);
        story.show();
    }
    story.ends();
    let violation = story.session.verdict().err();
    Told { violation, hash: story.hasher.finish(), seen: story.seen }
}

struct Story {
    session: Watched,
    now: Timestamp,
    /// The latest that it ever was.
    latest: Timestamp,
    /// Calls that have not ended, and the exchange that each has under way.
    open: Vec<(CallId, Option<Sent>)>,
    closed: Vec<CallId>,
    /// Those that never end by themselves.
    keepers: Vec<CallId>,
    asked: Vec<(CallId, Challenge)>,
    /// Reported, or given up.
    old: Vec<Sent>,
    saved: Option<Saved>,
    /// The account has one.
    second_factor: bool,
    serial: u64,
    aloud: bool,
    hasher: DefaultHasher,
    seen: Seen,
}

#[derive(Clone, Copy)]
struct Sent {
    exchange: ExchangeId,
    name: &'static str,
}

impl Story {
    fn new(settings: u8, aloud: bool) -> Self {
        let config = Config::new(Server::default()).observe(true).interactive(settings & 1 == 1);
        let config = if settings & 6 == 6 { config.forget_credentials() } else { config };
        Self {
            session: Watched::new(config, settings.into()),
            now: Timestamp::from(Duration::from_secs(1000)),
            latest: Timestamp::ZERO,
            open: Vec::new(),
            closed: Vec::new(),
            keepers: Vec::new(),
            asked: Vec::new(),
            old: Vec::new(),
            saved: None,
            second_factor: settings & 8 != 0,
            serial: 0,
            aloud,
            hasher: DefaultHasher::new(),
            seen: Seen::default(),
        }
    }

    fn happens(&mut self, op: Op, choices: &mut Choices<'_>) {
        let now = self.now;
        self.latest = self.latest.max(now);
        self.say(format_args!("{op:?}"));
        let call = match op {
            Op::Login => self.session.login(now, self.credentials()).id(),
            Op::Answer { right_kind } => {
                let answer = self.answer(right_kind);
                self.session.answer(now, answer).id()
            }
            Op::Call(which) => self.call(which),
            Op::KeepAlive => self.session.keepalive(now).id(),
            Op::RunKeepAlive => {
                let id = self.session.run_keepalive(now).id();
                self.keepers.push(id);
                id
            }
            Op::Logout => {
                self.seen.logouts += 1;
                self.session.logout(now).id()
            }
            Op::Save => return self.saved = self.session.session().save().or_else(|| self.saved.take()),
            Op::Resume { with_password } => {
                if let Some(saved) = self.saved.clone() {
                    let credentials = with_password.then(|| self.credentials());
                    let _ = self.session.resume(now, saved, credentials);
                }
                return;
            }
            Op::ForgetPassword => return self.session.forget_password(now),
            Op::Cancel { told } => return self.cancel(told, choices),
            Op::Poll => {
                let ids: Vec<_> = self.open.iter().map(|(id, _)| *id).chain(self.closed.last().copied()).collect();
                if !ids.is_empty() {
                    self.poll(choices.pick(&ids));
                }
                return;
            }
            Op::PollAll => return self.poll_all(),
            Op::Serve => return self.serve(),
            Op::Expire => return self.expire(),
            Op::Reply(reply) => {
                let Some(sent) = self.take_sent(choices) else { return };
                return self.reply(sent, reply);
            }
            Op::ReplyLate(reply) => {
                if !self.old.is_empty() {
                    let sent = choices.pick(&self.old);
                    self.seen.late_answers += 1;
                    self.reply(sent, reply);
                }
                return;
            }
            Op::Fail(loss) => {
                let Some(sent) = self.take_sent(choices) else { return };
                return self.session.handle_failure(now, sent.exchange, failure(loss));
            }
            Op::Tell { knows } => {
                if let Some((id, challenge)) = self.asked.pop() {
                    let answer = if knows { Ok(self.answer_to(challenge)) } else { Err(Declined) };
                    self.session.handle_answer(now, id, answer);
                }
                return;
            }
            Op::Pass(span) => return self.now = now.saturating_add(span),
            Op::GoBack(span) => {
                self.session.clock_goes_back();
                let back = now.as_micros().saturating_sub(u64::try_from(span.as_micros()).unwrap_or(u64::MAX));
                return self.now = Timestamp::from_micros(back);
            }
        };
        self.open.push((call, None));
    }

    fn call(&mut self, which: Which) -> CallId {
        let now = self.now;
        match which {
            Which::Safe => self.session.call(now, &GetProfile).id(),
            Which::Unsafe => self.session.call(now, &Raw::post("/file/makedir", "{}")).id(),
            Which::Impatient => {
                let options = CallOptions::new().with_deadline(Duration::from_secs(20)).with_attempts(5);
                self.session.call_with(now, &GetProfile, options).id()
            }
            Which::Public => self.session.call(now, &GetAccountMetadata).id(),
            Which::Transfer => self.session.call(now, &ReadLink::new(DownloadLink::new("canary-link"))).id(),
        }
    }

    fn cancel(&mut self, told: bool, choices: &mut Choices<'_>) {
        if self.open.is_empty() {
            return;
        }
        // Whoever has something under way is more of a loss.
        let flying: Vec<_> = (0..self.open.len()).filter(|place| self.open[*place].1.is_some()).collect();
        let place = match flying.is_empty() {
            true => usize::from(choices.byte()) % self.open.len(),
            false => choices.pick(&flying),
        };
        let (id, sent) = self.open.remove(place);
        if let Some(sent) = sent {
            if told {
                self.session.handle_failure(self.now, sent.exchange, TransportError::aborted());
            }
            self.old.push(sent);
        }
        self.session.cancel(self.now, id);
        self.closed.push(id);
    }

    fn poll_all(&mut self) {
        let waiting: Vec<_> = self.open.iter().filter(|(_, sent)| sent.is_none()).map(|(id, _)| *id).collect();
        waiting.into_iter().for_each(|id| self.poll(id));
    }

    fn poll(&mut self, id: CallId) {
        let step = self.session.poll_call(self.now, id);
        self.say(format_args!("    {id:?}: {step:?}"));
        self.shown(&format!("{step:?}"));
        let place = self.open.iter().position(|(open, _)| *open == id);
        match (step, place) {
            (Step::Send(transmit), Some(place)) => {
                let name = transmit.spec().name();
                self.seen.logins += usize::from(name == "session.login");
                self.seen.answers += usize::from(name == "session.second_factor");
                let sent = Sent { exchange: transmit.exchange, name };
                self.old.extend(self.open[place].1.replace(sent));
            }
            (Step::Ask(challenge), Some(_)) => self.asked.push((id, challenge)),
            (Step::Ready(_), Some(place)) => {
                self.seen.ended += 1;
                self.open.remove(place);
                self.closed.push(id);
            }
            (Step::Wait(_), _) => self.seen.waits += 1,
            (Step::Ready(_), None) => {}
            (step, None) => panic!("a call goes on after its end: {step:?}"),
        }
    }

    /// An exchange that is under way, and is not any more.
    fn take_sent(&mut self, choices: &mut Choices<'_>) -> Option<Sent> {
        let mut flying: Vec<_> = self.open.iter_mut().filter_map(|(_, sent)| sent.is_some().then_some(sent)).collect();
        let count = flying.len();
        let sent = if count == 0 { None } else { flying[usize::from(choices.byte()) % count].take() };
        self.old.extend(sent);
        sent
    }

    fn reply(&mut self, sent: Sent, reply: Reply) {
        self.serial += 1;
        let response = server::answer(reply, sent.name, self.serial, self.second_factor);
        self.session.handle_response(self.now, sent.exchange, response);
    }

    /// For longer than it takes to log in again with a second factor, all get what a server says if nothing is wrong.
    fn serve(&mut self) {
        for _ in 0..6 {
            self.poll_all();
            while let Some((id, challenge)) = self.asked.pop() {
                let answer = self.answer_to(challenge);
                self.session.handle_answer(self.now, id, Ok(answer));
                self.poll(id);
            }
            while let Some(sent) = self.take_sent(&mut Choices::new(&[])) {
                self.reply(sent, Reply::Good);
            }
        }
    }

    /// All calls and keepalives hear that the session is gone. Whoever logs in again then has it before them.
    fn expire(&mut self) {
        for _ in 0..3 {
            self.poll_all();
            for place in 0..self.open.len() {
                let sent = self.open[place].1.take_if(|sent| sent.name != "session.login");
                self.old.extend(sent);
                if let Some(sent) = sent {
                    self.reply(sent, Reply::Refusal(401, 14));
                }
            }
        }
    }

    fn credentials(&self) -> Credentials {
        Credentials::new("me@example.com", "canary-password").expect("a plain word")
    }

    fn answer(&mut self, right_kind: bool) -> Answer {
        match self.session.session().state() {
            State::Challenged(challenge) if right_kind => self.answer_to(challenge),
            _ => Answer::Captcha(CaptchaToken::new("canary-captcha")),
        }
    }

    /// Another one each time, or the session would not send it twice.
    fn answer_to(&mut self, challenge: Challenge) -> Answer {
        self.serial += 1;
        challenge.answer(format!("{CANARY}-code-{}", self.serial % 3))
    }

    /// Checks that no public text or value shows a secret.
    fn show(&mut self) {
        let state = self.session.session().state();
        let shown = format!("{:?} {state:?} {:?}", self.session.session(), self.session.verdict());
        self.shown(&shown);
        if let State::LoggedOut(why) = state {
            let error = Error::LoggedOut(why);
            let cause = error.source().map(ToString::to_string);
            self.shown(&format!("{error} {cause:?}"));
        }
        while let Some(event) = self.session.poll_event() {
            match &event {
                Event::Repeating { .. } => self.seen.repetitions += 1,
                Event::LoggedOut(quatrix_proto::LoggedOut::Expired) => self.seen.expiries += 1,
                Event::LoggedOut(quatrix_proto::LoggedOut::Refused(_)) => self.seen.refusals += 1,
                _ => {}
            }
            self.shown(&format!("{event:?}"));
        }
    }

    fn say(&self, what: std::fmt::Arguments<'_>) {
        if self.aloud {
            eprintln!("{:>16} {what}; {:?}", self.now.as_micros(), self.session.session().state());
        }
    }

    fn shown(&mut self, text: &str) {
        assert!(!text.contains(CANARY), "a secret is shown: {text}");
        text.hash(&mut self.hasher);
    }

    /// The story is over, and everybody is served: nothing more gets through, drivers are fair, and time passes.
    fn ends(&mut self) {
        const FAR_MORE_THAN_IT_TAKES: u32 = 10_000;

        // Whatever was to happen then is waited for until then.
        self.now = self.now.max(self.latest);
        for keeper in std::mem::take(&mut self.keepers) {
            self.session.cancel(self.now, keeper);
            self.open.retain(|(id, _)| *id != keeper);
        }
        for _ in 0..FAR_MORE_THAN_IT_TAKES {
            while let Some(sent) = self.take_sent(&mut Choices::new(&[])) {
                self.session.handle_failure(self.now, sent.exchange, failure(Loss::Cut));
            }
            while let Some((id, _)) = self.asked.pop() {
                self.session.handle_answer(self.now, id, Err(Declined));
            }
            self.poll_all();
            self.show();
            if self.open.is_empty() {
                return;
            }
            self.now = self.now.saturating_add(Duration::from_secs(5));
        }
        panic!("a call never ends: {:?}", self.session.session());
    }
}

fn failure(loss: Loss) -> TransportError {
    match loss {
        Loss::Unsent => TransportError::unsent(TransportErrorKind::Connect),
        Loss::Cut => TransportError::maybe_sent(TransportErrorKind::Interrupted),
        Loss::TimedOut => TransportError::maybe_sent(TransportErrorKind::TimedOut),
        Loss::Aborted => TransportError::aborted(),
        Loss::Tls => TransportError::unsent(TransportErrorKind::Tls),
    }
}
