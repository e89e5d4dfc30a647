//! TLS.

use std::net::{Ipv4Addr, SocketAddr};

use quatrix_emulator::Emulator;
use quatrix_hyper::api::{GetAccountMetadata, GetProfile};
use quatrix_hyper::{Client, Login, Server, TransportErrorKind};

use crate::support::{Scripted, USER, client, credentials, failure, json, report, server};

fn trusting(emulator: &Emulator, authority: &Emulator) -> Client {
    Client::builder(server(emulator)).roots(authority.ca_cert_pem().unwrap()).build().unwrap()
}

#[tokio::test]
async fn a_server_is_trusted_through_the_roots_that_are_given() {
    let emulator = Emulator::builder().tls().start().unwrap();
    let client = trusting(&emulator, &emulator);
    assert_eq!(client.login(credentials(USER)).await.unwrap(), Login::Active);
    assert_eq!(client.call(&GetProfile).await.unwrap().email, USER);

    let other = Client::builder(server(&emulator)).share_connections(&client).build().unwrap();
    assert!(other.call(&GetAccountMetadata).await.is_ok());
}

#[tokio::test]
async fn m34_an_unknown_authority_is_named_and_nothing_was_sent() {
    let emulator = Emulator::builder().tls().start().unwrap();
    let other = Emulator::builder().tls().start().unwrap();
    for client in [client(&emulator), trusting(&emulator, &other)] {
        let error = client.login(credentials(USER)).await.unwrap_err();
        assert!(!error.may_have_been_executed() && !error.retryable());
        assert!(report(&error).starts_with("no secure connection: invalid peer certificate: "), "{}", report(&error));
        assert_eq!(failure(error).kind(), TransportErrorKind::Tls);
    }
    assert_eq!(emulator.requests(), []);
}

#[tokio::test]
async fn m34_a_certificate_for_another_name_is_refused() {
    let address = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0));
    let emulator = Emulator::builder().tls().listen(address).start().unwrap();
    let error = trusting(&emulator, &emulator).call(&GetAccountMetadata).await.unwrap_err();
    assert!(report(&error).contains("not valid for name"), "{}", report(&error));
    assert_eq!(failure(error).kind(), TransportErrorKind::Tls);
}

#[tokio::test]
async fn m34_a_server_that_speaks_no_tls_or_hangs_up_is_no_fallback_to_plain_text() {
    for answer in [json("{}"), Vec::new()] {
        let scripted = Scripted::with_connections(move |stream, _| {
            use std::io::{Read, Write};
            let mut hello = [0; 5];
            stream.read_exact(&mut hello).unwrap();
            let _ = stream.write_all(&answer);
        });
        let server = Server::at(&format!("https://{}/api/1.0", scripted.address())).unwrap();
        let error = Client::new(server).unwrap().call(&GetAccountMetadata).await.unwrap_err();
        assert!(!error.may_have_been_executed());
        assert_eq!(failure(error).kind(), TransportErrorKind::Tls);
        assert_eq!(scripted.connections(), 1);
    }
}
