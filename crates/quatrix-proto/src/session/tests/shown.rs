//! What `Debug` shows of a session and of what it hands out: enough to tell one from another, and no secret.

use super::*;

#[test]
fn i08_a_session_shows_its_server_its_state_and_how_many_calls_it_has() {
    let mut world = World::active("canary");
    let _call = world.profile();
    let shown = format!("{:?}", world.session);
    let server = format!("{:?}", Server::account("acme").unwrap());
    assert_eq!(shown, format!("Session {{ server: {server}, state: Active {{ confirmed: true }}, calls: 1, .. }}"));
}

#[test]
fn i08_a_ticket_and_a_request_are_shown_by_number_and_name() {
    let mut world = World::active("canary");
    let call = world.profile();
    assert_eq!(format!("{call:?}"), "Ticket { id: CallId { slot: 0, generation: 1 }, .. }");
    let step = world.poll(&call);
    let shown = format!("{step:?}");
    assert!(shown.contains(r#"endpoint: "profile.get""#) && !shown.contains("canary"), "{shown}");
}

#[test]
fn i08_an_outcome_is_shown_by_status_state_or_error() {
    let mut world = World::new();
    let mut shown = Vec::new();
    let mut end = |world: &mut World, id| match world.session.poll_call(world.now, id) {
        Step::Ready(outcome) => shown.push(format!("{outcome:?}")),
        step => panic!("has not ended: {step:?}"),
    };
    let login = world.login();
    let sent = world.sent(&login);
    world.grant(&sent, "canary");
    end(&mut world, login.id());
    for status in [200, 403] {
        let call = world.profile();
        let sent = world.sent(&call);
        world.answer(&sent, status, &[], r#"{"msg":"canary"}"#);
        end(&mut world, call.id());
    }
    let call = world.session.call(world.now, &crate::api::LogIn);
    end(&mut world, call.id());
    let logout = world.session.logout(world.now);
    let sent = world.sent(&logout);
    world.ok(&sent, "");
    end(&mut world, logout.id());
    assert_eq!(
        shown,
        [
            "Outcome(Active)",
            "Outcome(status 200)",
            "Outcome(status 403)",
            "Outcome(Misuse(LoginIsACommand))",
            "Outcome(Logout { confirmed: true })",
        ]
    );
}

#[test]
fn states_are_compared_and_active_is_one_of_them() {
    let mut world = World::new();
    assert_eq!(world.session.state(), State::LoggedOut(LoggedOut::Never));
    assert!(!world.session.state().is_active());
    let login = world.login();
    assert_eq!(world.session.state(), State::LoggingIn);
    let sent = world.sent(&login);
    world.refuse(&sent, 401, 81);
    let refused = world.session.state();
    assert_eq!(refused, world.session.state());
    assert_ne!(refused, State::LoggedOut(LoggedOut::Never));
    assert!(World::active("one").session.state().is_active());
    let key = Session::with_api_key(Config::new(Server::default()), 1, ApiKey::new("key").unwrap());
    assert_eq!((key.state(), key.state().is_active()), (State::ApiKey, false));
}

#[test]
fn transport_errors_are_equal_without_regard_to_their_source() {
    let broken = || TransportError::maybe_sent(TransportErrorKind::Interrupted);
    assert_eq!(broken().with_source(std::io::Error::other("reset")), broken());
    assert_ne!(broken().with_detail("while sending"), broken());
    assert_ne!(TransportError::unsent(TransportErrorKind::Interrupted), broken());
    assert_ne!(TransportError::maybe_sent(TransportErrorKind::TimedOut), broken());
}
