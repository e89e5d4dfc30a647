//! Command line: flags, the ready line, and the conditions to stop.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

use lexopt::{Arg, Parser, ValueExt};
use serde::Serialize;

use crate::accounts::Accounts;
use crate::emulator::{Builder, Emulator};
use crate::faults::Fault;
use crate::recorded::Recorded;
use crate::seed::Seed;
use crate::settings::CaptchaSignal;

const HELP: &str = "\
Emulate the Quatrix API for tests. All data is in memory and lost at the end.

Usage: quatrix-emulator [OPTIONS]

Example: quatrix-emulator --tls --control --seed-dir testdata

  --listen ADDRESS:PORT  listen here; port 0 takes a free port [127.0.0.1:0]
  --tls                  use TLS, with a certificate for 127.0.0.1, ::1 and
                         localhost from a new authority
  --control              serve control requests of this machine under
                         /_emulator: clock, faults, requests, code, expire,
                         reset, health
  --control-token-file FILE  serve control requests on any address if they
                         have the bearer token in FILE
  --accounts FILE        read accounts from a JSON file; required if the
                         address is not loopback
  --seed-dir DIR         start every home with a copy of DIR
  --faults FILE          start with the fault plan in a JSON file
  --without OPERATION    remove an operation, such as \"POST /file/moveone\";
                         repeatable
  --idle-timeout TIME    end a session after TIME without a call: 900, 900s,
                         15m, 1h [900s]
  --captcha-after N      require a captcha after N wrong passwords in a row
  --captcha-signal HOW   207, 401-header, 401-body or none [207]
  --totp-single-use      reject a time-based code that has been used
  --exit-with-stdin      stop when standard input ends
  --help, --version

When ready, it prints one line of JSON to standard output: url, api, ca_cert
(path of the authority's certificate, or null) and control (URL, or null).
Requests are logged to standard error.
";

/// Runs the command with these arguments (without the program's name) until SIGINT or SIGTERM arrives, or standard
/// input ends if `--exit-with-stdin` is given.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let options = match Options::parse(Parser::from_args(args)) {
        Ok(Some(options)) => options,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => return fail(&error, 2),
    };
    match options.serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => fail(&error, 2),
        Err(error) => fail(&error, 1),
    }
}

fn fail(error: &dyn fmt::Display, code: u8) -> ExitCode {
    eprintln!("quatrix-emulator: {error}");
    ExitCode::from(code)
}

/// Line that is printed once connections are accepted.
#[derive(Serialize)]
struct Ready<'a> {
    url: &'a str,
    api: &'a str,
    ca_cert: Option<&'a Path>,
    control: Option<String>,
}

struct Options {
    builder: Builder,
    faults: Vec<Fault>,
    control: bool,
    exit_with_stdin: bool,
}

impl Options {
    /// Parses the arguments; returns `None` after printing the help or the version.
    fn parse(mut args: Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let (mut accounts, mut seed_dir, mut faults, mut token) = (None, None, None, None);
        let mut settings = crate::Settings::default();
        let (mut tls, mut control, mut exit_with_stdin) = (false, false, false);
        while let Some(arg) = args.next()? {
            match arg {
                Arg::Long("listen") => listen = args.value()?.parse()?,
                Arg::Long("tls") => tls = true,
                Arg::Long("control") => control = true,
                Arg::Long("control-token-file") => token = Some(args.value()?),
                Arg::Long("faults") => faults = Some(args.value()?),
                Arg::Long("without") => settings.without.push(args.value()?.string()?),
                Arg::Long("accounts") => accounts = Some(args.value()?),
                Arg::Long("seed-dir") => seed_dir = Some(PathBuf::from(args.value()?)),
                Arg::Long("idle-timeout") => settings.idle_timeout = args.value()?.parse_with(time)?,
                Arg::Long("captcha-after") => settings.captcha_after = Some(args.value()?.parse()?),
                Arg::Long("captcha-signal") => settings.captcha_signal = args.value()?.parse_with(signal)?,
                Arg::Long("totp-single-use") => settings.totp_single_use = true,
                Arg::Long("exit-with-stdin") => exit_with_stdin = true,
                Arg::Long("help") | Arg::Short('h') => return print(HELP).map(|()| None),
                Arg::Long("version") => {
                    return print(concat!("quatrix-emulator ", env!("CARGO_PKG_VERSION"), "\n")).map(|()| None);
                }
                _ => return Err(arg.unexpected()),
            }
        }
        if !listen.ip().is_loopback() && accounts.is_none() {
            return Err("missing --accounts FILE: required to listen on an address that is not loopback".into());
        }
        let mut builder = Emulator::builder().listen(listen).settings(settings);
        if let Some(path) = accounts {
            builder = builder.accounts(Accounts::from_json(&read(&path)?).map_err(in_file(&path))?);
        }
        let faults = match faults {
            Some(path) => serde_json::from_str(&read(&path)?).map_err(in_file(&path))?,
            None => Vec::new(),
        };
        if let Some(dir) = seed_dir {
            builder = builder.files(Seed::from_dir(&dir).map_err(in_file(dir.as_os_str()))?);
        }
        builder = if tls { builder.tls() } else { builder };
        builder = if control { builder.control() } else { builder };
        if let Some(path) = &token {
            builder = builder.control_with_token(read(path)?.trim_end());
        }
        let control = control || token.is_some();
        Ok(Some(Self { builder, faults, control, exit_with_stdin }))
    }

    fn serve(self) -> io::Result<()> {
        // Before the ready line, because its reader may stop the command at once.
        let stop = Stop::listen(self.exit_with_stdin)?;
        let (log, logged) = logger();
        let emulator = self.builder.on_request(log).start()?;
        emulator.set_faults(self.faults).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let ready = Ready {
            url: emulator.url(),
            api: emulator.api(),
            ca_cert: emulator.ca_cert_path(),
            control: self.control.then(|| format!("{}{}", emulator.url(), crate::control::BASE)),
        };
        let ready = serde_json::to_string(&ready).map_err(io::Error::other)?;
        print(&format!("{ready}\n")).map_err(io::Error::other)?;
        stop.wait();
        drop(emulator);
        // With a limit: a full pipe on standard error must not keep the command from ending.
        let _ = logged.recv_timeout(Duration::from_secs(1));
        Ok(())
    }
}

fn read(path: &OsStr) -> Result<String, String> {
    fs::read_to_string(path).map_err(in_file(path))
}

/// Prefixes an error with the path of its file.
fn in_file<E: fmt::Display>(path: &OsStr) -> impl FnOnce(E) -> String + '_ {
    move |error| format!("{}: {error}", Path::new(path).display())
}

fn print(text: &str) -> Result<(), lexopt::Error> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|error| lexopt::Error::Custom(error.into()))
}

fn time(text: &str) -> Result<Duration, &'static str> {
    let (number, unit) = match text.as_bytes().last() {
        Some(b's') => (&text[..text.len() - 1], 1),
        Some(b'm') => (&text[..text.len() - 1], 60),
        Some(b'h') => (&text[..text.len() - 1], 3600),
        _ => (text, 1),
    };
    let number: u32 = number.parse().map_err(|_| "expected a time such as 900s, 15m or 1h")?;
    Ok(Duration::from_secs(u64::from(number) * unit))
}

fn signal(text: &str) -> Result<CaptchaSignal, &'static str> {
    match text {
        "207" => Ok(CaptchaSignal::MultiStatus),
        "401-header" => Ok(CaptchaSignal::UnauthorizedHeader),
        "401-body" => Ok(CaptchaSignal::UnauthorizedBody),
        "none" => Ok(CaptchaSignal::Silent),
        _ => Err("expected 207, 401-header, 401-body or none"),
    }
}

/// Logs a line per request to standard error, from a thread of its own: whoever does not read that pipe must not stop
/// the server, so lines beyond a thousand unread ones are dropped. The receiver hears when the last one is written.
fn logger() -> (impl FnMut(&Recorded) + Send + 'static, mpsc::Receiver<()>) {
    let (lines, read) = mpsc::sync_channel::<String>(1000);
    let (done, logged) = mpsc::channel();
    std::thread::spawn(move || {
        for line in read {
            // Nowhere is left to say that standard error is closed.
            let _ = writeln!(io::stderr(), "{line}");
        }
        let _ = done.send(());
    });
    let log = move |request: &Recorded| {
        let _ = lines.try_send(request.to_string());
    };
    (log, logged)
}

/// Waits for the signal or the end of input that stops the command.
struct Stop {
    runtime: tokio::runtime::Runtime,
    stopped: tokio::sync::mpsc::Receiver<()>,
}

impl Stop {
    fn listen(to_stdin: bool) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let (stop, stopped) = tokio::sync::mpsc::channel(1);
        let inside = runtime.enter();
        for mut signal in signals()? {
            let stop = stop.clone();
            runtime.spawn(async move {
                signal.recv().await;
                let _ = stop.send(()).await;
            });
        }
        drop(inside);
        if to_stdin {
            std::thread::spawn(move || {
                let mut input = io::stdin().lock();
                while input.read(&mut [0; 256]).is_ok_and(|read| read > 0) {}
                let _ = stop.blocking_send(());
            });
        }
        Ok(Self { runtime, stopped })
    }

    fn wait(mut self) {
        self.runtime.block_on(self.stopped.recv());
    }
}

#[cfg(unix)]
fn signals() -> io::Result<Vec<tokio::signal::unix::Signal>> {
    use tokio::signal::unix::{SignalKind, signal};
    [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()].into_iter().map(signal).collect()
}

#[cfg(windows)]
fn signals() -> io::Result<Vec<tokio::signal::windows::CtrlC>> {
    Ok(vec![tokio::signal::windows::ctrl_c()?])
}
