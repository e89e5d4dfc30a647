//! Ids that the server gives out: opaque text, not secret.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer};
use serde::{Serialize, Serializer};

use crate::error::Invalid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        ///
        /// A UUID by every specification, but nothing here relies on that. It is compared as text and is never empty.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// Takes the text as it is.
            ///
            /// # Errors
            /// [`Invalid`] if it is empty.
            pub fn new(text: impl Into<Box<str>>) -> Result<Self, Invalid> {
                let text = text.into();
                match text.is_empty() {
                    false => Ok(Self(text)),
                    true => Err(Invalid::new($what, "is empty")),
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                Self::new(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::new(Box::<str>::deserialize(deserializer)?).map_err(|_| de::Error::custom("empty id"))
            }
        }
    };
}

id!(
    /// The id of a file or folder.
    FileId,
    "file id"
);
id!(
    /// The id of a user.
    UserId,
    "user id"
);
id!(
    /// The id of a job: work that the server goes on with after it has answered.
    JobId,
    "job id"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_text_that_is_not_empty() {
        let id: FileId = serde_json::from_str("\"not a uuid\"").unwrap();
        assert_eq!(
            (id.as_str(), id.to_string(), format!("{id:?}")),
            ("not a uuid", "not a uuid".into(), "FileId(not a uuid)".into())
        );
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"not a uuid\"");
        assert!(serde_json::from_str::<FileId>("\"\"").is_err() && serde_json::from_str::<FileId>("7").is_err());
        assert_eq!("".parse::<JobId>().unwrap_err().to_string(), "job id is empty");
    }
}
