//! The library snippet of the README.

use std::error::Error;
use std::fs;
use std::path::Path;

use quatrix_emulator::Emulator;
use quatrix_ureq::api::OnConflict;
use quatrix_ureq::task::MakeFolders;
use quatrix_ureq::{Challenge, Client, Credentials, Login, Server};

fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::start()?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("q3.pdf");
    fs::write(&file, "numbers of three quarters")?;

    let user = Credentials::new("totp@example.com", "only-for-tests-4711")?;
    send(Server::at(emulator.api())?, user, &file, |_| emulator.code("totp@example.com").unwrap_or_default())?;
    println!("on the server: {}", emulator.paths("totp@example.com").join(" "));
    Ok(())
}

fn send(
    server: Server,
    user: Credentials,
    file: &Path,
    ask: impl Fn(&Challenge) -> String,
) -> Result<(), Box<dyn Error>> {
    // docs: begin
    let client = Client::new(server)?; // Server::account("acme")?
    let mut login = client.login(user)?; // Credentials::new("me@acme.com", password)?
    while let Login::Challenged(challenge) = login {
        let code = ask(&challenge); // "the code of an authenticator", "a PIN", ..
        login = client.answer(challenge.answer(code))?;
    }
    let folder = client.run(MakeFolders::new("/reports/2026".parse()?))?;
    client.files().on_conflict(OnConflict::Overwrite).upload(file, &folder)?; // in one step: the old file or the whole new one
    client.logout()?;
    // docs: end
    Ok(())
}
