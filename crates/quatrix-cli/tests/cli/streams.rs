//! Standard input, output and error: pipes, closed ones, full ones.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::process::{Command, Stdio};

use quatrix_emulator::{CutPoint, Fault, FaultKind, Seed};

use crate::support::{BINARY, Ended, here, home_with, names, there};

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
fn whoever_closes_the_pipe_has_seen_enough() {
    let home = home_with(Seed::new().file("big", "x".repeat(3_000_000)).folder("d"));
    for args in [&["get", "/big", "-"][..], &["ls", "-R"]] {
        let mut child = home.spawn(args);
        let mut out = child.stdout.take().unwrap();
        out.read_exact(&mut [0; 2]).unwrap();
        drop(out);
        Ended::of(child.wait_with_output().unwrap()).ok();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_device_is_told_and_a_full_standard_error_is_no_end() {
    let home = home_with(Seed::new().file("big", "x".repeat(3_000_000)));
    let full = || Stdio::from(OpenOptions::new().write(true).open("/dev/full").unwrap());
    for args in [&["get", "/big", "-"][..], &["ls"], &["api", "GET", "/profile"], &["ls", "--help"]] {
        let ended = Ended::of(home.command(args).stdout(full()).output().unwrap());
        let error = ended.failed(13);
        assert_eq!(error, "quatrix: standard output: No space left on device (os error 28)\n", "{args:?}");
    }
    for (args, code) in [(&["stat", "/nope"][..], 6), (&["stat"], 2), (&["put", "/nonexistent", "/"], 13)] {
        assert_eq!(home.command(args).stderr(full()).status().unwrap().code(), Some(code), "{args:?}");
    }
}

#[test]
fn a_pipe_is_whole_although_the_connection_is_cut() {
    let big = "0123456789".repeat(300_000);
    let home = home_with(Seed::new().file("big", big.clone()));
    let cut = |method: &str, path: &str, when| {
        home.emulator.set_faults([Fault::new(FaultKind::Cut(when)).on(method, path)]).unwrap();
    };
    cut("GET", "/file/download/{id}", CutPoint::Body(1_000_000));
    assert!(home.run(&["get", "/big", "-"]).ok() == big);
    cut("POST", "/upload/chunked/{upload_key}", CutPoint::Request(1_000_000));
    home.run_with_stdin(&["put", "-", "/piped"], &big).ok();
    assert!(there(&home, "piped") == Some(big));
}

#[cfg(unix)]
#[test]
fn m40_a_disk_that_is_full_leaves_nothing() {
    let home = home_with(Seed::new().file("big", "x".repeat(3_000_000)));
    home.write("in", &"x".repeat(3_000_000));
    let got = here(&home, "got");
    // From a pipe, which goes to a temporary file first; to a file, with a part that is kept and without.
    for (args, left) in [
        (&["get", "/big", &got][..], &["in"][..]),
        (&["put", "-", "/piped"], &["in"]),
        (&["get", "/big", &got, "--resume"], &["got.part", "in"]),
    ] {
        let script = format!("trap '' XFSZ; ulimit -f 1000; exec '{BINARY}' \"$@\"");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, "sh"]).args(args).env_clear();
        shell.envs(home.command(&[]).get_envs().filter_map(|(name, value)| Some((name, value?))));
        let ended = Ended::of(shell.stdin(File::open(here(&home, "in")).unwrap()).output().unwrap());
        assert!(ended.failed(13).contains("File too large"), "{args:?}");
        // The name of a part has the version of the file in it.
        let part = |name: String| if name.ends_with(".part") { "got.part".to_owned() } else { name };
        assert_eq!(names(&here(&home, "")).into_iter().map(part).collect::<Vec<_>>(), left);
    }
    assert_eq!(home.paths(), ["big"]);
}

#[test]
fn no_home_is_needed_by_who_keeps_nothing() {
    let home = home_with(Seed::new().folder("in"));
    let without = |args: &[&str]| Ended::of(home.command(args).env_remove("HOME").output().unwrap());
    assert_eq!(without(&["ls"]).ok(), "Trash/\nin/\n");
    let nobody = |args: &[&str]| {
        let mut command = home.command(args);
        Ended::of(command.env_remove("HOME").env_remove("QUATRIX_API_KEY").output().unwrap())
    };
    assert!(nobody(&["ls"]).failed(2).contains("set HOME or QUATRIX_STATE_DIR"));
    assert!(nobody(&["login", "--user", "x"]).failed(2).contains("set HOME or QUATRIX_STATE_DIR"));
}
