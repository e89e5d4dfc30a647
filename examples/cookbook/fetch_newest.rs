//! Downloads the newest file of a folder.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use quatrix_emulator::Emulator;
use quatrix_ureq::api::GetFile;
use quatrix_ureq::proto::FileName;
use quatrix_ureq::task::{LookUp, MakeFolders};
use quatrix_ureq::{Client, Credentials, Login, Server};

fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::start()?;
    let client = Client::new(Server::at(emulator.api())?)?;
    assert_eq!(client.login(Credentials::new("user@example.com", "only-for-tests-4711")?)?, Login::Active);
    let reports = client.run(MakeFolders::new("/reports".parse()?))?;
    let folder = tempfile::tempdir()?;
    for name in ["monday.csv", "tuesday.csv"] {
        fs::write(folder.path().join(name), name)?;
        client.files().upload(folder.path().join(name), &reports)?;
        sleep(Duration::from_millis(20)); // the next file is newer
    }

    let target = tempfile::tempdir()?;
    let newest = fetch_newest(&client, target.path())?;
    println!("{}", newest.file_name().ok_or("no name")?.display());
    client.logout()?;
    Ok(())
}

// docs: begin
/// Downloads the newest file of `/reports` into `target`. Returns its path.
fn fetch_newest(client: &Client, target: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let reports = client.run(LookUp::new("/reports".parse()?))?.ok_or("no folder /reports")?;
    let listing = client.call(&GetFile::new(reports.id).with_content())?.into_children()?;
    let files = listing.into_iter().filter(|file| !file.is_folder());
    let newest = files.max_by_key(|file| file.modified).ok_or("/reports is empty")?;
    let path = target.join(FileName::new(newest.name)?.as_str()); // no name leads out of `target`
    client.files().download(&newest.id, &path)?;
    Ok(path)
}
// docs: end
