//! Compares the tables in `docs/` with the tests that name their rows.
//!
//! A row without a test fails here, so does a test for a row that does not exist, and a status that says more, or less,
//! than the tests do. What it cannot see is whether a test shows what its row says: that is for the reader of both.

mod ledger;
mod sources;
mod tables;
mod troubleshooting;

use std::fs;
use std::path::Path;

use ledger::{Ledger, Table};

/// Papers whose tables name files in a column `code` and tests in a column `test`.
const PAPERS: [&str; 2] = ["docs/assurance/evidence.md", "SECURITY.md"];

/// Errors, one per line.
#[track_caller]
fn nothing_is_wrong(complaints: &[String]) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this package is a folder of the workspace")
}

fn read(file: &str) -> Vec<tables::Row> {
    let text = fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
    tables::rows(&text)
}

fn ledger() -> Ledger {
    let tables = Table::ALL.map(|table| (table, read(table.file()))).into_iter().collect();
    Ledger { tables, tests: sources::tests_below(root()) }
}

#[test]
fn every_row_has_its_tests_and_says_so() {
    nothing_is_wrong(&ledger().rows_without_tests());
}

#[test]
fn every_id_in_the_name_of_a_test_has_a_row() {
    nothing_is_wrong(&ledger().tests_without_rows());
}

#[test]
fn rows_are_numbered_without_a_gap() {
    nothing_is_wrong(&ledger().gaps());
}

#[test]
fn papers_name_files_and_tests_that_exist() {
    let tests = ledger().tests;
    for file in PAPERS {
        let rows = read(file);
        assert!(!rows.is_empty(), "{file} has no table");
        nothing_is_wrong(&ledger::dead_references(file, &rows, &tests, |path| root().join(path).is_file()));
    }
}

#[test]
fn links_of_the_papers_lead_somewhere() {
    let mut dead = Vec::new();
    for folder in [root().to_owned(), root().join("docs"), root().join("docs/assurance")] {
        let papers = fs::read_dir(&folder).expect("a folder of the workspace can be read");
        let papers = papers.map(|entry| entry.expect("its entries as well").path());
        for paper in papers.filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
            let text = fs::read_to_string(&paper).expect("papers are UTF-8");
            for link in text.split("](").skip(1).filter_map(|rest| rest.split([')', '#']).next()) {
                if !link.contains("://") && !folder.join(link).exists() {
                    dead.push(format!("{}: {link}", paper.display()));
                }
            }
        }
    }
    nothing_is_wrong(&dead);
}
