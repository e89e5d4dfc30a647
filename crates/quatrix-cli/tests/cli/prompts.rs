//! Questions at a terminal, answered by somebody who types.

use std::process::Command;

use nix::sys::wait::WaitStatus;
use rexpect::session::{Options, PtySession, spawn_with_options};

use crate::support::{BINARY, CAPTCHA, Home, PASSWORD, PIN, TOTP, USER};

/// The command at a terminal of its own, which shows what is typed unless it is told not to.
pub(crate) fn at_terminal(home: &Home, args: &[&str]) -> PtySession {
    let line = format!("stty echo; exec {BINARY} \"$@\"");
    let mut shell = Command::new("sh");
    shell.args(["-c", &line, "sh"]).args(args).env_clear().env("TERM", "xterm");
    shell.envs(home.command(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))));
    spawn_with_options(shell, Options::new().timeout_ms(Some(60_000)).strip_ansi_escape_codes(true)).unwrap()
}

/// What else it said, and its exit code.
pub(crate) fn end(mut session: PtySession) -> (String, i32) {
    let rest = session.exp_eof().unwrap().replace('\r', "");
    match session.process().wait().unwrap() {
        WaitStatus::Exited(_, code) => (rest, code),
        other => panic!("{other:?}"),
    }
}

/// Names host and port.
fn password_question(home: &Home, user: &str) -> String {
    let address = home.emulator.api().trim_start_matches("http://").trim_end_matches("/api/1.0");
    format!("Password of {user} at {address}: ")
}

#[test]
fn whatever_is_missing_is_asked_for_and_secrets_are_not_shown() {
    let home = Home::new();
    let mut session = at_terminal(&home, &["login"]);
    session.exp_string("E-mail address: ").unwrap();
    session.send_line(TOTP).unwrap();
    session.exp_string(&password_question(&home, TOTP)).unwrap();
    session.send_line(PASSWORD).unwrap();
    session.exp_string("Code of the authenticator: ").unwrap();
    let code = home.emulator.code(TOTP).unwrap();
    session.send_line(&code).unwrap();
    let (rest, exit) = end(session);
    assert_eq!((rest, exit), (format!("\nLogged in to {} as {TOTP}.\n", home.emulator.api()), 0));
}

#[test]
fn an_account_is_asked_for_where_none_is_named() {
    let mut home = Home::new();
    home.variables.clear();
    let mut session = at_terminal(&home, &["login"]);
    session.exp_string("Account (NAME of NAME.quatrix.it, or its own host name): ").unwrap();
    session.send_line("not a name").unwrap();
    let (rest, exit) = end(session);
    assert_eq!(exit, 2, "{rest}");
}

#[test]
fn a_password_may_be_mistyped_twice() {
    let home = Home::new();
    let mut session = at_terminal(&home, &["login", "--user", USER]);
    let question = password_question(&home, USER);
    for (typed, then) in [("wrong", "That is not right. Try 2 of 3."), ("worse", "That is not right. Try 3 of 3.")] {
        session.exp_string(&question).unwrap();
        session.send_line(typed).unwrap();
        session.exp_string(then).unwrap();
    }
    session.exp_string(&question).unwrap();
    session.send_line(PASSWORD).unwrap();
    assert_eq!(end(session).1, 0);

    home.run(&["logout"]).ok();
    let mut session = at_terminal(&home, &["login", "--user", USER]);
    for _ in 0..3 {
        session.exp_string(&question).unwrap();
        session.send_line("wrong").unwrap();
    }
    assert_eq!(end(session).1, 4);
    assert_eq!(home.logins(), 6);
}

#[test]
fn a_code_may_be_mistyped_twice() {
    let home = Home::new().with("QUATRIX_PASSWORD", PASSWORD);
    let mut session = at_terminal(&home, &["login", "--user", PIN]);
    session.exp_string("PIN: ").unwrap();
    session.send_line("11111").unwrap();
    session.exp_string("That is not right. Try 2 of 3.").unwrap();
    session.exp_string("PIN: ").unwrap();
    session.send_line("24680").unwrap();
    assert_eq!(end(session).1, 0);

    home.run(&["logout"]).ok();
    let mut session = at_terminal(&home, &["login", "--user", PIN]);
    for _ in 0..3 {
        session.exp_string("PIN: ").unwrap();
        session.send_line("11111").unwrap();
    }
    let (rest, exit) = end(session);
    assert_eq!(exit, 4, "{rest}");
    let mut session = at_terminal(&home, &["answer"]);
    session.exp_string("PIN: ").unwrap();
    session.send_line("24680").unwrap();
    assert_eq!(end(session).1, 0);
}

#[test]
fn a_captcha_is_explained() {
    let home = Home::new().with("QUATRIX_PASSWORD", PASSWORD);
    let mut session = at_terminal(&home, &["login", "--user", CAPTCHA]);
    session.exp_string("Log in at https://127.0.0.1 in a browser").unwrap();
    session.exp_string("Captcha token: ").unwrap();
    session.send_line("test-captcha-4711").unwrap();
    assert_eq!(end(session).1, 0);
}

#[test]
fn no_answer_cancels_and_the_login_can_go_on_later() {
    let home = Home::new().with("QUATRIX_PASSWORD", PASSWORD);
    let mut session = at_terminal(&home, &["login", "--user", PIN]);
    session.exp_string("PIN: ").unwrap();
    session.send_line("").unwrap();
    let (rest, exit) = end(session);
    assert_eq!((exit, rest.contains("cancelled")), (3, true), "{rest}");
    let answered = home.run(&["answer", "--code", "24680"]);
    assert_eq!(answered.code, Some(0), "{answered:?}");

    let home = Home::new();
    let mut session = at_terminal(&home, &["login", "--user", USER]);
    session.exp_string(": ").unwrap();
    session.send_control('d').unwrap();
    assert_eq!(end(session).1, 3);
}

#[test]
fn an_interrupt_ends_it_with_130_and_the_terminal_shows_what_is_typed_again() {
    let home = Home::new();
    let line = format!(
        "stty echo; trap : INT; {BINARY} login --user {USER}; echo code $?; stty -a | grep -q ' echo ' && echo seen"
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &line]).env_clear();
    shell.envs(home.command(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut session = spawn_with_options(shell, Options::new().timeout_ms(Some(60_000))).unwrap();
    session.exp_string(": ").unwrap();
    session.send_control('c').unwrap();
    session.exp_string("code 130").unwrap();
    session.exp_string("seen").unwrap();
}

#[test]
fn a_watch_keeps_on_until_it_is_interrupted() {
    let home = Home::new();
    home.log_in();
    let mut session = at_terminal(&home, &["keepalive", "--watch"]);
    session.exp_string("another 15 minutes").unwrap();
    session.send_control('c').unwrap();
    assert_eq!(end(session).1, 130);
}

#[test]
fn nobody_is_asked_with_no_input() {
    let home = Home::new();
    let (rest, exit) = end(at_terminal(&home, &["login", "--user", USER, "--no-input"]));
    assert_eq!((exit, rest.contains("no prompt possible")), (4, true), "{rest}");
    let home = home.with("QUATRIX_NO_INPUT", "1");
    assert_eq!(end(at_terminal(&home, &["login"])).1, 2);
}

#[test]
fn json_is_indented_at_a_terminal_and_escapes_are_seen() {
    let home = Home::new();
    home.log_in();
    let (rest, exit) = end(at_terminal(&home, &["api", "GET", "/profile/info"]));
    assert_eq!(exit, 0);
    assert!(rest.starts_with("{\n  \""), "{rest}");
    let key = home.write("key", "key").display().to_string();
    let brackets = "[".repeat(20_000) + &"]".repeat(20_000);
    let canned = crate::support::Canned::json(200, &brackets);
    let mut session = at_terminal(&home, &["api", "GET", "/x", "--base-url", &canned.base_url, "--api-key-file", &key]);
    let shown = session.exp_eof().unwrap();
    assert!(shown.len() < 2 * brackets.len(), "{} bytes", shown.len());
    let canned = crate::support::Canned::json(200, "[\"a\u{202e}\u{9b}\"]");
    let mut session = at_terminal(&home, &["api", "GET", "/x", "--base-url", &canned.base_url, "--api-key-file", &key]);
    assert!(session.exp_eof().unwrap().contains(r#""a\u202e\u009b""#));
    let canned = crate::support::Canned::start(200, "content-type: text/plain", "a\x1b[31mb");
    let home = home.with("QUATRIX_API_KEY", "key").with("QUATRIX_BASE_URL", &canned.base_url);
    assert_eq!(end(at_terminal(&home, &["api", "GET", "/x"])), ("a\\u{1b}[31mb\n".to_owned(), 0));
}

/// A shell at a terminal of its own, in which the command is `$BINARY`.
fn shell_at_terminal(home: &Home, line: &str) -> PtySession {
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).env_clear().env("BINARY", BINARY);
    shell.envs(home.command(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))));
    spawn_with_options(shell, Options::new().timeout_ms(Some(60_000))).unwrap()
}

#[test]
fn questions_go_to_the_terminal_wherever_the_streams_go_and_a_secret_can_be_corrected() {
    let home = Home::new();
    let mut session =
        shell_at_terminal(&home, "stty echo; \"$BINARY\" login < /dev/null > \"$HOME/out\"; echo code $?");
    session.exp_string("E-mail address: ").unwrap();
    session.send_line(USER).unwrap();
    session.exp_string(&password_question(&home, USER)).unwrap();
    // Control-U clears the line, the last key takes a character back.
    session.send(&format!("mistyped\x15{PASSWORD}x\x7f")).unwrap();
    session.send_line("").unwrap();
    let rest = session.exp_string("code 0").unwrap();
    assert!(!rest.contains("mistyped") && !rest.contains(PASSWORD), "{rest}");
    let out = std::fs::read_to_string(crate::support::here(&home, "out")).unwrap();
    assert_eq!(out, format!("Logged in to {} as {USER}.\n", home.emulator.api()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_signal_from_elsewhere_leaves_a_terminal_that_shows_what_is_typed() {
    let home = Home::new();
    let line = format!(
        "stty echo; \"$BINARY\" login --user {USER}; echo code $?; \
         stty -a | grep -q ' echo ' && stty -a | grep -q ' icanon ' && echo seen"
    );
    let mut session = shell_at_terminal(&home, &line);
    session.exp_string(&password_question(&home, USER)).unwrap();
    let process = std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let is_ours = |pid: &String| {
        let line = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let home = format!("HOME={}\0", home.folder.path().display());
        let name = std::fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(&home) && name == std::path::Path::new(BINARY)
    };
    let pid = process.into_iter().find(is_ours).unwrap();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    session.exp_string("code 130").unwrap();
    session.exp_string("seen").unwrap();
}

#[test]
fn an_api_key_is_asked_for_and_not_shown() {
    let home = Home::new();
    let mut session = at_terminal(&home, &["login", "--api-key"]);
    session.exp_string("API key: ").unwrap();
    session.send_line("test-key-4711").unwrap();
    let (rest, exit) = end(session);
    assert_eq!((rest, exit), (format!("\nLogged in to {} as {USER}, with an API key.\n", home.emulator.api()), 0));
    home.run(&["status"]).ok();
    let mut session = at_terminal(&home, &["login", "--api-key", "--no-input"]);
    let refused = session.exp_eof().unwrap();
    assert!(refused.contains("no API key given, and no prompt possible"), "{refused}");
}
