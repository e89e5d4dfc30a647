//! Where downloads write: never through a link, never over what must stay, never believing more than is sure.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quatrix_emulator::{CutPoint, Emulator, Fault, FaultKind, Seed};
use serde_json::json;

use crate::support::{Home, Scripted, here, home_with, names};

const MIB: usize = 1024 * 1024;

fn big() -> String {
    "0123456789".repeat(8 * MIB / 10)
}

/// The bytes after which a download ends for good.
fn broken_off(home: &Home, after: usize) {
    let cut = Fault::new(FaultKind::Cut(CutPoint::Body(after as u64))).on("GET", "/file/download/{id}");
    let down = Fault::new(FaultKind::Status(503)).on("POST", "/file/download-link").skip(1).always();
    home.emulator.set_faults([cut, down]).unwrap();
}

fn healed(home: &Home) {
    home.emulator.set_faults([]).unwrap();
}

/// The part of a download, in the home.
fn part(home: &Home) -> Option<String> {
    names(&here(home, "")).into_iter().find(|name| name.ends_with(".part")).map(|name| here(home, &name))
}

#[test]
fn m40_a_download_that_was_broken_off_goes_on_before_where_it_was() {
    let home = home_with(Seed::new().file("big", big()));
    let got = here(&home, "got");
    broken_off(&home, 7 * MIB);
    let error = home.run(&["get", "/big", &got, "--resume"]).failed(12);
    assert!(error.contains("the same command again goes on"), "{error}");
    let part = part(&home).unwrap();
    let kept = fs::metadata(&part).unwrap().len();
    assert!(kept > 6 * MIB as u64 && kept < 8 * MIB as u64, "{kept}");

    healed(&home);
    // As after a power cut: the length is there, the last bytes are not.
    let file = fs::File::options().write(true).open(&part).unwrap();
    file.set_len(kept - 3 * MIB as u64).unwrap();
    file.set_len(kept).unwrap();
    home.run(&["get", "/big", &got, "--resume"]).ok();
    assert!(fs::read_to_string(&got).unwrap() == big());
    assert_eq!(names(&here(&home, "")), ["got"]);
    let last = home.emulator.requests().into_iter().rfind(|one| one.path.contains("/file/download/")).unwrap();
    assert_eq!(last.headers["range"], format!("bytes={}-", kept - 5 * MIB as u64));
}

#[cfg(target_os = "linux")]
#[test]
fn a_transfer_keeps_its_session_alive_however_long_it_takes() {
    let home = Home::of(Emulator::builder().files(Seed::new().file("a", "a")).start().unwrap());
    home.log_in();
    let slow = |method, path| Fault::new(FaultKind::Delay(Duration::from_secs(1))).on(method, path).always();
    home.emulator.set_faults([slow("GET", "/file/download/{id}"), slow("POST", "/upload/link")]).unwrap();
    let got = here(&home, "got");
    for args in [&["get", "/a", &got][..], &["put", &got, "/b"], &["mirror", "down", "/", &here(&home, "all")]] {
        let mut process = home.spawn(args);
        let threads = format!("/proc/{}/task", process.id());
        let is_keepalive = |thread: fs::DirEntry| {
            fs::read_to_string(thread.path().join("comm")).is_ok_and(|name| name.starts_with("quatrix-keepali"))
        };
        let mut seen = false;
        while !seen && process.try_wait().unwrap().is_none() {
            seen = fs::read_dir(&threads).into_iter().flatten().flatten().any(is_keepalive);
        }
        assert!(process.wait().unwrap().success() && seen, "{args:?}");
    }
}

#[test]
fn m40_a_part_that_holds_other_bytes_is_not_continued() {
    let home = home_with(Seed::new().file("big", big()));
    let got = here(&home, "got");
    broken_off(&home, 7 * MIB);
    home.run(&["get", "/big", &got, "--resume"]).failed(12);
    healed(&home);
    let part = part(&home).unwrap();
    let kept = fs::metadata(&part).unwrap().len();
    let file = fs::File::options().write(true).open(&part).unwrap();
    file.set_len(0).unwrap();
    file.set_len(kept).unwrap();
    home.run(&["get", "/big", &got, "--resume"]).ok();
    assert!(fs::read_to_string(&got).unwrap() == big());
    assert_eq!(names(&here(&home, "")), ["got"]);
}

#[test]
fn m40_a_file_that_changes_between_two_ranges_is_not_put_together() {
    for options in [&[][..], &["--resume"]] {
        let home = home_with(Seed::new().file("big", "0123456789".repeat(2 * MIB)));
        let got = home.write("got", "mine").display().to_string();
        let change = Fault::new(FaultKind::Rewrite(None)).on("GET", "/file/metadata/{id}").skip(1);
        home.emulator.set_faults([change]).unwrap();
        let args = [&["get", "/big", &*got][..], options].concat();
        let error = home.run(&args).failed(12);
        assert!(error.contains("the file changed on the server"), "{error}");
        assert_eq!((fs::read_to_string(&got).unwrap(), names(&here(&home, ""))), ("mine".into(), vec!["got".into()]));
        home.run(&args).ok();
        assert!(fs::read_to_string(&got).unwrap() == "123456789:".repeat(2 * MIB));
    }
}

#[test]
fn m40_another_version_is_not_mixed_in() {
    let home = home_with(Seed::new().file("big", "old".repeat(2_000_000)));
    let got = here(&home, "got");
    broken_off(&home, 5_500_000);
    home.run(&["get", "/big", &got, "--resume"]).failed(12);
    healed(&home);
    home.write("new", &"new".repeat(2_000_000));
    home.run(&["put", &here(&home, "new"), "/big"]).ok();
    home.run(&["get", "/big", &got, "--resume"]).ok();
    assert!(fs::read_to_string(&got).unwrap() == "new".repeat(2_000_000));
    assert_eq!(names(&here(&home, "")), ["got", "new"], "the old part is gone");
    home.run(&["get", "/", &here(&home, ""), "--resume"]).failed(2);
}

#[test]
fn m40_a_name_of_255_bytes_and_a_time_before_1970_are_kept() {
    let name = "\u{e9}".repeat(127) + "x";
    let listing = json!({ "id": "f", "type": "F", "name": name, "size": 1, "modified": -1.5 }).to_string();
    let server = Scripted::start(&[
        ("/api/1.0/file/id", r#"{"file_id":"f","type":"F"}"#),
        ("/api/1.0/file/metadata/f", &listing),
        ("/api/1.0/file/download-link", r#"{"id":"l"}"#),
        ("/api/1.0/file/download/l", "x"),
    ]);
    for resume in [&[][..], &["--resume"]] {
        let home = Home::new().with("QUATRIX_API_KEY", "key").with("QUATRIX_BASE_URL", &server.base_url);
        let source = format!("/{name}");
        home.run(&[&["get", &source, &here(&home, "")][..], resume].concat()).ok();
        assert_eq!(names(&here(&home, "")), [&*name]);
        let time = fs::metadata(here(&home, &name)).unwrap().modified().unwrap();
        assert_eq!(time, UNIX_EPOCH - Duration::from_millis(1500), "{resume:?}");
    }
}

#[test]
fn m40_a_listing_that_reports_an_empty_file_is_not_believed() {
    let listing = r#"{"id":"h","type":"D","name":"","content":[{"id":"f","type":"F","name":"a","size":0}]}"#;
    let server = Scripted::start(&[
        ("/api/1.0/file/id", r#"{"file_id":"h","type":"D"}"#),
        ("/api/1.0/file/metadata/h", listing),
        ("/api/1.0/file/metadata/f", r#"{"id":"f","type":"F","name":"a","size":5}"#),
        ("/api/1.0/file/download-link", r#"{"id":"l"}"#),
        ("/api/1.0/file/download/l", "words"),
    ]);
    let home = Home::new().with("QUATRIX_API_KEY", "key").with("QUATRIX_BASE_URL", &server.base_url);
    home.write("d/a", "older words");
    home.run(&["get", "/d", &here(&home, "")]).ok();
    assert_eq!(fs::read_to_string(here(&home, "d/a")).unwrap(), "words");
}

#[test]
fn m40_a_folder_in_the_way_of_a_file_stays() {
    let home = home_with(Seed::new().file("a", "new"));
    home.write("target/a/mine", "mine");
    for options in [&[][..], &["--resume"], &["--no-clobber"], &["--update"]] {
        home.run(&[&["get", "/a", &here(&home, "target")][..], options].concat()).failed(14);
        assert_eq!(names(&here(&home, "target")), ["a"], "{options:?}");
        assert_eq!(fs::read_to_string(here(&home, "target/a/mine")).unwrap(), "mine");
    }
}

#[test]
fn m40_leftovers_of_the_same_name_are_removed_after_a_day() {
    let home = home_with(Seed::new().folder("d").file("d/a", "new").file("d/b", "new"));
    let old = SystemTime::now() - Duration::from_secs(25 * 3600);
    for name in ["a.00000001.partial", "b.00000001.partial", "c.00000001.partial"] {
        let file = home.write(&format!("d/{name}"), "unfinished");
        fs::File::options().write(true).open(file).unwrap().set_modified(old).unwrap();
    }
    home.write("d/a.00000002.partial", "in use");
    home.run(&["get", "/d/a", &here(&home, "d")]).ok();
    let left = ["a", "a.00000002.partial", "b.00000001.partial", "c.00000001.partial"];
    assert_eq!(names(&here(&home, "d")), left);
    home.run(&["get", "/d", &here(&home, "")]).ok();
    assert_eq!(names(&here(&home, "d")), ["a", "a.00000002.partial", "b", "c.00000001.partial"]);
}

#[cfg(unix)]
mod unix {
    use std::fs::Permissions;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn m40_the_mode_of_a_file_that_is_replaced_is_kept() {
        let home = home_with(Seed::new().file("a", "new"));
        for options in [&[][..], &["--resume"]] {
            let path = home.write("a", "old");
            fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
            home.run(&[&["get", "/a", path.to_str().unwrap()][..], options].concat()).ok();
            assert_eq!(fs::read_to_string(&path).unwrap(), "new");
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600, "{options:?}");
        }
    }

    #[test]
    fn what_is_planted_as_a_part_is_neither_written_nor_continued() {
        let home = home_with(Seed::new().file("big", big()));
        let got = here(&home, "got");
        broken_off(&home, 7 * MIB);
        home.run(&["get", "/big", &got, "--resume"]).failed(12);
        healed(&home);
        let part = part(&home).unwrap();
        assert_eq!(fs::metadata(&part).unwrap().mode() & 0o777, 0o600, "while it is partial");
        let victim = home.write("victim", "theirs");
        let readable = || {
            fs::write(&part, "planted").unwrap();
            fs::set_permissions(&part, Permissions::from_mode(0o644)).unwrap();
        };
        let plants: [&dyn Fn(); 3] =
            [&|| symlink(&victim, &part).unwrap(), &|| fs::hard_link(&victim, &part).unwrap(), &readable];
        for plant in plants {
            fs::remove_file(&part).unwrap();
            plant();
            let error = home.run(&["get", "/big", &got, "--resume"]).failed(13);
            assert!(error.contains(".part: ") && error.contains("remove it"), "{error}");
            assert_eq!(fs::read_to_string(&victim).unwrap(), "theirs");
            assert!(!fs::exists(&got).unwrap());
        }
    }

    #[test]
    fn m41_no_folder_of_the_target_that_is_a_link_is_entered() {
        let home = home_with(Seed::new().folder("d").folder("d/in").file("d/in/a", "new").file("d/b", "new"));
        let outside = tempfile::tempdir().unwrap();
        fs::create_dir(here(&home, "real")).unwrap();
        // The target itself is the user's choice.
        symlink(here(&home, "real"), here(&home, "target")).unwrap();
        let target = here(&home, "target");
        symlink(outside.path(), here(&home, "real/d")).unwrap();
        let error = home.run(&["get", "/d", &target]).failed(13);
        assert!(error.contains("is a link"), "{error}");

        fs::remove_file(here(&home, "real/d")).unwrap();
        fs::create_dir(here(&home, "real/d")).unwrap();
        symlink(outside.path(), here(&home, "real/d/in")).unwrap();
        for options in [&[][..], &["--update"]] {
            let error = home.run(&[&["get", "/d", &target][..], options].concat()).failed(12);
            assert!(error.contains("/d/in"), "{options:?}: {error}");
            assert_eq!(names(&here(&home, "real/d")), ["b", "in"]);
            assert!(names(&outside.path().display().to_string()).is_empty(), "{options:?}");
        }
    }

    /// Needs strace, and the right to use it: nothing else shows what reaches the disk.
    #[cfg(target_os = "linux")]
    #[test]
    fn m40_names_are_on_the_disk_before_the_command_ends_once_for_each_folder() {
        let home = home_with(Seed::new().folder("d").folder("d/in").file("d/in/a", "a").file("d/in/b", "b"));
        let trace = here(&home, "trace");
        let traced = |args: &[&str]| {
            let mut strace = std::process::Command::new("strace");
            let command = home.command(args);
            strace
                .args(["-f", "-y", "-e", "trace=/^(rename|fsync|fdatasync)", "-o", &trace])
                .arg(command.get_program());
            strace.args(command.get_args()).env_clear();
            strace.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
            strace.output().is_ok_and(|output| output.status.success())
        };
        if !traced(&["--version"]) {
            eprintln!("strace cannot be used: nothing was tested");
            return;
        }
        let synced_last = |args: &[&str]| {
            assert!(traced(args), "{args:?}");
            let lines = fs::read_to_string(&trace).unwrap();
            let after = lines.lines().skip_while(|line| !line.contains("rename")).collect::<Vec<_>>();
            let last = after.iter().rposition(|line| line.contains("rename")).unwrap();
            let folders =
                after[last + 1..].iter().filter_map(|line| line.split_once("sync(")?.1.split(['<', '>']).nth(1));
            folders.map(str::to_owned).collect::<Vec<_>>()
        };
        let (one, many) = (here(&home, "one"), here(&home, "many"));
        fs::create_dir(&one).unwrap();
        assert_eq!(synced_last(&["get", "/d/in/a", &one]), [&*one]);
        // The file once more: it gets its permissions when it has its name.
        let file = format!("{one}/b");
        assert_eq!(synced_last(&["get", "/d/in/b", &one, "--resume"]), [&*file, &*one]);
        let folders = ["", "many", "many/in"].map(|name| here(&home, name).trim_end_matches('/').to_owned());
        assert_eq!(synced_last(&["get", "/d", &many]), folders);
    }

    #[test]
    fn a_pipe_or_a_device_is_not_replaced() {
        let home = home_with(Seed::new().file("a", "new"));
        // Never the device itself: whoever may replace it would.
        let (pipe, link) = (here(&home, "pipe"), here(&home, "link"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        symlink("/dev/null", &link).unwrap();
        for place in [pipe, link] {
            let error = home.run(&["get", "/a", &place]).failed(13);
            assert!(error.contains("neither a file nor a folder"), "{error}");
        }
    }
}
