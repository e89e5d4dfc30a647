//! The sessions that are open, and how long they live.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ids::Id;
use crate::settings::Settings;

/// What a session still has to do before it may call anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Captcha,
    SecondFactor,
    LoggedIn,
}

pub(crate) struct Session {
    /// Index of the account.
    pub(crate) account: usize,
    pub(crate) stage: Stage,
    /// The how many-th id this server gave out, from 1; what logs show in its place.
    pub(crate) number: u64,
    born: Duration,
    used: Duration,
}

#[derive(Default)]
pub(crate) struct Sessions {
    open: BTreeMap<Id, Session>,
    granted: u64,
}

impl Sessions {
    pub(crate) fn open(&mut self, now: Duration, id: Id, account: usize, stage: Stage) {
        self.granted += 1;
        self.open.insert(id, Session { account, stage, number: self.granted, born: now, used: now });
    }

    /// The session of this id, if it is alive; its idle time goes on.
    pub(crate) fn find(&mut self, now: Duration, id: Id, settings: &Settings) -> Option<&mut Session> {
        let session = self.open.get(&id)?;
        let (since, lifetime) = match (session.stage, settings.partial_lifetime) {
            (Stage::LoggedIn, _) | (_, None) => (session.used, settings.idle_timeout),
            (_, Some(lifetime)) => (session.born, lifetime),
        };
        if now.saturating_sub(since) >= lifetime {
            self.open.remove(&id);
        }
        self.open.get_mut(&id)
    }

    pub(crate) fn set_stage(&mut self, id: Id, stage: Stage) {
        if let Some(session) = self.open.get_mut(&id) {
            session.stage = stage;
        }
    }

    pub(crate) fn close(&mut self, id: Id) {
        self.open.remove(&id);
    }

    /// Ends the sessions of one account, or all.
    pub(crate) fn close_all(&mut self, account: Option<usize>) {
        self.open.retain(|_, session| account.is_some_and(|account| session.account != account));
    }

    pub(crate) fn number(&self, id: Id) -> Option<u64> {
        self.open.get(&id).map(|session| session.number)
    }
}

impl Session {
    /// Starts the idle time anew.
    pub(crate) fn touch(&mut self, now: Duration) {
        self.used = now;
    }
}
