//! Async clients: 64 concurrent calls are 64 tasks.

use std::future::Future;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use quatrix_hyper::{Client, Login};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

use super::{CONCURRENCY, Place, compare};
use crate::race::Contender;

const PEER: &str = "hyper-util client";

pub(super) fn run(place: &Place) {
    let one_thread = Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    let two_threads =
        Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime can be made");
    for (title, width, runtime) in [
        ("Async, one call at a time", 1, &one_thread),
        ("Async, 64 tasks at once, one thread", CONCURRENCY, &one_thread),
        ("Async, 64 tasks at once, two threads", CONCURRENCY, &two_threads),
    ] {
        compare(title, PEER, contenders(place, runtime, width));
    }
}

fn contenders<'a>(place: &'a Place, runtime: &'a Runtime, width: usize) -> Vec<Contender<'a>> {
    let (idle, kept) = (client(place, runtime), client(place, runtime));
    runtime.spawn(kept.run_keepalive());
    let connections = (0..width).map(|_| runtime.block_on(connection(place))).collect();
    let pool = (Pool::builder(TokioExecutor::new()).build(plain_connector()), place.request().map(Full::new));
    let (parts, _) = place.request().into_parts();
    let web = reqwest::Client::builder().no_proxy().build().expect("the settings are the defaults");
    vec![
        contender("hyper connection", runtime, connections, over_connection),
        contender(PEER, runtime, vec![pool; width], over_pool),
        contender("quatrix-hyper", runtime, vec![idle; width], over_ours),
        contender("quatrix-hyper, kept alive", runtime, vec![kept; width], over_ours),
        contender("reqwest", runtime, vec![(web, parts.uri.to_string(), parts.headers); width], over_reqwest),
    ]
}

/// Runs one task per client; the task returns the client.
fn contender<'a, C, F>(name: &str, runtime: &'a Runtime, mut clients: Vec<C>, call: fn(C) -> F) -> Contender<'a>
where
    C: Send + 'static,
    F: Future<Output = C> + Send + 'static,
{
    Contender::new(name, move |times| {
        let share = times / clients.len() as u64;
        let tasks: Vec<_> = clients.drain(..).map(|client| runtime.spawn(repeat(client, share, call))).collect();
        runtime.block_on(async {
            for task in tasks {
                clients.push(task.await.expect("no call fails"));
            }
        });
    })
}

async fn repeat<C, F: Future<Output = C>>(mut client: C, times: u64, call: fn(C) -> F) -> C {
    for _ in 0..times {
        client = call(client).await;
    }
    client
}

fn client(place: &Place, runtime: &Runtime) -> Client {
    let client = Client::builder(place.server()).no_proxy().build().expect("the settings are the defaults");
    let login = runtime.block_on(client.login(Place::credentials())).expect("the call succeeds");
    assert_eq!(login, Login::Active);
    client
}

async fn over_ours(client: Client) -> Client {
    client.keepalive().await.expect("the call succeeds");
    client
}

type Connection = (SendRequest<Full<Bytes>>, Request<Full<Bytes>>);

async fn connection(place: &Place) -> Connection {
    let stream = TcpStream::connect(&place.address).await.expect("the server listens");
    stream.set_nodelay(true).expect("it is a socket");
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("nothing is sent yet");
    tokio::spawn(connection);
    (sender, place.request_to_origin().map(Full::new))
}

async fn over_connection((mut sender, request): Connection) -> Connection {
    sender.ready().await.expect("the connection is open");
    let response = sender.send_request(request.clone()).await.expect("the call succeeds");
    assert!(response.status() == 200 && response.collect().await.expect("it is whole").to_bytes().is_empty());
    (sender, request)
}

type Pooled = (Pool<HttpConnector, Full<Bytes>>, Request<Full<Bytes>>);

fn plain_connector() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    connector
}

async fn over_pool((client, request): Pooled) -> Pooled {
    let response = client.request(request.clone()).await.expect("the call succeeds");
    assert!(response.status() == 200 && response.collect().await.expect("it is whole").to_bytes().is_empty());
    (client, request)
}

type Web = (reqwest::Client, String, http::HeaderMap);

async fn over_reqwest((client, uri, headers): Web) -> Web {
    let response = client.get(&uri).headers(headers.clone()).send().await.expect("the call succeeds");
    assert!(response.status() == 200 && response.bytes().await.expect("it is whole").is_empty());
    (client, uri, headers)
}
