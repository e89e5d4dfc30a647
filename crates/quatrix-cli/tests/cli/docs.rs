//! What `docs/cli.md` shows, run as it stands there.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rexpect::session::{Options, PtySession, spawn_with_options};

use crate::support::{BINARY, Ended, Home, PASSWORD, USER, measured};

const PAGE: &str = include_str!("../../../../docs/cli.md");

/// The fenced blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("\n```{language}\n");
    let blocks = PAGE.split(&fence).skip(1);
    blocks.map(|rest| rest.split("\n```").next().unwrap()).collect()
}

/// A shell with nothing in its environment but what a stranger has, and `quatrix` in the path.
pub(crate) fn shell(home: &Home, line: &str, variables: &BTreeMap<&str, String>) -> Command {
    let binaries = Path::new(BINARY).parent().unwrap();
    let mut shell = Command::new("env");
    shell.arg("-i").arg(format!("HOME={}", home.folder.path().display()));
    shell.arg(format!("PATH={}:/usr/bin:/bin", binaries.display()));
    shell.args(measured().map(|(name, file)| format!("{name}={}", file.display())));
    shell.args(variables.iter().map(|(name, value)| format!("{name}={value}")));
    shell.args(["sh", "-c", line]).current_dir(home.folder.path());
    shell
}

/// Where the page has its emulator.
const HERE: &str = "127.0.0.1:4711";

/// The emulator, started as the page starts it, but on a port of the system's choice. It ends with this value.
struct Running {
    child: Child,
    there: String,
}

impl Running {
    fn start(home: &Home) -> Self {
        let [_, _, start] = blocks("sh")[..] else { panic!("two ways to install, and the emulator") };
        let line = format!("exec {} --exit-with-stdin", start.replace(HERE, "127.0.0.1:0"));
        let mut shell = shell(home, &line, &BTreeMap::new());
        let mut child = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut ready).unwrap();
        let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
        Self { child, there: ready["url"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned() }
    }

    /// What the page's `curl` would fetch.
    fn code(&self) -> String {
        let (_, rest) = PAGE.split_once(&format!("curl 'http://{HERE}")).unwrap();
        let path = rest.split('\'').next().unwrap();
        let mut connection = TcpStream::connect(&self.there).unwrap();
        write!(connection, "GET {path} HTTP/1.1\r\nhost: {HERE}\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        let (_, json) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str::<serde_json::Value>(json).unwrap()["code"].as_str().unwrap().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[test]
fn what_is_installed_is_this() {
    let [all, less, _] = blocks("sh")[..] else { panic!("two ways to install, and the emulator") };
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for command in [all, less] {
        let path = command.strip_prefix("cargo install --locked --path ").unwrap().split(' ').next().unwrap();
        assert!(here.ends_with(path), "{command}");
    }
    assert!(less.ends_with(" --no-default-features"), "{less}");
}

#[test]
fn the_walk_goes_as_it_is_written() {
    let home = Home::new();
    let emulator = Running::start(&home);
    home.write("q3.pdf", "numbers of three quarters");
    let [walk] = blocks("console")[..] else { panic!("one walk") };
    assert!(walk.contains("$ quatrix put "), "it goes to a first upload");
    for part in walk.split("$ quatrix ").skip(1) {
        let (command, expected) = part.split_once('\n').unwrap_or((part, ""));
        let line = format!("quatrix {}", command.replace(HERE, &emulator.there));
        let options = Options::new().timeout_ms(Some(60_000)).strip_ansi_escape_codes(true);
        let mut session = spawn_with_options(shell(&home, &line, &BTreeMap::new()), options).unwrap();
        let shown = type_answers(&mut session, &emulator, expected) + &session.exp_eof().unwrap();
        let shown = seen(&shown).replace(&emulator.there, HERE);
        // A prompt ends with a space that the page cannot show.
        let lines = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
        assert_eq!(lines(&shown), lines(expected), "quatrix {command}");
    }
}

/// What a terminal shows in the end: a carriage return goes back to the start of the line.
fn seen(output: &str) -> String {
    let mut lines = Vec::new();
    for line in output.split('\n') {
        let (mut cells, mut column) = (Vec::new(), 0);
        for c in line.chars() {
            if c == '\r' {
                column = 0;
                continue;
            }
            cells.resize(cells.len().max(column + 1), ' ');
            cells[column] = c;
            column += 1;
        }
        lines.push(cells.into_iter().collect::<String>());
    }
    lines.join("\n")
}

/// Types what each prompt asks for; what was shown meanwhile.
fn type_answers(session: &mut PtySession, emulator: &Running, expected: &str) -> String {
    let mut shown = String::new();
    for (prompt, answer) in [("Password of ", PASSWORD.to_owned()), ("Code of ", emulator.code())] {
        if let Some(line) = expected.lines().find(|line| line.starts_with(prompt)) {
            let question = line.replace(HERE, &emulator.there);
            shown += &session.exp_string(&format!("{question} ")).unwrap();
            shown += line;
            session.send_line(&answer).unwrap();
        }
    }
    shown
}

#[test]
fn the_crontab_runs() {
    let home = Home::new();
    let [_error, config] = blocks("json")[..] else { panic!("an error, and a configuration") };
    // The one thing that cannot be as written: no account is at hand.
    let config = config.replace(r#""host": "acme""#, &format!(r#""base_url": "{}""#, home.emulator.api()));
    home.write(".config/quatrix/config.json", &config);
    home.write(".config/quatrix/backup.key", "test-key-4711\n");
    let [crontab] = blocks("crontab")[..] else { panic!("one crontab") };
    home.write("outbox/today.csv", "a;b");
    let jobs: Vec<_> = crontab.lines().filter(|line| !line.starts_with("PATH=")).collect();
    assert_eq!(jobs.len(), 2);
    for job in jobs {
        let command = job.split_whitespace().skip(5).collect::<Vec<_>>().join(" ");
        assert_eq!(Ended::of(shell(&home, &command, &BTreeMap::new()).output().unwrap()).ok(), "");
    }
    assert_eq!(home.paths(), ["backup/", "backup/today.csv"]);
}

#[test]
fn the_ci_job_runs_and_leaves_no_session() {
    let home = Home::new();
    let [job] = blocks("yaml")[..] else { panic!("one job") };
    let (env, steps) = job.split_once("steps:").unwrap();
    let named: Vec<_> = env.lines().skip(1).map(|line| line.trim().split(':').next().unwrap()).collect();
    assert_eq!(named, ["QUATRIX_HOST", "QUATRIX_USER", "QUATRIX_PASSWORD"]);
    let values = [home.emulator.api(), USER, PASSWORD].map(str::to_owned);
    let mut variables: BTreeMap<_, _> = named.into_iter().zip(values).collect();
    // The one thing that cannot be as written: no account is at hand.
    let base_url = variables.remove("QUATRIX_HOST").unwrap();
    variables.insert("QUATRIX_BASE_URL", base_url);
    let script: String =
        steps.split_once("run: |\n").unwrap().1.lines().map(|line| format!("{}\n", line.trim())).collect();
    home.write("dist.zip", "zip");
    let out = Ended::of(shell(&home, &script, &variables).output().unwrap()).ok();
    assert_eq!(out, format!("Logged out of {}.\n", home.emulator.api()));
    assert_eq!(home.paths(), ["builds/", "builds/dist.zip"]);
    assert_eq!((home.logins(), &*home.asked().pop().unwrap().1), (1, "/session/logout"));
}

#[test]
fn the_error_for_programs_looks_as_shown() {
    let [error, _config] = blocks("json")[..] else { panic!("an error, and a configuration") };
    assert_eq!(Home::new().run(&["status", "--json"]).failed(4), format!("{error}\n"));
}

#[test]
fn the_page_lists_the_exit_codes_of_the_help() {
    let help = Command::new(BINARY).arg("--help").env_clear().envs(measured()).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let listed: Vec<_> =
        PAGE.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse::<u8>().ok()).collect();
    assert_eq!(listed, (0..=15).chain([130]).collect::<Vec<_>>());
    for code in listed {
        assert!(help.contains(&format!("{code} ")), "{code}");
    }
}
