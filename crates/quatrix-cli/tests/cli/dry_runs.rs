//! `--dry-run`: everything is said, nothing is done.

use quatrix_emulator::Seed;
use serde_json::{Value, json};

use crate::support::{Home, here, home_with};

fn home() -> Home {
    let home = home_with(Seed::new().folder("in").file("in/x", "x").folder("in/clash"));
    home.write("d/a", "a");
    home.write("d/bad\nname", "");
    home
}

/// Whether it has only looked.
fn assert_untouched(home: &Home) {
    let changes = |path: &str| ["upload", "download", "make", "move", "delete"].iter().any(|word| path.contains(word));
    assert!(!home.asked().iter().any(|(_, path, _)| changes(path)), "{:?}", home.asked());
    assert_eq!(home.paths(), ["in/", "in/clash/", "in/x"]);
    assert!(!home.folder.path().join("new").exists());
}

/// Every line of the output.
fn lines(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn an_upload_is_told_file_by_file() {
    let home = home();
    let [folder, file] = ["d", "d/a"].map(|path| here(&home, path));
    let out = home.run(&["put", &folder, &file, "/in", "--dry-run"]).ok();
    let bad = "would fail with /in/d/bad\\nname: name holds a control character";
    assert_eq!(out, format!("would upload {file} to /in/d/a\n{bad}\nwould upload {file} to /in/a\n"));
    let expected = [
        json!({ "action": "upload", "from": file, "to": "/in/d/a" }),
        json!({
            "action": "fail", "path": "/in/d/bad\nname", "message": "name holds a control character", "exit": 2,
        }),
        json!({ "action": "upload", "from": file, "to": "/in/a" }),
    ];
    assert_eq!(lines(&home.run(&["put", &folder, &file, "/in", "--dry-run", "--json"]).ok()), expected);
    let out = home.run_with_stdin(&["put", "-", "/in/y", "--dry-run", "--json"], "").ok();
    assert_eq!(lines(&out), [json!({ "action": "upload", "from": "-", "to": "/in/y" })]);
    assert_untouched(&home);
}

#[test]
fn a_download_is_told_file_by_file() {
    let home = home();
    let new = here(&home, "new");
    let out = home.run(&["get", "/in", &new, "--dry-run"]).ok();
    assert_eq!(out, format!("would download /in/x to {new}/x\n"));
    let expected = json!({ "action": "download", "from": "/in/x", "to": format!("{new}/x") });
    assert_eq!(lines(&home.run(&["get", "/in", &new, "--dry-run", "--json"]).ok()), [expected]);
    let expected = json!({ "action": "download", "from": "/in/x", "to": new });
    assert_eq!(lines(&home.run(&["get", "/in/x", &new, "--dry-run", "--json"]).ok()), [expected]);
    assert_untouched(&home);
}

#[test]
fn a_mirror_is_told_action_by_action() {
    let home = home();
    home.write("d/clash", "");
    home.write("d/sub/b", "");
    let folder = here(&home, "d");
    let expected = [
        json!({ "action": "make", "path": "/sub" }),
        json!({ "action": "upload", "path": "/a" }),
        json!({ "action": "fail", "path": "/clash", "message": "a file on one side, a folder on the other: remove or rename one", "exit": 13 }),
        json!({ "action": "upload", "path": "/sub/b" }),
        json!({ "action": "fail", "path": "/bad\nname", "message": "name holds a control character", "exit": 2 }),
    ];
    let mut told = lines(&home.run(&["mirror", "up", &folder, "/in", "--dry-run", "--json"]).ok());
    told.sort_by_key(|line| expected.iter().position(|one| one == line));
    assert_eq!(told, expected);
    let out = home.run(&["mirror", "down", "/in", &here(&home, "new"), "--dry-run"]).ok();
    assert_eq!(out, "would make /clash\nwould download /x\n");
    assert_untouched(&home);
}

#[cfg(unix)]
#[test]
fn a_mirror_that_deletes_is_told_as_it_would_go() {
    let home = home_with(Seed::new().folder("in").file("in/link", "").file("in/old", ""));
    home.write("d/a", "a");
    std::os::unix::fs::symlink("a", home.folder.path().join("d/link")).unwrap();
    let folder = here(&home, "d");
    let out = home.run(&["mirror", "up", &folder, "/in", "--delete", "--dry-run"]).ok();
    assert_eq!(out, "would upload /a\nwould delete /old\n");

    home.write("d/bad\nname", "");
    let out = home.run(&["mirror", "up", &folder, "/in", "--delete", "--dry-run"]).ok();
    let fails = "would fail with /bad\\nname: name holds a control character";
    assert_eq!(out, format!("would upload /a\nwould delete /old\n{fails}\n"), "the rest is as before");
    assert_eq!(home.paths(), ["in/", "in/link", "in/old"]);
}

#[test]
fn a_deletion_is_told_path_by_path() {
    let home = home();
    assert_eq!(home.run(&["rm", "-r", "/in", "/in/x", "--dry-run"]).ok(), "would delete /in\nwould delete /in/x\n");
    let expected = json!({ "path": "/in/x", "deleted": false, "job": null });
    assert_eq!(home.run(&["rm", "/in/x", "--dry-run", "--json"]).json(), expected);
    assert_untouched(&home);
}
