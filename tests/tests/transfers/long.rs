//! Forty minutes of transfer in a moment: session, task and emulator in memory, in virtual time.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_RANGE;
use quatrix_emulator::{Accounts, Now, Seed, Server as Quatrix, Settings};
use quatrix_proto::api::{GetHome, OnConflict};
use quatrix_proto::task::{Download, LookUp, Upload};
use quatrix_proto::{
    CallOptions, Config, Credentials, Error, Login, Server, Session, Sink, Step, Task, TaskStep, Ticket, Timestamp,
    TransportError, TransportErrorKind,
};

const MIB: usize = 1 << 20;
/// Bytes in a second: 40 minutes for 24 MiB.
const RATE: usize = 24 * MIB / (40 * 60);

struct World {
    quatrix: Quatrix,
    session: Session,
    elapsed: Duration,
    source: Vec<u8>,
    sink: Vec<u8>,
    /// Keepalive that a client's thread or future drives beside the transfer.
    keepalive: Option<Ticket<Infallible>>,
    keepalives: usize,
    logins: usize,
}

impl World {
    /// Logged in with a second factor, without a provider for another challenge.
    fn new(seed: &Seed) -> Self {
        let quatrix = Quatrix::new(Settings::default(), Accounts::default()).with_seed(7).with_files(seed);
        let session = Session::new(Config::new(Server::at("https://acme.example/api/1.0").unwrap()), 7);
        let (elapsed, source, sink) = (Duration::from_secs(100), Vec::new(), Vec::new());
        let mut world = Self { quatrix, session, elapsed, source, sink, keepalive: None, keepalives: 0, logins: 0 };
        let credentials = Credentials::new("totp@example.com", "only-for-tests-4711").unwrap();
        let login = world.session.login(world.now(), credentials);
        let Login::Challenged(challenge) = world.drive(login).0.unwrap() else { panic!() };
        let code = world.quatrix.code(world.both_clocks(), "totp@example.com").unwrap();
        let answer = world.session.answer(world.now(), challenge.answer(code));
        assert_eq!(world.drive(answer).0.unwrap(), Login::Active);
        world
    }

    fn now(&self) -> Timestamp {
        self.elapsed.into()
    }

    fn both_clocks(&self) -> Now {
        Now { elapsed: self.elapsed, unix: Duration::from_secs(1_795_000_000) + self.elapsed, ..Now::default() }
    }

    fn run<T: Task>(&mut self, mut task: T) -> Result<T::Output, Error> {
        loop {
            match task.poll(self.now(), self.session.config().server()) {
                TaskStep::Call(prepared) => {
                    let ticket = self.session.call_prepared(self.now(), prepared, CallOptions::new());
                    let (result, moved) = self.drive(ticket);
                    task.handle(self.now(), result, moved);
                }
                TaskStep::Done(result) => return result,
            }
        }
    }

    fn drive<T>(&mut self, ticket: Ticket<T>) -> (Result<T, Error>, u64) {
        let mut moved = 0;
        loop {
            match self.session.poll_call(self.now(), ticket.id()) {
                Step::Send(transmit) => {
                    self.keepalives += usize::from(transmit.spec().name() == "session.keepalive");
                    self.logins += usize::from(transmit.spec().name() == "session.login");
                    let mut request = transmit.request.clone();
                    if let Some(range) = &transmit.source {
                        let range = range.start as usize..range.end as usize;
                        self.elapsed += Duration::from_secs((range.len() / RATE) as u64);
                        *request.body_mut() = Bytes::copy_from_slice(&self.source[range]);
                        assert!(request.headers().contains_key(CONTENT_RANGE));
                    }
                    let (head, body) = self.quatrix.handle(self.both_clocks(), request).into_parts();
                    let mut receiver = transmit.receiver(&head, Sink::Caller).unwrap();
                    let mut result = Ok(());
                    for piece in body.chunks(RATE) {
                        self.sink.extend_from_slice(receiver.push(piece).unwrap());
                        if receiver.moved() > 0 {
                            self.elapsed += Duration::from_secs(1);
                            self.keep_alive();
                        }
                        // What a driver does between two reads.
                        if self.now() >= transmit.deadline {
                            result = Err(TransportError::maybe_sent(TransportErrorKind::TimedOut));
                            break;
                        }
                    }
                    moved = receiver.moved();
                    match result.and_then(|()| receiver.finish()) {
                        Ok(body) => {
                            let response = http::Response::from_parts(head, body);
                            self.session.handle_response(self.now(), transmit.exchange, response);
                        }
                        Err(failure) => self.session.handle_failure(self.now(), transmit.exchange, failure),
                    }
                }
                Step::Wait(until) => self.elapsed += until.saturating_since(self.now()),
                Step::Ask(_) => panic!("nobody is there"),
                Step::Ready(outcome) => return (ticket.decode(outcome), moved),
            }
        }
    }

    /// Polls the keepalive and performs its exchange.
    fn keep_alive(&mut self) {
        let Some(id) = self.keepalive.as_ref().map(Ticket::id) else { return };
        while let Step::Send(transmit) = self.session.poll_call(self.now(), id) {
            assert_eq!(transmit.spec().name(), "session.keepalive");
            self.keepalives += 1;
            let response = self.quatrix.handle(self.both_clocks(), transmit.request);
            self.session.handle_response(self.now(), transmit.exchange, response);
        }
    }

    fn minutes(&self, since: Duration) -> u64 {
        (self.elapsed - since).as_secs() / 60
    }
}

#[test]
fn q10_an_upload_of_forty_minutes_keeps_its_session_alive() {
    let mut world = World::new(&Seed::new());
    let home = world.session.call(world.now(), &GetHome::new());
    let home = world.drive(home).0.unwrap().id;
    world.source = super::bytes(24 * MIB, 1);
    let began = world.elapsed;
    let upload = Upload::new(home, "long.bin".parse().unwrap(), world.source.len() as u64, 7);
    world.run(upload.on_conflict(OnConflict::Overwrite)).unwrap();
    assert!(world.minutes(began) >= 39, "{} minutes", world.minutes(began));
    assert!(world.quatrix.file("totp@example.com", "long.bin").unwrap() == world.source);
    assert_eq!(world.logins, 1, "{} keepalives", world.keepalives);
    assert!(world.keepalives >= 3, "{} keepalives", world.keepalives);
}

/// One range of a download is one exchange, which has no limit of its own.
#[test]
fn q10_a_download_of_forty_minutes_keeps_its_session_alive() {
    let whole = super::bytes(24 * MIB, 2);
    let download = |keep_alive: bool| {
        let mut world = World::new(&Seed::new().file("long.bin", whole.clone()));
        let began = world.elapsed;
        let file = world.run(LookUp::new("/long.bin".parse().unwrap())).unwrap().unwrap().id;
        world.keepalive = keep_alive.then(|| world.session.run_keepalive(world.now()));
        let result = world.run(Download::by_id(file));
        (result, world.minutes(began), world)
    };
    let (result, minutes, world) = download(true);
    assert_eq!((result.unwrap().size, world.logins), (whole.len() as u64, 1));
    assert!(minutes >= 39 && world.keepalives >= 2, "{minutes} minutes, {} keepalives", world.keepalives);
    assert!(world.sink == whole);
    let (result, minutes, world) = download(false);
    assert!(matches!(result, Err(Error::Challenged(_))) && minutes > 15, "{result:?} after {minutes} minutes");
    assert_eq!(world.logins, 2, "the session has run out");
}
