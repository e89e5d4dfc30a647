//! Answers to what a login asks for, from whoever has one.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use quatrix_ureq::Client;
use quatrix_ureq::proto::{Answer, Challenge, Code, Factor, Login, Server};
use serde_json::{Value, json};

use crate::environment::{secret_variables, variable};
use crate::exit::Exit;
use crate::failure::{Failure, answer_command};
use crate::out;
use crate::prompt::Prompt;
use crate::setting::Setting;
use crate::settings::Settings;

/// How often somebody at a terminal may try.
pub(crate) const TRIES: u8 = 3;

/// Where answers may come from: given once, printed by a program, typed.
pub(crate) struct Answers {
    code: Option<String>,
    captcha: Option<String>,
    as_pin: bool,
    command: Option<Setting<String>>,
    /// What the program printed the last time: the same again would only be refused again.
    printed: Option<String>,
    prompt: Option<Prompt>,
    typed: u8,
}

/// What `login` and `answer` can be given.
#[derive(Clone, clap::Args)]
pub(crate) struct Given {
    /// The code or PIN; others can see it with `ps` [QUATRIX_CODE]
    #[arg(long)]
    code: Option<String>,

    /// Token of a solved captcha [QUATRIX_CAPTCHA]
    #[arg(long, value_name = "TOKEN")]
    captcha: Option<String>,

    /// The code is a PIN: for a server that does not say what it wants
    #[arg(long)]
    pin: bool,
}

impl Answers {
    pub(crate) fn new(settings: &Settings, given: Given, prompt: Option<Prompt>) -> Result<Self, Failure> {
        if given.code.is_some() {
            out::note("--code is seen by everybody who runs `ps`; --code-command and QUATRIX_CODE are not");
        }
        Ok(Self {
            code: given.code.map_or_else(|| variable("QUATRIX_CODE"), |code| Ok(Some(code)))?,
            captcha: given.captcha.map_or_else(|| variable("QUATRIX_CAPTCHA"), |token| Ok(Some(token)))?,
            as_pin: given.pin,
            command: settings.code_command.clone(),
            printed: None,
            prompt,
            typed: 0,
        })
    }

    /// Answers until there is a session. `keep` is told of every step, so that another process can go on from there.
    pub(crate) fn give(
        &mut self,
        client: &Client,
        mut login: Login,
        mut keep: impl FnMut() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut refused = false;
        loop {
            keep()?;
            let Login::Challenged(challenge) = login else { return Ok(()) };
            let Some(answer) = self.next(&challenge, client.config().server(), refused)? else {
                return Err(if refused { wrong(&challenge) } else { pending(&challenge) });
            };
            login = client.answer(answer)?;
            refused = matches!(login, Login::Challenged(next) if next.refused() > challenge.refused());
        }
    }

    /// An answer to a challenge that nobody has tried to answer yet.
    pub(crate) fn first(&mut self, challenge: &Challenge, server: &Server) -> Result<Option<Answer>, Failure> {
        self.next(challenge, server, false)
    }

    /// The next answer to try, if anybody has one.
    fn next(&mut self, challenge: &Challenge, server: &Server, refused: bool) -> Result<Option<Answer>, Failure> {
        let text = match challenge {
            Challenge::Captcha { .. } => match self.captcha.take() {
                Some(token) => Some(token),
                None => self.typed_captcha(server, refused)?,
            },
            _ => match self.code.take() {
                Some(code) => Some(code),
                None => match self.printed_code(challenge)? {
                    Some(code) => Some(code),
                    None => self.typed_code(challenge, refused)?,
                },
            },
        };
        Ok(text.map(|text| match challenge {
            Challenge::SecondFactor { factor: Factor::Other(_) | Factor::Unnamed, .. } if self.as_pin => {
                Answer::pin(Code::new(text))
            }
            challenge => challenge.answer(text),
        }))
    }

    fn printed_code(&mut self, challenge: &Challenge) -> Result<Option<String>, Failure> {
        let Some(command) = &self.command else { return Ok(None) };
        let code = code_of(command, challenge)?;
        if self.printed.as_ref() == Some(&code) {
            return Ok(None);
        }
        self.printed = Some(code.clone());
        Ok(Some(code))
    }

    fn typed_code(&mut self, challenge: &Challenge, refused: bool) -> Result<Option<String>, Failure> {
        let question = match challenge {
            Challenge::SecondFactor { factor: Factor::Totp, .. } => "Code of the authenticator: ".to_owned(),
            Challenge::SecondFactor { factor: Factor::Pin, .. } => "PIN: ".to_owned(),
            other => format!("The server wants {other}. Code: "),
        };
        self.typed(&question, refused)
    }

    fn typed_captcha(&mut self, server: &Server, refused: bool) -> Result<Option<String>, Failure> {
        if let Some(prompt) = self.prompt.filter(|_| self.typed == 0) {
            prompt.say(&captcha_words(server))?;
        }
        self.typed("Captcha token: ", refused)
    }

    fn typed(&mut self, question: &str, refused: bool) -> Result<Option<String>, Failure> {
        let Some(prompt) = self.prompt.filter(|_| self.typed < TRIES) else {
            return Ok(None);
        };
        if refused {
            prompt.say(&format!("That is not right. Try {} of {TRIES}.", self.typed + 1))?;
        }
        self.typed += 1;
        prompt.secret(question).map(Some)
    }
}

/// Runs the program in the shell; its first line is the code. It is told what is wanted, and none of our secrets.
fn code_of(command: &Setting<String>, challenge: &Challenge) -> Result<String, Failure> {
    let (shell, option) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
    let failed = |why: String| Failure::new(Exit::Other, format!("{} {why}", command.name));
    let mut program = Command::new(shell);
    secret_variables().for_each(|name| {
        program.env_remove(name);
    });
    let output = program
        .args([option, &command.value])
        .env("QUATRIX_CHALLENGE", name(challenge))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(format!("did not start: {error}")))?;
    if !output.status.success() {
        return Err(failed(format!("failed: {}", output.status)));
    }
    let text = String::from_utf8(output.stdout).map_err(|_| failed("did not print text".to_owned()))?;
    match text.lines().next().map(str::trim) {
        Some(code) if !code.is_empty() => Ok(code.to_owned()),
        _ => Err(failed("printed nothing".to_owned())),
    }
}

/// Answers for a command that logs in for itself: `QUATRIX_CODE` once, then the code command.
#[derive(Clone)]
pub(crate) struct Unattended {
    command: Option<Setting<String>>,
    state: Arc<Mutex<UnattendedState>>,
}

struct UnattendedState {
    code: Option<String>,
    /// The setting that the last answer came from.
    answered_by: Option<String>,
    /// What the code command failed with.
    failure: Option<String>,
}

impl Unattended {
    pub(crate) fn new(settings: &Settings) -> Result<Self, Failure> {
        let state = UnattendedState { code: variable("QUATRIX_CODE")?, answered_by: None, failure: None };
        Ok(Self { command: settings.code_command.clone(), state: Arc::new(Mutex::new(state)) })
    }

    /// Returns the answer to this challenge, if there is one.
    pub(crate) fn answer(&self, challenge: &Challenge) -> Option<Answer> {
        if matches!(challenge, Challenge::Captcha { .. }) {
            return None;
        }
        let mut state = self.state();
        let (name, code) = match (state.code.take(), &self.command) {
            (Some(code), _) => ("QUATRIX_CODE", Ok(code)),
            (None, Some(command)) => (&*command.name, code_of(command, challenge)),
            (None, None) => return None,
        };
        match code {
            Ok(code) => {
                state.answered_by = Some(name.to_owned());
                Some(challenge.answer(code))
            }
            Err(failure) => {
                state.failure = Some(failure.what().to_owned());
                None
            }
        }
    }

    /// Whether the password was accepted and an answer was sent.
    pub(crate) fn has_answered(&self) -> bool {
        self.state().answered_by.is_some()
    }

    /// Describes a challenge that stays without a right answer.
    pub(crate) fn failure(&self, challenge: &Challenge) -> Failure {
        let state = self.state();
        match (&state.failure, &state.answered_by) {
            (Some(failure), _) => wanted(challenge).because(format!("{failure}.")),
            (None, Some(name)) => {
                Failure::new(Exit::Login, "the server refused the answer").because(refused_code(name))
            }
            (None, None) => wanted(challenge)
                .because("QUATRIX_CODE_COMMAND can answer it, or `quatrix login` and `quatrix answer` can."),
        }
    }

    /// Describes an answer that ended the login.
    pub(crate) fn refused(&self, failure: Failure) -> Failure {
        match &self.state().answered_by {
            Some(name) => failure.of_code(refused_code(name)),
            None => failure,
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, UnattendedState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused_code(name: &str) -> String {
    format!("The server refused the code of {name}. Too many wrong codes may lock the account.")
}

fn wanted(challenge: &Challenge) -> Failure {
    Failure::new(Exit::Challenge, format!("the server wants {challenge}"))
}

/// The challenge in one word, or number.
pub(crate) fn name(challenge: &Challenge) -> String {
    match challenge {
        Challenge::Captcha { .. } => "captcha".to_owned(),
        Challenge::SecondFactor { factor: Factor::Totp, .. } => "totp".to_owned(),
        Challenge::SecondFactor { factor: Factor::Pin, .. } => "pin".to_owned(),
        Challenge::SecondFactor { factor: Factor::Other(code), .. } => code.to_string(),
        _ => "unnamed".to_owned(),
    }
}

/// The challenge for programs.
pub(crate) fn json(challenge: &Challenge, server: &Server, user: &str) -> Value {
    json!({
        "state": "challenged",
        "server": server.to_string(),
        "user": user,
        "challenge": name(challenge),
        "refused": challenge.refused(),
        "answer_with": answer_command(challenge),
    })
}

/// Nobody has an answer now; it can come from another process.
pub(crate) fn pending(challenge: &Challenge) -> Failure {
    let meaning = match challenge {
        Challenge::Captcha { .. } => "The login is kept. Only a solved captcha lets it go on.",
        _ => "The login is kept, and goes on as soon as it is answered.",
    };
    wanted(challenge).because(meaning).next(answer_command(challenge))
}

fn wrong(challenge: &Challenge) -> Failure {
    Failure::new(Exit::Login, "the server refused the answer")
        .because("Too many wrong answers may lock the account. The login is kept; a right answer still counts.")
        .next(answer_command(challenge))
}

fn captcha_words(server: &Server) -> String {
    format!(
        "The server wants a captcha solved, as it does after several wrong passwords. It cannot be shown here.\n\
         Log in at https://{} in a browser and solve it there: that may be all it takes, then log in here again.\n\
         If you have got a captcha token from there, enter it; an empty line stops.",
        server.host()
    )
}
