//! When a failed exchange is tried again.

use std::time::{Duration, UNIX_EPOCH};

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};

use crate::time::UnixTime;

/// What `Retry-After` asks for: seconds, or a date. A date is read against the `Date` of the same answer, so that no
/// clock is needed and a wrong one does no harm.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let seconds = |text: &str| {
        let date = httpdate::parse_http_date(text).ok()?;
        date.duration_since(UNIX_EPOCH).ok()
    };
    let then = seconds(text)?;
    let now = seconds(headers.get(DATE)?.to_str().ok()?.trim())?;
    Some(then.saturating_sub(now))
}

/// The moment that a `Date` names.
pub(crate) fn date(value: &http::HeaderValue) -> Option<UnixTime> {
    httpdate::parse_http_date(value.to_str().ok()?.trim()).ok().map(UnixTime::from)
}

/// A small generator of jitter (SplitMix64): reproducible from its seed, and nothing that a secret is made of.
#[derive(Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Somewhere from nothing to `most`.
    fn up_to(&mut self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
        // The upper half of the product is uniform enough for a jitter, without a division.
        Duration::from_micros(((u128::from(self.next()) * (u128::from(most) + 1)) >> 64) as u64)
    }

    /// A tenth less to a tenth more.
    pub(crate) fn around(&mut self, middle: Duration) -> Duration {
        middle - middle / 10 + self.up_to(middle / 5)
    }

    /// How long to wait after the n-th failure (from 1): full jitter under a doubling ceiling.
    pub(crate) fn backoff(&mut self, failures: u8, ceiling: Duration) -> Duration {
        self.up_to(max_backoff(failures, ceiling)).max(Duration::from_millis(1))
    }
}

/// The ceiling after the n-th failure, until it meets this one.
pub(crate) fn max_backoff(failures: u8, ceiling: Duration) -> Duration {
    const BASE: Duration = Duration::from_millis(200);
    BASE.saturating_mul(1 << failures.min(20)).min(ceiling)
}

/// What a session may spend on repetitions: successes earn it, time does not. A server that fails everything is asked
/// once for each call, whatever the number of callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Budget(u16);

impl Budget {
    const MAX: u16 = 100;
    const PRICE: u16 = 10;

    pub(crate) fn new() -> Self {
        Self(Self::MAX)
    }

    pub(crate) fn earn(&mut self) {
        self.0 = (self.0 + 1).min(Self::MAX);
    }

    #[must_use]
    pub(crate) fn spend(&mut self) -> bool {
        let rest = self.0.checked_sub(Self::PRICE);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(retry_after: &str, date: Option<&str>) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(retry_after).unwrap());
        if let Some(date) = date {
            headers.insert(DATE, HeaderValue::from_str(date).unwrap());
        }
        super::retry_after(&headers)
    }

    #[test]
    fn m29_retry_after_is_seconds_or_a_date_beside_a_date() {
        assert_eq!(read("0", None), Some(Duration::ZERO));
        assert_eq!(read(" 5 ", None), Some(Duration::from_secs(5)));
        assert_eq!(read("1000000000000000000000", None), Some(Duration::from_secs(u64::MAX)));
        let now = "Tue, 24 Nov 2026 04:00:00 GMT";
        assert_eq!(read("Tue, 24 Nov 2026 04:01:30 GMT", Some(now)), Some(Duration::from_secs(90)));
        assert_eq!(read("Mon, 23 Nov 2026 04:00:00 GMT", Some(now)), Some(Duration::ZERO));
        assert!(read("Fri, 31 Dec 9999 23:59:59 GMT", Some(now)).unwrap() > Duration::from_secs(1 << 32));
    }

    #[test]
    fn m29_of_two_wishes_the_first_counts() {
        let mut headers = HeaderMap::new();
        headers.append(RETRY_AFTER, "5".parse().unwrap());
        headers.append(RETRY_AFTER, "7".parse().unwrap());
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(5)));
    }

    #[test]
    fn m29_what_cannot_be_read_asks_for_nothing() {
        for text in ["", "-1", "abc", "1.5", "Tue, 24 Nov 2026 04:01:30 GMT"] {
            assert_eq!(read(text, None), None, "{text}");
        }
        assert_eq!(read("Tue, 24 Nov 2026 04:01:30 GMT", Some("yesterday")), None);
    }

    #[test]
    fn jitter_stays_within_its_bounds_and_repeats_from_its_seed() {
        let mut rng = Rng::new(7);
        let minute = Duration::from_secs(60);
        let rolls: Vec<_> = (0..1000).map(|_| rng.around(minute)).collect();
        assert!(rolls.iter().all(|roll| (Duration::from_secs(54)..=Duration::from_secs(66)).contains(roll)));
        assert!(rolls.iter().any(|&roll| roll < Duration::from_secs(56)));
        assert!(rolls.iter().any(|&roll| roll > Duration::from_secs(64)));
        for failures in 0..=u8::MAX {
            assert!(rng.backoff(failures, minute) <= minute && rng.backoff(failures, minute) > Duration::ZERO);
        }
        let mut again = Rng::new(7);
        assert_eq!((0..1000).map(|_| again.around(minute)).collect::<Vec<_>>(), rolls);
    }

    #[test]
    fn m30_the_budget_runs_out_and_successes_refill_it() {
        let mut budget = Budget::new();
        assert_eq!((0..20).filter(|_| budget.spend()).count(), 10);
        (0..9).for_each(|_| budget.earn());
        assert!(!budget.spend());
        budget.earn();
        assert!(budget.spend());
    }
}
