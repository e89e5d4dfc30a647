//! Every secret that a suite puts in can be recognised, and whatever comes out is searched for them: each error and each
//! event of every client, and each line that the adapters log.

use std::io;
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use quatrix_emulator::secret_in;
use quatrix_proto::Error;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;

/// Mark in the secrets of tests, and its base64 at each of the three alignments.
const CANARIES: [&str; 4] = ["canary", "Y2FuYXJ5", "YW5hcnkt", "bmFyeS1w"];

static LINES: AtomicUsize = AtomicUsize::new(0);

/// Fails if this text has a secret in it.
#[track_caller]
pub fn none_in(text: &str) {
    let found = secret_in(text).or_else(|| CANARIES.into_iter().find(|canary| text.contains(canary)));
    assert_eq!(found, None, "a secret is shown: {text}");
}

/// Checks every text form of an error, with its sources.
#[track_caller]
pub(crate) fn none_in_error(error: &Error) {
    none_in(&format!("{error:?}"));
    let mut next: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = next {
        none_in(&error.to_string());
        next = error.source();
    }
}

/// From now on, looks at each line that the adapters log, on the thread that logs it.
///
/// Those of the libraries below them are not ours: at this level they hold every byte that goes over the wire.
pub(crate) fn watch() {
    static WATCHING: Once = Once::new();
    WATCHING.call_once(|| {
        let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Lines);
        let ours = Targets::new().with_target("quatrix_ureq", Level::TRACE).with_target("quatrix_hyper", Level::TRACE);
        let subscriber = tracing_subscriber::registry().with(lines).with(ours);
        tracing::subscriber::set_global_default(subscriber).expect("there is no other");
    });
}

/// How many lines the adapters have logged in this process.
pub fn lines() -> usize {
    LINES.load(Ordering::Relaxed)
}

/// Takes a line at a time.
struct Lines;

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        none_in(&String::from_utf8_lossy(line));
        LINES.fetch_add(1, Ordering::Relaxed);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        Self
    }
}
