//! Finds a secret of the emulator where none must be.

/// What is in every secret: the last group of an id, the end of a password, key or captcha token as built in, and that
/// password as a login sends it, in base64, wherever in it the password begins.
const MARKS: [&str; 5] = ["-5ec4e7", "-4711", "b25seS1mb3It", "bmx5LWZvci10", "bHktZm9yLXRl"];

/// Finds a trace of a secret in what a program has printed or logged: of a session id, an upload key or a download link
/// that an emulator has handed out, or of a password, an API key or a captcha token of the accounts that are built in.
///
/// What it cannot find is a PIN or the code of an authenticator: they are digits like others.
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
    fn ids_are_told_apart() {
        let mut ids = Ids::new(7);
        assert_eq!(secret_in(&ids.secret().to_string()), Some("-5ec4e7"));
        assert_eq!(secret_in(&ids.fresh().to_string()), None);
    }

    #[test]
    fn a_password_is_found_as_it_is_and_as_it_is_sent() {
        use base64::Engine as _;
        for user in ["a", "ab", "abc"] {
            let plain = format!("{user}:only-for-tests-4711");
            assert!(secret_in(&plain).is_some());
            assert!(secret_in(&base64::engine::general_purpose::STANDARD.encode(plain)).is_some(), "{user}");
        }
    }
}
