//! Many sessions on one thread, and many calls on one session, in virtual time: the core alone, no IO.

use std::sync::Arc;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use bytes::Bytes;
use http::Response;
use quatrix_proto::api::GetProfile;
use quatrix_proto::{Config, Credentials, Server, Session, Step, Ticket, Timestamp};

use crate::table;

const LOGIN: &[u8] = br#"{"session_id":"3f0e5b1c-4a7d-4c8e-9f6a-1b2c3d4e5f60"}"#;
const PROFILE: &[u8] = br#"{"id":"7b1c","email":"user@example.com","name":"A User"}"#;

pub(crate) fn run() {
    let rows: Vec<_> = [1_000, 10_000, 100_000, 1_000_000].into_iter().map(idle).collect();
    let head = ["sessions", "bytes of each", "time of a keepalive", "all due in one tick", "tick in which none is due"];
    table::print("Idle sessions, each with a running keepalive", &head, &rows);

    let rows: Vec<_> = [10, 100, 1_000, 10_000].into_iter().map(in_flight).collect();
    let head =
        ["calls in flight", "time of a call", "allocations of a call", "time to log out with all of them waiting"];
    table::print("Calls at once on one session", &head, &rows);
}

fn response(body: &'static [u8]) -> Response<Bytes> {
    Response::new(Bytes::from_static(body))
}

fn login(session: &mut Session, now: Timestamp) {
    let credentials = Credentials::new("user@acme.example.com", "a long passphrase").expect("they are valid");
    let ticket = session.login(now, credentials);
    let Step::Send(transmit) = session.poll_call(now, ticket.id()) else { panic!("nothing to send") };
    session.handle_response(now, transmit.exchange, response(LOGIN));
    assert!(matches!(session.poll_call(now, ticket.id()), Step::Ready(_)));
}

fn idle(count: usize) -> Vec<String> {
    let config = Arc::new(Config::new(Server::account("acme").expect("it is a name")));
    let start = Timestamp::from_micros(1);
    let mut sessions = Vec::new();
    let held = measure(|| {
        sessions.reserve_exact(count);
        for seed in 0..count as u64 {
            let mut session = Session::new(Arc::clone(&config), seed);
            login(&mut session, start);
            let ticket = session.run_keepalive(start);
            assert!(matches!(session.poll_call(start, ticket.id()), Step::Wait(_)));
            sessions.push((session, ticket));
        }
    });

    // An hour of keepalives, each at the deadline of its session.
    let hour = Timestamp::from(Duration::from_secs(3600));
    let mut due: std::collections::BinaryHeap<_> = (0..count).map(|one| (std::cmp::Reverse(start), one)).collect();
    let (mut sent, began) = (0_u32, Instant::now());
    while let Some((std::cmp::Reverse(now), one)) = due.pop().filter(|(moment, _)| moment.0 < hour) {
        let (session, ticket) = &mut sessions[one];
        let until = match session.poll_call(now, ticket.id()) {
            Step::Send(transmit) => {
                session.handle_response(now, transmit.exchange, response(b""));
                sent += 1;
                now
            }
            Step::Wait(until) => until,
            Step::Ask(_) | Step::Ready(_) => panic!("the session has ended"),
        };
        due.push((std::cmp::Reverse(until), one));
    }
    let hour_took = began.elapsed();
    assert!(sent as usize >= count * 5, "{sent} keepalives");

    // After the machine was suspended, all are due.
    let later = Timestamp::from(Duration::from_secs(3600 + 13 * 60));
    let began = Instant::now();
    for (session, ticket) in &mut sessions {
        let Step::Send(transmit) = session.poll_call(later, ticket.id()) else { panic!("it is due") };
        session.handle_response(later, transmit.exchange, response(b""));
    }
    let all = began.elapsed();
    let began = Instant::now();
    for (session, ticket) in &mut sessions {
        assert!(matches!(session.poll_call(later, ticket.id()), Step::Wait(_)));
    }
    let none = began.elapsed();
    vec![
        count.to_string(),
        (held.bytes_current / count as i64).to_string(),
        table::time(hour_took.as_nanos() as f64 / f64::from(sent)),
        table::time(all.as_nanos() as f64),
        table::time(none.as_nanos() as f64),
    ]
}

fn in_flight(count: usize) -> Vec<String> {
    let now = Timestamp::from_micros(1);
    let mut session = Session::new(Config::new(Server::account("acme").expect("it is a name")), 1);
    login(&mut session, now);
    // From here on, the table of calls has its final size.
    concurrency(&mut session, now, count);
    let rounds = 100_000 / count;
    let began = Instant::now();
    (0..rounds).for_each(|_| concurrency(&mut session, now, count));
    let took = began.elapsed().as_nanos() as f64 / (rounds * count) as f64;
    let allocations = measure(|| concurrency(&mut session, now, count)).count_total as f64 / count as f64;

    let tickets: Vec<_> = (0..count).map(|_| session.call(now, &GetProfile)).collect();
    let began = Instant::now();
    let logout = session.logout(now);
    let out = began.elapsed();
    for ticket in tickets {
        let Step::Ready(outcome) = session.poll_call(now, ticket.id()) else { panic!("the call is not ready") };
        assert!(ticket.decode(outcome).is_err());
    }
    drop(logout);
    vec![count.to_string(), table::time(took), format!("{allocations:.1}"), table::time(out.as_nanos() as f64)]
}

fn concurrency(session: &mut Session, now: Timestamp, count: usize) {
    let tickets: Vec<Ticket<_>> = (0..count).map(|_| session.call(now, &GetProfile)).collect();
    let sent: Vec<_> = tickets
        .iter()
        .map(|ticket| match session.poll_call(now, ticket.id()) {
            Step::Send(transmit) => transmit.exchange,
            step => panic!("{step:?}"),
        })
        .collect();
    for exchange in sent.into_iter().rev() {
        session.handle_response(now, exchange, response(PROFILE));
    }
    for ticket in tickets {
        let Step::Ready(outcome) = session.poll_call(now, ticket.id()) else { panic!("the call succeeds") };
        ticket.decode(outcome).expect("it is a profile");
    }
}
