//! Blocking clients: 64 concurrent calls are 64 threads.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use quatrix_ureq::{Client, Login};
use ureq::Agent;
use ureq::tls::{TlsConfig, TlsProvider};

use super::{CONCURRENCY, Place, compare};
use crate::race::Contender;

const PEER: &str = "ureq";

pub(super) fn run(place: &Place) {
    for (title, width) in [("Blocking, one call at a time", 1), ("Blocking, 64 threads at once", CONCURRENCY)] {
        let (idle, kept) = (client(place), client(place));
        let _keepalive = kept.spawn_keepalive().expect("a thread can be started");
        let contenders = vec![
            sockets(place, width),
            plain_ureq(place, width),
            contender("quatrix-ureq", width, idle, |client| client.keepalive().expect("the call succeeds")),
            contender("quatrix-ureq, kept alive", width, kept, |client| client.keepalive().expect("the call succeeds")),
            plain_reqwest(place, width),
        ];
        compare(title, PEER, contenders);
    }
}

/// Returns a contender whose threads share a client.
fn contender<C>(name: &str, width: usize, client: C, call: fn(&C)) -> Contender<'static>
where
    C: Clone + Send + 'static,
{
    Contender::new(name, move |times| {
        std::thread::scope(|scope| {
            for _ in 1..width {
                let client = client.clone();
                scope.spawn(move || (0..times / width as u64).for_each(|_| call(&client)));
            }
            (0..times / width as u64).for_each(|_| call(&client));
        });
    })
}

fn client(place: &Place) -> Client {
    let client = Client::builder(place.server()).no_proxy().build().expect("the settings are the defaults");
    let login = client.login(Place::credentials()).expect("the call succeeds");
    assert_eq!(login, Login::Active);
    client
}

/// Sends fixed bytes without HTTP: the cost of the system alone.
fn sockets(place: &Place, width: usize) -> Contender<'static> {
    let request = place.bytes();
    let connect = || {
        let stream = TcpStream::connect(&place.address).expect("the server listens");
        stream.set_nodelay(true).expect("it is a socket");
        stream
    };
    let mut streams: Vec<_> = (0..width).map(|_| connect()).collect();
    Contender::new("socket, fixed bytes", move |times| {
        let call = |stream: &mut TcpStream| {
            let mut buffer = [0; 4096];
            stream.write_all(&request).expect("the server reads");
            let length = stream.read(&mut buffer).expect("the server answers");
            assert!(buffer[..length].ends_with(b"\r\n\r\n"));
        };
        std::thread::scope(|scope| {
            let (first, others) = streams.split_first_mut().expect("there is one at least");
            for stream in others {
                scope.spawn(|| (0..times / width as u64).for_each(|_| call(stream)));
            }
            (0..times / width as u64).for_each(|_| call(first));
        });
    })
}

/// Returns an agent with a pool as large as ours, so that no thread has to reconnect.
fn plain_ureq(place: &Place, width: usize) -> Contender<'static> {
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    let agent: Agent = Agent::config_builder()
        .tls_config(tls)
        .proxy(None)
        .max_idle_connections(CONCURRENCY)
        .max_idle_connections_per_host(CONCURRENCY)
        .http_status_as_error(false)
        .user_agent("")
        .accept("")
        .accept_encoding("")
        .build()
        .into();
    let (parts, _) = place.request().into_parts();
    let request = http::Request::from_parts(parts, ());
    contender(PEER, width, (agent, request), |(agent, request)| {
        let mut response = agent.run(request.clone()).expect("the call succeeds");
        let body = response.body_mut().read_to_vec().expect("it is whole");
        assert!(response.status() == 200 && body.is_empty());
    })
}

fn plain_reqwest(place: &Place, width: usize) -> Contender<'static> {
    let client = reqwest::blocking::Client::builder().no_proxy().build().expect("the settings are the defaults");
    let (parts, _) = place.request().into_parts();
    let (uri, headers) = (parts.uri.to_string(), parts.headers);
    contender("reqwest, blocking", width, (client, uri, headers), |(client, uri, headers)| {
        let response = client.get(uri).headers(headers.clone()).send().expect("the call succeeds");
        assert!(response.status() == 200 && response.bytes().expect("it is whole").is_empty());
    })
}
