//! Where secrets come from: files, standard input, the environment. Never from a place that `ps` shows.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::environment::variable;
use crate::failure::Failure;

/// The first line of a file.
pub(crate) fn of_file(path: &Path) -> Result<String, Failure> {
    let file = File::open(path).map_err(|error| Failure::file(path, &error))?;
    first_line(file, &path.display().to_string())
}

/// The first line of standard input.
pub(crate) fn of_stdin() -> Result<String, Failure> {
    first_line(io::stdin().lock(), "standard input")
}

/// A variable, or the first line of the file that the variable with `_FILE` names.
pub(crate) fn of_environment(name: &str) -> Result<Option<String>, Failure> {
    if let Some(secret) = variable(name)? {
        return Ok(Some(secret));
    }
    variable(&format!("{name}_FILE"))?.map(|path| of_file(Path::new(&path))).transpose()
}

fn first_line(source: impl Read, name: &str) -> Result<String, Failure> {
    const LONGEST: u64 = 64 * 1024;

    let mut text = String::new();
    source.take(LONGEST).read_to_string(&mut text).map_err(|error| Failure::file(Path::new(name), &error))?;
    // In place, so that no second copy is left behind.
    text.truncate(text.find(['\r', '\n']).unwrap_or(text.len()));
    match text.is_empty() {
        true => Err(Failure::usage(format!("{name}: the first line is empty"))),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_counts_with_its_spaces() {
        for text in ["pass word ", "pass word \n", "pass word \r\nmore\n"] {
            assert_eq!(first_line(text.as_bytes(), "x").unwrap(), "pass word ");
        }
        assert!(first_line(&b"\nlate\n"[..], "x").is_err());
        assert!(first_line(&b"\xff\n"[..], "x").is_err());
    }
}
