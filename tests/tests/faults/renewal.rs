//! Login after an expiry: its leader, the waiting calls, and calls cancelled meanwhile.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use quatrix_proto::api::{GetProfile, Profile};
use quatrix_proto::{CallOptions, Credentials, Error, Event, LoggedOut, Login, State, TransportErrorKind};
use quatrix_tests::gate::Gate;
use quatrix_tests::listener::{Listener, Request, json};
use quatrix_tests::stage::{Stage, Wire, me as user};
use quatrix_tests::subject::{Setup, Subject};
use quatrix_tests::{conform, wait_until};

use crate::{kind, me, report};

conform![
    m03_a_refused_login_is_told_to_all_64_that_wait_and_sent_once,
    m10_a_refused_login_after_an_expiry_is_told_to_all_64_and_forgets_the_password,
    m10_a_login_that_fails_after_an_expiry_fails_all_64_alike_and_the_next_call_starts_afresh,
    m11_of_64_one_that_panics_as_it_is_to_log_in_takes_only_itself_along,
    m11_carriers_that_vanish_are_replaced_twice_and_then_the_login_has_failed,
    m11_a_carrier_that_runs_out_of_time_leaves_the_login_to_the_next,
    m12_waiters_that_give_up_send_nothing_and_disturb_nobody,
    m14_a_logout_while_64_wait_for_a_login_ends_them_and_the_token_that_still_comes,
];

const CALLERS: usize = 64;
const PROFILE: &str = r#"{"name":"Me","email":"me@example.com"}"#;
const EXPIRED: &str = r#"{"code":14,"msg":"not authorised"}"#;

fn grant(token: &str) -> Vec<u8> {
    json(200, &format!(r#"{{"session_id":"{token}"}}"#))
}

fn refusal() -> Vec<u8> {
    json(401, EXPIRED)
}

/// Many callers, each of which has found out that the session is gone, and one login that they all wait for.
struct Renewal<S> {
    listener: Listener,
    client: S,
    callers: Vec<JoinHandle<Result<Profile, Error>>>,
    /// Holds up the logins after the first.
    login: Arc<Gate>,
}

impl<S: Subject> Renewal<S> {
    /// Responds to the n-th login after the first, from 1, with `answer(n)`; the connection stays open.
    fn new(wire: Wire, answer: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::observed(wire, answer, |_| ())
    }

    fn observed(
        wire: Wire,
        answer: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static,
        observe: impl Fn(&Event) + Send + Sync + 'static,
    ) -> Self {
        let (keepalive, login, told) = (Gate::closed(), Gate::closed(), Arc::new(AtomicUsize::new(0)));
        let (holds_keepalive, holds_login, heard) = (Arc::clone(&keepalive), Arc::clone(&login), Arc::clone(&told));
        let (logins, refused) = (AtomicUsize::new(0), Mutex::new(0));
        let serve = move |request: &Request| match request.path() {
            "/session/login" => match logins.fetch_add(1, Ordering::SeqCst) {
                0 => grant("one"),
                n => {
                    holds_login.pass();
                    answer(n)
                }
            },
            "/session/keepalive" => {
                holds_keepalive.pass();
                refusal()
            }
            "/session/logout" => json(200, ""),
            _ if request.header("x-auth-token") == Some("one") => {
                // One after the other, so that no observer falls behind.
                let mut refused = refused.lock().unwrap();
                wait_until(|| heard.load(Ordering::SeqCst) == *refused);
                *refused += 1;
                refusal()
            }
            _ => json(200, PROFILE),
        };
        let listener = Listener::answering(wire, serve);
        let count = Arc::clone(&told);
        let observer = move |event: &Event| {
            if matches!(event, Event::Exchanged { endpoint: "profile.get", result: Ok(status), .. } if *status == 401) {
                count.fetch_add(1, Ordering::SeqCst);
            }
            observe(event);
        };
        let client = S::build(Setup { observer: Some(Arc::new(observer)), ..listener.setup() }).unwrap();
        assert_eq!(client.login(me()).unwrap(), Login::Active);
        let callers = (0..CALLERS).map(|_| {
            let client = client.clone();
            thread::spawn(move || client.call(&GetProfile))
        });
        let callers = callers.collect();
        wait_until(|| told.load(Ordering::SeqCst) == CALLERS);
        keepalive.open();
        Self { listener, client, callers, login }
    }

    /// Releases the login, and collects the results of the calls; `None` for a panic.
    fn outcomes(&mut self) -> Vec<Option<Result<Profile, Error>>> {
        self.login.open();
        self.callers.drain(..).map(|caller| caller.join().ok()).collect()
    }

    fn logins(&self) -> usize {
        self.listener.count("/session/login")
    }
}

fn m03_a_refused_login_is_told_to_all_64_that_wait_and_sent_once<S: Subject>(wire: Wire) {
    let gate = Gate::closed();
    let held = Arc::clone(&gate);
    let stage = Stage::built(wire, |builder| {
        builder.on_request(move |request| {
            if request.operation == Some("/session/login") {
                held.pass();
            }
        })
    });
    let client: S = stage.client();
    let wrong = Credentials::new("user@example.com", "wrong").unwrap();
    let login = thread::spawn({
        let client = client.clone();
        move || client.login(wrong)
    });
    gate.wait_for(1);
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let client = client.clone();
            thread::spawn(move || client.call(&GetProfile))
        })
        .collect();
    gate.open();
    assert_eq!(login.join().unwrap().unwrap_err().status().unwrap(), 401);
    for caller in callers {
        let result = caller.join().unwrap();
        assert!(matches!(result, Err(Error::LoggedOut(LoggedOut::Refused(_)))), "{result:?}");
    }
    let next = client.call(&GetProfile);
    assert!(matches!(next, Err(Error::LoggedOut(LoggedOut::Refused(_)))), "{next:?}");
    assert_eq!(stage.emulator.requests().len(), 1, "neither the login again nor any of the calls");
    assert_eq!(client.login(user("user@example.com")).unwrap(), Login::Active);
}

fn m10_a_refused_login_after_an_expiry_is_told_to_all_64_and_forgets_the_password<S: Subject>(wire: Wire) {
    let mut renewal = Renewal::<S>::new(wire, |_| refusal());
    for outcome in renewal.outcomes() {
        assert!(matches!(outcome, Some(Err(Error::LoggedOut(LoggedOut::Refused(_))))), "{outcome:?}");
    }
    let next = renewal.client.call(&GetProfile);
    assert!(matches!(next, Err(Error::LoggedOut(LoggedOut::Refused(_)))), "{next:?}");
    assert_eq!(renewal.logins(), 2, "the first, and one for all");
}

fn m10_a_login_that_fails_after_an_expiry_fails_all_64_alike_and_the_next_call_starts_afresh<S: Subject>(wire: Wire) {
    let busy = || b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n".to_vec();
    for (first, said) in [(Vec::new(), "the connection was interrupted"), (busy(), "session.login: refused with")] {
        let mut renewal = Renewal::<S>::new(wire, move |n| if n == 1 { first.clone() } else { grant("two") });
        for outcome in renewal.outcomes() {
            let error = outcome.unwrap().unwrap_err();
            assert!(report(&error).starts_with(&format!("not logged in: the last attempt failed: {said}")), "{error}");
            assert!(!error.may_have_been_executed());
        }
        assert_eq!(renewal.logins(), 2, "the first, and one for all");
        assert_eq!(renewal.client.call(&GetProfile).unwrap().email, "me@example.com");
        assert_eq!(renewal.logins(), 3);
    }
}

fn m11_of_64_one_that_panics_as_it_is_to_log_in_takes_only_itself_along<S: Subject>(wire: Wire) {
    let panicked = AtomicBool::new(false);
    let observe = move |event: &Event| {
        let expired = matches!(event, Event::LoggedOut(LoggedOut::Expired));
        assert!(!expired || panicked.swap(true, Ordering::SeqCst), "on purpose");
    };
    let mut renewal = Renewal::<S>::observed(wire, |_| grant("two"), observe);
    let outcomes = renewal.outcomes();
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_none()).count(), 1);
    assert!(outcomes.into_iter().flatten().all(|outcome| outcome.is_ok()));
    assert_eq!(renewal.logins(), 2);
}

fn m11_carriers_that_vanish_are_replaced_twice_and_then_the_login_has_failed<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let observer = |event: &Event| assert!(!matches!(event, Event::LoggedOut(LoggedOut::Expired)), "on purpose");
    let client = S::build(Setup { observer: Some(Arc::new(observer)), ..stage.setup() }).unwrap();
    assert_eq!(client.login(user("user@example.com")).unwrap(), Login::Active);
    stage.emulator.expire(None);
    for last in [false, false, true] {
        assert!(catch_unwind(AssertUnwindSafe(|| client.call(&GetProfile))).is_err());
        match client.state() {
            State::LoggedOut(LoggedOut::Expired) if !last => {}
            State::LoggedOut(LoggedOut::Failed(_)) if last => {}
            state => panic!("{state:?}"),
        }
    }
    assert_eq!(client.call(&GetProfile).unwrap().email, "user@example.com");
    assert_eq!(stage.count("/session/login"), 2, "no carrier that vanished has sent the password");
}

fn m11_a_carrier_that_runs_out_of_time_leaves_the_login_to_the_next<S: Subject>(wire: Wire) {
    let (gate, logins) = (Gate::closed(), AtomicUsize::new(0));
    let held = Arc::clone(&gate);
    let listener = Listener::answering(wire, move |request| match request.path() {
        "/session/login" => match logins.fetch_add(1, Ordering::SeqCst) {
            0 => grant("one"),
            1 => {
                held.pass();
                grant("late")
            }
            _ => grant("two"),
        },
        "/profile" if request.header("x-auth-token") == Some("two") => json(200, PROFILE),
        _ => refusal(),
    });
    let client: S = listener.client();
    assert_eq!(client.login(me()).unwrap(), Login::Active);
    let hasty = thread::spawn({
        let client = client.clone();
        move || client.call_with(&GetProfile, CallOptions::new().with_deadline(Duration::from_secs(2)))
    });
    gate.wait_for(1);
    assert_eq!(client.call(&GetProfile).unwrap().email, "me@example.com");
    assert_eq!(kind(hasty.join().unwrap()).0, TransportErrorKind::TimedOut);
    gate.open();
    client.call(&GetProfile).unwrap();
    assert_eq!(listener.count("/session/login"), 3, "and the answer that came too late is nobody's");
}

fn m12_waiters_that_give_up_send_nothing_and_disturb_nobody<S: Subject>(wire: Wire) {
    let mut renewal = Renewal::<S>::new(wire, |_| grant("two"));
    renewal.login.wait_for(1);
    let hurried = || CallOptions::new().with_deadline(Duration::from_millis(20));
    for _ in 0..8 {
        let result = renewal.client.call_with(&GetProfile, hurried());
        assert_eq!(kind(result), (TransportErrorKind::TimedOut, false));
    }
    assert!(renewal.outcomes().into_iter().all(|outcome| outcome.unwrap().is_ok()));
    assert_eq!(renewal.logins(), 2);
    assert_eq!(renewal.listener.count("/profile"), 2 * CALLERS, "once refused, once answered");
}

fn m14_a_logout_while_64_wait_for_a_login_ends_them_and_the_token_that_still_comes<S: Subject>(wire: Wire) {
    let mut renewal = Renewal::<S>::new(wire, |_| grant("born-dead"));
    renewal.login.wait_for(1);
    let logout = thread::spawn({
        let client = renewal.client.clone();
        move || client.logout()
    });
    // All but the leader of the login, before its response.
    wait_until(|| renewal.callers.iter().filter(|caller| caller.is_finished()).count() == CALLERS - 1);
    assert!(matches!(renewal.client.state(), State::LoggingOut));
    for outcome in renewal.outcomes() {
        assert!(matches!(outcome, Some(Err(Error::LoggedOut(LoggedOut::ByUser)))), "{outcome:?}");
    }
    assert!(logout.join().unwrap().unwrap().confirmed);
    let requests = renewal.listener.requests();
    let carrying: Vec<_> = requests
        .iter()
        .filter(|request| request.header("x-auth-token") == Some("born-dead"))
        .map(Request::path)
        .collect();
    assert_eq!(carrying, ["/session/logout"]);
    assert!(renewal.client.save().is_none());
    assert!(matches!(renewal.client.call(&GetProfile), Err(Error::LoggedOut(LoggedOut::ByUser))));
}
