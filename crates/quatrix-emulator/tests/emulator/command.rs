//! The command, started as whoever tests in another language starts it.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

use crate::support::{CAPTCHA, PASSWORD};
use crate::wire::Wire;

/// A running command. It ends with its standard input, at the latest with this value.
struct Running {
    child: Child,
    ready: Value,
}

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quatrix-emulator"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn start(args: &[&str]) -> Running {
    let mut child = command(&[args, &["--exit-with-stdin"]].concat()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert!(line.ends_with("}\n"), "{line}");
    Running { child, ready: serde_json::from_str(&line).unwrap() }
}

/// Runs a command that ends by itself.
fn ended(args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command(args).output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

impl Running {
    fn wire(&self) -> Wire {
        let pem = self.ready["ca_cert"].as_str().map(|path| fs::read_to_string(path).unwrap());
        Wire::connect(self.ready["url"].as_str().unwrap(), pem.as_deref())
    }

    /// Closes standard input, and returns the exit code and what was logged.
    fn stop(mut self) -> (Option<i32>, String) {
        drop(self.child.stdin.take());
        let code = self.child.wait().unwrap().code();
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (code, log)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[test]
fn one_line_says_that_it_is_ready_and_where() {
    let running = start(&[]);
    let url = running.ready["url"].as_str().unwrap();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    let expected = json!({ "url": url, "api": format!("{url}/api/1.0"), "ca_cert": null, "control": null });
    assert_eq!(running.ready, expected);
    let mut wire = running.wire();
    wire.login("user@example.com");
    assert_eq!(wire.json("GET", "/_emulator/health", &[], "").status, 404);
    assert_eq!(running.stop().0, Some(0));
}

#[test]
fn tls_and_control_are_announced() {
    let running = start(&["--tls", "--control"]);
    let url = running.ready["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    assert_eq!(running.ready["control"], json!(format!("{url}/_emulator")));
    let path = PathBuf::from(running.ready["ca_cert"].as_str().unwrap());
    assert_eq!(running.wire().json("GET", "/_emulator/health", &[], "").status, 200);
    assert!(path.exists());
    assert_eq!(running.stop().0, Some(0));
    assert!(!path.exists());
}

#[cfg(unix)]
#[test]
fn a_signal_stops_it_and_nothing_is_left() {
    for signal in ["-TERM", "-INT", "-HUP"] {
        let mut running = start(&["--tls"]);
        let path = PathBuf::from(running.ready["ca_cert"].as_str().unwrap());
        running.wire().login("user@example.com");
        let killed = Command::new("kill").args([signal, &running.child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        assert_eq!(running.child.wait().unwrap().code(), Some(0), "{signal}");
        assert!(!path.exists(), "{signal}");
    }
}

#[test]
fn requests_are_logged_to_standard_error_without_secrets() {
    let running = start(&[]);
    let id = running.wire().login("user@example.com").session_id();
    running.wire().profile(&id);
    let (_, log) = running.stop();
    assert_eq!(log, "GET /api/1.0/session/login -> 200\nGET /api/1.0/profile -> 200\n");
}

#[test]
fn accounts_come_from_a_file() {
    let path = std::env::temp_dir().join(format!("quatrix-emulator-accounts-{}.json", std::process::id()));
    let accounts = json!({ "accounts": [{ "user": "ann@example.com", "password": PASSWORD }] });
    fs::write(&path, accounts.to_string()).unwrap();
    let running = start(&["--accounts", path.to_str().unwrap()]);
    assert_eq!(running.wire().login("ann@example.com").status, 200);
    assert_eq!(running.wire().login("user@example.com").status, 401);

    fs::write(&path, r#"{"accounts": [{"user": "ann@example.com", "password": 4711}]}"#).unwrap();
    let (code, _, error) = ended(&["--accounts", path.to_str().unwrap()]);
    fs::remove_file(&path).unwrap();
    assert_eq!(code, Some(2));
    assert!(error.contains("invalid account list") && !error.contains("4711"), "{error}");
}

#[test]
fn every_home_has_what_is_in_the_seed_directory() {
    let dir = std::env::temp_dir().join(format!("quatrix-emulator-command-seed-{}", std::process::id()));
    fs::create_dir_all(dir.join("in")).unwrap();
    fs::write(dir.join("in/a.txt"), "hello").unwrap();
    let running = start(&["--seed-dir", dir.to_str().unwrap()]);
    fs::remove_dir_all(&dir).unwrap();
    let key = [("authorization", "Bearer test-key-4711")];
    let found = running.wire().json("POST", "/api/1.0/file/id", &key, r#"{"path":"in/a.txt"}"#);
    assert_eq!((found.status, &found.json["type"]), (200, &json!("F")));
    let (code, _, error) = ended(&["--seed-dir", dir.to_str().unwrap()]);
    assert!(code == Some(2) && error.contains("quatrix-emulator-command-seed"), "{error}");
}

#[test]
fn the_flags_set_what_they_say() {
    let running = start(&["--control", "--idle-timeout", "5m"]);
    let mut wire = running.wire();
    let id = wire.login("user@example.com").session_id();
    wire.json("POST", "/_emulator/clock", &[], r#"{"advance_s": 299}"#);
    assert_eq!(wire.profile(&id).status, 200);
    wire.json("POST", "/_emulator/clock", &[], r#"{"advance_s": 300}"#);
    assert_eq!(wire.profile(&id).status, 401);

    let running = start(&["--captcha-after", "1", "--captcha-signal", "401-body"]);
    let mut wire = running.wire();
    wire.json("GET", "/api/1.0/session/login", &[("authorization", "Basic dXNlckBleGFtcGxlLmNvbTp3cm9uZw==")], "");
    let asked = wire.login("user@example.com");
    assert_eq!(asked.refusal(), (401, 72));
    let token = json!({ "token": CAPTCHA }).to_string();
    let id = asked.session_id();
    assert_eq!(wire.json("POST", "/api/1.0/session/unblock-captcha", &[("x-auth-token", &id)], &token).status, 200);

    let running = start(&["--control", "--totp-single-use"]);
    let mut wire = running.wire();
    let code = wire.json("GET", "/_emulator/code?user=totp@example.com", &[], "").json["code"].clone();
    for expected in [200, 401] {
        let id = wire.login("totp@example.com").session_id();
        let body = json!({ "auth_type": "2FA", "code": code }).to_string();
        assert_eq!(wire.json("POST", "/api/1.0/session/login", &[("x-auth-token", &id)], &body).status, expected);
    }
}

#[test]
fn what_goes_wrong_and_what_is_lacking_can_be_said_from_the_beginning() {
    let path = std::env::temp_dir().join(format!("quatrix-emulator-faults-{}.json", std::process::id()));
    let plan = json!([{ "path": "/profile", "fault": "execute", "set": { "/email": "another" } }]);
    fs::write(&path, plan.to_string()).unwrap();
    let running = start(&["--faults", path.to_str().unwrap(), "--without", "POST /file/moveone"]);
    let mut wire = running.wire();
    let id = wire.login("user@example.com").session_id();
    assert_eq!(wire.profile(&id).text("email"), "another");
    assert_eq!(wire.profile(&id).text("email"), "user@example.com");
    assert_eq!(wire.json("POST", "/api/1.0/file/moveone", &[("x-auth-token", &id)], "{}").refusal(), (404, 20));

    fs::write(&path, r#"[{ "fault": { "status": 42 } }]"#).unwrap();
    let (code, out, error) = ended(&["--faults", path.to_str().unwrap()]);
    assert_eq!((code, out.as_str()), (Some(2), ""), "{error}");
    fs::write(&path, r#"[{ "fault": "explode" }]"#).unwrap();
    let (code, _, error) = ended(&["--faults", path.to_str().unwrap()]);
    fs::remove_file(&path).unwrap();
    assert!(code == Some(2) && error.contains("quatrix-emulator-faults"), "{error}");
}

#[test]
fn off_loopback_the_control_paths_take_the_token_of_a_file() {
    let file = |name: &str, text: &str| {
        let path = std::env::temp_dir().join(format!("quatrix-emulator-{name}-{}", std::process::id()));
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let accounts = json!({ "accounts": [{ "user": "ann@example.com", "password": PASSWORD }] });
    let (accounts, token) = (file("those", &accounts.to_string()), file("token", "test-token-4711\n"));
    let listen = ["--listen", "0.0.0.0:0", "--accounts", &accounts];
    let (code, out, error) = ended(&[&listen[..], &["--control"]].concat());
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(error.contains("token"), "{error}");
    let running = start(&[&listen[..], &["--control-token-file", &token]].concat());
    assert!(running.ready["control"].as_str().unwrap().ends_with("/_emulator"));
    let mut wire = running.wire();
    assert_eq!(wire.json("GET", "/_emulator/health", &[], "").status, 401);
    let with = [("authorization", "Bearer test-token-4711")];
    assert_eq!(wire.json("GET", "/_emulator/health", &with, "").status, 200);
    fs::write(&token, "\n").unwrap();
    assert_eq!(ended(&["--control-token-file", &token]).0, Some(2), "an empty token is none");
    fs::remove_file(accounts).unwrap();
    fs::remove_file(token).unwrap();
}

#[test]
fn a_wrong_flag_is_a_usage_error() {
    for (args, expected) in [
        (&["--nothing"][..], "--nothing"),
        (&["--idle-timeout", "soon"], "such as 900s"),
        (&["--captcha-signal", "403"], "401-header"),
        (&["--captcha-after", "-1"], "-1"),
        (&["--listen", "localhost"], "localhost"),
        (&["--accounts", "/nonexistent/accounts.json"], "/nonexistent/accounts.json"),
        (&["--listen", "0.0.0.0:0"], "--accounts FILE"),
        (&["--listen", "[::]:0"], "--accounts FILE"),
    ] {
        let (code, out, error) = ended(args);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{args:?}");
        assert!(error.starts_with("quatrix-emulator: ") && error.contains(expected), "{error}");
    }
}

#[test]
fn a_port_that_is_taken_is_an_error_of_its_own() {
    let running = start(&[]);
    let address = running.ready["url"].as_str().unwrap().strip_prefix("http://").unwrap();
    let (code, out, error) = ended(&["--listen", address]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(error.contains("in use"), "{error}");
}

#[test]
fn help_and_version_are_printed() {
    let (code, help, error) = ended(&["--help"]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    for flag in [
        "--listen",
        "--tls",
        "--control",
        "--control-token-file",
        "--faults",
        "--without",
        "--accounts",
        "--seed-dir",
        "--idle-timeout",
        "--captcha-after",
        "--captcha-signal",
        "--totp-single-use",
        "--exit-with-stdin",
    ] {
        assert!(help.contains(flag), "{flag}");
    }
    assert!(help.lines().all(|line| line.len() <= 120));
    assert_eq!(ended(&["--version"]).1, format!("quatrix-emulator {}\n", env!("CARGO_PKG_VERSION")));
}
