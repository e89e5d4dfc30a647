//! Files for a while.

use std::fs::File;
use std::io;

/// Creates a file that has no name, and that only its owner can open. It goes away with its last handle.
///
/// # Errors
/// The folder for temporary files takes none.
pub fn unnamed_temp_file() -> io::Result<File> {
    let file = tempfile::tempfile()?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    #[test]
    fn an_unnamed_file_has_no_name_and_one_owner() {
        use std::os::unix::fs::MetadataExt;
        let metadata = super::unnamed_temp_file().unwrap().metadata().unwrap();
        assert_eq!((metadata.nlink(), metadata.mode() & 0o777), (0, 0o600));
    }
}
