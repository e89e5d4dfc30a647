//! Options over the environment over the configuration.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use quatrix_ureq::proto::Server;

use crate::config::Section;
use crate::environment::{self, variable};
use crate::failure::Failure;
use crate::identity::{Account, Accounts, By, Identity, Owner, Purpose};
use crate::kept::Kept;
use crate::options::Options;
use crate::out;
use crate::profile::{self, DEFAULT_PROFILE};
use crate::secret::{Privacy, Secret};
use crate::setting::{Origin, Setting};
use crate::store::Store;

/// Settings of one run.
pub(crate) struct Settings {
    pub(crate) profile: String,
    pub(crate) accounts: Accounts,
    pub(crate) code_command: Option<Setting<String>>,
    pub(crate) json: bool,
    pub(crate) no_input: bool,
    pub(crate) timeout: Duration,
    pub(crate) max_time: Option<Duration>,
    pub(crate) retries: u8,
    pub(crate) ca_cert: Option<PathBuf>,
    pub(crate) proxy: Option<Setting<String>>,
    pub(crate) verbose: u8,
    pub(crate) privacy: Privacy,
    store: Option<Store>,
    kept: OnceLock<Option<Kept>>,
}

impl Settings {
    /// How long another command may hold the session file.
    pub(crate) fn patience(&self) -> Duration {
        self.max_time.unwrap_or(Duration::from_secs(120))
    }

    /// The session file.
    pub(crate) fn store(&self) -> Result<&Store, Failure> {
        let nowhere = || Failure::usage("no folder for the session file: set HOME or QUATRIX_STATE_DIR");
        self.store.as_ref().ok_or_else(nowhere)
    }

    /// What `quatrix login` has kept, read once.
    pub(crate) fn kept(&self) -> Result<Option<&Kept>, Failure> {
        if self.kept.get().is_none() {
            let _ = self.kept.set(self.store()?.load()?);
        }
        Ok(self.kept.get().and_then(Option::as_ref))
    }

    /// Resolves whose account this run uses, and reports what was skipped; without credentials, the failure reports it.
    pub(crate) fn identity(&self, purpose: Purpose) -> Result<Identity<'_>, Failure> {
        let identity = self.accounts.resolve(purpose, || Ok(self.kept()?.map(Kept::owner)))?;
        if !matches!(identity.by, By::Nothing(_)) {
            self.note_skipped(&identity);
        }
        Ok(identity)
    }

    /// Reports credentials that were found and not used; with `-v`, those that are of no use alone, too.
    pub(crate) fn note_skipped(&self, identity: &Identity<'_>) {
        let skipped = identity.skipped.iter().filter(|skipped| self.verbose > 0 || skipped.is_notice());
        skipped.for_each(|skipped| out::note(&skipped.to_string()));
    }

    /// Fails if the options, the environment or the configuration name another server or user than this one.
    pub(crate) fn check_owner(&self, owner: Owner) -> Result<(), Failure> {
        self.accounts.refusal(owner).map_or(Ok(()), |reason| Err(reason.failure(&[])))
    }

    pub(crate) fn settle(options: Options) -> Result<Self, Failure> {
        let profile = selected_profile(&options)?.value;
        let privacy = match options.allow_insecure_files || variable("QUATRIX_ALLOW_INSECURE_FILES")?.is_some() {
            true => Privacy::Waived,
            false => Privacy::Required,
        };
        let configured = Section::of(&profile, privacy)?;
        let file = configured.file.clone();
        let first = |option: Option<String>, name: &str, configured: Option<String>| match option {
            Some(value) => Ok::<_, Failure>(Some(Setting::option(&format!("--{name}"), value))),
            None => Ok(ambient(name)?.or_else(|| configured.map(|value| in_file(name, &file, value)))),
        };
        let timeout = first(options.timeout, "timeout", configured.timeout)?;
        let max_time = first(options.max_time, "max-time", configured.max_time)?;
        let retries = first(options.retries, "retries", configured.retries)?;
        let configured_file =
            |name: &str, path: Option<PathBuf>| path.map(|path| in_file(name, &file, Secret::File(path)));
        let accounts = Accounts {
            has_profile_option: options.profile.is_some(),
            option: Account {
                server: server(
                    options.host.map(|value| Setting::option("--host", value)),
                    options.base_url.map(|value| Setting::option("--base-url", value)),
                )?,
                user: options.user.map(user).transpose()?,
                key: options.api_key_file.map(|path| Setting::option("--api-key-file", Secret::File(path))),
                token: None,
                password: options.password_file.map(|path| Setting::option("--password-file", Secret::File(path))),
            },
            environment: Account {
                server: server(ambient("host")?, ambient("base-url")?)?,
                user: ambient("user")?,
                key: ambient_secret("api-key")?,
                token: ambient("session")?.map(|setting| setting.map(Secret::Text)),
                password: ambient_secret("password")?,
            },
            configuration: Account {
                server: server(
                    configured.host.map(|value| in_file("host", &file, value)),
                    configured.base_url.map(|value| in_file("base-url", &file, value)),
                )?,
                user: configured.user.map(|value| in_file("user", &file, value)),
                key: configured_file("api-key-file", configured.api_key_file),
                token: None,
                password: configured_file("password-file", configured.password_file),
            },
        };
        let path = |option: Option<PathBuf>, name: &str, configured: Option<PathBuf>| match option {
            Some(option) => Ok(Some(option)),
            None => Ok::<_, Failure>(variable(name)?.map(PathBuf::from).or(configured)),
        };
        Ok(Self {
            accounts,
            code_command: first(options.code_command, "code-command", configured.code_command)?,
            json: options.json,
            no_input: options.no_input || variable("QUATRIX_NO_INPUT")?.is_some(),
            timeout: timeout.map_or(Ok(Duration::from_secs(30)), |setting| time(&setting.name, &setting.value))?,
            max_time: max_time.map(|setting| time(&setting.name, &setting.value)).transpose()?,
            retries: retries.map_or(Ok(2), |setting| count(&setting))?,
            ca_cert: path(options.ca_cert, "QUATRIX_CA_CERT", configured.ca_cert)?,
            proxy: first(options.proxy, "proxy", configured.proxy)?,
            verbose: options.verbose,
            privacy,
            store: environment::state_folder()?.map(|folder| Store::new(folder, &profile)),
            kept: OnceLock::new(),
            profile,
        })
    }
}

/// The user that `--user` names.
fn user(address: String) -> Result<Setting<String>, Failure> {
    let setting = Setting::option("--user", address);
    match setting.value.is_empty() {
        true => Err(setting.invalid("the address is empty")),
        false => Ok(setting),
    }
}

/// The profile that is meant.
pub(crate) fn selected_profile(options: &Options) -> Result<Setting<String>, Failure> {
    let selected = match &options.profile {
        Some(profile) => Setting::option("--profile", profile.clone()),
        None => ambient("profile")?.unwrap_or_else(|| Setting::option("--profile", DEFAULT_PROFILE.to_owned())),
    };
    match profile::is_valid(&selected.value) {
        true => Ok(selected),
        false => {
            Err(selected
                .invalid("a profile name has up to 64 characters: letters, digits, - _ . @, with no dot in front"))
        }
    }
}

/// The environment's variable for an option.
fn ambient(option: &str) -> Result<Option<Setting<String>>, Failure> {
    let name = format!("QUATRIX_{}", option.replace('-', "_").to_ascii_uppercase());
    Ok(variable(&name)?.map(|value| Setting { value, origin: Origin::Environment, name }))
}

/// A variable that holds a secret, or the one with `_FILE` that names the file with it.
fn ambient_secret(option: &str) -> Result<Option<Setting<Secret>>, Failure> {
    let text = ambient(option)?.map(|setting| setting.map(Secret::Text));
    let file = ambient(&format!("{option}-file"))?.map(|setting| setting.map(|path| Secret::File(path.into())));
    at_most_one(text, file)
}

/// The configuration's key for an option.
fn in_file<T>(option: &str, file: &str, value: T) -> Setting<T> {
    Setting { value, origin: Origin::Configuration, name: format!("{} in {file}", option.replace('-', "_")) }
}

/// The one that is set of two settings for the same thing.
fn at_most_one<T>(one: Option<Setting<T>>, other: Option<Setting<T>>) -> Result<Option<Setting<T>>, Failure> {
    match (one, other) {
        (Some(one), Some(other)) => {
            Err(Failure::usage(format!("{} and {} contradict each other: give only one", one.name, other.name)))
        }
        (one, other) => Ok(one.or(other)),
    }
}

/// The server that one origin names; a host and a base URL contradict each other.
fn server(
    host: Option<Setting<String>>,
    base_url: Option<Setting<String>>,
) -> Result<Option<Setting<Server>>, Failure> {
    let Some(setting) = at_most_one(host, base_url)? else { return Ok(None) };
    let server = Server::at(&setting.value).map_err(|error| setting.invalid(error))?;
    Ok(Some(setting.map(|_| server)))
}

fn count(setting: &Setting<String>) -> Result<u8, Failure> {
    match setting.value.parse() {
        Ok(count) if count <= 20 => Ok(count),
        _ => Err(Failure::usage(format!("{} must be a number from 0 to 20, not \"{}\"", setting.name, setting.value))),
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
        _ => Err(Failure::usage(format!(
            "{option} must be a time from 1s to 24h, such as 45, 90s or 2m, not \"{text}\""
        ))),
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
    fn a_wrong_server_is_reported_under_the_name_of_its_setting() {
        let setting = |name: &str, value: &str| Some(Setting::option(name, value.to_owned()));
        let error = |host, base_url| server(host, base_url).err().unwrap().text("default");
        let both = error(setting("--host", "acme"), setting("--base-url", "https://acme.com"));
        assert!(both.starts_with("quatrix: --host and --base-url contradict each other"), "{both}");
        let plain = error(None, setting("QUATRIX_BASE_URL", "http://acme.com/api/1.0"));
        assert!(plain.starts_with("quatrix: QUATRIX_BASE_URL: ") && plain.contains("use https"), "{plain}");
    }
}
