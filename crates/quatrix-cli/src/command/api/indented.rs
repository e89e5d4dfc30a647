//! JSON for a terminal.

use std::fmt::{self, Write as _};

use crate::show::show_in_json;

/// Levels that are indented. What is nested deeper stays on one line, so that a small body of many brackets does not
/// become a large one of spaces.
const MAX_LEVELS: usize = 32;

/// Valid JSON with line feeds. The order of keys and the digits of numbers stay; characters that a terminal would not
/// show are written by their escapes.
pub(super) struct Indented<'a>(pub(super) &'a str);

impl fmt::Display for Indented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
        let mut chars = self.0.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                _ if in_string => {
                    show_in_json(f, c)?;
                    in_string = escaped || c != '"';
                    escaped = !escaped && c == '\\';
                }
                '"' => {
                    f.write_char(c)?;
                    in_string = true;
                }
                '{' | '[' => {
                    f.write_char(c)?;
                    while chars.next_if(char::is_ascii_whitespace).is_some() {}
                    match chars.next_if(|c| matches!(c, '}' | ']')) {
                        Some(end) => f.write_char(end)?,
                        None => {
                            depth += 1;
                            line(f, depth, depth)?;
                        }
                    }
                }
                '}' | ']' => {
                    line(f, depth, depth.saturating_sub(1))?;
                    depth = depth.saturating_sub(1);
                    f.write_char(c)?;
                }
                ',' => {
                    f.write_char(c)?;
                    line(f, depth, depth)?;
                }
                ':' => f.write_str(": ")?,
                c if c.is_ascii_whitespace() => {}
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Begins a line within a value of this depth.
fn line(f: &mut fmt::Formatter<'_>, depth: usize, indentation: usize) -> fmt::Result {
    match depth <= MAX_LEVELS {
        true => write!(f, "\n{:1$}", "", indentation * 2),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_indented_and_nothing_else_about_it_changes() {
        let text = "{\"b\":[1.50,{}, [ ] ,\"x, \\\"{y\\\\\"],\r\n\t\"a\":{\"c\":null}}";
        let indented = "{\n  \"b\": [\n    1.50,\n    {},\n    [],\n    \"x, \\\"{y\\\\\"\n  ],\n  \"a\": {\n    \"c\": null\n  }\n}";
        assert_eq!(Indented(text).to_string(), indented);
    }

    #[test]
    fn what_a_terminal_would_not_show_is_escaped() {
        let shown = Indented("[\"a\u{202e}b\u{9b}1m\u{7f}é\"]").to_string();
        assert_eq!(shown, "[\n  \"a\\u202eb\\u009b1m\\u007fé\"\n]");
    }

    #[test]
    fn many_brackets_do_not_become_many_more_bytes() {
        let depth = 20_000;
        let text = "[".repeat(depth) + &"]".repeat(depth);
        let shown = Indented(&text).to_string();
        // The innermost pair is empty. Each level has a line that opens it and one that closes it.
        let spaces: usize = (1..=MAX_LEVELS).map(|level| 2 * level + 2 * (level - 1)).sum();
        assert_eq!(shown.len(), text.len() + 2 * MAX_LEVELS + spaces);
        assert_eq!(shown.lines().count(), 2 * MAX_LEVELS + 1);
        assert_eq!(shown.replace(['\n', ' '], ""), text);
    }
}
