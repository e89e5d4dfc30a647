//! A login, step by step.

use quatrix_ureq::proto::api::{
    CaptchaMethod, CodeEncoding, GetProfile, KeepAlive, LogIn, LogOut, SecondFactor, UnblockCaptcha,
};
use quatrix_ureq::proto::{Answer, CaptchaToken, Challenge, Code, Credentials, Factor, SessionId};

use super::finding::Findings;
use super::wire::{Seen, Speaker, Wire};
use crate::challenge::Answers;
use crate::exit::Exit;
use crate::failure::Failure;

/// Logs in, and notes what there is to see. `None` where it cannot go on without an answer that nobody has.
pub(super) fn walk(
    wire: &Wire,
    credentials: &Credentials,
    answers: &mut Answers,
    findings: &mut Findings,
) -> Result<Option<SessionId>, Failure> {
    let seen = wire.log_in(&LogIn, credentials)?;
    let id = note_id(&seen, findings);
    let code = mfa_code(&seen);
    let asked = match (seen.status, code, seen.json()["code"].as_i64()) {
        (_, Some(72), _) | (400.., _, Some(72)) => Some(note_captcha(&seen, findings)),
        (200, ..) => None,
        (207, code, _) => Some(note_factor(code, findings)),
        _ => {
            findings.note("Q6", "how a captcha is announced", "not told from a wrong password, if it is due here");
            return Err(Failure::new(Exit::Login, format!("the login is refused: {}", seen.refusal())));
        }
    };
    let (Some(asked), Some(id)) = (asked, id.clone()) else { return Ok(id) };
    partial(wire, &id, findings)?;
    let Some(answer) = answers.first(&asked, &wire.server)? else {
        findings.note("login", "the second step", "nobody has an answer: not looked at");
        leave(wire, &Speaker::Session(id))?;
        return Ok(None);
    };
    match answer {
        Answer::Captcha(token) => captcha(wire, id, &token, credentials, findings),
        Answer::Code { factor, code } => second_factor(wire, id, factor, code, findings).map(Some),
        _ => Ok(None),
    }
}

/// Gives the session back.
pub(super) fn leave(wire: &Wire, speaker: &Speaker) -> Result<(), Failure> {
    wire.ask(&LogOut, speaker).map(drop)
}

fn mfa_code(seen: &Seen) -> Option<i64> {
    seen.header("mfa-code")?.trim().parse().ok()
}

/// The session id in the body and in a header.
pub(super) fn id_of(seen: &Seen) -> (Option<SessionId>, Option<SessionId>) {
    let body = seen.json()["session_id"].as_str().and_then(|id| SessionId::new(id).ok());
    (body, seen.header("x-auth-token").and_then(|id| SessionId::new(id).ok()))
}

fn note_id(seen: &Seen, findings: &mut Findings) -> Option<SessionId> {
    let (body, header) = id_of(seen);
    let place = match (&body, &header) {
        (Some(_), Some(_)) => "in the body and in a header",
        (Some(_), None) => "in the body",
        (None, Some(_)) => "in a header",
        (None, None) => "nowhere",
    };
    findings.note("Q5", "where the session id is", place);
    body.or(header)
}

fn note_factor(code: Option<i64>, findings: &mut Findings) -> Challenge {
    let (observed, factor) = match code {
        Some(71) => ("71, an authenticator".to_owned(), Factor::Totp),
        Some(73) => ("73, a PIN".to_owned(), Factor::Pin),
        Some(other) => (format!("{other}, which no source explains"), Factor::Other(other)),
        None => ("missing from the 207".to_owned(), Factor::Unnamed),
    };
    findings.note("Q1", "the Mfa-Code of the login", observed);
    Challenge::SecondFactor { factor, refused: 0 }
}

fn note_captcha(seen: &Seen, findings: &mut Findings) -> Challenge {
    let (body, header) = id_of(seen);
    let observed = match (seen.status, body, header) {
        (207, ..) => "207 with Mfa-Code 72".to_owned(),
        (status, _, Some(_)) => format!("{status}, code 72, the session id in a header"),
        (status, Some(_), _) => format!("{status}, code 72, the session id in the body"),
        (status, None, None) => format!("{status}, code 72, no session id"),
    };
    findings.note("Q6", "how a captcha is announced", observed);
    Challenge::Captcha { refused: 0 }
}

fn partial(wire: &Wire, id: &SessionId, findings: &mut Findings) -> Result<(), Failure> {
    let seen = wire.ask(&KeepAlive, &Speaker::Session(id.clone()))?;
    findings.note(
        "Q11",
        "a keepalive of an unfinished login",
        match seen.is_success() {
            true => "accepted".to_owned(),
            false => format!("refused: {}", seen.refusal()),
        },
    );
    Ok(())
}

/// Plain first, as the newest descriptions have it; in base64 only if that is refused.
fn second_factor(
    wire: &Wire,
    partial: SessionId,
    factor: Factor,
    code: Code,
    findings: &mut Findings,
) -> Result<SessionId, Failure> {
    const QUESTION: &str = "how the code is written";
    const WRAPPED: &str = "whether the code lies flat in the body";

    let speaker = Speaker::Session(partial.clone());
    let send = |encoding| wire.ask(&SecondFactor::new(factor, code.clone()).encoding(encoding), &speaker);
    let mut seen = send(CodeEncoding::Plain)?;
    if seen.is_success() {
        findings.note("Q2", QUESTION, "plain");
    } else {
        let plain = seen.refusal();
        seen = send(CodeEncoding::Base64)?;
        if !seen.is_success() {
            findings.note("Q2", QUESTION, format!("refused both ways ({plain}): probably the code is wrong"));
            findings.note("Q3", WRAPPED, "not seen: nested is not tried, since every refusal counts");
            return Err(
                Failure::new(Exit::Login, "the code is refused").because("Nothing more can be seen without it.")
            );
        }
        findings.differs("Q2", QUESTION, "in base64", "Compat::with_code_encoding(CodeEncoding::Base64)");
    }
    findings.note("Q3", WRAPPED, "it does");
    let (body, header) = id_of(&seen);
    let new = body.or(header);
    findings.note(
        "Q4",
        "the session id after the second factor",
        match &new {
            Some(id) if id.expose() == partial.expose() => "the same",
            Some(_) => "a new one",
            None => "not told again: the first one goes on",
        },
    );
    Ok(new.unwrap_or(partial))
}

fn captcha(
    wire: &Wire,
    partial: SessionId,
    token: &CaptchaToken,
    credentials: &Credentials,
    findings: &mut Findings,
) -> Result<Option<SessionId>, Failure> {
    const QUESTION: &str = "whether a right captcha logs in";

    let speaker = Speaker::Session(partial.clone());
    let send = |method| wire.ask(&UnblockCaptcha::new(token.clone()).method(method), &speaker);
    let mut seen = send(CaptchaMethod::Post)?;
    if matches!(seen.status, 404 | 405) {
        seen = send(CaptchaMethod::Get)?;
    }
    if seen.json()["valid"] != true {
        findings.note("Q8", QUESTION, format!("not seen: the captcha is refused ({})", seen.status));
        return Err(Failure::new(Exit::Login, "the captcha is refused"));
    }
    if wire.ask(&GetProfile, &speaker)?.is_success() {
        findings.note("Q8", QUESTION, "it does");
        return Ok(Some(partial));
    }
    findings.note("Q8", QUESTION, "it does not: the login goes once more");
    let again = wire.log_in(&LogIn, credentials)?;
    let (body, header) = id_of(&again);
    Ok(body.or(header).filter(|_| again.status == 200))
}
