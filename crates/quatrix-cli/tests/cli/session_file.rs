//! The session file: the owner's alone, always whole, changed by one process at a time.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use quatrix_ureq::proto::Saved;

use crate::support::{BINARY, Ended, Home, TOTP, USER, measured};

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::MetadataExt as _;
    fs::metadata(path).unwrap().mode() & 0o777
}

#[test]
fn m39_it_can_be_read_by_its_owner_alone() {
    let home = Home::new();
    home.log_in();
    let file = home.session_file();
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    assert!(Saved::from_json(&fs::read(&file).unwrap()).is_ok());
}

#[test]
fn m39_one_that_others_can_read_is_refused_with_the_fix() {
    let home = Home::new();
    home.log_in();
    let file = home.session_file();
    for open in [0o644, 0o640, 0o602] {
        fs::set_permissions(&file, fs::Permissions::from_mode(open)).unwrap();
        for command in [&["status"][..], &["token"], &["logout"], &["login", "--user", USER]] {
            // Not by `run`, which would find the secret open to others.
            let error = Ended::of(home.command(command).output().unwrap()).failed(13);
            let fix = error.lines().last().unwrap().strip_prefix("  Next: ").unwrap().to_owned();
            assert_eq!(fix, format!("chmod 600 '{}'", file.display()));
        }
    }
    assert!(Command::new("sh").args(["-c", &format!("chmod 600 '{}'", file.display())]).status().unwrap().success());
    home.run(&["status"]).ok();
}

#[test]
fn m39_a_symlink_is_refused_with_the_fix() {
    let home = Home::new();
    home.log_in();
    let file = home.session_file();
    let elsewhere = home.folder.path().join("elsewhere");
    fs::rename(&file, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    let error = home.run(&["status"]).failed(13);
    assert!(error.ends_with(&format!("  Next: rm '{}'\n", file.display())), "{error}");
    let password = home.password_file();
    home.run(&["login", "--user", USER, "--password-file", &password]).failed(13);
}

/// Replaces a file of the home by something else, and runs a command that reads the session and one that ends it.
fn with_planted(name: &str, plant: impl Fn(&Path, &Path)) -> Vec<String> {
    let home = Home::new();
    home.log_in();
    let file = home.session_file().with_file_name(name);
    fs::remove_file(&file).unwrap();
    let elsewhere = home.folder.path().join("elsewhere");
    plant(&file, &elsewhere);
    let before = fs::read(&elsewhere).ok();
    let ended = ["status", "logout"].map(|command| home.run(&[command])).into_iter();
    let errors: Vec<_> = ended.filter(|ended| ended.code != Some(0)).map(|ended| ended.failed(13)).collect();
    assert_eq!(fs::read(&elsewhere).ok(), before, "{errors:?}");
    errors
}

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").args(["-m", "600"]).arg(path).status().unwrap().success());
}

#[test]
fn m39_a_pipe_in_place_of_the_session_or_its_lock_is_refused_without_waiting() {
    let session = with_planted("default.session", |file, _| make_pipe(file));
    assert_eq!(session.len(), 2, "{session:?}");
    let lock = with_planted("default.lock", |file, _| make_pipe(file));
    assert_eq!(lock.len(), 1, "only what changes the session takes the lock: {lock:?}");
    assert!(lock[0].contains("default.lock is not a plain file\n") && lock[0].contains("\n  Next: rm '"), "{lock:?}");
}

#[test]
fn m39_a_lock_is_not_created_through_a_link() {
    let lock = with_planted("default.lock", |file, elsewhere| std::os::unix::fs::symlink(elsewhere, file).unwrap());
    assert_eq!(lock.len(), 1, "{lock:?}");
}

#[test]
fn m39_a_session_that_has_a_second_name_is_refused() {
    let errors = with_planted("default.session", |file, elsewhere| {
        fs::write(elsewhere, "{}").unwrap();
        fs::set_permissions(elsewhere, fs::Permissions::from_mode(0o600)).unwrap();
        fs::hard_link(elsewhere, file).unwrap();
    });
    assert!(errors.len() == 2 && errors.iter().all(|error| error.contains("second name")), "{errors:?}");
}

#[test]
fn m39_a_folder_that_others_can_write_to_is_refused_with_the_fix() {
    let home = Home::new();
    home.log_in();
    let folder = home.session_file().parent().unwrap().to_owned();
    let password = home.password_file();
    for mode in [0o777, 0o770, 0o722] {
        fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
        for args in [&["status"][..], &["logout"], &["login", "--user", USER, "--password-file", &password]] {
            let error = home.run(args).failed(13);
            assert!(error.ends_with(&format!("  Next: chmod go-w '{}'\n", folder.display())), "{error}");
        }
    }
    assert!(Command::new("chmod").arg("go-w").arg(&folder).status().unwrap().success());
    home.run(&["status"]).ok();
}

#[test]
fn a_suggested_command_can_be_pasted_whatever_the_path() {
    let home = Home::new();
    let state = home.folder.path().join("it's $(touch pasted)\x1b[2K\u{202e}");
    let home = home.with("QUATRIX_STATE_DIR", state.to_str().unwrap());
    home.log_in();
    let file = state.join("default.session");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let error = Ended::of(home.command(&["status"]).output().unwrap()).failed(13);
    assert!(!error.contains(['\x1b', '\u{202e}']), "{error}");
    let fix = error.lines().last().unwrap().strip_prefix("  Next: ").unwrap();
    assert!(
        Command::new("bash").args(["-c", fix]).current_dir(home.folder.path()).status().unwrap().success(),
        "{fix}"
    );
    assert_eq!(mode(&file), 0o600);
    assert!(!home.folder.path().join("pasted").exists());
}

#[test]
fn m39_a_damaged_or_foreign_one_counts_as_logged_out_with_a_warning() {
    let home = Home::new();
    home.log_in();
    let file = home.session_file();
    let whole = fs::read(&file).unwrap();
    let evil = String::from_utf8(whole.clone()).unwrap().replace("http://127.0.0.1", "http://192.0.2.1");
    for text in [&whole[..whole.len() / 2], b"", b"\xff\xfe", b"{\"other\": \"program\"}", evil.as_bytes()] {
        fs::write(&file, text).unwrap();
        let error = home.run(&["status"]).failed(4);
        assert!(error.contains("taken as logged out") && error.contains("not logged in"), "{error}");
    }
    let password = home.password_file();
    let login = home.run(&["login", "--user", USER, "--password-file", &password]);
    assert_eq!(login.code, Some(0), "{login:?}");
    home.run(&["status"]).ok();
}

#[test]
fn m39_a_disk_that_is_full_leaves_the_old_file_and_no_session_behind() {
    let home = Home::new();
    home.log_in();
    let file = home.session_file();
    let before = fs::read(&file).unwrap();
    home.emulator.expire(None);
    let password = home.password_file();
    // No file may grow: writing fails as on a full disk.
    let script = format!("trap '' XFSZ; ulimit -f 0; exec '{BINARY}' login --user {USER} --password-file '{password}'");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).env_clear().envs(measured());
    shell.env("HOME", home.folder.path()).env("PATH", "/usr/bin:/bin");
    let ended = Ended::of(shell.output().unwrap());
    let error = ended.failed(13);
    assert!(error.contains(&file.display().to_string()), "{error}");
    assert_eq!(fs::read(&file).unwrap(), before);
    let (method, path, status) = home.asked().pop().unwrap();
    assert_eq!((method.as_str(), path.as_str(), status), ("GET", "/session/logout", 200));
    let mut left: Vec<_> =
        fs::read_dir(file.parent().unwrap()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["default.lock", "default.session"]);
}

#[test]
fn m39_of_two_processes_that_log_in_at_once_each_leaves_a_whole_session() {
    let home = Home::new();
    let password = home.password_file();
    let args = ["login", "--user", USER, "--password-file", &password];
    for round in 1..=200 {
        let both = [home.spawn(&args), home.spawn(&args)];
        for process in both {
            let ended = Ended::of(process.wait_with_output().unwrap());
            ended.ok();
        }
        // A password that is given is checked, whatever is kept.
        assert_eq!(home.logins(), 2 * round);
        assert!(Saved::from_json(&fs::read(home.session_file()).unwrap()).is_ok());
        // The next two find a session in the file that the server no longer knows.
        home.emulator.expire(None);
    }
}

#[test]
fn a_logout_ends_an_unfinished_login_too() {
    let home = Home::new();
    let password = home.password_file();
    home.run(&["login", "--user", TOTP, "--password-file", &password]).code.unwrap();
    home.run(&["logout"]).ok();
    assert!(!home.session_file().exists());
    assert_eq!(home.asked().pop().unwrap().1, "/session/logout");
}

#[test]
fn a_logout_forgets_the_token_even_if_the_server_cannot_be_told() {
    let home = Home::new();
    home.log_in();
    let Home { emulator, folder, mut variables } = home;
    variables.clear();
    drop(emulator);
    let home = Home { emulator: quatrix_emulator::Emulator::start().unwrap(), folder, variables };
    assert!(home.run(&["logout"]).ok().starts_with("Logged out here."));
    assert!(!home.session_file().exists());
}

#[test]
fn whatever_is_told_on_the_way_is_json_too_where_json_is_asked_for() {
    let home = Home::new();
    home.log_in();
    fs::write(home.session_file(), "damaged").unwrap();
    let told = |args: &[&str]| {
        let ended = home.run(args);
        let lines = ended.err.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        lines.map(|line| line.as_object().unwrap().keys().next().unwrap().clone()).collect::<Vec<_>>()
    };
    assert_eq!(told(&["status", "--json"]), ["note", "error"]);
    assert_eq!(told(&["login", "--user", "x", "--code", "1", "--json", "-v"]), ["note", "note", "error"]);
}
