//! Minimal server: it sends the same response to every request, on one thread, so that the client is measured.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const ROLE: &str = "fixed-server";

const LOGIN: &[u8] = b"HTTP/1.1 200 OK\r\nserver: fixed\r\ndate: Tue, 24 Nov 2026 10:00:00 GMT\r\n\
    content-type: application/json\r\ncontent-length: 53\r\n\r\n{\"session_id\":\"3f0e5b1c-4a7d-4c8e-9f6a-1b2c3d4e5f60\"}";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nserver: fixed\r\ndate: Tue, 24 Nov 2026 10:00:00 GMT\r\n\
    content-type: application/json\r\ncontent-length: 0\r\n\r\n";

pub(crate) fn run() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().expect("a runtime can be made");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        runtime.block_on(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(respond(stream));
            }
        });
    });
    crate::process::serve_until_stdin_ends(&address.to_string());
}

async fn respond(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            return Ok(());
        }
        filled += read;
        // No request has a body, and clients do not pipeline.
        if buffer[..filled].ends_with(b"\r\n\r\n") {
            let login = buffer.starts_with(b"GET /api/1.0/session/login");
            stream.write_all(if login { LOGIN } else { ANSWER }).await?;
            filled = 0;
        }
    }
}
