//! Open questions about the server (Q10, Q12, Q13), both ways.

use std::time::Duration;

use quatrix_emulator::{Settings, UploadKeyLife};
use quatrix_proto::Compat;
use quatrix_proto::api::{GetProfile, OnConflict};
use quatrix_proto::task::TransferEvent;
use quatrix_tests::conform;
use quatrix_tests::stage::{Stage, Wire};
use quatrix_tests::subject::Subject;

use crate::{USER, bytes, home, upload};

conform![
    q12_chunks_arrive_where_the_server_wants_a_token_and_where_it_does_not,
    q13_a_key_that_runs_out_begins_the_upload_again,
    q10_a_transfer_that_does_not_count_as_use_is_preceded_by_a_keepalive,
];

fn q12_chunks_arrive_where_the_server_wants_a_token_and_where_it_does_not<S: Subject>(wire: Wire) {
    for (needed, with_token, arrives) in
        [(false, true, true), (true, true, true), (false, false, true), (true, false, false)]
    {
        let stage = Stage::with(wire, |settings| Settings { chunks_need_credentials: needed, ..settings });
        let mut setup = stage.setup();
        setup.config = setup.config.with_compat(Compat::default().with_chunk_tokens(with_token));
        let client = S::build(setup).unwrap();
        assert_eq!(client.login(quatrix_tests::stage::me(USER)).unwrap(), quatrix_proto::Login::Active);
        let result = client.upload(upload(home(&client), "a.bin", 100, OnConflict::Refuse), bytes(100, 1));
        assert_eq!(result.is_ok(), arrives, "needed {needed}, sent {with_token}: {result:?}");
        assert_eq!(stage.emulator.file(USER, "a.bin").is_some(), arrives, "nothing half-made");
    }
}

/// Seven minutes pass with each chunk: 21 since the link, never more than 14 since the last chunk.
fn q13_a_key_that_runs_out_begins_the_upload_again<S: Subject>(wire: Wire) {
    for (life, begun) in [(UploadKeyLife::SinceLastChunk, 1), (UploadKeyLife::SinceLink, 2)] {
        let stage = Stage::with(wire, |settings| Settings { upload_key_life: life, ..settings });
        let client: S = stage.active();
        let upload = upload(home(&client), "a.bin", 4000, OnConflict::Refuse).with_max_chunk(1000);
        let mut passed = 0;
        let result = client.upload_watched(upload, bytes(4000, 1), |event| {
            if let TransferEvent::Progress { done, .. } = event
                && *done > passed
                && [1000, 2000, 3000].contains(done)
            {
                passed = *done;
                stage.emulator.advance(Duration::from_secs(7 * 60));
            }
        });
        assert_eq!(result.unwrap().size, 4000, "{life:?}");
        assert!(stage.emulator.file(USER, "a.bin").unwrap() == bytes(4000, 1));
        assert_eq!(stage.count("/upload/link"), begun, "{life:?}");
    }
}

fn q10_a_transfer_that_does_not_count_as_use_is_preceded_by_a_keepalive<S: Subject>(wire: Wire) {
    for extend in [false, true] {
        let stage = Stage::with(wire, |settings| Settings { transfers_extend: extend, ..settings });
        let client: S = stage.active();
        client.upload(upload(home(&client), "a.bin", 100, OnConflict::Refuse), bytes(100, 1)).unwrap();
        assert_eq!(client.call(&GetProfile).unwrap().email, USER);
        assert_eq!(stage.count("/session/login"), 1);
    }
}
