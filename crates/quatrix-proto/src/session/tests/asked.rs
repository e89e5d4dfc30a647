//! S4, S12 to S17: the driver that can answer by itself.

use super::*;

impl World {
    /// Asks are on, and the first login has been challenged.
    pub(super) fn asking() -> (Self, Ticket<Login>) {
        Self::asking_and(|config| config)
    }

    pub(super) fn asking_and(settings: impl FnOnce(Config) -> Config) -> (Self, Ticket<Login>) {
        let mut world = Self::with(|config| settings(config.interactive(true)));
        let login = world.login();
        let sent = world.sent(&login);
        world.answer(&sent, 207, &[("mfa-code", "71")], r#"{"session_id":"partial"}"#);
        (world, login)
    }

    pub(super) fn is_asked<T>(&mut self, ticket: &Ticket<T>) -> bool {
        matches!(self.poll(ticket), Step::Ask(_))
    }

    pub(super) fn tell<T>(&mut self, ticket: &Ticket<T>, code: &str) {
        self.session.handle_answer(self.now, ticket.id(), Ok(Answer::totp(code)));
    }
}

#[test]
fn s04_one_waiting_caller_is_asked_and_carries_the_answer_for_all() {
    let (mut world, login) = World::asking();
    let call = world.profile();
    assert!(world.is_asked(&login) && world.is_asked(&login), "polling again asks the same");
    world.waits(&call);
    world.tell(&login, "654321");
    let sent = world.sent(&login);
    assert_eq!((sent.name, sent.token()), ("session.second_factor", "partial"));
    world.waits(&call);
    world.ok(&sent, "{}");
    assert_eq!(world.done(login).unwrap(), Login::Active);
    assert_eq!(world.sent(&call).token(), "partial");
}

#[test]
fn s04_an_asked_driver_has_one_more_try_with_another_answer() {
    let (mut world, login) = World::asking();
    for (code, expected) in [("111111", "Totp 1"), ("222222", "refused")] {
        assert!(world.is_asked(&login));
        world.tell(&login, code);
        let sent = world.sent(&login);
        world.refuse(&sent, 401, 83);
        assert_eq!(world.state(), expected);
    }
    assert_eq!(world.failed(login), "session.second_factor: no (code 83, status 401)");
    let call = world.profile();
    assert_eq!(world.failed(call), "not logged in: the server refused");
}

#[test]
fn s04_the_same_answer_is_not_sent_a_second_time() {
    let (mut world, login) = World::asking();
    assert!(world.is_asked(&login));
    world.tell(&login, "111111");
    let sent = world.sent(&login);
    world.refuse(&sent, 401, 83);
    assert!(world.is_asked(&login));
    world.tell(&login, "111111");
    assert_eq!(world.state(), "refused");
    world.failed(login);
}

#[test]
fn s04_a_driver_that_declines_hands_the_challenge_to_everybody() {
    let (mut world, login) = World::asking();
    let call = world.profile();
    assert!(world.is_asked(&login));
    world.session.handle_answer(world.now, login.id(), Err(Declined));
    let challenge = Challenge::SecondFactor { factor: Factor::Totp, refused: 0 };
    assert_eq!(world.done(login).unwrap(), Login::Challenged(challenge));
    assert!(matches!(world.done(call), Err(Error::Challenged(_))));
    let later = world.profile();
    assert!(matches!(world.done(later), Err(Error::Challenged(_))));
    let answer = world.totp("654321");
    let sent = world.sent(&answer);
    world.ok(&sent, "{}");
    assert_eq!(world.done(answer).unwrap(), Login::Active);
}

#[test]
fn s04_i12_an_asked_caller_that_goes_away_is_replaced() {
    let (mut world, login) = World::asking();
    let call = world.profile();
    assert!(world.is_asked(&login));
    let before = world.session.wakes();
    world.session.cancel(world.now, login.id());
    assert!(world.session.wakes() > before);
    assert!(world.is_asked(&call));
}

#[test]
fn s17_an_asked_answer_that_is_lost_fails_its_carrier_and_asks_the_next() {
    let (mut world, login) = World::asking();
    let call = world.profile();
    assert!(world.is_asked(&login));
    world.tell(&login, "654321");
    let sent = world.sent(&login);
    world.lose(&sent);
    assert_eq!(world.failed(login), "the connection was interrupted");
    assert!(world.is_asked(&call));
}

#[test]
fn i12_an_asked_answer_that_cannot_be_sent_wakes_the_next() {
    let (mut world, login) = World::asking_and(|config| {
        config.with_compat(Compat::default().with_captcha_form(crate::CaptchaForm::GetThenPost))
    });
    world.session.cancel(world.now, login.id());
    let (first, second) = (world.profile(), world.profile());
    assert!(world.is_asked(&first));
    world.waits(&second);
    let wakes = world.session.wakes();
    let endless = Answer::Captcha("x".repeat(1 << 16).as_str().into());
    world.session.handle_answer(world.now, first.id(), Ok(endless));
    assert_eq!(world.failed(first), "path is too long");
    assert!(world.session.wakes() > wakes);
    assert!(world.is_asked(&second));
}

#[test]
fn an_answer_from_somebody_who_was_not_asked_is_ignored() {
    let (mut world, login) = World::asking();
    let call = world.profile();
    assert!(world.is_asked(&login));
    world.tell(&call, "654321");
    assert_eq!(world.state(), "Totp 0");
    assert!(world.is_asked(&login));
}
