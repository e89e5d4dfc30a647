//! `docs/troubleshooting.md` has a row for every exit code of the command and every variant of the library's errors.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::root;
use crate::tables::rows;

const PAGE: &str = "docs/troubleshooting.md";
const EXITS: &str = "Exit";
const ERRORS: [&str; 4] = ["Error", "LoggedOut", "TransportErrorKind", "TransferError"];

/// The lines between the braces of an enum, which stands in one of the files below a folder.
fn body_of_enum(folder: &Path, name: &str) -> Option<String> {
    for entry in fs::read_dir(folder).expect("a folder of the workspace can be read") {
        let path = entry.expect("its entries as well").path();
        let found = if path.is_dir() {
            body_of_enum(&path, name)
        } else {
            let text = fs::read_to_string(&path).expect("sources are UTF-8");
            let bodies = ["pub enum", "pub(crate) enum"].map(|visible| format!("\n{visible} {name} {{\n"));
            bodies.iter().find_map(|head| Some(text.split_once(head)?.1.split_once("\n}")?.0.to_owned()))
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// The declarations of an enum's variants, each from its name on.
fn variants(source: &str, name: &str) -> Vec<String> {
    let body = body_of_enum(&root().join(source), name).unwrap_or_else(|| panic!("{source} has no enum {name}"));
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    lines.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase())).map(str::to_owned).collect()
}

/// The first cells of all tables that are `code`, or numbers.
fn documented(column: &str) -> BTreeSet<String> {
    let page = fs::read_to_string(root().join(PAGE)).expect("documents are UTF-8");
    let cells = rows(&page).into_iter().map(|row| row.cell(column).trim_matches('`').to_owned());
    cells.filter(|cell| !cell.is_empty()).collect()
}

#[test]
fn every_exit_code_is_explained() {
    let codes = variants("crates/quatrix-cli/src", EXITS);
    let codes = codes.iter().filter_map(|line| Some(line.split_once(" = ")?.1.trim_end_matches(',').to_owned()));
    assert_eq!(documented("code"), codes.chain(["0".to_owned()]).collect());
}

#[test]
fn every_variant_of_an_error_is_explained() {
    let columns =
        ["error", "reason of `Error::LoggedOut`", "kind of `Error::Transport`", "reason of `Error::Transfer`"];
    for (name, column) in ERRORS.into_iter().zip(columns) {
        let variants = variants("crates/quatrix-proto/src", name).into_iter();
        let names = variants.map(|line| format!("{name}::{}", line.split(['(', ' ', ',']).next().unwrap_or_default()));
        assert_eq!(documented(column), names.collect(), "{PAGE}: {column}");
    }
}
