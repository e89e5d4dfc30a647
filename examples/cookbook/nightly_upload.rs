//! Uploads the new and changed files of a folder, with an API key.

use std::error::Error;
use std::fs;
use std::path::Path;

use quatrix_emulator::Emulator;
use quatrix_ureq::task::MakeFolders;
use quatrix_ureq::task::mirror::Mirror;
use quatrix_ureq::{ApiKey, Client, Server};

fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::start()?;
    let folder = tempfile::tempdir()?;
    let (key, outbox) = (folder.path().join("backup.key"), folder.path().join("outbox"));
    fs::write(&key, "test-key-4711\n")?;
    fs::create_dir(&outbox)?;
    fs::write(outbox.join("today.csv"), "a;b")?;

    for night in 1..=2 {
        let uploaded = upload(Server::at(emulator.api())?, &key, &outbox)?;
        println!("night {night}: {uploaded} files");
    }
    println!("on the server: {}", emulator.paths("user@example.com").join(" "));
    Ok(())
}

// docs: begin
/// Uploads the new and changed files of `outbox` to `/backup`. Returns how many.
fn upload(server: Server, key: &Path, outbox: &Path) -> Result<u64, Box<dyn Error>> {
    let key = ApiKey::new(fs::read_to_string(key)?.trim())?;
    let client = Client::builder(server).api_key(key).build()?;
    let backup = client.run(MakeFolders::new("/backup".parse()?))?;
    let report = client.files().mirror_up(outbox, &backup, &Mirror::default())?;
    for (path, error) in &report.failed {
        eprintln!("{path}: {error}");
    }
    Ok(report.files)
}
// docs: end
