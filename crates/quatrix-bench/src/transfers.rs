//! Uploads and downloads of one large file and of many small ones, against the emulator over TLS. Each transfer is a
//! separate process, to measure its memory; each plain client sends the same requests as ours.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;
use quatrix_emulator::Emulator;
use quatrix_proto::api::GetHome;
use quatrix_proto::{ApiKey, Config, Server};
use tempfile::TempDir;

use crate::process::{self, Server as Process, this_program};
use crate::race::Summary;
use crate::{measured, program, table};

mod many;
mod ours;
mod plain_hyper;
mod plain_ureq;

pub(crate) const EMULATOR_ROLE: &str = "emulator";
pub(crate) const CLIENT_ROLE: &str = "transfer";

const KEY: &str = "test-key-4711";
const LARGE: u64 = 1 << 30;
const SMALL: usize = 4096;
const SMALL_FILES: usize = 1000;
const CONCURRENCY: usize = 4;
const ROUNDS: usize = 5;

/// Content and direction of a transfer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    LargeUp,
    LargeDown,
    ManyUp,
    ManyDown,
}

const KINDS: [(&str, Kind); 4] = [
    ("large-up", Kind::LargeUp),
    ("large-down", Kind::LargeDown),
    ("many-up", Kind::ManyUp),
    ("many-down", Kind::ManyDown),
];

/// The emulator, in a process of its own.
pub(crate) fn serve() {
    let emulator = Emulator::builder().tls().start().expect("a port is free");
    let ca = emulator.ca_cert_path().expect("it speaks TLS");
    process::serve_until_stdin_ends(&format!("{} {} {}", emulator.url(), emulator.api(), ca.display()));
}

/// Addresses and paths of a transfer.
struct Job {
    server: Server,
    ca: PathBuf,
    /// Source of an upload, or destination of a download.
    path: PathBuf,
}

/// One transfer, in a process of its own.
pub(crate) fn run_transfer(client: &str, kind: &str, api: &str, ca: &str, path: &str) {
    let kind = KINDS.iter().find(|(name, _)| *name == kind).expect("the parent knows them").1;
    let job = Job { server: Server::at(api).expect("it is an address"), ca: ca.into(), path: path.into() };
    match client {
        "plain ureq" => plain_ureq::run_transfer(kind, &job),
        "quatrix-ureq" => ours::blocking(kind, &job),
        "plain hyper-util client" => plain_hyper::run_transfer(kind, &job),
        "quatrix-hyper" => ours::awaited(kind, &job),
        other => panic!("{other} is unknown"),
    }
}

impl Job {
    fn config(&self) -> Config {
        Config::new(self.server.clone())
    }

    fn key() -> ApiKey {
        ApiKey::new(KEY).expect("it is valid")
    }

    fn pem(&self) -> Vec<u8> {
        fs::read(&self.ca).expect("the emulator wrote it")
    }

    fn blocking(&self) -> quatrix_ureq::Client {
        let builder = quatrix_ureq::Client::builder(self.config()).no_proxy().roots(self.pem()).api_key(Self::key());
        builder.build().expect("the settings are valid")
    }
}

/// Clients, each with its peer: the same work with the same library alone.
const CLIENTS: [(&str, &str); 6] = [
    ("plain ureq", "plain ureq"),
    ("quatrix-ureq", "plain ureq"),
    ("plain hyper-util client", "plain hyper-util client"),
    ("quatrix-hyper", "plain hyper-util client"),
    ("quatrix (command)", "plain ureq"),
    ("rclone", "plain ureq"),
];

pub(crate) fn run() {
    let programs = Programs { quatrix: program::quatrix(), rclone: program::rclone() };
    let folder = folder();
    let (large, small) = (folder.path().join("large.bin"), folder.path().join("small"));
    write_large(&large);
    write_small(&small);

    let full = Process::start(EMULATOR_ROLE);
    let job = Job { server: Server::at(&full.ready[1]).expect("it is one"), ca: (&full.ready[2]).into(), path: large };
    let client = job.blocking();
    let home = client.call(&GetHome::new()).expect("it is there").id;
    client.files().upload(&job.path, &home).expect("the upload succeeds");
    let there = many::folder(&client, &home);
    assert!(client.files().upload_folder(&small, &there).expect("the upload succeeds").failed.is_empty());

    for (name, kind) in KINDS {
        let title = match kind {
            Kind::LargeUp => "One file of 1 GiB, up",
            Kind::LargeDown => "One file of 1 GiB, down",
            Kind::ManyUp => "1,000 files of 4 KiB, 4 at once, up",
            Kind::ManyDown => "1,000 files of 4 KiB, 4 at once, down",
        };
        let source = if kind == Kind::LargeUp { &job.path } else { &small };
        compare(title, matches!(kind, Kind::ManyUp | Kind::ManyDown), |client| {
            // Each upload starts with an empty server, each download with an empty folder.
            let empty = matches!(kind, Kind::LargeUp | Kind::ManyUp).then(|| Process::start(EMULATOR_ROLE));
            let target = TempDir::new_in(folder.path()).expect("there is room");
            let path = if empty.is_some() { source } else { target.path() };
            programs
                .command(client, (name, kind), &empty.as_ref().unwrap_or(&full).ready, path)
                .map(|command| measured::measure(&command))
        });
    }
}

fn compare(title: &str, patient_only: bool, transfer: impl Fn(&str) -> Option<measured::Used>) {
    let mut used: Vec<Vec<measured::Used>> = vec![Vec::new(); CLIENTS.len()];
    for round in 0..ROUNDS {
        for turn in 0..CLIENTS.len() {
            let one = (round + turn) % CLIENTS.len();
            // It pauses between calls: a minute for a thousand files.
            if CLIENTS[one].0 == "rclone" && patient_only && round > 0 {
                continue;
            }
            used[one].extend(transfer(CLIENTS[one].0));
        }
    }
    let walls = |one: usize| used[one].iter().map(|used| used.wall).collect::<Vec<_>>();
    let cpus = |one: usize| used[one].iter().map(|used| used.cpu).collect::<Vec<_>>();
    let mut rows = Vec::new();
    for (one, (name, peer)) in CLIENTS.into_iter().enumerate() {
        if used[one].is_empty() {
            continue;
        }
        let peer = CLIENTS.iter().position(|(name, _)| *name == peer).expect("it takes part");
        let peak = used[one].iter().map(|used| used.peak).max().unwrap_or_default();
        rows.push(vec![
            name.to_owned(),
            Summary::of_ratios(&walls(peer), &walls(one)).to_string(),
            Summary::of_ratios(&cpus(one), &cpus(peer)).to_string(),
            table::time(Summary::of(&walls(one)).median),
            table::time(Summary::of(&cpus(one)).median),
            table::bytes(peak),
        ]);
    }
    let head = ["client", "speed, × plain", "processor time, × plain", "time", "processor time", "memory at most"];
    table::print(title, &head, &rows);
}

/// Available commands to compare.
struct Programs {
    quatrix: PathBuf,
    rclone: Option<PathBuf>,
}

impl Programs {
    /// The command line of one transfer.
    fn command(&self, client: &str, kind: (&str, Kind), at: &[String], path: &Path) -> Option<Vec<OsString>> {
        let [url, api, ca] = at else { panic!("the ready line has three words") };
        let words: Vec<OsString> = match client {
            "quatrix (command)" => {
                let arguments: [&std::ffi::OsStr; 3] = match kind.1 {
                    Kind::LargeUp => ["put".as_ref(), path.as_ref(), "/".as_ref()],
                    Kind::LargeDown => ["get".as_ref(), "/large.bin".as_ref(), path.as_ref()],
                    Kind::ManyUp => ["mirror".as_ref(), path.as_ref(), "/small".as_ref()],
                    Kind::ManyDown => ["mirror".as_ref(), path.as_ref(), "/small".as_ref()],
                };
                let back = (kind.1 == Kind::ManyDown).then_some("--back");
                let set = ["env".into(), format!("QUATRIX_BASE_URL={api}"), format!("QUATRIX_CA_CERT={ca}")];
                let key = format!("QUATRIX_API_KEY={KEY}");
                let start = set.into_iter().chain([key]).map(OsString::from);
                start
                    .chain([self.quatrix.clone().into()])
                    .chain(arguments.map(OsString::from))
                    .chain(back.map(OsString::from))
                    .collect()
            }
            "rclone" => {
                let rclone = self.rclone.as_ref()?;
                let remote = match kind.1 {
                    Kind::LargeUp => "q:",
                    Kind::LargeDown => "q:large.bin",
                    Kind::ManyUp | Kind::ManyDown => "q:small",
                };
                let up = matches!(kind.1, Kind::LargeUp | Kind::ManyUp);
                let ends: [OsString; 2] = if up { [path.into(), remote.into()] } else { [remote.into(), path.into()] };
                let host = url.trim_start_matches("https://");
                let set = [
                    "env".into(),
                    "RCLONE_CONFIG=/dev/null".into(),
                    "RCLONE_CONFIG_Q_TYPE=quatrix".into(),
                    format!("RCLONE_CONFIG_Q_HOST={host}"),
                    format!("RCLONE_CONFIG_Q_API_KEY={KEY}"),
                    format!("RCLONE_CA_CERT={ca}"),
                ];
                let start = set.into_iter().map(OsString::from).chain([rclone.into(), "copy".into()]);
                start.chain(ends).collect()
            }
            _ => {
                let role = [CLIENT_ROLE, client, kind.0, api, ca].map(OsString::from);
                let program = this_program().get_program().to_owned();
                [program].into_iter().chain(role).chain([path.into()]).collect()
            }
        };
        Some(words)
    }
}

/// Returns a folder for all files, in memory if possible, to measure clients and not disks.
fn folder() -> TempDir {
    const MEMORY: &str = "/dev/shm";
    let roomy = statvfs(MEMORY).is_ok_and(|memory| memory.blocks_available() * memory.fragment_size() >= 4 * LARGE);
    let folder = if roomy { TempDir::new_in(MEMORY) } else { TempDir::new() };
    folder.expect("there is room for temporary files")
}

/// Returns bytes that do not compress and do not repeat.
fn noise(state: &mut u64, buffer: &mut [u8]) {
    for word in buffer.chunks_exact_mut(8) {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        word.copy_from_slice(&state.rotate_left(29).to_le_bytes());
    }
}

fn write_large(path: &Path) {
    let mut file = File::create(path).expect("it can be made");
    let (mut state, mut piece) = (1, vec![0; 1 << 20]);
    for _ in 0..LARGE >> 20 {
        noise(&mut state, &mut piece);
        file.write_all(&piece).expect("there is room for 1 GiB");
    }
}

fn write_small(folder: &Path) {
    fs::create_dir(folder).expect("it can be made");
    let (mut state, mut content) = (2, vec![0; SMALL]);
    for number in 0..SMALL_FILES {
        noise(&mut state, &mut content);
        fs::write(folder.join(format!("{number:04}.bin")), &content).expect("there is room");
    }
}
