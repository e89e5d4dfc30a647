//! Quatrix for Rust beside its peers, every table in one run.
//!
//! ```console
//! $ cargo run --release                      # all tables
//! $ cargo run --release -- calls transfers   # some of them
//! ```

use std::process::ExitCode;

mod calls;
mod fixed;
mod measured;
mod process;
mod program;
mod race;
mod requests;
mod scale;
mod start;
mod table;
mod transfers;
mod usage;

const TABLES: [(&str, fn()); 6] = [
    ("core", requests::run),
    ("calls", calls::run),
    ("transfers", transfers::run),
    ("scale", scale::run),
    ("start", start::run),
    ("builds", start::builds),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        // What this program does as its own child.
        [fixed::ROLE] => fixed::run(),
        [transfers::EMULATOR_ROLE] => transfers::serve(),
        [transfers::CLIENT_ROLE, client, kind, api, ca, path] => transfers::carry_out(client, kind, api, ca, path),
        [measured::ROLE, ..] => measured::run(&words[1..]),
        ref names => return tables(names),
    }
    ExitCode::SUCCESS
}

fn tables(names: &[&str]) -> ExitCode {
    if let Some(unknown) = names.iter().find(|name| TABLES.iter().all(|(known, _)| known != *name)) {
        eprintln!("there is no table {unknown}, but {}", TABLES.map(|(name, _)| name).join(", "));
        return ExitCode::from(2);
    }
    for (name, run) in TABLES {
        if names.is_empty() || names.contains(&name) {
            run();
        }
    }
    ExitCode::SUCCESS
}
