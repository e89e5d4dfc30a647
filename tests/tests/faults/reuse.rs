//! Connections that are used again, and servers that do not wait for the end of a request.

use quatrix_proto::api::{GetAccountMetadata, GetProfile, Raw};
use quatrix_proto::task::Download;
use quatrix_proto::{Login, TransportErrorKind};
use quatrix_tests::conform;
use quatrix_tests::listener::{Connection, Listener, json, with_headers};
use quatrix_tests::stage::Wire;
use quatrix_tests::subject::Subject;

use crate::{kind, me, resume};

conform![
    m31_a_connection_that_breaks_as_it_is_used_again_is_recovered_from_where_that_is_safe,
    m31_a_connection_that_is_reset_as_it_is_used_again_is_recovered_from_where_that_is_safe,
    m32_a_connection_that_was_closed_while_idle_is_recovered_from,
    m32_what_is_not_safe_to_repeat_goes_out_on_a_connection_that_is_open,
    m36_a_download_given_up_in_its_middle_spends_the_connection,
    m30_a_server_that_always_says_429_is_asked_less_and_less,
];

/// Responds to every request.
fn serve(connection: &mut Connection) -> bool {
    let Some(request) = connection.request() else { return false };
    let answer = match request.path() {
        "/session/login" => json(200, r#"{"session_id":"5b1c"}"#),
        "/profile" => json(200, r#"{"name":"Me","email":"me@example.com"}"#),
        _ => json(200, "{}"),
    };
    connection.send(&answer).is_ok()
}

fn m31_a_connection_that_breaks_as_it_is_used_again_is_recovered_from_where_that_is_safe<S: Subject>(wire: Wire) {
    // Every connection serves one request, and accepts a second one without a response.
    let breaking = || {
        let listener = Listener::serving(wire, |connection| {
            serve(connection);
            connection.request();
        });
        let client: S = listener.client();
        assert_eq!(client.login(me()).unwrap(), Login::Active);
        assert_eq!(client.call(&GetProfile).unwrap().email, "me@example.com");
        (listener, client)
    };
    // On a busy machine a connection may come back to the pool too late to be used again: once more then.
    let mut runs = std::iter::repeat_with(breaking).take(20);
    let reused = runs.find(|(listener, _)| listener.count("/profile") == 2);
    let (listener, client) = reused.expect("a connection is used again, and its request is sent once more");
    let result = client.call(&Raw::post("/file/move", "{}"));
    assert_eq!(kind(result), (TransportErrorKind::Interrupted, true));
    assert_eq!(listener.count("/file/move"), 1);
}

fn m31_a_connection_that_is_reset_as_it_is_used_again_is_recovered_from_where_that_is_safe<S: Subject>(wire: Wire) {
    // Every connection serves one request, and is gone as soon as another one comes.
    let listener = Listener::serving(wire, |connection| {
        if serve(connection) {
            connection.reset();
        }
    });
    let client: S = listener.client();
    assert_eq!(client.login(me()).unwrap(), Login::Active);
    let used = |path: &str| listener.count(path);
    assert_eq!(client.call(&GetProfile).unwrap().email, "me@example.com");
    assert_eq!(used("/profile"), 1, "the first one was never read");
    let error = client.call(&Raw::post("/file/move", "{}")).unwrap_err();
    assert!(error.may_have_been_executed(), "{error:?}");
    assert_eq!(kind(Err::<(), _>(error)), (TransportErrorKind::Interrupted, true));
    assert_eq!(used("/file/move"), 0);
}

fn m32_what_is_not_safe_to_repeat_goes_out_on_a_connection_that_is_open<S: Subject>(wire: Wire) {
    let listener = Listener::serving(wire, |connection| {
        serve(connection);
        connection.end();
    });
    let client: S = listener.client();
    assert_eq!(client.login(me()).unwrap(), Login::Active);
    for moves in 1..5 {
        listener.wait_for_ends(moves);
        client.call(&Raw::post("/file/move", "{}")).unwrap();
        assert_eq!(listener.count("/file/move"), moves);
    }
}

fn m36_a_download_given_up_in_its_middle_spends_the_connection<S: Subject>(wire: Wire) {
    let listener = Listener::answering(wire, |request| match request.path() {
        "/file/metadata/f" => json(200, r#"{"id":"f","type":"F","name":"f","size":100000}"#),
        "/file/download-link" => json(200, r#"{"id":"l"}"#),
        "/file/download/l" => with_headers(200, "", &"x".repeat(100_000)),
        _ => json(200, "{}"),
    });
    let client: S = listener.client();
    resume(&client);
    client.call(&GetAccountMetadata).unwrap();
    // A file that is open for reading only takes nothing.
    let sink = tempfile::NamedTempFile::new().unwrap();
    let sink = std::fs::File::open(sink.path()).unwrap();
    let download = Download::by_id("f".parse().unwrap());
    assert_eq!(kind(client.download_into(download, sink)).0, TransportErrorKind::Local);
    client.call(&GetAccountMetadata).unwrap();
    let requests = listener.requests();
    let over = |path: &str| requests.iter().rfind(|request| request.path() == path).unwrap().connection;
    assert_ne!(over("/account/metadata"), over("/file/download/l"), "{requests:?}");
}

fn m32_a_connection_that_was_closed_while_idle_is_recovered_from<S: Subject>(wire: Wire) {
    let listener = Listener::serving(wire, |connection| {
        serve(connection);
    });
    let client: S = listener.client();
    for _ in 0..10 {
        client.call(&GetAccountMetadata).unwrap();
    }
}

fn m30_a_server_that_always_says_429_is_asked_less_and_less<S: Subject>(wire: Wire) {
    let listener =
        Listener::answering(wire, |_| b"HTTP/1.1 429 Slow\r\nretry-after: 0\r\ncontent-length: 0\r\n\r\n".to_vec());
    let client: S = listener.client();
    let asked = || {
        let before = listener.requests().len();
        let error = client.call(&GetAccountMetadata).unwrap_err();
        assert_eq!(error.status().unwrap(), 429);
        listener.requests().len() - before
    };
    let asked: Vec<usize> = (0..20).map(|_| asked()).collect();
    assert_eq!((asked[0], asked[19]), (3, 1), "{asked:?}");
    assert!(asked.iter().sum::<usize>() <= 30, "{asked:?}");
}
