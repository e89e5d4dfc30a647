//! A whole session life, async.

use std::error::Error;

use quatrix_emulator::Emulator;
use quatrix_hyper::api::GetProfile;
use quatrix_hyper::{Client, Credentials, Login, Server};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::start()?; // with a real account: Server::account("acme")
    let client = Client::new(Server::at(emulator.api())?)?;

    let mut login = client.login(Credentials::new("totp@example.com", "only-for-tests-4711")?).await?;
    while let Login::Challenged(challenge) = login {
        println!("wanted: {challenge}");
        let code = emulator.code("totp@example.com").ok_or("no code")?; // shown by an authenticator app
        login = client.answer(challenge.answer(code)).await?;
    }
    println!("hello, {}", client.call(&GetProfile).await?.email);
    println!("logged out, confirmed: {}", client.logout().await?.confirmed);
    Ok(())
}
