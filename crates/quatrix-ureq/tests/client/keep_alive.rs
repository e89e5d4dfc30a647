//! Keeping a session alive: in between, and on a thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use quatrix_emulator::Emulator;
use quatrix_ureq::proto::{LoggedOut, Misuse};
use quatrix_ureq::{ApiKey, Client, Error, Event, KeepAliveGuard, State};

use crate::support::{client, count, logged_in, server};

/// A client that does not know how long its session has been idle, and so sends a keepalive at once.
fn resumed(emulator: &Emulator) -> Client {
    let saved = logged_in(emulator).save().unwrap();
    let client = client(emulator);
    client.resume(saved, None).unwrap();
    client
}

fn wait_until(condition: impl Fn() -> bool) {
    while !condition() {
        thread::yield_now();
    }
}

#[test]
fn s23_the_guard_sends_keepalives_and_stops_when_it_is_dropped() {
    let emulator = Emulator::start().unwrap();
    let client = resumed(&emulator);
    let guard = client.spawn_keepalive().unwrap();
    wait_until(|| matches!(client.state(), State::Active { confirmed: true, .. }));
    assert_eq!(count(&emulator, "GET", "/session/keepalive"), 1);
    assert!(guard.is_running());
    // Ten minutes lie before the next one: this returns only because the thread is woken.
    assert!(guard.stop().is_none());
    client.keepalive().unwrap();
}

#[test]
fn s24_the_guard_ends_with_the_session_and_says_why() {
    let emulator = Emulator::start().unwrap();
    let client = resumed(&emulator);
    let guard = client.spawn_keepalive().unwrap();
    wait_until(|| matches!(client.state(), State::Active { confirmed: true, .. }));
    client.logout().unwrap();
    wait_until(|| !guard.is_running());
    assert!(matches!(guard.stop(), Some(Error::LoggedOut(LoggedOut::ByUser))));
}

#[test]
fn s23_run_keepalive_says_that_the_session_has_expired() {
    let emulator = Emulator::start().unwrap();
    let client = resumed(&emulator);
    emulator.expire(None);
    let Err(error) = client.run_keepalive();
    assert!(matches!(error, Error::LoggedOut(LoggedOut::Expired)), "{error:?}");
}

#[test]
fn s29_an_api_key_needs_no_keepalive() {
    let emulator = Emulator::start().unwrap();
    let key = ApiKey::new("test-key-4711").unwrap();
    let client = Client::builder(server(&emulator)).api_key(key).build().unwrap();
    let Err(error) = client.run_keepalive();
    assert!(matches!(error, Error::Misuse(Misuse::NotWithApiKey)));
}

#[test]
fn a_guard_outlives_the_client_that_made_it() {
    let emulator = Emulator::start().unwrap();
    let guard = resumed(&emulator).spawn_keepalive().unwrap();
    wait_until(|| count(&emulator, "GET", "/session/keepalive") == 1);
    assert!(guard.is_running());
    drop(guard);
}

#[test]
fn an_observer_on_the_keepalive_thread_may_drop_the_guard() {
    let emulator = Emulator::start().unwrap();
    let saved = logged_in(&emulator).save().unwrap();
    let kept: Arc<Mutex<Option<KeepAliveGuard>>> = Arc::default();
    let (dropped, dropping) = (Arc::new(AtomicBool::new(false)), Arc::clone(&kept));
    let told = Arc::clone(&dropped);
    let client = Client::builder(server(&emulator))
        .on_event(move |event| {
            if let Event::LoggedOut(LoggedOut::Expired) = event {
                assert_eq!(thread::current().name(), Some("quatrix-keepalive"));
                // The test holds the lock until the guard is in there.
                drop(dropping.lock().unwrap().take());
                told.store(true, Ordering::Release);
            }
        })
        .build()
        .unwrap();
    client.resume(saved, None).unwrap();
    emulator.expire(None);
    let mut place = kept.lock().unwrap();
    *place = Some(client.spawn_keepalive().unwrap());
    drop(place);
    wait_until(|| dropped.load(Ordering::Acquire));
    assert!(matches!(client.state(), State::LoggedOut(LoggedOut::Expired)));
}
