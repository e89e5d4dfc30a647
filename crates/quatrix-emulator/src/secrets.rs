//! Detects leaked secrets of the emulator.

/// Parts that mark a secret: the last group of an id, the end of a built-in password, key or captcha token, and the
/// password in the base64 of a login, at each of the three alignments.
const MARKS: [&str; 5] = ["-5ec4e7", "-4711", "b25seS1mb3It", "bmx5LWZvci10", "bHktZm9yLXRl"];

/// Finds a trace of a secret in a program's output or log: of a session id, an upload key or a download link issued by
/// an emulator, or of a password, an API key or a captcha token of the built-in accounts.
///
/// PINs and one-time codes are not found: they look like any other digits.
///
/// ```
/// assert_eq!(quatrix_emulator::secret_in("logged in as user@example.com"), None);
/// assert_eq!(quatrix_emulator::secret_in("Authorization: Bearer test-key-4711"), Some("-4711"));
/// ```
pub fn secret_in(text: &str) -> Option<&'static str> {
    MARKS.into_iter().find(|mark| text.contains(mark))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Ids;

    #[test]
    fn only_secret_ids_have_the_mark() {
        let mut ids = Ids::new(7);
        assert_eq!(secret_in(&ids.secret().to_string()), Some("-5ec4e7"));
        assert_eq!(secret_in(&ids.fresh().to_string()), None);
    }

    #[test]
    fn a_password_is_found_in_plain_text_and_in_base64() {
        use base64::Engine as _;
        for user in ["a", "ab", "abc"] {
            let plain = format!("{user}:only-for-tests-4711");
            assert!(secret_in(&plain).is_some());
            assert!(secret_in(&base64::engine::general_purpose::STANDARD.encode(plain)).is_some(), "{user}");
        }
    }
}
