//! The line that a terminal shows of a transfer.

use crate::show::Shown;
use crate::units::bytes;

/// One file, and all of them.
pub(super) struct Line<'a> {
    pub(super) name: &'a str,
    pub(super) done: u64,
    pub(super) total: Option<u64>,
    pub(super) all_done: u64,
    pub(super) all_total: Option<u64>,
    /// Bytes per second, of all.
    pub(super) rate: f64,
}

impl Line<'_> {
    /// Seconds until all is done, where that can be said.
    pub(super) fn left(&self) -> Option<u64> {
        seconds(self.all_total?.checked_sub(self.all_done)?, self.rate)
    }

    /// `q3.pdf  40% of 2.00 MiB  1.20 MiB/s  0:01 left`, cut to a width; of several files, how far all of them are, too.
    pub(super) fn text(&self, width: usize) -> String {
        let mut parts = vec![share(self.done, self.total)];
        if self.all_total != self.total || self.all_done != self.done {
            parts.push(format!("all: {}", share(self.all_done, self.all_total)));
        }
        parts.push(format!("{}/s", bytes(self.rate as u64)));
        parts.extend(self.left().map(|left| match left {
            ..3600 => format!("{}:{:02} left", left / 60, left % 60),
            _ => format!("{}:{:02}:{:02} left", left / 3600, left / 60 % 60, left % 60),
        }));
        let name = Shown(self.name).to_string();
        let mut numbers = String::new();
        for part in parts {
            // Where there is no room for all of it, the name comes before the last numbers.
            if columns(&numbers) + 2 + columns(&part) + columns(&name).min(12) > width {
                break;
            }
            numbers += &format!("  {part}");
        }
        cut(&name, width.saturating_sub(columns(&numbers))) + &numbers
    }
}

fn share(done: u64, total: Option<u64>) -> String {
    match total {
        Some(total) => {
            let percent = (u128::from(done) * 100).checked_div(total.into()).unwrap_or(100);
            format!("{percent:3}% of {}", bytes(total))
        }
        None => bytes(done),
    }
}

/// Nobody knows about more than four days.
fn seconds(bytes: u64, rate: f64) -> Option<u64> {
    let seconds = (bytes as f64 / rate) as u64;
    (rate >= 1.0 && seconds < 360_000).then_some(seconds)
}

fn cut(name: &str, width: usize) -> String {
    if columns(name) <= width {
        return name.to_owned();
    }
    let mut kept = String::new();
    for c in name.chars() {
        if columns(&kept) + columns(c.encode_utf8(&mut [0; 4])) + 2 > width {
            break;
        }
        kept.push(c);
    }
    kept + ".."
}

/// How many cells of a terminal a text takes at most: from Hangul on, letters may be two cells wide.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(|c| if c < '\u{1100}' { 1 } else { 2 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn one_file_is_told_of_once_and_several_beside_all_of_them() {
        let name = "q3.pdf";
        let one = Line { name, done: MIB, total: Some(2 * MIB), all_done: MIB, all_total: Some(2 * MIB), rate: 1024.0 };
        assert_eq!(one.text(79), "q3.pdf   50% of 2.00 MiB  1.00 KiB/s  17:04 left");
        let many = Line { all_done: 3 * MIB, all_total: Some(30 * MIB), ..one };
        assert_eq!(many.text(79), "q3.pdf   50% of 2.00 MiB  all:  10% of 30.0 MiB  1.00 KiB/s  7:40:48 left");
        let unknown = Line { total: None, all_total: None, ..many };
        assert_eq!(unknown.text(79), "q3.pdf  1.00 MiB  all: 3.00 MiB  1.00 KiB/s");
        assert_eq!((many.left(), unknown.left()), (Some(27_648), None));
        let stuck = Line { rate: 0.0, ..many };
        assert_eq!(stuck.left(), None);
        let empty = Line { done: 0, total: Some(0), all_done: 0, all_total: Some(0), ..many };
        assert_eq!(empty.text(79), "q3.pdf  100% of 0 B  1.00 KiB/s  0:00 left");
    }

    #[test]
    fn a_line_never_wraps_and_is_told_from_its_start() {
        let all_total = Some(30 * MIB);
        let line = Line { name: "a longer name", done: MIB, total: Some(2 * MIB), all_done: MIB, all_total, rate: 1e6 };
        assert_eq!(line.text(60), "a longer name   50% of 2.00 MiB  all:   3% of 30.0 MiB");
        assert_eq!(line.text(40), "a longer name   50% of 2.00 MiB");
        assert_eq!(line.text(10), "a longer..");

        let long = "long name ".repeat(500);
        for name in ["漢字".repeat(50), "\u{202e}".repeat(30), long, String::new()] {
            let line = Line {
                name: &name,
                done: 999 * MIB,
                total: Some(1000 * MIB),
                all_done: 999_999 * MIB,
                all_total: Some(1_000_000 * MIB),
                rate: 3e6,
            };
            for width in [20, 40, 79, 100] {
                assert!(columns(&line.text(width)) <= width, "{}", line.text(width));
            }
        }
    }
}
