//! Open sessions and their lifetimes.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::ids::Id;
use crate::settings::Settings;

/// Next step of a session's login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoginStage {
    Captcha,
    SecondFactor,
    LoggedIn,
}

pub(crate) struct Session {
    /// Index of the account.
    pub(crate) account: usize,
    pub(crate) stage: LoginStage,
    /// Number of the session, from 1; shown in records in place of the id.
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
    pub(crate) fn open(&mut self, now: Duration, id: Id, account: usize, stage: LoginStage) {
        self.granted += 1;
        self.open.insert(id, Session { account, stage, number: self.granted, born: now, used: now });
    }

    /// Finds a live session, without resetting its idle time.
    pub(crate) fn find(&mut self, now: Duration, id: Id, settings: &Settings) -> Option<&mut Session> {
        let session = self.open.get(&id)?;
        let (since, lifetime) = match (session.stage, settings.partial_lifetime) {
            (LoginStage::LoggedIn, _) | (_, None) => (session.used, settings.idle_timeout),
            (_, Some(lifetime)) => (session.born, lifetime),
        };
        if now.saturating_sub(since) >= lifetime {
            self.open.remove(&id);
        }
        self.open.get_mut(&id)
    }

    pub(crate) fn set_stage(&mut self, id: Id, stage: LoginStage) {
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
    /// Resets the idle time.
    pub(crate) fn touch(&mut self, now: Duration) {
        self.used = now;
    }
}
