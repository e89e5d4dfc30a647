//! Streams a download into a pipe: `cargo run --example download_pipe | tar t`, say. The download is not buffered in
//! memory, and continues after a broken connection without the reader noticing.

use std::error::Error;
use std::io;

use quatrix_emulator::{CutPoint, Emulator, Fault, FaultKind, Seed};
use quatrix_ureq::task::{Download, LookUp};
use quatrix_ureq::{Client, Credentials, Login, Server};

fn main() -> Result<(), Box<dyn Error>> {
    let lines: String = (1..=100_000).map(|line| format!("{line}\n")).collect();
    let emulator = Emulator::builder().files(Seed::new().file("lines.txt", lines)).start()?;
    emulator.set_faults([Fault::new(FaultKind::Cut(CutPoint::Body(100_000))).on("GET", "/file/download/{id}")])?;

    let client = Client::new(Server::at(emulator.api())?)?; // with a real account: Server::account("acme")
    assert_eq!(client.login(Credentials::new("user@example.com", "only-for-tests-4711")?)?, Login::Active);
    let found = client.run(LookUp::new("/lines.txt".parse()?))?.ok_or("not there")?;

    let downloaded = client.download(Download::by_id(found.id), io::stdout().lock())?;
    eprintln!("{} bytes", downloaded.size);
    client.logout()?;
    Ok(())
}
