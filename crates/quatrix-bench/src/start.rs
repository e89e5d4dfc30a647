//! Start time and size of commands, and the build cost of dependencies.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::process::Server;
use crate::race::Summary;
use crate::transfers::EMULATOR_ROLE;
use crate::{measured, program, table};

const ROUNDS: usize = 15;

pub(crate) fn run() {
    let (quatrix, rclone) = (program::quatrix(), program::rclone());
    let emulator = Server::start(EMULATOR_ROLE);
    let [url, api, ca] = &emulator.ready[..] else { panic!("the ready line has three words") };
    let ours = [
        format!("QUATRIX_BASE_URL={api}"),
        format!("QUATRIX_CA_CERT={ca}"),
        "QUATRIX_API_KEY=test-key-4711".to_owned(),
    ];
    let theirs = [
        "RCLONE_CONFIG=/dev/null".to_owned(),
        "RCLONE_CONFIG_Q_TYPE=quatrix".to_owned(),
        format!("RCLONE_CONFIG_Q_HOST={}", url.trim_start_matches("https://")),
        "RCLONE_CONFIG_Q_API_KEY=test-key-4711".to_owned(),
        format!("RCLONE_CA_CERT={ca}"),
    ];
    let mut commands = vec![
        ("quatrix --help", command(&quatrix, &ours, &["--help"])),
        ("quatrix status, one call over TLS", command(&quatrix, &ours, &["status"])),
    ];
    if let Some(rclone) = &rclone {
        commands.push(("rclone help", command(rclone, &theirs, &["help"])));
        commands.push(("rclone about, one call over TLS", command(rclone, &theirs, &["about", "q:"])));
    }
    let mut used = vec![Vec::new(); commands.len()];
    for round in 0..ROUNDS {
        for turn in 0..commands.len() {
            let one = (round + turn) % commands.len();
            used[one].push(measured::measure(&commands[one].1));
        }
    }
    let rows: Vec<_> = commands
        .iter()
        .zip(&used)
        .map(|((name, command), used)| {
            let walls: Vec<_> = used.iter().map(|used| used.wall / 1e6).collect();
            let cpus: Vec<_> = used.iter().map(|used| used.cpu / 1e6).collect();
            let program = command.iter().find(|word| Path::new(word).is_absolute()).expect("it has a path");
            vec![
                (*name).to_owned(),
                format!("{} ms", Summary::of(&walls)),
                format!("{} ms", Summary::of(&cpus)),
                table::bytes(used.iter().map(|used| used.peak).max().unwrap_or_default()),
                table::bytes(fs::metadata(program).map_or(0, |program| program.len())),
            ]
        })
        .collect();
    table::print("Commands", &["command", "time", "processor time", "memory at most", "size of the program"], &rows);
}

fn command(program: &Path, set: &[String], arguments: &[&str]) -> Vec<OsString> {
    let words = ["env".into()].into_iter().chain(set.iter().map(OsString::from)).chain([program.into()]);
    words.chain(arguments.iter().map(OsString::from)).collect()
}

/// Build cost of a program that depends on an API client, with its default features.
pub(crate) fn builds() {
    let ours =
        |name: &str| format!("{name} = {{ path = \"{}\" }}", program::root().join("crates").join(name).display());
    let dependencies = [
        ("quatrix-ureq", ours("quatrix-ureq")),
        ("quatrix-hyper", ours("quatrix-hyper")),
        ("octocrab", "octocrab = \"0.54\"".to_owned()),
        // Builds only with a Kubernetes version selected.
        ("kube", "kube = \"5\"\nk8s-openapi = { version = \"0.29\", features = [\"latest\"] }".to_owned()),
        ("ruma-client", "ruma-client = { version = \"0.20\", features = [\"client-api\", \"reqwest\"] }".to_owned()),
    ];
    let rows: Vec<_> = dependencies.iter().filter_map(|(name, lines)| build(name, lines)).collect();
    table::print(
        "A cold release build of a program with this dependency",
        &["dependency", "crates", "time", "processor time"],
        &rows,
    );
}

/// `lines` are the dependency's lines in the manifest.
fn build(name: &str, lines: &str) -> Option<Vec<String>> {
    let folder = TempDir::new().ok()?;
    let manifest = format!(
        "[package]\nname = \"cold\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{lines}\n"
    );
    fs::write(folder.path().join("Cargo.toml"), manifest).ok()?;
    fs::create_dir(folder.path().join("src")).ok()?;
    fs::write(folder.path().join("src/main.rs"), "fn main() {}\n").ok()?;
    let cargo = |arguments: &[&str]| {
        let mut cargo = Command::new("cargo");
        cargo.args(arguments).arg("--manifest-path").arg(folder.path().join("Cargo.toml")).stderr(Stdio::null());
        cargo.output().ok().filter(|output| output.status.success())
    };
    cargo(&["fetch"])?;
    let tree = cargo(&["tree", "--edges", "normal", "--prefix", "none", "--no-dedupe"])?;
    let mut crates: Vec<_> =
        std::str::from_utf8(&tree.stdout).ok()?.lines().map(|line| line.split(" (").next()).collect();
    crates.sort_unstable();
    crates.dedup();
    let target = folder.path().join("target");
    let manifest = folder.path().join("Cargo.toml");
    let words = ["cargo".into(), "build".into(), "--release".into(), "--quiet".into(), "--offline".into()];
    let places = ["--manifest-path".into(), manifest.into(), "--target-dir".into(), target.into()];
    let used = measured::measure(&words.into_iter().chain(places).collect::<Vec<OsString>>());
    // Without the program itself.
    Some(vec![name.to_owned(), (crates.len() - 1).to_string(), table::time(used.wall), table::time(used.cpu)])
}
