//! Through a CONNECT proxy.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use quatrix_emulator::Emulator;
use quatrix_hyper::api::{GetAccountMetadata, GetProfile};
use quatrix_hyper::{Client, Login, Server, TransportErrorKind};

use crate::support::{Scripted, USER, credentials, failure, read_request, report, server};

/// A proxy that makes every tunnel end at this address, whatever it is asked for.
fn proxy_to(address: SocketAddr) -> Scripted {
    Scripted::with_connections(move |client, heads| {
        let Some(head) = read_request(client) else { return };
        heads.lock().unwrap().push(head);
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
        let server = TcpStream::connect(address).unwrap();
        let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let there = std::thread::spawn(move || pass_on(from_client, to_server));
        pass_on(server, client.try_clone().unwrap());
        let _ = there.join();
    })
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
}

#[tokio::test]
async fn m35_a_proxy_sees_the_servers_name_and_its_own_credentials_and_nothing_else() {
    let emulator = Emulator::builder().tls().start().unwrap();
    let proxy = proxy_to(emulator.address());
    let client = Client::builder(server(&emulator))
        .roots(emulator.ca_cert_pem().unwrap())
        .proxy(format!("http://me:s%65cret@{}", proxy.address()))
        .build()
        .unwrap();
    assert_eq!(client.login(credentials(USER)).await.unwrap(), Login::Active);
    assert!(client.call(&GetProfile).await.is_ok());
    let host = emulator.address();
    let connect = format!("CONNECT {host} HTTP/1.1\r\nHost: {host}\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n\r\n");
    assert_eq!(proxy.heads(), [connect]);
    assert!(emulator.requests().iter().all(|request| !request.headers.contains_key("proxy-authorization")));
}

#[tokio::test]
async fn m35_shared_connections_carry_no_plain_http_to_a_proxy() {
    let emulator = Emulator::start().unwrap();
    let proxy = proxy_to(emulator.address());
    let url = format!("http://{}", proxy.address());
    let secured = Client::builder(Server::account("acme").unwrap()).proxy(url).build().unwrap();
    let plain = Client::builder(server(&emulator)).share_connections(&secured).build().unwrap();
    let failure = failure(plain.login(credentials(USER)).await.unwrap_err());
    assert_eq!((failure.kind(), failure.may_have_been_sent()), (TransportErrorKind::Proxy, false));
    assert_eq!((proxy.heads().len(), emulator.requests().len()), (0, 0));
}

#[tokio::test]
async fn m35_a_proxy_that_refuses_or_is_not_there_is_named_and_its_credentials_are_not() {
    let answers =
        [("407 Proxy Authentication Required", "proxy authorization required"), ("502 Bad Gateway", "unsuccessful")];
    for (status, why) in answers {
        let proxy = Scripted::new(move |_| format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").into_bytes());
        let url = format!("http://me:canary@{}", proxy.address());
        let client = Client::builder(Server::account("acme").unwrap()).proxy(&url).build().unwrap();
        let error = client.login(credentials(USER)).await.unwrap_err();
        assert_eq!(report(&error), format!("the proxy failed: tunnel error: {why}"));
        assert!(!error.may_have_been_executed() && !format!("{error:?}").contains("canary"));
        assert_eq!(failure(error).kind(), TransportErrorKind::Proxy);
    }

    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://me:canary@{nobody}");
    let client = Client::builder(Server::account("acme").unwrap()).proxy(&url).build().unwrap();
    let error = client.login(credentials(USER)).await.unwrap_err();
    assert!(!error.may_have_been_executed() && !format!("{error:?}").contains("canary"));
    assert_eq!(failure(error).kind(), TransportErrorKind::Proxy);
}

/// What the next test runs in a process of its own, whose environment names a proxy.
#[tokio::test]
#[ignore = "run by the next test"]
async fn in_an_environment() {
    let client = Client::new(Server::account("acme").unwrap()).unwrap();
    let error = client.login(credentials(USER)).await.unwrap_err();
    assert_eq!(failure(error).kind(), TransportErrorKind::Proxy);
    let emulator = Emulator::start().unwrap();
    assert!(crate::support::client(&emulator).call(&GetAccountMetadata).await.is_ok());
}

#[test]
fn a_proxy_in_the_environment_is_used_but_not_for_this_machine() {
    let proxy = Scripted::new(|_| b"HTTP/1.1 502 Bad Gateway\r\n\r\n".to_vec());
    let test = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "proxies::in_an_environment"])
        .env("ALL_PROXY", format!("http://me:canary@{}", proxy.address()))
        .output()
        .unwrap();
    assert!(test.status.success(), "{}", String::from_utf8_lossy(&test.stdout));
    let heads = proxy.heads();
    assert!(heads.iter().all(|head| head.starts_with("CONNECT acme.quatrix.it:443 HTTP/1.1\r\n")), "{heads:?}");
    assert!(!heads.is_empty());
}
