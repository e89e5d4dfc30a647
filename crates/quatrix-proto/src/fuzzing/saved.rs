//! What a program has put down for the next one.

use super::answers::CANARY;
use crate::api::GetProfile;
use crate::error::Error;
use crate::{Config, Saved, Server, Session, Stage, Step, Timestamp};

/// Any text in place of a saved session: taken up as it was put down and sent to its own server, or refused without a
/// word of it.
pub fn saved_session(data: &[u8]) {
    let saved = match Saved::from_json(data) {
        Ok(saved) => saved,
        Err(invalid) => {
            assert!(!invalid.to_string().contains(CANARY), "a refusal quotes what it refuses: {invalid}");
            return;
        }
    };
    let json = saved.expose_json();
    let read = Saved::from_json(json.as_bytes()).map(|read| read.expose_json());
    assert_eq!(read.as_ref(), Ok(&json), "it survives being written down");

    let (server, stage) = (saved.server().clone(), saved.stage());
    let shown = format!("{saved:?} {:?}", saved.token());
    let told = [saved.server().to_string(), saved.user().to_owned(), format!("{server:?}")].concat();
    assert!(told.contains(CANARY) || !shown.contains(CANARY), "a token is shown: {shown}");
    if Server::at(&server.to_string()).is_ok() {
        assert!(server.files().is_secure(), "a token that may only go out encrypted would go out as it is");
    }

    let mut session = Session::new(Config::new(server.clone()), 1);
    session.resume(Timestamp::ZERO, saved, None).unwrap();
    assert_eq!(session.save().map(|saved| saved.expose_json()), Some(json), "what is taken up is what was put down");
    let ticket = session.call(Timestamp::ZERO, &GetProfile);
    match (session.poll_call(Timestamp::ZERO, ticket.id()), stage) {
        (Step::Send(transmit), Stage::Active) => {
            assert!(transmit.request.uri().to_string().starts_with(&server.to_string()), "its token goes elsewhere");
        }
        (Step::Ready(outcome), Stage::Challenged(asked)) => {
            assert!(matches!(ticket.decode(outcome), Err(Error::Challenged(challenge)) if challenge == asked));
        }
        (step, stage) => panic!("{stage:?}: {step:?}"),
    }
}
