//! Foreign code that the client calls: it may call the client, from wherever it is called, and its panics are its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use quatrix_emulator::Seed;
use quatrix_proto::api::{GetAccountMetadata, GetHome, GetProfile};
use quatrix_proto::task::{Download, LookUp, Upload};
use quatrix_proto::{CallOptions, Challenge, Declined, Event, Login, State, TransportErrorKind};
use quatrix_tests::conform;
use quatrix_tests::stage::{Stage, Wire, me};
use quatrix_tests::subject::{Setup, Subject};
use tracing::span;

use crate::kind;

conform![
    m37_what_a_callback_panics_with_is_all_that_is_said,
    m38_an_observer_may_call_the_client_and_wait_for_others_that_do,
    m38_a_provider_may_call_what_needs_no_session_and_answer_by_itself,
    m38_a_call_that_waits_for_the_answer_of_its_own_provider_ends_at_its_deadline,
    m38_whoever_listens_to_tracing_may_call_the_client,
    m38_a_progress_observer_may_call_the_client,
];

const USER: &str = "user@example.com";

/// Runs a closure on another thread and waits for it, which ends only if the caller of the callback holds no lock.
fn elsewhere<S: Subject, T: Send + 'static>(client: &S, act: impl FnOnce(&S) -> T + Send + 'static) -> T {
    let (client, (done, end)) = (client.clone(), mpsc::channel());
    thread::spawn(move || done.send(act(&client)));
    end.recv_timeout(Duration::from_secs(30)).expect("the client is locked while foreign code runs")
}

/// All that can be asked without waiting, and a call whose end is waited for here.
fn use_it<S: Subject>(client: &S) {
    elsewhere(client, |client| (client.debug(), client.call(&GetAccountMetadata))).1.unwrap();
    let (state, saved) = (client.state(), client.save());
    assert_eq!(matches!(state, State::Active { .. } | State::Challenged(_)), saved.is_some());
}

/// A client that its own callbacks can reach, and how often they did.
struct Reentrant<S> {
    client: OnceLock<S>,
    calls: AtomicUsize,
}

impl<S: Subject> Reentrant<S> {
    fn new() -> Arc<Self> {
        Arc::new(Self { client: OnceLock::new(), calls: AtomicUsize::new(0) })
    }

    fn called_back(&self) {
        use_it(self.client.get().unwrap());
        self.calls.fetch_add(1, Ordering::SeqCst);
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

/// A stage with a file, and its id.
fn with_file<S: Subject>(wire: Wire) -> (Stage, S, quatrix_proto::FileId) {
    let stage = Stage::built(wire, |builder| builder.files(Seed::new().file("a.bin", vec![7; 300_000])));
    let client: S = stage.active();
    let file = client.run(LookUp::new("/a.bin".parse().unwrap())).unwrap().unwrap().id;
    (stage, client, file)
}

fn upload<S: Subject>(client: &S, name: &str, size: u64) -> Upload {
    let home = client.call(&GetHome::new()).unwrap().id;
    Upload::new(home, name.parse().unwrap(), size, 7)
}

fn m37_what_a_callback_panics_with_is_all_that_is_said<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let provider = |_: Challenge| panic!("no telephone");
    let client = S::build(Setup { provider: Some(Arc::new(provider)), ..stage.setup() }).unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| client.login(me("pin@example.com")))).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"no telephone"));

    let observer = |_: &Event| panic!("no ears");
    let client = S::build(Setup { observer: Some(Arc::new(observer)), ..stage.setup() }).unwrap();
    let panic = catch_unwind(AssertUnwindSafe(|| client.login(me(USER)))).unwrap_err();
    assert_eq!(panic.downcast_ref(), Some(&"no ears"));
}

fn m38_an_observer_may_call_the_client_and_wait_for_others_that_do<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let reentrant = Reentrant::new();
    let inner = Arc::clone(&reentrant);
    let observer = move |event: &Event| {
        // What its own calls lead to comes after this event, and would for ever.
        if !matches!(event, Event::Exchanged { endpoint: "account.metadata", .. }) {
            inner.called_back();
        }
    };
    let client = S::build(Setup { observer: Some(Arc::new(observer)), ..stage.setup() }).unwrap();
    reentrant.client.set(client.clone()).ok().unwrap();
    assert_eq!(client.login(me(USER)).unwrap(), Login::Active);
    stage.emulator.expire(None);
    assert_eq!(client.call(&GetProfile).unwrap().email, USER);
    client.keepalive().unwrap();
    assert!(client.logout().unwrap().confirmed);
    assert!(reentrant.calls() >= 8, "{} events", reentrant.calls());
}

fn m38_a_provider_may_call_what_needs_no_session_and_answer_by_itself<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let reentrant = Reentrant::<S>::new();
    let inner = Arc::clone(&reentrant);
    let provider = move |challenge: Challenge| {
        inner.called_back();
        match inner.calls() {
            1 => Ok(challenge.answer("24680")),
            // Somebody else does so, while this one is still asked; it has no more to say then.
            _ => {
                let answer = challenge.answer("24680");
                let answered = elsewhere(inner.client.get().unwrap(), |client| client.answer(answer));
                assert_eq!(answered.unwrap(), Login::Active);
                Err(Declined)
            }
        }
    };
    let client = S::build(Setup { provider: Some(Arc::new(provider)), ..stage.setup() }).unwrap();
    reentrant.client.set(client.clone()).ok().unwrap();
    assert_eq!(client.login(me("pin@example.com")).unwrap(), Login::Active);
    for calls in 2..4 {
        stage.emulator.expire(None);
        assert_eq!(client.call(&GetProfile).unwrap().email, "pin@example.com");
        assert_eq!(reentrant.calls(), calls);
    }
}

fn m38_a_call_that_waits_for_the_answer_of_its_own_provider_ends_at_its_deadline<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let reentrant = Reentrant::<S>::new();
    let inner = Arc::clone(&reentrant);
    let provider = move |challenge: Challenge| {
        let hurried = CallOptions::new().with_deadline(Duration::from_millis(50));
        let waited = elsewhere(inner.client.get().unwrap(), |client| client.call_with(&GetProfile, hurried));
        assert_eq!(kind(waited), (TransportErrorKind::TimedOut, false));
        Ok(challenge.answer("24680"))
    };
    let client = S::build(Setup { provider: Some(Arc::new(provider)), ..stage.setup() }).unwrap();
    reentrant.client.set(client.clone()).ok().unwrap();
    assert_eq!(client.login(me("pin@example.com")).unwrap(), Login::Active);
    assert_eq!(client.call(&GetProfile).unwrap().email, "pin@example.com");
}

/// Hears of every event of the client's, wherever it is logged.
struct Listening<S>(Arc<Reentrant<S>>);

impl<S: Subject> tracing::Subscriber for Listening<S> {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("quatrix_")
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.called_back();
    }
}

fn m38_whoever_listens_to_tracing_may_call_the_client<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let client: S = stage.client();
    let reentrant = Reentrant::new();
    reentrant.client.set(client.clone()).ok().unwrap();
    let calls = tracing::subscriber::with_default(Listening(Arc::clone(&reentrant)), || {
        // Whether anybody listens is remembered by each place that logs, from its first time on any thread.
        client.call(&GetAccountMetadata).unwrap();
        tracing::callsite::rebuild_interest_cache();
        let before = reentrant.calls();
        assert_eq!(client.login(me(USER)).unwrap(), Login::Active);
        stage.emulator.expire(None);
        assert_eq!(client.call(&GetProfile).unwrap().email, USER);
        client.logout().unwrap();
        reentrant.calls() - before
    });
    assert_eq!(calls, 6, "login, profile, keepalive, login, profile, logout");
}

fn m38_a_progress_observer_may_call_the_client<S: Subject>(wire: Wire) {
    let (stage, client, file) = with_file::<S>(wire);
    let mut calls = 0;
    let mut watch = || {
        use_it(&client);
        assert_eq!(elsewhere(&client, |client| client.call(&GetProfile)).unwrap().email, USER);
        calls += 1;
    };
    client.upload_watched(upload(&client, "b.bin", 5000), vec![1; 5000], |_| watch()).unwrap();
    let download = Download::by_id(file);
    assert_eq!(client.download_watched(download, |_| watch()).0.unwrap().size, 300_000);
    assert!(calls >= 4, "{calls} events of two transfers");
    assert_eq!(stage.emulator.file(USER, "b.bin").unwrap().len(), 5000);
}
