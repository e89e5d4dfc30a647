//! Reads the tables of a Markdown text.

use std::collections::BTreeMap;

/// A row of a table: its cells by the head of their column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row(BTreeMap<String, String>);

impl Row {
    /// The text of a cell; nothing where the table has no such column.
    pub(crate) fn cell(&self, column: &str) -> &str {
        self.0.get(column).map_or("", String::as_str)
    }

    /// The id as the names of tests write it: `s06` for `S6`. `None` unless it is a letter and a number.
    pub(crate) fn id(&self) -> Option<String> {
        let id = self.cell("id");
        let letter = id.chars().next().filter(char::is_ascii_uppercase)?;
        let number: u8 = id[1..].parse().ok()?;
        Some(format!("{}{number:02}", letter.to_ascii_lowercase()))
    }

    /// Returns the texts between backticks in a cell.
    pub(crate) fn code(&self, column: &str) -> impl Iterator<Item = &str> {
        self.cell(column).split('`').skip(1).step_by(2)
    }
}

/// The rows of all tables in a text.
pub(crate) fn rows(text: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut head: Option<Vec<String>> = None;
    for line in text.lines() {
        let Some(cells) = cells(line) else {
            head = None;
            continue;
        };
        match &head {
            None => head = Some(cells),
            Some(_) if cells.iter().all(|cell| cell.trim_matches([':', '-']).is_empty()) => {}
            Some(head) => rows.push(Row(head.iter().cloned().zip(cells).collect())),
        }
    }
    rows
}

/// The cells of a line, if it belongs to a table. A pipe within a cell is written `\|`.
fn cells(line: &str) -> Option<Vec<String>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?.replace("\\|", "\0");
    Some(inner.split('|').map(|cell| cell.trim().replace('\0', "|")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "# T\n\n| id | a b |\n|---|:-:|\n| S6 | `x`, `y\\|z` |\n|S29||\n\nText | with | pipes\n\n| id |\n|-|\n| x |";

    #[test]
    fn rows_of_every_table_are_read() {
        let rows = rows(TEXT);
        assert_eq!(rows.iter().map(|row| row.cell("id")).collect::<Vec<_>>(), ["S6", "S29", "x"]);
        assert_eq!(rows.iter().map(Row::id).collect::<Vec<_>>(), [Some("s06".into()), Some("s29".into()), None]);
        assert_eq!(rows[0].code("a b").collect::<Vec<_>>(), ["x", "y|z"]);
        assert_eq!((rows[1].cell("a b"), rows[2].cell("a b")), ("", ""));
    }
}
