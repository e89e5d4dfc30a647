//! Shows progress and cancels an upload.

use std::error::Error;
use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use quatrix_emulator::Emulator;
use quatrix_ureq::api::GetHome;
use quatrix_ureq::task::TransferEvent;
use quatrix_ureq::{Client, Credentials, Login, Server, proto};

fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::start()?;
    let client = Client::new(Server::at(emulator.api())?)?;
    assert_eq!(client.login(Credentials::new("user@example.com", "only-for-tests-4711")?)?, Login::Active);
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("holiday.mp4");
    fs::write(&path, vec![7; 12 << 20])?;

    let stop = AtomicBool::new(false);
    upload(&client, &path, &stop)?;
    println!("uploaded: {}", emulator.paths("user@example.com").join(" "));

    fs::write(folder.path().join("other.mp4"), vec![7; 12 << 20])?;
    stop.store(true, Ordering::Relaxed); // a signal handler or a button does this
    let cancelled = upload(&client, &folder.path().join("other.mp4"), &stop);
    println!("cancelled: {}", matches!(cancelled, Err(proto::Error::Cancelled)));
    println!("on the server: {}", emulator.paths("user@example.com").join(" "));
    client.logout()?;
    Ok(())
}

// docs: begin
/// Uploads a file to the home folder. Prints progress; cancels, and removes what was uploaded, when `stop` is set.
fn upload(client: &Client, path: &Path, stop: &AtomicBool) -> Result<(), proto::Error> {
    let home = client.call(&GetHome::new())?.id;
    let files = client.files().on_event(|path, event| {
        if let TransferEvent::Progress { done, total, .. } = event {
            eprintln!("{path}: {done} of {total:?} bytes");
        }
        if stop.load(Ordering::Relaxed) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    files.upload(path, &home)?;
    Ok(())
}
// docs: end
