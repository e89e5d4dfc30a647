//! Log of a run, line by line: as a hash to compare two runs, and printed on request.

use std::fmt::{self, Write as _};
use std::time::Duration;

/// Hashes all lines (FNV-1a), and prints them if enabled.
pub(super) struct Journal {
    hash: Hash,
    shown: bool,
}

struct Hash(u64);

impl Journal {
    pub(super) fn new(shown: bool) -> Self {
        Self { hash: Hash(0xcbf2_9ce4_8422_2325), shown }
    }

    pub(super) fn note(&mut self, now: Duration, line: fmt::Arguments<'_>) {
        if self.shown {
            eprintln!("{:>14.6} {line}", now.as_secs_f64());
        }
        writeln!(self.hash, "{} {line}", now.as_micros()).expect("a hash takes everything");
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash.0
    }
}

impl fmt::Write for Hash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}
