//! The Rust snippets of the documents are regions of the examples, which compile and run.
//!
//! A comment before each snippet names the example; in the example, `// docs: begin` and `// docs: end` enclose the
//! region. `UPDATE_SNAPSHOTS=1` copies the regions into the documents.

use std::fs;
use std::path::{Path, PathBuf};

const PAGES: [&str; 2] = ["README.md", "docs/cookbook.md"];
const FENCE: &str = "```rust\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The region of an example, without the indentation of its first line.
fn region(file: &str) -> String {
    let source = read(file);
    let (_, rest) = source.split_once("// docs: begin\n").unwrap_or_else(|| panic!("{file} has no region"));
    let (region, _) = rest.split_once("// docs: end").unwrap_or_else(|| panic!("{file}: its region has no end"));
    let indent = &region[..region.len() - region.trim_start().len()];
    let lines = region.trim_end().lines().map(|line| line.strip_prefix(indent).unwrap_or(line));
    lines.map(|line| format!("{line}\n")).collect()
}

/// The page with each snippet replaced by the region that it names.
fn with_snippets(page: &str, text: &str) -> String {
    let mut parts = text.split(FENCE);
    let mut expected = parts.next().unwrap().to_owned();
    for part in parts {
        let comment = expected.trim_end().lines().next_back().unwrap();
        let named = comment.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->"));
        let file = named.unwrap_or_else(|| panic!("{page}: no example is named above a snippet, but {comment:?}"));
        let (_, rest) = part.split_once("\n```\n").unwrap();
        expected += &format!("{FENCE}{}```\n{rest}", region(file));
    }
    expected
}

#[test]
fn every_rust_snippet_is_a_region_of_an_example() {
    for page in PAGES {
        let text = read(page);
        let expected = with_snippets(page, &text);
        assert!(text.contains(FENCE), "{page} has no snippet");
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            fs::write(root().join(page), &expected).unwrap();
        } else {
            assert_eq!(text, expected, "{page}: run once with UPDATE_SNAPSHOTS=1");
        }
    }
}
