//! Unattended programs: an async function answers the second factor.

use std::future::{Future, pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use quatrix_emulator::Emulator;
use quatrix_hyper::api::GetProfile;
use quatrix_hyper::proto::LoggedOut;
use quatrix_hyper::{Answer, Challenge, Client, Declined, Error, Login, State};

use crate::support::{PIN, count, credentials, server};

/// Builds a client with this provider, and returns the number of its calls, too.
fn answered_by<F>(
    emulator: &Emulator,
    provider: impl Fn(usize, Challenge) -> F + Send + Sync + 'static,
) -> (Client, Arc<AtomicUsize>)
where
    F: Future<Output = Result<Answer, Declined>> + Send + 'static,
{
    let asked = Arc::new(AtomicUsize::new(0));
    let client = Client::builder(server(emulator))
        .second_factor({
            let asked = Arc::clone(&asked);
            move |challenge| provider(asked.fetch_add(1, Ordering::SeqCst), challenge)
        })
        .build()
        .unwrap();
    (client, asked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s04_a_provider_answers_at_login_and_after_every_expiry_once_for_all_calls() {
    let emulator = Emulator::start().unwrap();
    let (client, asked) = answered_by(&emulator, |_, challenge| async move { Ok(challenge.answer("24680")) });
    assert_eq!(client.login(credentials(PIN)).await.unwrap(), Login::Active);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    for round in 2..5 {
        emulator.expire(None);
        let calls: Vec<_> = (0..16).map(|_| tokio::spawn(client.call(&GetProfile))).collect();
        for call in calls {
            assert_eq!(call.await.unwrap().unwrap().email, PIN);
        }
        assert_eq!(asked.load(Ordering::SeqCst), round);
    }
}

#[tokio::test]
async fn s04_a_refused_answer_is_asked_for_once_more_and_then_no_more() {
    let emulator = Emulator::start().unwrap();
    let (client, asked) =
        answered_by(&emulator, |time, challenge| async move { Ok(challenge.answer(format!("wrong {time}"))) });
    assert!(client.login(credentials(PIN)).await.is_err());
    assert!(matches!(client.state(), State::LoggedOut(LoggedOut::Refused(_))));
    assert_eq!((asked.load(Ordering::SeqCst), count(&emulator, "/session/login")), (2, 3));
}

#[tokio::test]
async fn s04_a_provider_without_an_answer_leaves_the_challenge_to_the_caller() {
    let emulator = Emulator::start().unwrap();
    let (client, _) = answered_by(&emulator, |_, _| async { Err(Declined) });
    let Login::Challenged(challenge) = client.login(credentials(PIN)).await.unwrap() else { panic!() };
    assert_eq!(client.answer(challenge.answer("24680")).await.unwrap(), Login::Active);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m37_a_provider_that_panics_declines_and_leaves_no_call_waiting() {
    let emulator = Emulator::start().unwrap();
    let (client, asked) = answered_by(&emulator, |time, challenge| async move {
        match time {
            0 => Ok(challenge.answer("24680")),
            _ => panic!("on purpose"),
        }
    });
    assert_eq!(client.login(credentials(PIN)).await.unwrap(), Login::Active);
    emulator.expire(None);
    let calls: Vec<_> = (0..16).map(|_| tokio::spawn(client.call(&GetProfile))).collect();
    let mut panicked = 0;
    for call in calls {
        match call.await {
            Ok(result) => assert!(matches!(result, Err(Error::Challenged(_))), "{result:?}"),
            Err(error) => panicked += usize::from(error.is_panic()),
        }
    }
    assert_eq!((panicked, asked.load(Ordering::SeqCst)), (1, 2));
    let State::Challenged(challenge) = client.state() else { panic!("{:?}", client.state()) };
    assert_eq!(client.answer(challenge.answer("24680")).await.unwrap(), Login::Active);
    assert!(client.call(&GetProfile).await.is_ok());
}

#[tokio::test]
async fn s04_a_provider_can_wait_while_other_futures_run() {
    let emulator = Emulator::start().unwrap();
    let (send, receive) = tokio::sync::watch::channel(None);
    let (client, asked) = answered_by(&emulator, move |_, challenge| {
        let mut code = receive.clone();
        async move {
            let code = code.wait_for(Option::is_some).await.map_err(|_| Declined)?;
            Ok(challenge.answer(code.unwrap_or_default()))
        }
    });
    let login = tokio::spawn(client.login(credentials(PIN)));
    // This test runs on one thread: a provider that blocked it would never receive the code.
    while asked.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    send.send(Some("24680")).unwrap();
    assert_eq!(login.await.unwrap().unwrap(), Login::Active);
}

#[tokio::test]
async fn m36_a_call_that_is_dropped_while_the_provider_waits_leaves_the_challenge_to_another_call() {
    let emulator = Emulator::start().unwrap();
    let (client, asked) = answered_by(&emulator, |time, challenge| async move {
        match time {
            1 => pending().await,
            _ => Ok(challenge.answer("24680")),
        }
    });
    assert_eq!(client.login(credentials(PIN)).await.unwrap(), Login::Active);
    emulator.expire(None);
    let first = tokio::spawn(client.call(&GetProfile));
    while asked.load(Ordering::SeqCst) == 1 {
        tokio::task::yield_now().await;
    }
    let second = tokio::spawn(client.call(&GetProfile));
    tokio::task::yield_now().await;
    first.abort();
    assert_eq!(second.await.unwrap().unwrap().email, PIN);
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}
