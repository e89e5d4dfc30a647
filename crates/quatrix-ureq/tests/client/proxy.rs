//! A CONNECT proxy on the way, which learns the server's name and nothing else.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use quatrix_emulator::Emulator;
use quatrix_ureq::api::GetProfile;
use quatrix_ureq::{CallOptions, Client, Error, Login, Server, TransportErrorKind};

use crate::support::{Odd, PASSWORD, credentials, failure, head, server};

/// A proxy that tunnels, and writes down what it sees.
fn tunnel() -> Odd {
    Odd::serving(|stream, heard| {
        let request = head(stream);
        let target = request.split(' ').nth(1).unwrap().to_owned();
        heard(request);
        let mut server = TcpStream::connect(target).unwrap();
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").unwrap();
        let (mut there, mut back) = (stream.try_clone().unwrap(), server.try_clone().unwrap());
        let answers = thread::spawn(move || {
            let _ = std::io::copy(&mut back, &mut there);
            let _ = there.shutdown(Shutdown::Both);
        });
        let mut seen = Vec::new();
        let mut piece = [0; 4096];
        while let Ok(length @ 1..) = stream.read(&mut piece) {
            seen.extend_from_slice(&piece[..length]);
            if server.write_all(&piece[..length]).is_err() {
                break;
            }
        }
        let _ = server.shutdown(Shutdown::Both);
        answers.join().unwrap();
        heard(String::from_utf8_lossy(&seen).into_owned());
    })
}

#[test]
fn m35_a_proxy_sees_the_name_of_the_server_and_no_secret() {
    let emulator = Emulator::builder().tls().start().unwrap();
    let proxy = tunnel();
    let address = proxy.address();
    let client = Client::builder(server(&emulator))
        .roots(emulator.ca_cert_pem().unwrap())
        .proxy(format!("http://me:canary@{address}"))
        .build()
        .unwrap();
    assert_eq!(client.login(credentials("user@example.com")).unwrap(), Login::Active);
    client.call(&GetProfile).unwrap();
    let token = client.save().unwrap().token().expose().to_owned();
    drop(client);
    let heard = loop {
        match proxy.heard() {
            both if both.len() == 2 => break both,
            _ => thread::yield_now(),
        }
    };
    assert!(heard[0].starts_with(&format!("CONNECT {} HTTP/1.1\r\n", emulator.address())), "{}", heard[0]);
    assert!(heard[0].contains("Proxy-Authorization: Basic bWU6Y2FuYXJ5\r\n"), "{}", heard[0]);
    assert!(!heard[1].contains(PASSWORD) && !heard[1].contains(&token) && !heard[1].contains("user@"));
    assert_eq!(emulator.requests().len(), 2);
}

#[test]
fn m35_a_proxy_that_refuses_or_is_not_there_has_sent_nothing() {
    let refusing = Odd::answering("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
    let silent = Odd::answering("");
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for address in [refusing.address(), silent.address(), gone] {
        let client = Client::builder(Server::account("acme").unwrap())
            .proxy(format!("http://me:canary@{address}"))
            .build()
            .unwrap();
        let failure = failure(client.call_with(&GetProfile, CallOptions::new().with_attempts(1)).map(|_| ()).or_else(
            // Without a session it is not sent at all.
            |_| client.login(credentials("user@example.com")).map(|_| ()),
        ));
        assert_eq!((failure.kind(), failure.may_have_been_sent()), (TransportErrorKind::Proxy, false), "{failure:?}");
        assert!(!format!("{failure:?} {failure}").contains("canary"));
    }
}

#[test]
fn a_proxy_that_cannot_be_used_is_refused_when_the_client_is_made() {
    for url in ["", "socks5://127.0.0.1:1080", "ftp://127.0.0.1", "http://"] {
        let error = Client::builder(Server::default()).proxy(url).build().unwrap_err();
        assert!(matches!(error, Error::Invalid(_)), "{url}: {error:?}");
    }
}

#[test]
fn m35_shared_connections_carry_no_plain_http_to_a_proxy() {
    let emulator = Emulator::start().unwrap();
    let proxy = tunnel();
    let url = format!("http://{}", proxy.address());
    let secured = Client::builder(Server::account("acme").unwrap()).proxy(url).build().unwrap();
    let plain = Client::builder(server(&emulator)).share_connections(&secured).build().unwrap();
    let failure = failure(plain.login(credentials("user@example.com")));
    assert!(!failure.may_have_been_sent(), "{failure:?}");
    assert_eq!((proxy.heard().len(), emulator.requests().len()), (0, 0));
}
