//! Help texts: committed, so that a change of them is read.

use std::process::Command;

use crate::support::{BINARY, assert_snapshot, measured};

const COMMANDS: &[&str] = &[
    "login",
    "answer",
    "status",
    "keepalive",
    "logout",
    "token",
    "ls",
    "stat",
    "find",
    "put",
    "get",
    "mirror",
    "mkdir",
    "cp",
    "mv",
    "rm",
    "quota",
    "api",
    "doctor",
    "completion",
    "man",
    #[cfg(feature = "demo")]
    "demo",
];

fn help(args: &[&str]) -> String {
    let output = Command::new(BINARY).args(args).env_clear().envs(measured()).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_command_tells_what_it_does() {
    for command in COMMANDS {
        let text = help(&[command, "--help"]);
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
        assert_eq!(text, help(&[command, "-h"]));
        assert_snapshot(&format!("help-{command}.txt"), &text);
    }
}

#[cfg(feature = "demo")]
#[test]
fn the_first_help_names_every_command_and_exit_code() {
    let text = help(&["--help"]);
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    for command in COMMANDS {
        assert!(text.contains(&format!("\n  {command} ")), "{command}");
    }
    for code in (0..=15).chain([130]) {
        assert!(text.contains(&format!(" {code} ")) || text.contains(&format!("\n{code} ")), "{code}");
    }
    assert_snapshot("help.txt", &text);
}

#[test]
fn without_a_command_the_help_is_shown_as_an_error() {
    let output = Command::new(BINARY).env_clear().envs(measured()).output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert!(String::from_utf8(output.stderr).unwrap().contains("Usage: quatrix COMMAND"));
}

#[test]
fn completions_and_manual_pages_come_from_the_command_itself() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = help(&["completion", shell]);
        assert!(script.contains("keepalive") && script.contains("code-command"), "{shell}");
    }
    assert!(help(&["man"]).contains(".TH quatrix 1"));
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(help(&["man", "--dir", folder.path().to_str().unwrap()]), "");
    for command in COMMANDS {
        let page = std::fs::read_to_string(folder.path().join(format!("quatrix-{command}.1"))).unwrap();
        assert!(page.contains(&format!(".TH quatrix-{command} 1")), "{page}");
    }
}
