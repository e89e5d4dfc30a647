//! Quatrix in a box: an emulator of the Quatrix API for tests in any language.

mod accounts;
mod body;
mod call;
mod changes;
mod command;
mod connection;
mod content;
mod control;
mod downloads;
mod emulator;
mod faults;
mod files;
mod ids;
mod login;
mod names;
mod operations;
mod profile;
mod reply;
mod requests;
mod search;
mod seed;
mod server;
mod sessions;
mod settings;
mod stamp;
mod tls;
mod totp;
mod tree;
mod uploads;
mod view;
mod zip;

pub use accounts::{Account, Accounts, BadAccounts, NotBase32, SecondFactor, TotpSecret};
pub use body::Body;
pub use command::run;
pub use emulator::{Builder, Emulator};
pub use faults::{BadFault, Fault, What, When};
pub use requests::Recorded;
pub use seed::Seed;
pub use server::{Now, Server};
pub use settings::{
    CaptchaMethod, CaptchaSignal, CodeEncoding, FolderSize, IdPlace, RateLimit, Refused, SecondFactorId, Settings,
    UploadKeyLife,
};

/// A random number, for what nobody should guess.
fn random() -> std::io::Result<u64> {
    use ring::rand::{SecureRandom, SystemRandom};
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).map_err(|_| std::io::Error::other("no randomness to be had"))?;
    Ok(u64::from_le_bytes(bytes))
}
