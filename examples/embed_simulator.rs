//! Client and server in one process, without sockets, in virtual time: a day of a session takes a moment.
//!
//! The project tests itself like this; applications can do the same.

use std::error::Error;
use std::time::Duration;

use quatrix_emulator::{Accounts, Now, Server as Quatrix, Settings};
use quatrix_proto::api::GetProfile;
use quatrix_proto::{Config, Credentials, Login, Server, Session, Timestamp, drive};

const MINUTE: u64 = 60;

fn main() -> Result<(), Box<dyn Error>> {
    let time = std::cell::Cell::new(Duration::ZERO);
    let clock = || Timestamp::from(time.get());
    let sleep = |wait: Duration| time.set(time.get() + wait);

    let mut quatrix = Quatrix::new(Settings::default(), Accounts::default()).with_seed(7);
    let mut logins = 0;
    let mut http = |transmit: quatrix_proto::Transmit| {
        logins += usize::from(transmit.spec().name() == "session.login");
        let wall = Duration::from_secs(1_795_000_000) + time.get();
        Ok(quatrix.handle(Now { elapsed: time.get(), unix: wall, ..Now::default() }, transmit.request))
    };

    let mut session = Session::new(Config::new(Server::at("https://acme.example/api/1.0")?), 7);
    let login = session.login(clock(), Credentials::new("user@example.com", "only-for-tests-4711")?);
    assert_eq!(drive(&mut session, login, clock, &mut http, sleep)?, Login::Active);

    // The user works for a while every hour. Fifteen idle minutes end the session each time; the first call then finds
    // that it has expired, logs in again and is repeated.
    for _hour in 0..24 {
        for _call in 0..5 {
            let profile = session.call(clock(), &GetProfile);
            drive(&mut session, profile, clock, &mut http, sleep)?;
            sleep(Duration::from_secs(2 * MINUTE));
        }
        sleep(Duration::from_secs(50 * MINUTE));
    }
    println!("120 calls in {} hours, {logins} logins", time.get().as_secs() / 3600);
    assert_eq!(logins, 24);
    Ok(())
}
