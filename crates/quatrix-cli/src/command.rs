//! The commands, one file each.

pub(crate) mod answer;
pub(crate) mod api;
pub(crate) mod completion;
pub(crate) mod cp;
#[cfg(feature = "demo")]
pub(crate) mod demo;
pub(crate) mod doctor;
#[cfg(feature = "demo")]
pub(crate) mod emulator;
pub(crate) mod find;
pub(crate) mod get;
pub(crate) mod keepalive;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod ls;
pub(crate) mod man;
pub(crate) mod mirror;
pub(crate) mod mkdir;
pub(crate) mod put;
pub(crate) mod quota;
pub(crate) mod rm;
pub(crate) mod stat;
pub(crate) mod status;
pub(crate) mod token;
