//! Rules for file names.

/// Maximum length of a name, in characters.
const MAX_CHARS: usize = 255;

/// Returns `true` if an item may have this name.
pub(crate) fn is_valid(name: &str) -> bool {
    let forbidden = |letter: char| matches!(letter, '/' | '\\' | '\0'..='\x1f' | '\x7f');
    (1..=MAX_CHARS).contains(&name.chars().count())
        && !matches!(name, "." | "..")
        && !name.ends_with(' ')
        && !name.contains(forbidden)
}

/// Returns a free name: this one, or `stem(1).ext`, `stem(2).ext` and so on.
pub(crate) fn free(name: &str, taken: impl Fn(&str) -> bool) -> String {
    if !taken(name) {
        return name.to_owned();
    }
    let (stem, extension) = match name.rfind('.') {
        Some(at) if at > 0 => name.split_at(at),
        _ => (name, ""),
    };
    let mut number = 1_u64;
    loop {
        let end = format!("({number}){extension}");
        let room = MAX_CHARS.saturating_sub(end.chars().count());
        let candidate: String = stem.chars().take(room).chain(end.chars()).collect();
        if !taken(&candidate) {
            return candidate;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules() {
        let longest = "ü".repeat(255);
        for name in ["a", " a", "a b", "..a", "a.", ".a", "密码.txt", "a:b*c?\"<>|", longest.as_str()] {
            assert!(is_valid(name), "{name}");
        }
        let too_long = "ü".repeat(256);
        for name in ["", ".", "..", "a/b", "a\\b", "a ", "a\nb", "a\0", "a\x7f", too_long.as_str()] {
            assert!(!is_valid(name), "{name:?}");
        }
    }

    #[test]
    fn a_taken_name_gets_a_number_before_its_extension() {
        let taken = ["test.pgp", "test(1).pgp", "folder", ".hidden", "a.b.c"];
        let free = |name| free(name, |one| taken.contains(&one));
        assert_eq!(free("new"), "new");
        assert_eq!(free("test.pgp"), "test(2).pgp");
        assert_eq!(free("folder"), "folder(1)");
        assert_eq!(free(".hidden"), ".hidden(1)");
        assert_eq!(free("a.b.c"), "a.b(1).c");
    }

    #[test]
    fn a_number_does_not_make_a_name_too_long() {
        let name = format!("{}.txt", "ü".repeat(251));
        let found = free(&name, |one| one == name);
        assert!(found.ends_with("ü(1).txt") && is_valid(&found), "{found}");
    }
}
