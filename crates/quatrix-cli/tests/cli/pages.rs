//! The command lines of the README, the cookbook and the rclone page, run as they stand there.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use quatrix_emulator::Emulator;

use crate::docs::shell;
use crate::support::{Ended, Home, PASSWORD, TOTP, USER};

const README: &str = include_str!("../../../../README.md");
const CLI: &str = include_str!("../../../../docs/cli.md");
const COOKBOOK: &str = include_str!("../../../../docs/cookbook.md");
const RCLONE: &str = include_str!("../../../../docs/coming-from-rclone.md");

/// The account that the pages use. It does not exist, so the emulator's takes its place.
const ACCOUNT: &str = "--host acme --user me@acme.com";

/// The fenced blocks of a language.
fn blocks(page: &'static str, language: &str) -> Vec<&'static str> {
    let fence = format!("\n```{language}\n");
    page.split(&fence).skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect()
}

/// The shell recipes of the cookbook, each with its test below.
fn recipes() -> [&'static str; 3] {
    blocks(COOKBOOK, "sh").try_into().expect("a recipe that no test runs, or one test too many")
}

/// Runs a script of a page as a user of the emulator.
fn run(home: &Home, script: &str, user: &str, variables: &[(&str, &str)]) -> String {
    let account = format!("--base-url {} --user {user}", home.emulator.api());
    let variables: BTreeMap<_, _> = variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Ended::of(shell(home, &script.replace(ACCOUNT, &account), &variables).output().unwrap()).ok()
}

/// Runs one command, with the password where it logs in.
fn run_command(home: &Home, command: &str) -> String {
    match command.starts_with("quatrix login") {
        true => run(home, command, USER, &[("QUATRIX_PASSWORD", PASSWORD)]),
        false => run(home, command, USER, &[]),
    }
}

#[test]
fn the_commands_of_the_readme_run() {
    let home = Home::new();
    home.write("q3.pdf", "numbers of three quarters");
    home.write("photos/one.jpg", "a photo");
    let [_set_up, commands] = blocks(README, "console")[..] else { panic!("the set-up, and the commands") };
    let commands: Vec<_> = commands.lines().map(|line| line.strip_prefix("$ ").unwrap()).collect();
    assert_eq!(commands.len(), 6);
    for command in commands {
        run_command(&home, command);
    }
    let expected = ["backup/", "backup/photos/", "backup/photos/one.jpg", "reports/", "reports/2026/"];
    assert_eq!(home.paths(), [&expected[..], &["reports/2026/q3.pdf"]].concat());
    assert!(home.folder.path().join("copy.pdf").is_file());
    assert!(blocks(README, "sh").iter().all(|install| blocks(CLI, "sh").contains(install)), "as in docs/cli.md");
}

#[test]
fn the_set_up_of_the_readme_is_what_the_checks_run() {
    let checks = include_str!("../../../../.ci/run");
    let [set_up, _commands] = blocks(README, "console")[..] else { panic!("the set-up, and the commands") };
    let set_up: Vec<_> = set_up.lines().map(|line| line[2..].split(" #").next().unwrap().trim()).collect();
    assert_eq!(set_up, ["cargo run --bin quatrix -- demo", "cargo test --workspace"]);
    assert!(checks.contains("--bin quatrix -- demo") && checks.contains("cargo test --workspace"));
}

#[test]
fn the_status_stands_in_the_first_ten_lines_of_the_readme() {
    let first: Vec<_> = README.lines().take(10).collect();
    assert!(first.iter().any(|line| line.contains("not yet verified against a live server")), "{first:?}");
    assert!(README.contains("](docs/demo.svg)"));
}

#[test]
fn the_dependencies_by_path_lead_to_crates() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for page in [README, COOKBOOK] {
        for line in blocks(page, "toml").concat().lines().filter(|line| line.contains("path = ")) {
            let path = line.split('"').nth(1).unwrap().strip_prefix("../quatrix/").unwrap();
            let package = line.split(' ').next().unwrap();
            assert!(path.ends_with(package) && root.join(path).join("Cargo.toml").is_file(), "{line}");
        }
    }
}

#[test]
fn the_newest_file_is_fetched() {
    let home = Home::new();
    for (name, seconds) in [("b old.csv", 1_700_000_000), ("a new.csv", 1_800_000_000)] {
        crate::support::set_modified(&home.write(name, name), seconds);
    }
    home.log_in();
    run(&home, "quatrix mkdir /reports && quatrix put *.csv /reports && rm *.csv", USER, &[]);
    run(&home, recipes()[0], USER, &[]);
    assert!(home.folder.path().join("a new.csv").is_file() && !home.folder.path().join("b old.csv").exists());
}

/// `oathtool` need not be installed: a script takes its place, with the options and the input that the page gives it.
#[test]
fn an_account_with_totp_is_used_unattended() {
    let home = Home::new();
    home.write("report.csv", "a;b");
    home.write(".config/quatrix/password", PASSWORD);
    home.write(".config/quatrix/totp-secret", "JBSWY3DPEHPK3PXP\n");
    let code = home.emulator.code(TOTP).unwrap();
    let tool = format!(
        "#!/bin/sh\nread -r secret\n[ \"$*\" = '--totp --base32 -' ] && [ $secret = JBSWY3DPEHPK3PXP ] && echo {code}\n"
    );
    home.write("bin/oathtool", &tool);
    let script = format!("chmod +x bin/oathtool\nPATH=$HOME/bin:$PATH\n{}", recipes()[1]);
    run(&home, &script, TOTP, &[]);
    assert_eq!(home.emulator.file(TOTP, "report.csv").unwrap(), "a;b");
}

#[test]
fn a_proxy_and_a_private_authority_are_used() {
    let home = Home::of(Emulator::builder().tls().start().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let proxy = format!("http://{address}");
    let tunnel = thread::spawn(move || tunnel(&listener).unwrap());
    let ca = home.emulator.ca_cert_path().unwrap().display().to_string();
    let script = recipes()[2].replace("http://proxy.acme.com:3128", &proxy);
    let script = script.replace("/etc/ssl/acme-ca.pem", &ca);
    let variables = [("QUATRIX_BASE_URL", home.emulator.api()), ("QUATRIX_API_KEY", "test-key-4711")];
    run(&home, &script, USER, &variables);
    // Without it, a command that has not used the proxy would leave the test waiting.
    drop(TcpStream::connect(address));
    assert_eq!(tunnel.join().unwrap(), home.emulator.address().to_string());
}

/// Serves one `CONNECT`. Returns its target.
fn tunnel(listener: &TcpListener) -> io::Result<String> {
    let (mut client, _) = listener.accept()?;
    let mut reader = BufReader::new(client.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head)? > 0 {}
    let target = head.split(' ').nth(1).unwrap().to_owned();
    let mut server = TcpStream::connect(&target)?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let mut from_server = server.try_clone()?;
    let back = thread::spawn(move || io::copy(&mut from_server, &mut client));
    io::copy(&mut reader, &mut server)?;
    server.shutdown(Shutdown::Write)?;
    let _ = back.join();
    Ok(target)
}

/// Every command of the table runs, in the order of the table.
#[test]
fn the_commands_for_users_of_rclone_run() {
    let home = Home::new();
    home.write("a.pdf", "a");
    home.write("photos/one.jpg", "a photo");
    let (_, table) = RCLONE.split_once("\n| rclone | quatrix |\n").unwrap();
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    let commands: Vec<_> = rows.map(|row| row.split('`').nth(3).unwrap()).collect();
    assert!(commands.len() > 20 && commands.iter().all(|command| command.starts_with("quatrix ")), "{commands:?}");
    let first = commands[0];
    run_command(&home, first);
    run_command(&home, "quatrix mkdir -p /in");
    for command in &commands[1..] {
        run_command(&home, command);
    }
    assert_eq!(home.paths(), ["in/", "in/a.pdf", "in/b.pdf", "in/d.txt", "in/new/"]);
    assert_eq!(std::fs::read(home.folder.path().join("c.pdf")).unwrap(), b"a");
    assert!(Path::new(&home.folder.path().join("photos/one.jpg")).is_file());
}
