//! A thousand sessions on one thread, kept alive for an hour: one heap of deadlines, one connection, no runtime.
//!
//! Time is virtual, so that the hour takes a moment: the emulator's clock advances with it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use quatrix_emulator::Emulator;
use quatrix_proto::{CallId, Config, Credentials, Server, Session, State, Step, Timestamp, Transmit};

const SESSIONS: usize = 1000;
type Turned = Result<Option<Timestamp>, Box<dyn Error>>;
const HOUR: Duration = Duration::from_secs(60 * 60);

fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::start()?;
    let mut connection = TcpStream::connect(emulator.address())?;
    let config = Arc::new(Config::new(Server::at(emulator.api())?));
    let mut now = Timestamp::ZERO;

    let (mut sessions, mut due) = (Vec::new(), BinaryHeap::new());
    for index in 0..SESSIONS {
        let mut session = Session::new(config.clone(), index as u64);
        let login = session.login(now, Credentials::new("user@example.com", "only-for-tests-4711")?).id();
        let keepalive = session.run_keepalive(now).id();
        due.extend([Reverse((now, index, login)), Reverse((now, index, keepalive))]);
        sessions.push(session);
    }

    while let Some(Reverse((at, index, call))) = due.pop() {
        if at > Timestamp::from(HOUR) {
            break;
        }
        emulator.advance(at.saturating_since(now));
        now = now.max(at);
        if let Some(until) = turn(&mut sessions[index], now, call, &mut connection)? {
            due.push(Reverse((until, index, call)));
        }
    }

    let alive = sessions.iter().filter(|session| matches!(session.state(), State::Active { .. })).count();
    println!("{alive} sessions alive after an hour");
    assert_eq!(alive, SESSIONS);
    Ok(())
}

// docs: begin
/// Drives a call until it has to wait. Returns when to call again, or `None` when the call has ended.
fn turn(session: &mut Session, now: Timestamp, call: CallId, connection: &mut TcpStream) -> Turned {
    loop {
        match session.poll_call(now, call) {
            Step::Send(transmit) => {
                let response = exchange(connection, &transmit)?; // the only IO, and yours
                session.handle_response(now, transmit.exchange, response);
            }
            Step::Wait(until) => return Ok(Some(until)),
            Step::Ask(_) | Step::Ready(_) => return Ok(None),
        }
    }
}
// docs: end

fn exchange(connection: &mut TcpStream, transmit: &Transmit) -> Result<http::Response<bytes::Bytes>, Box<dyn Error>> {
    connection.write_all(&quatrix_examples::written(&transmit.request, true))?;
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let length = connection.read(&mut piece)?;
        bytes.extend(&piece[..length]);
        if let Some(response) = quatrix_examples::read(&bytes)? {
            return Ok(response);
        }
    }
}
