//! The configuration file: what options say when neither a flag nor the environment does, for each profile.
//!
//! ```json
//! { "default": { "host": "acme" }, "backup": { "host": "acme", "api_key_file": "backup.key" } }
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::environment;
use crate::failure::Failure;

/// What can be configured: options of the same names. Secrets cannot, only where they are.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Section {
    pub(crate) host: Option<String>,
    pub(crate) base_url: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) api_key_file: Option<PathBuf>,
    pub(crate) code_command: Option<String>,
    pub(crate) timeout: Option<String>,
    pub(crate) max_time: Option<String>,
    pub(crate) retries: Option<String>,
    pub(crate) ca_cert: Option<PathBuf>,
    pub(crate) proxy: Option<String>,
}

impl Section {
    /// What the file says about this profile; nothing if there is no file.
    pub(crate) fn of(profile: &str) -> Result<Self, Failure> {
        let Some(path) = environment::config_file() else {
            return Ok(Self::default());
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Failure::file(&path, &error)),
        };
        Self::read(&text, profile, path.parent().unwrap_or_else(|| Path::new("")))
            .map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
    }

    fn read(text: &str, profile: &str, folder: &Path) -> Result<Self, serde_json::Error> {
        let mut profiles: BTreeMap<String, Self> = serde_json::from_str(text)?;
        let mut section = profiles.remove(profile).unwrap_or_default();
        for path in [&mut section.password_file, &mut section.api_key_file, &mut section.ca_cert].into_iter().flatten()
        {
            *path = folder.join(&*path);
        }
        Ok(section)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_profile_has_its_section_and_paths_start_at_the_file() {
        let text = r#"{"default": {"host": "acme"}, "work": {"ca_cert": "ca.pem", "api_key_file": "/etc/key"}}"#;
        let read = |profile| Section::read(text, profile, Path::new("/home/me/.config/quatrix")).unwrap();
        assert_eq!(read("default").host.as_deref(), Some("acme"));
        assert_eq!(read("work").ca_cert, Some("/home/me/.config/quatrix/ca.pem".into()));
        assert_eq!(read("work").api_key_file, Some("/etc/key".into()));
        assert_eq!(read("other").host, None);
    }

    #[test]
    fn a_key_that_means_nothing_is_named() {
        let error = Section::read(r#"{"default": {"pasword_file": "x"}}"#, "default", Path::new("")).err().unwrap();
        assert!(error.to_string().starts_with("unknown field `pasword_file`"), "{error}");
    }
}
