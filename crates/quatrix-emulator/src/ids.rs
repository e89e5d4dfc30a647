//! Ids from a seeded generator: the same seed gives the same ids.

use std::fmt;

use serde::{Serialize, Serializer};

/// UUID of a session, an account, a file, a key or a link.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id(u128);

/// Start of the last group of a secret id.
const SECRET: u128 = 0x5ec4e7;

impl Id {
    /// Parses an id in the form of the service: 36 characters, lower case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let id = u128::from_str_radix(&text.replace('-', ""), 16).ok().map(Self)?;
        (id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(all) = self;
        let group = |shift: u32, bits: u32| (all >> shift) & ((1 << bits) - 1);
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            group(96, 32),
            group(80, 16),
            group(64, 16),
            group(48, 16),
            group(0, 48)
        )
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// SplitMix64, written as version 4 UUIDs.
#[derive(Clone, Debug)]
pub(crate) struct Ids(u64);

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next id.
    pub(crate) fn fresh(&mut self) -> Id {
        let random = u128::from(self.next()) << 64 | u128::from(self.next());
        let (version, variant) = (0xf << 76, 0x3 << 62);
        Id(random & !version & !variant | 0x4 << 76 | 0x2 << 62)
    }

    /// Returns the next secret id: of a session, an upload key or a download link. Its mark lets a test find it in
    /// places where no secret may be.
    pub(crate) fn secret(&mut self) -> Id {
        let Id(id) = self.fresh();
        Id(id & !(0xff_ffff << 24) | SECRET << 24)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_of_version_4() {
        let mut ids = Ids::new(1);
        for _ in 0..1000 {
            let id = ids.fresh().to_string();
            assert_eq!(id.len(), 36, "{id}");
            assert_eq!([8, 13, 18, 23].map(|at| id.as_bytes()[at]), *b"----", "{id}");
            assert_eq!(id.as_bytes()[14], b'4', "{id}");
            assert!(b"89ab".contains(&id.as_bytes()[19]), "{id}");
        }
    }

    #[test]
    fn a_seed_gives_the_same_ids_again_and_another_seed_gives_others() {
        let ten = |seed| {
            let mut ids = Ids::new(seed);
            std::array::from_fn::<_, 10, _>(|_| ids.fresh().to_string())
        };
        assert_eq!(ten(7), ten(7));
        assert_ne!(ten(7), ten(8));
    }

    #[test]
    fn an_id_is_read_as_it_is_written_and_no_other_way() {
        let id = Ids::new(3).fresh();
        let text = id.to_string();
        assert!(Id::parse(&text) == Some(id));
        let without = text.replace('-', "");
        for wrong in ["", "4711", "-", &text[1..], &without, &text.to_uppercase(), &format!("+{}", &text[1..])] {
            assert!(Id::parse(wrong).is_none(), "{wrong}");
        }
    }
}
