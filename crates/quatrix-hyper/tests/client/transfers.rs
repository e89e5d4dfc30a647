//! Uploads and downloads between the caller's bytes and the server, with something in their way.

use std::io::{self, Cursor, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use quatrix_emulator::{CutPoint, Emulator, Fault, FaultKind};
use quatrix_hyper::api::{GetFileId, GetProfile, OnConflict};
use quatrix_hyper::proto::{FileId, SessionId};
use quatrix_hyper::task::{Download, Downloaded, TransferEvent, Upload};
use quatrix_hyper::{Client, Error, Saved, TransportErrorKind};
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};

use crate::sharing::dropped_at_every_poll;
use crate::support::{Scripted, USER, at_home, failure, logged_in, read_head};

const CHUNK: u64 = 1000;

/// Three chunks of bytes that tell where they stand.
fn bytes() -> Vec<u8> {
    (0..u16::try_from(5 * CHUNK / 4).unwrap()).flat_map(u16::to_be_bytes).collect()
}

fn new_upload(client: &Client, home: &FileId, size: usize) -> Upload {
    client.new_upload(home.clone(), "a.bin".parse().unwrap(), size as u64).with_max_chunk(CHUNK)
}

async fn new_download(client: &Client) -> Download {
    let found = client.call(&GetFileId::new("a.bin".parse().unwrap())).await.unwrap();
    Download::by_id(found.id).with_max_range(CHUNK)
}

async fn download(client: &Client) -> Result<(Downloaded, Vec<u8>), Error> {
    let mut sink = Vec::new();
    let downloaded = client.download(new_download(client).await, &mut sink).await?;
    Ok((downloaded, sink))
}

#[tokio::test]
async fn bytes_go_up_in_chunks_and_come_down_in_ranges() {
    for size in [0, 1, 999, 1000, 1001, 2500] {
        let emulator = Emulator::start().unwrap();
        let (client, home) = at_home(&emulator).await;
        let bytes = &bytes()[..size];
        let uploaded = client.upload(new_upload(&client, &home, size), Cursor::new(bytes)).await.unwrap();
        assert_eq!((uploaded.name.as_str(), uploaded.size), ("a.bin", size as u64));
        assert_eq!(emulator.file(USER, "a.bin").unwrap(), bytes);
        let (downloaded, sink) = download(&client).await.unwrap();
        assert_eq!((downloaded.size, sink.as_slice()), (size as u64, bytes));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_chunks_go_through_in_pieces() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator).await;
    let bytes: Vec<u8> = (0..5_000_000_u32).flat_map(u32::to_be_bytes).collect();
    let upload = client.new_upload(home, "a.bin".parse().unwrap(), bytes.len() as u64);
    client.upload(upload, Cursor::new(&bytes)).await.unwrap();
    assert!(emulator.file(USER, "a.bin").unwrap() == bytes);
    let mut sink = Vec::new();
    let found = client.call(&GetFileId::new("a.bin".parse().unwrap())).await.unwrap();
    client.download(Download::by_id(found.id), &mut sink).await.unwrap();
    assert!(sink == bytes);
}

#[tokio::test]
async fn m42_a_lost_answer_at_any_exchange_loses_no_byte() {
    let bytes = bytes();
    for lost in 0.. {
        let emulator = Emulator::start().unwrap();
        let (client, home) = at_home(&emulator).await;
        client.upload(new_upload(&client, &home, 3), Cursor::new("old")).await.unwrap();
        let before = emulator.requests().len();
        emulator.set_faults([Fault::new(FaultKind::Cut(CutPoint::After)).skip(lost)]).unwrap();
        let upload = new_upload(&client, &home, bytes.len()).on_conflict(OnConflict::Overwrite);
        let result = client.upload(upload, Cursor::new(&bytes)).await;
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

#[tokio::test]
async fn m42_a_cut_download_goes_on_where_the_sink_stands() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator).await;
    let bytes = bytes();
    client.upload(new_upload(&client, &home, bytes.len()), Cursor::new(&bytes)).await.unwrap();
    for at in [0, 1, 500, 999] {
        let cut = Fault::new(FaultKind::Cut(CutPoint::Body(at))).on("GET", "/file/download/{id}");
        emulator.set_faults([cut.clone(), cut.skip(1)]).unwrap();
        let (downloaded, sink) = download(&client).await.unwrap();
        assert_eq!((downloaded.size, sink), (bytes.len() as u64, bytes.clone()), "{at}");
    }
}

#[tokio::test]
async fn a_link_that_is_read_without_a_sink_comes_as_a_body() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator).await;
    let uploaded = client.upload(new_upload(&client, &home, 3), Cursor::new("abc")).await.unwrap();
    let link = client.call(&quatrix_hyper::api::GetDownloadLink::new(vec![uploaded.id])).await.unwrap();
    let part = client.call(&quatrix_hyper::api::ReadLink::new(link)).await.unwrap();
    assert_eq!(part.body, "abc");
}

/// Bytes in crumbs, as they come out of a pipe.
struct Crumbs<'a>(Cursor<&'a [u8]>);

impl AsyncRead for Crumbs<'_> {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let most = buffer.remaining().min(7);
        let read = self.0.read(buffer.initialize_unfilled_to(most))?;
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncSeek for Crumbs<'_> {
    fn start_seek(mut self: Pin<&mut Self>, to: SeekFrom) -> io::Result<()> {
        self.0.seek(to).map(drop)
    }

    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(self.0.position()))
    }
}

#[tokio::test]
async fn a_pipe_keeps_the_chunk_that_is_on_its_way() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator).await;
    let bytes = bytes();
    let lost = Fault::new(FaultKind::Cut(CutPoint::After)).on("POST", "/upload/chunked/{upload_key}").skip(1);
    emulator.set_faults([lost]).unwrap();
    client.upload_stream(new_upload(&client, &home, bytes.len()), Crumbs(Cursor::new(&bytes))).await.unwrap();
    assert_eq!(emulator.file(USER, "a.bin").unwrap(), bytes);
}

#[tokio::test]
async fn m40_a_source_that_ends_early_leaves_nothing_behind() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator).await;
    let bytes = bytes();
    let error = client.upload(new_upload(&client, &home, bytes.len() + 1), Cursor::new(&bytes)).await.unwrap_err();
    assert_eq!(error.to_string(), "a local error: the source ended 1 bytes early");
    assert_eq!(failure(error).kind(), TransportErrorKind::Local);
    assert_eq!(emulator.paths(USER), ["Trash/"]);
    // One that is longer than was said is sent as far as was said.
    client.upload(new_upload(&client, &home, bytes.len() - 1), Cursor::new(&bytes)).await.unwrap();
    assert_eq!(emulator.file(USER, "a.bin").unwrap(), bytes[..bytes.len() - 1]);
}

#[tokio::test]
async fn m40_a_sink_that_is_full_is_a_local_error() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator).await;
    client.upload(new_upload(&client, &home, 2500), Cursor::new(bytes())).await.unwrap();
    let mut room = [0; 2000];
    let error = client.download(new_download(&client).await, Cursor::new(&mut room[..])).await.unwrap_err();
    assert_eq!(failure(error).kind(), TransportErrorKind::Local);
    client.call(&GetProfile).await.unwrap();

    #[cfg(target_os = "linux")]
    {
        // The error of the only write is known when the file is flushed.
        let full = tokio::fs::File::options().write(true).open("/dev/full").await.unwrap();
        let small = client.upload(client.new_upload(home, "b.bin".parse().unwrap(), 3), Cursor::new("abc")).await;
        let download = Download::by_id(small.unwrap().id);
        let error = client.download(download, full).await.unwrap_err();
        assert_eq!(failure(error).kind(), TransportErrorKind::Local);
    }
}

#[tokio::test]
async fn progress_counts_every_byte_and_the_observer_can_give_up() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator).await;
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
    let upload = new_upload(&client, &home, bytes.len());
    client.upload_observed(upload, Crumbs(Cursor::new(&bytes)), observer).await.unwrap();
    assert!(seen.is_sorted() && seen.last() == Some(&size) && seen.len() as u64 > size / 7, "{seen:?}");

    for stop in [1, CHUNK + 1, size] {
        let observer = |event: &TransferEvent| match event {
            TransferEvent::Progress { done, .. } if *done >= stop => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        };
        let other = client.new_upload(home.clone(), "b.bin".parse().unwrap(), size).with_max_chunk(CHUNK);
        let given_up = client.upload_observed(other, Cursor::new(&bytes), observer).await;
        assert!(matches!(given_up, Err(Error::Cancelled)), "{given_up:?}");
        assert_eq!(emulator.paths(USER), ["Trash/", "a.bin"], "tidied up");

        let mut sink = Vec::new();
        let given_up = client.download_observed(new_download(&client).await, &mut sink, observer).await;
        assert!(matches!(given_up, Err(Error::Cancelled)), "{given_up:?}");
        assert!(sink.len() as u64 >= stop && bytes.starts_with(&sink));
    }
}

#[tokio::test]
async fn a_large_download_is_given_up_in_the_middle_of_its_answer() {
    let emulator = Emulator::start().unwrap();
    let (client, home) = at_home(&emulator).await;
    let size = 3_000_000;
    let upload = client.new_upload(home, "a.bin".parse().unwrap(), size);
    let uploaded = client.upload(upload, Zeros).await.unwrap();
    let mut sink = Vec::new();
    let download = Download::by_id(uploaded.id);
    let given_up = client.download_observed(download, &mut sink, |_| ControlFlow::Break(())).await;
    assert!(matches!(given_up, Err(Error::Cancelled)), "{given_up:?}");
    assert!((1..size).contains(&(sink.len() as u64)), "{}", sink.len());
    client.call(&GetProfile).await.unwrap();
}

#[tokio::test]
async fn m36_an_upload_dropped_at_any_poll_leaves_the_old_file_and_a_usable_session() {
    let emulator = Emulator::start().unwrap();
    let (first, home) = at_home(&emulator).await;
    first.upload(new_upload(&first, &home, 3), Cursor::new("old")).await.unwrap();
    let bytes = bytes();
    dropped_at_every_poll(
        async || logged_in(&emulator).await,
        |client| {
            let upload = new_upload(client, &home, bytes.len()).on_conflict(OnConflict::Overwrite);
            client.upload(upload, Cursor::new(&bytes))
        },
        async |client| {
            let stored = emulator.file(USER, "a.bin").unwrap();
            assert!(stored == "old" || stored == bytes);
            client.call(&GetProfile).await.unwrap();
        },
    )
    .await;
    assert_eq!(emulator.file(USER, "a.bin").unwrap(), bytes);
}

#[tokio::test]
async fn m36_a_download_dropped_at_any_poll_leaves_a_usable_session() {
    let emulator = Emulator::start().unwrap();
    let (first, home) = at_home(&emulator).await;
    let bytes = bytes();
    first.upload(new_upload(&first, &home, bytes.len()), Cursor::new(&bytes)).await.unwrap();
    let download = new_download(&first).await;
    dropped_at_every_poll(
        async || logged_in(&emulator).await,
        |client| client.download(download.clone(), Vec::new()),
        async |client| drop(client.call(&GetProfile).await.unwrap()),
    )
    .await;
}

/// Endless zeros.
struct Zeros;

impl AsyncRead for Zeros {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let length = buffer.initialize_unfilled().len();
        buffer.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncSeek for Zeros {
    fn start_seek(self: Pin<&mut Self>, _: SeekFrom) -> io::Result<()> {
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(0))
    }
}

#[tokio::test]
async fn m32_a_refusal_that_comes_while_the_body_is_on_its_way_is_heard() {
    let scripted = Scripted::with_connections(|stream, heads| {
        let Some(head) = read_head(stream) else { return };
        let (status, body) = if head.contains("/upload/link") {
            ("200 OK", r#"{"name":"a.bin","file_id":"f1","parent_id":"h","upload_key":"k1"}"#)
        } else if head.contains("/upload/chunked/") {
            ("403 Forbidden", r#"{"code":10,"msg":"too large"}"#)
        } else {
            ("200 OK", r#"{"ids":["f1"]}"#)
        };
        heads.lock().unwrap().push(head);
        let _ = write!(stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
        // The rest of the answer goes out when nothing more comes in, or the client has hung up.
        stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let _ = io::copy(stream, &mut io::sink());
        let _ = write!(stream, "{body}");
    });
    let client = scripted.client();
    client.resume(Saved::active(scripted.server(), "me", SessionId::new("t").unwrap()), None).unwrap();
    let upload = client.new_upload("h".parse().unwrap(), "a.bin".parse().unwrap(), 1000);
    let error = client.upload(upload, Stuck { told: false }).await.unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(403), "{error:?}");
    let chunks = scripted.heads().iter().filter(|head| head.contains("/upload/chunked/")).count();
    assert_eq!(chunks, 1, "it was heard the first time");
}

/// A byte, and then nothing for ever.
struct Stuck {
    told: bool,
}

impl AsyncRead for Stuck {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if std::mem::replace(&mut self.told, true) {
            return Poll::Pending;
        }
        buffer.put_slice(b"x");
        Poll::Ready(Ok(()))
    }
}

impl AsyncSeek for Stuck {
    fn start_seek(mut self: Pin<&mut Self>, _: SeekFrom) -> io::Result<()> {
        self.told = false;
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(0))
    }
}

/// At compile time: transfers of owned bytes can be spawned, those of borrowed ones need not be.
#[allow(dead_code)]
fn transfers_can_be_spawned(client: &Client, up: Upload, down: Download) {
    fn spawnable<T>(_: impl Future<Output = T> + Send + 'static) {}
    fn sendable<'a, T>(_: impl Future<Output = T> + Send + 'a) {}
    spawnable(client.upload(up.clone(), Cursor::new(Vec::new())));
    spawnable(client.upload_stream(up, tokio::io::empty()));
    spawnable(client.download(down.clone(), Vec::new()));
    let mut sink: Vec<u8> = Vec::new();
    sendable(client.download(down.clone(), &mut sink));
    spawnable(client.download_observed(down, tokio::io::sink(), |_| ControlFlow::Continue(())));
}
