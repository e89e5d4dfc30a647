//! What `put` leaves on the server, whatever happens on the way.

use std::fs;
use std::time::Duration;

use quatrix_emulator::{CutPoint, Emulator, Fault, FaultKind, Seed, Settings};

use crate::support::{Ended, Home, here, home_with, there};

/// A home whose server has no `file.moveone`.
fn home_without_moveone(seed: Seed) -> Home {
    let settings = Settings { without: vec!["POST /file/moveone".to_owned()], ..Settings::default() };
    Home::of(Emulator::builder().settings(settings).files(seed).start().unwrap())
        .with("QUATRIX_API_KEY", "test-key-4711")
}

fn asked(home: &Home, path: &str) -> usize {
    home.asked().iter().filter(|(_, asked, _)| asked == path).count()
}

#[test]
fn a_lost_answer_to_the_link_leaves_nothing_that_no_clobber_takes_for_done() {
    let home = home_with(Seed::new().folder("in"));
    home.write("a.txt", "words");
    let lost = Fault::new(FaultKind::Cut(CutPoint::After)).on("POST", "/upload/link").always();
    for option in ["--no-clobber", "--rename", "--update"] {
        home.emulator.set_faults([lost.clone()]).unwrap();
        home.run(&["put", &here(&home, "a.txt"), "/in", option]).failed(9);
        assert!(there(&home, "in/a.txt").is_none(), "{option}: {:?}", home.paths());
    }
    home.emulator.set_faults([]).unwrap();
    home.run(&["put", &here(&home, "a.txt"), "/in", "--no-clobber"]).ok();
    assert_eq!(there(&home, "in/a.txt").as_deref(), Some("words"));
    assert_eq!(home.paths(), ["in/", "in/a.txt"]);
}

#[test]
fn every_way_to_put_goes_by_a_temporary_name_and_inplace_does_not() {
    let home = home_with(Seed::new());
    home.write("a", "a");
    let path = here(&home, "a");
    home.run(&["put", &path, "/new"]).ok();
    home.run(&["put", &path, "/no-clobber", "--no-clobber"]).ok();
    home.run(&["put", &path, "/new", "--rename"]).ok();
    home.run_with_stdin(&["put", "-", "/stream"], "s").ok();
    assert_eq!((asked(&home, "/file/moveone"), home.paths().len()), (4, 4));
    home.run(&["put", &path, "/inplace", "--inplace"]).ok();
    home.write("a", "newer");
    home.run(&["put", &path, "/inplace", "--inplace"]).ok();
    assert_eq!(there(&home, "inplace").as_deref(), Some("newer"));
    home.run(&["put", &path, "/inplace", "--inplace", "--no-clobber"]).ok();
    assert_eq!((asked(&home, "/file/moveone"), home.paths().len()), (4, 5));
}

#[test]
fn a_server_without_moveone_gets_new_files_and_replaces_in_two_steps_after_saying_so_once() {
    let home = home_without_moveone(Seed::new().file("old", "old").folder("d").file("d/x", "old").file("d/y", "old"));
    for name in ["a", "d/x", "d/y"] {
        home.write(name, "new");
    }
    let path = here(&home, "a");
    home.run(&["put", &path, "/a"]).ok();
    home.run(&["put", &path, "/b", "--no-clobber"]).ok();
    home.run(&["put", &path, "/a", "--rename"]).ok();
    assert_eq!(home.paths().len(), 7);

    let ended = home.run(&["put", &path, "/old"]);
    assert!(ended.code == Some(0) && ended.err.contains("has no file.moveone"), "{ended:?}");
    assert_eq!(there(&home, "old").as_deref(), Some("new"));
    assert_eq!(there(&home, "Trash/old").as_deref(), Some("old"));
    let ended = home.run(&["put", &here(&home, "d"), "/"]);
    assert_eq!((ended.code, ended.err.matches("file.moveone").count()), (Some(0), 1), "{ended:?}");
    assert_eq!(there(&home, "d/x").as_deref(), Some("new"));
}

#[test]
fn a_response_that_names_another_file_is_an_error() {
    let body = r#"{"id":"4711","parent_id":"4712","name":"a","type":"F","size":3}"#;
    for (method, path) in [("POST", "/file/moveone"), ("GET", "/upload/finalize/{id}")] {
        let home = home_with(Seed::new().file("a", "old"));
        home.write("a", "new");
        home.emulator
            .set_faults([Fault::new(FaultKind::WrongType(Some("application/json".into()))).body(body).on(method, path)])
            .unwrap();
        let error = home.run(&["put", &here(&home, "a"), "/a"]).failed(12);
        assert!(error.contains("named another file (id 4711)"), "{error}");
        assert!(["old", "new"].contains(&there(&home, "a").unwrap().as_str()));
    }
}

#[test]
fn a_file_that_is_left_behind_is_named_to_people_and_programs() {
    let home = home_with(Seed::new().folder("in").file("in/a", "old"));
    home.write("a", "new");
    let lost = Fault::new(FaultKind::Cut(CutPoint::Request(0))).on("POST", "/file/moveone").always();
    home.emulator.set_faults([lost]).unwrap();
    let error = home.run(&["put", &here(&home, "a"), "/in"]).failed(9);
    let left = home.paths().into_iter().find(|path| path.ends_with(".partial")).unwrap();
    assert!(error.contains(&format!("may be left on the server: /{left}, id ")), "{error}");
    assert_eq!(there(&home, "in/a").as_deref(), Some("old"));

    let ended = home.run(&["put", &here(&home, "a"), "/in", "--json"]);
    let told: serde_json::Value = serde_json::from_str(ended.err.lines().next().unwrap()).unwrap();
    let path = told["left_behind"]["path"].as_str().unwrap();
    assert!(home.paths().contains(&path[1..].to_owned()) && told["left_behind"]["of"] == "/in/a", "{told}");
}

#[cfg(unix)]
#[test]
fn a_pipe_and_a_file_of_proc_are_uploaded_whole_and_a_socket_is_refused() {
    let home = home_with(Seed::new().file("a", "good content"));
    let pipe = here(&home, "pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    home.run(&["put", &pipe, "/a", "--no-clobber"]).ok();
    home.run(&["put", &pipe, "/a", "--update"]).failed(2);
    let process = home.spawn(&["put", &pipe, "/a"]);
    fs::write(&pipe, "through a pipe").unwrap();
    Ended::of(process.wait_with_output().unwrap()).ok();
    assert_eq!(there(&home, "a").as_deref(), Some("through a pipe"));
    if cfg!(target_os = "linux") {
        home.run(&["put", "/proc/self/status", "/a"]).ok();
        assert!(there(&home, "a").unwrap().starts_with("Name:"));
    }
    let socket = here(&home, "socket");
    let _socket = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let error = home.run(&["put", &socket, "/a"]).failed(13);
    assert!(error.contains("it is a socket"), "{error}");
}

#[test]
fn a_source_that_changes_while_it_is_read_is_uploaded_again() {
    let home = home_with(Seed::new().file("a", "old"));
    let path = home.write("a", &"1".repeat(1000));
    let later =
        Fault::new(FaultKind::Status(429)).header("retry-after", "1").on("POST", "/upload/chunked/{upload_key}");
    home.emulator.set_faults([later]).unwrap();
    let process = home.spawn(&["put", &here(&home, "a"), "/"]);
    while asked(&home, "/upload/chunked/{upload_key}") == 0 {
        std::thread::sleep(Duration::from_millis(5));
    }
    fs::write(&path, "2".repeat(1000)).unwrap();
    Ended::of(process.wait_with_output().unwrap()).ok();
    assert_eq!(there(&home, "a"), Some("2".repeat(1000)));
    assert_eq!((asked(&home, "/upload/link"), home.paths()), (2, vec!["a".to_owned()]));
}

#[test]
fn a_deletion_whose_answer_was_lost_has_succeeded() {
    for options in [&["rm", "/a"][..], &["rm", "/a", "--permanently"]] {
        let home = home_with(Seed::new().file("a", "a"));
        home.emulator.set_faults([Fault::new(FaultKind::Cut(CutPoint::After)).on("POST", "/file/delete")]).unwrap();
        home.run(options).ok();
        assert_eq!(home.paths(), [""; 0]);
        assert_eq!(there(&home, "Trash/a").is_some(), options.len() == 2);
    }
}

#[test]
fn a_move_that_renames_is_an_error_that_says_where_the_file_is() {
    let home = home_with(Seed::new().folder("in"));
    home.write("a", "new");
    home.emulator
        .set_faults([Fault::new(FaultKind::Execute).request("/name", "b").on("POST", "/file/moveone")])
        .unwrap();
    let error = home.run(&["put", &here(&home, "a"), "/in"]).failed(12);
    assert!(error.contains("under the name \"b\"") && error.contains("/in/b, id "), "{error}");
    assert_eq!(there(&home, "in/b").as_deref(), Some("new"), "and it is still there");
}

/// Both versions gone was the end of this once.
#[test]
fn a_refusal_that_comes_after_the_move_was_executed_takes_no_version() {
    for status in [400, 403, 404, 409, 500, 503] {
        for code in [-1, 20, 30] {
            for option in [&[][..], &["--no-clobber"], &["--rename"]] {
                let home = home_with(if option.is_empty() { Seed::new().file("a", "old") } else { Seed::new() });
                home.write("a", "new");
                let body = format!(r#"{{"code":{code},"msg":"replaced"}}"#);
                let fault = Fault::new(FaultKind::Replace(status)).body(body).on("POST", "/file/moveone");
                home.emulator.set_faults([fault]).unwrap();
                let path = here(&home, "a");
                home.run(&[&["put", &path, "/"], option].concat()).ok();
                assert_eq!(there(&home, "a").as_deref(), Some("new"), "{status} {code} {option:?}");
                assert_eq!(home.paths(), ["a"]);
            }
        }
    }
}

#[test]
fn what_an_earlier_run_left_behind_goes_after_a_day_and_not_before() {
    let home = home_with(Seed::new().folder("in").folder("other"));
    let path = home.write("a", "new");
    let down = |path: &str| Fault::new(FaultKind::Status(500)).on("POST", path).always();
    for folder in ["/in", "/other"] {
        home.emulator.set_faults([down("/file/moveone"), down("/file/delete"), down("/file/rename/{id}")]).unwrap();
        assert_eq!(home.run(&["put", &here(&home, "a"), folder]).code, Some(10));
    }
    home.emulator.set_faults([]).unwrap();
    let left = || home.paths().into_iter().filter(|path| path.ends_with(".partial")).count();
    assert_eq!(left(), 2);
    // However old the source is: that is the time of its modification.
    fs::File::options().write(true).open(&path).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    home.emulator.advance(Duration::from_secs(23 * 60 * 60));
    home.run(&["put", &here(&home, "a"), "/in"]).ok();
    assert_eq!(left(), 2, "another client may be writing them");
    home.emulator.advance(Duration::from_secs(2 * 60 * 60));
    home.run(&["put", &here(&home, "a"), "/in/b"]).ok();
    assert_eq!(left(), 2, "of another name");
    home.run_with_stdin(&["put", "-", "/in/a"], "newer").ok();
    assert_eq!((left(), there(&home, "in/a").as_deref()), (1, Some("newer")), "in the other folder");
}
