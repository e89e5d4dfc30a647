//! Mirrors a local folder to the server: uploads new and changed files, moves files deleted locally to the trash.

use std::error::Error;
use std::fs;

use quatrix_emulator::Emulator;
use quatrix_ureq::task::MakeFolders;
use quatrix_ureq::task::mirror::Mirror;
use quatrix_ureq::{Client, Credentials, Login, Server};

fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::start()?; // with a real account: Server::account("acme")
    let client = Client::new(Server::at(emulator.api())?)?;
    assert_eq!(client.login(Credentials::new("user@example.com", "only-for-tests-4711")?)?, Login::Active);
    let backup = client.run(MakeFolders::new("/backup/laptop".parse()?))?;

    let here = tempfile::tempdir()?;
    fs::create_dir(here.path().join("notes"))?;
    fs::write(here.path().join("notes/today.md"), "buy milk")?;
    fs::write(here.path().join("old.txt"), "no longer needed")?;

    let files = client.files().concurrency(8);
    let first = files.mirror_up(here.path(), &backup, &Mirror::default().with_deletions())?;
    println!("first: {} up, {} deleted", first.files, first.deleted.len());

    fs::write(here.path().join("notes/today.md"), "buy milk and bread")?;
    fs::remove_file(here.path().join("old.txt"))?;
    let second = files.mirror_up(here.path(), &backup, &Mirror::default().with_deletions())?;
    println!("second: {} up, {} deleted", second.files, second.deleted.len());

    let third = files.mirror_up(here.path(), &backup, &Mirror::default().with_deletions())?;
    println!("third: {} up, {} deleted", third.files, third.deleted.len());
    client.logout()?;
    Ok(())
}
