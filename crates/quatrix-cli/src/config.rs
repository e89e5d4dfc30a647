//! The configuration file: what options say when neither a flag nor the environment does, for each profile.
//!
//! ```json
//! { "default": { "host": "acme" }, "backup": { "host": "acme", "api_key_file": "backup.key" } }
//! ```

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::environment;
use crate::failure::Failure;
use crate::secret::Privacy;

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
    /// The configuration file, for messages.
    #[serde(skip)]
    pub(crate) file: String,
}

impl Section {
    /// Reads the section of this profile; an empty one if there is no file.
    ///
    /// # Errors
    /// A file that is no configuration, or that names secrets and is accessible to others.
    pub(crate) fn of(profile: &str, privacy: Privacy) -> Result<Self, Failure> {
        let Some(path) = environment::config_file() else {
            return Ok(Self::default());
        };
        let failed = |error: io::Error| Failure::file(&path, &error);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(failed(error)),
        };
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        let mut profiles = read(&text).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        if profiles.values().any(Self::names_secrets) {
            privacy.check(&path, &file)?;
        }
        let mut section = profiles.remove(profile).unwrap_or_default();
        section.settle(&path);
        Ok(section)
    }

    /// Whether it leads to a secret, or may hold one.
    fn names_secrets(&self) -> bool {
        self.password_file.is_some()
            || self.api_key_file.is_some()
            || self.code_command.is_some()
            || self.proxy.as_ref().is_some_and(|url| url.contains('@'))
    }

    /// Relative paths start at the folder of the file.
    fn settle(&mut self, file: &Path) {
        let folder = file.parent().unwrap_or_else(|| Path::new(""));
        for path in [&mut self.password_file, &mut self.api_key_file, &mut self.ca_cert].into_iter().flatten() {
            *path = folder.join(&*path);
        }
        self.file = file.display().to_string();
    }
}

fn read(text: &str) -> Result<BTreeMap<String, Section>, String> {
    serde_json::from_str(text)
        .map_err(|error| format!("{} at line {}, column {}", defect(text, &error), error.line(), error.column()))
}

/// What is wrong, with the name of the field and without a value: serde quotes values, which may be secrets.
fn defect(text: &str, error: &serde_json::Error) -> String {
    let message = error.to_string();
    for form in ["unknown field `", "duplicate field `"] {
        if let Some((name, _)) = message.strip_prefix(form).and_then(|rest| rest.split_once('`')) {
            return match name {
                "api_key" | "password" => {
                    format!("`{name}` cannot be configured, only the file with it: `{name}_file`")
                }
                "token" | "session" => {
                    format!("`{name}` cannot be configured: `quatrix login` keeps a session, QUATRIX_SESSION names one")
                }
                _ => format!("{form}{name}`"),
            };
        }
    }
    let Ok(Value::Object(sections)) = serde_json::from_str(text) else {
        return "not a JSON object".to_owned();
    };
    for (profile, section) in sections {
        let Value::Object(fields) = section else {
            return format!("{profile} must be an object");
        };
        if let Some((name, _)) = fields.iter().find(|(_, value)| !value.is_string() && !value.is_null()) {
            return format!("{profile}.{name} must be a text in quotes");
        }
    }
    "a wrong value".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_profile_has_its_section_and_paths_start_at_the_file() {
        let text = r#"{"default": {"host": "acme"}, "work": {"ca_cert": "ca.pem", "api_key_file": "/etc/key"}}"#;
        let read = |profile| {
            let mut section = read(text).unwrap().remove(profile).unwrap_or_default();
            section.settle(Path::new("/home/me/.config/quatrix/config.json"));
            section
        };
        assert_eq!(read("default").host.as_deref(), Some("acme"));
        assert_eq!(read("work").ca_cert, Some("/home/me/.config/quatrix/ca.pem".into()));
        assert_eq!(read("work").api_key_file, Some("/etc/key".into()));
        assert_eq!(read("other").host, None);
    }

    #[test]
    fn an_error_has_line_column_and_field_and_quotes_no_value() {
        let error = |text: &str| read(text).err().unwrap();
        assert_eq!(error(r#"{"default": {"pasword_file": "x"}}"#), "unknown field `pasword_file` at line 1, column 27");
        assert_eq!(
            error(r#"{"default": {"api_key": "canary"}}"#),
            "`api_key` cannot be configured, only the file with it: `api_key_file` at line 1, column 22"
        );
        assert!(error(r#"{"default": {"password": "canary"}}"#).contains("`password_file`"));
        assert!(error(r#"{"default": {"token": "canary"}}"#).contains("QUATRIX_SESSION"));
        assert_eq!(
            error("{\"default\": {\n  \"proxy\": [\"http://me:canary@proxy\"]\n}}"),
            "default.proxy must be a text in quotes at line 2, column 11"
        );
        for text in [
            r#"{"default": "canary"}"#,
            r#"{"default": {"retries": 4711}}"#,
            r#"{"default": {"proxy": {"canary": 1}}}"#,
            r#"["canary"]"#,
            r#""canary""#,
            r#"{"default": {"proxy": "http://me:canary@proxy}"#,
            r#"{"default": {"proxy": canary}}"#,
            r#"{"default": {"user": "canary", "user": "canary"}}"#,
        ] {
            let error = error(text);
            assert!(!error.contains("canary") && !error.contains("4711") && error.contains(" at line 1"), "{error}");
        }
    }

    #[test]
    fn a_section_that_leads_to_a_secret_is_known() {
        let names_secrets = |text: &str| read(text).unwrap().values().any(Section::names_secrets);
        assert!(!names_secrets(r#"{"a": {"host": "acme", "user": "me@acme.com", "proxy": "http://proxy:3128"}}"#));
        for field in [
            r#""password_file": "x""#,
            r#""api_key_file": "x""#,
            r#""code_command": "oathtool x""#,
            r#""proxy": "http://me:x@proxy""#,
        ] {
            assert!(names_secrets(&format!(r#"{{"a": {{}}, "b": {{{field}}}}}"#)), "{field}");
        }
    }
}
