//! The two kinds of time: what a driver measures, and what files carry.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

use crate::error::Invalid;

/// A moment on the driver's own clock: microseconds since an origin that the driver picks.
///
/// The core never reads a clock. A driver passes `start.elapsed().into()`, a simulation whatever it likes; all
/// arithmetic saturates, so no value that a server names can make it panic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The origin of the driver's clock.
    pub const ZERO: Self = Self(0);
    /// The last moment that can be written down, some 584,000 years after the origin.
    pub const MAX: Self = Self(u64::MAX);

    /// Makes a timestamp of microseconds since the origin.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the origin.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The moment `wait` later, or [`Timestamp::MAX`].
    #[must_use]
    pub fn saturating_add(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(micros(wait)))
    }

    /// How long ago `earlier` was; zero if it lies ahead.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl From<Duration> for Timestamp {
    fn from(since_origin: Duration) -> Self {
        Self(micros(since_origin))
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// A wall-clock time of a file: seconds since 1970 with a microsecond fraction.
///
/// On the wire it is a JSON number of seconds (`1612325106.789012`), also in the field `modified_ms`, whatever its name
/// says (source: the rclone backend).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(i64);

impl UnixTime {
    /// Makes a time of microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Makes a time of whole seconds since 1970.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Microseconds since 1970.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Whether two reports of a file's modification time can be of one version: equal to the microsecond where both
    /// have a fraction of a second, since the server does not send it in every response, else to the second.
    pub(crate) fn is_same_version(self, other: Self) -> bool {
        let has_fraction = |time: Self| time.0 % 1_000_000 != 0;
        match has_fraction(self) && has_fraction(other) {
            true => self == other,
            false => self.as_secs() == other.as_secs(),
        }
    }

    fn from_fraction(secs: f64) -> Option<Self> {
        let micros = (secs * 1e6).round();
        // 2^63 as a float is exact; beyond it the cast would silently saturate.
        (micros.is_finite() && micros.abs() < 9.223_372_036_854_775e18).then_some(Self(micros as i64))
    }
}

impl From<SystemTime> for UnixTime {
    fn from(time: SystemTime) -> Self {
        let of = |d: Duration| i64::try_from(d.as_micros()).unwrap_or(i64::MAX);
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(after) => Self(of(after)),
            Err(before) => Self(-of(before.duration())),
        }
    }
}

/// Fails for a time that the platform cannot represent: on Windows one before 1601 or after 30827.
impl TryFrom<UnixTime> for SystemTime {
    type Error = Invalid;

    fn try_from(time: UnixTime) -> Result<Self, Invalid> {
        let distance = Duration::from_micros(time.0.unsigned_abs());
        let system = match time.0 < 0 {
            true => Self::UNIX_EPOCH.checked_sub(distance),
            false => Self::UNIX_EPOCH.checked_add(distance),
        };
        system.ok_or_else(|| Invalid::new("time", "is out of the range of this platform"))
    }
}

/// Seconds with six decimals, as the server takes them: `1612325106.789012`.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let micros = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
    }
}

impl Serialize for UnixTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.0 as f64 / 1e6)
    }
}

impl<'de> Deserialize<'de> for UnixTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seconds;
        impl Visitor<'_> for Seconds {
            type Value = UnixTime;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("seconds since 1970")
            }
            fn visit_u64<E: de::Error>(self, secs: u64) -> Result<UnixTime, E> {
                i64::try_from(secs).map_err(|_| E::custom("time out of range")).and_then(|s| self.visit_i64(s))
            }
            fn visit_i64<E: de::Error>(self, secs: i64) -> Result<UnixTime, E> {
                secs.checked_mul(1_000_000).map(UnixTime).ok_or_else(|| E::custom("time out of range"))
            }
            fn visit_f64<E: de::Error>(self, secs: f64) -> Result<UnixTime, E> {
                UnixTime::from_fraction(secs).ok_or_else(|| E::custom("time out of range"))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<UnixTime, E> {
                let secs: f64 = text.trim().parse().map_err(|_| E::custom("not a time"))?;
                self.visit_f64(secs)
            }
        }
        deserializer.deserialize_any(Seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_saturate_at_both_ends() {
        let late = Timestamp::ZERO.saturating_add(Duration::MAX);
        assert_eq!(late, Timestamp::MAX);
        assert_eq!(late.saturating_add(Duration::from_secs(1)), Timestamp::MAX);
        assert_eq!(Timestamp::ZERO.saturating_since(late), Duration::ZERO);
        assert_eq!(Timestamp::from(Duration::MAX), Timestamp::MAX);
    }

    #[test]
    fn file_times_keep_six_decimals() {
        let time: UnixTime = serde_json::from_str("1612325106.789012").unwrap();
        assert_eq!(time, UnixTime::from_micros(1_612_325_106_789_012));
        assert_eq!(time.to_string(), "1612325106.789012");
        assert_eq!(serde_json::to_string(&time).unwrap(), "1612325106.789012");
        assert_eq!(UnixTime::from_micros(-1_500_000).to_string(), "-1.500000");
    }

    #[test]
    fn file_times_become_system_times_and_come_back() {
        for micros in [0, 1, -1, 1_612_325_106_789_012, -1_500_000] {
            let time = UnixTime::from_micros(micros);
            let system = SystemTime::try_from(time).unwrap();
            assert_eq!(system < SystemTime::UNIX_EPOCH, micros < 0, "{time}");
            assert_eq!(UnixTime::from(system), time);
        }
    }

    #[test]
    fn file_times_are_read_from_numbers_and_text() {
        for text in ["7", "7.0", "\"7\"", "\"7.000000\""] {
            assert_eq!(serde_json::from_str::<UnixTime>(text).unwrap(), UnixTime::from_secs(7), "{text}");
        }
        for text in ["1e300", "18446744073709551615", "\"soon\"", "\"nan\"", "[]"] {
            assert!(serde_json::from_str::<UnixTime>(text).is_err(), "{text}");
        }
    }
}
