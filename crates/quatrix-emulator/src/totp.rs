//! Time-based one-time passwords, RFC 6238: HMAC-SHA-1, steps of 30 seconds, six digits.

use ring::hmac;

const STEP_SECONDS: u64 = 30;

/// Returns the number of the step of this second.
pub(crate) fn step(unix_seconds: u64) -> u64 {
    unix_seconds / STEP_SECONDS
}

/// Returns the six digits of one step.
pub(crate) fn code(secret: &[u8], step: u64) -> String {
    digits(secret, step, 6)
}

fn digits(secret: &[u8], step: u64, count: u32) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    // RFC 4226, section 5.3: the last nibble is the offset of the four bytes of the number.
    let offset = usize::from(tag[tag.len() - 1] & 0x0f);
    let number = u32::from_be_bytes([tag[offset] & 0x7f, tag[offset + 1], tag[offset + 2], tag[offset + 3]]);
    format!("{:0width$}", number % 10_u32.pow(count), width = count as usize)
}

/// Decodes a secret in the form that authenticator apps accept: base32 (RFC 4648) in either case; spaces and padding
/// are ignored.
pub(crate) fn secret(base32: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut held, mut bits) = (0_u32, 0);
    for letter in base32.bytes().filter(|byte| !matches!(byte, b' ' | b'=')) {
        let value = match letter.to_ascii_uppercase() {
            upper @ b'A'..=b'Z' => upper - b'A',
            digit @ b'2'..=b'7' => digit - b'2' + 26,
            _ => return None,
        };
        held = (held << 5 | u32::from(value)) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
        }
    }
    (!bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: the rows of the mode SHA1.
    #[test]
    fn the_codes_of_the_rfc_are_computed() {
        let secret = b"12345678901234567890";
        for (seconds, expected) in [
            (59, "94287082"),
            (1_111_111_109, "07081804"),
            (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"),
            (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ] {
            assert_eq!(digits(secret, step(seconds), 8), expected);
            assert_eq!(code(secret, step(seconds)), expected[2..]);
        }
    }

    #[test]
    fn a_secret_is_decoded_like_in_apps() {
        assert_eq!(secret("JBSWY3DPEHPK3PXP").as_deref(), Some(&b"Hello!\xde\xad\xbe\xef"[..]));
        assert_eq!(secret("jbsw y3dp ehpk 3pxp====").as_deref(), Some(&b"Hello!\xde\xad\xbe\xef"[..]));
        assert_eq!(secret("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").as_deref(), Some(&b"12345678901234567890"[..]));
        for wrong in ["", "====", "A", "JBSWY1DP", "JBSWY3DPé"] {
            assert_eq!(secret(wrong), None, "{wrong}");
        }
    }
}
