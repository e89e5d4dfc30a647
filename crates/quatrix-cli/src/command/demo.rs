//! `quatrix demo`

use std::sync::Arc;

use quatrix_emulator::Emulator;

use crate::exit::Exit;
use crate::failure::Failure;
use transcript::Transcript;

mod client;
mod script;
mod transcript;

/// Show the whole life of a session, on a server inside the command.
///
/// Each exchange is a line: method and path, the status of the answer, and what the
/// session made of it. Changes of its state stand out. Nothing leaves this machine,
/// and nobody waits: the server's clock is put forward.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Demo {
    /// The client that takes part: ureq, which blocks, or hyper, which is async
    #[arg(long, value_enum, default_value_t = Transport::Ureq, hide_possible_values = true, value_name = "LIBRARY")]
    transport: Transport,
}

/// The two clients, by the HTTP library below them.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Transport {
    Ureq,
    Hyper,
}

impl Demo {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let emulator = Emulator::start().map_err(|error| Failure::new(Exit::Other, format!("no server: {error}")))?;
        let transcript = Transcript::new(match self.transport {
            Transport::Ureq => "blocking, over ureq",
            Transport::Hyper => "async, over hyper and tokio",
        })?;
        script::play(&Arc::new(emulator), self.transport, transcript)
    }
}
