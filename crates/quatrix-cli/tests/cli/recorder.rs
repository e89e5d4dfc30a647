//! A server that takes any credentials and keeps what it is sent.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;

/// What an account that can be used says about itself.
pub(crate) const ACTIVE: &str = r#"{"status":"A","title":"Acme","language":"en_GB"}"#;

pub(crate) struct Recorder {
    pub(crate) base_url: String,
    received: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    /// A server with this account. Every login succeeds with that token, every key is one of this user.
    pub(crate) fn start(account: &'static str, token: &str, user: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}/api/1.0", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let answers = [
            ("/account/metadata", account.to_owned()),
            ("/session/login", format!(r#"{{"session_id":"{token}"}}"#)),
            ("/profile", format!(r#"{{"id":"1","email":"{user}","name":"","home_id":"2"}}"#)),
        ];
        let log = Arc::clone(&received);
        // It ends with the process of the tests; nothing waits for it.
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let request = request(&mut connection);
                let path = request.split([' ', '?']).nth(1).unwrap_or_default().trim_start_matches("/api/1.0");
                let body = answers.iter().find(|(known, _)| *known == path).map_or("{}", |(_, body)| body);
                let kind = if body.starts_with('<') { "text/html" } else { "application/json" };
                log.lock().unwrap().push(request);
                let _ = write!(
                    connection,
                    "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        Self { base_url, received }
    }

    /// What was received since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.received.lock().unwrap())
    }

    /// Whether this secret has arrived since the last call, as it is or in basic credentials.
    pub(crate) fn has_received(&self, secret: &str) -> bool {
        self.take().iter().any(|request| holds(request, secret))
    }
}

fn holds(request: &str, secret: &str) -> bool {
    let basic = |line: &str| {
        let encoded = line.split_once(": Basic ")?.1.trim();
        String::from_utf8(base64::engine::general_purpose::STANDARD.decode(encoded).ok()?).ok()
    };
    request.contains(secret) || request.lines().filter_map(basic).any(|credentials| credentials.contains(secret))
}

fn request(connection: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && matches!(connection.read(&mut byte), Ok(1)) {
        request.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&request).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    if connection.read_exact(&mut body).is_ok() {
        request.extend(body);
    }
    String::from_utf8_lossy(&request).into_owned()
}
