//! The same core under another runtime: `drive_async` with smol's sockets and timers.

use std::error::Error;
use std::time::{Duration, Instant};

use bytes::Bytes;
use quatrix_emulator::Emulator;
use quatrix_proto::api::GetProfile;
use quatrix_proto::{
    Config, Credentials, Login, Server, Session, Timestamp, Transmit, TransportError, TransportErrorKind, drive_async,
};
use smol::io::{AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;
use smol::{Timer, future};

fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::start()?;
    smol::block_on(async {
        let start = Instant::now();
        let clock = || Timestamp::from(start.elapsed());
        let mut session = Session::new(Config::new(Server::at(emulator.api())?), 4711);

        let login = session.login(clock(), Credentials::new("user@example.com", "only-for-tests-4711")?);
        assert_eq!(drive_async(&mut session, login, clock, send, sleep).await?, Login::Active);

        let profile = session.call(clock(), &GetProfile);
        println!("hello, {}", drive_async(&mut session, profile, clock, send, sleep).await?.email);

        let logout = session.logout(clock());
        println!("logged out, confirmed: {}", drive_async(&mut session, logout, clock, send, sleep).await?.confirmed);
        Ok(())
    })
}

async fn sleep(wait: Duration) {
    Timer::after(wait).await;
}

async fn send(transmit: Transmit) -> Result<http::Response<Bytes>, TransportError> {
    let out_of_time = async {
        Timer::after(Duration::from_secs(30)).await;
        Err(TransportError::maybe_sent(TransportErrorKind::TimedOut))
    };
    future::or(exchange(&transmit.request), out_of_time).await
}

async fn exchange(request: &http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError> {
    let address = request.uri().authority().map_or("", |authority| authority.as_str());
    let unsent = |error| TransportError::unsent(TransportErrorKind::Connect).with_source(error);
    let lost = |error| TransportError::maybe_sent(TransportErrorKind::Interrupted).with_source(error);

    let mut stream = TcpStream::connect(address).await.map_err(unsent)?;
    stream.write_all(&quatrix_examples::written(request, false)).await.map_err(lost)?;
    let mut bytes = Vec::new();
    stream.take(1 << 20).read_to_end(&mut bytes).await.map_err(lost)?;
    quatrix_examples::read(&bytes)?.ok_or_else(|| TransportError::maybe_sent(TransportErrorKind::Interrupted))
}
