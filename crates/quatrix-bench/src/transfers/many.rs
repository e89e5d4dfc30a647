//! Requests of a transfer, shared by the plain clients and prepared by the core, so that all clients send the same.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use quatrix_proto::FileId;
use quatrix_proto::api::{GetUploadLink, MakeFolder};

/// Maximum chunk size of our clients.
const CHUNK: u64 = 100 << 20;

pub(super) fn folder(client: &quatrix_ureq::Client, home: &FileId) -> FileId {
    let folder = MakeFolder::new(home.clone(), "small".parse().expect("it is a name"));
    client.call(&folder).expect("it is made").id
}

pub(super) fn link(path: &Path, size: u64, home: &FileId) -> GetUploadLink {
    let name = path.file_name().and_then(|name| name.to_str()).expect("it has a name");
    GetUploadLink::new(home.clone(), name.parse().expect("it is a name")).file_size(size)
}

pub(super) fn chunks(size: u64) -> impl Iterator<Item = Range<u64>> {
    (0..size.div_ceil(CHUNK)).map(move |chunk| chunk * CHUNK..size.min((chunk + 1) * CHUNK))
}

/// Distributes the files of a folder among workers.
pub(super) fn dealt(folder: &Path, hands: usize) -> Vec<Vec<PathBuf>> {
    let mut dealt = vec![Vec::new(); hands];
    for (number, entry) in fs::read_dir(folder).expect("it is there").enumerate() {
        dealt[number % hands].push(entry.expect("it can be read").path());
    }
    dealt
}
