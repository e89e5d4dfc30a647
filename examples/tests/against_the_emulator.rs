//! A test of a program that uses the client, against the emulator.

// docs: begin
use std::time::Duration;

use quatrix_emulator::{Emulator, Fault, FaultKind};
use quatrix_ureq::api::GetProfile;
use quatrix_ureq::{Client, Credentials, Login, Server};

#[test]
fn the_program_survives_an_expiry_and_a_busy_server() -> Result<(), Box<dyn std::error::Error>> {
    let emulator = Emulator::start()?; // a free port of this machine; it stops when dropped
    let client = Client::new(Server::at(emulator.api())?)?;
    let user = Credentials::new("user@example.com", "only-for-tests-4711")?;
    assert_eq!(client.login(user)?, Login::Active);

    emulator.advance(Duration::from_secs(16 * 60)); // the session expires after 15 idle minutes
    assert_eq!(client.call(&GetProfile)?.email, "user@example.com");

    emulator.set_faults([Fault::new(FaultKind::Status(503)).on("GET", "/profile")])?; // once
    assert_eq!(client.call(&GetProfile)?.email, "user@example.com");
    Ok(())
}
// docs: end
