//! The command line: the commands, and the options that all of them take.

use clap::{Arg, CommandFactory as _, Parser, Subcommand};

use crate::command;
use crate::options::Options;

/// Use a Quatrix (Maytech) account from a terminal or a script.
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

const ROOT: &str = "\
Use a Quatrix (Maytech) account from a terminal or a script.

Usage: quatrix COMMAND [OPTIONS]

The account:
  login       Log in, and keep the session or API key for the commands that follow
  answer      Answer the challenge of a login: a code, a PIN, a captcha
  status      Show who is logged in, and where
  keepalive   Keep the session alive
  logout      End the session, or forget the API key
  token       Print the token of the session

Its files:
  ls          List a folder
  stat        Show the details of a file or folder
  find        Find files and folders by their names
  put         Upload files and folders
  get         Download files and folders
  mirror      Make a folder on the server like one here, or the other way round
  mkdir       Make folders
  cp          Copy files on the server
  mv          Move or rename files and folders
  rm          Delete files and folders
  quota       Show used and total storage

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
last the session or API key that `quatrix login` has kept. With --profile no
credentials of the environment are used; its server and user still count.

Exit codes: 0 done, 1 some other failure, 2 wrong usage,
3 cancelled, 4 login needed or refused, 5 a challenge waits for its answer,
6 not found, 7 forbidden, 8 too many requests, 9 network, 10 the server failed,
11 invalid response, 12 partial transfer, 13 a local file,
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
