//! With --wait: what shows only when time passes.

use std::time::{Duration, Instant};

use quatrix_ureq::proto::SessionId;
use quatrix_ureq::proto::api::{KeepAlive, LogIn};
use quatrix_ureq::proto::{Credentials, UploadKey};

use super::files::Scratch;
use super::finding::Findings;
use super::login::{id_of, leave};
use super::wire::{Speaker, Wire};
use crate::failure::Failure;

/// How long to wait, and two sessions that nobody works with.
pub(super) struct Waiting {
    pub(super) time: Duration,
    spare: Option<[Speaker; 2]>,
}

impl Waiting {
    /// The sessions need somebody whose password is enough.
    pub(super) fn new(time: Duration, wire: &Wire, credentials: Option<&Credentials>) -> Result<Self, Failure> {
        let log_in = |credentials| {
            let seen = wire.log_in(&LogIn, credentials)?;
            let (body, header) = id_of(&seen);
            Ok::<_, Failure>(body.or(header).filter(|_| seen.status == 200))
        };
        let first: Option<SessionId> = credentials.map(log_in).transpose()?.flatten();
        let second = match &first {
            Some(_) => credentials.map(log_in).transpose()?.flatten(),
            None => None,
        };
        let spare = first.zip(second).map(|(one, other)| [one, other].map(Speaker::Session));
        Ok(Self { time, spare })
    }

    pub(super) fn end(self, wire: &Wire) -> Result<(), Failure> {
        self.spare.iter().flatten().try_for_each(|spare| leave(wire, spare))
    }
}

impl Scratch<'_> {
    /// In the middle of the wait a chunk is sent: with one of the spare sessions, by one of two keys. What only waits is
    /// there to tell whether the wait was long enough.
    pub(super) fn wait(&self, waiting: &Waiting, findings: &mut Findings) -> Result<(), Failure> {
        let keys = (self.link("used", 10)?, self.link("left alone", 10)?);
        if let Some(spare) = &waiting.spare {
            for one in spare {
                self.wire.ask(&KeepAlive, one)?;
            }
        }
        self.pass(waiting.time / 2)?;
        let by = waiting.spare.as_ref().map_or(self.speaker, |[used, _]| used);
        let sent = self.chunk(&keys.0, by, 0, b"01234", 10)?;
        self.pass(waiting.time / 2)?;
        if !sent.is_success() {
            findings.note("Q13", "from when on an upload key lives", format!("not seen: {}", sent.refusal()));
            return Ok(());
        }
        match &waiting.spare {
            Some(spare) => self.sessions(spare, findings)?,
            None => findings.note("Q10", "whether a transfer keeps a session", "not looked at: needs a password alone"),
        }
        self.keys(&keys, findings)
    }

    fn sessions(&self, [used, left_alone]: &[Speaker; 2], findings: &mut Findings) -> Result<(), Failure> {
        const QUESTION: &str = "whether a transfer keeps a session";

        let (used, left_alone) = (self.wire.ask(&KeepAlive, used)?, self.wire.ask(&KeepAlive, left_alone)?);
        match (used.is_success(), left_alone.is_success()) {
            (_, true) => findings.note("Q10", QUESTION, "not seen: a session lives longer than the wait"),
            (true, false) => {
                findings.differs("Q10", QUESTION, "it does", "Compat::with_transfers_as_use(true)");
            }
            (false, false) => findings.note("Q10", QUESTION, "it does not"),
        }
        Ok(())
    }

    fn keys(&self, (used, left_alone): &(UploadKey, UploadKey), findings: &mut Findings) -> Result<(), Failure> {
        let used = self.chunk(used, self.speaker, 5, b"56789", 10)?;
        let left_alone = self.chunk(left_alone, self.speaker, 0, b"01234", 10)?;
        findings.note(
            "Q13",
            "from when on an upload key lives",
            match (used.is_success(), left_alone.is_success()) {
                (_, true) => "not seen: it lives longer than the wait",
                (true, false) => "from the last chunk on",
                (false, false) => "from the link on",
            },
        );
        Ok(())
    }

    /// Lets time pass for everything but the session that works.
    fn pass(&self, time: Duration) -> Result<(), Failure> {
        const LOOK: Duration = Duration::from_millis(200);

        let (begin, between) = (Instant::now(), time / 4);
        let mut kept_alive = 0;
        while begin.elapsed() < time {
            self.go_on()?;
            std::thread::sleep(LOOK.min(time));
            if begin.elapsed() >= between * (kept_alive + 1) && matches!(self.speaker, Speaker::Session(_)) {
                kept_alive += 1;
                self.wire.ask(&KeepAlive, self.speaker)?;
            }
        }
        Ok(())
    }
}
