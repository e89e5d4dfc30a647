//! Observers: told of everything, in order, outside of every lock.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use quatrix_emulator::Emulator;
use quatrix_hyper::api::GetProfile;
use quatrix_hyper::{Client, Config, Event, Login};

use crate::support::{PIN, USER, credentials, server};

#[tokio::test]
async fn an_observer_is_told_in_order_and_may_use_the_client() {
    let emulator = Emulator::start().unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let itself = Arc::new(Mutex::new(None::<Client>));
    let client = Client::builder(Config::new(server(&emulator)))
        .on_event({
            let (told, itself) = (Arc::clone(&told), Arc::clone(&itself));
            move |event| {
                let itself = itself.lock().unwrap().clone().unwrap();
                let length = told.lock().unwrap().len();
                // It changes the session, which tells observers: of what comes after this event, and after this call.
                itself.forget_password();
                assert_eq!(told.lock().unwrap().len(), length);
                told.lock().unwrap().push(match event {
                    Event::Exchanged { endpoint, result, .. } => {
                        format!("{endpoint} {}", result.as_ref().map_or(0, |status| status.as_u16()))
                    }
                    Event::Challenged(_) => "challenged".to_owned(),
                    Event::LoggedIn { again, .. } => format!("logged in, again: {again}"),
                    Event::LoggedOut(why) => why.to_string(),
                    other => format!("{other:?}"),
                });
            }
        })
        .build()
        .unwrap();
    *itself.lock().unwrap() = Some(client.clone());

    let Login::Challenged(challenge) = client.login(credentials(PIN)).await.unwrap() else { panic!() };
    assert_eq!(client.answer(challenge.answer("24680")).await.unwrap(), Login::Active);
    client.call(&GetProfile).await.unwrap();
    assert!(client.logout().await.unwrap().confirmed);
    assert!(client.logout().await.unwrap().confirmed);
    let expected = [
        "session.login 207",
        "challenged",
        "session.second_factor 200",
        "logged in, again: false",
        "profile.get 200",
        "session.logout 200",
        "logged out",
        "logged out",
    ];
    assert_eq!(*told.lock().unwrap(), expected);
    itself.lock().unwrap().take();
}

#[tokio::test]
async fn m37_a_panicking_observer_takes_only_its_own_call_along() {
    let emulator = Emulator::start().unwrap();
    let panics = Arc::new(AtomicBool::new(false));
    let told = Arc::new(Mutex::new(0));
    let client = Client::builder(server(&emulator))
        .on_event({
            let (panics, told) = (Arc::clone(&panics), Arc::clone(&told));
            move |_| {
                *told.lock().unwrap() += 1;
                assert!(!panics.swap(false, Ordering::SeqCst), "on purpose");
            }
        })
        .build()
        .unwrap();
    assert_eq!(client.login(credentials(USER)).await.unwrap(), Login::Active);
    panics.store(true, Ordering::SeqCst);
    assert!(tokio::spawn(client.call(&GetProfile)).await.unwrap_err().is_panic());
    let before = *told.lock().unwrap();
    assert!(client.call(&GetProfile).await.is_ok());
    assert!(*told.lock().unwrap() > before);
}

#[tokio::test]
async fn m37_an_observer_is_left_alone_while_a_panic_unwinds() {
    let emulator = Emulator::start().unwrap();
    let asked = Arc::new(AtomicBool::new(false));
    let client = Client::builder(server(&emulator))
        .on_event({
            let asked = Arc::clone(&asked);
            move |_| assert!(!asked.load(Ordering::SeqCst), "on purpose")
        })
        .second_factor(move |_| {
            let asked = Arc::clone(&asked);
            async move {
                asked.store(true, Ordering::SeqCst);
                panic!("on purpose")
            }
        })
        .build()
        .unwrap();
    // The provider's panic declines, which is an event: a second panic at that moment would end the process.
    assert!(tokio::spawn(client.login(credentials(PIN))).await.unwrap_err().is_panic());
}
