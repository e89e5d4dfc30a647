//! Every secret that a test puts in can be recognised, and all that a command puts out is searched for them.

use std::fs;
use std::path::Path;

use quatrix_emulator::secret_in;

/// What stands in a secret of a test's own.
const CANARY: &str = "canary";

fn found_in(text: &str) -> Option<&'static str> {
    secret_in(text).or_else(|| text.contains(CANARY).then_some(CANARY))
}

/// Fails if this output has a secret in it.
#[track_caller]
pub(crate) fn none_in(output: &str) {
    assert_eq!(found_in(output), None, "a secret is shown: {output}");
}

/// Fails if a file below this folder has a secret in it that others than its owner can read.
#[cfg(unix)]
#[track_caller]
pub(crate) fn none_for_others(folder: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            none_for_others(&path);
        } else if kind.is_file() && entry.metadata().unwrap().permissions().mode() & 0o077 != 0 {
            let text = fs::read(&path).unwrap();
            assert_eq!(found_in(&String::from_utf8_lossy(&text)), None, "{} is open to others", path.display());
        }
    }
}

#[cfg(not(unix))]
pub(crate) fn none_for_others(_: &Path) {}
