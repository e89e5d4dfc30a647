//! The commands, one file each.

pub(crate) mod answer;
pub(crate) mod api;
pub(crate) mod completion;
#[cfg(feature = "demo")]
pub(crate) mod demo;
#[cfg(feature = "demo")]
pub(crate) mod emulator;
pub(crate) mod keepalive;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod man;
pub(crate) mod status;
pub(crate) mod token;
