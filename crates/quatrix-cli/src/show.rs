//! Text from elsewhere, made fit for a terminal, for a shell, for JSON.

use std::ffi::OsStr;
use std::fmt::{self, Write as _};

/// Text of the server or of a file name: whatever could move the cursor, change colours, reorder or hide text is shown
/// by its escape.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

/// As [`Shown`], but of several lines: line feeds and tabs stay.
pub(crate) struct ShownLines<'a>(pub(crate) &'a str);

/// A value as compact JSON, in which what [`Shown`] shows by its escape is `\uXXXX`.
pub(crate) struct ShownJson<'a>(pub(crate) &'a serde_json::Value);

/// One word of a POSIX shell, whatever is in it: pasting it runs nothing and moves no cursor.
pub(crate) struct Quoted<T>(pub(crate) T);

impl fmt::Display for ShownJson<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.to_string().chars().try_for_each(|c| show_in_json(f, c))
    }
}

/// A character of valid JSON; those that are escaped here stand within strings only.
pub(crate) fn show_in_json(into: &mut impl fmt::Write, c: char) -> fmt::Result {
    match c.is_control() && !c.is_ascii_whitespace() || is_treacherous(c) {
        true => c.encode_utf16(&mut [0; 2]).iter().try_for_each(|unit| write!(into, "\\u{unit:04x}")),
        false => into.write_char(c),
    }
}

impl<T: AsRef<OsStr>> fmt::Display for Quoted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.0.as_ref().as_encoded_bytes();
        let is_plain = |c: char| !c.is_control() && !is_treacherous(c);
        if let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| text.chars().all(is_plain)) {
            return write!(f, "'{}'", text.replace('\'', "'\\''"));
        }
        f.write_str("$'")?;
        bytes.iter().try_for_each(|byte| match byte {
            b'\'' | b'\\' => write!(f, "\\{}", char::from(*byte)),
            b' '..=b'~' => f.write_char(char::from(*byte)),
            byte => write!(f, "\\{byte:03o}"),
        })?;
        f.write_char('\'')
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.0, |_| false)
    }
}

impl fmt::Display for ShownLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.0, |c| matches!(c, '\n' | '\t'))
    }
}

fn show(f: &mut fmt::Formatter<'_>, text: &str, keep: impl Fn(char) -> bool) -> fmt::Result {
    text.chars().try_for_each(|c| match c {
        c if keep(c) => f.write_char(c),
        c if c.is_control() => write!(f, "{}", c.escape_default()),
        c if is_treacherous(c) => write!(f, "{}", c.escape_unicode()),
        c => f.write_char(c),
    })
}

/// Characters without a shape of their own that change how others are seen: line separators, marks of direction,
/// zero-width ones, tags.
fn is_treacherous(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m41_what_could_deceive_is_seen() {
        assert_eq!(Shown("a\x1b]0;x\x07b\r\n").to_string(), "a\\u{1b}]0;x\\u{7}b\\r\\n");
        assert_eq!(Shown("invoice\u{202e}fdp.exe").to_string(), "invoice\\u{202e}fdp.exe");
        assert_eq!(Shown("a\u{200b}b\u{9b}1m\u{feff}").to_string(), "a\\u{200b}b\\u{9b}1m\\u{feff}");
        assert_eq!(Shown("Größe 漢字 é 👍").to_string(), "Größe 漢字 é 👍");
        let json = serde_json::json!({ "a\u{9b}": "\n\"\u{7f}\u{202e}\u{e0041}é" });
        assert_eq!(ShownJson(&json).to_string(), r#"{"a\u009b":"\n\"\u007f\u202e\udb40\udc41é"}"#);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&ShownJson(&json).to_string()).unwrap(), json);
        assert_eq!(ShownLines("{\n\t\"a\": \"\x1b\"\n}").to_string(), "{\n\t\"a\": \"\\u{1b}\"\n}");
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_takes_a_quoted_word_as_it_is() {
        use std::os::unix::ffi::OsStrExt as _;

        let words: [&[u8]; 6] =
            [b"a$(b)`c`", b"it's", "Größe".as_bytes(), b"a\x1b[2J\n'\\b", b"\xff\xfe", "\u{202e}".as_bytes()];
        assert_eq!(Quoted(OsStr::from_bytes(words[0])).to_string(), "'a$(b)`c`'");
        for word in words {
            let line = format!("printf %s {}", Quoted(OsStr::from_bytes(word)));
            assert!(line.chars().all(|c| !c.is_control() && !is_treacherous(c)), "{line}");
            let output = std::process::Command::new("bash").args(["-c", &line]).output().unwrap();
            assert_eq!(output.stdout, word, "{line}");
        }
    }
}
