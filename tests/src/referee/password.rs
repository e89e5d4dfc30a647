//! Whether a password may leave (I4).

use quatrix_proto::CallId;

/// A password leaves for a `login`, or after an expiry that is proven; then again only where the one that carried it
/// vanished, or for a call that came later.
#[derive(Clone)]
pub(super) struct Password {
    /// Who may send it.
    who: Who,
    /// The session that it made has expired, and so many carriers of the next login have vanished since.
    expiry: Option<u8>,
    /// It could not be sent once already.
    unsent: bool,
    /// It has made a session and is there for the next one.
    kept: bool,
    /// The configuration lets it be kept.
    keep: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Nobody,
    Call(CallId),
    /// Any call that rides on the session.
    Anyone,
    /// Any call that was made after the last attempt came to nothing.
    Newcomers,
}

impl Password {
    const MOST_VANISHED: u8 = 2;

    /// Of a new identity, perhaps one that has a session already.
    pub(super) fn new(keep: bool, kept: bool) -> Self {
        Self { who: Who::Nobody, expiry: None, unsent: false, kept: keep && kept, keep }
    }

    pub(super) fn allowed_to(&mut self, call: CallId) {
        self.who = Who::Call(call);
    }

    pub(super) fn may_leave_for(&self, call: CallId, newcomer: bool) -> bool {
        match self.who {
            Who::Nobody => false,
            Who::Call(allowed) => allowed == call,
            Who::Anyone => self.kept,
            Who::Newcomers => self.kept && newcomer,
        }
    }

    /// Whether this is the first time for this login: a new one may ask its driver anew.
    pub(super) fn leaves(&mut self) -> bool {
        let again = matches!(self.who, Who::Anyone | Who::Newcomers);
        self.who = Who::Nobody;
        again
    }

    pub(super) fn expired(&mut self) {
        *self = Self { who: Who::Anyone, expiry: Some(0), unsent: false, ..*self };
    }

    /// It has opened a session. After a logout, the session must not keep it.
    pub(super) fn granted(&mut self, leaving: bool) {
        let kept = !leaving && self.keep && (self.kept || self.expiry.is_none());
        *self = Self { who: Who::Nobody, expiry: None, unsent: false, kept, ..*self };
    }

    pub(super) fn refused(&mut self) {
        self.forgotten();
        self.who = Who::Nobody;
    }

    /// The user wants it forgotten; a login that is under way goes on.
    pub(super) fn forgotten(&mut self) {
        (self.kept, self.keep) = (false, false);
    }

    /// It was not sent: the same leader may retry once. Returns whether it may.
    pub(super) fn was_unsent(&mut self, carrier: CallId) -> bool {
        let first = !self.unsent;
        if first {
            (self.who, self.unsent) = (Who::Call(carrier), true);
        }
        first
    }

    /// The call that sent it was cancelled. Returns whether another call may send it.
    pub(super) fn carrier_vanished(&mut self) -> bool {
        match &mut self.expiry {
            Some(vanished) if *vanished < Self::MOST_VANISHED => {
                *vanished += 1;
                (self.who, self.unsent) = (Who::Anyone, false);
                true
            }
            Some(_) | None => false,
        }
    }

    pub(super) fn came_to_nothing(&mut self) {
        self.unsent = false;
        self.who = if self.expiry.is_some() { Who::Newcomers } else { Who::Nobody };
    }

    /// Who has it and has not sent it.
    pub(super) fn holder(&self) -> Option<CallId> {
        match self.who {
            Who::Call(call) => Some(call),
            Who::Nobody | Who::Anyone | Who::Newcomers => None,
        }
    }

    /// The fingerprint; calls are written as `place` says.
    pub(super) fn fingerprint(&self, place: impl Fn(CallId) -> u8, out: &mut Vec<u8>) {
        let Self { who, expiry, unsent, kept, keep } = self;
        let (kind, call) = match *who {
            Who::Nobody => (0, 0),
            Who::Call(call) => (1, place(call)),
            Who::Anyone => (2, 0),
            Who::Newcomers => (3, 0),
        };
        out.extend([kind, call, expiry.map_or(u8::MAX, u8::from), u8::from(*unsent), u8::from(*kept), u8::from(*keep)]);
    }
}
