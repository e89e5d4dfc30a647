//! Temporary names: `NAME.XXXXXXXX.partial`, as in the rclone backend.

const EXTENSION: &str = ".partial";
/// A dot, eight hexadecimal digits, the extension.
const ENDING: usize = 1 + 8 + EXTENSION.len();

/// Returns the temporary name under which a file is transferred: the name, cut at a character's end so that the result
/// has at most `max` units, eight digits of `suffix`, and `.partial`.
///
/// `unit` measures a character: one for names on the server, its length in UTF-8 for most local file systems.
///
/// ```
/// use quatrix_proto::task::{is_partial_name, partial_name};
///
/// assert_eq!(partial_name("a.txt", 0xbeef, 255, char::len_utf8), "a.txt.0000beef.partial");
/// assert!(is_partial_name("a.txt.0000beef.partial") && !is_partial_name("a.txt.partial"));
/// ```
pub fn partial_name(name: &str, suffix: u32, max: usize, unit: fn(char) -> usize) -> String {
    let mut room = max.saturating_sub(ENDING);
    let fits = |c: &char| room.checked_sub(unit(*c)).map(|rest| room = rest).is_some();
    let stem: String = name.chars().take_while(fits).collect();
    format!("{stem}.{suffix:08x}{EXTENSION}")
}

/// Whether a name is one that [`partial_name`] makes: mirrors and folder transfers ignore such files on both sides.
pub fn is_partial_name(name: &str) -> bool {
    partial_stem(name).is_some()
}

/// Returns the part of a temporary name before its suffix: the final name, or as much of it as there was room for.
pub fn partial_stem(name: &str) -> Option<&str> {
    let (stem, suffix) = name.strip_suffix(EXTENSION)?.rsplit_once('.')?;
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    (!stem.is_empty() && suffix.len() == 8 && suffix.bytes().all(hex)).then_some(stem)
}

/// What the stem of the name ends with under which something is put aside.
const REPLACED: &str = ".replaced";

/// Returns the name under which something that is in the way is put aside until its replacement is in place:
/// `NAME.replaced.XXXXXXXX.partial`. It is a partial name, but never the one of an upload or download of the same file.
pub(super) fn aside_name(name: &str, suffix: u32, max: usize, unit: fn(char) -> usize) -> String {
    let partial = partial_name(name, suffix, max.saturating_sub(REPLACED.len()), unit);
    let stem = partial_stem(&partial).unwrap_or_default();
    format!("{stem}{REPLACED}{}", &partial[stem.len()..])
}

/// Whether a name is that of a file or folder that a mirror has put aside: it holds data that was in the way.
pub fn is_aside_name(name: &str) -> bool {
    partial_stem(name).is_some_and(|stem| stem.ends_with(REPLACED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_name_fits_and_is_recognised() {
        let long = "\u{e9}".repeat(255);
        for (name, max, unit, length) in [
            ("a", 255, (|_| 1) as fn(char) -> usize, 18),
            (&*long, 255, |_| 1, 255),
            (&*long, 255, char::len_utf8, 17 + 238 / 2),
        ] {
            let made = partial_name(name, 7, max, unit);
            assert_eq!(made.chars().count(), length);
            assert!(made.chars().map(unit).sum::<usize>() <= max);
            assert!(name.starts_with(partial_stem(&made).unwrap()) && is_partial_name(&made));
        }
    }

    #[test]
    fn what_is_put_aside_has_a_partial_name_of_its_own() {
        assert_eq!(aside_name("a.txt", 0xbeef, 255, char::len_utf8), "a.txt.replaced.0000beef.partial");
        for name in ["a", &*"x".repeat(255)] {
            let aside = aside_name(name, 7, 255, char::len_utf8);
            assert!(aside.len() <= 255 && is_partial_name(&aside) && is_aside_name(&aside), "{aside}");
            assert!(!is_aside_name(&partial_name(name, 7, 255, char::len_utf8)));
        }
    }

    #[test]
    fn other_names_are_not_partial() {
        for name in ["a.partial", "a.0000000.partial", "a.0000000G.partial", ".00000000.partial", "a.00000000.part", ""]
        {
            assert!(!is_partial_name(name), "{name:?}");
        }
    }
}
