//! Timestamps of files.

use std::time::Duration;

/// Microseconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Timestamp(i64);

impl Timestamp {
    /// A whole second.
    pub(crate) const fn at(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    pub(crate) fn from_unix(since: Duration) -> Self {
        Self(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    /// Converts seconds with a fraction, as clients send them; `None` beyond 100,000 years.
    pub(crate) fn from_seconds(seconds: f64) -> Option<Self> {
        let micros = (seconds * 1e6).round();
        // Also rejects NaN.
        (micros.abs() < 3.2e18).then_some(Self(micros as i64))
    }

    /// Whole seconds.
    pub(crate) fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Seconds with a fraction of six digits.
    pub(crate) fn exact(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_comes_back_to_the_microsecond() {
        for seconds in [0.0, 1_612_325_106.789_012, 1_795_489_041.547_688, -0.25, 4_102_444_800.000_001] {
            let stamp = Timestamp::from_seconds(seconds).unwrap();
            assert_eq!(stamp.exact().to_string(), seconds.to_string());
            assert_eq!(stamp.seconds(), seconds.floor() as i64);
        }
        assert_eq!(Timestamp::from_unix(Duration::from_micros(1_500_000)), Timestamp(1_500_000));
    }

    #[test]
    fn numbers_out_of_range_are_rejected() {
        for seconds in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300] {
            assert_eq!(Timestamp::from_seconds(seconds), None);
        }
    }
}
