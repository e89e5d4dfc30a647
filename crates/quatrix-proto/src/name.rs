//! Names that the server takes for files and folders.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::error::Invalid;

/// A name that a file or folder can be given.
///
/// 1 to 255 characters, not `.` or `..`, without `/`, `\` and control characters of ASCII, no space at its end. Upper
/// and lower case differ. (Source: the documentation and the source of the rclone backend.) Names that the server
/// *sends* are plain text: they may be older than the rules.
///
/// ```
/// use quatrix_proto::FileName;
///
/// assert_eq!(FileName::new("q3 \u{e9}t\u{e9}.pdf")?.as_str(), "q3 \u{e9}t\u{e9}.pdf");
/// assert_eq!(FileName::new("a/b").unwrap_err().to_string(), "name holds a slash or backslash");
/// # Ok::<(), quatrix_proto::Invalid>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(Box<str>);

impl FileName {
    /// The most characters that a name has.
    pub const MAX_LEN: usize = 255;

    /// Checks a name.
    ///
    /// # Errors
    /// [`Invalid`] says which rule it breaks.
    pub fn new(name: impl Into<Box<str>>) -> Result<Self, Invalid> {
        let name = name.into();
        let refused = |why: &'static str| Err(Invalid::new("name", why));
        match &*name {
            "" => refused("is empty"),
            "." | ".." => refused("is . or .., which stand for folders"),
            text if text.contains(['/', '\\']) => refused("holds a slash or backslash"),
            text if text.contains(|c: char| c.is_ascii_control()) => refused("holds a control character"),
            text if text.ends_with(' ') => refused("ends with a space"),
            text if text.chars().count() > Self::MAX_LEN => refused("is longer than 255 characters"),
            _ => Ok(Self(name)),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for FileName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::new(text)
    }
}

impl Serialize for FileName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_a_name_is_checked() {
        let refused = |name: &str| FileName::new(name).unwrap_err().to_string();
        assert_eq!(refused(""), "name is empty");
        assert_eq!(refused("."), "name is . or .., which stand for folders");
        assert_eq!(refused(".."), "name is . or .., which stand for folders");
        assert_eq!(refused("a\\b"), "name holds a slash or backslash");
        assert_eq!(refused("a\nb"), "name holds a control character");
        assert_eq!(refused("a\u{7f}"), "name holds a control character");
        assert_eq!(refused("a "), "name ends with a space");
        assert_eq!(refused(&"\u{e9}".repeat(256)), "name is longer than 255 characters");
        for good in [" a", "...", "a b", "\u{1f4be}", "\u{85}", &"\u{e9}".repeat(255)] {
            assert_eq!(FileName::new(good).unwrap().as_str(), good);
        }
    }
}
