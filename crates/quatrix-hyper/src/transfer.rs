//! Uploads and downloads: tasks of the core between the caller's bytes and the server.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use quatrix_proto::task::{Download, Downloaded, TaskStep, Transfer, TransferEvent, Upload, Uploaded};
use quatrix_proto::{CallOptions, Error, FileId, FileName, TransportError, TransportErrorKind, UnixTime};
use tokio::io::{AsyncRead, AsyncSeek, AsyncWrite};

use crate::body_io::BodyIo;
use crate::client::Client;
use crate::driver::Driver;
use crate::sink::Sink;
use crate::source::{Piped, Seekable};

impl Client {
    /// Makes an upload of `size` bytes into this folder, for [`upload`](Self::upload), with what it needs of this
    /// client.
    pub fn new_upload(&self, folder: FileId, name: FileName, size: u64) -> Upload {
        Upload::new(folder, name, size, RandomState::new().hash_one(()))
    }

    /// Uploads from a source that can be read again, which is what happens when a chunk is lost.
    ///
    /// ```
    /// # use quatrix_hyper::{Client, Credentials, Login, Server, api::GetHome};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let emulator = quatrix_emulator::Emulator::start()?;
    /// # let client = Client::new(Server::at(emulator.api())?)?;
    /// # let login = client.login(Credentials::new("user@example.com", "only-for-tests-4711")?).await?;
    /// # assert_eq!(login, Login::Active);
    /// # let home = client.call(&GetHome::new()).await?.id;
    /// use std::io::Cursor;
    /// use quatrix_hyper::api::OnConflict;
    ///
    /// let report = "a few words";
    /// let upload = client.new_upload(home, "report.txt".parse()?, report.len() as u64).on_conflict(OnConflict::Overwrite);
    /// let uploaded = client.upload(upload, Cursor::new(report)).await?;
    /// assert_eq!(uploaded.name, "report.txt");
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Whatever it ends with; [`Upload`] says what is left on the server then, and when its future is dropped.
    pub fn upload<R>(&self, upload: Upload, source: R) -> impl Future<Output = Result<Uploaded, Error>> + Send + use<R>
    where
        R: AsyncRead + AsyncSeek + Send + Unpin,
    {
        self.run_transfer(upload, Seekable::new(source), |_| ControlFlow::Continue(()))
    }

    /// Uploads as [`upload`](Self::upload) does, and tells an observer how it goes.
    ///
    /// The observer can give up, at any byte: the upload then tidies up and ends with [`Error::Cancelled`].
    ///
    /// # Errors
    /// Whatever it ends with.
    pub fn upload_observed<R, O>(
        &self,
        upload: Upload,
        source: R,
        observer: O,
    ) -> impl Future<Output = Result<Uploaded, Error>> + Send + use<R, O>
    where
        R: AsyncRead + AsyncSeek + Send + Unpin,
        O: FnMut(&TransferEvent) -> ControlFlow<()> + Send,
    {
        self.run_transfer(upload, Seekable::new(source), observer)
    }

    /// Uploads from a source that can be read only once, such as a pipe, and whose size is known.
    ///
    /// What is on its way is kept in memory, 8 MiB at most, until it has arrived.
    ///
    /// For a source of unknown size: [`Stream`](crate::Stream).
    ///
    /// # Errors
    /// Whatever it ends with.
    pub fn upload_stream<R>(
        &self,
        upload: Upload,
        source: R,
    ) -> impl Future<Output = Result<Uploaded, Error>> + Send + use<R>
    where
        R: AsyncRead + Send + Unpin,
    {
        self.run_transfer(upload.from_pipe(), Piped::new(source), |_| ControlFlow::Continue(()))
    }

    /// Downloads into a sink.
    ///
    /// Bytes come in order, each once, whatever is cut on the way.
    ///
    /// # Errors
    /// Whatever it ends with. The sink then holds some bytes from the start.
    pub fn download<W>(
        &self,
        download: Download,
        sink: W,
    ) -> impl Future<Output = Result<Downloaded, Error>> + Send + use<W>
    where
        W: AsyncWrite + Send + Unpin,
    {
        self.download_observed(download, sink, |_| ControlFlow::Continue(()))
    }

    /// Downloads as [`download`](Self::download) does, and tells an observer how it goes.
    ///
    /// The observer can give up, at any byte: the download then ends with [`Error::Cancelled`].
    ///
    /// # Errors
    /// Whatever it ends with.
    pub fn download_observed<W, O>(
        &self,
        download: Download,
        sink: W,
        observer: O,
    ) -> impl Future<Output = Result<Downloaded, Error>> + Send + use<W, O>
    where
        W: AsyncWrite + Send + Unpin,
        O: FnMut(&TransferEvent) -> ControlFlow<()> + Send,
    {
        self.run_transfer(download, Sink(sink), observer)
    }

    pub(crate) fn run_transfer<T, S, O>(
        &self,
        task: T,
        body_io: S,
        observer: O,
    ) -> impl Future<Output = Result<T::Output, Error>> + Send + use<T, S, O>
    where
        T: Transfer<Output: Send> + Send,
        S: BodyIo,
        O: FnMut(&TransferEvent) -> ControlFlow<()> + Send,
    {
        let driver = self.driver().clone();
        let watched = Watched { body_io, observer, before: 0, total: None, moved: 0, stopped: false };
        run_transfer(driver, task, watched)
    }
}

async fn run_transfer<T, S, O>(driver: Arc<Driver>, mut task: T, mut watched: Watched<S, O>) -> Result<T::Output, Error>
where
    T: Transfer<Output: Send> + Send,
    S: BodyIo,
    O: FnMut(&TransferEvent) -> ControlFlow<()> + Send,
{
    loop {
        while let Some(event) = task.poll_event() {
            if (watched.observer)(&event).is_break() {
                task = task.give_up().ok_or(Error::Cancelled)?;
            }
        }
        if task.checks_source()
            && let Some((size, modified)) = watched.body_io.change().await
        {
            task.source_changed(size, modified);
        }
        let prepared = match task.poll(driver.now(), driver.config.server()) {
            TaskStep::Call(prepared) => prepared,
            TaskStep::Done(result) => {
                let output = result?;
                let local = |error| TransportError::maybe_sent(TransportErrorKind::Local).with_source(error);
                watched.body_io.flush().await.map_err(local)?;
                return Ok(output);
            }
        };
        (watched.before, watched.total) = (task.position(&prepared), task.total());
        let result = driver.call(prepared, CallOptions::default(), &mut watched).await;
        if std::mem::take(&mut watched.stopped) {
            task = task.give_up().ok_or(Error::Cancelled)?;
        } else {
            task.handle(driver.now(), result, watched.moved);
        }
    }
}

/// The caller's end of a transfer, and who watches it.
struct Watched<S, O> {
    body_io: S,
    observer: O,
    /// How many bytes of the whole come before those of this call.
    before: u64,
    total: Option<u64>,
    /// How many bytes the latest exchange has moved.
    moved: u64,
    /// The observer has ended it.
    stopped: bool,
}

impl<S, O> BodyIo for Watched<S, O>
where
    S: BodyIo,
    O: FnMut(&TransferEvent) -> ControlFlow<()> + Send,
{
    const SOURCE: bool = S::SOURCE;
    const SINK: bool = S::SINK;

    fn begin(&mut self, from: u64) {
        self.moved = 0;
        self.body_io.begin(from);
    }

    fn read(&mut self, offset: u64, most: u64) -> impl Future<Output = io::Result<Bytes>> + Send {
        self.body_io.read(offset, most)
    }

    fn change(&mut self) -> impl Future<Output = Option<(u64, Option<UnixTime>)>> + Send {
        self.body_io.change()
    }

    fn write(&mut self, piece: Bytes) -> impl Future<Output = io::Result<()>> + Send {
        self.body_io.write(piece)
    }

    fn moved(&mut self, length: usize) -> ControlFlow<()> {
        self.moved += length as u64;
        let flow = (self.observer)(&TransferEvent::progress(self.before + self.moved, self.total));
        self.stopped = flow.is_break();
        flow
    }
}
