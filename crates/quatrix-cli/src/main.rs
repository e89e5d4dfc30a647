//! The `quatrix` command; see the library's documentation.

use std::process::ExitCode;

fn main() -> ExitCode {
    quatrix_cli::run(std::env::args_os())
}
