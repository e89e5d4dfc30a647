//! Sources that shrink or grow, disks that are full, and callers that give up.

use std::fs;
use std::io::Write as _;

use quatrix_proto::api::OnConflict;
use quatrix_proto::task::Download;
use quatrix_proto::{Error, TransportErrorKind};
use quatrix_tests::conform;
use quatrix_tests::stage::Wire;
use quatrix_tests::subject::Subject;

use crate::{USER, bytes, find, home, stage, upload};

conform![
    m40_a_source_that_shrinks_is_a_local_error_and_leaves_nothing,
    m40_a_source_that_grows_is_sent_as_it_was_announced,
    m40_a_full_disk_is_a_local_error_and_the_old_file_stays,
    an_empty_file_has_no_chunk,
    a_pipe_of_unknown_size_is_spooled,
    several_files_come_as_one_zip,
    files_have_their_times_on_both_sides,
];

fn kind<T: std::fmt::Debug>(result: Result<T, Error>) -> TransportErrorKind {
    match result.unwrap_err() {
        Error::Transport(failure) => failure.kind(),
        error => panic!("{error:?}"),
    }
}

fn m40_a_source_that_shrinks_is_a_local_error_and_leaves_nothing<S: Subject>(wire: Wire) {
    let old = bytes(100, 1);
    let stage = stage(wire, "a.bin", &old);
    let client: S = stage.active();
    let announced = upload(home(&client), "a.bin", 5000, OnConflict::Overwrite);
    assert_eq!(kind(client.upload(announced, bytes(3000, 2))), TransportErrorKind::Local);
    assert!(stage.emulator.file(USER, "a.bin").unwrap() == old);
    assert_eq!(stage.emulator.paths(USER).iter().filter(|path| !path.ends_with('/')).count(), 1, "nothing half-made");
}

fn m40_a_source_that_grows_is_sent_as_it_was_announced<S: Subject>(wire: Wire) {
    let stage = stage(wire, "other", b"");
    let client: S = stage.active();
    let announced = upload(home(&client), "a.bin", 3000, OnConflict::Refuse);
    assert_eq!(client.upload(announced, bytes(5000, 2)).unwrap().size, 3000);
    assert!(stage.emulator.file(USER, "a.bin").unwrap() == bytes(5000, 2)[..3000]);
}

fn m40_a_full_disk_is_a_local_error_and_the_old_file_stays<S: Subject>(wire: Wire) {
    let stage = stage(wire, "a.bin", &bytes(100_000, 1));
    let client: S = stage.active();
    let file = find(&client, "/a.bin");
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    assert_eq!(kind(client.download_into(Download::by_id(file.clone()), full)), TransportErrorKind::Local);

    // A folder that cannot be written to stands for a disk without room: the file that is there stays as it is.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.bin");
    fs::File::create(&path).unwrap().write_all(b"the old one").unwrap();
    let nowhere = folder.path().join("no such folder/a.bin");
    assert_eq!(kind(client.download_to(file.clone(), &nowhere)), TransportErrorKind::Local);
    assert_eq!(fs::read(&path).unwrap(), b"the old one");
    client.download_to(file, &path).unwrap();
    assert!(fs::read(&path).unwrap() == bytes(100_000, 1));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
}

fn an_empty_file_has_no_chunk<S: Subject>(wire: Wire) {
    let stage = stage(wire, "other", b"");
    let client: S = stage.active();
    client.upload(upload(home(&client), "empty", 0, OnConflict::Refuse), Vec::new()).unwrap();
    assert_eq!(stage.count("/upload/chunked/{upload_key}"), 0);
    let (result, sink) = client.download(Download::by_id(find(&client, "/empty")));
    assert_eq!((result.unwrap().size, sink.len()), (0, 0));
}

fn a_pipe_of_unknown_size_is_spooled<S: Subject>(wire: Wire) {
    let stage = stage(wire, "other", b"");
    let client: S = stage.active();
    let piped = client.upload_pipe(bytes(300_000, 9), home(&client), "piped".parse().unwrap()).unwrap();
    assert_eq!(piped.size, 300_000);
    assert!(stage.emulator.file(USER, "piped").unwrap() == bytes(300_000, 9));
}

fn several_files_come_as_one_zip<S: Subject>(wire: Wire) {
    let stage = stage(wire, "a.bin", &bytes(5000, 1));
    let client: S = stage.active();
    let ids = vec![find(&client, "/a.bin"), home(&client)];
    let (result, sink) = client.download(Download::zip(ids));
    result.unwrap();
    assert!(sink.starts_with(b"PK\x03\x04") && sink.len() > 5000);
}

fn files_have_their_times_on_both_sides<S: Subject>(wire: Wire) {
    use std::time::{Duration, SystemTime};
    let stage = stage(wire, "other", b"");
    let client: S = stage.active();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dated.txt");
    let then = SystemTime::UNIX_EPOCH + Duration::from_micros(1_612_325_106_789_012);
    let file = fs::File::create(&path).unwrap();
    file.set_modified(then).unwrap();
    let uploaded = client.upload_path(&path, home(&client)).unwrap();
    assert_eq!(uploaded.modified, Some(then.into()));
    let back = folder.path().join("back.txt");
    client.download_to(uploaded.id, &back).unwrap();
    assert_eq!(fs::metadata(&back).unwrap().modified().unwrap(), then);
}
