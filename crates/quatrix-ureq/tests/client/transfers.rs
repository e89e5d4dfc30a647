//! Uploads and downloads between the caller's bytes and the server, with something in their way.

use std::io::{self, Cursor, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use quatrix_emulator::{CutPoint, Emulator, Fault, FaultKind};
use quatrix_ureq::api::{GetFileId, GetHome, GetProfile, OnConflict};
use quatrix_ureq::proto::task::{Download, Downloaded, TransferEvent, Upload};
use quatrix_ureq::proto::{FileId, SessionId};
use quatrix_ureq::{Client, Error, Saved, Server, TransportErrorKind};

use crate::support::{Odd, count, failure, head, logged_in};

const USER: &str = "user@example.com";
const CHUNK: u64 = 1000;

/// A client that is logged in, and the home of its user.
fn at_home(emulator: &Emulator) -> (Client, FileId) {
    let client = logged_in(emulator);
    let home = client.call(&GetHome::new()).unwrap().id;
    (client, home)
}

/// Three chunks of bytes that tell where they stand.
fn bytes() -> Vec<u8> {
    (0..u16::try_from(5 * CHUNK / 4).unwrap()).flat_map(u16::to_be_bytes).collect()
}

fn new_upload(client: &Client, home: &FileId, size: usize) -> Upload {
    client.new_upload(home.clone(), "a.bin".parse().unwrap(), size as u64).with_max_chunk(CHUNK)
}

fn download(client: &Client) -> Result<(Downloaded, Vec<u8>), Error> {
    let found = client.call(&GetFileId::new("a.bin".parse().unwrap())).unwrap();
    let mut sink = Vec::new();
    let download = Download::by_id(found.id).with_max_range(CHUNK);
    let downloaded = client.download(download, &mut sink)?;
    Ok((downloaded, sink))
}

#[test]
fn bytes_go_up_in_chunks_and_come_down_in_ranges() {
    for size in [0, 1, 999, 1000, 1001, 2500] {
        let emulator = Emulator::start().unwrap();
        let (client, home) = at_home(&emulator);
        let bytes = &bytes()[..size];
        let uploaded = client.upload(new_upload(&client, &home, size), Cursor::new(bytes)).unwrap();
        assert_eq!((uploaded.name.as_str(), uploaded.size), ("a.bin", size as u64));
        assert_eq!(emulator.file(USER, "a.bin").unwrap(), bytes);
        let (downloaded, sink) = download(&client).unwrap();
        assert_eq!((downloaded.size, sink.as_slice()), (size as u64, bytes));
    }
}

#[test]
fn m42_a_lost_answer_at_any_exchange_loses_no_byte() {
    let bytes = bytes();
    for lost in 0.. {
        let emulator = Emulator::start().unwrap();
        let (client, home) = at_home(&emulator);
        client.upload(new_upload(&client, &home, 3), Cursor::new("old")).unwrap();
        let before = emulator.requests().len();
        emulator.set_faults([Fault::new(FaultKind::Cut(CutPoint::After)).skip(lost)]).unwrap();
        let upload = new_upload(&client, &home, bytes.len()).on_conflict(OnConflict::Overwrite);
        let result = client.upload(upload, Cursor::new(&bytes));
        let exchanges = emulator.requests().len() - before;
        emulator.set_faults([]).unwrap();
        let stored = emulator.file(USER, "a.bin").unwrap();
        match result {
            Ok(_) => assert_eq!(stored, bytes, "{lost}"),
            Err(error) => assert!(stored == "old" || stored == bytes, "{lost}: {error}"),
        }
        if lost as usize > exchanges {
            assert!(lost > 5, "the faults hit nothing");
            break;
        }
    }
}

#[test]
fn m42_a_cut_download_goes_on_where_the_sink_stands() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator);
    let bytes = bytes();
    client.upload(new_upload(&client, &home, bytes.len()), Cursor::new(&bytes)).unwrap();
    for at in [0, 1, 500, 999] {
        let cut = Fault::new(FaultKind::Cut(CutPoint::Body(at))).on("GET", "/file/download/{id}");
        emulator.set_faults([cut.clone(), cut.skip(1)]).unwrap();
        let (downloaded, sink) = download(&client).unwrap();
        assert_eq!((downloaded.size, sink), (bytes.len() as u64, bytes.clone()), "{at}");
    }
}

#[test]
fn a_pipe_keeps_the_chunk_that_is_on_its_way() {
    struct Once<'a>(&'a [u8]);
    impl Read for Once<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            // In crumbs, as pipes are.
            let most = buffer.len().min(7);
            self.0.read(&mut buffer[..most])
        }
    }
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator);
    let bytes = bytes();
    let lost = Fault::new(FaultKind::Cut(CutPoint::After)).on("POST", "/upload/chunked/{upload_key}").skip(1);
    emulator.set_faults([lost]).unwrap();
    client.upload_stream(new_upload(&client, &home, bytes.len()), Once(&bytes)).unwrap();
    assert_eq!(emulator.file(USER, "a.bin").unwrap(), bytes);
}

#[test]
fn m40_a_source_that_ends_early_leaves_nothing_behind() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator);
    let bytes = bytes();
    let failed = failure(client.upload(new_upload(&client, &home, bytes.len() + 1), Cursor::new(&bytes)));
    assert_eq!(failed.kind(), TransportErrorKind::Local);
    assert_eq!(failed.to_string(), "a local error: the source ended 1 bytes early");
    assert_eq!(emulator.paths(USER), ["Trash/"]);
    // One that is longer than was said is sent as far as was said.
    client.upload(new_upload(&client, &home, bytes.len() - 1), Cursor::new(&bytes)).unwrap();
    assert_eq!(emulator.file(USER, "a.bin").unwrap(), bytes[..bytes.len() - 1]);
}

#[test]
fn m40_a_sink_that_is_full_is_a_local_error() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator);
    client.upload(new_upload(&client, &home, 2500), Cursor::new(bytes())).unwrap();
    let found = client.call(&GetFileId::new("a.bin".parse().unwrap())).unwrap();
    let download = Download::by_id(found.id);
    let failed = failure(client.download(download, &mut [0; 2000][..]));
    assert_eq!(failed.kind(), TransportErrorKind::Local);
    client.call(&GetProfile).unwrap();
}

#[test]
fn progress_counts_every_byte_and_the_observer_can_give_up() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator);
    let bytes = bytes();
    let size = bytes.len() as u64;
    let mut seen = Vec::new();
    let observer = |event: &TransferEvent| {
        if let TransferEvent::Progress { done, total, .. } = event {
            assert_eq!(*total, Some(size));
            seen.push(*done);
        }
        ControlFlow::Continue(())
    };
    client.upload_observed(new_upload(&client, &home, bytes.len()), Cursor::new(&bytes), observer).unwrap();
    assert!(seen.is_sorted() && seen.last() == Some(&size), "{seen:?}");

    for stop in [1, CHUNK + 1, size] {
        let observer = |event: &TransferEvent| match event {
            TransferEvent::Progress { done, .. } if *done >= stop => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        };
        let other = client.new_upload(home.clone(), "b.bin".parse().unwrap(), size).with_max_chunk(CHUNK);
        let chunks = || count(&emulator, "POST", "/upload/chunked/{upload_key}") as u64;
        let before = chunks();
        let given_up = client.upload_observed(other, Cursor::new(&bytes), observer);
        assert_eq!(chunks() - before, (stop - 1) / CHUNK, "the chunk under way is not sent");
        assert!(matches!(given_up, Err(Error::Cancelled)), "{given_up:?}");
        assert_eq!(emulator.paths(USER), ["Trash/", "a.bin"], "tidied up");

        let found = client.call(&GetFileId::new("a.bin".parse().unwrap())).unwrap();
        let mut sink = Vec::new();
        let down = Download::by_id(found.id).with_max_range(CHUNK);
        let given_up = client.download_observed(down, &mut sink, observer);
        assert!(matches!(given_up, Err(Error::Cancelled)), "{given_up:?}");
        assert!(sink.len() as u64 >= stop && bytes.starts_with(&sink));
    }
}

#[test]
fn m37_a_sink_that_panics_gives_its_call_up() {
    struct Panics;
    impl Write for Panics {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            panic!("on purpose")
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator);
    client.upload(new_upload(&client, &home, 3), Cursor::new("abc")).unwrap();
    let found = client.call(&GetFileId::new("a.bin".parse().unwrap())).unwrap();
    let download = Download::by_id(found.id);
    assert!(catch_unwind(AssertUnwindSafe(|| client.download(download, Panics))).is_err());
    client.call(&GetProfile).unwrap();
    assert!(client.logout().unwrap().confirmed);
}

#[test]
fn m32_a_refusal_that_comes_while_the_body_is_on_its_way_is_heard() {
    let answer = |stream: &mut TcpStream, status: &str, body: &str| {
        let length = body.len();
        let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    };
    let odd = Odd::serving(move |stream, heard| {
        let request = head(stream);
        let line = request.lines().next().unwrap_or_default().to_owned();
        if line.contains("/upload/link") {
            answer(stream, "200 OK", r#"{"name":"a.bin","file_id":"f1","parent_id":"h","upload_key":"k1"}"#);
        } else if line.contains("/upload/chunked/") {
            // Of many bytes one piece is read; then the connection goes down with the rest unread.
            let _ = stream.read(&mut [0; 100]);
            answer(stream, "403 Forbidden", r#"{"code":10,"msg":"too large"}"#);
            let _ = stream.shutdown(Shutdown::Both);
        } else {
            let _ = stream.read(&mut [0; 4096]);
            answer(stream, "200 OK", r#"{"ids":["f1"]}"#);
        }
        heard(line);
    });
    let client = odd.client();
    let server = Server::at(&format!("http://{}/api/1.0", odd.address())).unwrap();
    client.resume(Saved::active(server, "me", SessionId::new("t").unwrap()), None).unwrap();
    let size = 64 * 1024 * 1024;
    let upload = client.new_upload("h".parse().unwrap(), "a.bin".parse().unwrap(), size);
    let error = client.upload(upload.with_max_chunk(size), Zeros(0)).unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(403), "{error:?}");
}

/// Endless zeros.
struct Zeros(u64);

impl Read for Zeros {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        buffer.fill(0);
        Ok(buffer.len())
    }
}

impl io::Seek for Zeros {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        if let io::SeekFrom::Start(to) = to {
            self.0 = to;
        }
        Ok(self.0)
    }
}
