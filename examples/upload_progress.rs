//! Uploads a file with a progress bar on standard error.

use std::error::Error;
use std::fs;
use std::ops::ControlFlow;

use indicatif::{ProgressBar, ProgressStyle};
use quatrix_emulator::Emulator;
use quatrix_ureq::api::{GetHome, OnConflict};
use quatrix_ureq::task::TransferEvent;
use quatrix_ureq::{Client, Credentials, Login, Server};

fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::start()?; // with a real account: Server::account("acme")
    let client = Client::new(Server::at(emulator.api())?)?;
    assert_eq!(client.login(Credentials::new("user@example.com", "only-for-tests-4711")?)?, Login::Active);
    let home = client.call(&GetHome::new())?.id;

    let folder = tempfile::tempdir()?;
    let path = folder.path().join("holiday.mp4");
    fs::write(&path, vec![7; 24 << 20])?;

    let source = fs::File::open(&path)?;
    let size = source.metadata()?.len();
    let bar = ProgressBar::new(size)
        .with_style(ProgressStyle::with_template("{bytes:>10}/{total_bytes} {wide_bar} {bytes_per_sec} {eta}")?);
    let upload = client.new_upload(home, "holiday.mp4".parse()?, size).on_conflict(OnConflict::Overwrite);
    let uploaded = client.upload_observed(upload, source, |event| {
        match event {
            TransferEvent::Progress { done, .. } => bar.set_position(*done),
            TransferEvent::Resumed { at, .. } => bar.println(format!("cut, going on from byte {at}")),
            other => bar.println(format!("{other:?}")),
        }
        ControlFlow::Continue(()) // Break cancels and cleans up
    })?;
    bar.finish();

    println!("{}: {} bytes", uploaded.name, uploaded.size);
    client.logout()?;
    Ok(())
}
