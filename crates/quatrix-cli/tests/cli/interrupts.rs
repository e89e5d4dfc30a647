//! Ctrl-C: what is on the disk and on the server is as documented.

use std::fs;
use std::process::Command;
use std::time::Duration;

use quatrix_emulator::{CutPoint, Emulator, Fault, FaultKind, Seed};

use crate::support::{Ended, Home, here, home_with, names, there};

/// Forty files here or there, and a server that takes its time with the bytes of each.
fn slow(seed: Seed) -> Home {
    let home = home_with(seed);
    let slow =
        |method: &str, path: &str| Fault::new(FaultKind::Delay(Duration::from_millis(200))).on(method, path).always();
    let faults = [slow("POST", "/upload/chunked/{upload_key}"), slow("GET", "/file/download/{id}")];
    home.emulator.set_faults(faults).unwrap();
    home
}

/// Interrupts a command as soon as it does something that this says.
fn interrupted(home: &Home, args: &[&str], when: impl Fn() -> bool) -> Ended {
    let process = home.spawn(args);
    while !when() {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap().success());
    Ended::of(process.wait_with_output().unwrap())
}

fn has_asked(home: &Home, of: &str) -> bool {
    home.asked().iter().any(|(_, path, _)| path == of)
}

#[test]
fn m40_an_interrupt_leaves_nothing_half_done_there() {
    for command in [&["put"][..], &["mirror", "up"]] {
        let home = slow(Seed::new());
        for n in 0..40 {
            home.write(&format!("d/{n}"), &"x".repeat(1000));
        }
        let folder = here(&home, "d");
        let args = [command, &[&folder, "/d", "--parallel", "2"]].concat();
        let error = interrupted(&home, &args, || has_asked(&home, "/upload/chunked/{upload_key}")).failed(130);
        assert!(error.contains("What had not arrived whole was removed again."), "{error}");
        let left = home.paths();
        assert!(left.len() < 20 && !left.iter().any(|path| path.contains("partial")), "{left:?}");
        assert!(left.iter().filter(|path| !path.ends_with('/')).all(|path| there(&home, path).unwrap().len() == 1000));
    }
}

#[test]
fn m40_an_interrupt_leaves_nothing_half_done_here() {
    let seed = (0..40).fold(Seed::new().folder("d"), |seed, n| seed.file(&format!("d/{n}"), "x".repeat(1000)));
    let home = slow(seed);
    let args = ["get", "/d", &here(&home, "d"), "--parallel", "2"];
    interrupted(&home, &args, || has_asked(&home, "/file/download/{id}")).failed(130);
    let left = names(&here(&home, "d"));
    assert!(left.len() < 20 && !left.iter().any(|name| name.contains("partial")), "{left:?}");
    for name in left {
        assert_eq!(fs::metadata(here(&home, &format!("d/{name}"))).unwrap().len(), 1000);
    }
}

#[test]
fn m40_an_interrupt_leaves_old_files_as_they_were_here() {
    let seed = (0..40).fold(Seed::new().folder("d"), |seed, n| seed.file(&format!("d/{n}"), "new"));
    let home = slow(seed);
    for n in 0..40 {
        home.write(&format!("d/{n}"), "old");
    }
    let args = ["get", "/d", &here(&home, ""), "--parallel", "2"];
    interrupted(&home, &args, || has_asked(&home, "/file/download/{id}")).failed(130);
    let left = names(&here(&home, "d")).into_iter().map(|name| fs::read_to_string(here(&home, &format!("d/{name}"))));
    let (old, new): (Vec<_>, Vec<_>) = left.map(Result::unwrap).partition(|text| text == "old");
    assert!(old.len() > 20 && old.len() + new.len() == 40 && new.iter().all(|text| text == "new"), "{new:?}");
}

#[test]
fn m40_an_interrupted_download_that_may_be_resumed_keeps_what_came() {
    let big = "0123456789".repeat(2_000_000);
    let home = Home::of(Emulator::builder().files(Seed::new().file("big", big.clone())).start().unwrap());
    let home = home.with("QUATRIX_API_KEY", "test-key-4711");
    // What came by then is there, and the next piece takes its time.
    let cut = Fault::new(FaultKind::Cut(CutPoint::Body(1_000_000))).on("GET", "/file/download/{id}");
    let slow = Fault::new(FaultKind::Delay(Duration::from_secs(1))).on("GET", "/file/download/{id}").always();
    home.emulator.set_faults([cut, slow]).unwrap();
    let got = here(&home, "got");
    let again = || home.asked().iter().filter(|(_, path, _)| path == "/file/download/{id}").count() > 1;
    let error = interrupted(&home, &["get", "/big", &got, "--resume"], again).failed(130);
    assert!(error.contains("the same command again goes on from there"), "{error}");
    assert!(matches!(&names(&here(&home, ""))[..], [part] if part.ends_with(".part")));
    home.emulator.set_faults([]).unwrap();
    home.run(&["get", "/big", &got, "--resume"]).ok();
    assert!(fs::read_to_string(&got).unwrap() == big);
}

#[test]
fn a_login_for_one_command_is_ended_by_the_interrupt() {
    let home = Home::new().with("QUATRIX_USER", "user@example.com").with("QUATRIX_PASSWORD", "only-for-tests-4711");
    let slow = Fault::new(FaultKind::Delay(Duration::from_secs(2))).on("GET", "/file/metadata/{id}");
    home.emulator.set_faults([slow]).unwrap();
    let ended = interrupted(&home, &["ls"], || has_asked(&home, "/file/id"));
    assert_eq!(ended.code, Some(130), "{ended:?}");
    assert!(has_asked(&home, "/session/logout"));
}
