//! What the tests share: clients of an emulator, and servers that answer what a test likes.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use quatrix_emulator::Emulator;
use quatrix_ureq::proto::TransportError;
use quatrix_ureq::{Builder, Client, Credentials, Error, Login, Server};

pub(crate) const PASSWORD: &str = "only-for-tests-4711";

pub(crate) fn server(emulator: &Emulator) -> Server {
    Server::at(emulator.api()).unwrap()
}

pub(crate) fn client(emulator: &Emulator) -> Client {
    Client::new(server(emulator)).unwrap()
}

pub(crate) fn credentials(user: &str) -> Credentials {
    Credentials::new(user, PASSWORD).unwrap()
}

/// A client of an emulator that `user@example.com` is logged in to.
pub(crate) fn logged_in(emulator: &Emulator) -> Client {
    let client = client(emulator);
    assert_eq!(client.login(credentials("user@example.com")).unwrap(), Login::Active);
    client
}

/// How often an operation was asked for, such as `GET /session/login`.
pub(crate) fn count(emulator: &Emulator, method: &str, operation: &str) -> usize {
    let is_it =
        |request: &&quatrix_emulator::Recorded| request.method == method && request.operation == Some(operation);
    emulator.requests().iter().filter(is_it).count()
}

pub(crate) fn failure<T: std::fmt::Debug>(result: Result<T, Error>) -> TransportError {
    match result.unwrap_err() {
        Error::Transport(failure) => failure,
        other => panic!("not a failure of the exchange: {other:?}"),
    }
}

/// A server that answers the same to everything, and remembers what it was asked. It ends with this value.
pub(crate) struct Odd {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    thread: Option<JoinHandle<()>>,
}

impl Odd {
    /// Answers each request with these bytes, and closes after that.
    pub(crate) fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::serving(move |stream, heard| {
            heard(head(stream));
            let _ = stream.write_all(&answer);
        })
    }

    /// Does this to each connection, one after the other.
    pub(crate) fn serving(serve: impl Fn(&mut TcpStream, &dyn Fn(String)) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&heard);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                // Only its own end is told from a request by an empty connection.
                if stream.peek(&mut [0]).unwrap_or(0) == 0 {
                    return;
                }
                serve(&mut stream, &|text| written.lock().unwrap().push(text));
            }
        });
        Self { address, heard, thread: Some(thread) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    pub(crate) fn builder(&self) -> Builder {
        Client::builder(Server::at(&format!("http://{}/api/1.0", self.address)).unwrap())
    }

    pub(crate) fn client(&self) -> Client {
        self.builder().build().unwrap()
    }
}

impl Drop for Odd {
    fn drop(&mut self) {
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Reads up to the end of a head.
pub(crate) fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => break,
        }
    }
    String::from_utf8(head).unwrap()
}
