//! Resource usage of one command, run by a process that runs nothing else, so that the system's totals are its own.

use std::ffi::OsString;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::process::this_program;
use crate::usage;

pub(crate) const ROLE: &str = "measured";

/// Resource usage of a command, in nanoseconds and bytes.
#[derive(Clone, Copy)]
pub(crate) struct Used {
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
    pub(crate) peak: u64,
}

pub(crate) fn measure(command: &[OsString]) -> Used {
    let output = this_program().arg(ROLE).args(command).stderr(Stdio::inherit()).output();
    let output = output.expect("this program can be started again");
    assert!(output.status.success(), "a contender failed");
    let text = String::from_utf8_lossy(&output.stdout);
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [wall, cpu, peak] = numbers[..] else { panic!("expected three numbers, not {text}") };
    Used { wall, cpu, peak: peak as u64 }
}

/// Runs the command in the intermediate process, and prints its usage.
pub(crate) fn run(command: &[String]) {
    let (program, arguments) = command.split_first().expect("there is a command");
    let began = Instant::now();
    let status = Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).status();
    let wall = began.elapsed().as_nanos();
    assert!(status.is_ok_and(|status| status.success()), "{program} failed");
    let (cpu, peak) = usage::children();
    println!("{wall} {} {peak}", cpu.as_nanos());
}
