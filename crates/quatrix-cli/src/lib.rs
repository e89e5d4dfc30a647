//! The `quatrix` command: a Quatrix account from a terminal or a script.
//!
//! This library is the command without its `main`: [`run`] is all there is. It decides nothing about the protocol; that
//! is [`quatrix_ureq`] and the core below it.

#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "comments on arguments are help texts: brackets name variables there"
)]

mod challenge;
mod cli;
mod command;
mod config;
mod connect;
mod environment;
mod exit;
mod failure;
mod identity;
mod interrupt;
mod kept;
mod login;
mod options;
mod out;
mod profile;
mod progress;
mod prompt;
mod remote;
mod secret;
mod setting;
mod settings;
mod show;
mod store;
mod transfer;
mod units;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::FromArgMatches as _;
use clap::error::ErrorKind;

use cli::{Cli, Command};
use exit::Exit;
use failure::Failure;
use profile::DEFAULT_PROFILE;
use settings::Settings;

/// Runs the command with these arguments, the program's name first.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    #[cfg(feature = "demo")]
    if let Some(emulator) = command::emulator::EmulatorArgs::of(&args) {
        return emulator.run();
    }
    let json = args.iter().any(|arg| arg == "--json");
    if json {
        out::notes_are_json();
    }
    let parsed = cli::with_help().try_get_matches_from(args).and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            return show(&error);
        }
        Err(error) => return refuse(&error, json),
    };
    let profile =
        settings::selected_profile(&cli.options).map_or_else(|_| DEFAULT_PROFILE.to_owned(), |setting| setting.value);
    dispatch(cli).unwrap_or_else(|failure| report(&failure, json, &profile))
}

fn dispatch(cli: Cli) -> Result<ExitCode, Failure> {
    let Cli { options, command } = cli;
    options.warn();
    let settings = || Settings::settle(options);
    match command {
        Command::Completion(command) => command.run(cli::complete()),
        Command::Man(command) => command.run(cli::complete()),
        #[cfg(feature = "demo")]
        Command::Demo(command) => command.run(),
        #[cfg(feature = "demo")]
        Command::Emulator(command) => return Ok(command.run()),
        Command::Login(command) => command.run(settings()?),
        Command::Answer(command) => command.run(&settings()?),
        Command::Status(command) => command.run(&settings()?),
        Command::Keepalive(command) => command.run(&settings()?),
        Command::Logout(command) => command.run(&settings()?),
        Command::Token(command) => command.run(&settings()?),
        Command::Doctor(command) => command.run(&settings()?),
        Command::Ls(command) => command.run(&settings()?),
        Command::Stat(command) => command.run(&settings()?),
        Command::Find(command) => command.run(&settings()?),
        Command::Quota(command) => command.run(&settings()?),
        Command::Put(command) => command.run(&settings()?),
        Command::Get(command) => command.run(&settings()?),
        Command::Mirror(command) => command.run(&settings()?),
        Command::Mkdir(command) => command.run(&settings()?),
        Command::Cp(command) => command.run(&settings()?),
        Command::Mv(command) => command.run(&settings()?),
        Command::Rm(command) => command.run(&settings()?),
        Command::Api(command) => command.run(&settings()?),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// A text that was asked for.
fn show(help: &clap::Error) -> ExitCode {
    match help.print() {
        // A closed pipe has seen enough of it.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            report(&Failure::file("standard output".as_ref(), &error), false, DEFAULT_PROFILE)
        }
        _ => ExitCode::SUCCESS,
    }
}

/// A command line that makes no sense.
fn refuse(error: &clap::Error, json: bool) -> ExitCode {
    let text = error.to_string();
    match (text.strip_prefix("error: "), json) {
        // What follows the first paragraph is for people.
        (Some(what), true) => {
            let what = what.split("\n\n").next().unwrap_or_default();
            out::say(&Failure::usage(what).json(DEFAULT_PROFILE));
        }
        (None, true) => out::say(&Failure::usage("missing command: see quatrix --help").json(DEFAULT_PROFILE)),
        (Some(what), false) => out::say(&format!("quatrix: {what}")),
        (None, false) => out::say(&text),
    }
    ExitCode::from(Exit::Usage as u8)
}

fn report(failure: &Failure, json: bool, profile: &str) -> ExitCode {
    match json {
        true => out::say(&failure.json(profile)),
        false => out::say(&failure.text(profile)),
    }
    ExitCode::from(failure.exit() as u8)
}
