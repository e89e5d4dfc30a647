//! Quatrix in a box: an emulator of the Quatrix API for tests in any language.

mod accounts;
mod body;
mod call;
mod command;
mod connection;
mod control;
mod emulator;
mod ids;
mod login;
mod operations;
mod profile;
mod reply;
mod requests;
mod server;
mod sessions;
mod settings;
mod tls;
mod totp;

pub use accounts::{Account, Accounts, BadAccounts, NotBase32, SecondFactor, TotpSecret};
pub use body::Body;
pub use command::run;
pub use emulator::{Builder, Emulator};
pub use requests::Recorded;
pub use server::{Now, Server};
pub use settings::{CaptchaMethod, CaptchaSignal, CodeEncoding, IdPlace, Refused, SecondFactorId, Settings};

/// A random number, for what nobody should guess.
fn random() -> std::io::Result<u64> {
    use ring::rand::{SecureRandom, SystemRandom};
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).map_err(|_| std::io::Error::other("no randomness to be had"))?;
    Ok(u64::from_le_bytes(bytes))
}
