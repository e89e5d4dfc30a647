//! Misbehaving server: sends raw bytes over TCP or TLS at times chosen by the test.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use quatrix_proto::{Config, Server};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use socket2::SockRef;

use crate::certificate::Authority;
use crate::stage::Wire;
use crate::subject::{Setup, Subject};

/// Listens on a port of its own and hands every connection to a function.
pub struct Listener {
    address: SocketAddr,
    roots: Option<String>,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    connections: AtomicUsize,
    ended: AtomicUsize,
    requests: Mutex<Vec<Request>>,
    stopped: AtomicBool,
}

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Request line and headers, without the empty line at their end.
    pub head: String,
    /// As many bytes as the head announces.
    pub body: Vec<u8>,
    /// Which connection it came over, from 0.
    pub connection: usize,
}

/// One side of a connection.
pub struct Connection {
    stream: Stream,
    /// Which one it is, from 0.
    pub number: usize,
    shared: Arc<Shared>,
    reset: bool,
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Listener {
    /// Runs this for every connection, each on a thread of its own. The connection ends with it.
    pub fn serving(wire: Wire, serve: impl Fn(&mut Connection) + Send + Sync + 'static) -> Self {
        Self::named(wire, &["127.0.0.1"], serve)
    }

    /// The same, and its certificate is for these names.
    pub fn named(wire: Wire, names: &[&str], serve: impl Fn(&mut Connection) + Send + Sync + 'static) -> Self {
        match wire {
            Wire::Plain => Self::start(None, None, serve),
            Wire::Tls => {
                let authority = Authority::new();
                let (config, roots) = (authority.server(names), authority.pem());
                Self::start(Some(config), Some(roots), serve)
            }
        }
    }

    /// Responds to each request with the next of these bytes; closes the connection after the last.
    pub fn answering(wire: Wire, answer: impl Fn(&Request) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::serving(wire, move |connection| {
            while let Some(request) = connection.request() {
                let bytes = answer(&request);
                if bytes.is_empty() || connection.send(&bytes).is_err() {
                    return;
                }
            }
        })
    }

    /// Speaks TLS in this way; clients trust these roots.
    pub fn secured(
        config: Arc<ServerConfig>,
        roots: String,
        serve: impl Fn(&mut Connection) + Send + Sync + 'static,
    ) -> Self {
        Self::start(Some(config), Some(roots), serve)
    }

    /// Announces TLS, and returns the bare connections.
    pub fn pretending(serve: impl Fn(&mut Connection) + Send + Sync + 'static) -> Self {
        Self::start(None, Some(Authority::new().pem()), serve)
    }

    fn start(
        tls: Option<Arc<ServerConfig>>,
        roots: Option<String>,
        serve: impl Fn(&mut Connection) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a test machine has ports");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::<Shared>::default();
        let (serve, theirs) = (Arc::new(serve), Arc::clone(&shared));
        let acceptor = thread::spawn(move || {
            for stream in listener.incoming() {
                if theirs.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let number = theirs.connections.fetch_add(1, Ordering::SeqCst);
                let (serve, theirs, tls) = (Arc::clone(&serve), Arc::clone(&theirs), tls.clone());
                thread::spawn(move || {
                    let (stream, shared) = (Stream::new(stream, tls), Arc::clone(&theirs));
                    let mut connection = Connection { stream, number, shared, reset: false };
                    serve(&mut connection);
                    connection.close();
                    theirs.ended.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, roots, shared, acceptor: Some(acceptor) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The server that it plays.
    pub fn server(&self) -> Server {
        let scheme = if self.roots.is_some() { "https" } else { "http" };
        Server::at(&format!("{scheme}://{}/api/1.0", self.address)).expect("it is on this machine")
    }

    /// A setup of clients of it.
    pub fn setup(&self) -> Setup {
        Setup { roots: self.roots.clone(), ..Setup::new(Config::new(self.server())) }
    }

    /// A client of it.
    pub fn client<S: Subject>(&self) -> S {
        S::build(self.setup()).expect("the setup is a good one")
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Waits until so many of them have been closed on this side.
    pub fn wait_for_ends(&self, count: usize) {
        crate::wait_until(|| self.shared.ended.load(Ordering::SeqCst) >= count);
    }

    /// The requests that were read with [`Connection::request`].
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().expect("no panic under this lock").clone()
    }

    /// Which connections they came over.
    pub fn used(&self) -> Vec<usize> {
        self.requests().iter().map(|request| request.connection).collect()
    }

    /// How many of them were for this path, below the base.
    pub fn count(&self, path: &str) -> usize {
        self.requests().iter().filter(|request| request.path() == path).count()
    }

    /// Waits until so many requests for this path were read.
    pub fn wait_for(&self, count: usize, path: &str) {
        crate::wait_until(|| self.count(path) >= count);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // To wake the acceptor.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

impl Request {
    /// The path below the base, without a query.
    pub fn path(&self) -> &str {
        let target = self.head.split(' ').nth(1).unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default();
        path.strip_prefix("/api/1.0").unwrap_or(path)
    }

    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let named = |line: &str| line.split_once(": ").is_some_and(|(one, _)| one.eq_ignore_ascii_case(name));
        self.head.lines().find(|line| named(line))?.split_once(": ").map(|(_, value)| value)
    }
}

impl Connection {
    /// Reads a request whole; `None` if the client has gone.
    pub fn request(&mut self) -> Option<Request> {
        let head = self.head()?;
        let mut request = Request { head, body: Vec::new(), connection: self.number };
        let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        request.body.resize(length, 0);
        self.read_exact(&mut request.body).ok()?;
        self.shared.requests.lock().expect("no panic under this lock").push(request.clone());
        Some(request)
    }

    /// Reads no further than the end of a head.
    pub fn head(&mut self) -> Option<String> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.read_exact(&mut byte).ok()?;
            head.extend(byte);
        }
        head.truncate(head.len() - 4);
        String::from_utf8(head).ok()
    }

    /// Underlying stream.
    pub fn socket(&self) -> &TcpStream {
        self.stream.socket()
    }

    /// Sends bytes as they are, at once.
    ///
    /// # Errors
    /// Those of the socket: the client has gone.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)?;
        self.flush()
    }

    /// Takes the first bytes of another request in, and throws the connection away: a reset instead of an end.
    pub fn reset(&mut self) {
        let socket = self.socket();
        let _ = socket.peek(&mut [0]);
        let _ = SockRef::from(socket).set_linger(Some(Duration::ZERO));
        self.reset = true;
    }

    /// Waits until the client closes.
    pub fn linger(&mut self) {
        while matches!(self.read(&mut [0; 4096]), Ok(1..)) {}
    }

    /// Ends what this side sends, and waits for a while until the client closes: one that watches its idle connections
    /// does so, one that looks at them when it needs them does not.
    pub fn end(&mut self) {
        self.say_goodbye();
        let _ = self.socket().shutdown(Shutdown::Write);
        let _ = self.socket().set_read_timeout(Some(Duration::from_millis(500)));
        self.linger();
    }

    /// Sends a fatal alert, like a server that received an invalid message.
    pub fn alert(&mut self) {
        let Stream::Tls(stream) = &mut self.stream else { return };
        let garbage = [&[23, 3, 3, 0, 32][..], &[0; 32]].concat();
        let _ = stream.conn.read_tls(&mut &garbage[..]);
        let refused = stream.conn.process_new_packets().is_err();
        assert!(refused, "that was no record");
        while stream.conn.wants_write() && stream.conn.write_tls(&mut stream.sock).is_ok() {}
    }

    fn close(mut self) {
        if self.reset {
            return;
        }
        self.say_goodbye();
        let _ = self.socket().shutdown(Shutdown::Both);
    }

    fn say_goodbye(&mut self) {
        if let Stream::Tls(stream) = &mut self.stream {
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    }
}

impl Stream {
    fn new(socket: TcpStream, tls: Option<Arc<ServerConfig>>) -> Self {
        let _ = socket.set_nodelay(true);
        match tls {
            None => Self::Plain(socket),
            Some(config) => {
                let connection = ServerConnection::new(config).expect("a server needs no name");
                Self::Tls(Box::new(StreamOwned::new(connection, socket)))
            }
        }
    }

    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(socket) => socket,
            Self::Tls(stream) => &stream.sock,
        }
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.stream {
            Stream::Plain(socket) => socket.read(buffer),
            Stream::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.stream {
            Stream::Plain(socket) => socket.write(bytes),
            Stream::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.stream {
            Stream::Plain(socket) => socket.flush(),
            Stream::Tls(stream) => stream.flush(),
        }
    }
}

/// Returns a complete response with a JSON body.
pub fn json(status: u16, body: &str) -> Vec<u8> {
    with_headers(status, "content-type: application/json\r\n", body)
}

/// Returns a complete response with these header lines, each with its line break, and a body of announced length.
pub fn with_headers(status: u16, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} Some\r\n{headers}content-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}
