//! The `quatrix-emulator` command; see the library's documentation.

use std::process::ExitCode;

fn main() -> ExitCode {
    quatrix_emulator::run(std::env::args_os().skip(1))
}
