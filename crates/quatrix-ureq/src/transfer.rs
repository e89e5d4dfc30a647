//! Uploads and downloads: tasks of the core between the caller's bytes and the server.

use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Seek, Write};
use std::ops::ControlFlow;

use quatrix_local::Source as LocalSource;
use quatrix_proto::task::{Download, Downloaded, TaskStep, Transfer, TransferEvent, Upload, Uploaded};
use quatrix_proto::{CallOptions, Error, FileId, FileName, UnixTime};

use crate::client::Client;
use crate::pipe::Pipe;
use crate::transport::{BodyIo, Source};

/// What an observer of a transfer says: to go on, or to give up.
pub(crate) type Observer<'a> = &'a mut dyn FnMut(&TransferEvent) -> ControlFlow<()>;

impl Client {
    /// Makes an upload of `size` bytes into this folder, for [`upload`](Self::upload), with what it needs of this
    /// client.
    pub fn new_upload(&self, folder: FileId, name: FileName, size: u64) -> Upload {
        Upload::new(folder, name, size, RandomState::new().hash_one(()))
    }

    /// Uploads from a source that can be read again, which is what happens when a chunk is lost.
    ///
    /// ```
    /// # use quatrix_ureq::{Client, Credentials, Login, Server, api::GetHome};
    /// # let emulator = quatrix_emulator::Emulator::start()?;
    /// # let client = Client::new(Server::at(emulator.api())?)?;
    /// # let login = client.login(Credentials::new("user@example.com", "only-for-tests-4711")?)?;
    /// # assert_eq!(login, Login::Active);
    /// # let home = client.call(&GetHome::new())?.id;
    /// use std::io::Cursor;
    /// use quatrix_ureq::api::OnConflict;
    ///
    /// let report = "a few words";
    /// let upload = client.new_upload(home, "report.txt".parse()?, report.len() as u64).on_conflict(OnConflict::Overwrite);
    /// let uploaded = client.upload(upload, Cursor::new(report))?;
    /// assert_eq!(uploaded.name, "report.txt");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Whatever it ends with; [`Upload`] says what is left on the server then.
    pub fn upload(&self, upload: Upload, source: impl Read + Seek) -> Result<Uploaded, Error> {
        self.upload_observed(upload, source, |_| ControlFlow::Continue(()))
    }

    /// Uploads as [`upload`](Self::upload) does, and tells an observer how it goes.
    ///
    /// The observer can give up, at any byte: the upload then tidies up and ends with [`Error::Cancelled`].
    ///
    /// # Errors
    /// Whatever it ends with.
    pub fn upload_observed(
        &self,
        upload: Upload,
        mut source: impl Read + Seek,
        mut observer: impl FnMut(&TransferEvent) -> ControlFlow<()>,
    ) -> Result<Uploaded, Error> {
        self.run_transfer(upload, Some(&mut source), None, &mut || None, &mut observer)
    }

    /// Uploads a file of this machine, and checks whether it changes meanwhile.
    pub(crate) fn upload_local(
        &self,
        upload: Upload,
        source: LocalSource,
        mut observer: impl FnMut(&TransferEvent) -> ControlFlow<()>,
    ) -> Result<Uploaded, Error> {
        let (file, mut stamp) = source.into_parts();
        let mut change = || file.metadata().ok().and_then(|metadata| stamp.change(&metadata));
        self.run_transfer(upload, Some(&mut &file), None, &mut change, &mut observer)
    }

    /// Uploads from a source that can be read only once, such as a pipe, and whose size is known.
    ///
    /// What is on its way is kept in memory, 8 MiB at most, until it has arrived.
    ///
    /// For a source of unknown size: [`Stream`](crate::Stream).
    ///
    /// # Errors
    /// Whatever it ends with.
    pub fn upload_stream(&self, upload: Upload, source: impl Read) -> Result<Uploaded, Error> {
        self.upload(upload.from_pipe(), Pipe::new(source))
    }

    /// Downloads into a sink.
    ///
    /// Bytes come in order, each once, whatever is cut on the way.
    ///
    /// # Errors
    /// Whatever it ends with. The sink then holds some bytes from the start.
    pub fn download(&self, download: Download, sink: impl Write) -> Result<Downloaded, Error> {
        self.download_observed(download, sink, |_| ControlFlow::Continue(()))
    }

    /// Downloads as [`download`](Self::download) does, and tells an observer how it goes.
    ///
    /// The observer can give up, at any byte: the download then ends with [`Error::Cancelled`].
    ///
    /// # Errors
    /// Whatever it ends with.
    pub fn download_observed(
        &self,
        download: Download,
        mut sink: impl Write,
        mut observer: impl FnMut(&TransferEvent) -> ControlFlow<()>,
    ) -> Result<Downloaded, Error> {
        self.run_transfer(download, None, Some(&mut sink), &mut || None, &mut observer)
    }

    fn run_transfer<T: Transfer>(
        &self,
        mut task: T,
        mut source: Option<&mut dyn Source>,
        mut sink: Option<&mut dyn Write>,
        change: &mut dyn FnMut() -> Option<(u64, Option<UnixTime>)>,
        observer: Observer<'_>,
    ) -> Result<T::Output, Error> {
        let driver = self.driver();
        loop {
            while let Some(event) = task.poll_event() {
                if observer(&event).is_break() {
                    task = task.give_up().ok_or(Error::Cancelled)?;
                }
            }
            if task.checks_source()
                && let Some((size, modified)) = change()
            {
                task.source_changed(size, modified);
            }
            let prepared = match task.poll(driver.transport.now(), driver.config.server()) {
                TaskStep::Call(prepared) => prepared,
                TaskStep::Done(result) => return result,
            };
            let (before, total) = (task.position(&prepared), task.total());
            let mut progress = |moved| observer(&TransferEvent::progress(before + moved, total));
            let mut body_io = BodyIo {
                source: source.as_deref_mut().map(|source| source as _),
                sink: sink.as_deref_mut().map(|sink| sink as _),
                progress: Some(&mut progress),
                ..BodyIo::default()
            };
            let result = driver.call(prepared, CallOptions::default(), &mut body_io);
            let (moved, stopped) = (body_io.moved, body_io.stopped);
            if stopped {
                task = task.give_up().ok_or(Error::Cancelled)?;
            } else {
                task.handle(driver.transport.now(), result, moved);
            }
        }
    }
}
