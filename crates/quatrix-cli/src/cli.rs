//! The command line: the commands, and the options that all of them take.

use std::path::PathBuf;

use clap::{Arg, ArgAction, Args, CommandFactory as _, Parser, Subcommand};

use crate::command;
use crate::out;

/// quatrix talks to a Quatrix (Maytech) account from a terminal or a script.
#[derive(Parser)]
#[command(name = "quatrix", version, disable_help_flag = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    Login(command::login::Login),
    Answer(command::answer::AnswerArgs),
    Status(command::status::Status),
    Keepalive(command::keepalive::Keepalive),
    Logout(command::logout::Logout),
    Token(command::token::Token),
    Ls(command::ls::Ls),
    Stat(command::stat::Stat),
    Find(command::find::Find),
    Quota(command::quota::Quota),
    Put(command::put::Put),
    Get(command::get::Get),
    Mirror(command::mirror::Mirror),
    Mkdir(command::mkdir::Mkdir),
    Cp(command::cp::Cp),
    Mv(command::cp::Mv),
    Rm(command::rm::Rm),
    Api(command::api::Api),
    Doctor(command::doctor::Doctor),
    Completion(command::completion::Completion),
    Man(command::man::Man),
    #[cfg(feature = "demo")]
    Demo(command::demo::Demo),
    #[cfg(feature = "demo")]
    Emulator(command::emulator::EmulatorArgs),
}

/// What every command takes.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// The account: NAME of NAME.quatrix.it, a host name, or an address [QUATRIX_HOST]
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "base_url")]
    pub(crate) host: Option<String>,

    /// The base of the API instead: https, or http to this machine [QUATRIX_BASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) base_url: Option<String>,

    /// Which session and which part of the configuration [QUATRIX_PROFILE]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// The address that logs in [QUATRIX_USER]
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub(crate) user: Option<String>,

    /// A file with the password [QUATRIX_PASSWORD_FILE, QUATRIX_PASSWORD]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,

    /// A file with an API key [QUATRIX_API_KEY_FILE, QUATRIX_API_KEY]
    #[arg(long, global = true, value_name = "FILE", conflicts_with = "password_file")]
    pub(crate) api_key_file: Option<PathBuf>,

    /// Read secrets from files that others can read, too [QUATRIX_ALLOW_INSECURE_FILES]
    #[arg(long, global = true)]
    pub(crate) allow_insecure_files: bool,

    /// Prints the code when a second factor is due [QUATRIX_CODE_COMMAND]
    #[arg(long, global = true, value_name = "PROGRAM")]
    pub(crate) code_command: Option<String>,

    /// Print JSON, errors too
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Never ask; without a terminal nobody is asked anyway [QUATRIX_NO_INPUT]
    #[arg(long, global = true)]
    pub(crate) no_input: bool,

    /// Give up after this long a silence: 45, 45s, 2m [30s; QUATRIX_TIMEOUT]
    #[arg(long, global = true, value_name = "TIME")]
    pub(crate) timeout: Option<String>,

    /// Give a call up after this time, repetitions included [QUATRIX_MAX_TIME]
    #[arg(long, global = true, value_name = "TIME")]
    pub(crate) max_time: Option<String>,

    /// How often to repeat what failed and is safe to repeat [2; QUATRIX_RETRIES]
    #[arg(long, global = true, value_name = "N")]
    pub(crate) retries: Option<String>,

    /// Trust the authorities in this PEM file and no others [QUATRIX_CA_CERT]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_cert: Option<PathBuf>,

    /// Go through this proxy [QUATRIX_PROXY, HTTPS_PROXY, ALL_PROXY]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) proxy: Option<String>,

    /// Tell on standard error what is exchanged; -vv: what changes, too
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Print this
    #[arg(long, short, global = true, action = ArgAction::HelpShort)]
    help: Option<bool>,
}

impl Options {
    /// Warns about what the list of processes shows.
    pub(crate) fn warn(&self) {
        if self.proxy.as_ref().is_some_and(|url| url.contains('@')) {
            out::note("--proxy with credentials is seen by everybody who runs `ps`; QUATRIX_PROXY is not");
        }
    }
}

const ROOT: &str = "\
quatrix talks to a Quatrix (Maytech) account from a terminal or a script.

Usage: quatrix COMMAND [OPTIONS]

The account:
  login       Log in, and keep the session or API key for the commands that follow
  answer      Answer what a login asked for: a code, a PIN, a captcha
  status      Say who is logged in, and where
  keepalive   Keep the session from running out
  logout      End the session, or forget the API key
  token       Print the token of the session

Its files:
  ls          List a folder
  stat        Tell what is known of a file or folder
  find        Find files and folders by their names
  put         Upload files and folders
  get         Download files and folders
  mirror      Make a folder on the server like one here, or the other way round
  mkdir       Make folders
  cp          Copy files on the server
  mv          Move or rename files and folders
  rm          Delete files and folders
  quota       Tell how much is stored, and how much may be

Everything else of the API:
  api         Call any operation

This program:
  doctor      Find out what works from here, and how this server behaves
  completion  Print a completion script for a shell
  man         Print the manual, or write its pages
DEMO

Options of every command:
{options}

`quatrix COMMAND --help` tells more about each. Who speaks to the server is
settled in this order: a file named by an option, QUATRIX_API_KEY,
QUATRIX_SESSION, QUATRIX_USER with QUATRIX_PASSWORD, the configuration, and
last the session or API key that `quatrix login` has kept. With --profile
nothing of the environment counts there.

The exit code says how it went: 0 done, 1 some other failure, 2 wrong usage,
3 cancelled, 4 login needed or refused, 5 a challenge waits for its answer,
6 not found, 7 forbidden, 8 too many requests, 9 network, 10 the server failed,
11 not an answer of Quatrix, 12 partial transfer, 13 a local file,
14 exists already, 15 quota used up, 130 interrupted.
";

#[cfg(feature = "demo")]
const DEMO: &str = concat!(
    "  demo        Show the whole life of a session, on a server inside the command\n",
    "  emulator    Run that server, to try things on\n"
);
#[cfg(not(feature = "demo"))]
const DEMO: &str = "";

const COMMAND: &str = "\
{about}

{usage-heading} {usage}

{all-args}{after-help}

The options of every command (--profile, --json, --no-input ..) are listed by
`quatrix --help`.
";

/// The whole command line, for its parser, completions and manual pages.
pub(crate) fn complete() -> clap::Command {
    Cli::command()
}

/// The same for people: the help of a command tells what is its own, and tells it in full.
pub(crate) fn with_help() -> clap::Command {
    // As wide as every terminal is, so that it reads the same everywhere.
    let mut root = complete().help_template(ROOT.replace("DEMO\n", DEMO)).term_width(80);
    root.build();
    root.mut_subcommands(|command| {
        let about = command.get_long_about().or_else(|| command.get_about()).cloned().unwrap_or_default();
        let everywhere = |arg: &Arg| arg.is_global_set() && arg.get_id() != "help";
        command.help_template(COMMAND).about(about).mut_args(|arg| if everywhere(&arg) { arg.hide(true) } else { arg })
    })
}
