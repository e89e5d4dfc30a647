//! Every example runs and prints the expected output.

use std::path::PathBuf;
use std::process::Command;

/// Runs an example built by cargo beside this test, and returns its output.
fn output(name: &str) -> String {
    let mut path = PathBuf::from(std::env::current_exe().unwrap().parent().unwrap().parent().unwrap());
    path.extend(["examples", name]);
    let output = Command::new(&path).output().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{name}: {shown}{}", String::from_utf8_lossy(&output.stderr));
    shown
}

const WHOLE_LIFE: &str = "wanted: the code of an authenticator\nhello, totp@example.com\nlogged out, confirmed: true\n";

#[test]
fn blocking() {
    assert_eq!(output("blocking"), WHOLE_LIFE);
}

#[test]
fn r#async() {
    assert_eq!(output("async"), WHOLE_LIFE);
}

#[test]
fn a_bare_socket_is_enough() {
    assert_eq!(output("embed_tcp"), WHOLE_LIFE);
}

#[test]
fn another_runtime_drives_the_same_core() {
    assert_eq!(output("embed_smol"), "hello, user@example.com\nlogged out, confirmed: true\n");
}

#[test]
fn one_thread_keeps_a_thousand_sessions_alive() {
    assert_eq!(output("embed_event_loop"), "1000 sessions alive after an hour\n");
}

#[test]
fn a_simulated_day_needs_no_socket() {
    assert_eq!(output("embed_simulator"), "120 calls in 24 hours, 24 logins\n");
}

#[test]
fn a_service_goes_on_alone() {
    let at_work = |round: u8| format!("round {round}: totp@example.com is at work\n");
    assert_eq!(output("service"), [at_work(1), at_work(2), at_work(3)].concat());
}

#[test]
fn a_file_goes_up_behind_a_progress_bar() {
    assert_eq!(output("upload_progress"), "holiday.mp4: 25165824 bytes\n");
}

#[test]
fn a_mirror_sends_what_is_new_and_deletes_what_is_gone() {
    assert_eq!(output("mirror"), "first: 2 up, 0 deleted\nsecond: 1 up, 1 deleted\nthird: 0 up, 0 deleted\n");
}

#[test]
fn a_download_into_a_pipe_heals_a_cut() {
    let lines: String = (1..=100_000).map(|line| format!("{line}\n")).collect();
    assert!(output("download_pipe") == lines);
}

#[test]
fn the_operations_are_described_for_other_tools() {
    let description = output("open_api");
    assert!(description.starts_with('{') && description.contains("\"/session/login\""), "{description}");
}

#[test]
fn the_readme_uploads_a_file() {
    assert_eq!(output("readme"), "on the server: Trash/ reports/ reports/2026/ reports/2026/q3.pdf\n");
}

#[test]
fn nightly_upload() {
    assert_eq!(
        output("nightly_upload"),
        "night 1: 1 files\nnight 2: 0 files\non the server: Trash/ backup/ backup/today.csv\n"
    );
}

#[test]
fn fetch_newest() {
    assert_eq!(output("fetch_newest"), "tuesday.csv\n");
}

#[test]
fn proxy_and_ca() {
    assert_eq!(output("proxy_and_ca"), "hello, user@example.com\ntunnelled to the emulator: true\n");
}

#[test]
fn cancel() {
    assert_eq!(output("cancel"), "uploaded: Trash/ holiday.mp4\ncancelled: true\non the server: Trash/ holiday.mp4\n");
}

#[test]
fn errors() {
    let expected = [
        "log in",
        "show the message: the server refused this request",
        "check the path",
        "look on the server first, then try again",
        "try again later",
    ];
    assert_eq!(output("errors").lines().collect::<Vec<_>>(), expected);
}
