//! Sources of uploads by [`Files`](crate::Files).

use std::fmt;
use std::io::Read;
use std::path::Path;

use quatrix_local::{Source, local, name};
use quatrix_proto::{Error, FileName};

use self::sealed::Open;

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

impl<R: Read> Stream<R> {
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
    use super::{Error, FileName, Source};

    /// Opens an upload's source.
    pub trait Open {
        /// Returns the name of the uploaded file, unless the caller sets another one.
        fn name(&self) -> Result<FileName, Error>;
        /// Opens the local file, or copies the stream to one.
        fn open(self) -> Result<Source, Error>;
    }
}

impl<P: AsRef<Path>> Open for P {
    fn name(&self) -> Result<FileName, Error> {
        Ok(FileName::new(name(self.as_ref())?)?)
    }

    fn open(self) -> Result<Source, Error> {
        Source::open(self.as_ref())
    }
}

impl<R: Read> Open for Stream<R> {
    fn name(&self) -> Result<FileName, Error> {
        Ok(self.name.clone())
    }

    fn open(self) -> Result<Source, Error> {
        Source::spool(self.reader).map_err(|error| local(&std::env::temp_dir(), error))
    }
}
