//! `quatrix demo`: the same story whoever tells it.

use std::process::Command;

use crate::picture;
use crate::support::{BINARY, assert_committed, assert_snapshot, measured};

fn demo(transport: &str) -> String {
    let output =
        Command::new(BINARY).args(["demo", "--transport", transport]).env_clear().envs(measured()).output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn both_clients_live_the_same_session() {
    let (ureq, hyper) = (demo("ureq"), demo("hyper"));
    let told = |text: &str| text.lines().skip(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(told(&ureq), told(&hyper));
    assert!(ureq.lines().count() <= 72 && ureq.lines().all(|line| line.chars().count() <= 80), "{ureq}");
    assert!(!ureq.contains('\x1b') && !ureq.contains("4711"), "{ureq}");
    assert_snapshot("demo.txt", &ureq);
}

/// The picture of the README is drawn from what the command prints now.
#[test]
fn the_picture_shows_the_transcript() {
    let picture = picture::draw(&demo("ureq"));
    assert!(picture.contains("$ quatrix demo") && picture.contains("logged in again"), "{picture}");
    assert_committed("../../docs/demo.svg", &picture);
}
