//! Uploads and downloads: whole or not at all, whatever happens on the way.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use quatrix_emulator::{Account, Accounts, Emulator, Fault, Seed, What, When};
use serde_json::{Value, json};

use crate::support::{BINARY, Ended, Home, PASSWORD, Scripted, USER};

fn home_with(seed: Seed) -> Home {
    Home::of(Emulator::builder().files(seed).start().unwrap()).with("QUATRIX_API_KEY", "test-key-4711")
}

fn there(home: &Home, path: &str) -> Option<String> {
    home.emulator.file(USER, path).map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
}

/// A path in the home, as an argument.
fn here(home: &Home, path: &str) -> String {
    home.folder.path().join(path).display().to_string()
}

fn names(folder: &str) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn set_modified(path: &PathBuf, seconds: u64) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
}

#[test]
fn a_file_goes_there_and_comes_back_with_its_time() {
    let home = home_with(Seed::new().folder("in"));
    let file = home.write("report.txt", "words");
    set_modified(&file, 1_700_000_000);
    assert_eq!(home.run(&["put", &here(&home, "report.txt"), "/in"]).ok(), "");
    assert_eq!(there(&home, "in/report.txt").as_deref(), Some("words"));
    home.run(&["put", &here(&home, "report.txt"), "/in/other name.txt"]).ok();
    assert_eq!(home.run(&["get", "/in/report.txt", "/in/other name.txt", &here(&home, "")]).ok(), "");
    assert_eq!(fs::read_to_string(here(&home, "other name.txt")).unwrap(), "words");
    let time = fs::metadata(here(&home, "other name.txt")).unwrap().modified().unwrap();
    assert_eq!(time, UNIX_EPOCH + Duration::from_secs(1_700_000_000));
    home.run(&["get", "/in/report.txt", &here(&home, "new.txt")]).ok();
    assert_eq!(fs::read_to_string(here(&home, "new.txt")).unwrap(), "words");
    let json = home.run(&["put", &here(&home, "new.txt"), "/in", "--json"]).json();
    assert_eq!((&json["files"], &json["bytes"], &json["failed"]), (&json!(1), &json!(5), &json!([])));
}

#[test]
fn what_is_there_is_replaced_left_updated_or_joined() {
    let home = home_with(Seed::new().file("a.txt", "old"));
    let file = home.write("a.txt", "new");
    let path = here(&home, "a.txt");
    home.run(&["put", &path, "/", "--no-clobber"]).ok();
    assert_eq!(there(&home, "a.txt").as_deref(), Some("old"));
    set_modified(&file, 1_000_000_000);
    home.run(&["put", &path, "/", "--update"]).ok();
    assert_eq!(there(&home, "a.txt").as_deref(), Some("old"), "older and of the same size");
    set_modified(&file, 4_000_000_000);
    home.run(&["put", &path, "/", "--update"]).ok();
    assert_eq!(there(&home, "a.txt").as_deref(), Some("new"));
    home.write("a.txt", "newest");
    home.run(&["put", &path, "/"]).ok();
    assert_eq!(there(&home, "a.txt").as_deref(), Some("newest"));
    home.run(&["put", &path, "/", "--rename"]).ok();
    assert_eq!(home.paths().len(), 2);
    home.run(&["mkdir", "/d"]).ok();
    home.write("d", "");
    home.run(&["put", &here(&home, "d"), "/"]).failed(14);
    assert!(!home.asked().last().unwrap().1.contains("move"), "a folder is not put at risk");
}

#[test]
fn what_is_here_is_replaced_left_or_updated() {
    let home = home_with(Seed::new().file("a.txt", "new"));
    let file = home.write("a.txt", "old");
    let path = here(&home, "a.txt");
    home.run(&["get", "/a.txt", &path, "--no-clobber"]).ok();
    assert_eq!(fs::read_to_string(&file).unwrap(), "old");
    set_modified(&file, 4_000_000_000);
    home.run(&["get", "/a.txt", &path, "--update"]).ok();
    assert_eq!(fs::read_to_string(&file).unwrap(), "old", "younger and of the same size");
    home.run(&["get", "/a.txt", &path]).ok();
    assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    fs::create_dir(here(&home, "d")).unwrap();
    fs::create_dir(here(&home, "d/a.txt")).unwrap();
    home.run(&["get", "/a.txt", &here(&home, "d")]).failed(14);
}

#[test]
fn pipes_go_in_and_out() {
    let home = home_with(Seed::new());
    assert_eq!(home.run_with_stdin(&["put", "-", "/dump.sql"], "a dump").ok(), "");
    assert_eq!(there(&home, "dump.sql").as_deref(), Some("a dump"));
    assert_eq!(home.run(&["get", "/dump.sql", "-"]).ok(), "a dump");
    home.run_with_stdin(&["put", "-", "/"], "x").failed(2);
    home.run_with_stdin(&["put", "-", "/dump.sql", "--no-clobber"], "x").ok();
    assert_eq!(there(&home, "dump.sql").as_deref(), Some("a dump"));
    home.run(&["get", "/", "-"]).failed(2);
}

#[test]
fn folders_go_there_and_come_back() {
    let home = home_with(Seed::new());
    for file in ["photos/a.jpg", "photos/2026/b.jpg", "photos/2026/.hidden"] {
        home.write(file, file);
    }
    home.run(&["put", &here(&home, "photos"), "/"]).ok();
    assert_eq!(there(&home, "photos/2026/b.jpg").as_deref(), Some("photos/2026/b.jpg"));
    home.run(&["put", &here(&home, "photos"), "/copy"]).ok();
    assert!(there(&home, "copy/2026/.hidden").is_some());
    fs::create_dir(here(&home, "back")).unwrap();
    home.run(&["get", "/photos", &here(&home, "back")]).ok();
    home.run(&["get", "/photos", &here(&home, "named")]).ok();
    for folder in ["back/photos", "named"] {
        assert_eq!(fs::read_to_string(here(&home, &format!("{folder}/2026/b.jpg"))).unwrap(), "photos/2026/b.jpg");
    }
    home.run(&["put", &here(&home, "photos"), "/", "--no-clobber"]).ok();
    home.run(&["get", "/photos", &here(&home, "back"), "--no-clobber"]).ok();
    home.run(&["put", &here(&home, "photos"), "/", "--rename"]).failed(2);
}

#[test]
fn a_dry_run_does_nothing_and_says_what_it_would() {
    let home = home_with(Seed::new().folder("in").file("in/x", "x"));
    home.write("d/a", "a");
    let asked = |home: &Home| {
        home.asked().iter().filter(|(_, path, _)| path.contains("upload") || path.contains("download")).count()
    };
    let put = home.run(&["put", &here(&home, "d"), &here(&home, "d/a"), "/in", "--dry-run"]).ok();
    let expected = ["d/a", "d/a"].map(|path| here(&home, path));
    assert_eq!(put, format!("would upload {} to /in/d/a\nwould upload {} to /in/a\n", expected[0], expected[1]));
    let get = home.run(&["get", "/in", &here(&home, "new"), "--dry-run"]).ok();
    assert_eq!(get, format!("would download /in/x to {}\n", here(&home, "new/x")));
    assert_eq!((asked(&home), home.paths().len()), (0, 2));
    assert!(!home.folder.path().join("new").exists());
}

#[test]
fn mistakes_are_told_before_anything_moves() {
    let home = home_with(Seed::new().file("a", "a"));
    home.write("b", "b");
    let b = here(&home, "b");
    home.run(&["put", "/nonexistent", "/"]).failed(13);
    home.run(&["put", &b, "/nowhere/"]).failed(6);
    home.run(&["put", &b, "/nowhere/b"]).failed(6);
    home.run(&["put", &b, &b, "/a"]).failed(14);
    home.run(&["put", &b]).failed(2);
    home.run(&["get", "/nope", &here(&home, "")]).failed(6);
    home.run(&["get", "/a", "/nonexistent/a"]).failed(13);
    home.run(&["get", "/a", "/a", &b]).failed(2);
    assert_eq!(names(&here(&home, "")), ["b"]);
}

#[test]
fn a_cut_connection_is_no_failure() {
    let big = "0123456789".repeat(600_000);
    let home = home_with(Seed::new().file("big", big.clone()));
    home.write("mine", &big);
    let cut = |method: &str, path: &str| {
        home.emulator.set_faults([Fault::new(What::Cut(When::Body(1_000_000))).on(method, path)])
    };
    cut("GET", "/file/download/{id}").unwrap();
    home.run(&["get", "/big", &here(&home, "got")]).ok();
    assert_eq!(fs::read_to_string(here(&home, "got")).unwrap(), big);
    home.emulator.set_faults([Fault::new(What::Cut(When::After)).on("POST", "/upload/chunked/{upload_key}")]).unwrap();
    home.run(&["put", &here(&home, "mine"), "/"]).ok();
    assert!(there(&home, "mine") == Some(big));
}

#[test]
fn m40_a_download_that_was_broken_off_goes_on_where_it_was() {
    let big = "0123456789".repeat(300_000);
    let home = home_with(Seed::new().file("big", big.clone()));
    let got = here(&home, "got");
    let part = || names(&here(&home, "")).into_iter().find(|name| name.ends_with(".part"));
    let cut = Fault::new(What::Cut(When::Body(1_000_000))).on("GET", "/file/download/{id}");
    let down = Fault::new(What::Status(503)).on("POST", "/file/download-link").skip(1).always();
    home.emulator.set_faults([cut, down]).unwrap();
    let error = home.run(&["get", "/big", &got, "--resume"]).failed(12);
    assert!(error.contains("the same command again goes on"), "{error}");
    let kept = fs::metadata(here(&home, &part().unwrap())).unwrap().len();
    assert!(kept > 0 && kept < 3_000_000, "{kept}");

    home.emulator.set_faults([]).unwrap();
    home.run(&["get", "/big", &got, "--resume"]).ok();
    assert!(fs::read_to_string(&got).unwrap() == big);
    assert_eq!(names(&here(&home, "")), ["got"]);
    let last = home.emulator.requests().into_iter().rfind(|one| one.path.contains("/file/download/")).unwrap();
    assert_eq!(last.headers["range"], format!("bytes={kept}-"));
}

#[test]
fn m40_another_version_is_not_mixed_in() {
    let home = home_with(Seed::new().file("big", "old".repeat(1_000_000)));
    let got = here(&home, "got");
    let cut = Fault::new(What::Cut(When::Body(1_000_000))).on("GET", "/file/download/{id}");
    let down = Fault::new(What::Status(503)).on("POST", "/file/download-link").skip(1).always();
    home.emulator.set_faults([cut, down]).unwrap();
    home.run(&["get", "/big", &got, "--resume"]).failed(12);
    home.emulator.set_faults([]).unwrap();
    home.write("new", &"new".repeat(1_000_000));
    home.run(&["put", &here(&home, "new"), "/big"]).ok();
    home.run(&["get", "/big", &got, "--resume"]).ok();
    assert!(fs::read_to_string(&got).unwrap() == "new".repeat(1_000_000));
    assert_eq!(names(&here(&home, "")), ["got", "new"], "the old part is gone");
    home.run(&["get", "/", &here(&home, ""), "--resume"]).failed(2);
}

#[test]
fn what_fails_for_good_leaves_nothing_behind() {
    let home = home_with(Seed::new().file("a", "old"));
    home.write("a", "new");
    let down = |path: &str, method: &str| {
        home.emulator.set_faults([Fault::new(What::Status(500)).on(method, path).always()]).unwrap()
    };
    down("/upload/chunked/{upload_key}", "POST");
    home.run(&["put", &here(&home, "a"), "/"]).failed(10);
    assert_eq!(there(&home, "a").as_deref(), Some("old"));
    assert_eq!(home.paths(), ["a"]);
    down("/file/download/{id}", "GET");
    home.run(&["get", "/a", &here(&home, "got")]).failed(10);
    assert_eq!(names(&here(&home, "")), ["a"]);
}

#[test]
fn of_many_files_some_may_fail() {
    let home = home_with(Seed::new());
    for file in ["d/a", "d/b", "d/c"] {
        home.write(file, file);
    }
    home.emulator.set_faults([Fault::new(What::Status(403)).on("POST", "/upload/link").skip(1)]).unwrap();
    let ended = home.run(&["put", &here(&home, "d"), "/", "--parallel", "1", "--json"]);
    assert_eq!((ended.code, &ended.json()["files"]), (Some(12), &json!(2)));
    assert_eq!(ended.json()["failed"][0]["exit"], 7);
    let error: Value = serde_json::from_str(&ended.err).unwrap();
    assert_eq!(error["error"]["name"], "partial");
    home.run(&["put", &here(&home, "d"), "/", "--update"]).ok();
    assert_eq!(home.paths(), ["d/", "d/a", "d/b", "d/c"]);
}

#[test]
fn a_quota_that_is_used_up_is_told() {
    let account = Account { api_key: Some("test-key-4711".to_owned()), limit: Some(3), ..Account::new(USER, PASSWORD) };
    let home = Home::of(
        Emulator::builder().accounts(Accounts { accounts: vec![account], ..Accounts::default() }).start().unwrap(),
    );
    let home = home.with("QUATRIX_API_KEY", "test-key-4711");
    home.write("a", "four");
    home.run(&["put", &here(&home, "a"), "/"]).failed(15);
    assert_eq!(home.paths(), [""; 0]);
}

#[test]
fn a_thousand_files_arrive() {
    let home = home_with(Seed::new());
    for n in 0..1000 {
        home.write(&format!("d/{}/{n}", n % 7), &n.to_string());
    }
    home.run(&["put", &here(&home, "d"), "/", "--parallel", "16"]).ok();
    assert_eq!(home.paths().len(), 1 + 7 + 1000);
    home.run(&["get", "/d", &here(&home, "back"), "--parallel", "16"]).ok();
    for n in [0, 500, 999] {
        assert_eq!(fs::read_to_string(here(&home, &format!("back/{}/{n}", n % 7))).unwrap(), n.to_string());
    }
    assert_eq!(home.run(&["ls", "-R", "/d"]).ok().lines().count(), 1007);
}

#[test]
fn two_that_write_one_file_leave_one_whole() {
    let home = home_with(Seed::new());
    let contents = ["a".repeat(3_000_000), "b".repeat(2_000_000)];
    home.write("a", &contents[0]);
    home.write("b", &contents[1]);
    let both = ["a", "b"].map(|file| home.spawn(&["put", &here(&home, file), "/one"]));
    for process in both {
        Ended::of(process.wait_with_output().unwrap()).ok();
    }
    assert_eq!(home.paths(), ["one"]);
    assert!(contents.contains(&there(&home, "one").unwrap()));
}

#[cfg(unix)]
#[test]
fn m40_a_disk_that_is_full_leaves_nothing() {
    let home = home_with(Seed::new().file("big", "x".repeat(3_000_000)));
    let got = here(&home, "got");
    let script = format!("trap '' XFSZ; ulimit -f 1000; exec '{BINARY}' get /big '{got}'");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).env_clear();
    shell.envs(home.command(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))));
    Ended::of(shell.output().unwrap()).failed(13);
    assert_eq!(names(&here(&home, "")), [""; 0]);
}

#[cfg(unix)]
#[test]
fn m40_an_interrupt_leaves_nothing_half_done() {
    let home = home_with(Seed::new());
    for n in 0..40 {
        home.write(&format!("d/{n}"), &"x".repeat(1000));
    }
    let slow = Fault::new(What::Delay(Duration::from_millis(200))).on("POST", "/upload/chunked/{upload_key}").always();
    home.emulator.set_faults([slow]).unwrap();
    let process = home.spawn(&["put", &here(&home, "d"), "/", "--parallel", "2"]);
    while !home.asked().iter().any(|(_, path, _)| path.contains("chunked")) {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap().success());
    let ended = Ended::of(process.wait_with_output().unwrap());
    assert_eq!(ended.code, Some(130), "{ended:?}");
    let left = home.paths();
    assert!(left.len() < 20 && !left.iter().any(|path| path.contains("partial")), "{left:?}");
    assert!(left.iter().filter(|path| !path.ends_with('/')).all(|path| there(&home, path).unwrap().len() == 1000));
}

#[test]
fn m41_a_name_of_the_server_leads_nowhere_else() {
    let listing = |name: &str| {
        json!({ "id": "h", "type": "D", "name": "", "content": [
            { "id": "f", "type": "F", "name": name, "size": 1 },
            { "id": "g", "type": "F", "name": "good", "size": 1 },
        ]})
        .to_string()
    };
    for name in ["..", "../evil", "/etc/evil", "a/../../evil", "", "a\0b"] {
        let server = Scripted::start(&[
            ("/api/1.0/file/id", r#"{"file_id":"h","type":"D"}"#),
            ("/api/1.0/file/metadata/h", &listing(name)),
            ("/api/1.0/file/metadata/f", r#"{"id":"f","type":"F","name":"x","size":1}"#),
            ("/api/1.0/file/download-link", r#"{"id":"l"}"#),
            ("/api/1.0/file/download/l", "x"),
        ]);
        let home = Home::new().with("QUATRIX_API_KEY", "key");
        home.write("work/keep", "");
        let ended = home.run(&["get", "/d", &here(&home, "work/d"), "--base-url", &server.base_url]);
        assert!(matches!(ended.code, Some(11..=13)), "{name:?} {ended:?}");
        assert_eq!(names(&here(&home, "")), ["work"], "{name:?}");
        assert!(names(&here(&home, "work")).iter().all(|name| name == "d" || name == "keep"), "{name:?}");
    }
}

#[test]
fn mirrors_go_both_ways_and_delete_only_when_told() {
    let home = home_with(Seed::new().folder("m").file("m/theirs", "t"));
    home.write("m/ours", "o");
    let folder = here(&home, "m");
    assert_eq!(
        home.run(&["mirror", &folder, "/m", "--dry-run", "--delete"]).ok(),
        "would upload /ours\nwould delete /theirs\n"
    );
    home.run(&["mirror", &folder, "/m"]).ok();
    assert_eq!(home.paths(), ["m/", "m/ours", "m/theirs"]);
    assert_eq!(home.run(&["mirror", &folder, "/m", "--dry-run"]).ok(), "");
    home.run(&["mirror", &folder, "/m", "--back"]).ok();
    assert_eq!(names(&folder), ["ours", "theirs"]);
    fs::remove_file(here(&home, "m/theirs")).unwrap();
    let json = home.run(&["mirror", &folder, "/m", "--delete", "--json"]).json();
    assert_eq!((&json["files"], &json["deleted"]), (&json!(0), &json!(1)));
    assert_eq!(home.paths(), ["m/", "m/ours"]);
    home.run(&["mirror", &here(&home, "nope"), "/m"]).failed(2);
    home.run(&["mirror", &folder, "/nope", "--back"]).failed(6);
    home.run(&["mirror", &folder, "/fresh/er"]).ok();
    assert_eq!(there(&home, "fresh/er/ours").as_deref(), Some("o"));
}

#[test]
fn programs_can_follow_the_progress() {
    let home = home_with(Seed::new());
    home.write("big", &"x".repeat(6_000_000));
    let ended = home.run(&["put", &here(&home, "big"), "/", "--progress", "json"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""));
    let last: Value = serde_json::from_str(ended.err.lines().last().unwrap()).unwrap();
    assert_eq!(
        last,
        json!({ "path": "/big", "done": 6_000_000, "total": 6_000_000, "all_done": 6_000_000, "all_total": 6_000_000 })
    );
}
