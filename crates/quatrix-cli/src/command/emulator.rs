//! `quatrix emulator`

use std::ffi::OsString;
use std::process::ExitCode;

/// Run a server to try things on.
///
/// It emulates the Quatrix API on this machine, with accounts for tests; nothing
/// is stored. When it is ready it prints one line of JSON with its address.
/// `quatrix emulator --help` lists its options.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct EmulatorArgs {
    /// Options of the emulator
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    args: Vec<OsString>,
}

impl EmulatorArgs {
    /// The command line belongs to the emulator, `--help` too, if its name comes first.
    pub(crate) fn of(args: &[OsString]) -> Option<Self> {
        match args {
            [_, name, args @ ..] if name == "emulator" => Some(Self { args: args.to_vec() }),
            _ => None,
        }
    }

    pub(crate) fn run(self) -> ExitCode {
        quatrix_emulator::run(self.args)
    }
}
