//! Sources of uploads by [`Files`](crate::Files).

use std::fmt;
use std::future::Future;
use std::path::Path;

use quatrix_local::{Source, local, name, unnamed_temp_file};
use quatrix_proto::{Error, FileName};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncWriteExt};

use crate::blocking::spawn_blocking;

pub(crate) use self::sealed::Open;

/// Source of [`Files::upload`](crate::Files::upload): the path of a local file, or a [`Stream`].
pub trait UploadSource: Open {}

impl<T: Open> UploadSource for T {}

/// Bytes of unknown size, such as standard input, with the name of the file to upload.
///
/// The server needs the size first, so the bytes are copied to an unnamed temporary file before the upload.
pub struct Stream<R> {
    name: FileName,
    reader: R,
}

impl<R: AsyncRead + Send + Unpin> Stream<R> {
    /// Returns a source that uploads all bytes of this reader under this name.
    pub fn new(name: FileName, reader: R) -> Self {
        Self { name, reader }
    }
}

impl<R> fmt::Debug for Stream<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("name", &self.name).finish_non_exhaustive()
    }
}

mod sealed {
    use super::{Error, FileName, Future, Source};

    /// Opens an upload's source.
    pub trait Open: Send {
        /// Returns the name of the uploaded file, unless the caller sets another one.
        fn name(&self) -> Result<FileName, Error>;
        /// Opens the local file, or copies the stream to one.
        fn open(self) -> impl Future<Output = Result<Source, Error>> + Send;
    }
}

impl<P: AsRef<Path> + Send> Open for P {
    fn name(&self) -> Result<FileName, Error> {
        Ok(FileName::new(name(self.as_ref())?)?)
    }

    async fn open(self) -> Result<Source, Error> {
        let path = self.as_ref().to_owned();
        drop(self);
        spawn_blocking(move || Source::open(&path)).await
    }
}

impl<R: AsyncRead + Send + Unpin> Open for Stream<R> {
    fn name(&self) -> Result<FileName, Error> {
        Ok(self.name.clone())
    }

    async fn open(mut self) -> Result<Source, Error> {
        let failed = |error| local(&std::env::temp_dir(), error);
        let mut file = File::from_std(spawn_blocking(unnamed_temp_file).await.map_err(failed)?);
        tokio::io::copy(&mut self.reader, &mut file).await.map_err(failed)?;
        file.flush().await.map_err(failed)?;
        Source::spooled(file.into_std().await).map_err(failed)
    }
}
