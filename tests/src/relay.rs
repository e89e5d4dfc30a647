//! A wire between a client and a server that breaks at the moment of the test's choice.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::SockRef;

/// Listens on a port of its own, and passes bytes on in both directions.
pub struct Relay {
    address: SocketAddr,
    shared: Arc<Mutex<State>>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    connections: usize,
    cut: Option<(usize, Cut, Break)>,
    delay: Duration,
    broken: bool,
    stopped: bool,
}

/// Where the wire breaks: once, for the connection that comes so far, whichever direction the bytes take.
#[derive(Clone, Copy, Debug)]
pub enum Cut {
    /// When so many bytes have passed.
    Bytes(usize),
    /// When so many reads have been passed on, and half of the next.
    Reads(usize),
}

/// How it breaks, as the client sees it.
#[derive(Clone, Copy, Debug)]
pub enum Break {
    /// The connection ends.
    End,
    /// It is reset.
    Reset,
    /// Nothing passes any more, in either direction; after this time the connection ends.
    Stall(Duration),
    /// It goes on; the relay only notes that this many bytes or reads have passed.
    Note,
}

impl Relay {
    /// A whole wire to this server.
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a test machine has ports");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::<Mutex<State>>::default();
        let theirs = Arc::clone(&shared);
        let acceptor = thread::spawn(move || {
            for client in listener.incoming() {
                let mut state = lock(&theirs);
                if state.stopped {
                    return;
                }
                let number = state.connections;
                state.connections += 1;
                drop(state);
                if let (Ok(client), Ok(server)) = (client, TcpStream::connect(server)) {
                    for socket in [&client, &server] {
                        let _ = socket.set_nodelay(true);
                    }
                    Arc::new(Wire { number, client, server, broken: AtomicBool::new(false) }).run(&theirs);
                }
            }
        });
        Self { address, shared, acceptor: Some(acceptor) }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        lock(&self.shared).connections
    }

    /// Breaks once more, counting from now on what passes over this connection and later ones: earlier ones may still
    /// have their last words.
    pub fn cut(&self, first: usize, cut: Cut, how: Break) {
        let mut state = lock(&self.shared);
        (state.cut, state.broken) = (Some((first, cut, how)), false);
    }

    /// Holds back each read for this long.
    pub fn delay(&self, delay: Duration) {
        lock(&self.shared).delay = delay;
    }

    /// Whether it has broken since the latest cut was set.
    pub fn is_broken(&self) -> bool {
        lock(&self.shared).broken
    }

    /// Stays whole from now on. Whether it has broken.
    pub fn mend(&self) -> bool {
        let mut state = lock(&self.shared);
        (state.cut, state.delay) = (None, Duration::ZERO);
        state.broken
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        lock(&self.shared).stopped = true;
        // To wake the acceptor.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

impl State {
    /// How many bytes of a read of this length pass, and how the wire breaks behind them, if it does.
    fn let_through(&mut self, connection: usize, length: usize) -> (usize, Option<Break>) {
        let Some((first, cut, how)) = &mut self.cut else { return (length, None) };
        if connection < *first {
            return (length, None);
        }
        let passed = match cut {
            Cut::Bytes(left) if *left >= length => {
                *left -= length;
                return (length, None);
            }
            Cut::Reads(left @ 1..) => {
                *left -= 1;
                return (length, None);
            }
            Cut::Bytes(left) => *left,
            Cut::Reads(0) => length / 2,
        };
        let how = *how;
        (self.cut, self.broken) = (None, true);
        match how {
            Break::Note => (length, None),
            _ => (passed, Some(how)),
        }
    }
}

/// A connection, from end to end.
struct Wire {
    number: usize,
    client: TcpStream,
    server: TcpStream,
    broken: AtomicBool,
}

impl Wire {
    fn run(self: Arc<Self>, shared: &Arc<Mutex<State>>) {
        for upwards in [true, false] {
            let (wire, shared) = (Arc::clone(&self), Arc::clone(shared));
            thread::spawn(move || wire.pump(upwards, &shared));
        }
    }

    /// Passes bytes on in one direction, until they end or the wire breaks.
    fn pump(&self, upwards: bool, shared: &Mutex<State>) {
        let (mut from, mut to) = (&self.server, &self.client);
        if upwards {
            (from, to) = (to, from);
        }
        let mut buffer = [0; 16 * 1024];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            let delay = lock(shared).delay;
            if !delay.is_zero() {
                thread::sleep(delay);
            }
            let (passed, broken) = lock(shared).let_through(self.number, length);
            if self.broken.load(Ordering::SeqCst) {
                return;
            }
            let written = to.write_all(&buffer[..passed]);
            if let Some(how) = broken {
                // Bytes received meanwhile are discarded.
                return self.break_off(how);
            }
            if written.is_err() {
                break;
            }
        }
        if !self.broken.load(Ordering::SeqCst) {
            let _ = to.shutdown(Shutdown::Write);
        }
    }

    fn break_off(&self, how: Break) {
        self.broken.store(true, Ordering::SeqCst);
        match how {
            Break::End | Break::Note => drop(self.client.shutdown(Shutdown::Both)),
            Break::Stall(time) => {
                thread::sleep(time);
                let _ = self.client.shutdown(Shutdown::Both);
            }
            Break::Reset => {
                // It is sent once both directions have let go of the socket.
                let _ = SockRef::from(&self.client).set_linger(Some(Duration::ZERO));
                let _ = self.client.shutdown(Shutdown::Read);
            }
        }
        let _ = self.server.shutdown(Shutdown::Both);
    }
}

fn lock(shared: &Mutex<State>) -> MutexGuard<'_, State> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
