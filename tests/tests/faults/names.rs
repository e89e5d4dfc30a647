//! Names that do not resolve or resolve slowly; addresses without a server.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use quatrix_proto::api::GetAccountMetadata;
use quatrix_proto::{CallOptions, LoggedOut, Server, State, TransportErrorKind};
use quatrix_tests::gate::Gate;
use quatrix_tests::listener::{Listener, json};
use quatrix_tests::stage::Wire;
use quatrix_tests::subject::{Setup, Subject};
use quatrix_tests::{conform, wait_until};
use socket2::{Domain, Socket, Type};

use crate::{failure, kind, me, once, report};

conform![
    m33_a_name_that_is_not_found_is_no_connection,
    m33_a_name_that_takes_too_long_is_given_up_with_the_connection,
    m33_a_name_is_looked_up_for_each_connection_and_not_for_each_call,
    m33_an_address_that_refuses_is_passed_over,
    m33_an_address_that_swallows_packets_is_passed_over,
    m33_a_server_that_swallows_packets_is_given_up,
];

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const DEAD: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// A setup for this listener under a name, which is looked up like this.
fn named(listener: &Listener, look_up: impl Fn(&str) -> io::Result<Vec<IpAddr>> + Send + Sync + 'static) -> Setup {
    let setup = listener.setup();
    let scheme = if setup.roots.is_some() { "https" } else { "http" };
    let base = format!("{scheme}://files.example:{}/api/1.0", listener.address().port());
    let config = Setup::new(Server::at_insecure(&base).unwrap()).config;
    Setup { config, names: Some(Arc::new(look_up)), ..setup }
}

fn serving(wire: Wire) -> Listener {
    Listener::named(wire, &["files.example"], |connection| {
        while connection.request().is_some() {
            let _ = connection.send(&json(200, "{}"));
        }
    })
}

fn m33_a_name_that_is_not_found_is_no_connection<S: Subject>(wire: Wire) {
    let listener = serving(wire);
    for answer in [
        || Err(io::Error::new(io::ErrorKind::NotFound, "no such name")),
        || Err(io::Error::other("the name server failed")),
        || Ok(Vec::new()),
    ] {
        let answer: fn() -> io::Result<Vec<IpAddr>> = answer;
        let asked = Arc::new(Mutex::new(Vec::new()));
        let names = Arc::clone(&asked);
        let setup = named(&listener, move |name| {
            names.lock().unwrap().push(name.to_owned());
            answer()
        });
        let client = S::build(setup).unwrap();
        let failure = failure(client.login(me()));
        assert_eq!((failure.kind(), failure.may_have_been_sent()), (TransportErrorKind::Connect, false));
        let why = answer().map_or_else(|error| error.to_string(), |_| "the name has no address".into());
        assert!(report(&failure).contains(&why), "{}", report(&failure));
        assert!(matches!(client.state(), State::LoggedOut(LoggedOut::Failed(_))));
        assert_eq!(*asked.lock().unwrap(), ["files.example", "files.example"], "once more, as nothing was sent");
    }
    assert_eq!(listener.connections(), 0);
}

fn m33_a_name_that_takes_too_long_is_given_up_with_the_connection<S: Subject>(wire: Wire) {
    let listener = serving(wire);
    let gate = Gate::closed();
    let held = Arc::clone(&gate);
    let setup = named(&listener, move |_| {
        held.pass();
        Ok(vec![HERE])
    });
    let client = S::build(Setup { connect: Some(Duration::from_millis(50)), ..setup }).unwrap();
    let failure = failure(client.call_with(&GetAccountMetadata, once()));
    assert_eq!((failure.kind(), failure.may_have_been_sent()), (TransportErrorKind::TimedOut, false));
    assert_eq!(report(&failure), "timed out: while connecting");
    gate.open();
    wait_until(|| client.call_with(&GetAccountMetadata, once()).is_ok());
}

fn m33_a_name_is_looked_up_for_each_connection_and_not_for_each_call<S: Subject>(wire: Wire) {
    let listener = serving(wire);
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let setup = named(&listener, move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(vec![HERE])
    });
    let client = S::build(setup).unwrap();
    for _ in 0..10 {
        client.call(&GetAccountMetadata).unwrap();
    }
    wait_until(|| count.load(Ordering::SeqCst) == listener.connections());
    assert!(listener.connections() < 10, "none was used again");
}

fn m33_an_address_that_refuses_is_passed_over<S: Subject>(wire: Wire) {
    let listener = serving(wire);
    let setup = named(&listener, |_| Ok(vec![DEAD, HERE]));
    S::build(setup).unwrap().call_with(&GetAccountMetadata, once()).unwrap();
}

/// Port whose connections are never accepted, and the connections that fill its queue.
struct Swallow {
    _socket: Socket,
    _queue: Vec<TcpStream>,
}

impl Swallow {
    /// Full queue of connections that are never accepted.
    fn at(address: SocketAddr) -> Option<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&address.into()).ok()?;
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let connect = || TcpStream::connect_timeout(&address, Duration::from_millis(100)).ok();
        let queue = std::iter::from_fn(connect).collect();
        Some(Self { _socket: socket, _queue: queue })
    }
}

fn m33_an_address_that_swallows_packets_is_passed_over<S: Subject>(wire: Wire) {
    // Another program may have the same port at the other address.
    let (listener, _swallow) = std::iter::repeat_with(|| serving(wire))
        .find_map(|listener| Some((Swallow::at((DEAD, listener.address().port()).into())?, listener)))
        .map(|(swallow, listener)| (listener, swallow))
        .unwrap();
    let setup = named(&listener, |_| Ok(vec![DEAD, HERE]));
    let client = S::build(Setup { connect: Some(Duration::from_millis(600)), ..setup }).unwrap();
    client.call_with(&GetAccountMetadata, CallOptions::new()).unwrap();
}

fn m33_a_server_that_swallows_packets_is_given_up<S: Subject>(wire: Wire) {
    let listener = serving(wire);
    let (port, _swallow) = std::iter::repeat_with(|| TcpListener::bind((DEAD, 0)).unwrap().local_addr().unwrap())
        .find_map(|address| Some((address.port(), Swallow::at(address)?)))
        .unwrap();
    let scheme = if wire == Wire::Tls { "https" } else { "http" };
    let server = Server::at_insecure(&format!("{scheme}://{DEAD}:{port}/api/1.0")).unwrap();
    let config = Setup::new(server).config;
    let setup = Setup { config, connect: Some(Duration::from_millis(50)), ..listener.setup() };
    let client = S::build(setup).unwrap();
    let failure = failure(client.call_with(&GetAccountMetadata, once()));
    assert_eq!((failure.kind(), failure.may_have_been_sent()), (TransportErrorKind::TimedOut, false));
    assert_eq!(report(&failure), "timed out: while connecting");
}

#[test]
fn m33_the_blocking_client_waits_on_one_thread_for_a_name_however_many_ask() {
    let listener = serving(Wire::Plain);
    let (gate, count) = (Gate::closed(), Arc::new(AtomicUsize::new(0)));
    let (held, counted) = (Arc::clone(&gate), Arc::clone(&count));
    let setup = named(&listener, move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        held.pass();
        Ok(vec![HERE])
    });
    let hurried: quatrix_ureq::Client =
        Subject::build(Setup { connect: Some(Duration::from_millis(20)), ..setup }).unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            let client = hurried.clone();
            scope.spawn(move || {
                let result = client.call_with(&GetAccountMetadata, once());
                assert_eq!(kind(result), (TransportErrorKind::TimedOut, false));
            });
        }
    });
    assert_eq!(count.load(Ordering::SeqCst), 1);
    gate.open();
    wait_until(|| hurried.call_with(&GetAccountMetadata, once()).is_ok());
}
