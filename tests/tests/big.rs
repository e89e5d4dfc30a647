//! A large file up and down: the memory of the client does not grow with it.
//!
//! The client runs in a process of its own, this test binary once more, so that its memory is not the emulator's.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::pin::Pin;
use std::process::{Command, Stdio};
use std::task::{Context, Poll};

use quatrix_emulator::Emulator;
use quatrix_proto::api::{GetHome, OnConflict};
use quatrix_proto::task::{Download, Upload};
use quatrix_proto::{Config, Login, Server};
use quatrix_tests::stage::me;
use tokio::io::{AsyncRead, AsyncSeek, AsyncWrite, ReadBuf};

const MIB: u64 = 1 << 20;

#[test]
fn memory_is_flat_in_the_size_of_the_file() {
    for adapter in ["ureq", "hyper"] {
        let peak = |size: u64| {
            let emulator = Emulator::start().unwrap();
            let output = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "the_client", "--nocapture"])
                .env("QUATRIX_TESTS_BIG", format!("{adapter} {size} {}", emulator.api()))
                .stderr(Stdio::inherit())
                .output()
                .unwrap();
            assert!(output.status.success());
            let printed = String::from_utf8(output.stdout).unwrap();
            let peak = printed.lines().find_map(|line| line.strip_prefix("peak KiB: ")?.parse::<u64>().ok());
            peak.unwrap() * 1024 / MIB
        };
        let (small, large) = (peak(64 * MIB), peak(1024 * MIB));
        println!("{adapter}: {small} MiB resident at most for 64 MiB, {large} MiB for 1 GiB");
        assert!(large < small + 16, "{adapter}: {small} MiB for 64 MiB, {large} MiB for 1 GiB");
    }
}

/// The process that the other test starts; by itself it does nothing.
#[test]
fn the_client() {
    let Ok(order) = std::env::var("QUATRIX_TESTS_BIG") else { return };
    let [adapter, size, api] = order.split(' ').collect::<Vec<_>>()[..] else { panic!() };
    let (size, server) = (size.parse().unwrap(), Server::at(api).unwrap());
    match adapter {
        "ureq" => blocking(size, server),
        _ => tokio::runtime::Runtime::new().unwrap().block_on(awaited(size, server)),
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")).unwrap();
    println!("\npeak KiB: {peak}");
}

fn blocking(size: u64, server: Server) {
    let client = quatrix_ureq::Client::builder(Config::new(server.clone())).no_proxy().build().unwrap();
    assert_eq!(client.login(me("user@example.com")).unwrap(), Login::Active);
    let home = client.call(&GetHome::new()).unwrap().id;
    let upload = Upload::new(home, "big".parse().unwrap(), size, 7).on_conflict(OnConflict::Overwrite);
    let uploaded = client.upload(upload, Pattern::new(size)).unwrap();
    let mut sink = Compare::default();
    assert_eq!(client.download(Download::by_id(uploaded.id), &mut sink).unwrap().size, size);
    assert_eq!(sink.0, size);
}

async fn awaited(size: u64, server: Server) {
    let client = quatrix_hyper::Client::builder(Config::new(server.clone())).no_proxy().build().unwrap();
    assert_eq!(client.login(me("user@example.com")).await.unwrap(), Login::Active);
    let home = client.call(&GetHome::new()).await.unwrap().id;
    let upload = Upload::new(home, "big".parse().unwrap(), size, 7).on_conflict(OnConflict::Overwrite);
    let uploaded = client.upload(upload, Pattern::new(size)).await.unwrap();
    let mut sink = Compare::default();
    assert_eq!(client.download(Download::by_id(uploaded.id), &mut sink).await.unwrap().size, size);
    assert_eq!(sink.0, size);
}

/// What stands at a place of the big file: so much that a block in the wrong place shows.
fn block(at: u64) -> [u8; 8] {
    (at / 8).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes()
}

/// File of that size that is never in memory.
struct Pattern {
    size: u64,
    at: u64,
}

impl Pattern {
    fn new(size: u64) -> Self {
        Self { size, at: 0 }
    }
}

impl Read for Pattern {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = buffer.len().min((self.size - self.at) as usize);
        let mut filled = 0;
        while filled < length {
            let skip = (self.at % 8) as usize;
            let piece = &block(self.at)[skip..];
            let piece = &piece[..piece.len().min(length - filled)];
            buffer[filled..filled + piece.len()].copy_from_slice(piece);
            filled += piece.len();
            self.at += piece.len() as u64;
        }
        Ok(length)
    }
}

impl Seek for Pattern {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::End(by) => self.size.saturating_add_signed(by),
            SeekFrom::Current(by) => self.at.saturating_add_signed(by),
        };
        Ok(self.at)
    }
}

impl AsyncRead for Pattern {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = self.read(buffer.initialize_unfilled())?;
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncSeek for Pattern {
    fn start_seek(mut self: Pin<&mut Self>, to: SeekFrom) -> io::Result<()> {
        self.seek(to).map(|_| ())
    }

    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(self.at))
    }
}

/// Sink that discards its bytes and rejects any but the pattern.
#[derive(Default)]
struct Compare(u64);

impl Write for Compare {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut expected = Pattern { size: u64::MAX, at: self.0 };
        let mut piece = [0; 8192];
        for bytes in bytes.chunks(piece.len()) {
            expected.read_exact(&mut piece[..bytes.len()])?;
            if piece[..bytes.len()] != *bytes {
                return Err(io::Error::other("other bytes than were sent"));
            }
        }
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsyncWrite for Compare {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(self.write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
