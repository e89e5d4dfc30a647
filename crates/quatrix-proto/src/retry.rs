//! Whether, when and how often a failed exchange is tried again.

use std::time::{Duration, UNIX_EPOCH};

use http::HeaderMap;
use http::header::{DATE, RETRY_AFTER};

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
    fn m29_what_cannot_be_read_asks_for_nothing() {
        for text in ["", "-1", "abc", "1.5", "Tue, 24 Nov 2026 04:01:30 GMT"] {
            assert_eq!(read(text, None), None, "{text}");
        }
        assert_eq!(read("Tue, 24 Nov 2026 04:01:30 GMT", Some("yesterday")), None);
    }
}
