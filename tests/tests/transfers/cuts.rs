//! A fault at every exchange of a transfer, through both adapters.

use quatrix_emulator::{CutPoint, Fault, FaultKind};
use quatrix_proto::api::OnConflict;
use quatrix_proto::task::Download;
use quatrix_tests::conform;
use quatrix_tests::stage::Wire;
use quatrix_tests::subject::Subject;

use crate::{USER, bytes, find, home, stage, upload};

conform![
    m42_a_fault_at_any_exchange_of_an_upload_leaves_the_old_bytes_or_the_new,
    a_fault_at_any_exchange_of_a_download_is_healed,
    two_faults_in_a_row_are_healed,
    m24_a_server_without_ranges_is_noticed,
    a_thousand_small_files_go_up_and_come_down,
];

const CHUNK: usize = 1000;

fn faults() -> Vec<FaultKind> {
    vec![
        FaultKind::Cut(CutPoint::Before),
        FaultKind::Cut(CutPoint::After),
        FaultKind::Cut(CutPoint::Request(10)),
        FaultKind::Cut(CutPoint::Body(10)),
        FaultKind::Reset(CutPoint::Before),
        FaultKind::Reset(CutPoint::After),
        FaultKind::Status(503),
        FaultKind::Status(429),
        FaultKind::Expire,
    ]
}

fn m42_a_fault_at_any_exchange_of_an_upload_leaves_the_old_bytes_or_the_new<S: Subject>(wire: Wire) {
    let (old, new) = (bytes(1500, 1), bytes(3 * CHUNK, 2));
    let mut healed = 0;
    // Link, three chunks, finalize, move: the first request of all is the login.
    for at in 0..6 {
        for fault in faults() {
            let stage = stage(wire, "a.bin", &old);
            let client: S = stage.active();
            let parent = home(&client);
            stage.emulator.set_faults([Fault::new(fault.clone()).skip(at)]).unwrap();
            let upload = upload(parent, "a.bin", new.len(), OnConflict::Overwrite).with_max_chunk(CHUNK as u64);
            let result = client.upload(upload, new.clone());
            stage.emulator.set_faults([]).unwrap();
            let held = stage.emulator.file(USER, "a.bin").unwrap();
            let context = format!("exchange {at}, {fault:?}: {result:?}");
            match &result {
                Ok(uploaded) => {
                    assert!(held == new, "{context}");
                    assert_eq!((uploaded.name.as_str(), uploaded.size), ("a.bin", new.len() as u64));
                    assert_eq!(
                        stage.emulator.paths(USER).iter().filter(|path| !path.ends_with('/')).count(),
                        1,
                        "{context}"
                    );
                    healed += 1;
                }
                Err(_) => assert!(held == old || held == new, "{context}"),
            }
        }
    }
    assert!(healed >= 50, "{healed} of 54 faults are healed");
}

fn a_fault_at_any_exchange_of_a_download_is_healed<S: Subject>(wire: Wire) {
    let whole = bytes(3 * CHUNK, 3);
    // Three times: what is it, link and range; and is it still the same.
    for at in 0..10 {
        for fault in faults() {
            let stage = stage(wire, "a.bin", &whole);
            let client: S = stage.active();
            let file = find(&client, "/a.bin");
            stage.emulator.set_faults([Fault::new(fault.clone()).skip(at)]).unwrap();
            let download = Download::by_id(file).with_max_range(CHUNK as u64);
            let (result, sink) = client.download(download);
            let context = format!("exchange {at}, {fault:?}: {result:?}");
            assert_eq!(result.unwrap().size, whole.len() as u64, "{context}");
            assert!(sink == whole, "{context}");
        }
    }
}

fn two_faults_in_a_row_are_healed<S: Subject>(wire: Wire) {
    let whole = bytes(3 * CHUNK, 4);
    let stage = stage(wire, "a.bin", &whole);
    let client: S = stage.active();
    let cut = |path: &str, method: &str| Fault::new(FaultKind::Cut(CutPoint::Before)).on(method, path).skip(1).times(2);
    stage
        .emulator
        .set_faults([cut("/file/download/{id}", "GET"), cut("/upload/chunked/{upload_key}", "POST")])
        .unwrap();
    let (result, sink) = client.download(Download::by_id(find(&client, "/a.bin")).with_max_range(CHUNK as u64));
    assert!(result.is_ok() && sink == whole);
    let upload = upload(home(&client), "b.bin", whole.len(), OnConflict::Refuse).with_max_chunk(CHUNK as u64);
    client.upload(upload, whole.clone()).unwrap();
    assert!(stage.emulator.file(USER, "b.bin").unwrap() == whole);
}

fn m24_a_server_without_ranges_is_noticed<S: Subject>(wire: Wire) {
    let whole = bytes(3 * CHUNK, 5);
    let stage = quatrix_tests::stage::Stage::built(wire, |builder| {
        let settings = quatrix_emulator::Settings { ranges: false, ..quatrix_emulator::Settings::default() };
        builder.settings(settings).files(quatrix_emulator::Seed::new().file("a.bin", whole.clone()))
    });
    let client: S = stage.active();
    let cut = Fault::new(FaultKind::Cut(CutPoint::Body(1234))).on("GET", "/file/download/{id}");
    stage.emulator.set_faults([cut]).unwrap();
    let (result, sink) = client.download(Download::by_id(find(&client, "/a.bin")));
    assert!(sink == whole, "the whole came twice, its start only once into the sink: {result:?}");
}

fn a_thousand_small_files_go_up_and_come_down<S: Subject>(wire: Wire) {
    let stage = stage(wire, "a.bin", b"");
    let client: S = stage.active();
    let local = tempfile::tempdir().unwrap();
    for folder in 0..10 {
        let folder = local.path().join(format!("folder {folder}"));
        std::fs::create_dir(&folder).unwrap();
        for file in 0..100_u8 {
            std::fs::write(folder.join(format!("{file}.txt")), bytes(usize::from(file), file)).unwrap();
        }
    }
    let up = client.upload_folder(local.path(), home(&client)).unwrap();
    assert_eq!((up.0, up.1), (1000, 0), "files, failures");
    let back = tempfile::tempdir().unwrap();
    let down = client.download_folder(home(&client), back.path()).unwrap();
    assert_eq!((down.0, down.1), (1001, 0));
    for folder in 0..10 {
        for file in 0..100_u8 {
            let path = back.path().join(format!("folder {folder}/{file}.txt"));
            assert!(std::fs::read(path).unwrap() == bytes(usize::from(file), file));
        }
    }
}
