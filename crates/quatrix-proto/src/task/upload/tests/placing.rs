//! How a whole file takes its final name.

use super::*;

const CLASHES: [OnConflict; 3] = [OnConflict::Refuse, OnConflict::Rename, OnConflict::Overwrite];

/// Whether an old file is there, and whether it may go, for each conflict rule.
fn worlds() -> [(OnConflict, bool); 6] {
    [
        (OnConflict::Refuse, true),
        (OnConflict::Refuse, false),
        (OnConflict::Rename, false),
        (OnConflict::Rename, true),
        (OnConflict::Overwrite, false),
        (OnConflict::Overwrite, true),
    ]
}

#[test]
fn no_partial_file_is_ever_visible_under_its_final_name() {
    for (on_conflict, has_old) in worlds() {
        let mut model = if has_old { with_old() } else { empty() };
        let mut task = upload(&model, on_conflict, NEW);
        let refused = on_conflict == OnConflict::Refuse && has_old;
        let old = has_old.then(|| OLD.to_vec());
        let mut wire = Wire::breaking(NEW, |_, _, model| {
            let files = model.files("/in");
            assert!(!files.contains_key("a.txt (unfinished)"), "{on_conflict:?}: {files:?}");
            assert!(files.get("a.txt") == old.as_ref(), "{on_conflict:?}: {files:?}");
            Fault::None
        });
        assert_eq!(wire.run(&mut model, &mut task).is_err(), refused);
        assert_eq!(refused, holds(&model, "a.txt", OLD), "{on_conflict:?}");
    }
}

/// Whatever one exchange comes to: lost before or after it is executed, or with its response replaced by a refusal.
#[test]
fn a_fault_at_any_exchange_never_leaves_a_partial_file_nor_takes_both_versions() {
    let replaced = [(400, 10), (400, 30), (403, 50), (404, 20), (404, 21), (500, -1), (503, -1)];
    let faults = [Fault::Unsent, Fault::Lost, Fault::Cut(5), Fault::Status(503), Fault::Status(400)];
    let replaced = replaced.map(|(status, code)| Fault::Replaced(status, code));
    for fault in faults.into_iter().chain(replaced) {
        for ((on_conflict, has_old), at) in worlds().into_iter().flat_map(|world| (0..12).map(move |at| (world, at))) {
            for for_good in [false, true] {
                for (moveone, rename) in [(true, true), (false, true), (false, false)] {
                    let mut model = if has_old { with_old() } else { empty() };
                    if !moveone {
                        model.lacks("file.moveone", (404, r#"{"code":21}"#));
                    }
                    if !rename {
                        model.lacks("file.rename", (404, r#"{"code":21}"#));
                    }
                    let mut task = upload(&model, on_conflict, NEW);
                    let hit = |n: usize| n == at || (for_good && n > at);
                    let mut wire = Wire::breaking(NEW, |n, _, _| if hit(n) { fault } else { Fault::None });
                    let result = wire.run(&mut model, &mut task);
                    let files = model.files("/in");
                    let context = format!(
                        "{on_conflict:?} old: {has_old}, {fault:?} at {at} for good: {for_good}, {result:?}: {files:?}"
                    );
                    let whole = |bytes: &Vec<u8>| bytes == NEW;
                    let now = files.get("a.txt");
                    assert!(!files.contains_key("a.txt (unfinished)"), "{context}");
                    assert!(now.is_none_or(|now| now == OLD || now == NEW), "{context}");
                    assert!(!has_old || now.is_some(), "both versions are gone: {context}");
                    match result {
                        Ok(uploaded) => assert!(files.get(&uploaded.name).is_some_and(whole), "{context}"),
                        Err(_) => assert!(has_old || now.is_none_or(whole), "{context}"),
                    }
                }
            }
        }
    }
}

#[test]
fn a_move_to_another_name_is_an_error_that_says_where_the_file_is() {
    for on_conflict in [OnConflict::Refuse, OnConflict::Overwrite] {
        let mut model = empty();
        model.moved_name = Some("b\u{1b}.txt");
        let mut task = upload(&model, on_conflict, NEW);
        let error = Wire::new(NEW).run(&mut model, &mut task).unwrap_err();
        assert!(error.to_string().contains(r#"under the name "b\u{1b}.txt""#), "{error}");
        assert!(holds(&model, "b\u{1b}.txt", NEW), "and it is still there");
    }
}

#[test]
fn a_finalized_id_that_is_not_the_uploads_is_an_error() {
    for on_conflict in CLASHES {
        let mut model = empty();
        let other = model.file("home", "theirs", b"theirs");
        model.finalized_id = Some(other.leak());
        let mut task = upload(&model, on_conflict, NEW);
        let error = Wire::new(NEW).run(&mut model, &mut task).unwrap_err();
        assert!(matches!(error, Error::Transfer(crate::TransferError::OtherFile { .. })), "{error}");
        assert!(!model.calls().contains(&"file.moveone") && !model.calls().contains(&"file.delete"), "{on_conflict:?}");
        assert!(matches!(events(&mut task).last(), Some(TransferEvent::LeftBehind { .. })));
    }
}

#[test]
fn without_moveone_a_new_file_is_renamed() {
    // However the server says so: the last one is said of files, too.
    let refusals = [(405, ""), (404, r#"{"code":21}"#), (404, "<h1>no</h1>"), (404, r#"{"code":20}"#)];
    let worlds = worlds().into_iter().skip(1).take(4);
    for ((on_conflict, has_old), refusal) in worlds.flat_map(|world| refusals.map(|refusal| (world, refusal))) {
        let mut model = if has_old { with_old() } else { empty() };
        model.lacks("file.moveone", refusal);
        let mut task = upload(&model, on_conflict, NEW);
        let uploaded = Wire::new(NEW).run(&mut model, &mut task).unwrap();
        assert_eq!(uploaded.name, if has_old { "a.txt(1)" } else { "a.txt" }, "{on_conflict:?}");
        assert_eq!(model.files("/in")[&uploaded.name], NEW);
        assert_eq!(model.files("/in").len(), 1 + usize::from(has_old));
        assert_eq!(model.calls().last(), Some(&"file.rename"));
    }
}

#[test]
fn without_moveone_a_file_is_replaced_in_two_steps_if_the_caller_agrees() {
    let trash = |model: &mut Model| {
        model.trash("home", "Trash");
        model.lacks("file.moveone", (405, ""));
    };
    for fault in [Fault::None, Fault::Unsent, Fault::Lost, Fault::Status(503), Fault::Replaced(400, 10)] {
        for at in 6..12 {
            let mut model = with_old();
            trash(&mut model);
            let mut task = upload(&model, OnConflict::Overwrite, NEW).replace_in_two_steps();
            let mut wire = Wire::breaking(NEW, |n, _, _| if n == at { fault } else { Fault::None });
            let result = wire.run(&mut model, &mut task);
            let (files, trashed) = (model.files("/in"), model.files("/Trash"));
            let context = format!("{fault:?} at {at}: {result:?} {files:?} {trashed:?}");
            let old = files.values().chain(trashed.values()).filter(|bytes| *bytes == OLD).count();
            assert_eq!(old, 1, "the old bytes are gone: {context}");
            match result {
                Ok(_) => {
                    assert!(holds(&model, "a.txt", NEW), "{context}");
                    assert!(events(&mut task).contains(&TransferEvent::InTwoSteps), "{context}");
                }
                Err(_) => assert!(files.get("a.txt").is_some_and(|bytes| bytes == OLD), "{context}"),
            }
        }
    }
}

#[test]
fn under_the_final_name_no_temporary_one_is_seen() {
    for (on_conflict, has_old) in worlds() {
        let mut model = if has_old { with_old() } else { empty() };
        let mut task = upload(&model, on_conflict, NEW).under_final_name();
        let mut wire = Wire::breaking(NEW, |_, _, model| {
            assert!(!model.files("/in").keys().any(|name| name.contains(".partial")), "{on_conflict:?}");
            Fault::None
        });
        let result = wire.run(&mut model, &mut task);
        match (on_conflict, has_old) {
            (OnConflict::Refuse, true) => assert_eq!(result.unwrap_err().code(), Some(crate::ErrorCode::EXISTS)),
            (OnConflict::Rename, true) => assert_eq!(result.unwrap().name, "a.txt(1)"),
            _ => assert!(result.unwrap().name == "a.txt" && holds(&model, "a.txt", NEW)),
        }
    }
}

#[test]
fn a_taken_name_is_found_before_many_bytes_are_sent() {
    let many = vec![7; 5 << 20];
    let mut model = with_old();
    let mut task = upload(&model, OnConflict::Refuse, &many);
    let error = Wire::new(&many).run(&mut model, &mut task).unwrap_err();
    assert!(matches!(error, Error::Transfer(crate::TransferError::NameTaken)), "{error}");
    assert_eq!(model.calls(), ["file.id"]);
    // Where it cannot be looked up, it is found out in the end.
    for fault in [Fault::Unsent, Fault::Lost, Fault::Status(403)] {
        let mut model = empty();
        let mut task = upload_of(&model, OnConflict::Refuse, &many);
        let mut wire = Wire::breaking(&many, |_, name, _| if name == "file.id" { fault } else { Fault::None });
        wire.run(&mut model, &mut task).unwrap();
        assert!(holds(&model, "a.txt", &many), "{fault:?}");
    }
}
