//! The session driven by hand over a bare `TcpStream`: no HTTP client, no runtime, one loop.

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use bytes::Bytes;
use quatrix_emulator::Emulator;
use quatrix_proto::api::GetProfile;
use quatrix_proto::{
    Answer, Config, Credentials, Declined, Error as CallError, Login, Server, Session, Step, Ticket, TransportError,
    TransportErrorKind,
};

fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::start()?;
    let start = Instant::now();
    let mut session = Session::new(Config::new(Server::at(emulator.api())?), 4711);

    let login = session.login(start.elapsed().into(), Credentials::new("totp@example.com", "only-for-tests-4711")?);
    let Login::Challenged(challenge) = drive(&mut session, start, login)? else { return Err("no challenge".into()) };
    println!("wanted: {challenge}");

    let code = emulator.code("totp@example.com").ok_or("no code")?; // shown by an authenticator app
    let answer = session.answer(start.elapsed().into(), Answer::totp(code));
    assert_eq!(drive(&mut session, start, answer)?, Login::Active);

    let profile = session.call(start.elapsed().into(), &GetProfile);
    println!("hello, {}", drive(&mut session, start, profile)?.email);

    let logout = session.logout(start.elapsed().into());
    println!("logged out, confirmed: {}", drive(&mut session, start, logout)?.confirmed);
    Ok(())
}

fn drive<T>(session: &mut Session, start: Instant, ticket: Ticket<T>) -> Result<T, CallError> {
    loop {
        let now = start.elapsed().into();
        match session.poll_call(now, ticket.id()) {
            Step::Send(transmit) => {
                let result = exchange(&transmit.request);
                let now = start.elapsed().into();
                match result {
                    Ok(response) => session.handle_response(now, transmit.exchange, response),
                    Err(failure) => session.handle_failure(now, transmit.exchange, failure),
                }
            }
            Step::Wait(until) => std::thread::sleep(until.saturating_since(now)),
            Step::Ask(_) => session.handle_answer(now, ticket.id(), Err(Declined)),
            Step::Ready(outcome) => return ticket.decode(outcome),
        }
    }
}

/// Performs one exchange on a new connection. Before it is connected, the request cannot have been sent; afterwards it
/// may have been.
fn exchange(request: &http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
    let address = request.uri().authority().map_or("", |authority| authority.as_str());
    let unsent = |error| TransportError::unsent(TransportErrorKind::Connect).with_source(error);
    let lost = |error| TransportError::maybe_sent(TransportErrorKind::Interrupted).with_source(error);

    let mut stream = TcpStream::connect(address).map_err(unsent)?;
    stream.write_all(&quatrix_examples::written(request, false)).map_err(lost)?;
    let mut bytes = Vec::new();
    stream.take(1 << 20).read_to_end(&mut bytes).map_err(lost)?;
    quatrix_examples::read(&bytes)?.ok_or_else(|| TransportError::maybe_sent(TransportErrorKind::Interrupted))
}
