//! Retries, deadlines, cancellation and events.

use super::*;
use crate::Replay;

#[test]
fn m31_a_safe_call_is_repeated_after_a_cut_and_another_is_not() {
    let mut world = World::active("one");
    let safe = world.profile();
    for attempt in 1..=3 {
        let sent = world.sent(&safe);
        world.lose(&sent);
        if attempt < 3 {
            world.now = world.waits(&safe);
        }
    }
    assert_eq!(world.failed(safe), "the connection was interrupted");

    let unsafe_call = world.session.call(world.now, &Raw::post("/file/move", "{}"));
    let sent = world.sent(&unsafe_call);
    world.lose(&sent);
    assert!(world.done(unsafe_call).unwrap_err().may_have_been_executed());
}

#[test]
fn m31_what_provably_was_not_sent_is_repeated_whatever_it_is() {
    let mut world = World::active("one");
    let call = world.session.call(world.now, &Raw::post("/file/move", "{}"));
    let sent = world.sent(&call);
    world.fail(&sent, TransportError::unsent(TransportErrorKind::Connect));
    world.now = world.waits(&call);
    let sent = world.sent(&call);
    world.ok(&sent, "{}");
    assert_eq!(world.done(call).unwrap().status(), 200);
}

#[test]
fn q16_i09_the_longest_wait_that_a_server_may_ask_for_is_a_setting() {
    for (longest, waits) in [(6, false), (7, true)] {
        let mut world = World::with(|config| config.with_max_retry_after(Duration::from_secs(longest)));
        world.log_in("one");
        let call = world.profile();
        let sent = world.sent(&call);
        world.answer(&sent, 429, &[("retry-after", "7")], "");
        assert_eq!(matches!(world.poll(&call), Step::Wait(_)), waits);
    }
}

#[test]
fn i09_a_failure_that_another_try_would_not_mend_is_not_followed_by_one() {
    for kind in [TransportErrorKind::TooLarge, TransportErrorKind::Aborted] {
        let mut world = World::active("one");
        let call = world.profile();
        let sent = world.sent(&call);
        world.fail(&sent, TransportError::maybe_sent(kind));
        assert!(matches!(world.done(call), Err(Error::Transport(failure)) if failure.kind() == kind));
    }
}

#[test]
fn i02_a_late_answer_is_not_taken_for_the_answer_to_the_repetition() {
    let mut world = World::active("one");
    let call = world.profile();
    let late = world.sent(&call);
    world.lose(&late);
    world.now = world.waits(&call);
    let sent = world.sent(&call);
    world.refuse(&late, 403, 50);
    world.waits(&call);
    world.ok(&sent, PROFILE);
    assert_eq!(world.done(call).unwrap().name, "Me");
}

#[test]
fn m20_a_gateway_error_is_repeated_if_safe_and_delivered_if_not() {
    let mut world = World::active("one");
    let safe = world.profile();
    let sent = world.sent(&safe);
    world.answer(&sent, 503, &[("content-type", "text/html")], "<h1>busy</h1>");
    world.now = world.waits(&safe);
    let sent = world.sent(&safe);
    world.ok(&sent, PROFILE);
    world.done(safe).unwrap();

    let post = world.session.call(world.now, &Raw::post("/file/move", "{}"));
    let sent = world.sent(&post);
    world.answer(&sent, 503, &[], "");
    assert_eq!(world.done(post).unwrap().status(), 503);
}

#[test]
fn q16_m29_a_429_was_not_carried_out_and_is_repeated_after_its_wait() {
    let mut world = World::active("one");
    let call = world.session.call(world.now, &Raw::post("/file/move", "{}"));
    let sent = world.sent(&call);
    world.answer(&sent, 429, &[("retry-after", "7")], "");
    let until = world.waits(&call);
    assert!(until.saturating_since(world.now) >= Duration::from_secs(7));
    world.now = until;
    let sent = world.sent(&call);
    world.answer(&sent, 429, &[("retry-after", "31")], "");
    let answer = world.done(call).unwrap();
    assert_eq!(answer.status(), 429, "beyond the cap it is the caller's to wait");
}

#[test]
fn i09_a_server_that_fails_everything_is_asked_once_per_call_when_the_budget_is_gone() {
    let mut world = World::active("one");
    let mut sent_in_all = 0;
    for _ in 0..50 {
        let call = world.profile();
        loop {
            match world.poll(&call) {
                Step::Send(transmit) => {
                    sent_in_all += 1;
                    let busy = http::Response::builder().status(503).body(Bytes::new()).unwrap();
                    world.session.handle_response(world.now, transmit.exchange, busy);
                }
                Step::Wait(until) => world.now = until,
                Step::Ready(outcome) => {
                    call.decode(outcome).unwrap_err();
                    break;
                }
                Step::Ask(_) => panic!(),
            }
        }
    }
    assert_eq!(sent_in_all, 60, "50 first attempts and the 10 repetitions of a full budget");
}

#[test]
fn m30_a_429_for_ever_bounds_the_attempts_of_all_calls_together_and_lets_each_have_its_first() {
    let mut world = World::active("one");
    let calls: Vec<_> = (0..64).map(|_| world.profile()).collect();
    let (mut sent, mut waiting) = (vec![0; calls.len()], calls.len());
    while waiting > 0 {
        let mut next = Timestamp::MAX;
        waiting = 0;
        for (call, sent) in calls.iter().zip(&mut sent) {
            match world.poll(call) {
                Step::Send(transmit) => {
                    *sent += 1;
                    let slow = http::Response::builder().status(429).header("retry-after", "0").body(Bytes::new());
                    world.session.handle_response(world.now, transmit.exchange, slow.unwrap());
                    (waiting, next) = (waiting + 1, world.now);
                }
                Step::Wait(until) => (waiting, next) = (waiting + 1, next.min(until)),
                // Asked again after its end, a call is not known any more.
                Step::Ready(_) => {}
                Step::Ask(_) => panic!(),
            }
        }
        world.now = world.now.max(next);
    }
    assert!(sent.iter().all(|sent| (1..=3).contains(sent)), "{sent:?}");
    assert_eq!(sent.iter().sum::<usize>(), 64 + 10, "first attempts, and the repetitions of a full budget");
}

#[test]
fn call_options_change_attempts_safety_and_headers() {
    let mut world = World::active("one");
    let once = CallOptions::new().with_attempts(1);
    let call = world.session.call_with(world.now, &GetProfile, once);
    let sent = world.sent(&call);
    world.lose(&sent);
    world.done(call).unwrap_err();

    let name = http::HeaderName::from_static("x-trace");
    let options = CallOptions::new().with_replay(Replay::Safe).with_header(name, "7".parse().unwrap()).unwrap();
    let call = world.session.call_with(world.now, &Raw::post("/file/move", "{}"), options);
    let sent = world.sent(&call);
    assert_eq!(sent.header("x-trace"), "7");
    world.lose(&sent);
    world.waits(&call);
}

#[test]
fn i07_a_deadline_ends_a_wait() {
    let mut world = World::active("one");
    let options = CallOptions::new().with_deadline(Duration::from_millis(5));
    let call = world.session.call_with(world.now, &GetProfile, options);
    let Step::Send(transmit) = world.poll(&call) else { panic!() };
    assert_eq!(transmit.deadline.saturating_since(world.now), Duration::from_millis(5));
    let busy = http::Response::builder().status(429).header("retry-after", "9").body(Bytes::new()).unwrap();
    world.session.handle_response(world.now, transmit.exchange, busy);
    let until = world.waits(&call);
    assert_eq!(until.saturating_since(world.now), Duration::from_millis(5));
    world.now = until;
    assert_eq!(world.failed(call), "timed out");
}

#[test]
fn m12_a_cancelled_waiter_leaves_nothing_behind() {
    let mut world = World::active("one");
    world.expire();
    let (leader, waiter) = (world.profile(), world.profile());
    let sent = world.sent(&leader);
    world.waits(&waiter);
    world.session.cancel(world.now, waiter.id());
    world.grant(&sent, "two");
    let sent = world.sent(&leader);
    world.ok(&sent, PROFILE);
    world.done(leader).unwrap();
    assert_eq!(world.session.calls.iter().count(), 0);
}

#[test]
fn an_observer_sees_exchanges_and_changes_in_their_order() {
    let mut world = World::new().challenged("71");
    let answer = world.session.answer(world.now, Answer::totp("654321"));
    let sent = world.sent(&answer);
    world.ok(&sent, "{}");
    assert_eq!(world.done(answer).unwrap(), Login::Active);
    let logout = world.session.logout(world.now);
    let sent = world.sent(&logout);
    world.lose(&sent);
    world.done(logout).unwrap();
    let seen: Vec<_> = std::iter::from_fn(|| world.session.poll_event())
        .map(|event| match event {
            Event::Exchanged { endpoint, result: Ok(status), .. } => format!("{endpoint} {}", status.as_u16()),
            Event::Exchanged { endpoint, result: Err(kind), .. } => format!("{endpoint} {kind:?}"),
            Event::Repeating { endpoint, .. } => format!("again {endpoint}"),
            Event::LoggedIn { .. } => "logged in".into(),
            Event::Challenged(challenge) => format!("challenged: {challenge}"),
            Event::LoggedOut(why) => why.to_string(),
        })
        .collect();
    assert_eq!(
        seen,
        [
            "session.login 207",
            "challenged: the code of an authenticator",
            "session.second_factor 200",
            "logged in",
            "session.logout Interrupted",
            "logged out",
        ]
    );
}

#[test]
fn an_observer_is_told_of_each_repetition_and_how_often_it_was_sent_before() {
    let mut world = World::active("one");
    let call = world.profile();
    for _ in 0..2 {
        let sent = world.sent(&call);
        world.lose(&sent);
        world.now = world.waits(&call);
    }
    world.sent(&call);
    let mut repeating = Vec::new();
    while let Some(event) = world.session.poll_event() {
        if let Event::Repeating { call, endpoint, attempts } = event {
            repeating.push((call, endpoint, attempts));
        }
    }
    assert_eq!(repeating, [(call.id(), "profile.get", 1), (call.id(), "profile.get", 2)]);
}

#[test]
fn an_observer_that_sleeps_loses_the_oldest() {
    let mut world = World::active("one");
    for _ in 0..100 {
        let call = world.profile();
        let sent = world.sent(&call);
        world.ok(&sent, PROFILE);
        world.done(call).unwrap();
    }
    assert_eq!(std::iter::from_fn(|| world.session.poll_event()).count(), 32);
}

#[test]
fn i07_an_exchange_that_is_not_reported_by_the_deadline_is_not_waited_for() {
    let mut world = World::active("one");
    let options = CallOptions::new().with_deadline(MINUTE);
    let call = world.session.call_with(world.now, &GetProfile, options);
    let sent = world.sent(&call);
    let deadline = world.waits(&call);
    assert_eq!(deadline.saturating_since(world.now), MINUTE);
    world.now = deadline;
    let error = world.done(call).unwrap_err();
    assert_eq!((error.to_string(), error.may_have_been_executed()), ("timed out".to_owned(), true));
    world.ok(&sent, PROFILE);
    assert_eq!(world.state(), "active");
}

#[test]
fn m42_a_deadline_between_two_tries_says_what_the_first_may_have_done() {
    let ends = |safe: bool, failure: TransportError| {
        let mut world = World::active("one");
        let raw = if safe { Raw::get("/x").replay_safe() } else { Raw::get("/x") };
        let options = CallOptions::new().with_deadline(Duration::from_secs(1));
        let call = world.session.call_with(world.now, &raw, options);
        let sent = world.sent(&call);
        world.fail(&sent, failure);
        world.pass(Duration::from_secs(1));
        world.done(call).unwrap_err().may_have_been_executed()
    };
    assert!(ends(true, TransportError::maybe_sent(TransportErrorKind::Interrupted)));
    assert!(!ends(false, TransportError::unsent(TransportErrorKind::Connect)));
}

#[test]
fn i09_m31_a_stream_is_not_requested_again_after_a_failure_even_if_the_caller_says_that_it_is_safe() {
    let mut world = World::active("one");
    let options = CallOptions::new().with_replay(Replay::Safe);
    let link = crate::api::ReadLink::new(crate::DownloadLink::new("link"));
    let stream = world.session.call_with(world.now, &link, options);
    let sent = world.sent(&stream);
    assert_eq!(sent.name, "file.download");
    world.lose(&sent);
    assert_eq!(world.failed(stream), "the connection was interrupted");
}

#[test]
fn m25_a_call_has_no_limit_but_its_own_deadline() {
    let link = crate::api::ReadLink::new(crate::DownloadLink::new("link"));
    let config = Config::new(Server::account("acme").unwrap());
    let key = Session::with_api_key(config, 1, ApiKey::new("key").unwrap());
    for mut session in [World::active("one").session, key] {
        let now = Timestamp::from(Duration::from_secs(1000));
        for (options, deadline) in [
            (CallOptions::new(), Timestamp::MAX),
            (CallOptions::new().with_deadline(60 * MINUTE), now.saturating_add(60 * MINUTE)),
        ] {
            let calls = [
                session.call_with(now, &link, options.clone()).id(),
                session.call_with(now, &GetProfile, options).id(),
            ];
            for call in calls {
                let Step::Send(transmit) = session.poll_call(now, call) else { panic!() };
                assert_eq!(transmit.deadline, deadline);
                session.cancel(now, call);
            }
        }
    }
}
