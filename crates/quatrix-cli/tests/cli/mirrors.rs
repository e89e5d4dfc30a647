//! Mirrors: what they copy, what they delete, and above all what they do not.

use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use quatrix_emulator::{CutPoint, Fault, FaultKind, Seed};
use serde_json::json;

use crate::support::{Ended, Home, here, home_with, names, set_modified, there};

#[test]
fn mirrors_go_both_ways_and_delete_only_when_told() {
    let home = home_with(Seed::new().folder("m").file("m/theirs", "t"));
    home.write("m/ours", "o");
    let folder = here(&home, "m");
    assert_eq!(
        home.run(&["mirror", "up", &folder, "/m", "--dry-run", "--delete"]).ok(),
        "would upload /ours\nwould delete /theirs\n"
    );
    home.run(&["mirror", "up", &folder, "/m"]).ok();
    assert_eq!(home.paths(), ["m/", "m/ours", "m/theirs"]);
    assert_eq!(home.run(&["mirror", "up", &folder, "/m", "--dry-run"]).ok(), "");
    home.run(&["mirror", "down", "/m", &folder]).ok();
    assert_eq!(names(&folder), ["ours", "theirs"]);
    fs::remove_file(here(&home, "m/theirs")).unwrap();
    let json = home.run(&["mirror", "up", &folder, "/m", "--delete", "--json"]).json();
    assert_eq!((&json["files"], &json["deleted"]), (&json!(0), &json!(1)));
    assert_eq!(home.paths(), ["m/", "m/ours"]);
    home.run(&["mirror", "up", &here(&home, "nope"), "/m"]).failed(2);
    home.run(&["mirror", "down", "/nope", &folder]).failed(6);
    home.run(&["mirror", "up", &folder, "/fresh/er"]).ok();
    assert_eq!(there(&home, "fresh/er/ours").as_deref(), Some("o"));
}

/// Five files on both sides: m/0, m/1, m/sub/0, m/sub/1, m/sub/2.
fn the_same_on_both_sides() -> Home {
    let home = home_with(Seed::new().folder("m"));
    for file in ["m/0", "m/1", "m/sub/0", "m/sub/1", "m/sub/2"] {
        home.write(file, file);
    }
    home.run(&["mirror", "up", &here(&home, "m"), "/m"]).ok();
    assert_eq!(home.paths().len(), 7);
    home
}

fn files_here(home: &Home) -> usize {
    fn count(folder: &Path) -> usize {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
    }
    count(&home.folder.path().join("m"))
}

fn id(home: &Home, path: &str) -> String {
    home.run(&["stat", path, "--json"]).json()["id"].as_str().unwrap().to_owned()
}

/// The answer is another one; `ID` in it is the id of the file or folder at the path.
fn answered(home: &Home, path: &str, body: &str) -> Fault {
    Fault::new(FaultKind::Delay(Duration::ZERO)).body(body.replace("ID", &id(home, path)))
}

/// The fault that hits the listing of the subfolder: the first listing is that of the folder itself.
fn in_the_subfolder(fault: Fault) -> Fault {
    fault.on("GET", "/file/metadata/{id}").skip(1)
}

#[track_caller]
fn partial(ended: &Ended) {
    assert_eq!(ended.code, Some(12), "{ended:?}");
}

#[test]
fn a_subfolder_that_cannot_be_listed_costs_no_file_on_either_side() {
    let not_found = r#"{"code":20,"msg":"not found"}"#;
    for (status, body) in [
        (404, not_found),
        (403, "{}"),
        (200, r#"{"id":"ID","name":"sub","type":"D"}"#),
        (200, r#"{"id":"ID","name":"sub","type":"D","content":null}"#),
        (200, r#"{"id":"ID","name":"sub","type":"F","content":[]}"#),
        (200, r#"{"id":"other","name":"sub","type":"D","content":[]}"#),
    ] {
        let home = the_same_on_both_sides();
        let fault = match status {
            200 => answered(&home, "/m/sub", body),
            status => Fault::new(FaultKind::Status(status)).body(body),
        };
        home.write("m/only here", "");
        home.emulator.set_faults([in_the_subfolder(fault.clone())]).unwrap();
        let ended = home.run(&["mirror", "down", "/m", &here(&home, "m"), "--delete"]);
        partial(&ended);
        assert_eq!(ended.out, "deleted /only here\n", "the rest is mirrored");
        assert!(ended.err.contains("/m/sub: "), "{}", ended.err);
        assert_eq!(files_here(&home), 5, "{fault:?}");

        home.write("m/new", "");
        fs::remove_dir_all(here(&home, "m/sub")).unwrap();
        home.emulator.set_faults([in_the_subfolder(fault)]).unwrap();
        partial(&home.run(&["mirror", "up", &here(&home, "m"), "/m", "--delete"]));
        assert_eq!(home.paths(), ["m/", "m/0", "m/1", "m/new", "m/sub/", "m/sub/0", "m/sub/1", "m/sub/2"]);
    }
}

#[test]
fn a_listing_without_content_is_no_empty_folder() {
    for body in [
        r#"{"id":"ID","name":"m","type":"D"}"#,
        r#"{"id":"ID","name":"m","type":"D","content":null}"#,
        r#"{"id":"ID","name":"m","type":"F","content":[]}"#,
    ] {
        let home = the_same_on_both_sides();
        let fault = answered(&home, "/m", body).on("GET", "/file/metadata/{id}").always();
        home.emulator.set_faults([fault]).unwrap();
        home.run(&["mirror", "down", "/m", &here(&home, "m"), "--delete"]).failed(11);
        home.run(&["mirror", "up", &here(&home, "m"), "/m", "--delete"]).failed(11);
        assert_eq!((files_here(&home), home.paths().len()), (5, 7));
        if !body.contains(r#""F""#) {
            home.run(&["ls", "/m"]).failed(11);
        }
        home.run(&["find", "/m"]).failed(11);
    }
}

#[test]
fn a_folder_that_cannot_be_listed_is_missed_in_a_list_too() {
    let home = the_same_on_both_sides();
    for args in [&["ls", "-R", "/m"][..], &["find", "/m"]] {
        home.emulator.set_faults([in_the_subfolder(Fault::new(FaultKind::Status(403)))]).unwrap();
        let ended = home.run(args);
        partial(&ended);
        assert_eq!(ended.out.lines().count(), 3, "{}", ended.out);
        assert!(ended.err.contains("/m/sub: ") && ended.err.contains("1 files and folders"), "{}", ended.err);
    }
}

#[test]
fn an_oddly_named_entry_stops_nothing_and_keeps_what_it_may_stand_for() {
    let home = home_with(Seed::new().folder("m").file("m/a", "a"));
    home.write("m/b", "");
    home.write("m/sub/c", "");
    let listing = r#"{"id":"ID","name":"m","type":"D","content":[{"id":"x","name":"../b","type":"F","size":0},
        {"id":"FILE","name":"a","type":"F","size":1,"modified":1}]}"#;
    let listing = listing.replace("ID", &id(&home, "/m")).replace("FILE", &id(&home, "/m/a"));
    let fault = Fault::new(FaultKind::Delay(Duration::ZERO)).on("GET", "/file/metadata/{id}").body(listing);
    home.emulator.set_faults([fault]).unwrap();
    let ended = home.run(&["mirror", "down", "/m", &here(&home, "m"), "--delete"]);
    partial(&ended);
    assert_eq!(names(&here(&home, "m")), ["a", "b", "sub"]);
}

#[test]
fn an_empty_source_empties_nothing_unless_that_is_said() {
    let home = home_with(Seed::new().folder("m").folder("empty").file("m/a", "a"));
    home.write("m/a", "a");
    fs::create_dir(here(&home, "empty")).unwrap();
    let [mine, empty] = ["m", "empty"].map(|path| here(&home, path));
    for args in [["up", &empty, "/m"], ["down", "/empty", &mine]] {
        for more in [&["--delete"][..], &["--delete", "--no-input"]] {
            let ended = home.run(&[&["mirror"], &args[..], more].concat());
            partial(&ended);
            assert!(ended.err.contains("--delete-all"), "{}", ended.err);
        }
        let plan = home.run(&[&["mirror"], &args[..], &["--delete", "--dry-run"]].concat()).ok();
        assert!(plan.starts_with("would fail with /: nothing was deleted, because the source is empty"), "{plan}");
        home.run(&[&["mirror"], &args[..]].concat()).ok();
    }
    assert_eq!((names(&mine), there(&home, "m/a").as_deref()), (vec!["a".to_owned()], Some("a")));
    home.run(&["mirror", "up", &empty, "/m", "--delete", "--delete-all", "-q"]).ok();
    home.run(&["mirror", "down", "/empty", &mine, "--delete", "--delete-all", "-q"]).ok();
    assert_eq!((names(&mine).len(), home.paths()), (0, vec!["empty/".to_owned(), "m/".to_owned()]));
}

#[test]
fn more_than_may_go_does_not_go() {
    let home = home_with(Seed::new().folder("m").folder("m/old").file("m/old/1", "").file("m/2", ""));
    home.write("m/new", "");
    let args = ["mirror", "up", &here(&home, "m"), "/m", "--delete", "--max-delete"];
    let ended = home.run(&[&args[..], &["2"]].concat());
    partial(&ended);
    assert!(ended.err.contains("3 files and folders would go, and 2 may"), "{}", ended.err);
    assert_eq!(home.paths(), ["m/", "m/2", "m/new", "m/old/", "m/old/1"]);
    assert_eq!(home.run(&[&args[..], &["3"]].concat()).ok(), "deleted /2\ndeleted /old\n");
    assert_eq!(home.paths(), ["m/", "m/new"]);
}

#[test]
fn a_deletion_whose_response_is_lost_succeeds_and_leaves_the_file_once_in_the_trash() {
    let home = home_with(Seed::new().folder("m").file("m/old", "bytes"));
    home.write("m/a", "a");
    home.emulator.set_faults([Fault::new(FaultKind::Cut(CutPoint::After)).on("POST", "/file/delete")]).unwrap();
    let ended = home.run(&["mirror", "up", &here(&home, "m"), "/m", "--delete"]);
    assert_eq!((ended.ok(), home.paths()), ("deleted /old\n".to_owned(), vec!["m/".to_owned(), "m/a".to_owned()]));
    assert_eq!(home.run(&["ls", "/Trash"]).ok(), "old\n");
}

/// A file here where a folder is there, and the other way round.
fn one_for_the_other() -> Home {
    let home = home_with(Seed::new().folder("m").file("m/a", "file").folder("m/b").file("m/b/x", "x"));
    home.write("m/a/y", "y");
    home.write("m/b", "file");
    home
}

#[test]
fn what_is_in_the_way_goes_when_its_replacement_is_there() {
    let home = one_for_the_other();
    let folder = here(&home, "m");
    let plan = home.run(&["mirror", "up", &folder, "/m", "--delete", "--dry-run"]).ok();
    let expected = ["would delete /a", "would make /a", "would delete /b", "would upload /b", "would upload /a/y", ""];
    assert_eq!(plan, expected.join("\n"));
    assert_eq!(home.run(&["mirror", "up", &folder, "/m", "--delete"]).ok(), "deleted /b\ndeleted /a\n");
    assert_eq!(home.paths(), ["m/", "m/a/", "m/a/y", "m/b"], "nothing is left that was put aside");

    let home = one_for_the_other();
    let folder = here(&home, "m");
    assert_eq!(home.run(&["mirror", "down", "/m", &folder, "--delete"]).ok(), "deleted /a\ndeleted /b\n");
    assert_eq!(fs::read_to_string(here(&home, "m/a")).unwrap(), "file");
    assert_eq!((names(&folder), names(&here(&home, "m/b"))), (vec!["a".into(), "b".into()], vec!["x".into()]));
}

#[test]
fn what_is_in_the_way_stays_if_its_replacement_fails() {
    let home = one_for_the_other();
    let folder = here(&home, "m");
    let down = |method: &str, path: &str| {
        home.emulator.set_faults([Fault::new(FaultKind::Status(403)).on(method, path).always()]).unwrap();
    };
    down("POST", "/upload/link");
    let ended = home.run(&["mirror", "up", &folder, "/m", "--delete"]);
    partial(&ended);
    assert_eq!(there(&home, "m/b/x").as_deref(), Some("x"), "it has come back");
    let aside = home.paths().into_iter().find(|path| path.starts_with("m/a.replaced.")).unwrap();
    assert_eq!(there(&home, &aside).as_deref(), Some("file"), "until the new folder is whole");
    assert!(ended.err.contains(&format!("/m/a: what was here is kept as {}", &aside[1..])), "{}", ended.err);
    home.emulator.set_faults([]).unwrap();
    home.run(&["mirror", "up", &folder, "/m", "--delete", "-q"]).ok();
    assert_eq!(home.paths(), ["m/", "m/a/", "m/a/y", "m/b"], "nothing is left that was put aside");

    let home = one_for_the_other();
    let folder = here(&home, "m");
    let refused = Fault::new(FaultKind::Status(403)).on("GET", "/file/download/{id}").always();
    home.emulator.set_faults([refused]).unwrap();
    partial(&home.run(&["mirror", "down", "/m", &folder, "--delete"]));
    assert_eq!(fs::read_to_string(here(&home, "m/a/y")).unwrap(), "y", "it has come back");
    home.emulator.set_faults([]).unwrap();
    home.run(&["mirror", "down", "/m", &folder, "--delete", "-q"]).ok();
    assert_eq!((names(&folder), names(&here(&home, "m/b"))), (vec!["a".into(), "b".into()], vec!["x".into()]));
}

#[test]
fn temporary_files_are_neither_copied_nor_deleted() {
    let partial = ".0123abcd.partial";
    let home = home_with(Seed::new().folder("m").file("m/a", "a").file(&format!("m/there{partial}"), ""));
    home.write("m/a", "a");
    home.write(&format!("m/here{partial}"), "");
    let folder = here(&home, "m");
    home.run(&["mirror", "up", &folder, "/m", "--delete"]).ok();
    home.run(&["mirror", "down", "/m", &folder, "--delete"]).ok();
    home.run(&["put", &folder, "/"]).ok();
    home.run(&["get", "/m", &here(&home, "")]).ok();
    assert_eq!(names(&folder), ["a".to_owned(), format!("here{partial}")]);
    assert_eq!(home.paths(), ["m/".to_owned(), "m/a".to_owned(), format!("m/there{partial}")]);
}

fn set_modified_nanos(path: &Path, secs: u64, nanos: u32) {
    let time = UNIX_EPOCH + Duration::new(secs, nanos);
    fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

#[test]
fn a_change_within_one_second_is_mirrored() {
    let home = home_with(Seed::new());
    let file = home.write("m/a", "old");
    let folder = here(&home, "m");
    set_modified_nanos(&file, 1_700_000_000, 200_000_000);
    home.run(&["mirror", "up", &folder, "/m"]).ok();
    home.write("m/a", "new");
    set_modified_nanos(&file, 1_700_000_000, 700_000_000);
    home.run(&["mirror", "up", &folder, "/m"]).ok();
    assert_eq!(there(&home, "m/a").as_deref(), Some("new"));
    fs::write(&file, "odd").unwrap();
    set_modified_nanos(&file, 1_700_000_000, 900_000_000);
    home.run(&["mirror", "down", "/m", &folder]).ok();
    assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    assert_eq!(home.run(&["mirror", "down", "/m", &folder, "--dry-run"]).ok(), "");
    for (content, nanos) in [("two", 800_000_000), ("one", 100_000_000)] {
        fs::write(&file, content).unwrap();
        set_modified_nanos(&file, 1_700_000_000, nanos);
        home.run(&["put", &folder, "/", "--update"]).ok();
        assert_eq!(there(&home, "m/a").as_deref(), Some("two"));
    }
}

#[test]
fn an_update_of_a_folder_replaces_nothing_newer() {
    let home = home_with(Seed::new().folder("m").file("m/a", "there"));
    let file = home.write("m/a", "older here");
    set_modified(&file, 1_000_000_000);
    home.run(&["put", &here(&home, "m"), "/", "--update"]).ok();
    assert_eq!(there(&home, "m/a").as_deref(), Some("there"));
    fs::write(&file, "newer here").unwrap();
    set_modified(&file, 4_000_000_000);
    let get = ["get", "/m", &here(&home, ""), "--update"];
    assert_eq!(home.run(&[&get[..], &["--dry-run"]].concat()).ok(), "");
    home.run(&get).ok();
    assert_eq!(fs::read_to_string(&file).unwrap(), "newer here");
    home.run(&["put", &here(&home, "m"), "/", "--update"]).ok();
    assert_eq!(there(&home, "m/a").as_deref(), Some("newer here"));
}

#[test]
fn a_file_born_after_the_listing_is_not_deleted_with_its_folder() {
    let home = home_with(Seed::new().folder("m").file("m/a", "a"));
    home.write("m/old/x", "");
    let slow = Fault::new(FaultKind::Status(429)).header("retry-after", "1").on("POST", "/file/download-link");
    home.emulator.set_faults([slow]).unwrap();
    let process = home.spawn(&["mirror", "down", "/m", &here(&home, "m"), "--delete"]);
    // By then the folder here has been read.
    while !home.asked().iter().any(|(_, path, _)| path == "/file/download-link") {
        std::thread::sleep(Duration::from_millis(5));
    }
    home.write("m/old/born", "new");
    let ended = Ended::of(process.wait_with_output().unwrap());
    partial(&ended);
    assert_eq!(names(&here(&home, "m/old")), ["born"]);
    assert!(ended.err.contains("/m/old: "), "{}", ended.err);
}

#[test]
fn a_mirror_without_a_direction_names_both_forms() {
    let home = home_with(Seed::new().folder("m").file("m/a", "a"));
    home.write("m/b", "b");
    let folder = here(&home, "m");
    for args in [
        &["mirror", &folder, "/m"][..],
        &["mirror", &folder, "/m", "--back"],
        &["mirror", "--back", &folder, "/m", "--delete"],
        &["mirror", "down", "/m", &folder, "--back"],
    ] {
        let error = home.run(args).failed(2);
        let forms = "quatrix mirror up LOCAL REMOTE, or quatrix mirror down REMOTE LOCAL";
        assert!(error.contains(forms), "{error}");
        let json = home.run(&[args, &["--json"]].concat()).error_json();
        assert!(json["error"]["message"].as_str().unwrap().contains(forms), "{json}");
    }
    assert_eq!((names(&folder), home.paths().len(), home.asked().len()), (vec!["b".to_owned()], 2, 0));
}

#[test]
fn what_is_deleted_is_listed_unless_that_is_not_wanted() {
    let seed = || Seed::new().folder("m").file("m/1", "").file("m/2", "").file("m/a", "");
    let args =
        |home: &Home| ["mirror".to_owned(), "up".to_owned(), here(home, "m"), "/m".to_owned(), "--delete".to_owned()];
    let run = |more: &[&str]| {
        let home = home_with(seed());
        home.write("m/a", "");
        let args = args(&home);
        home.run(&[&args.iter().map(String::as_str).collect::<Vec<_>>()[..], more].concat())
    };
    assert_eq!(run(&[]).ok(), "deleted /1\ndeleted /2\n");
    assert_eq!(run(&["--quiet"]).ok(), "");
    let json = run(&["--json"]).json();
    assert_eq!((&json["deleted"], &json["deletions"]), (&json!(2), &json!(["/m/1", "/m/2"])));
}

#[cfg(unix)]
mod at_a_terminal {
    use super::*;
    use crate::prompts::{at_terminal, end};

    fn home(files: usize) -> Home {
        let home = home_with((0..files).fold(Seed::new().folder("m"), |seed, n| seed.file(&format!("m/{n}"), "")));
        home.write("m/a", "a");
        home
    }

    #[test]
    fn many_deletions_are_confirmed() {
        for (typed, code, left) in [("n", 3, 12), ("y", 0, 2)] {
            let home = home(11);
            let folder = here(&home, "m");
            let mut session = at_terminal(&home, &["mirror", "up", &folder, "/m", "--delete", "--progress", "none"]);
            session.exp_string("would delete /9").unwrap();
            session.exp_string("Delete 11 files and folders? [y/N] ").unwrap();
            assert_eq!(home.paths().len(), 12, "nothing is copied before the answer");
            session.send_line(typed).unwrap();
            let (rest, exit) = end(session);
            assert_eq!((exit, home.paths().len()), (code, left), "{rest}");
        }
    }

    #[test]
    fn few_deletions_and_those_that_are_wanted_are_not() {
        for (files, more) in [(10, &[][..]), (11, &["--yes"]), (11, &["--no-input"])] {
            let home = home(files);
            let folder = here(&home, "m");
            let args = [&["mirror", "up", &folder, "/m", "--delete", "--progress", "none"][..], more].concat();
            let (rest, exit) = end(at_terminal(&home, &args));
            assert_eq!((exit, home.paths()), (0, vec!["m/".to_owned(), "m/a".to_owned()]), "{rest}");
            assert!(!rest.contains("[y/N]"), "{rest}");
        }
        let home = home(11);
        home.run(&["mirror", "up", &here(&home, "m"), "/m", "--delete", "-q"]).ok();
        assert_eq!(home.paths().len(), 2, "without a terminal nobody is asked");
    }
}
