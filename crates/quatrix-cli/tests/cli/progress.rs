//! How far it is: on a terminal, and for programs.

use std::time::Duration;

use quatrix_emulator::{Fault, FaultKind, Seed};
use serde_json::{Value, json};

use crate::support::{Home, here, home_with};

/// Files of a mebibyte, and a server that takes its time with each.
fn slow(files: &[&str]) -> Home {
    let home = home_with(Seed::new());
    for file in files {
        home.write(&format!("d/{file}"), &"x".repeat(1024 * 1024));
    }
    let slow =
        |method: &str, path: &str| Fault::new(FaultKind::Delay(Duration::from_millis(300))).on(method, path).always();
    let faults = [slow("POST", "/upload/chunked/{upload_key}"), slow("GET", "/file/download/{id}")];
    home.emulator.set_faults(faults).unwrap();
    home
}

#[test]
fn programs_can_follow_the_progress() {
    let home = slow(&["a", "b"]);
    let follow = |args: &[&str]| {
        let ended = home.run(&[args, &["--parallel", "1", "--progress", "json"]].concat());
        assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""));
        ended.err.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>()
    };
    let mib = 1024 * 1024;
    for lines in [follow(&["put", &here(&home, "d"), "/"]), follow(&["get", "/d", &here(&home, "back")])] {
        for (path, all) in [("/d/a", mib), ("/d/b", 2 * mib)] {
            let end = lines.iter().rfind(|line| line["path"] == path).unwrap();
            let rate = end["rate"].as_u64().unwrap();
            assert!(rate > 0, "{end}");
            let expected = json!({
                "path": path, "done": mib, "total": mib, "all_done": all, "all_total": 2 * mib, "rate": rate,
                "left_s": end["left_s"].as_u64().unwrap(),
            });
            assert_eq!(*end, expected);
        }
    }
    let lines = follow(&["mirror", "up", &here(&home, "d"), "/e"]);
    assert_eq!((&lines[0]["path"], &lines[0]["all_total"]), (&json!("/e/a"), &json!(2 * mib)));
    assert_eq!(home.run(&["put", &here(&home, "d"), "/", "--progress", "none"]).ok(), "");
}

#[cfg(unix)]
mod at_a_terminal {
    use quatrix_emulator::Emulator;

    use super::*;
    use crate::prompts::at_terminal;

    /// All states of the line; the last is what is left of it.
    fn drawn(home: &Home, args: &[&str]) -> Vec<String> {
        let shown = at_terminal(home, args).exp_eof().unwrap();
        shown.split('\r').map(|line| line.trim_end().to_owned()).collect()
    }

    /// Like `b   40% of 1.00 MiB  all:  66% of 3.00 MiB  2.10 MiB/s  0:01 left`.
    fn is_whole(line: &str, name: &str, all: &str) -> bool {
        let (file, rest) = line.split_once("% of 1.00 MiB  all: ").unwrap_or_default();
        let (of_all, rest) = rest.split_once(&format!("% of {all}  ")).unwrap_or_default();
        let share = |text: &str| text.trim().parse::<u8>().is_ok_and(|share| share <= 100);
        let (rate, left) = rest.split_once("/s  0:0").unwrap_or_default();
        file.strip_prefix(name).is_some_and(share) && share(of_all) && rate.ends_with('B') && left.ends_with(" left")
    }

    #[test]
    fn a_line_tells_bytes_rate_and_time_left_of_each_file_and_of_all() {
        let home = slow(&["a", "a name\u{202e}", "c"]);
        let put = drawn(&home, &["put", &here(&home, "d"), "/", "--parallel", "1"]);
        let get = drawn(&home, &["get", "/d", &here(&home, "back"), "--parallel", "1"]);
        let [a, c] = ["d/a", "d/c"].map(|path| here(&home, path));
        let files = drawn(&home, &["put", &a, &c, "/d"]);
        for (lines, name, all) in
            [(put, "a name\\u{202e}", "3.00 MiB"), (get, "c", "3.00 MiB"), (files, "c", "2.00 MiB")]
        {
            assert!(lines.iter().any(|line| is_whole(line, name, all)), "{lines:#?}");
            assert!(lines.iter().all(|line| line.chars().count() < 80), "{lines:#?}");
            assert_eq!(lines.last().unwrap(), "", "the line is taken away");
        }
    }

    #[test]
    fn nothing_is_drawn_where_it_is_in_the_way() {
        let home = slow(&["a", "b"]);
        let folder = here(&home, "d");
        for args in [&["put", &folder, "/", "--progress", "none"][..], &["put", &folder, "/", "--json"]] {
            let lines = drawn(&home, args).concat();
            assert!(!lines.contains("MiB"), "{lines}");
        }
        let home = home.with("TERM", "dumb");
        assert_eq!(drawn(&home, &["put", &folder, "/"]).concat(), "");
        let quick = Home::of(Emulator::start().unwrap()).with("QUATRIX_API_KEY", "test-key-4711");
        assert_eq!(drawn(&quick, &["put", &folder, "/"]).concat(), "");
    }
}
