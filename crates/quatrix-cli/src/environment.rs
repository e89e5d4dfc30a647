//! What the environment says: variables, and where files belong.

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// A variable; an empty one counts as not set.
pub(crate) fn variable(name: &str) -> Result<Option<String>, Failure> {
    match env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(Failure::usage(format!("{name} is not UTF-8"))),
    }
}

/// Variables that hold a secret. Those that end in `_FILE` only name the place of one.
const SECRETS: [&str; 5] =
    ["QUATRIX_API_KEY", "QUATRIX_CAPTCHA", "QUATRIX_CODE", "QUATRIX_PASSWORD", "QUATRIX_SESSION"];

/// The variables of this process that another program must not get: secrets, and proxies with credentials.
pub(crate) fn secret_variables() -> impl Iterator<Item = OsString> {
    env::vars_os().filter(|(name, value)| is_secret(name, value)).map(|(name, _)| name)
}

fn is_secret(name: &OsStr, value: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_uppercase();
    SECRETS.contains(&&*name) || name.ends_with("_PROXY") && value.as_encoded_bytes().contains(&b'@')
}

fn folder(name: &str) -> Option<PathBuf> {
    env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute())
}

/// Where session files are kept: `QUATRIX_STATE_DIR`, else the system's place for the state of programs.
/// There may be none, for a service without a home.
pub(crate) fn state_folder() -> Result<Option<PathBuf>, Failure> {
    if let Some(path) = env::var_os("QUATRIX_STATE_DIR").filter(|path| !path.is_empty()) {
        return std::path::absolute(&path).map(Some).map_err(|error| Failure::file(Path::new(&path), &error));
    }
    let base = if cfg!(windows) {
        folder("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        folder("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        folder("XDG_STATE_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/state")))
    };
    Ok(base.map(|base| base.join("quatrix")))
}

/// Where the configuration is read from: `QUATRIX_CONFIG`, else the system's place for settings.
pub(crate) fn config_file() -> Option<PathBuf> {
    if let Some(path) = env::var_os("QUATRIX_CONFIG").filter(|path| !path.is_empty()) {
        return Some(path.into());
    }
    let base = if cfg!(windows) {
        folder("APPDATA")
    } else if cfg!(target_os = "macos") {
        folder("HOME").map(|home| home.join("Library/Application Support"))
    } else {
        folder("XDG_CONFIG_HOME").or_else(|| folder("HOME").map(|home| home.join(".config")))
    };
    Some(base?.join("quatrix/config.json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m46_secrets_and_credentials_of_proxies_are_known_by_their_variables() {
        let is_secret = |name: &str, value: &str| is_secret(name.as_ref(), value.as_ref());
        assert!(SECRETS.iter().all(|name| is_secret(name, "x")));
        assert!(is_secret("QUATRIX_PROXY", "http://me:x@proxy:1") && is_secret("https_proxy", "me@proxy"));
        assert!(!is_secret("QUATRIX_PROXY", "http://proxy:1") && !is_secret("QUATRIX_PASSWORD_FILE", "x"));
        assert!(!is_secret("MAIL", "me@acme.com"));
    }
}
