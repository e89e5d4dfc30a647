//! Calls over loopback: successive keepalives on open connections, one at a time and 64 concurrently. All clients send
//! the same head to the same server.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http::header::HOST;
use quatrix_proto::api::KeepAlive;
use quatrix_proto::{Authorization, Credentials, Endpoint as _, SessionId};

use crate::process::Server;
use crate::race::{self, Summary};
use crate::{fixed, table};

mod awaited;
mod blocking;

const CONCURRENCY: usize = 64;
const ROUNDS: usize = 15;
const TURN: Duration = Duration::from_millis(100);

pub(crate) fn run() {
    let server = Server::start(fixed::ROLE);
    let place = Place { address: server.ready[0].clone() };
    blocking::run(&place);
    awaited::run(&place);
}

/// Address of the server, and the request.
struct Place {
    address: String,
}

impl Place {
    fn server(&self) -> quatrix_proto::Server {
        quatrix_proto::Server::at(&format!("http://{}/api/1.0", self.address)).expect("it is an address")
    }

    fn credentials() -> Credentials {
        Credentials::new("user@example.com", "only-for-tests-4711").expect("they are valid")
    }

    /// Returns the core's request, for clients without the core.
    fn request(&self) -> Request<Bytes> {
        let id = SessionId::new("3f0e5b1c-4a7d-4c8e-9f6a-1b2c3d4e5f60").expect("it is valid");
        KeepAlive.prepare(&self.server()).expect("it has no values").into_request(Authorization::Session(&id))
    }

    /// Returns that request in origin form, for clients without a pool.
    fn request_to_origin(&self) -> Request<Bytes> {
        let mut request = self.request();
        request.headers_mut().insert(HOST, self.address.parse().expect("it is an address"));
        *request.uri_mut() = request.uri().path().parse().expect("it is a path");
        request
    }

    fn bytes(&self) -> Vec<u8> {
        let request = self.request_to_origin();
        let mut bytes = format!("GET {} HTTP/1.1\r\n", request.uri()).into_bytes();
        for (name, value) in request.headers() {
            bytes.extend_from_slice(name.as_str().as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value.as_bytes());
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }
}

/// Runs the contenders, and prints each relative to the peer that our client is built on.
fn compare(title: &str, peer: &str, contenders: Vec<race::Contender<'_>>) {
    let results = race::race(contenders, ROUNDS, TURN, CONCURRENCY as u64);
    let peer = results.iter().find(|one| one.name == peer).expect("the peer takes part");
    let rows: Vec<_> = results
        .iter()
        .map(|one| {
            vec![
                one.name.clone(),
                Summary::of_ratios(&peer.wall, &one.wall).to_string(),
                Summary::of_ratios(&one.cpu, &peer.cpu).to_string(),
                format!("{:.0}", 1e9 / Summary::of(&one.wall).median),
                table::time(Summary::of(&one.cpu).median),
            ]
        })
        .collect();
    let head = [
        "client",
        &format!("calls per second, × {}", peer.name),
        &format!("processor time, × {}", peer.name),
        "calls per second",
        "processor time of a call",
    ];
    table::print(title, &head, &rows);
}
