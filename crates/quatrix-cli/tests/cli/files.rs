//! Files on the server: looked at, moved, deleted.

use quatrix_emulator::{Emulator, Seed};
use serde_json::json;

use crate::support::{Home, USER};

/// A home with a few files.
fn home() -> Home {
    let seed = Seed::new()
        .folder("in")
        .file("in/b.txt", "bb")
        .file("in/a.txt", "a")
        .folder("in/deep")
        .file("in/deep/c.PDF", "ccc");
    Home::of(Emulator::builder().files(seed).start().unwrap()).with("QUATRIX_API_KEY", "test-key-4711")
}

#[test]
fn a_folder_is_listed_in_order() {
    let home = home();
    assert_eq!(home.run(&["ls"]).ok(), "Trash/\nin/\n");
    assert_eq!(home.run(&["ls", "/in"]).ok(), "a.txt\nb.txt\ndeep/\n");
    assert_eq!(home.run(&["ls", "in/", "-R"]).ok(), "a.txt\nb.txt\ndeep/\ndeep/c.PDF\n");
    assert_eq!(home.run(&["ls", "/in/a.txt"]).ok(), "a.txt\n");
    let long = home.run(&["ls", "-l", "/in"]).ok();
    let columns: Vec<Vec<_>> = long.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((columns[0][0], columns[0][1], columns[0][4]), ("F", "1", "a.txt"));
    assert_eq!((columns[2][0], columns[2][1], columns[2][4]), ("D", "-", "deep/"));
    let json = home.run(&["ls", "/in", "--json"]).ok();
    let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!((&first["path"], &first["kind"], &first["size"]), (&json!("/in/a.txt"), &json!("file"), &json!(1)));
    assert!(home.run(&["ls", "/nope"]).failed(6).contains("/nope"));
}

#[test]
fn one_file_is_told_of() {
    let home = home();
    let text = home.run(&["stat", "/in/deep/c.PDF", "/in"]).ok();
    assert!(text.starts_with("/in/deep/c.PDF\n  file, 3 (3 B)\n  changed 20"), "{text}");
    assert!(text.contains("/in\n  folder, -\n"), "{text}");
    assert_eq!(home.run(&["stat", "/in/a.txt", "--json"]).json()["size"], 1);
    home.run(&["stat", "/in/x"]).failed(6);
}

#[test]
fn files_are_found_by_patterns() {
    let home = home();
    assert_eq!(home.run(&["find", "--name", "*.pdf"]).ok(), "/in/deep/c.PDF\n");
    assert_eq!(home.run(&["find", "/in", "--kind", "folder"]).ok(), "/in/deep/\n");
    assert_eq!(home.run(&["find", "/in", "--name", "?.txt", "--kind", "file"]).ok(), "/in/a.txt\n/in/b.txt\n");
    home.run(&["find", "/in/a.txt"]).failed(14);
    home.run(&["find", "/x"]).failed(6);
}

#[test]
fn folders_are_made_one_by_one_or_all_at_once() {
    let home = home();
    home.run(&["mkdir", "/new", "/new/er"]).ok();
    assert!(home.run(&["mkdir", "/a/b/c"]).failed(6).contains("Next: quatrix mkdir -p '/a/b'"));
    home.run(&["mkdir", "-p", "/a/b/c", "/a/b/c"]).ok();
    assert!(home.paths().contains(&"a/b/c/".to_owned()) && home.paths().contains(&"new/er/".to_owned()));
    home.run(&["mkdir", "/in"]).failed(14);
    home.run(&["mkdir", "-p", "/in/a.txt/x"]).failed(14);
    assert!(home.run(&["mkdir", "/j", "--json"]).json()["id"].is_string());
}

#[test]
fn files_are_copied_and_moved_and_replaced() {
    let home = home();
    home.run(&["cp", "/in/a.txt", "/"]).ok();
    home.run(&["cp", "/in/a.txt", "/copy.txt"]).ok();
    home.run(&["mv", "/copy.txt", "/in/deep"]).ok();
    home.run(&["mv", "/in/b.txt", "/in/renamed.txt"]).ok();
    let expected = ["a.txt", "in/", "in/a.txt", "in/deep/", "in/deep/c.PDF", "in/deep/copy.txt", "in/renamed.txt"];
    assert_eq!(home.paths(), expected);
    home.run(&["cp", "/in/renamed.txt", "/a.txt", "--no-clobber"]).ok();
    assert_eq!(home.emulator.file(USER, "a.txt").unwrap(), "a");
    home.run(&["cp", "/in/renamed.txt", "/a.txt"]).ok();
    assert_eq!(home.emulator.file(USER, "a.txt").unwrap(), "bb");
    let renamed = home.run(&["cp", "/in/renamed.txt", "/a.txt", "--rename", "--json"]).json();
    assert_ne!(renamed["name"], "a.txt");
    assert_eq!(home.emulator.file(USER, renamed["name"].as_str().unwrap()).unwrap(), "bb");
}

#[test]
fn folders_move_whole_and_are_never_replaced() {
    let home = home();
    home.run(&["mkdir", "/out", "/out/in"]).ok();
    home.run(&["mv", "/in", "/out"]).failed(14);
    home.run(&["mv", "/in/a.txt", "/in/deep", "/out/in"]).ok();
    assert!(home.paths().contains(&"out/in/deep/c.PDF".to_owned()), "{:?}", home.paths());
    assert!(home.run(&["cp", "/in", "/out"]).failed(2).contains("-r"));
    home.run(&["mv", "/in/b.txt", "/out/in", "/nowhere"]).failed(6);
    home.run(&["mv", "/in/b.txt", "/nowhere/"]).failed(6);
    home.run(&["mv", "/in/b.txt", "/in"]).failed(2);
    home.run(&["mv", "/", "/out"]).failed(2);
}

#[test]
fn nothing_is_deleted_unless_all_can_be_and_folders_need_a_word() {
    let home = home();
    let before = home.paths();
    assert!(home.run(&["rm", "/in/a.txt", "/in/nope"]).failed(6).contains("/in/nope"));
    assert!(home.run(&["rm", "/in/a.txt", "/in/deep"]).failed(2).contains("-r"));
    home.run(&["rm", "-r", "/"]).failed(2);
    assert_eq!(home.run(&["rm", "-r", "/in", "--dry-run"]).ok(), "would delete /in\n");
    assert_eq!(home.paths(), before);
    home.run(&["rm", "/in/a.txt"]).ok();
    assert_eq!(home.emulator.requests().pop().unwrap().operation, Some("/file/delete"));
    home.run(&["rm", "-r", "--permanently", "/in"]).ok();
    assert_eq!(home.run(&["ls", "/in"]).code, Some(6));
}

#[test]
fn the_quota_is_told() {
    let home = home();
    let text = home.run(&["quota"]).ok();
    assert!(text.starts_with("You:     6 B\nAccount: 24 B of "), "{text}");
    let json = home.run(&["quota", "--json"]).json();
    assert_eq!((&json["user_used"], &json["user_limit"]), (&json!(6), &json!(null)));
}

#[test]
fn m41_names_of_the_server_are_shown_and_not_obeyed() {
    let seed = Seed::new().file("\u{202e}fdp.exe", "x");
    let home = Home::of(Emulator::builder().files(seed).start().unwrap()).with("QUATRIX_API_KEY", "test-key-4711");
    assert_eq!(home.run(&["ls"]).ok(), "Trash/\n\\u{202e}fdp.exe\n");
    let json = home.run(&["stat", "/\u{202e}fdp.exe", "--json"]).json();
    assert_eq!(json["name"], "\u{202e}fdp.exe");
}
