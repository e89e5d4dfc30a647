//! Text from elsewhere, made fit for a terminal.

use std::fmt;

/// Text of the server or of a file name: whatever could move the cursor, change colours, reorder or hide text is shown
/// by its escape.
pub(crate) struct Shown<'a>(pub(crate) &'a str);

/// As [`Shown`], but of several lines: line feeds and tabs stay.
pub(crate) struct ShownLines<'a>(pub(crate) &'a str);

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
    use fmt::Write as _;
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
        assert_eq!(ShownLines("{\n\t\"a\": \"\x1b\"\n}").to_string(), "{\n\t\"a\": \"\\u{1b}\"\n}");
    }
}
