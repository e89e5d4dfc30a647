//! Without a login: can the server be reached, and is it one?

use std::net::ToSocketAddrs as _;
use std::time::{SystemTime, UNIX_EPOCH};

use quatrix_ureq::proto::api::{AccountMetadata, GetAccountMetadata, Raw, UnblockCaptcha};

use super::finding::Findings;
use super::wire::{Speaker, Wire};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::login::{check_metadata, no_account};
use crate::settings::Settings;

pub(super) fn look(settings: &Settings, wire: &Wire, findings: &mut Findings) -> Result<(), Failure> {
    let secure = wire.server.is_https();
    let resolved = (wire.server.host().trim_matches(['[', ']']), 443).to_socket_addrs();
    findings.note(
        "name",
        "the name of the server",
        match &resolved {
            Ok(addresses) if addresses.len() == 1 => "leads to one address".to_owned(),
            Ok(addresses) => format!("leads to {} addresses", addresses.len()),
            Err(_) if wire.proxied => "is not known here; the proxy may know it".to_owned(),
            Err(_) => "leads nowhere".to_owned(),
        },
    );
    findings.note(
        "proxy",
        "a proxy",
        match (wire.proxied, &settings.proxy) {
            (false, _) => "none",
            (true, Some(_)) => "the one of --proxy, QUATRIX_PROXY or the configuration",
            (true, None) => "the one of the environment",
        },
    );
    let before = SystemTime::now();
    let seen = wire.ask(&GetAccountMetadata, &Speaker::Nobody).inspect_err(|_| {
        findings.note("TLS", "a connection", "fails: see below");
    })?;
    findings.note(
        "TLS",
        "a connection",
        if secure { "encrypted, and the certificate is trusted" } else { "plain, to this machine" },
    );
    note_clock(seen.header("date"), before, findings);
    let status = seen.json()["status"].as_str().map(str::to_owned);
    let account = match (seen.status, status.as_deref()) {
        (200, Some("A")) => Some("active"),
        (200, Some("S")) => Some("suspended"),
        (200, Some(_)) => Some("of a status that is not known"),
        _ => None,
    };
    findings.note(
        "account",
        "a Quatrix account",
        account.map_or_else(|| format!("none: {}", seen.refusal()), str::to_owned),
    );
    let metadata = serde_json::from_value::<AccountMetadata>(seen.json()).ok().filter(|_| seen.status == 200);
    let metadata = metadata.ok_or_else(|| no_account(&wire.server, &seen.refusal()))?;
    check_metadata(&wire.server, &metadata)?;
    captcha_form(wire, findings)
}

fn note_clock(date: Option<&str>, now: SystemTime, findings: &mut Findings) {
    let theirs = date.and_then(|date| httpdate::parse_http_date(date).ok());
    let seconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    findings.note(
        "clock",
        "the clocks, here and there",
        match theirs {
            None => "the server does not tell the time".to_owned(),
            Some(theirs) => match seconds(theirs).abs_diff(seconds(now)) {
                apart @ 0..=15 => format!("{apart} s apart"),
                apart => format!("{apart} s apart: one-time codes may be refused"),
            },
        },
    );
}

/// A method that the operation does not have is refused with the list of those it has; no token is spent.
fn captcha_form(wire: &Wire, findings: &mut Findings) -> Result<(), Failure> {
    const QUESTION: &str = "how a captcha is sent";

    let form = UnblockCaptcha::new("");
    let path = quatrix_ureq::proto::Endpoint::prepare(&form, &wire.server).map(|prepared| prepared.spec().path());
    let path = path.map_err(|invalid| Failure::new(Exit::Other, invalid.to_string()))?;
    let seen = wire.ask(&Raw::new(http::Method::DELETE, path), &Speaker::Nobody)?;
    let allowed = seen.header("allow").unwrap_or_default().to_ascii_uppercase();
    match (allowed.contains("POST"), allowed.contains("GET")) {
        (true, true) => findings.note("Q7", QUESTION, "POST or GET"),
        (true, false) => findings.differs("Q7", QUESTION, "POST only", "Compat::with_captcha_form(CaptchaForm::Post)"),
        (false, true) => findings.differs("Q7", QUESTION, "GET only", "Compat::with_captcha_form(CaptchaForm::Get)"),
        (false, false) => findings.note("Q7", QUESTION, format!("not told ({})", seen.refusal())),
    }
    Ok(())
}
