//! A program that depends on this crate alone can name every type in its signatures.

use quatrix_hyper::api::{GetProfile, OnConflict};
use quatrix_hyper::http::{HeaderName, HeaderValue};
use quatrix_hyper::task::mirror::{Batch, Mirror};
use quatrix_hyper::task::{Download, Downloaded, TransferEvent, Upload, Uploaded};
use quatrix_hyper::{
    Answer, ApiKey, Builder, CallOptions, Challenge, Client, Config, Credentials, Declined, Endpoint, Error, Event,
    FileId, FileName, Files, Login, Logout, RemotePath, Report, Saved, Server, State, Stream, Task, TransportErrorKind,
    UploadSource,
};

/// At compile time: the parameters and results of the public methods.
#[allow(dead_code, clippy::too_many_arguments, clippy::type_complexity, reason = "a list of types")]
fn every_type_of_a_signature_has_a_name_here<E: Endpoint, T: Task, S: UploadSource>(
    _: (Server, Config, Builder, Client, CallOptions, Saved, State, Files),
    _: (HeaderName, HeaderValue, ApiKey, Credentials),
    _: (Challenge, Result<Answer, Declined>, Login, Logout, &Event),
    _: (FileId, FileName, RemotePath, Stream<()>, OnConflict),
    _: (Upload, Uploaded, Download, Downloaded, &TransferEvent),
    _: (Mirror, Batch, Report),
    _: (E, T, S),
) {
}

#[test]
fn a_program_needs_no_other_crate() {
    let name = HeaderName::from_static("x-program");
    let client = Client::builder(Server::account("acme").unwrap()).header(name, HeaderValue::from_static("1")).build();
    assert!(client.unwrap().config().server().to_string().contains("acme"));
    let error = Client::builder(Server::default()).roots("none").build().unwrap_err();
    assert!(matches!(error, Error::Transport(error) if error.kind() == TransportErrorKind::Local));
    let _ = GetProfile;
}
