//! A client of a few lines, so that these tests share nothing with the ones under test.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Response, header};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::support::{Answer, PASSWORD};

trait Stream: Read + Write {}
impl<S: Read + Write> Stream for S {}

/// One connection that is kept alive.
pub(crate) struct Wire {
    stream: BufReader<Box<dyn Stream>>,
    host: String,
}

impl Wire {
    /// Connects to a URL; for TLS it trusts this one certificate.
    pub(crate) fn connect(url: &str, ca_cert_pem: Option<&str>) -> Self {
        let (scheme, authority) = url.split_once("://").unwrap();
        assert_eq!(scheme, if ca_cert_pem.is_some() { "https" } else { "http" });
        let stream = TcpStream::connect(authority).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let stream: Box<dyn Stream> = match ca_cert_pem {
            None => Box::new(stream),
            Some(pem) => Box::new(secured(stream, pem, "127.0.0.1")),
        };
        Self { stream: BufReader::new(stream), host: authority.to_owned() }
    }

    pub(crate) fn send(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response<Bytes> {
        self.write(method, target, headers, body);
        self.receive().unwrap()
    }

    pub(crate) fn write(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) {
        let (host, length) = (&self.host, body.len());
        let mut text = format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        let stream = self.stream.get_mut();
        stream.write_all(text.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        stream.flush().unwrap();
    }

    /// Reads one answer; an error if the connection ends before it does.
    pub(crate) fn receive(&mut self) -> std::io::Result<Response<Bytes>> {
        let status = self.line()?;
        let mut response = Response::builder().status(status.split(' ').nth(1).unwrap());
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(": ") else { break };
            response = response.header(name, value);
        }
        let length = response.headers_ref().unwrap().get(header::CONTENT_LENGTH);
        let mut body = vec![0; length.map_or(0, |length| length.to_str().unwrap().parse().unwrap())];
        self.stream.read_exact(&mut body)?;
        Ok(response.body(Bytes::from(body)).unwrap())
    }

    /// How many bytes of an answer's body come before the connection ends.
    pub(crate) fn bytes_until_the_end(&mut self) -> u64 {
        while !self.line().unwrap().is_empty() {}
        let mut count = 0;
        let mut buffer = vec![0; 64 * 1024];
        // TLS tells a cut from an end; both are one here.
        while let Ok(read @ 1..) = self.stream.read(&mut buffer) {
            count += read as u64;
        }
        count
    }

    fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }

    pub(crate) fn json(&mut self, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let headers = [headers, &[("content-type", "application/json")]].concat();
        Answer::new(self.send(method, target, &headers, body.as_bytes()))
    }

    pub(crate) fn login(&mut self, user: &str) -> Answer {
        let basic = format!("Basic {}", STANDARD.encode(format!("{user}:{PASSWORD}")));
        self.json("GET", "/api/1.0/session/login", &[("authorization", &basic)], "")
    }

    pub(crate) fn profile(&mut self, session: &str) -> Answer {
        self.json("GET", "/api/1.0/profile", &[("x-auth-token", session)], "")
    }
}

/// TLS over a stream, to a server of this name that the authority vouches for.
pub(crate) fn secured(stream: TcpStream, ca_cert_pem: &str, name: &str) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca_cert_pem.as_bytes()).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), stream)
}
