//! What happens in the demo, and how it has to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use quatrix_emulator::{CutPoint, Emulator, Fault, FaultKind};
use quatrix_ureq::proto::api::{DeleteFiles, GetFile, GetHome, GetProfile, MakeFolder, RenameFile};
use quatrix_ureq::proto::{Answer, CaptchaToken, Challenge, Code, Config, Credentials, Error, FileName, Login, Server};

use super::Transport;
use super::client::{Answering, Client};
use super::transcript::Transcript;
use crate::exit::Exit;
use crate::failure::Failure;

const PASSWORD: &str = "only-for-tests-4711";
const TOTP: &str = "totp@example.com";
const PIN: &str = "pin@example.com";
const CAPTCHA: &str = "captcha@example.com";

/// One server, and who talks to it.
struct Stage<'a> {
    emulator: &'a Arc<Emulator>,
    transport: Transport,
    transcript: Transcript,
}

pub(super) fn play(emulator: &Arc<Emulator>, transport: Transport, transcript: Transcript) -> Result<(), Failure> {
    let mut stage = Stage { emulator, transport, transcript };
    let client = stage.client(Some(first_mistyped(emulator)))?;
    stage.log_in(&client)?;
    stage.work(&client)?;
    stage.files(&client)?;
    stage.come_back_late(&client)?;
    stage.log_out(&client)?;
    stage.pin()?;
    stage.captcha()?;
    stage.transcript.end()
}

impl Stage<'_> {
    fn log_in(&mut self, client: &Client) -> Result<(), Failure> {
        self.transcript.step("A wrong password")?;
        let refused = client.login(credentials(TOTP, "a-guess")?);
        self.transcript.tell()?;
        expect(matches!(refused, Err(Error::Api(_))), "a wrong password is refused")?;

        self.transcript.step("The right one; a second factor, mistyped the first time")?;
        let login = client.login(credentials(TOTP, PASSWORD)?)?;
        self.transcript.tell()?;
        expect(login == Login::Active, "the second code is right")
    }

    fn work(&mut self, client: &Client) -> Result<(), Failure> {
        self.transcript.step("Work")?;
        let profile = client.call(&GetProfile)?;
        client.keepalive()?;
        self.transcript.tell()?;
        expect(profile.email == TOTP, "the profile is the user's own")
    }

    fn files(&mut self, client: &Client) -> Result<(), Failure> {
        self.transcript.step("A file goes there and comes back; both ways the connection is cut once")?;
        let text: Vec<u8> = (0..2500u32).flat_map(|n| n.to_le_bytes()).collect();
        let cut = |when, method, path| Fault::new(FaultKind::Cut(when)).on(method, path);
        let cuts = [
            cut(CutPoint::After, "POST", "/upload/chunked/{upload_key}").skip(1),
            cut(CutPoint::Body(6000), "GET", "/file/download/{id}"),
        ];
        self.emulator.set_faults(cuts).map_err(|error| Failure::new(Exit::Other, error.to_string()))?;
        let home = client.call(&GetHome::new())?.id;
        let folder = client.call(&MakeFolder::new(home, name("in")?))?.id;
        client.upload(folder.clone(), name("report.txt")?, &text, 5000)?;
        let listed = client.call(&GetFile::new(folder.clone()).with_content())?.into_children()?;
        let file = listed.first().ok_or_else(|| Failure::new(Exit::Other, "the demo finds no file"))?;
        let same = client.download(file)? == text;
        let renamed = client.call(&RenameFile::new(folder.clone(), name("out")?))?;
        let deleted = client.call(&DeleteFiles::to_trash([folder]))?;
        self.transcript.tell()?;
        expect(same && renamed.name == "out" && deleted.done().is_some(), "what comes back is what went there")
    }

    fn come_back_late(&mut self, client: &Client) -> Result<(), Failure> {
        self.transcript.step("Sixteen minutes of silence; then a call, answered all the same")?;
        self.emulator.advance(Duration::from_secs(16 * 60));
        let profile = client.call(&GetProfile)?;
        self.transcript.tell()?;
        expect(profile.email == TOTP, "the call never noticed")
    }

    fn log_out(&mut self, client: &Client) -> Result<(), Failure> {
        self.transcript.step("The end")?;
        let logout = client.logout()?;
        self.transcript.tell()?;
        expect(logout.confirmed, "the server has ended the session")
    }

    fn pin(&mut self) -> Result<(), Failure> {
        self.transcript.step("An account with a PIN")?;
        let client = self.client(None)?;
        let asked = challenge(client.login(credentials(PIN, PASSWORD)?)?)?;
        let code = self.emulator.code(PIN).unwrap_or_default();
        let login = client.answer(asked.answer(code))?;
        client.logout()?;
        self.transcript.tell()?;
        expect(login == Login::Active, "the PIN is right")
    }

    fn captcha(&mut self) -> Result<(), Failure> {
        self.transcript.step("An account that has to solve a captcha, and gets it wrong first")?;
        let client = self.client(None)?;
        challenge(client.login(credentials(CAPTCHA, PASSWORD)?)?)?;
        let again = client.answer(Answer::Captcha(CaptchaToken::new("a guess")))?;
        let login = client.answer(Answer::Captcha(CaptchaToken::new("test-captcha-4711")))?;
        client.logout()?;
        self.transcript.tell()?;
        expect(challenge(again)?.refused() == 1 && login == Login::Active, "the second captcha is right")
    }

    fn client(&self, answering: Option<Answering>) -> Result<Client, Failure> {
        let server = Server::at(self.emulator.api()).map_err(|error| Failure::new(Exit::Other, error.to_string()))?;
        Client::new(self.transport, Config::new(server), self.transcript.observer(), answering)
    }
}

/// A program that answers by itself, and the first time wrong.
fn first_mistyped(emulator: &Arc<Emulator>) -> Answering {
    let (emulator, mistyped) = (Arc::clone(emulator), AtomicBool::new(false));
    Arc::new(move |challenge| {
        let code = emulator.code(TOTP).unwrap_or_default();
        Ok(match mistyped.swap(true, Ordering::Relaxed) {
            true => challenge.answer(code),
            // A digit too many: it cannot be right by chance.
            false => Answer::totp(Code::new(code + "0")),
        })
    })
}

fn credentials(user: &str, password: &str) -> Result<Credentials, Failure> {
    Credentials::new(user, password).map_err(|invalid| Failure::usage(invalid.to_string()))
}

fn name(name: &str) -> Result<FileName, Failure> {
    FileName::new(name).map_err(|invalid| Failure::new(Exit::Other, invalid.to_string()))
}

fn challenge(login: Login) -> Result<Challenge, Failure> {
    match login {
        Login::Challenged(challenge) => Ok(challenge),
        _ => Err(Failure::new(Exit::Other, "the demo did not go as it should: nothing was asked")),
    }
}

fn expect(right: bool, what: &str) -> Result<(), Failure> {
    match right {
        true => Ok(()),
        false => Err(Failure::new(Exit::Other, format!("the demo did not go as it should; expected: {what}"))),
    }
}
