//! Readers for what the server writes in more than one way: numbers in quotes, null for nothing, flags as letters.
//!
//! Sources: the C# client reads `operations` as text and lets limits be null; `share_types` are booleans in newer specs
//! and `"Y"`/`"N"` in the first one.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::id::FileId;

/// A whole number, a whole float, or either in quotes; null is `None`.
pub(crate) fn integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    struct Integer;
    impl<'de> Visitor<'de> for Integer {
        type Value = Option<i64>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number")
        }
        fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
            Ok(Some(number))
        }
        fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
            i64::try_from(number).map(Some).map_err(|_| E::custom("number out of range"))
        }
        fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
            // Beyond 2^53 a float is no longer sure to be the number that was meant.
            match number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 {
                true => Ok(Some(number as i64)),
                false => Err(E::custom("not a whole number")),
            }
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            match text.trim() {
                "" => Ok(None),
                digits => digits.parse().map(Some).map_err(|_| E::custom("not a whole number")),
            }
        }
        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    deserializer.deserialize_any(Integer)
}

/// As [`integer`], for counts and sizes: never negative.
pub(crate) fn unsigned<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    match integer(deserializer)? {
        None => Ok(None),
        Some(number) => u64::try_from(number).map(Some).map_err(|_| de::Error::custom("negative number")),
    }
}

/// As [`unsigned`], for a size that must be there.
pub(crate) fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    unsigned(deserializer)?.ok_or_else(|| de::Error::custom("no number"))
}

/// `true`, `"Y"`, `1` and the like; null is `None`.
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<bool>, D::Error> {
    struct Flag;
    impl Visitor<'_> for Flag {
        type Value = Option<bool>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a flag")
        }
        fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Self::Value, E> {
            Ok(Some(flag))
        }
        fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
            match number {
                0 => Ok(Some(false)),
                1 => Ok(Some(true)),
                _ => Err(E::custom("not a flag")),
            }
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            match text {
                "Y" | "y" | "true" | "1" => Ok(Some(true)),
                "N" | "n" | "false" | "0" => Ok(Some(false)),
                "" => Ok(None),
                _ => Err(E::custom("not a flag")),
            }
        }
        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
    }
    deserializer.deserialize_any(Flag)
}

/// Text, where null and a missing field both mean none.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Option::<String>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// An id; null and an empty text are `None`.
pub(crate) fn id<'de, D: Deserializer<'de>, I: FromStr>(deserializer: D) -> Result<Option<I>, D::Error> {
    Ok(Option::<Box<str>>::deserialize(deserializer)?.and_then(|text| text.parse().ok()))
}

/// The same readers as types, for visitors written by hand.
macro_rules! reader {
    ($($name:ident($value:ty) = $read:path;)*) => {$(
        #[derive(Default)]
        pub(crate) struct $name(pub(crate) $value);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $read(deserializer).map(Self)
            }
        }
    )*};
}

reader! {
    Integer(Option<i64>) = integer;
    Unsigned(Option<u64>) = unsigned;
    Text(String) = text;
    Id(Option<FileId>) = id;
}

/// The fields of an answer that this crate has no name for.
///
/// `Debug` counts them and shows none.
#[derive(Clone, Default, PartialEq)]
pub struct UnknownFields(
    /// Few, and mostly none: a list costs nothing while it is empty, and less than a map's node when it is not.
    Vec<(Box<str>, Value)>,
);

impl UnknownFields {
    /// The field of that name as JSON.
    pub fn json(&self, name: &str) -> Option<String> {
        self.get(name).map(Value::to_string)
    }

    /// The field of that name, if it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// The names, in the order in which they came.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| **known == *name).map(|(_, value)| value)
    }

    pub(crate) fn insert(&mut self, name: Box<str>, value: Value) {
        self.0.push((name, value));
    }
}

impl fmt::Debug for UnknownFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Extra({} fields)", self.0.len())
    }
}

impl<'de> Deserialize<'de> for UnknownFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = UnknownFields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<UnknownFields, A::Error> {
                let mut extra = UnknownFields::default();
                while let Some((name, value)) = fields.next_entry()? {
                    extra.insert(name, value);
                }
                Ok(extra)
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Row {
        #[serde(default, deserialize_with = "integer")]
        number: Option<i64>,
        #[serde(default, deserialize_with = "unsigned")]
        size: Option<u64>,
        #[serde(default, deserialize_with = "flag")]
        on: Option<bool>,
        #[serde(flatten)]
        extra: UnknownFields,
    }

    fn row(json: &str) -> Result<Row, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn numbers_come_plain_as_floats_in_quotes_or_not_at_all() {
        for (json, number) in [("7", Some(7)), ("7.0", Some(7)), ("\"-7\"", Some(-7)), ("null", None), ("\"\"", None)] {
            assert_eq!(row(&format!("{{\"number\":{json}}}")).unwrap().number, number, "{json}");
        }
        for json in ["7.5", "1e300", "\"x\"", "18446744073709551615", "[]", "true"] {
            assert!(row(&format!("{{\"number\":{json}}}")).is_err(), "{json}");
        }
        assert!(row("{\"size\":-1}").is_err());
        assert_eq!(row("{\"size\":\"12\"}").unwrap().size, Some(12));
    }

    #[test]
    fn flags_come_as_booleans_letters_or_digits() {
        for (json, on) in [("true", Some(true)), ("\"N\"", Some(false)), ("1", Some(true)), ("null", None)] {
            assert_eq!(row(&format!("{{\"on\":{json}}}")).unwrap().on, on, "{json}");
        }
        assert!(row("{\"on\":2}").is_err() && row("{\"on\":\"maybe\"}").is_err());
    }

    #[test]
    fn unknown_fields_are_kept_and_not_shown() {
        let row = row("{\"shape\":1,\"color\":\"canary\"}").unwrap();
        assert_eq!(row.extra.text("color"), Some("canary"));
        assert_eq!(row.extra.json("color").as_deref(), Some("\"canary\""));
        assert_eq!((row.extra.json("shape").as_deref(), row.extra.json("size")), (Some("1"), None));
        assert_eq!(row.extra.names().collect::<Vec<_>>(), ["shape", "color"]);
        assert!(!format!("{row:?}").contains("canary"));
    }
}
