//! What the known-answer tests of the endpoints share.

use bytes::Bytes;

use crate::endpoint::{Authorization, Endpoint};
use crate::server::Server;

/// Method with path, and body, of a request to the default server.
pub(crate) fn sent(endpoint: &impl Endpoint) -> (String, String) {
    let request = endpoint.prepare(&Server::default()).unwrap().into_request(Authorization::None);
    let line = format!("{} {}", request.method(), request.uri().path_and_query().unwrap());
    (line, String::from_utf8(request.body().to_vec()).unwrap())
}

/// An answer with a JSON body.
pub(crate) fn answer(status: u16, json: &'static str) -> http::Response<Bytes> {
    let response = http::Response::builder().status(status).header("content-type", "application/json");
    response.body(Bytes::from_static(json.as_bytes())).unwrap()
}
