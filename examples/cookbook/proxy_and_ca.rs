//! A client behind a proxy, with a private certificate authority.

use std::error::Error;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use quatrix_emulator::Emulator;
use quatrix_ureq::api::GetProfile;
use quatrix_ureq::{Client, Credentials, Login, Server};

fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::builder().tls().start()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let proxy = format!("http://{}", listener.local_addr()?);
    let tunnel = thread::spawn(move || tunnel(&listener));

    let ca = emulator.ca_cert_path().ok_or("the emulator speaks TLS")?;
    let client = connect(Server::at(emulator.api())?, &proxy, ca)?;
    assert_eq!(client.login(Credentials::new("user@example.com", "only-for-tests-4711")?)?, Login::Active);
    println!("hello, {}", client.call(&GetProfile)?.email);
    client.logout()?;
    drop(client);
    let target = tunnel.join().map_err(|_| "the proxy failed")??;
    println!("tunnelled to the emulator: {}", target == emulator.address().to_string());
    Ok(())
}

// docs: begin
/// A client that connects through `proxy` and trusts the authorities in the PEM file `ca`, and no others.
fn connect(server: Server, proxy: &str, ca: &Path) -> Result<Client, Box<dyn Error>> {
    let client = Client::builder(server).proxy(proxy).roots(fs::read(ca)?).build()?;
    Ok(client)
}
// docs: end

/// Serves one `CONNECT`. Returns its target.
fn tunnel(listener: &TcpListener) -> io::Result<String> {
    let (mut client, _) = listener.accept()?;
    let mut reader = BufReader::new(client.try_clone()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut server = TcpStream::connect(&target)?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let (mut from_server, mut to_client) = (server.try_clone()?, client);
    thread::spawn(move || io::copy(&mut from_server, &mut to_client));
    io::copy(&mut reader, &mut server)?;
    Ok(target)
}
