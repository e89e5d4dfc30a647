//! Second factors by a provider, and observers: run outside the lock, and harmless when they panic.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;

use quatrix_emulator::Emulator;
use quatrix_ureq::api::{GetAccountMetadata, GetProfile};
use quatrix_ureq::proto::LoggedOut;
use quatrix_ureq::{Client, Declined, Error, Event, Login, State};

use crate::support::{count, credentials, server};

/// The user whose second factor these tests answer.
const USER: &str = "totp@example.com";

fn shared() -> Arc<Emulator> {
    Arc::new(Emulator::start().unwrap())
}

#[test]
fn s04_an_unattended_client_answers_and_goes_on_alone() {
    let emulator = shared();
    let asked = Arc::new(AtomicUsize::new(0));
    let (codes, counted) = (Arc::clone(&emulator), Arc::clone(&asked));
    let client = Client::builder(server(&emulator))
        .second_factor(move |challenge| {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok(challenge.answer(codes.code(USER).unwrap()))
        })
        .build()
        .unwrap();
    assert_eq!(client.login(credentials(USER)).unwrap(), Login::Active);
    emulator.expire(None);
    thread::scope(|scope| {
        let calls: Vec<_> = (0..16).map(|_| scope.spawn(|| client.call(&GetProfile))).collect();
        for call in calls {
            assert_eq!(call.join().unwrap().unwrap().email, USER);
        }
    });
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    assert_eq!(count(&emulator, "GET", "/session/login"), 2);
}

#[test]
fn s04_a_refused_answer_is_asked_for_once_more_and_only_another_one_is_sent() {
    let emulator = shared();
    let client =
        Client::builder(server(&emulator)).second_factor(|challenge| Ok(challenge.answer("the same"))).build().unwrap();
    let error = client.login(credentials(USER)).unwrap_err();
    assert!(matches!(error, Error::Api(_)), "{error:?}");
    assert!(matches!(client.state(), State::LoggedOut(LoggedOut::Refused(_))));
    assert_eq!(count(&emulator, "POST", "/session/login"), 1);
}

#[test]
fn s04_who_declines_leaves_the_challenge_to_the_callers() {
    let emulator = shared();
    let client = Client::builder(server(&emulator)).second_factor(|_| Err(Declined)).build().unwrap();
    let Login::Challenged(challenge) = client.login(credentials(USER)).unwrap() else { unreachable!() };
    assert!(matches!(client.call(&GetProfile), Err(Error::Challenged(_))));
    assert_eq!(client.answer(challenge.answer(emulator.code(USER).unwrap())).unwrap(), Login::Active);
}

#[test]
fn m37_a_provider_that_panics_counts_as_declined_and_wakes_all() {
    let emulator = shared();
    let (codes, panics) = (Arc::clone(&emulator), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&panics);
    let client = Client::builder(server(&emulator))
        .second_factor(move |challenge| match counted.fetch_add(1, Ordering::Relaxed) {
            0 => Ok(challenge.answer(codes.code(USER).unwrap())),
            _ => panic!("on purpose"),
        })
        .build()
        .unwrap();
    assert_eq!(client.login(credentials(USER)).unwrap(), Login::Active);
    emulator.expire(None);
    let outcomes: Vec<_> = thread::scope(|scope| {
        let calls: Vec<_> = (0..8).map(|_| scope.spawn(|| client.call(&GetProfile))).collect();
        calls.into_iter().map(|call| call.join()).collect()
    });
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_err()).count(), 1, "one thread has panicked");
    assert!(outcomes.iter().flatten().all(|result| matches!(result, Err(Error::Challenged(_)))));
    let State::Challenged(challenge) = client.state() else { panic!("{:?}", client.state()) };
    assert_eq!(client.answer(challenge.answer(emulator.code(USER).unwrap())).unwrap(), Login::Active);
    client.call(&GetProfile).unwrap();
}

fn name(event: &Event) -> String {
    match event {
        Event::Exchanged { endpoint, result: Ok(status), .. } => format!("{endpoint} {}", status.as_u16()),
        Event::Exchanged { endpoint, result: Err(kind), .. } => format!("{endpoint} {kind:?}"),
        Event::Challenged(_) => "challenged".into(),
        Event::LoggedIn { again, .. } => format!("logged in, again: {again}"),
        Event::LoggedOut(why) => why.to_string(),
        other => format!("{other:?}"),
    }
}

#[test]
fn events_come_in_order_and_the_observer_may_use_the_client() {
    let emulator = shared();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let reentrant: Arc<OnceLock<Client>> = Arc::default();
    let (written, inner) = (Arc::clone(&seen), Arc::clone(&reentrant));
    let inside = AtomicBool::new(false);
    let client = Client::builder(server(&emulator))
        .on_event(move |event| {
            assert!(!inside.swap(true, Ordering::Relaxed), "one event after the other");
            written.lock().unwrap().push(name(event));
            if let (Event::LoggedIn { .. }, Some(client)) = (event, inner.get()) {
                client.call(&GetAccountMetadata).unwrap();
            }
            inside.store(false, Ordering::Relaxed);
        })
        .build()
        .unwrap();
    reentrant.set(client.clone()).unwrap();
    let Login::Challenged(challenge) = client.login(credentials(USER)).unwrap() else { unreachable!() };
    assert!(matches!(client.answer(challenge.answer("wrong")).unwrap(), Login::Challenged(_)));
    assert_eq!(client.answer(challenge.answer(emulator.code(USER).unwrap())).unwrap(), Login::Active);
    client.call(&GetProfile).unwrap();
    client.logout().unwrap();
    let expected = [
        "session.login 207",
        "challenged",
        "session.second_factor 401",
        "challenged",
        "session.second_factor 200",
        "logged in, again: false",
        "account.metadata 200",
        "profile.get 200",
        "session.logout 200",
        "logged out",
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[test]
fn m37_an_observer_that_panics_takes_nothing_but_its_own_call_along() {
    let emulator = shared();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let written = Arc::clone(&seen);
    let client = Client::builder(server(&emulator))
        .on_event(move |event| {
            written.lock().unwrap().push(name(event));
            assert!(!matches!(event, Event::LoggedIn { .. }), "on purpose");
        })
        .build()
        .unwrap();
    let login = catch_unwind(AssertUnwindSafe(|| client.login(credentials("user@example.com"))));
    assert!(login.is_err());
    assert!(matches!(client.state(), State::Active { .. }));
    client.call(&GetProfile).unwrap();
    client.logout().unwrap();
    let expected =
        ["session.login 200", "logged in, again: false", "profile.get 200", "session.logout 200", "logged out"];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[test]
fn s10_m11_a_carrier_that_panics_leaves_the_login_to_the_next() {
    let emulator = shared();
    let panicked = AtomicBool::new(false);
    let client = Client::builder(server(&emulator))
        .on_event(move |event| {
            // Told when the call that found out is about to log in for all.
            let gone = matches!(event, Event::LoggedOut(LoggedOut::Expired));
            assert!(!gone || panicked.swap(true, Ordering::Relaxed), "on purpose");
        })
        .build()
        .unwrap();
    assert_eq!(client.login(credentials("user@example.com")).unwrap(), Login::Active);
    emulator.expire(None);
    assert!(catch_unwind(AssertUnwindSafe(|| client.call(&GetProfile))).is_err());
    assert_eq!(client.call(&GetProfile).unwrap().email, "user@example.com");
    assert_eq!(count(&emulator, "GET", "/session/login"), 2);
}
