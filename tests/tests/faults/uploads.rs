//! Servers that respond before they have read the request.

use std::io::Read;
use std::thread;
use std::time::Duration;

use quatrix_proto::api::{GetAccountMetadata, OnConflict};
use quatrix_proto::task::{Upload, Uploaded};
use quatrix_proto::{Error, FileName};
use quatrix_tests::conform;
use quatrix_tests::listener::{Connection, Listener, json};
use quatrix_tests::stage::Wire;
use quatrix_tests::subject::Subject;

use crate::resume;

conform![m32_a_refusal_while_an_upload_is_on_its_way_is_its_error, m32_a_server_that_asks_to_go_on_is_not_waited_for,];

/// The first chunk of an upload, and the second one that is four times as large, as the first went so fast.
const FIRST: usize = 4 * 1024 * 1024;
const SECOND: usize = 4 * FIRST;

/// Server that accepts the first chunk of every upload; the test decides about the second.
pub(crate) struct Spool {
    pub(crate) listener: Listener,
}

impl Spool {
    /// Serves the second chunk like this, of which only the head has been read, and says whether the connection goes on.
    pub(crate) fn new(wire: Wire, second: impl Fn(&mut Connection) -> bool + Send + Sync + 'static) -> Self {
        let listener = Listener::serving(wire, move |connection| {
            while let Some(head) = connection.head() {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
                if length == Some(SECOND) {
                    match second(connection) {
                        true => continue,
                        false => return,
                    }
                }
                let _ = connection.read_exact(&mut vec![0; length.unwrap_or(0)]);
                let answer = match head.contains("/upload/link") {
                    true => json(200, r#"{"name":"a.bin","file_id":"f1","parent_id":"h","upload_key":"k1"}"#),
                    false => json(200, "{}"),
                };
                let _ = connection.send(&answer);
            }
        });
        Self { listener }
    }

    /// Uploads two chunks.
    pub(crate) fn upload<S: Subject>(&self, client: &S) -> Result<Uploaded, Error> {
        resume(client);
        let (size, name) = (FIRST + SECOND, FileName::new("a.bin").unwrap());
        let upload = Upload::new("h".parse().unwrap(), name, size as u64, 7);
        client.upload(upload.on_conflict(OnConflict::Refuse), vec![7; size])
    }
}

fn m32_a_refusal_while_an_upload_is_on_its_way_is_its_error<S: Subject>(wire: Wire) {
    for (taken, goes_on) in [(0, false), (100_000, false), (0, true), (100_000, true)] {
        let spool = Spool::new(wire, move |connection| {
            let _ = connection.read_exact(&mut vec![0; taken]);
            let answer = json(403, r#"{"code":10,"msg":"too large"}"#);
            let (first, second) = answer.split_at(answer.len() - 10);
            let _ = connection.send(first);
            // Time for a client to hang up, if it thinks that it knows enough.
            thread::sleep(Duration::from_millis(20));
            let _ = connection.send(second);
            // Closing with unread bytes resets the connection, and the response may be lost with it.
            let rest = connection.read_exact(&mut vec![0; SECOND - taken]);
            goes_on && rest.is_ok()
        });
        let client: S = spool.listener.client();
        let error = spool.upload(&client).unwrap_err();
        assert_eq!(error.status().map(|status| status.as_u16()), Some(403), "{taken}, {goes_on}: {error:?}");
        assert_eq!(error.code().map(|code| code.0), Some(10));
        client.call(&GetAccountMetadata).unwrap();
    }
}

fn m32_a_server_that_asks_to_go_on_is_not_waited_for<S: Subject>(wire: Wire) {
    let spool = Spool::new(wire, |connection| {
        let late = [&b"HTTP/1.1 100 Continue\r\n\r\n"[..], &json(403, "{}")].concat();
        connection.read_exact(&mut vec![0; SECOND]).is_ok() && connection.send(&late).is_ok()
    });
    let error = spool.upload(&spool.listener.client::<S>()).unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(403), "{error:?}");
}
