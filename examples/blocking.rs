//! A whole session life, blocking.

use std::error::Error;

use quatrix_emulator::Emulator;
use quatrix_ureq::api::GetProfile;
use quatrix_ureq::{Client, Credentials, Login, Server};

fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::start()?; // with a real account: Server::account("acme")
    let client = Client::new(Server::at(emulator.api())?)?;

    let mut login = client.login(Credentials::new("totp@example.com", "only-for-tests-4711")?)?;
    while let Login::Challenged(challenge) = login {
        println!("wanted: {challenge}");
        let code = emulator.code("totp@example.com").ok_or("no code")?; // shown by an authenticator app
        login = client.answer(challenge.answer(code))?;
    }
    println!("hello, {}", client.call(&GetProfile)?.email);
    println!("logged out, confirmed: {}", client.logout()?.confirmed);
    Ok(())
}
