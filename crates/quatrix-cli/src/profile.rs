//! Names of profiles.

/// Profile of a run that names none.
pub(crate) const DEFAULT_PROFILE: &str = "default";

/// Whether this is the name of a profile: it becomes part of file names.
pub(crate) fn is_valid(profile: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.@".contains(&b);
    (1..=64).contains(&profile.len()) && !profile.starts_with('.') && profile.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_cannot_be_a_path() {
        assert!(["work", "me@acme.com", "a.b-c_1"].iter().all(|name| is_valid(name)));
        for name in ["", ".", "..", "../x", "a/b", "a\\b", "a b", "a\0", &"x".repeat(65)] {
            assert!(!is_valid(name), "{name}");
        }
    }
}
