//! The operations of the API: one type each, request and answer side by side.
//!
//! Every type here works without a [`Session`](crate::Session), and every type with a session's authentication rides on
//! one through [`Session::call`](crate::Session::call).

mod account_metadata;
mod keep_alive;
mod log_in;
mod log_out;
mod profile;
mod raw;
mod second_factor;
mod unblock_captcha;

pub use account_metadata::{AccountMetadata, GetAccountMetadata};
pub use keep_alive::KeepAlive;
pub use log_in::{LogIn, LoginResponse};
pub use log_out::LogOut;
pub use profile::{GetProfile, Profile};
pub use raw::Raw;
pub use second_factor::{AuthType, CodeEncoding, SecondFactor, SecondFactorResponse};
pub use unblock_captcha::{CaptchaMethod, CaptchaResponse, UnblockCaptcha};

pub(crate) use log_in::answered_id;
