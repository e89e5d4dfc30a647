//! What becomes of an upload when exchanges fail.

use super::*;

#[test]
fn a_failed_chunk_is_sent_again_from_the_same_byte() {
    for fault in [Fault::Lost, Fault::Unsent, Fault::Cut(0), Fault::Cut(4), Fault::Status(503)] {
        let mut model = empty();
        let mut task = upload(&model, OnConflict::Refuse, NEW);
        let mut wire = Wire::breaking(NEW, |n, _, _| if n == 2 { fault } else { Fault::None });
        wire.run(&mut model, &mut task).unwrap();
        assert!(holds(&model, "a.txt", NEW), "{fault:?}");
        assert!(events(&mut task).contains(&TransferEvent::Resumed { at: 10 }), "{fault:?}");
    }
}

#[test]
fn a_chunk_that_never_arrives_ends_the_upload_and_deletes_the_file() {
    let mut model = empty();
    let mut task = upload(&model, OnConflict::Refuse, NEW);
    let never = |_: usize, name: &str, _: &mut Model| if name == "upload.chunk" { Fault::Unsent } else { Fault::None };
    let error = Wire::breaking(NEW, never).run(&mut model, &mut task).unwrap_err();
    assert_eq!(error.to_string(), "could not connect");
    assert!(model.files("/in").is_empty());
    assert_eq!(model.calls(), ["upload.link", "file.delete"], "three attempts never came there");
}

#[test]
fn q13_a_key_that_ran_out_starts_the_upload_over() {
    for on_conflict in [OnConflict::Refuse, OnConflict::Overwrite] {
        for at in 1..=4 {
            let mut model = with_old();
            if on_conflict == OnConflict::Refuse {
                model = empty();
            }
            let mut task = upload(&model, on_conflict, NEW);
            let mut wire = Wire::breaking(NEW, |n, _, model| {
                if n == at {
                    model.expire_keys();
                }
                Fault::None
            });
            wire.run(&mut model, &mut task).unwrap();
            assert!(holds(&model, "a.txt", NEW), "{on_conflict:?}, at exchange {at}");
            assert!(events(&mut task).contains(&TransferEvent::StartedOver));
        }
    }
}

#[test]
fn q13_keys_that_always_run_out_end_the_upload() {
    let mut model = empty();
    let mut task = upload(&model, OnConflict::Refuse, NEW);
    let mut wire = Wire::breaking(NEW, |_, name, model| {
        if name == "upload.finalize" {
            model.expire_keys();
        }
        Fault::None
    });
    let error = wire.run(&mut model, &mut task).unwrap_err();
    assert_eq!(error.to_string(), "upload.finalize: not found (code 20, status 404)");
    assert!(model.files("/in").is_empty());
    assert_eq!(model.calls().iter().filter(|&&name| name == "upload.link").count(), 3);
}

#[test]
fn a_pipe_cannot_start_over_once_it_has_been_read() {
    for (at, goes_on) in [(1, true), (2, false), (4, false)] {
        let mut model = empty();
        let mut task = upload(&model, OnConflict::Refuse, NEW).from_pipe();
        let mut wire = Wire::breaking(NEW, |n, _, model| {
            if n == at {
                model.expire_keys();
            }
            Fault::None
        });
        match wire.run(&mut model, &mut task) {
            Ok(_) => assert!(goes_on && holds(&model, "a.txt", NEW)),
            Err(Error::Transfer(error)) => {
                assert_eq!((error, goes_on), (crate::TransferError::CannotStartOver, false));
                assert!(model.files("/in").is_empty());
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn m42_a_lost_finalize_is_asked_again_and_then_looked_after() {
    for (lost, calls) in [(1, 2), (2, 3)] {
        let mut model = empty();
        let mut task = upload(&model, OnConflict::Refuse, NEW);
        let mut left = lost;
        let mut wire = Wire::breaking(NEW, |_, name, _| match name {
            "upload.finalize" if left > 0 => {
                left -= 1;
                Fault::Lost
            }
            _ => Fault::None,
        });
        assert_eq!(wire.run(&mut model, &mut task).unwrap().size, 30);
        assert!(holds(&model, "a.txt", NEW));
        assert_eq!(model.calls().iter().filter(|&&name| name == "upload.finalize").count(), calls);
    }
}

#[test]
fn another_size_on_the_server_is_an_error() {
    let mut model = empty();
    let mut task = upload(&model, OnConflict::Refuse, NEW);
    let mut wire = Wire::breaking(NEW, |_, name, model| {
        if name == "upload.finalize" {
            model.rewrite_unfinished("/in", b"short");
        }
        Fault::None
    });
    let error = wire.run(&mut model, &mut task).unwrap_err();
    assert_eq!(error.to_string(), "30 bytes were sent, but the server stored 5");
    assert!(model.files("/in").is_empty());
}

#[test]
fn a_server_that_cannot_replace_is_named_with_the_way_out() {
    for refusal in [(405, ""), (404, "<h1>no such page</h1>"), (404, r#"{"code":21,"msg":"not supported"}"#)] {
        let mut model = with_old();
        model.lacks("file.moveone", refusal);
        let mut task = upload(&model, OnConflict::Overwrite, NEW);
        let error = Wire::new(NEW).run(&mut model, &mut task).unwrap_err();
        assert!(error.to_string().contains("Upload::in_place"), "{error}");
        assert!(holds(&model, "a.txt", OLD));
    }
}

#[test]
fn a_temporary_name_that_somebody_has_is_left_alone() {
    let mut model = with_old();
    let mut task = upload(&model, OnConflict::Overwrite, NEW);
    let theirs = task.partial_name(&"a.txt".parse().unwrap()).unwrap();
    let folder = model.id("/in");
    model.file(&folder, theirs.as_str(), b"theirs");
    Wire::new(NEW).run(&mut model, &mut task).unwrap();
    let files = model.files("/in");
    assert_eq!((files["a.txt"].as_slice(), files[theirs.as_str()].as_slice(), files.len()), (NEW, &b"theirs"[..], 2));
}

#[test]
fn a_lost_answer_to_the_link_is_searched_for_more_than_once() {
    let mut model = with_old();
    let mut task = upload(&model, OnConflict::Overwrite, NEW);
    let faults = [Fault::Lost, Fault::Unsent, Fault::Unsent];
    let mut wire = Wire::breaking(NEW, |n, _, _| faults.get(n).copied().unwrap_or(Fault::None));
    wire.run(&mut model, &mut task).unwrap();
    assert!(holds(&model, "a.txt", NEW));
}

#[test]
fn deleting_is_tried_more_than_once() {
    let mut model = with_old();
    model.lacks("file.moveone", (405, ""));
    let mut task = upload(&model, OnConflict::Overwrite, NEW);
    let mut left = 2;
    let mut wire = Wire::breaking(NEW, |_, name, _| match name {
        "file.delete" if left > 0 => {
            left -= 1;
            Fault::Unsent
        }
        _ => Fault::None,
    });
    wire.run(&mut model, &mut task).unwrap_err();
    assert!(holds(&model, "a.txt", OLD));
}

#[test]
fn m42_a_lost_replacement_is_looked_after() {
    let mut model = with_old();
    let mut task = upload(&model, OnConflict::Overwrite, NEW);
    let lost = |_: usize, name: &str, _: &mut Model| if name == "file.moveone" { Fault::Lost } else { Fault::None };
    Wire::breaking(NEW, lost).run(&mut model, &mut task).unwrap();
    assert!(holds(&model, "a.txt", NEW));
    assert_eq!(model.calls()[5..], ["file.moveone", "file.metadata"], "done is done");
}

#[test]
fn a_lost_answer_to_the_link_leaves_no_temporary_file() {
    let mut model = with_old();
    let mut task = upload(&model, OnConflict::Overwrite, NEW);
    let mut wire = Wire::breaking(NEW, |n, _, _| if n == 0 { Fault::Lost } else { Fault::None });
    wire.run(&mut model, &mut task).unwrap();
    assert!(holds(&model, "a.txt", NEW));
    assert_eq!(model.calls()[..4], ["upload.link", "file.id", "file.delete", "upload.link"]);
}

/// The promise of replacing: whatever one exchange comes to, even if all later ones fail, too.
#[test]
fn a_cut_at_any_exchange_of_an_overwrite_leaves_the_old_bytes_or_the_new() {
    let faults = [Fault::Unsent, Fault::Lost, Fault::Cut(5), Fault::Status(503), Fault::Status(400)];
    for (fault, for_good) in faults.into_iter().flat_map(|fault| [(fault, false), (fault, true)]) {
        for at in 0..12 {
            let mut model = with_old();
            let mut task = upload(&model, OnConflict::Overwrite, NEW);
            let hit = |n: usize| n == at || (for_good && n > at);
            let mut wire = Wire::breaking(NEW, |n, _, _| if hit(n) { fault } else { Fault::None });
            let result = wire.run(&mut model, &mut task);
            let files = model.files("/in");
            let now = &files["a.txt"];
            match &result {
                Ok(_) => assert!(now == NEW && files.len() == 1, "{fault:?} {for_good} {at}"),
                Err(_) => assert!(now == OLD || now == NEW, "{fault:?} {for_good} {at}"),
            }
            let left = events(&mut task).iter().any(|event| matches!(event, TransferEvent::LeftBehind { .. }));
            let told = left || result.is_err_and(|error| error.may_have_been_executed());
            assert!(files.len() == 1 || told, "{fault:?} {for_good} {at}: {files:?}");
        }
    }
}

#[test]
fn nothing_is_deleted_once_a_replacement_may_be_under_way() {
    // A request that gets lost on the way may still arrive later; a refusal of the next one does not change that.
    let lost = Error::from(crate::TransportError::maybe_sent(crate::TransportErrorKind::TimedOut));
    let refused = || Ok(crate::api::known::answer(400, r#"{"code":10,"msg":"bad parameter"}"#));
    for (refused_at, tries) in [(None, 3), (Some(2), 2), (Some(3), 3)] {
        let mut model = with_old();
        let mut task = upload(&model, OnConflict::Overwrite, NEW);
        let (mut wire, mut asked) = (Wire::new(NEW), 0);
        let result = loop {
            match task.poll(wire.now, &Server::default()) {
                TaskStep::Call(prepared) if prepared.spec().name() == "file.moveone" => {
                    asked += 1;
                    let answer = if refused_at == Some(asked) { refused() } else { Err(lost.clone()) };
                    task.handle(wire.now, answer, 0);
                }
                TaskStep::Call(prepared) => {
                    let (result, moved) = wire.exchange(&mut model, &prepared);
                    task.handle(wire.now, result, moved);
                }
                TaskStep::Done(result) => break result,
            }
        };
        assert_eq!(result.unwrap_err().may_have_been_executed(), refused_at.is_none());
        assert_eq!(asked, tries);
        assert!(!model.calls().contains(&"file.delete"));
        assert_eq!(model.files("/in").len(), 2, "the old file, and the new one under its temporary name");
        assert!(matches!(events(&mut task).last(), Some(TransferEvent::LeftBehind { .. })));
    }
}

#[test]
fn cancelling_at_any_exchange_leaves_what_the_docs_say() {
    for on_conflict in [OnConflict::Refuse, OnConflict::Overwrite] {
        // Whether the call under way is carried out before the cancellation, or never leaves.
        for (at, carried_out) in (0..8).flat_map(|at| [(at, false), (at, true)]) {
            let mut model = if on_conflict == OnConflict::Overwrite { with_old() } else { empty() };
            let mut task = upload(&model, on_conflict, NEW);
            let mut wire = Wire::new(NEW);
            for n in 0..=at {
                let TaskStep::Call(prepared) = task.poll(wire.now, &Server::default()) else { break };
                if n < at || carried_out {
                    let (result, moved) = wire.exchange(&mut model, &prepared);
                    if n < at {
                        task.handle(wire.now, result, moved);
                    }
                }
            }
            let asked = model.calls().iter().filter(|&&name| name == "file.moveone").count();
            task.cancel();
            let result = wire.run(&mut model, &mut task);
            let asked_then = model.calls().iter().filter(|&&name| name == "file.moveone").count();
            assert_eq!(asked, asked_then, "{on_conflict:?} at {at}: cancelled, it does not go on");
            let files = model.files("/in");
            let context = format!("{on_conflict:?} at {at}, carried out: {carried_out}: {result:?} {files:?}");
            let old: std::collections::BTreeMap<_, _> = match on_conflict {
                OnConflict::Overwrite => [("a.txt".to_owned(), OLD.to_vec())].into(),
                OnConflict::Refuse | OnConflict::Rename => Default::default(),
            };
            match result {
                Ok(_) => assert!(holds(&model, "a.txt", NEW), "{context}"),
                Err(error) => {
                    assert!(matches!(error, Error::Cancelled), "{context}");
                    let left = matches!(events(&mut task).last(), Some(TransferEvent::LeftBehind { .. }));
                    let empty_file = on_conflict == OnConflict::Refuse && at == 0 && carried_out;
                    assert!(files == old || left || empty_file, "{context}");
                    assert!(
                        on_conflict == OnConflict::Refuse || files["a.txt"] == OLD || files["a.txt"] == NEW,
                        "{context}"
                    );
                }
            }
        }
    }
}

fn any_fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        6 => Just(Fault::None),
        1 => Just(Fault::Unsent),
        1 => Just(Fault::Lost),
        1 => (0usize..20).prop_map(Fault::Cut),
        1 => prop::sample::select(vec![429u16, 500, 503]).prop_map(Fault::Status),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_pattern_of_faults_ends_in_the_same_bytes_or_in_a_clear_error(
        bytes in prop::collection::vec(any::<u8>(), 0..60),
        faults in prop::collection::vec(any_fault(), 0..40),
        expire in prop::option::of(0usize..10),
        overwrite in any::<bool>(),
    ) {
        let (mut model, on_conflict) = match overwrite {
            true => (with_old(), OnConflict::Overwrite),
            false => (empty(), OnConflict::Refuse),
        };
        let mut task = upload(&model, on_conflict, &bytes);
        let mut wire = Wire::breaking(&bytes, |n, _, model| {
            if expire == Some(n) {
                model.expire_keys();
            }
            faults.get(n).copied().unwrap_or(Fault::None)
        });
        let result = wire.run(&mut model, &mut task);
        upload_keeps_its_promise(&model, &mut task, result, &bytes, overwrite.then_some(OLD), overwrite);
    }
}
