//! Uploads and downloads through both adapters: every cut, every clash, sources and sinks that misbehave.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod cuts;
mod local;
mod long;
mod places;
mod settings;

use quatrix_emulator::Seed;
use quatrix_proto::api::{GetHome, OnConflict};
use quatrix_proto::task::{LookUp, Upload};
use quatrix_proto::{FileId, FileName};
use quatrix_tests::stage::{Stage, Wire};
use quatrix_tests::subject::Subject;

const USER: &str = "user@example.com";

/// A stage with this file in the home.
fn stage(wire: Wire, name: &str, bytes: &[u8]) -> Stage {
    Stage::built(wire, |builder| builder.files(Seed::new().file(name, bytes.to_vec())))
}

fn home<S: Subject>(client: &S) -> FileId {
    client.call(&GetHome::new()).unwrap().id
}

fn find<S: Subject>(client: &S, path: &str) -> FileId {
    client.run(LookUp::new(path.parse().unwrap())).unwrap().unwrap().id
}

fn upload(parent: FileId, name: &str, size: usize, on_conflict: OnConflict) -> Upload {
    Upload::new(parent, FileName::new(name).unwrap(), size as u64, 7).on_conflict(on_conflict)
}

/// Bytes that are all over the place, so that a range in the wrong one shows.
fn bytes(length: usize, seed: u8) -> Vec<u8> {
    (0..length).map(|at| (at.wrapping_mul(31) >> 3) as u8 ^ seed).collect()
}
