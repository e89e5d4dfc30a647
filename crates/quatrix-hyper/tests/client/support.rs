//! What the tests have in common.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use quatrix_emulator::Emulator;
use quatrix_hyper::api::GetHome;
use quatrix_hyper::proto::{FileId, TransportError};
use quatrix_hyper::{Client, Credentials, Error, Login, Server};

pub(crate) const PASSWORD: &str = "only-for-tests-4711";
pub(crate) const USER: &str = "user@example.com";
pub(crate) const TOTP: &str = "totp@example.com";
pub(crate) const PIN: &str = "pin@example.com";
pub(crate) const CAPTCHA: &str = "captcha@example.com";

pub(crate) fn server(emulator: &Emulator) -> Server {
    Server::at(emulator.api()).unwrap()
}

pub(crate) fn client(emulator: &Emulator) -> Client {
    Client::new(server(emulator)).unwrap()
}

pub(crate) fn credentials(user: &str) -> Credentials {
    Credentials::new(user, PASSWORD).unwrap()
}

pub(crate) async fn logged_in(emulator: &Emulator) -> Client {
    let client = client(emulator);
    assert_eq!(client.login(credentials(USER)).await.unwrap(), Login::Active);
    client
}

/// A client that is logged in, and the home of its user.
pub(crate) async fn at_home(emulator: &Emulator) -> (Client, FileId) {
    let client = logged_in(emulator).await;
    let home = client.call(&GetHome::new()).await.unwrap().id;
    (client, home)
}

/// How often the emulator was asked for this operation.
pub(crate) fn count(emulator: &Emulator, operation: &str) -> usize {
    emulator.requests().iter().filter(|request| request.operation == Some(operation)).count()
}

/// The failure that an error is.
#[track_caller]
pub(crate) fn failure(error: Error) -> TransportError {
    match error {
        Error::Transport(failure) => failure,
        other => panic!("not a failed exchange: {other:?}"),
    }
}

/// An error and all its causes, as a report prints them.
pub(crate) fn report(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A server of its own making: what it says to each connection is up to the test.
pub(crate) struct Scripted {
    address: std::net::SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
    thread: Option<JoinHandle<()>>,
    stop: Arc<std::sync::atomic::AtomicBool>,
}

impl Scripted {
    /// Calls `answer` for each request, with its number from 0; the bytes go out as they are. Without any, the
    /// connection is closed.
    pub(crate) fn new(answer: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::with_connections(move |stream, heads| {
            while let Some(head) = read_request(stream) {
                let number = {
                    let mut heads = heads.lock().unwrap();
                    heads.push(head);
                    heads.len() - 1
                };
                let bytes = answer(number);
                if bytes.is_empty() || stream.write_all(&bytes).is_err() {
                    return;
                }
            }
        })
    }

    /// Hands each connection over.
    pub(crate) fn with_connections(
        serve: impl Fn(&mut TcpStream, &Mutex<Vec<String>>) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let connections = Arc::<Mutex<usize>>::default();
        let stop = Arc::<std::sync::atomic::AtomicBool>::default();
        let serve = Arc::new(serve);
        let thread = std::thread::spawn({
            let (heads, connections, stop) = (heads.clone(), connections.clone(), stop.clone());
            move || {
                for stream in listener.incoming() {
                    if stop.load(std::sync::atomic::Ordering::SeqCst) {
                        return;
                    }
                    let mut stream = stream.unwrap();
                    stream.set_nodelay(true).unwrap();
                    *connections.lock().unwrap() += 1;
                    let (heads, serve) = (heads.clone(), serve.clone());
                    std::thread::spawn(move || serve(&mut stream, &heads));
                }
            }
        });
        Self { address, heads, connections, thread: Some(thread), stop }
    }

    pub(crate) fn address(&self) -> std::net::SocketAddr {
        self.address
    }

    pub(crate) fn server(&self) -> Server {
        Server::at(&format!("http://{}/api/1.0", self.address)).unwrap()
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.server()).unwrap()
    }

    /// The heads of all requests so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.stop.store(true, std::sync::atomic::Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Reads a head, and a body of the length that it announces.
pub(crate) fn read_request(stream: &mut TcpStream) -> Option<String> {
    let head = read_head(stream)?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    stream.read_exact(&mut vec![0; length]).ok()?;
    Some(head)
}

pub(crate) fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    Some(String::from_utf8(head).unwrap())
}

/// A whole answer with a JSON body.
pub(crate) fn json(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}
