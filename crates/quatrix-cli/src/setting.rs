//! A value with its origin.

use crate::failure::Failure;

/// A value and where it was found.
#[derive(Clone)]
pub(crate) struct Setting<T> {
    pub(crate) value: T,
    pub(crate) origin: Origin,
    /// As the user wrote it: `--timeout`, `QUATRIX_TIMEOUT`, `timeout in config.json`.
    pub(crate) name: String,
}

/// Where a setting was found, the one that counts most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Option,
    Environment,
    Configuration,
}

impl<T> Setting<T> {
    pub(crate) fn option(name: &str, value: T) -> Self {
        Self { value, origin: Origin::Option, name: name.to_owned() }
    }

    pub(crate) fn map<U>(self, convert: impl FnOnce(T) -> U) -> Setting<U> {
        Setting { value: convert(self.value), origin: self.origin, name: self.name }
    }

    /// Names the setting in an error about its value.
    pub(crate) fn invalid(&self, why: impl std::fmt::Display) -> Failure {
        Failure::usage(format!("{}: {why}", self.name))
    }
}
