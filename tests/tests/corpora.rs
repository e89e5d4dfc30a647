//! Every input that a fuzz target starts from is replayed here, on stable.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::path::Path;

use quatrix_proto::fuzzing;

/// Feeds a target every file of its corpus.
fn replay(target: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let inputs: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(inputs.len() >= 8, "{} has {} inputs", folder.display(), inputs.len());
    for input in inputs {
        eprintln!("{}", input.display());
        run(&fs::read(input).unwrap());
    }
}

/// A target of `fuzz/Cargo.toml` without a test here would rot.
#[test]
fn every_target_is_replayed() {
    let manifest = include_str!("../../fuzz/Cargo.toml");
    let names: Vec<_> = manifest.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"')).collect();
    let here = include_str!("corpora.rs");
    for name in names.iter().filter(|name| **name != "quatrix-fuzz") {
        assert!(here.contains(&format!("replay(\"{name}\"")), "{name}");
    }
}

#[test]
fn base_url() {
    replay("base_url", fuzzing::base_url);
}

#[test]
fn emulator_requests() {
    replay("emulator_requests", quatrix_emulator::fuzzing::emulator_requests);
}

#[test]
fn endpoint_answers() {
    replay("endpoint_answers", fuzzing::endpoint_answers);
}

#[test]
fn error_bodies() {
    replay("error_bodies", fuzzing::error_bodies);
}

#[test]
fn retry_after() {
    replay("retry_after", fuzzing::retry_after);
}

#[test]
fn saved_session() {
    replay("saved_session", fuzzing::saved_session);
}

#[test]
fn session_answers() {
    replay("session_answers", fuzzing::session_answers);
}

#[test]
fn session_ops() {
    replay("session_ops", quatrix_tests::story::session_ops);
}

#[test]
fn transfers() {
    replay("transfers", fuzzing::transfers);
}
