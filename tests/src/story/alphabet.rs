//! Events of a session, decoded from bytes: any bytes are a valid history.

use std::time::Duration;

/// Decides things, byte by byte; at its end everything is the first of all choices.
pub(super) struct Choices<'a>(&'a [u8]);

/// One thing that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Login,
    Answer {
        right_kind: bool,
    },
    Call(Which),
    KeepAlive,
    RunKeepAlive,
    Logout,
    Save,
    Resume {
        with_password: bool,
    },
    ForgetPassword,
    /// A call is cancelled, with or without a report of its exchange.
    Cancel {
        told: bool,
    },
    /// One call is polled, of all that there ever were.
    Poll,
    /// All calls that wait are.
    PollAll,
    /// All callers are served normally, until no call is in flight.
    Serve,
    /// All calls are rejected with an ended session, up to the following login.
    Expire,
    /// An exchange in flight gets its response.
    Reply(Reply),
    /// An exchange that was reported or cancelled gets a late response.
    ReplyLate(Reply),
    Fail(Loss),
    /// A challenge callback returns an answer, or none.
    Tell {
        knows: bool,
    },
    Pass(Duration),
    /// The driver's clock goes back.
    GoBack(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Safe,
    Unsafe,
    /// With a deadline of its own.
    Impatient,
    Public,
    /// One that does not count as use.
    Transfer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// Normal response.
    Good,
    /// A login is not enough: this `Mfa-Code`, if any.
    Partial(Option<u16>),
    /// A refusal with this status and error code.
    Refusal(u16, i64),
    /// Rejection with a session id.
    RefusalWithId(u16, i64),
    /// No error model.
    Bare(u16),
    /// A status and how long to wait.
    Busy(u16, &'static str),
    /// Other JSON than the one that was due.
    OtherJson,
    Garbage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    Unsent,
    Cut,
    TimedOut,
    Aborted,
    Tls,
}

/// Main subject of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// A bit of everything.
    Anything,
    /// Many callers, and sessions that end.
    Expiries,
    /// People who come and go.
    People,
    /// Nothing works.
    Trouble,
    /// Second factors and captchas.
    Challenges,
    /// Time passes, in both directions.
    Clocks,
}

impl Theme {
    const ALL: [Self; 6] =
        [Self::Anything, Self::Expiries, Self::People, Self::Trouble, Self::Challenges, Self::Clocks];

    /// The byte that a story of this theme begins with.
    pub fn byte(self) -> u8 {
        Self::ALL.iter().position(|theme| *theme == self).unwrap_or_default() as u8
    }

    pub(super) fn of(byte: u8) -> Self {
        Self::ALL[usize::from(byte) % Self::ALL.len()]
    }

    /// Weight of each kind of event: commands, calls, cancels, polls, good responses, other responses, late ones,
    /// failures, time, and whole rounds.
    fn weights(self) -> [u8; 10] {
        match self {
            Self::Anything => [3, 4, 1, 9, 6, 5, 1, 2, 2, 2],
            Self::Expiries => [1, 6, 4, 9, 4, 4, 2, 1, 2, 5],
            Self::People => [7, 5, 2, 9, 7, 2, 3, 1, 1, 2],
            Self::Trouble => [2, 5, 1, 9, 3, 4, 2, 6, 3, 3],
            Self::Challenges => [6, 2, 1, 9, 4, 8, 1, 2, 1, 1],
            Self::Clocks => [3, 3, 1, 9, 5, 3, 2, 2, 9, 2],
        }
    }
}

impl<'a> Choices<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::from(self.byte()) % of.len()]
    }

    /// The next thing that happens.
    pub(super) fn op(&mut self, theme: Theme) -> Op {
        let weights = theme.weights();
        let mut point = self.byte() % weights.iter().sum::<u8>();
        let kind = weights.iter().position(|weight| match point.checked_sub(*weight) {
            Some(rest) => {
                point = rest;
                false
            }
            None => true,
        });
        match kind {
            Some(0) => self.command(theme),
            Some(1) => self.pick(&[
                Op::Call(Which::Safe),
                Op::Call(Which::Unsafe),
                Op::Call(Which::Safe),
                Op::KeepAlive,
                Op::Call(Which::Impatient),
                Op::Call(Which::Public),
                Op::Call(Which::Transfer),
                Op::RunKeepAlive,
            ]),
            Some(2) => self.pick(&[true, false].map(|told| Op::Cancel { told })),
            Some(3) => self.pick(&[Op::PollAll, Op::PollAll, Op::Poll, Op::Tell { knows: true }]),
            Some(4) => Op::Reply(Reply::Good),
            Some(5) => Op::Reply(self.reply()),
            Some(6) => Op::ReplyLate(self.reply()),
            Some(7) => {
                Op::Fail(self.pick(&[Loss::Cut, Loss::Unsent, Loss::TimedOut, Loss::Aborted, Loss::Unsent, Loss::Tls]))
            }
            Some(8) => self.time(theme),
            _ => self.pick(&[Op::Serve, Op::Expire]),
        }
    }

    fn command(&mut self, theme: Theme) -> Op {
        let settled = [
            Op::Login,
            Op::Login,
            Op::Answer { right_kind: true },
            Op::Tell { knows: true },
            Op::Login,
            Op::Answer { right_kind: false },
            Op::Tell { knows: false },
            Op::Save,
            Op::Resume { with_password: true },
            Op::ForgetPassword,
        ];
        match theme {
            Theme::Expiries => self.pick(&settled),
            _ if self.byte().is_multiple_of(3) => {
                self.pick(&[Op::Logout, Op::Resume { with_password: false }, Op::Logout])
            }
            _ => self.pick(&settled),
        }
    }

    fn reply(&mut self) -> Reply {
        self.pick(&[
            Reply::Refusal(401, 14),
            Reply::Refusal(401, 14),
            Reply::Refusal(401, 14),
            Reply::Partial(Some(71)),
            Reply::Partial(Some(73)),
            Reply::Partial(Some(72)),
            Reply::Partial(None),
            Reply::Partial(Some(61)),
            Reply::Busy(503, ""),
            Reply::Busy(429, "7"),
            Reply::Busy(429, "99999999999999999999999"),
            Reply::Refusal(401, 83),
            Reply::Refusal(401, 60),
            Reply::Refusal(401, 72),
            Reply::Refusal(403, 50),
            Reply::Refusal(400, 10),
            Reply::RefusalWithId(401, 72),
            Reply::RefusalWithId(401, 14),
            Reply::RefusalWithId(403, 72),
            Reply::Bare(401),
            Reply::Bare(404),
            Reply::Bare(405),
            Reply::Bare(302),
            Reply::Bare(500),
            Reply::Bare(204),
            Reply::OtherJson,
            Reply::Garbage,
        ])
    }

    fn time(&mut self, theme: Theme) -> Op {
        let span = self.pick(&[
            Duration::from_micros(1),
            Duration::from_millis(300),
            Duration::from_secs(8),
            Duration::from_secs(31),
            Duration::from_secs(91),
            Duration::from_secs(5 * 60),
            Duration::from_secs(11 * 60),
            Duration::from_secs(15 * 60),
            Duration::from_secs(2 * 60 * 60),
            Duration::from_secs(100 * 365 * 24 * 60 * 60),
        ]);
        if theme == Theme::Clocks && self.byte().is_multiple_of(3) { Op::GoBack(span) } else { Op::Pass(span) }
    }
}
