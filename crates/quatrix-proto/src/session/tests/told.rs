//! M42: whether a failed call may have been executed is about the call's own request.

use super::*;

/// Ways in which a login, an answer or a captcha can fail without a refusal.
fn failures() -> Vec<Result<(u16, &'static str), TransportError>> {
    let mut ways: Vec<_> = [(503, ""), (429, ""), (404, ""), (302, ""), (200, "<html>"), (500, "{}")].map(Ok).to_vec();
    ways.extend(
        [TransportErrorKind::Interrupted, TransportErrorKind::TimedOut]
            .map(|kind| Err(TransportError::maybe_sent(kind))),
    );
    ways.push(Err(TransportError::unsent(TransportErrorKind::Tls)));
    ways
}

impl World {
    fn comes_to(&mut self, sent: &Sent, result: Result<(u16, &str), TransportError>) {
        match result {
            Ok((status, body)) => self.answer(sent, status, &[], body),
            Err(failure) => self.fail(sent, failure),
        }
    }

    /// A call that may be repeated and whose first try was lost.
    fn lost(&mut self, options: CallOptions) -> Ticket<Profile> {
        let call = self.session.call_with(self.now, &GetProfile, options);
        let sent = self.sent(&call);
        self.lose(&sent);
        self.waits(&call);
        call
    }

    #[track_caller]
    fn executed<T: std::fmt::Debug>(&mut self, ticket: Ticket<T>) -> bool {
        self.done(ticket).unwrap_err().may_have_been_executed()
    }
}

#[test]
fn m42_s09_a_call_that_waited_for_a_login_was_not_executed_whatever_ended_the_login() {
    for failure in failures() {
        let mut world = World::active("one");
        world.expire();
        let (leader, waiting) = (world.profile(), world.profile());
        let login = world.sent(&leader);
        world.waits(&waiting);
        world.comes_to(&login, failure.clone());
        assert!(!world.executed(leader) && !world.executed(waiting), "{failure:?}");
        let next = world.profile();
        world.session.cancel(world.now, next.id());
    }
}

#[test]
fn m42_s17_a_call_that_drove_an_answer_was_not_executed_whatever_came_of_the_answer() {
    for failure in failures() {
        let (mut world, login) = World::asking();
        world.session.cancel(world.now, login.id());
        let call = world.profile();
        assert!(world.is_asked(&call));
        world.tell(&call, "123456");
        let answer = world.sent(&call);
        world.comes_to(&answer, failure.clone());
        assert!(!world.executed(call), "{failure:?}");
    }
}

#[test]
fn m42_a_call_that_drove_an_answer_and_ran_out_of_time_is_timed_out_and_not_executed() {
    for reported in [true, false] {
        let (mut world, login) = World::asking();
        world.session.cancel(world.now, login.id());
        let options = CallOptions::new().with_deadline(Duration::from_secs(5));
        let call = world.session.call_with(world.now, &GetProfile, options);
        assert!(world.is_asked(&call));
        world.tell(&call, "123456");
        let answer = world.sent(&call);
        world.pass(Duration::from_secs(5));
        if reported {
            world.fail(&answer, TransportError::maybe_sent(TransportErrorKind::TimedOut));
        }
        let error = world.done(call).unwrap_err();
        assert_eq!((error.to_string(), error.may_have_been_executed()), ("timed out".to_owned(), false));
        assert_eq!(world.state(), "Totp 0");
    }
}

#[test]
fn m42_an_earlier_try_that_may_have_arrived_counts_although_the_last_was_not_sent() {
    let mut world = World::active("one");
    let call = world.lost(CallOptions::new().with_attempts(2));
    world.pass(MINUTE);
    let sent = world.sent(&call);
    world.fail(&sent, TransportError::unsent(TransportErrorKind::Connect));
    let error = world.done(call).unwrap_err();
    assert_eq!((error.to_string(), error.may_have_been_executed()), ("could not connect".to_owned(), true));
}

#[test]
fn m42_an_earlier_try_that_may_have_arrived_counts_although_the_server_refuses_the_last() {
    for (status, code) in [(429, 1), (404, 20), (401, 14)] {
        let mut world = World::active("one");
        let call = world.lost(CallOptions::new().with_attempts(2));
        world.pass(MINUTE);
        let sent = world.sent(&call);
        world.refuse(&sent, status, code);
        if status == 401 {
            let probe = world.sent(&call);
            world.ok(&probe, "");
        }
        let error = world.done(call).unwrap_err();
        assert_eq!((error.status().unwrap().as_u16(), error.may_have_been_executed()), (status, true));
    }
}

#[test]
fn m42_s24_an_earlier_try_that_may_have_arrived_counts_although_a_logout_ends_the_call() {
    for arrived in [true, false] {
        let mut world = World::active("one");
        let call = world.profile();
        let sent = world.sent(&call);
        let (maybe, not) = (TransportError::maybe_sent, TransportError::unsent);
        world.fail(
            &sent,
            if arrived { maybe(TransportErrorKind::Interrupted) } else { not(TransportErrorKind::Connect) },
        );
        world.waits(&call);
        let _logout = world.session.logout(world.now);
        let error = world.done(call).unwrap_err();
        assert_eq!((error.to_string(), error.may_have_been_executed()), ("logged out".to_owned(), arrived));
        assert!(!error.retryable());
    }
}

#[test]
fn m42_s09_an_earlier_try_that_may_have_arrived_counts_although_a_login_ends_the_call() {
    let mut world = World::active("one");
    let call = world.lost(CallOptions::new());
    world.expire();
    world.pass(MINUTE);
    let login = world.sent(&call);
    world.refuse(&login, 401, 10);
    assert!(world.executed(call));
}

#[test]
fn m42_what_was_not_carried_out_is_not_told_as_if_it_might_have_been() {
    let ends_after = |status: u16, failure: Option<TransportError>| {
        let mut world = World::active("one");
        let options = CallOptions::new().with_deadline(Duration::from_secs(1));
        let call = world.session.call_with(world.now, &GetProfile, options);
        let sent = world.sent(&call);
        match failure {
            None => world.answer(&sent, status, &[], ""),
            Some(failure) => world.fail(&sent, failure),
        }
        world.pass(Duration::from_secs(1));
        let error = world.done(call).unwrap_err();
        assert_eq!(error.to_string(), "timed out");
        error.may_have_been_executed()
    };
    assert!(!ends_after(429, None));
    assert!(ends_after(503, None));
    assert!(!ends_after(0, Some(TransportError::unsent(TransportErrorKind::Connect))));
    assert!(ends_after(0, Some(TransportError::maybe_sent(TransportErrorKind::Interrupted))));
}
