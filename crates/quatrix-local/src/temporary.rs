//! Files for a while.

use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io;

/// A file that has no name, and that nobody else can open. It goes away with its last handle.
///
/// # Errors
/// The folder for temporary files takes none.
pub fn nameless() -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    #[cfg(windows)]
    {
        use std::os::windows::fs::OpenOptionsExt;
        const FILE_FLAG_DELETE_ON_CLOSE: u32 = 0x0400_0000;
        options.share_mode(0).custom_flags(FILE_FLAG_DELETE_ON_CLOSE);
    }
    let path = std::env::temp_dir().join(format!("quatrix-{:016x}", RandomState::new().hash_one(())));
    let file = options.open(&path)?;
    if cfg!(unix) {
        fs::remove_file(&path)?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    #[test]
    fn a_nameless_file_has_no_name_and_one_owner() {
        use std::os::unix::fs::MetadataExt;
        let metadata = super::nameless().unwrap().metadata().unwrap();
        assert_eq!((metadata.nlink(), metadata.mode() & 0o777), (0, 0o600));
    }
}
