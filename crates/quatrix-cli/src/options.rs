//! Options of every command.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use crate::out;

/// Options of every command.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// The account: NAME of NAME.quatrix.it, a host name, or an address [QUATRIX_HOST]
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "base_url")]
    pub(crate) host: Option<String>,

    /// The base of the API instead: https, or http to this machine [QUATRIX_BASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) base_url: Option<String>,

    /// Which session and which part of the configuration [QUATRIX_PROFILE]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// The address that logs in [QUATRIX_USER]
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub(crate) user: Option<String>,

    /// A file with the password [QUATRIX_PASSWORD_FILE, QUATRIX_PASSWORD]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,

    /// A file with an API key [QUATRIX_API_KEY_FILE, QUATRIX_API_KEY]
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "password_file")]
    pub(crate) api_key_file: Option<PathBuf>,

    /// Read secrets from files that others can read, too [QUATRIX_ALLOW_INSECURE_FILES]
    #[arg(long, global = true)]
    pub(crate) allow_insecure_files: bool,

    /// Prints the code when a second factor is due [QUATRIX_CODE_COMMAND]
    #[arg(long, global = true, value_name = "PROGRAM")]
    pub(crate) code_command: Option<String>,

    /// Print JSON, errors too
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Never prompt, even on a terminal [QUATRIX_NO_INPUT]
    #[arg(long, global = true)]
    pub(crate) no_input: bool,

    /// Give up when the server is silent for this long: 45, 45s, 2m [30s; QUATRIX_TIMEOUT]
    #[arg(long, global = true, value_name = "TIME")]
    pub(crate) timeout: Option<String>,

    /// Give up a call after this time, retries included [QUATRIX_MAX_TIME]
    #[arg(long, global = true, value_name = "TIME")]
    pub(crate) max_time: Option<String>,

    /// Retries of a failed call that is safe to repeat [2; QUATRIX_RETRIES]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) retries: Option<String>,

    /// Trust the authorities in this PEM file and no others [QUATRIX_CA_CERT]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_cert: Option<PathBuf>,

    /// Go through this proxy [QUATRIX_PROXY, HTTPS_PROXY, ALL_PROXY]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) proxy: Option<String>,

    /// Log requests and responses to standard error; -vv: state changes, too
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Print this
    #[arg(long, short, global = true, action = ArgAction::HelpShort)]
    help: Option<bool>,
}

impl Options {
    /// Warns about what the list of processes shows.
    pub(crate) fn warn(&self) {
        if self.proxy.as_ref().is_some_and(|url| url.contains('@')) {
            out::note("--proxy with credentials is visible to other users in `ps`: use QUATRIX_PROXY instead");
        }
    }
}
