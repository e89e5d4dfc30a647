//! Uploads and downloads: whole or not at all, whatever happens on the way.

use std::fs;
use std::time::{Duration, UNIX_EPOCH};

use quatrix_emulator::{Account, Accounts, CutPoint, Emulator, Fault, FaultKind, Seed};
use serde_json::{Value, json};

use crate::support::{Ended, Home, PASSWORD, USER, here, home_with, names, set_modified, there};

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
    for wrong in ["0", "65", "many"] {
        home.run(&["put", &b, "/", "--parallel", wrong]).failed(2);
    }
    assert_eq!(names(&here(&home, "")), ["b"]);
}

#[test]
fn a_cut_connection_is_no_failure() {
    let big = "0123456789".repeat(600_000);
    let home = home_with(Seed::new().file("big", big.clone()));
    home.write("mine", &big);
    let cut = |method: &str, path: &str| {
        home.emulator.set_faults([Fault::new(FaultKind::Cut(CutPoint::Body(1_000_000))).on(method, path)])
    };
    cut("GET", "/file/download/{id}").unwrap();
    home.run(&["get", "/big", &here(&home, "got")]).ok();
    assert_eq!(fs::read_to_string(here(&home, "got")).unwrap(), big);
    home.emulator
        .set_faults([Fault::new(FaultKind::Cut(CutPoint::After)).on("POST", "/upload/chunked/{upload_key}")])
        .unwrap();
    home.run(&["put", &here(&home, "mine"), "/"]).ok();
    assert!(there(&home, "mine") == Some(big));
}

/// A folder in which whoever runs this may not write: root may in any of its own, but not among Linux's.
#[cfg(unix)]
fn forbidden(home: &Home) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let own = here(home, "forbidden");
    fs::create_dir(&own).unwrap();
    fs::set_permissions(&own, fs::Permissions::from_mode(0o555)).unwrap();
    let refuses = |folder: &String| fs::write(format!("{folder}/x"), "").is_err();
    [own, "/sys".to_owned()].into_iter().find(refuses).unwrap()
}

#[cfg(unix)]
#[test]
fn m40_a_folder_without_permission_is_named_and_no_byte_is_asked_for() {
    let home = home_with(Seed::new().file("a", "words"));
    let folder = forbidden(&home);
    let error = home.run(&["get", "/a", &format!("{folder}/a")]).failed(13);
    assert!(error.contains(&folder), "{error}");
    assert!(!home.asked().iter().any(|(_, path, _)| path.contains("/download/")), "{:?}", home.asked());
}

#[test]
fn m40_a_source_that_shrinks_as_it_goes_up_leaves_the_old_file() {
    let home = home_with(Seed::new().file("a", "old"));
    let path = home.write("a", &"new".repeat(1_000_000));
    // By then the server has been told its size, and none of its bytes.
    let later = Fault::new(FaultKind::Status(429)).header("retry-after", "1").on("POST", "/upload/link");
    home.emulator.set_faults([later]).unwrap();
    let process = home.spawn(&["put", &here(&home, "a"), "/"]);
    while !home.asked().iter().any(|(_, path, _)| path == "/upload/link") {
        std::thread::sleep(Duration::from_millis(5));
    }
    fs::File::options().write(true).open(&path).unwrap().set_len(10).unwrap();
    let error = Ended::of(process.wait_with_output().unwrap()).failed(13);
    assert!(error.contains("the source ended 2999990 bytes early"), "{error}");
    assert_eq!(there(&home, "a").as_deref(), Some("old"));
    assert_eq!(home.paths(), ["a"]);
}

#[test]
fn what_fails_for_good_leaves_nothing_behind() {
    let home = home_with(Seed::new().file("a", "old"));
    home.write("a", "new");
    let down = |path: &str, method: &str| {
        home.emulator.set_faults([Fault::new(FaultKind::Status(500)).on(method, path).always()]).unwrap()
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
    home.emulator.set_faults([Fault::new(FaultKind::Status(403)).on("POST", "/upload/link").skip(1)]).unwrap();
    let ended = home.run(&["put", &here(&home, "d"), "/", "--parallel", "1", "--json"]);
    assert_eq!((ended.code, &ended.json()["files"]), (Some(12), &json!(2)));
    assert_eq!(ended.json()["failed"][0]["exit"], 7);
    assert_eq!(ended.json()["failed"][0]["path"], "/d/b");
    let error: Value = serde_json::from_str(&ended.err).unwrap();
    assert_eq!(error["error"]["name"], "partial");
    home.run(&["put", &here(&home, "d"), "/", "--update"]).ok();
    assert_eq!(home.paths(), ["d/", "d/a", "d/b", "d/c"]);
}

#[test]
fn of_several_sources_one_may_fail_if_all_are_there() {
    let home = home_with(Seed::new().folder("a").file("c", "there").file("x", ""));
    home.write("a", "a");
    home.write("b", "b");
    fs::create_dir_all(here(&home, "to/c")).unwrap();
    let [a, b, to] = ["a", "b", "to"].map(|path| here(&home, path));
    home.run(&["put", &a, &b, "/nonexistent", "/"]).failed(13);
    home.run(&["get", "/c", "/x", "/nonexistent", &to]).failed(6);
    assert_eq!((home.paths().len(), names(&to).len()), (3, 1));

    let put = home.run(&["put", &a, &b, "/"]);
    let told = format!("quatrix: {a}: /a is a folder\nquatrix: 1 of 2 files and folders failed\n");
    assert_eq!((put.code, put.err), (Some(12), told + "  1 file with 1 B transferred.\n"));
    assert_eq!(there(&home, "b").as_deref(), Some("b"));
    let get = home.run(&["get", "/c", "/x", &to, "--json"]);
    assert_eq!((get.code, &get.json()["failed"][0]["path"], names(&to).len()), (Some(12), &json!("/c"), 2));
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

    home.run(&["put", &here(&home, "a"), &here(&home, "b"), "/"]).ok();
    let both = ["/a", "/b"].map(|file| home.spawn(&["get", file, &here(&home, "one")]));
    for process in both {
        Ended::of(process.wait_with_output().unwrap()).ok();
    }
    assert_eq!(names(&here(&home, "")), ["a", "b", "one"]);
    assert!(contents.contains(&fs::read_to_string(here(&home, "one")).unwrap()));
}
