//! Sources that change, and chunks that are too large for the way.

use super::*;

/// Runs an upload; before the n-th finalizing call the source turns into the n-th of `versions`.
fn run_changing(model: &mut Model, task: &mut Upload, versions: &[&[u8]]) -> Result<Uploaded, Error> {
    let mut versions = versions.iter();
    let mut wire = Wire::new(NEW);
    loop {
        if task.is_about_to_finalize()
            && let Some(version) = versions.next()
        {
            wire.source = version;
            task.source_changed(version.len() as u64, Some(UnixTime::from_secs(9)));
        }
        match task.poll(wire.now, &Server::default()) {
            TaskStep::Call(prepared) => {
                let (result, moved) = wire.exchange(model, &prepared);
                task.handle(wire.now, result, moved);
            }
            TaskStep::Done(result) => return result,
        }
    }
}

#[test]
fn a_source_that_changes_once_is_uploaded_again_with_its_new_size_and_time() {
    for on_conflict in [OnConflict::Refuse, OnConflict::Overwrite] {
        let mut model = if on_conflict == OnConflict::Overwrite { with_old() } else { empty() };
        let mut task = upload(&model, on_conflict, NEW);
        let uploaded = run_changing(&mut model, &mut task, &[b"another version"]).unwrap();
        assert_eq!((uploaded.size, uploaded.modified), (15, Some(UnixTime::from_secs(9))));
        assert!(holds(&model, "a.txt", b"another version"));
        assert!(events(&mut task).contains(&TransferEvent::StartedOver));
    }
}

#[test]
fn a_source_that_changes_twice_or_cannot_be_read_again_is_an_error() {
    for (on_conflict, is_pipe) in
        [(OnConflict::Refuse, false), (OnConflict::Overwrite, false), (OnConflict::Overwrite, true)]
    {
        let mut model = if on_conflict == OnConflict::Overwrite { with_old() } else { empty() };
        let mut task = upload(&model, on_conflict, NEW);
        if is_pipe {
            task = task.from_pipe();
        }
        let error = run_changing(&mut model, &mut task, &[b"second", b"third"]).unwrap_err();
        assert!(matches!(error, Error::Transfer(crate::TransferError::SourceChanged)), "{error}");
        let links = model.calls().iter().filter(|&&name| name == "upload.link").count();
        assert_eq!(links, if is_pipe { 1 } else { 2 });
        match on_conflict {
            OnConflict::Overwrite => assert!(holds(&model, "a.txt", OLD)),
            _ => assert!(model.files("/in").is_empty()),
        }
    }
}

/// The lengths of the chunks that are asked for until `after` of them have failed, and then three more.
fn chunks(failure: impl Fn() -> Result<http::Response<Bytes>, Error>, failures: usize) -> Vec<u64> {
    const MIB: u64 = 1024 * 1024;
    let task = Upload::new("d1".parse().unwrap(), "a".parse().unwrap(), 1024 * MIB, 1);
    let mut task = task.on_conflict(OnConflict::Overwrite);
    let link = r#"{"file_id":"f1","name":"a","upload_key":"k1"}"#;
    let _ = task.poll(Timestamp::ZERO, &Server::default());
    task.handle(Timestamp::ZERO, Ok(http::Response::new(link.into())), 0);
    let mut lengths = Vec::new();
    for n in 0..failures + 3 {
        let TaskStep::Call(prepared) = task.poll(Timestamp::ZERO, &Server::default()) else { panic!("it ended") };
        let range = prepared.source_range().expect("a chunk");
        lengths.push((range.end - range.start) / 1024);
        task.handle(Timestamp::ZERO, if n < failures { failure() } else { Ok(http::Response::new(Bytes::new())) }, 0);
    }
    lengths
}

#[test]
fn a_chunk_is_halved_after_a_failure_that_did_not_deliver_it() {
    let unsent = || Err(crate::TransportError::unsent(crate::TransportErrorKind::Interrupted).into());
    assert_eq!(chunks(unsent, 2), [4096, 2048, 1024, 4096, 16384], "and grows again");
    let lost = || Err(crate::TransportError::maybe_sent(crate::TransportErrorKind::Interrupted).into());
    assert_eq!(chunks(lost, 2), [4096, 4096, 4096, 16384, 65536], "what may have arrived must come again as it was");
    let too_large = || Ok(crate::api::known::answer(413, ""));
    assert_eq!(chunks(too_large, 4), [4096, 2048, 1024, 512, 256, 256, 256], "and stays below what is refused");
}

#[test]
fn a_chunk_that_may_have_arrived_is_not_cut_by_a_later_failure() {
    let failures = std::cell::Cell::new(0);
    let lost_then_unsent = || {
        failures.set(failures.get() + 1);
        let kind = crate::TransportErrorKind::Interrupted;
        Err(match failures.get() {
            1 => crate::TransportError::maybe_sent(kind).into(),
            _ => crate::TransportError::unsent(kind).into(),
        })
    };
    assert_eq!(chunks(lost_then_unsent, 2)[..3], [4096, 4096, 4096]);
}

#[test]
fn a_chunk_that_is_refused_for_its_size_ends_the_upload_at_the_smallest() {
    let mut model = empty();
    let mut task = upload(&model, OnConflict::Refuse, NEW);
    let full =
        |_: usize, name: &str, _: &mut Model| if name == "upload.chunk" { Fault::Status(413) } else { Fault::None };
    let error = Wire::breaking(NEW, full).run(&mut model, &mut task).unwrap_err();
    assert_eq!(error.status().map(|status| status.as_u16()), Some(413));
    assert!(model.files("/in").is_empty());
}
