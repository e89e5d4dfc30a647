//! Times and sizes for people.

use quatrix_ureq::proto::UnixTime;

/// `2026-11-24 05:33:07`, in UTC.
pub(crate) fn utc(time: UnixTime) -> String {
    let seconds = time.as_secs();
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = date(day);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// Year, month and day of a day since 1970-01-01. Years begin in March here, so that the leap day is the last of one.
fn date(days: i64) -> (i64, i64, i64) {
    const DAYS_OF_ERA: i64 = 146_097; // 400 years
    let days = days + 719_468; // since 0000-03-01
    let era = days.div_euclid(DAYS_OF_ERA);
    let day_of_era = days.rem_euclid(DAYS_OF_ERA);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// `512 B`, `1.5 MiB`: three digits and a unit.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

    if count < 1024 {
        return format!("{count} B");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    // What would be rounded up to the next unit belongs there.
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let decimals = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.decimals$} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_right_around_leap_days_and_before_1970() {
        let shown = |seconds| utc(UnixTime::from_secs(seconds));
        assert_eq!(shown(0), "1970-01-01 00:00:00");
        assert_eq!(shown(-1), "1969-12-31 23:59:59");
        assert_eq!(shown(951_782_399), "2000-02-28 23:59:59");
        assert_eq!(shown(951_782_400), "2000-02-29 00:00:00");
        assert_eq!(shown(951_868_800), "2000-03-01 00:00:00");
        assert_eq!(shown(1_795_489_041), "2026-11-24 02:57:21");
        assert_eq!(shown(4_107_542_400), "2100-03-01 00:00:00");
    }

    #[test]
    fn sizes_have_three_digits() {
        let shown = [0, 1023, 1024, 1536, 10_240, 102_400, 1_048_575, 1_048_576, u64::MAX].map(bytes);
        let expected =
            ["0 B", "1023 B", "1.00 KiB", "1.50 KiB", "10.0 KiB", "100 KiB", "1.00 MiB", "1.00 MiB", "16.0 EiB"];
        assert_eq!(shown, expected);
    }
}
