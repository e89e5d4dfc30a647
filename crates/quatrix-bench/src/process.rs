//! Starts this program again as a separate process, so that the server's usage is not counted as the client's.

use std::io::{BufRead, BufReader, Write as _};
use std::process::{Child, Command, Stdio};

/// Server process. It ends when this value is dropped, or with its parent.
pub(crate) struct Server {
    child: Child,
    /// Words of its ready line.
    pub(crate) ready: Vec<String>,
}

impl Server {
    /// Starts this program in another role.
    pub(crate) fn start(role: &str) -> Self {
        let mut child = this_program()
            .arg(role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started again");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("a pipe can be read");
        assert!(!line.is_empty(), "{role} did not start");
        Self { child, ready: line.split_whitespace().map(str::to_owned).collect() }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server ends when its standard input ends.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// Prints the ready line of a server, and returns when standard input ends.
pub(crate) fn serve_until_stdin_ends(ready: &str) {
    println!("{ready}");
    std::io::stdout().flush().expect("the parent listens");
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
}

pub(crate) fn this_program() -> Command {
    Command::new(std::env::current_exe().expect("it is running"))
}
