//! Many tasks on one session, and tasks that go away.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::time::Duration;

use quatrix_emulator::Emulator;
use quatrix_hyper::api::GetProfile;
use quatrix_hyper::proto::LoggedOut;
use quatrix_hyper::{CallOptions, Client, Login, State};

use crate::support::{PIN, USER, client, count, credentials};

/// At compile time: every future can be spawned, and a client can be shared.
#[allow(dead_code)]
fn futures_can_be_spawned(client: Client) {
    fn spawnable<T>(_: impl Future<Output = T> + Send + 'static) {}
    fn shareable(_: impl Clone + Send + Sync + 'static) {}
    let saved = client.save().unwrap();
    spawnable(client.login(credentials(USER)));
    spawnable(client.answer(quatrix_hyper::Answer::totp("1")));
    spawnable(client.call(&GetProfile));
    spawnable(client.call_with(&GetProfile, CallOptions::new()));
    spawnable(client.keepalive());
    spawnable(client.run_keepalive());
    spawnable(client.logout());
    client.resume(saved, None).unwrap();
    shareable(client);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m08_64_calls_on_an_expired_session_are_answered_after_one_login() {
    let emulator = Emulator::start().unwrap();
    let client = client(&emulator);
    assert_eq!(client.login(credentials(USER)).await.unwrap(), Login::Active);
    emulator.expire(None);
    let calls: Vec<_> = (0..64).map(|_| tokio::spawn(client.call(&GetProfile))).collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().email, USER);
    }
    assert_eq!(count(&emulator, "/session/login"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s10_m11_others_take_over_when_the_task_that_logs_in_is_aborted() {
    // The emulator handles one request at a time: while the callback holds the second login back, nothing moves.
    let (reached, at_second_login) = mpsc::channel();
    let (go_on, told_to_go_on) = mpsc::channel::<()>();
    let mut logins = 0;
    let emulator = Emulator::builder()
        .on_request(move |request| {
            if request.operation == Some("/session/login") {
                logins += 1;
                if logins == 2 {
                    reached.send(()).unwrap();
                    let _ = told_to_go_on.recv();
                }
            }
        })
        .start()
        .unwrap();
    let client = client(&emulator);
    assert_eq!(client.login(credentials(USER)).await.unwrap(), Login::Active);
    emulator.expire(None);

    let guard = tokio::spawn(client.call(&GetProfile));
    tokio::task::spawn_blocking(move || at_second_login.recv()).await.unwrap().unwrap();
    let others: Vec<_> = (0..63).map(|_| tokio::spawn(client.call(&GetProfile))).collect();
    guard.abort();
    assert!(guard.await.unwrap_err().is_cancelled());
    go_on.send(()).unwrap();
    for other in others {
        assert_eq!(other.await.unwrap().unwrap().email, USER);
    }
    assert_eq!(count(&emulator, "/session/login"), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s24_a_logout_ends_the_calls_that_wait() {
    let (reached, at_second_login) = mpsc::channel();
    let (go_on, told_to_go_on) = mpsc::channel::<()>();
    let mut logins = 0;
    let emulator = Emulator::builder()
        .on_request(move |request| {
            logins += usize::from(request.operation == Some("/session/login"));
            if logins == 2 {
                reached.send(()).unwrap();
                let _ = told_to_go_on.recv();
                logins += 1;
            }
        })
        .start()
        .unwrap();
    let client = client(&emulator);
    assert_eq!(client.login(credentials(USER)).await.unwrap(), Login::Active);
    emulator.expire(None);
    let call = tokio::spawn(client.call(&GetProfile));
    tokio::task::spawn_blocking(move || at_second_login.recv()).await.unwrap().unwrap();
    let logout = tokio::spawn(client.logout());
    while !matches!(client.state(), State::LoggingOut) {
        tokio::task::yield_now().await;
    }
    go_on.send(()).unwrap();
    assert!(logout.await.unwrap().unwrap().confirmed);
    assert!(call.await.unwrap().is_err());
    assert!(matches!(client.state(), State::LoggedOut(LoggedOut::ByUser)));
    assert_eq!(count(&emulator, "/session/logout"), 1);
}

/// Polls a future so many times and then drops it.
struct Dropped<F> {
    future: Option<Pin<Box<F>>>,
    polls: usize,
}

impl<F: Future> Dropped<F> {
    fn after(polls: usize, future: F) -> Self {
        Self { future: Some(Box::pin(future)), polls }
    }
}

impl<F: Future> Future for Dropped<F> {
    /// `None`: it was dropped before its end.
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.polls == 0 {
            self.future = None;
            return Poll::Ready(None);
        }
        self.polls -= 1;
        let Some(future) = &mut self.future else { return Poll::Ready(None) };
        match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self.polls == 0 => {
                self.future = None;
                Poll::Ready(None)
            }
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Runs a scenario again and again, dropped at its first poll, at its second, .. until it gets to its end.
pub(crate) async fn dropped_at_every_poll<P, F, O>(
    prepare: impl Fn() -> P,
    run: impl Fn(&Client) -> F,
    check: impl Fn(Client) -> O,
) where
    P: Future<Output = Client>,
    F: Future,
    O: Future<Output = ()>,
{
    for polls in 0.. {
        assert!(polls < 200, "it does not end");
        let client = prepare().await;
        let ended = Dropped::after(polls, run(&client)).await.is_some();
        check(client).await;
        if ended {
            assert!(polls > 1, "it did nothing");
            return;
        }
    }
}

#[tokio::test]
async fn m36_a_login_dropped_at_any_poll_leaves_a_session_to_log_in_to() {
    let emulator = Emulator::start().unwrap();
    dropped_at_every_poll(
        async || client(&emulator),
        |client| client.login(credentials(USER)),
        async |client| {
            if !matches!(client.state(), State::Active { .. }) {
                assert_eq!(client.login(credentials(USER)).await.unwrap(), Login::Active);
            }
            assert!(client.call(&GetProfile).await.is_ok());
        },
    )
    .await;
}

#[tokio::test]
async fn m36_a_call_that_logs_in_again_dropped_at_any_poll_leaves_a_usable_session() {
    let emulator = Emulator::start().unwrap();
    dropped_at_every_poll(
        async || {
            let client = client(&emulator);
            assert_eq!(client.login(credentials(USER)).await.unwrap(), Login::Active);
            emulator.expire(None);
            client
        },
        |client| client.call(&GetProfile),
        async |client| assert!(client.call(&GetProfile).await.is_ok()),
    )
    .await;
}

#[tokio::test]
async fn m36_an_answer_dropped_at_any_poll_can_be_given_again() {
    let emulator = Emulator::start().unwrap();
    dropped_at_every_poll(
        async || {
            let client = client(&emulator);
            assert!(matches!(client.login(credentials(PIN)).await.unwrap(), Login::Challenged(_)));
            client
        },
        |client| client.answer(quatrix_hyper::Answer::pin("24680")),
        async |client| {
            if matches!(client.state(), State::Challenged(_)) {
                // The emulator may have accepted the first one: then the partial session is a whole one already.
                let _ = client.answer(quatrix_hyper::Answer::pin("24680")).await;
            }
            assert!(!matches!(client.state(), State::Answering));
        },
    )
    .await;
}

#[tokio::test]
async fn m36_a_logout_dropped_at_any_poll_still_ends_the_session_here() {
    let emulator = Emulator::start().unwrap();
    dropped_at_every_poll(
        async || {
            let client = client(&emulator);
            assert_eq!(client.login(credentials(USER)).await.unwrap(), Login::Active);
            client
        },
        Client::logout,
        async |client| {
            // A future that was never polled has done nothing.
            if matches!(client.state(), State::Active { .. }) {
                assert!(client.logout().await.unwrap().confirmed);
            }
            assert!(matches!(client.state(), State::LoggedOut(LoggedOut::ByUser)), "{:?}", client.state());
            assert_eq!(client.login(credentials(USER)).await.unwrap(), Login::Active);
        },
    )
    .await;
}

#[tokio::test]
async fn m12_a_dropped_waiter_disturbs_nobody() {
    let emulator = Emulator::start().unwrap();
    let client = client(&emulator);
    assert_eq!(client.login(credentials(USER)).await.unwrap(), Login::Active);
    emulator.expire(None);
    let first = client.call(&GetProfile);
    let mut first = pin!(first);
    for polls in 0..20 {
        let second = Dropped::after(polls, client.call(&GetProfile));
        tokio::select! {
            biased;
            done = &mut first => {
                assert!(done.is_ok());
                return;
            }
            _ = second => {}
        }
    }
    assert!(tokio::time::timeout(Duration::from_secs(60), first).await.unwrap().is_ok());
}
