//! The rules between rows and tests.

use crate::sources::Test;
use crate::tables::Row;

/// The tables whose ids stand in the names of tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Table {
    States,
    Invariants,
    Questions,
    Failures,
}

/// All tables, and all tests.
pub(crate) struct Ledger {
    pub(crate) tables: Vec<(Table, Vec<Row>)>,
    pub(crate) tests: Vec<Test>,
}

/// A part of the project that a row wants to be tested in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Anywhere,
    Core,
    Adapters,
    CommandLine,
    Client,
    Emulator,
}

/// Status of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// In every place.
    Whole,
    /// Somewhere.
    Part,
    /// Nowhere yet.
    Nothing,
    /// It cannot be tested, or need not be, for a reason that is given.
    Never,
}

impl Table {
    pub(crate) const ALL: [Self; 4] = [Self::States, Self::Invariants, Self::Questions, Self::Failures];

    pub(crate) fn file(self) -> &'static str {
        match self {
            Self::States => "docs/assurance/states.md",
            Self::Invariants => "docs/assurance/invariants.md",
            Self::Questions => "docs/assurance/open-questions.md",
            Self::Failures => "docs/assurance/failures.md",
        }
    }

    fn letter(self) -> char {
        match self {
            Self::States => 's',
            Self::Invariants => 'i',
            Self::Questions => 'q',
            Self::Failures => 'm',
        }
    }

    /// Where a row wants tests; nothing where its words are not understood.
    fn places(self, row: &Row) -> Vec<Place> {
        match self {
            Self::States | Self::Invariants => vec![Place::Anywhere],
            Self::Questions => vec![Place::Client, Place::Emulator],
            Self::Failures => row.cell("through").split(", ").map_while(Place::named).collect(),
        }
    }
}

impl Place {
    fn named(name: &str) -> Option<Self> {
        match name {
            "core" => Some(Self::Core),
            "adapters" => Some(Self::Adapters),
            "command line" => Some(Self::CommandLine),
            _ => None,
        }
    }

    /// Whether these tests of one row are enough here. The suite in `tests/` runs through both adapters.
    fn is_covered_by(self, tests: &[&Test]) -> bool {
        let any = |folder: &str| tests.iter().any(|test| test.file.starts_with(folder));
        match self {
            Self::Anywhere => !tests.is_empty(),
            Self::Core => any("crates/quatrix-proto/"),
            Self::Adapters => any("tests/") || any("crates/quatrix-ureq/") && any("crates/quatrix-hyper/"),
            Self::CommandLine => any("crates/quatrix-cli/"),
            Self::Client => tests.iter().any(|test| !test.file.starts_with("crates/quatrix-emulator/")),
            Self::Emulator => any("crates/quatrix-emulator/"),
        }
    }
}

impl Status {
    /// In a table without such a column, all rows are done.
    fn read(text: &str) -> Option<Self> {
        match text {
            "" | "done" | "injected" => Some(Self::Whole),
            "in part" => Some(Self::Part),
            "later" | "not yet injected" => Some(Self::Nothing),
            reason if reason.starts_with("not injected: ") => Some(Self::Never),
            _ => None,
        }
    }
}

impl Ledger {
    /// Rows whose status differs from the tests.
    pub(crate) fn rows_without_tests(&self) -> Vec<String> {
        let rows = self.tables.iter().flat_map(|(table, rows)| rows.iter().map(|row| (*table, row)));
        rows.filter_map(|(table, row)| {
            let complaint = self.complaint(table, row)?;
            Some(format!("{}: {}: {complaint}", table.file(), row.cell("id")))
        })
        .collect()
    }

    fn complaint(&self, table: Table, row: &Row) -> Option<String> {
        let Some(id) = row.id() else { return Some("is no id".into()) };
        let tests: Vec<_> = self.tests.iter().filter(|test| test.ids().any(|named| named == id)).collect();
        let places = table.places(row);
        if places.is_empty() {
            return Some(format!("{:?} names no place", row.cell("through")));
        }
        let missing: Vec<_> = places.into_iter().filter(|place| !place.is_covered_by(&tests)).collect();
        let status = row.cell("status");
        match (Status::read(status), &tests[..]) {
            (None, _) => Some(format!("{status:?} is no status")),
            (Some(Status::Whole), _) if !missing.is_empty() => Some(format!("has no test {id}_.. in {missing:?}")),
            (Some(Status::Part), []) => Some(format!("is {status:?}, but has no test {id}_..")),
            (Some(Status::Nothing | Status::Never), [test, ..]) => {
                Some(format!("is {status:?}, but there is {} in {}", test.name, test.file))
            }
            (Some(Status::Whole | Status::Part | Status::Nothing | Status::Never), _) => None,
        }
    }

    /// Tests that name a row which no table has.
    pub(crate) fn tests_without_rows(&self) -> Vec<String> {
        let known: Vec<_> = self.tables.iter().flat_map(|(_, rows)| rows.iter().filter_map(Row::id)).collect();
        let orphan = |test: &Test| test.ids().find(|id| !known.iter().any(|known| known == id)).map(str::to_owned);
        let orphans = self.tests.iter().filter_map(|test| Some((test, orphan(test)?)));
        orphans.map(|(test, id)| format!("{}: {}: there is no row {id}", test.file, test.name)).collect()
    }

    /// Tables that do not count from one upwards, or hold a row of another.
    pub(crate) fn gaps(&self) -> Vec<String> {
        let gap = |table: Table, rows: &[Row]| {
            let expected = |index| format!("{}{:02}", table.letter(), index + 1);
            let wrong = rows.iter().enumerate().find(|(index, row)| row.id() != Some(expected(*index)));
            match (wrong, rows) {
                (_, []) => Some(format!("{} has no table", table.file())),
                (Some((index, row)), _) => {
                    Some(format!("{}: {:?} where {} is due", table.file(), row.cell("id"), expected(index)))
                }
                (None, _) => None,
            }
        };
        self.tables.iter().filter_map(|(table, rows)| gap(*table, rows)).collect()
    }
}

/// Rows of a paper that name a file in `code`, or a test in `test`, which do not exist; or that name none.
pub(crate) fn dead_references(
    paper: &str,
    rows: &[Row],
    tests: &[Test],
    is_file: impl Fn(&str) -> bool,
) -> Vec<String> {
    let mut complaints = Vec::new();
    for row in rows {
        let mut complain = |what: String| complaints.push(format!("{paper}: {}: {what}", row.cell("id")));
        for file in row.code("code").filter(|file| !is_file(file)) {
            complain(format!("there is no file {file}"));
        }
        for name in row.code("test").filter(|name| !tests.iter().any(|test| test.name == *name)) {
            complain(format!("there is no test {name}"));
        }
        if row.code("test").next().is_none() {
            complain("names no test".into());
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::rows;

    fn ledger(table: Table, text: &str, tests: &[(&str, &str)]) -> Ledger {
        let test = |&(name, file): &(&str, &str)| Test { name: name.into(), file: file.into() };
        Ledger { tables: vec![(table, rows(text))], tests: tests.iter().map(test).collect() }
    }

    #[test]
    fn a_row_without_a_test_is_found() {
        let text = "| id | state |\n|-|-|\n| S1 | x |\n| S2 | x |";
        let ledger = |tests: &[(&str, &str)]| ledger(Table::States, text, tests).rows_without_tests();
        assert_eq!(ledger(&[("s01_a", "a.rs"), ("x_s02", "b.rs")]), [""; 0]);
        assert_eq!(ledger(&[("s01_a", "a.rs")]), ["docs/assurance/states.md: S2: has no test s02_.. in [Anywhere]"]);
    }

    #[test]
    fn a_question_is_asked_on_both_sides() {
        let text = "| id | status |\n|-|-|\n| Q1 | done |";
        let wrong = |tests: &[(&str, &str)]| ledger(Table::Questions, text, tests).rows_without_tests();
        let (here, there) =
            (("q01_a", "crates/quatrix-proto/src/a.rs"), ("q01_b", "crates/quatrix-emulator/tests/b.rs"));
        assert_eq!(wrong(&[here, there]), [""; 0]);
        assert_eq!(wrong(&[here]), ["docs/assurance/open-questions.md: Q1: has no test q01_.. in [Emulator]"]);
        assert_eq!(wrong(&[there]), ["docs/assurance/open-questions.md: Q1: has no test q01_.. in [Client]"]);
    }

    #[test]
    fn a_failure_is_injected_where_it_says_or_says_less() {
        let core = ("m01_a", "crates/quatrix-proto/src/a.rs");
        let wrong = |through: &str, status: &str, tests: &[(&str, &str)]| {
            let text = format!("| id | through | status |\n|-|-|-|\n| M1 | {through} | {status} |");
            let mut wrong = ledger(Table::Failures, &text, tests).rows_without_tests();
            wrong.pop().map(|text| text.replace("docs/assurance/failures.md: M1: ", ""))
        };
        let is = |text: &str| Some(text.to_owned());
        assert_eq!(wrong("core", "injected", &[core]), None);
        assert_eq!(wrong("core, adapters", "in part", &[core]), None);
        assert_eq!(wrong("core, adapters", "injected", &[core, ("m01_b", "tests/tests/a.rs")]), None);
        assert_eq!(wrong("adapters", "not yet injected", &[]), None);
        assert_eq!(wrong("adapters", "not injected: needs a name server", &[]), None);
        assert_eq!(wrong("core, adapters", "injected", &[core]), is("has no test m01_.. in [Adapters]"));
        assert_eq!(wrong("command line", "in part", &[]), is("is \"in part\", but has no test m01_.."));
        let understated = "is \"not yet injected\", but there is m01_a in crates/quatrix-proto/src/a.rs";
        assert_eq!(wrong("core", "not yet injected", &[core]), is(understated));
        assert_eq!(wrong("core", "soon", &[core]), is("\"soon\" is no status"));
        assert_eq!(wrong("everything", "injected", &[core]), is("\"everything\" names no place"));
    }

    #[test]
    fn one_adapter_is_not_both() {
        let tests =
            ["ureq", "hyper"].map(|name| Test { name: "m01_a".into(), file: format!("crates/quatrix-{name}/a.rs") });
        assert!(Place::Adapters.is_covered_by(&[&tests[0], &tests[1]]));
        assert!(!Place::Adapters.is_covered_by(&[&tests[0]]) && !Place::Adapters.is_covered_by(&[&tests[1]]));
    }

    #[test]
    fn a_test_without_a_row_is_found() {
        let ledger = ledger(Table::States, "| id |\n|-|\n| S1 |", &[("s01_q02_a", "a.rs"), ("plain", "b.rs")]);
        assert_eq!(ledger.tests_without_rows(), ["a.rs: s01_q02_a: there is no row q02"]);
    }

    #[test]
    fn rows_count_upwards() {
        let gaps = |text| ledger(Table::States, text, &[]).gaps();
        assert_eq!(gaps("| id |\n|-|\n| S1 |\n| S2 |"), [""; 0]);
        assert_eq!(gaps("| id |\n|-|\n| S1 |\n| S3 |"), ["docs/assurance/states.md: \"S3\" where s02 is due"]);
        assert_eq!(gaps("| id |\n|-|\n| Q1 |"), ["docs/assurance/states.md: \"Q1\" where s01 is due"]);
        assert_eq!(gaps("no table"), ["docs/assurance/states.md has no table"]);
    }

    #[test]
    fn a_paper_names_what_exists() {
        let text =
            "| id | code | test |\n|-|-|-|\n| E1 | `a.rs` | `good` |\n| E2 | `b.rs` | `bad` |\n| E3 | `a.rs` | |";
        let tests = [Test { name: "good".into(), file: "a.rs".into() }];
        let complaints = dead_references("P", &rows(text), &tests, |file| file == "a.rs");
        assert_eq!(complaints, ["P: E2: there is no file b.rs", "P: E2: there is no test bad", "P: E3: names no test"]);
    }
}
