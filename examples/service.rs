//! A service that runs unattended on an account with two-factor authentication.
//!
//! The authenticator's secret lies in a file that only the service can read. Whenever the session expires, the next call
//! logs in again and the provider answers the challenge; the rest of the program never notices.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quatrix_emulator::Emulator;
use quatrix_ureq::api::GetProfile;
use quatrix_ureq::{Answer, Challenge, Client, Credentials, Declined, Factor, Login, Server};
use totp_rs::{Algorithm, Secret, TOTP};

fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::start()?; // with a real account: Server::account("acme")
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("totp-secret");
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file)?.write_all(b"JBSWY3DPEHPK3PXP\n")?;

    let user = Credentials::new("totp@example.com", "only-for-tests-4711")?;
    let client = connect(Server::at(emulator.api())?, user, &file)?;
    let _alive = client.spawn_keepalive()?;

    for round in 1..=3 {
        println!("round {round}: {} is at work", client.call(&GetProfile)?.email);
        emulator.expire(None); // what fifteen idle minutes, or an administrator, would do
    }
    client.logout()?;
    Ok(())
}

// docs: begin
/// Logs in, now and after every expiry, with the authenticator's secret from a file.
fn connect(server: Server, user: Credentials, file: &Path) -> Result<Client, Box<dyn Error>> {
    let authenticator = authenticator(file)?;
    let answer = move |challenge| answer(&authenticator, challenge);
    let client = Client::builder(server).second_factor(answer).build()?;
    match client.login(user)? {
        Login::Active => Ok(client),
        _ => Err("the server asks for something else than a code".into()),
    }
}

/// Refuses a secret that others can read.
fn authenticator(file: &Path) -> Result<TOTP, Box<dyn Error>> {
    if fs::metadata(file)?.permissions().mode() & 0o077 != 0 {
        return Err(format!("others can read {}: chmod 600 it", file.display()).into());
    }
    let secret = Secret::Encoded(fs::read_to_string(file)?.trim().to_owned());
    // The secret of the emulator's account is shorter than RFC 6238 recommends, hence unchecked.
    Ok(TOTP::new_unchecked(Algorithm::SHA1, 6, 1, 30, secret.to_bytes().map_err(|_| "not base32")?))
}

/// Called for each challenge, and once more if the server refused the code: then the next code is due, since the same
/// one would not be sent again.
fn answer(authenticator: &TOTP, challenge: Challenge) -> Result<Answer, Declined> {
    let Challenge::SecondFactor { factor: Factor::Totp, refused } = challenge else {
        return Err(Declined);
    };
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    if refused > 0 {
        thread::sleep(Duration::from_secs(30 - now() % 30));
    }
    Ok(challenge.answer(authenticator.generate(now())))
}
// docs: end
