//! One thread that keeps a crowd of sessions alive, in virtual time: what it is asked to do is counted, not clocked.
//!
//! `QUATRIX_SESSIONS=1000000 cargo test --release -p quatrix-proto --test many_sessions` runs the crowd whole.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use allocation_counter::measure;
use bytes::Bytes;
use quatrix_proto::{Config, Credentials, Login, Server, Session, Step, Ticket, Timestamp};

const MINUTE: Duration = Duration::from_secs(60);

/// Sessions that were all made in the same second, and a driver that sleeps until the next of them is due.
struct Crowd {
    sessions: Vec<(Session, Ticket<Infallible>)>,
    due: BinaryHeap<Reverse<(Timestamp, usize)>>,
    now: Timestamp,
    polls: u64,
    keepalives: u64,
}

fn answer(session: &mut Session, now: Timestamp, step: Step, body: &'static str) {
    let Step::Send(transmit) = step else { panic!("nothing to send: {step:?}") };
    session.handle_response(now, transmit.exchange, http::Response::new(Bytes::from_static(body.as_bytes())));
}

impl Crowd {
    fn of(size: usize) -> Self {
        let config = Arc::new(Config::new(Server::account("acme").unwrap()));
        let credentials = Credentials::new("me@acme.com", "qwerty").unwrap();
        let now = Timestamp::from(MINUTE);
        let mut sessions = Vec::with_capacity(size);
        for seed in 0..size {
            let mut session = Session::new(Arc::clone(&config), seed as u64);
            let login = session.login(now, credentials.clone());
            let step = session.poll_call(now, login.id());
            answer(&mut session, now, step, r#"{"session_id":"3f0e5b1c-4a7d-4c8e-9f6a-1b2c3d4e5f60"}"#);
            let Step::Ready(outcome) = session.poll_call(now, login.id()) else { panic!("no session") };
            assert_eq!(login.decode(outcome).unwrap(), Login::Active);
            let run = session.run_keepalive(now);
            sessions.push((session, run));
        }
        let due = (0..size).map(|index| Reverse((now, index))).collect();
        let mut crowd = Self { sessions, due, now, polls: 0, keepalives: 0 };
        crowd.serve();
        crowd
    }

    /// Polls all who are due by now, and says how many keepalives that took.
    fn serve(&mut self) -> u64 {
        let before = self.keepalives;
        while let Some(&Reverse((due, index))) = self.due.peek()
            && due <= self.now
        {
            self.due.pop();
            let (session, run) = &mut self.sessions[index];
            let until = loop {
                self.polls += 1;
                match session.poll_call(self.now, run.id()) {
                    Step::Wait(until) => break until,
                    step => {
                        answer(session, self.now, step, "");
                        self.keepalives += 1;
                    }
                }
            };
            assert!(until > self.now);
            self.due.push(Reverse((until, index)));
        }
        self.keepalives - before
    }

    /// Lets time pass, a second a tick, and says how many keepalives each tick took.
    fn pass(&mut self, time: Duration) -> Vec<u64> {
        let tick = |crowd: &mut Self| {
            crowd.now = crowd.now.saturating_add(Duration::from_secs(1));
            crowd.serve()
        };
        (0..time.as_secs()).map(|_| tick(self)).collect()
    }
}

#[allow(clippy::disallowed_methods, reason = "the size of a test is no affair of the core's")]
fn size() -> usize {
    std::env::var("QUATRIX_SESSIONS").map_or(10_000, |size| size.parse().unwrap())
}

#[test]
fn m43_m44_a_crowd_that_is_due_in_the_same_second_is_spread_and_costs_each_of_them_the_same() {
    let size = size();
    let mut crowd = Crowd::of(size);
    let share = |most: u64, of: u64| assert!(most * 60 <= of, "{most} of {of} in one second");

    // Made in the same second, they come within the two minutes that ten, give or take a tenth, leave room for.
    let first = crowd.pass(11 * MINUTE);
    assert_eq!(first.iter().sum::<u64>(), size as u64, "one keepalive each");
    assert_eq!(first[..9 * 60 - 1].iter().sum::<u64>(), 0, "none before it is due");
    share(*first.iter().max().unwrap(), size as u64);

    // The driver has slept for eight hours: all are due at once, and each is asked for no more than one.
    let asleep = crowd.now;
    crowd.now = crowd.now.saturating_add(8 * 60 * MINUTE);
    let polls = crowd.polls;
    assert_eq!(crowd.serve(), size as u64);
    assert_eq!(crowd.polls - polls, 2 * size as u64, "one poll to send, one to wait");
    assert!(crowd.now > asleep);

    // An hour on from there.
    let (polls, keepalives) = (crowd.polls, crowd.keepalives);
    let ticks = crowd.pass(60 * MINUTE);
    share(*ticks.iter().max().unwrap(), size as u64);
    let sent = crowd.keepalives - keepalives;
    assert!((5 * size as u64..=7 * size as u64).contains(&sent), "{sent} keepalives in an hour");
    assert_eq!(crowd.polls - polls, 2 * sent, "nobody is polled who is not due");
}

#[test]
fn m44_what_a_keepalive_takes_does_not_grow_with_the_crowd() {
    let each = |size: usize| {
        let mut crowd = Crowd::of(size);
        crowd.now = crowd.now.saturating_add(11 * MINUTE);
        let spent = measure(|| assert_eq!(crowd.serve(), size as u64));
        assert_eq!(spent.count_current, 0, "nothing is left of it");
        assert_eq!(spent.count_total % size as u64, 0, "no session takes more than another");
        spent.count_total / size as u64
    };
    let (few, many) = (each(10), each(1000));
    assert_eq!(few, many);
    assert!(few <= 4, "{few} allocations: no more than any call through a session");
}
