//! S2: a saved session goes on as the one that was saved.

use super::*;
use crate::Saved;

impl World {
    fn resumed(saved: &Saved, credentials: Option<Credentials>) -> Self {
        let mut world = Self::with(|config| config.with_attempts(1));
        let read = Saved::from_json(saved.expose_json().as_bytes()).unwrap();
        world.session.resume(world.now, read, credentials).unwrap();
        world
    }

    /// Answers the pending challenge, and gets this response.
    fn answered(mut self, status: u16, body: &str) -> Self {
        let State::Challenged(challenge) = self.session.state() else { panic!("{}", self.state()) };
        let answer = self.session.answer(self.now, challenge.answer("123456"));
        let sent = self.sent(&answer);
        self.answer(&sent, status, &[], body);
        let _ = self.done(answer).unwrap();
        self
    }

    /// A login after an expiry, with this `Mfa-Code`.
    fn challenged_again(mut self, mfa_code: &str) -> Self {
        self.log_in("one");
        self.expire();
        let call = self.profile();
        let sent = self.sent(&call);
        self.answer(&sent, 207, &[("mfa-code", mfa_code)], r#"{"session_id":"partial"}"#);
        self.done(call).unwrap_err();
        self
    }
}

fn me() -> Credentials {
    Credentials::new("me@acme.com", "qwerty").unwrap()
}

const WRONG: &str = r#"{"code":83,"msg":"no"}"#;
const CAPTCHA: &str = r#"{"code":72,"msg":"no"}"#;

/// A session in each state that can be saved.
fn states() -> Vec<World> {
    let new = || World::with(|config| config.with_attempts(1));
    let active = || {
        let mut world = new();
        world.log_in("one");
        world
    };
    vec![
        active(),
        World::resumed(&active().session.save().unwrap(), Some(me())),
        new().challenged("71"),
        new().challenged("73"),
        new().challenged("61"),
        new().challenged(""),
        new().challenged("71").answered(401, WRONG),
        new().challenged("72"),
        new().challenged("72").answered(401, r#"{"valid":false}"#),
        new().challenged("71").answered(401, CAPTCHA),
        new().challenged("71").answered(401, WRONG).answered(401, CAPTCHA),
        new().challenged("71").answered(401, CAPTCHA).answered(401, r#"{"valid":false}"#),
        new().challenged("71").answered(401, CAPTCHA).answered(200, r#"{"valid":true}"#),
        new().challenged_again("71"),
        new().challenged_again("72"),
        new().challenged_again("71").answered(401, CAPTCHA),
    ]
}

/// What a server may respond.
const RESPONSES: [(u16, &str, &str); 10] = [
    (200, "", r#"{"session_id":"new"}"#),
    (200, "", r#"{"valid":true}"#),
    (401, "", r#"{"valid":false}"#),
    (207, "71", r#"{"session_id":"new"}"#),
    (207, "72", r#"{"session_id":"new"}"#),
    (401, "", WRONG),
    (401, "", r#"{"code":60,"msg":"no"}"#),
    (401, "", CAPTCHA),
    (401, "", r#"{"code":14,"msg":"no"}"#),
    (503, "", ""),
];

/// Answers what is asked for and makes calls, with these responses: all that is sent and all that comes of it.
fn continued(mut world: World, responses: &[usize]) -> Vec<String> {
    let mut told = Vec::new();
    let mut under_way = None;
    for response in responses {
        let id = under_way.unwrap_or_else(|| match world.session.state() {
            State::Challenged(challenge) => world.session.answer(world.now, challenge.answer("123456")).id(),
            _ => world.session.call(world.now, &GetProfile).id(),
        });
        under_way = Some(id);
        let step = world.session.poll_call(world.now, id);
        told.push(match step {
            Step::Send(transmit) => {
                let (status, mfa_code, body) = RESPONSES[*response];
                let request = &transmit.request;
                let sent = format!("{} {:?} {:?}", transmit.spec().name(), request.uri(), request.body());
                let token = request.headers().get("x-auth-token").map(|token| token.to_str().unwrap().to_owned());
                let response = http::Response::builder().status(status).header("mfa-code", mfa_code);
                let response = response.body(Bytes::from_static(body.as_bytes())).unwrap();
                world.session.handle_response(world.now, transmit.exchange, response);
                format!("{sent} {token:?}")
            }
            Step::Ready(outcome) => {
                under_way = None;
                format!("{outcome:?}")
            }
            step => format!("{step:?}"),
        });
        // That it is good is what only the original knows.
        told.push(world.state().replace("unconfirmed", "active"));
    }
    told
}

#[test]
fn s02_a_resumed_session_goes_on_as_the_saved_one_from_every_state_whatever_the_server_responds() {
    const STEPS: u32 = 3;

    for state in 0..states().len() {
        let saved = states()[state].session.save().unwrap();
        for number in 0..RESPONSES.len().pow(STEPS) {
            let digit = |place| number / RESPONSES.len().pow(place) % RESPONSES.len();
            let responses: Vec<_> = (0..STEPS).map(digit).collect();
            let original = continued(states().swap_remove(state), &responses);
            let resumed = continued(World::resumed(&saved, Some(me())), &responses);
            assert_eq!(original, resumed, "state {state}, responses {responses:?}");
        }
    }
}

#[test]
fn s02_what_is_saved_again_is_the_same() {
    for world in states() {
        let saved = world.session.save().unwrap();
        let again = World::resumed(&saved, Some(me())).session.save().unwrap();
        assert_eq!(again.expose_json(), saved.expose_json());
    }
}

#[test]
fn s02_s15_a_resumed_captcha_leads_back_to_the_second_factor_that_it_came_in_between_of() {
    let saved = World::new().challenged("71").answered(401, CAPTCHA).session.save().unwrap();
    for credentials in [None, Some(me())] {
        let world = World::resumed(&saved, credentials).answered(200, r#"{"valid":true}"#);
        assert_eq!(world.state(), "Totp 0");
    }
}

#[test]
fn s02_another_users_credentials_are_refused() {
    let saved = World::active("one").session.save().unwrap();
    for (user, taken) in [("me@acme.com", true), ("ME@Acme.com", true), ("", true), ("bob@acme.com", false)] {
        let mut world = World::new();
        let credentials = Credentials::new(user, "qwerty").unwrap();
        let result = world.session.resume(world.now, saved.clone(), Some(credentials));
        assert_eq!(result.is_ok(), taken, "{user}");
        assert_eq!(world.state(), if taken { "unconfirmed" } else { "never" });
    }
}

#[test]
fn s02_s05_the_user_of_a_session_whose_user_is_unknown_is_the_one_who_logs_in() {
    let server = Server::account("acme").unwrap();
    let saved = Saved::active(server, "", crate::SessionId::new("one").unwrap());
    let mut world = World::resumed(&saved, Some(me()));
    assert_eq!(world.session.user(), Some(""));
    world.expire();
    let call = world.profile();
    let login = world.sent(&call);
    world.grant(&login, "two");
    assert_eq!(world.session.user(), Some("me@acme.com"));
    assert_eq!(world.session.save().unwrap().user(), "me@acme.com");
}

#[test]
fn s18_q10_a_transfer_after_a_resume_sends_a_keepalive_first() {
    let saved = World::active("one").session.save().unwrap();
    let mut world = World::resumed(&saved, None);
    let link = crate::api::ReadLink::new(crate::DownloadLink::new("link"));
    let transfer = world.session.call(world.now, &link);
    let keepalive = world.sent(&transfer);
    assert_eq!((keepalive.name, keepalive.token()), ("session.keepalive", "one"));
    world.ok(&keepalive, "");
    assert_eq!(world.state(), "active");
    assert_eq!(world.sent(&transfer).name, "file.download");
}
