//! The wire breaks at the n-th byte, or the n-th read, for every n: as an error of its class, after which the client can
//! go on.

use quatrix_emulator::Seed;
use quatrix_proto::api::{GetHome, GetProfile, OnConflict};
use quatrix_proto::task::Upload;
use quatrix_proto::{Config, Error, FileName, LoggedOut, Login, Server, State, TransportError, TransportErrorKind};
use quatrix_tests::conform;
use quatrix_tests::relay::{Break, Cut, Relay};
use quatrix_tests::stage::{Stage, Wire, me};
use quatrix_tests::subject::{Setup, Subject};

use crate::report;

conform![
    m02_m31_a_login_over_a_wire_that_breaks_at_any_byte_fails_once_and_can_be_made_again,
    m42_m31_an_upload_over_a_wire_that_breaks_at_any_read_fails_or_succeeds_and_can_be_made_again,
];

const USER: &str = "user@example.com";

/// A client of the emulator, by way of the relay, each of whose calls is tried once.
fn over<S: Subject>(stage: &Stage, relay: &Relay) -> S {
    let api = stage.emulator.api().replace(&stage.emulator.address().to_string(), &relay.address().to_string());
    let config = Config::new(Server::at(&api).unwrap()).with_attempts(1);
    S::build(Setup { config, ..stage.setup() }).unwrap()
}

fn how(at: usize) -> Break {
    if at.is_multiple_of(2) { Break::Reset } else { Break::End }
}

/// Permitted results of a call over a broken wire: no request is sent before the TLS handshake has ended.
#[track_caller]
fn broken(error: &Error, wire: Wire) -> TransportError {
    let Error::Transport(failure) = error else { panic!("no failed exchange: {}", report(error)) };
    match (failure.kind(), failure.may_have_been_sent()) {
        (TransportErrorKind::Interrupted, true) => {}
        (TransportErrorKind::Tls, false) if wire == Wire::Tls => {}
        other => panic!("{other:?}: {}", report(error)),
    }
    failure.clone()
}

fn m02_m31_a_login_over_a_wire_that_breaks_at_any_byte_fails_once_and_can_be_made_again<S: Subject>(wire: Wire) {
    let stage = Stage::new(wire);
    let relay = Relay::to(stage.emulator.address());
    // A handshake takes some thousand bytes.
    let step = if wire == Wire::Tls { 41 } else { 1 };
    for at in (0..).step_by(step) {
        let client: S = over(&stage, &relay);
        let (before, connections) = (stage.count("/session/login"), relay.connections());
        relay.cut(connections, Cut::Bytes(at), how(at));
        let login = client.login(me(USER));
        if !relay.mend() {
            assert!(at > 400, "it breaks at {at} bytes, but they never came");
            assert_eq!(login.unwrap(), Login::Active);
            assert_eq!(stage.count("/session/login"), before + 1);
            break;
        }
        let sent = match login {
            // A last record of TLS may be cut when all is said; and a wire that breaks between handshake and request
            // has provably sent nothing.
            Ok(login) => {
                assert!(login == Login::Active && wire == Wire::Tls && at > 500, "at {at}");
                true
            }
            Err(error) => {
                let state = client.state();
                assert!(matches!(state, State::LoggedOut(LoggedOut::Failed(_))), "at {at}: {state:?}");
                assert_eq!(relay.connections(), connections + 1, "at {at}: not tried again by itself");
                broken(&error, wire).may_have_been_sent()
            }
        };
        let logins = stage.count("/session/login") - before;
        assert!(logins <= usize::from(sent), "at {at}: {logins} logins");
        client.logout().unwrap();
        assert_eq!(client.login(me(USER)).unwrap(), Login::Active, "at {at}");
        assert_eq!(client.call(&GetProfile).unwrap().email, USER, "at {at}");
    }
}

fn m42_m31_an_upload_over_a_wire_that_breaks_at_any_read_fails_or_succeeds_and_can_be_made_again<S: Subject>(
    wire: Wire,
) {
    let stage = Stage::built(wire, |builder| builder.files(Seed::new().file("a.bin", "old")));
    let relay = Relay::to(stage.emulator.address());
    let (new, last) = (vec![1; 50_000], vec![2; 1000]);
    for at in 0.. {
        let first = relay.connections();
        let client: S = over(&stage, &relay);
        assert_eq!(client.login(me(USER)).unwrap(), Login::Active);
        let home = client.call(&GetHome::new()).unwrap().id;
        let upload = |bytes: &[u8]| {
            let name = FileName::new("a.bin").unwrap();
            let upload = Upload::new(home.clone(), name, bytes.len() as u64, 7);
            client.upload(upload.on_conflict(OnConflict::Overwrite).with_max_chunk(20_000), bytes.to_vec())
        };
        relay.cut(first, Cut::Reads(at), how(at));
        let result = upload(&new);
        let broke = relay.mend();
        let held = stage.emulator.file(USER, "a.bin").unwrap();
        match result {
            Ok(_) => assert!(held == new, "at {at}"),
            Err(error) => {
                assert!(broke && (held == "old" || held == new || held == last), "at {at}");
                broken(&error, wire);
            }
        }
        upload(&last).unwrap_or_else(|error| panic!("at {at}: {}", report(&error)));
        assert!(stage.emulator.file(USER, "a.bin").unwrap() == last, "at {at}");
        if !broke {
            assert!(at > 8, "an upload takes more reads than {at}");
            break;
        }
    }
}
