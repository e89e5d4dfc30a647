//! When the faults have stopped and everybody has been served: do client and server agree?

use std::time::Duration;

use bytes::Bytes;
use quatrix_proto::api::{GetProfile, Profile};
use quatrix_proto::{Authorization, Endpoint as _, Error, SessionId, State};

use super::callers::Wish;
use super::{Pair, people};

impl Pair {
    /// Client and server agree on who is logged in; from whatever the faults have left there is a way back into a
    /// session, and out of it; and nothing is left behind in the client.
    pub(super) fn settle(&mut self) {
        // The client learns that a session has ended on the server only from its next call.
        self.one(Wish::KeepAlive);
        self.agree();
        // A partial session that has gone refuses every answer: after a second refusal somebody would start afresh.
        for _ in 0..8 {
            match self.session.session().state() {
                State::Active { .. } => break,
                State::Challenged(challenge) if challenge.refused() < 2 => self.one(Wish::Answer { right: true }),
                _ => self.one(Wish::LogIn { user: self.rules.user().unwrap_or(people::USERS[1]), right: true }),
            }
            // Until there is another code.
            self.now += Duration::from_secs(31);
        }
        let token = self.agree().expect("there is a way back in");
        self.one(Wish::LogOut);
        assert!(self.agree().is_none(), "the session has survived its logout");
        assert!(self.server_knows(&token).is_err(), "and so it has on the server");
        assert!(self.session.session().is_idle(), "something is left behind: {:?}", self.session.session());
    }

    /// Runs one command to its end, without other events.
    fn one(&mut self, wish: Wish) {
        self.begin(0, wish);
        self.poll(0);
        self.until_nothing_is_due();
    }

    /// The token of the session that both know, or nothing where neither does.
    #[track_caller]
    fn agree(&mut self) -> Option<SessionId> {
        let State::Active { .. } = self.session.session().state() else {
            return None;
        };
        let saved = self.session.session().save().expect("an active session can be saved");
        let profile = self.server_knows(saved.token());
        let known = profile.map(|profile| profile.email).ok();
        assert_eq!(known.as_deref(), self.rules.user(), "the client takes itself for logged in");
        assert_eq!(known.as_deref(), self.session.session().user());
        Some(saved.token().clone())
    }

    fn server_knows(&mut self, token: &SessionId) -> Result<Profile, Error> {
        let request = people::prepared(&GetProfile).into_request(Authorization::Session(token));
        let answer: http::Response<Bytes> = self.server.handle(self.server_time(), request);
        GetProfile::decode(answer)
    }
}
