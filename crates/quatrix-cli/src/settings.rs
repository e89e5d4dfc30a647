//! Options over the environment over the configuration.

use std::path::PathBuf;
use std::time::Duration;

use quatrix_ureq::proto::Server;

use crate::cli::Options;
use crate::config::Section;
use crate::environment::{self, variable};
use crate::failure::Failure;
use crate::store::{DEFAULT_PROFILE, Store};

/// How this run is to be, whoever said so.
pub(crate) struct Settings {
    pub(crate) profile: String,
    /// Named by an option, the environment or the configuration; the session file may know one as well.
    pub(crate) server: Option<Server>,
    pub(crate) user: Option<String>,
    pub(crate) code_command: Option<String>,
    pub(crate) json: bool,
    pub(crate) no_input: bool,
    pub(crate) timeout: Duration,
    pub(crate) max_time: Option<Duration>,
    pub(crate) retries: u8,
    pub(crate) ca_cert: Option<PathBuf>,
    pub(crate) proxy: Option<String>,
    pub(crate) verbose: u8,
    /// Files with secrets, by who named them.
    pub(crate) option: SecretFiles,
    pub(crate) configured: SecretFiles,
    store: Option<Store>,
}

/// Where a password or an API key is.
pub(crate) struct SecretFiles {
    pub(crate) password: Option<PathBuf>,
    pub(crate) api_key: Option<PathBuf>,
}

impl Settings {
    /// How long another command may hold the session file.
    pub(crate) fn patience(&self) -> Duration {
        self.max_time.unwrap_or(Duration::from_secs(120))
    }

    /// The session file.
    pub(crate) fn store(&self) -> Result<&Store, Failure> {
        let nowhere = || Failure::usage("there is no place for the session file: set HOME, or QUATRIX_STATE_DIR");
        self.store.as_ref().ok_or_else(nowhere)
    }

    pub(crate) fn settle(options: Options) -> Result<Self, Failure> {
        let profile = profile(&options)?;
        let configured = Section::of(&profile)?;
        let first = |option: Option<String>, name: &str, configured: Option<String>| match option {
            Some(option) => Ok(Some(option)),
            None => Ok::<_, Failure>(variable(name)?.or(configured)),
        };
        let path = |option: Option<PathBuf>, name: &str, configured: Option<PathBuf>| match option {
            Some(option) => Ok(Some(option)),
            None => Ok::<_, Failure>(variable(name)?.map(PathBuf::from).or(configured)),
        };
        let timeout = first(options.timeout, "QUATRIX_TIMEOUT", configured.timeout)?;
        let max_time = first(options.max_time, "QUATRIX_MAX_TIME", configured.max_time)?;
        let retries = first(options.retries, "QUATRIX_RETRIES", configured.retries)?;
        Ok(Self {
            server: settle_server([
                (options.host, options.base_url),
                (variable("QUATRIX_HOST")?, variable("QUATRIX_BASE_URL")?),
                (configured.host, configured.base_url),
            ])?,
            user: first(options.user, "QUATRIX_USER", configured.user)?,
            code_command: first(options.code_command, "QUATRIX_CODE_COMMAND", configured.code_command)?,
            json: options.json,
            no_input: options.no_input || variable("QUATRIX_NO_INPUT")?.is_some(),
            timeout: timeout.map_or(Ok(Duration::from_secs(30)), |text| time("--timeout", &text))?,
            max_time: max_time.map(|text| time("--max-time", &text)).transpose()?,
            retries: retries.map_or(Ok(2), |text| count(&text))?,
            ca_cert: path(options.ca_cert, "QUATRIX_CA_CERT", configured.ca_cert)?,
            proxy: first(options.proxy, "QUATRIX_PROXY", configured.proxy)?,
            verbose: options.verbose,
            option: SecretFiles { password: options.password_file, api_key: options.api_key_file },
            configured: SecretFiles { password: configured.password_file, api_key: configured.api_key_file },
            store: environment::state_folder()?.map(|folder| Store::new(folder, &profile)),
            profile,
        })
    }
}

/// The profile that is meant.
pub(crate) fn profile(options: &Options) -> Result<String, Failure> {
    let profile = match &options.profile {
        Some(profile) => profile.clone(),
        None => variable("QUATRIX_PROFILE")?.unwrap_or_else(|| DEFAULT_PROFILE.to_owned()),
    };
    check_profile(&profile).map(|()| profile)
}

/// It becomes part of a file's name.
fn check_profile(name: &str) -> Result<(), Failure> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.@".contains(&b);
    match (1..=64).contains(&name.len()) && !name.starts_with('.') && name.bytes().all(plain) {
        true => Ok(()),
        false => Err(Failure::usage("a profile is named by up to 64 letters, digits and any of - _ . @")),
    }
}

/// The first who names a server decides; a host and a base URL from the same hand contradict each other.
fn settle_server(named: [(Option<String>, Option<String>); 3]) -> Result<Option<Server>, Failure> {
    for (host, base_url) in named {
        let server = match (host, base_url) {
            (None, None) => continue,
            (Some(_), Some(_)) => return Err(Failure::usage("both a host and a base URL are given: one is enough")),
            (Some(address), None) | (None, Some(address)) => Server::at(&address),
        };
        return server.map(Some).map_err(|error| Failure::usage(error.to_string()));
    }
    Ok(None)
}

fn count(text: &str) -> Result<u8, Failure> {
    match text.parse() {
        Ok(count) if count <= 20 => Ok(count),
        _ => Err(Failure::usage("--retries takes a number from 0 to 20")),
    }
}

/// Seconds, or a number with its unit.
pub(crate) fn time(option: &str, text: &str) -> Result<Duration, Failure> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(number) => (number, &text[number.len()..]),
        None => (text, "s"),
    };
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        _ => 3600,
    };
    match number.parse::<u32>() {
        Ok(number) if (1..=24 * 3600 / seconds).contains(&number) => Ok(Duration::from_secs((number * seconds).into())),
        _ => Err(Failure::usage(format!("{option} takes a time from 1s to 24h, such as 45, 90s or 2m"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units_and_bounds() {
        let read = |text| time("--timeout", text).ok().map(|time| time.as_secs());
        assert_eq!(["45", "90s", "2m", "24h"].map(read), [Some(45), Some(90), Some(120), Some(86_400)]);
        for wrong in ["", "0", "s", "1.5", "-1", "25h", "1d", "4294967295m"] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_profile_cannot_be_a_path() {
        assert!(["work", "me@acme.com", "a.b-c_1"].iter().all(|name| check_profile(name).is_ok()));
        for name in ["", ".", "..", "../x", "a/b", "a\\b", "a b", "a\0", &"x".repeat(65)] {
            assert!(check_profile(name).is_err(), "{name}");
        }
    }

    #[test]
    fn the_first_who_names_a_server_decides() {
        let some = |text: &str| Some(text.to_owned());
        let none = || (None, None);
        let server = settle_server([none(), (None, some("http://127.0.0.1:9/api/1.0")), (some("acme"), None)]);
        assert_eq!(server.unwrap().unwrap().to_string(), "http://127.0.0.1:9/api/1.0");
        let both = settle_server([(some("acme"), some("https://acme.com")), none(), none()]);
        assert!(both.unwrap_err().text("default").contains("one is enough"));
        let plain = settle_server([none(), none(), (None, some("http://acme.com/api/1.0"))]);
        assert!(plain.unwrap_err().text("default").contains("use https"));
    }
}
