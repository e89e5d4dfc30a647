//! Quatrix for Rust beside its peers, each table in one run.
//!
//! ```console
//! $ cargo run --release                      # all tables but `builds`: five minutes on two cores
//! $ cargo run --release -- calls transfers   # some of them
//! $ cargo run --release -- builds            # cold builds of five programs, some minutes
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

/// Table that takes longest and does not measure the client's speed: runs only on request.
const BUILDS: &str = "builds";
const TABLES: [(&str, fn()); 6] = [
    ("core", requests::run),
    ("calls", calls::run),
    ("transfers", transfers::run),
    ("scale", scale::run),
    ("start", start::run),
    (BUILDS, start::builds),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        // Roles of this program as its own child process.
        [fixed::ROLE] => fixed::run(),
        [transfers::EMULATOR_ROLE] => transfers::serve(),
        [transfers::CLIENT_ROLE, client, kind, api, ca, path] => transfers::run_transfer(client, kind, api, ca, path),
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
        if names.contains(&name) || names.is_empty() && name != BUILDS {
            run();
        }
    }
    ExitCode::SUCCESS
}
