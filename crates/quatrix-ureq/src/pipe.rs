//! Sources that can be read only once.

use std::io::{self, Read, Seek, SeekFrom};

/// Source that can be read only once. It keeps the bytes of the current chunk, in case the chunk is lost.
pub(crate) struct Pipe<R> {
    source: R,
    kept: Vec<u8>,
    /// Offset of the kept bytes.
    start: u64,
    /// Position of the next read in the kept bytes.
    at: usize,
}

impl<R: Read> Pipe<R> {
    pub(crate) fn new(source: R) -> Self {
        Self { source, kept: Vec::new(), start: 0, at: 0 }
    }
}

impl<R: Read> Read for Pipe<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = match self.kept.get(self.at..) {
            Some(mut kept @ [_, ..]) => kept.read(buffer)?,
            _ => {
                let length = self.source.read(buffer)?;
                self.kept.extend_from_slice(&buffer[..length]);
                length
            }
        };
        self.at += length;
        Ok(length)
    }
}

impl<R: Read> Seek for Pipe<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let behind = match to {
            SeekFrom::Start(to) => to.checked_sub(self.start).and_then(|behind| usize::try_from(behind).ok()),
            SeekFrom::Current(_) | SeekFrom::End(_) => None,
        };
        match behind {
            Some(behind) if behind == self.kept.len() => {
                self.start += behind as u64;
                self.kept.clear();
                self.at = 0;
            }
            Some(behind) if behind < self.kept.len() => self.at = behind,
            _ => return Err(io::ErrorKind::Unsupported.into()),
        }
        Ok(self.start + self.at as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_goes_back_as_far_as_its_last_chunk() {
        let mut pipe = Pipe::new(&b"0123456789"[..]);
        let mut read = |from: u64, length: usize| {
            pipe.seek(SeekFrom::Start(from)).map(|_| {
                let mut buffer = vec![0; length];
                pipe.read_exact(&mut buffer).unwrap();
                String::from_utf8(buffer).unwrap()
            })
        };
        assert_eq!(read(0, 2).unwrap(), "01");
        assert_eq!(read(0, 4).unwrap(), "0123", "what was kept, and what comes after it");
        assert_eq!(read(4, 3).unwrap(), "456");
        assert_eq!(read(4, 3).unwrap(), "456");
        assert_eq!(read(5, 3).unwrap(), "567");
        assert_eq!(read(3, 1).unwrap_err().kind(), io::ErrorKind::Unsupported, "given away");
        assert_eq!(read(9, 1).unwrap_err().kind(), io::ErrorKind::Unsupported, "not there yet");
        assert_eq!(read(8, 2).unwrap(), "89");
    }
}
