//! A server, a home of one's own, and the command in an environment that has nothing else in it.

use std::ffi::OsString;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use quatrix_emulator::{Emulator, Seed};
use serde_json::Value;
use tempfile::TempDir;

use crate::canaries;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_quatrix");
pub(crate) const PASSWORD: &str = "only-for-tests-4711";
pub(crate) const USER: &str = "user@example.com";
pub(crate) const TOTP: &str = "totp@example.com";
pub(crate) const PIN: &str = "pin@example.com";
pub(crate) const CAPTCHA: &str = "captcha@example.com";

/// Where the command runs.
pub(crate) struct Home {
    pub(crate) emulator: Emulator,
    pub(crate) folder: TempDir,
    /// Set for every command.
    pub(crate) variables: Vec<(String, String)>,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A home whose user has these files, and a key.
pub(crate) fn home_with(seed: Seed) -> Home {
    Home::of(Emulator::builder().files(seed).start().unwrap()).with("QUATRIX_API_KEY", "test-key-4711")
}

/// What is in a file on the server.
pub(crate) fn there(home: &Home, path: &str) -> Option<String> {
    home.emulator.file(USER, path).map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
}

/// A path in the home, as an argument.
pub(crate) fn here(home: &Home, path: &str) -> String {
    home.folder.path().join(path).display().to_string()
}

/// What is in a folder here.
pub(crate) fn names(folder: &str) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

pub(crate) fn set_modified(path: &PathBuf, seconds: u64) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
}

/// What is left of the environment when the rest is taken away: where a program that is measured (`.ci/deep coverage`)
/// notes what was reached.
pub(crate) fn measured() -> Option<(&'static str, OsString)> {
    std::env::var_os("LLVM_PROFILE_FILE").map(|file| ("LLVM_PROFILE_FILE", file))
}

impl Home {
    pub(crate) fn new() -> Self {
        Self::of(Emulator::start().unwrap())
    }

    pub(crate) fn of(emulator: Emulator) -> Self {
        let variables = vec![("QUATRIX_BASE_URL".to_owned(), emulator.api().to_owned())];
        Self { emulator, folder: tempfile::tempdir().unwrap(), variables }
    }

    /// One more variable for every command.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// One variable less for every command.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.variables.retain(|(variable, _)| variable != name);
        self
    }

    /// A file in the home.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut options = fs::File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&path).unwrap().write_all(text.as_bytes()).unwrap();
        path
    }

    pub(crate) fn password_file(&self) -> String {
        self.write("password", &format!("{PASSWORD}\n")).display().to_string()
    }

    pub(crate) fn session_file(&self) -> PathBuf {
        self.folder.path().join(".local/state/quatrix/default.session")
    }

    /// The command, not started yet.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BINARY);
        command.args(args).env_clear().envs(measured()).env("HOME", self.folder.path()).env("PATH", "/usr/bin:/bin");
        command.envs(self.variables.iter().map(|(name, value)| (name, value))).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it. It shows no secret, and leaves none that others can read.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        let output = self.command(args).output().unwrap();
        canaries::none_for_others(self.folder.path());
        Ended::of(output)
    }

    /// Runs what is there to show a secret.
    pub(crate) fn run_for_a_secret(&self, args: &[&str]) -> Ended {
        Ended::with_secrets(self.command(args).output().unwrap())
    }

    pub(crate) fn run_with_stdin(&self, args: &[&str], input: &str) -> Ended {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ended::of(child.wait_with_output().unwrap())
    }

    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        self.command(args).spawn().unwrap()
    }

    /// Logs in somebody who needs a password only.
    pub(crate) fn log_in(&self) {
        self.run(&["login", "--user", USER, "--password-file", &self.password_file()]).ok();
    }

    /// What was asked of the server: method, path template, status.
    pub(crate) fn asked(&self) -> Vec<(String, String, u16)> {
        let requests = self.emulator.requests().into_iter();
        requests.map(|one| (one.method, one.operation.unwrap_or("?").to_owned(), one.status)).collect()
    }

    /// What the user of most tests has on the server, without the trash.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths = self.emulator.paths(USER);
        paths.retain(|path| !path.starts_with("Trash/"));
        paths
    }

    pub(crate) fn logins(&self) -> usize {
        self.asked().iter().filter(|(method, path, _)| method == "GET" && path == "/session/login").count()
    }
}

impl Ended {
    /// There is no secret in what it has said.
    #[track_caller]
    pub(crate) fn of(output: Output) -> Self {
        let ended = Self::with_secrets(output);
        canaries::none_in(&ended.out);
        canaries::none_in(&ended.err);
        ended
    }

    fn with_secrets(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// It did what it was asked for, and has no more to say about it.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "{self:?}");
        self.out
    }

    /// It failed with this code and has said so; nothing reached standard output.
    #[track_caller]
    pub(crate) fn failed(self, code: i32) -> String {
        assert_eq!((self.code, self.out.as_str()), (Some(code), ""), "{self:?}");
        self.err
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("{self:?}"))
    }

    pub(crate) fn error_json(&self) -> Value {
        serde_json::from_str(&self.err).unwrap_or_else(|_| panic!("{self:?}"))
    }
}

/// A server that gives the same answer to everything.
pub(crate) struct Canned {
    pub(crate) base_url: String,
    connections: Arc<AtomicUsize>,
}

impl Canned {
    pub(crate) fn start(status: u16, headers: &str, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}/api/1.0", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{}\r\n{body}",
            headers.lines().map(|line| format!("{line}\r\n")).collect::<String>()
        );
        let count = Arc::clone(&connections);
        // It ends with the process of the tests; nothing waits for it.
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
                serve(connection.unwrap(), answer.as_bytes());
            }
        });
        Self { base_url, connections }
    }

    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::start(status, "content-type: application/json", body)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A server with a fixed answer for each path, with JSON where it looks like it; 404 for the rest.
pub(crate) struct Scripted {
    pub(crate) base_url: String,
}

impl Scripted {
    pub(crate) fn start(answers: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}/api/1.0", listener.local_addr().unwrap());
        let answers: Vec<_> = answers.iter().map(|(path, body)| ((*path).to_owned(), (*body).to_owned())).collect();
        // It ends with the process of the tests; nothing waits for it.
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let head = head(&mut connection);
                let path = head.split([' ', '?']).nth(1).unwrap_or_default();
                let found = answers.iter().find(|(known, _)| known == path);
                let (status, body) = found.map_or((404, "{}"), |(_, body)| (200, body.as_str()));
                let kind = if body.starts_with('{') { "application/json" } else { "application/octet-stream" };
                let _ = write!(
                    connection,
                    "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        Self { base_url }
    }
}

pub(crate) fn head(connection: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && matches!(connection.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

fn serve(mut connection: TcpStream, answer: &[u8]) {
    head(&mut connection);
    // A body is small enough to have come along; what is left of it does not keep the answer from arriving.
    let _ = connection.write_all(answer);
}

/// Compares a text with the committed one; `UPDATE_SNAPSHOTS=1` commits it anew.
#[track_caller]
pub(crate) fn assert_snapshot(name: &str, text: &str) {
    assert_committed(&format!("tests/cli/snapshots/{name}"), text);
}

/// [`assert_snapshot`] for a file anywhere in the repository, named from this package.
#[track_caller]
pub(crate) fn assert_committed(file: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "{} differs: look at it, then run once with UPDATE_SNAPSHOTS=1", path.display());
}
