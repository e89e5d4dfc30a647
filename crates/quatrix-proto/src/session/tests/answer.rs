//! S12 to S17: second factors and captchas.

use super::*;

impl World {
    pub(super) fn totp(&mut self, code: &str) -> Ticket<Login> {
        self.session.answer(self.now, Answer::totp(code))
    }

    pub(super) fn captcha(&mut self, token: &str) -> Ticket<Login> {
        self.session.answer(self.now, Answer::Captcha(token.into()))
    }
}

#[test]
fn s12_an_answer_is_sent_once_with_the_partial_id() {
    let mut world = World::new().challenged("71");
    let answer = world.totp("654321");
    assert_eq!(world.state(), "answering");
    let sent = world.sent(&answer);
    assert_eq!((sent.name, sent.token()), ("session.second_factor", "partial"));
    assert_eq!(sent.body(), r#"{"auth_type":"2FA","code":"654321"}"#);
    world.waits(&answer);
    let waiting = world.profile();
    world.waits(&waiting);
}

#[test]
fn s12_an_answer_of_another_kind_or_in_another_state_is_misuse() {
    let nothing = "no challenge of this kind is pending";
    let mut world = World::new().challenged("71");
    let pin = world.session.answer(world.now, Answer::pin("12345"));
    assert_eq!(world.failed(pin), nothing);
    assert_eq!(world.state(), "Totp 0");
    let mut world = World::active("one");
    let late = world.totp("654321");
    assert_eq!(world.failed(late), nothing);
    let mut world = World::new().challenged("72");
    let code = world.totp("654321");
    assert_eq!(world.failed(code), nothing);
}

#[test]
fn s12_a_factor_without_a_name_takes_whatever_the_caller_chooses() {
    for answer in [Answer::totp("1"), Answer::pin("1"), Answer::Captcha("1".into())] {
        let mut world = World::new().challenged("61");
        let answer = world.session.answer(world.now, answer);
        world.sent(&answer);
    }
}

#[test]
fn q02_how_a_code_is_encoded_is_a_setting() {
    use crate::api::CodeEncoding::{Base64, PinInBase64, Plain};
    for (encoding, totp, pin) in
        [(Plain, "654321", "12345"), (Base64, "NjU0MzIx", "MTIzNDU="), (PinInBase64, "654321", "MTIzNDU=")]
    {
        for (mfa_code, answer, code) in [("71", Answer::totp("654321"), totp), ("73", Answer::pin("12345"), pin)] {
            let mut world = World::with(|config| config.with_compat(Compat::default().with_code_encoding(encoding)))
                .challenged(mfa_code);
            let answer = world.session.answer(world.now, answer);
            let sent = world.sent(&answer);
            assert!(sent.body().ends_with(&format!(r#""code":"{code}"}}"#)), "{}", sent.body());
        }
    }
}

#[test]
fn s13_a_right_code_makes_a_session_with_the_new_id_or_the_old_one() {
    for (body, token) in [(r#"{"session_id":"rotated"}"#, "rotated"), ("{}", "partial"), ("", "partial")] {
        let mut world = World::new().challenged("71");
        let answer = world.totp("654321");
        let sent = world.sent(&answer);
        world.ok(&sent, body);
        assert_eq!(world.done(answer).unwrap(), Login::Active);
        let call = world.profile();
        assert_eq!(world.sent(&call).token(), token);
        assert!(world.session.kept.is_some());
    }
}

#[test]
fn s14_a_wrong_code_is_challenged_again() {
    let mut world = World::new().challenged("71");
    for refused in 1..=3 {
        let answer = world.totp("000000");
        let sent = world.sent(&answer);
        world.refuse(&sent, 401, 83);
        let challenge = Challenge::SecondFactor { factor: Factor::Totp, refused };
        assert_eq!(world.done(answer).unwrap(), Login::Challenged(challenge));
    }
}

#[test]
fn s14_another_factor_may_be_due() {
    let mut world = World::new().challenged("71");
    let answer = world.totp("654321");
    let sent = world.sent(&answer);
    world.answer(&sent, 207, &[("mfa-code", "73")], r#"{"session_id":"further"}"#);
    let challenge = Challenge::SecondFactor { factor: Factor::Pin, refused: 0 };
    assert_eq!(world.done(answer).unwrap(), Login::Challenged(challenge));
    let pin = world.session.answer(world.now, Answer::pin("12345"));
    assert_eq!(world.sent(&pin).token(), "further");
}

#[test]
fn s14_q06_after_a_code_a_captcha_or_an_unknown_factor_may_be_due() {
    for (mfa_code, state) in [("72", "captcha 0"), ("99", "Other(99) 0")] {
        let mut world = World::new().challenged("71");
        let answer = world.totp("654321");
        let sent = world.sent(&answer);
        world.answer(&sent, 207, &[("mfa-code", mfa_code)], r#"{"session_id":"further"}"#);
        assert_eq!(world.state(), state);
    }
}

#[test]
fn m06_a_factor_of_an_unknown_kind_is_answered_as_the_caller_chooses() {
    for answer in [Answer::totp("654321"), Answer::pin("654321")] {
        let mut world = World::new();
        let login = world.login();
        let sent = world.sent(&login);
        let body = r#"{"session_id":"partial","hint":{"sms":"+44..99"},"Session_Id":7}"#;
        world.answer(&sent, 207, &[("mfa-code", "99")], body);
        let challenge = Challenge::SecondFactor { factor: Factor::Other(99), refused: 0 };
        assert_eq!(world.done(login).unwrap(), Login::Challenged(challenge));
        let ticket = world.session.answer(world.now, answer);
        let sent = world.sent(&ticket);
        world.ok(&sent, r#"{"session_id":"whole","since":[1,2]}"#);
        assert_eq!(world.done(ticket).unwrap(), Login::Active);
    }
}

#[test]
fn s14_code_60_says_that_the_challenge_has_expired() {
    let mut world = World::new().challenged("71");
    let answer = world.totp("654321");
    let sent = world.sent(&answer);
    world.refuse(&sent, 401, 60);
    assert_eq!(world.failed(answer), "the session has expired");
    assert_eq!(world.state(), "expired");
}

#[test]
fn s15_q08_a_right_captcha_is_followed_by_one_look_at_the_profile() {
    let mut world = World::new().challenged("72");
    let answer = world.captcha("solved");
    let sent = world.sent(&answer);
    assert_eq!((sent.name, sent.token(), sent.body()), ("session.unblock_captcha", "partial", r#"{"token":"solved"}"#));
    world.ok(&sent, r#"{"valid":true}"#);
    let check = world.sent(&answer);
    assert_eq!((check.name, check.token()), ("profile.get", "partial"));
    world.ok(&check, PROFILE);
    assert_eq!(world.done(answer).unwrap(), Login::Active);
}

#[test]
fn s15_q08_where_the_captcha_did_not_log_in_the_login_goes_once_more() {
    let mut world = World::new().challenged("72");
    let answer = world.captcha("solved");
    let sent = world.sent(&answer);
    world.ok(&sent, r#"{"valid":true}"#);
    let check = world.sent(&answer);
    world.refuse(&check, 401, 14);
    let login = world.sent(&answer);
    assert_eq!((login.name, login.token()), ("session.login", ""));
    world.answer(&login, 207, &[("mfa-code", "71")], r#"{"session_id":"after"}"#);
    let challenge = Challenge::SecondFactor { factor: Factor::Totp, refused: 0 };
    assert_eq!(world.done(answer).unwrap(), Login::Challenged(challenge));
}

#[test]
fn s15_m05_a_captcha_in_between_leads_back_to_the_second_factor() {
    let mut world = World::new().challenged("71");
    let answer = world.totp("654321");
    let sent = world.sent(&answer);
    world.refuse(&sent, 401, 72);
    assert_eq!(world.done(answer).unwrap(), Login::Challenged(Challenge::Captcha { refused: 0 }));
    let captcha = world.captcha("solved");
    let sent = world.sent(&captcha);
    world.ok(&sent, r#"{"valid":true}"#);
    let challenge = Challenge::SecondFactor { factor: Factor::Totp, refused: 0 };
    assert_eq!(world.done(captcha).unwrap(), Login::Challenged(challenge));
}

#[test]
fn s15_a_resumed_captcha_without_credentials_ends_where_it_did_not_log_in() {
    let saved = World::new().challenged("72").session.save().unwrap();
    let mut world = World::new();
    world.session.resume(world.now, saved, None).unwrap();
    let answer = world.captcha("solved");
    let sent = world.sent(&answer);
    world.ok(&sent, r#"{"valid":true}"#);
    let check = world.sent(&answer);
    world.refuse(&check, 401, 14);
    assert_eq!(world.failed(answer), "the session has expired");
}

#[test]
fn s16_a_wrong_captcha_is_not_a_lost_session() {
    let mut world = World::new().challenged("72");
    for (refused, status, body) in [(1, 401, r#"{"valid":false}"#), (2, 200, r#"{"valid":false}"#), (3, 401, "")] {
        let answer = world.captcha("wrong");
        let sent = world.sent(&answer);
        world.answer(&sent, status, &[], body);
        assert_eq!(world.done(answer).unwrap(), Login::Challenged(Challenge::Captcha { refused }));
    }
}

#[test]
fn s16_an_unknown_form_of_the_captcha_leads_to_the_other_once() {
    use crate::CaptchaForm;
    for (form, methods) in [
        (CaptchaForm::PostThenGet, &["POST", "GET"][..]),
        (CaptchaForm::GetThenPost, &["GET", "POST"]),
        (CaptchaForm::Post, &["POST"]),
        (CaptchaForm::Get, &["GET"]),
    ] {
        for status in [404, 405] {
            let mut world =
                World::with(|config| config.with_compat(Compat::default().with_captcha_form(form))).challenged("72");
            let answer = world.captcha("solved");
            for method in methods {
                let sent = world.sent(&answer);
                assert_eq!(sent.request.method(), method);
                world.answer(&sent, status, &[], "");
            }
            assert_eq!(world.done(answer).unwrap_err().status().unwrap(), status);
            assert_eq!(world.state(), "captcha 0");
        }
    }
}

#[test]
fn s17_whatever_else_happens_the_challenge_stands_and_the_code_is_not_sent_again() {
    let mut world = World::new().challenged("71");
    for status in [200, 302, 400, 403, 404, 429, 500, 503] {
        let answer = world.totp("654321");
        let sent = world.sent(&answer);
        let body = if status == 200 { "[invalid_response" } else { "" };
        world.answer(&sent, status, &[], body);
        world.done(answer).unwrap_err();
        assert_eq!(world.state(), "Totp 0", "{status}");
    }
    for failure in [
        TransportError::maybe_sent(TransportErrorKind::TimedOut),
        TransportError::unsent(TransportErrorKind::Connect),
        TransportError::aborted(),
    ] {
        let answer = world.totp("654321");
        let sent = world.sent(&answer);
        world.fail(&sent, failure);
        world.done(answer).unwrap_err();
        assert_eq!(world.state(), "Totp 0");
    }
}

#[test]
fn s17_a_carrier_that_goes_away_leaves_the_challenge_as_it_was() {
    let mut world = World::new().challenged("71");
    let answer = world.totp("654321");
    let sent = world.sent(&answer);
    world.session.cancel(world.now, answer.id());
    world.ok(&sent, "{}");
    assert_eq!(world.state(), "Totp 0", "the late answer is ignored");
}

#[test]
fn m04_q11_a_challenge_that_nobody_answers_runs_out() {
    let mut world = World::new().challenged("71");
    world.pass(15 * MINUTE);
    let call = world.profile();
    assert_eq!(world.failed(call), "the session has expired");
    assert_eq!(world.state(), "expired");
}

#[test]
fn s15_a_captcha_that_nobody_asked_for_leads_back_to_the_second_factor() {
    let mut world = World::new().challenged("71");
    let answer = world.captcha("solved");
    let sent = world.sent(&answer);
    world.ok(&sent, r#"{"valid":true}"#);
    assert!(matches!(world.done(answer).unwrap(), Login::Challenged(Challenge::SecondFactor { .. })));
    assert_eq!(world.state(), "Totp 0");
}

#[test]
fn i07_who_waits_for_anothers_answer_wakes_at_its_deadline_or_when_the_challenge_runs_out() {
    let (mut world, login) = World::asking();
    assert!(world.is_asked(&login));
    world.pass(MINUTE);
    let patient = world.profile();
    let hasty = world.session.call_with(world.now, &GetProfile, CallOptions::new().with_deadline(MINUTE));
    assert_eq!(world.waits(&patient).saturating_since(world.now), 14 * MINUTE);
    assert_eq!(world.waits(&hasty).saturating_since(world.now), MINUTE);
}

/// Asks are on, the session has expired, and a call has carried a login that was challenged.
fn asking_again() -> (World, Ticket<Profile>) {
    let mut world = World::with(|config| config.interactive(true));
    world.log_in("one");
    world.expire();
    let call = world.profile();
    let login = world.sent(&call);
    world.answer(&login, 207, &[("mfa-code", "71")], r#"{"session_id":"partial"}"#);
    (world, call)
}

#[test]
fn i04_a_challenge_that_is_given_up_does_not_send_the_password_again_by_itself() {
    let (mut world, call) = asking_again();
    let other = world.profile();
    assert!(world.is_asked(&call));
    world.tell(&call, "654321");
    let sent = world.sent(&call);
    world.refuse(&sent, 401, 60);
    assert_eq!(world.state(), "expired");
    for call in [call, other] {
        assert_eq!(world.failed(call), "the session has expired");
    }
    let later = world.profile();
    assert_eq!(world.sent(&later).name, "session.login");
}

#[test]
fn m04_a_challenge_that_has_run_out_does_not_fail_the_next_call() {
    let (mut world, call) = asking_again();
    world.pass(15 * MINUTE);
    let later = world.profile();
    assert_eq!(world.failed(call), "the session has expired");
    assert_eq!(world.sent(&later).name, "session.login");
}

#[test]
fn i09_a_server_that_always_asks_for_more_is_not_answered_for_ever() {
    let (mut world, login) = World::asking();
    let mut asked = 0;
    while world.is_asked(&login) {
        asked += 1;
        world.tell(&login, "654321");
        let sent = world.sent(&login);
        world.answer(&sent, 207, &[("mfa-code", "71")], r#"{"session_id":"another"}"#);
        assert!(asked <= 6, "this goes on for ever");
    }
    assert_eq!(asked, 6);
    assert_eq!(world.state(), "Totp 0");
}

#[test]
fn i04_captchas_that_lead_nowhere_do_not_send_the_password_for_ever() {
    let mut world = World::with(|config| config.interactive(true));
    let login = world.login();
    let mut passwords = 0;
    loop {
        match world.poll(&login) {
            Step::Ask(challenge) => {
                world.session.handle_answer(world.now, login.id(), Ok(challenge.answer("solved")));
            }
            Step::Send(transmit) => {
                let (status, body) = match transmit.spec().name() {
                    "session.login" => (207, r#"{"session_id":"partial"}"#),
                    "session.unblock_captcha" => (200, r#"{"valid":true}"#),
                    _ => (401, ""),
                };
                passwords += u32::from(status == 207);
                let response = http::Response::builder().status(status).header("mfa-code", "72");
                let response = response.body(Bytes::from_static(body.as_bytes())).unwrap();
                world.session.handle_response(world.now, transmit.exchange, response);
            }
            Step::Ready(outcome) => {
                assert!(matches!(login.decode(outcome), Ok(Login::Challenged(Challenge::Captcha { .. }))));
                break;
            }
            Step::Wait(_) => panic!("waits"),
        }
        assert!(passwords < 20, "this goes on for ever");
    }
    assert_eq!(passwords, 7);
}
