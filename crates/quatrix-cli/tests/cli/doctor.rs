//! `quatrix doctor`: for every way that a server can be, it says that this one is so.

use std::time::Duration;

use quatrix_emulator::{
    Account, Accounts, CaptchaMethod, CaptchaSignal, CodeEncoding, Emulator, FolderSize, IdPlace, RateLimit, Refused,
    SecondFactorId, Settings,
};
use serde_json::{Value, json};

use crate::support::{CAPTCHA, Canned, Home, PASSWORD, PIN, TOTP, USER};

/// What it observes of a server like this, as this user.
fn observed(settings: Settings, user: &str, args: &[&str]) -> Vec<(String, String, Option<String>)> {
    let home = Home::of(Emulator::builder().settings(settings).start().unwrap());
    let home =
        home.with("QUATRIX_USER", user).with("QUATRIX_PASSWORD", PASSWORD).with("QUATRIX_CAPTCHA", "test-captcha-4711");
    let code = home.emulator.code(user).unwrap_or_default();
    let home = home.with("QUATRIX_CODE", &code);
    let ended = home.run(&[&["doctor", "--json"], args].concat());
    assert_eq!(home.paths(), [""; 0], "the scratch folder is gone");
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let findings = ended.json()["findings"].as_array().unwrap().clone();
    findings
        .iter()
        .map(|one| (text(&one["id"]).unwrap(), text(&one["observed"]).unwrap(), text(&one["setting"])))
        .collect()
}

#[track_caller]
fn assert_observed(settings: Settings, user: &str, args: &[&str], id: &str, expected: &str, setting: Option<&str>) {
    let findings = observed(settings, user, args);
    let found: Vec<_> =
        findings.iter().filter(|(one, ..)| one == id).map(|(_, seen, set)| (seen.as_str(), set.as_deref())).collect();
    assert!(found.contains(&(expected, setting)), "{id}: {expected} {setting:?} in {findings:#?}");
}

/// A server with one thing that is not the default.
macro_rules! with {
    ($($field:ident: $value:expr),*) => { Settings { $($field: $value,)* ..Settings::default() } };
}

#[test]
fn q01_the_mfa_code_is_named() {
    let seen = |settings, user, expected| assert_observed(settings, user, &[], "Q1", expected, None);
    seen(Settings::default(), TOTP, "71, an authenticator");
    seen(Settings::default(), PIN, "73, a PIN");
    seen(with!(totp_mfa_code: Some(61)), TOTP, "61, which no source explains");
    seen(with!(totp_mfa_code: None), TOTP, "missing from the 207");
}

#[test]
fn q02_the_form_of_the_code_is_named() {
    assert_observed(Settings::default(), TOTP, &[], "Q2", "plain", None);
    let setting = Some("Config::with_code_encoding(CodeEncoding::Base64)");
    assert_observed(with!(code_encoding: CodeEncoding::Base64), TOTP, &[], "Q2", "in base64", setting);
    assert_observed(with!(code_encoding: CodeEncoding::Base64), PIN, &[], "Q2", "in base64", setting);
}

#[test]
fn q04_the_id_after_the_second_factor_is_named() {
    for (id, expected) in [
        (SecondFactorId::Kept, "the same"),
        (SecondFactorId::Rotated, "a new one"),
        (SecondFactorId::Unsaid, "not told again: the first one goes on"),
    ] {
        assert_observed(with!(second_factor_id: id), TOTP, &[], "Q4", expected, None);
    }
}

#[test]
fn q05_the_place_of_the_id_is_named() {
    for user in [USER, TOTP] {
        assert_observed(Settings::default(), user, &[], "Q5", "in the body", None);
        assert_observed(with!(id_place: IdPlace::Header), user, &[], "Q5", "in a header", None);
    }
}

#[test]
fn q06_the_signal_of_a_captcha_is_named() {
    for (signal, expected) in [
        (CaptchaSignal::MultiStatus, "207 with Mfa-Code 72"),
        (CaptchaSignal::UnauthorizedHeader, "401, code 72, the session id in a header"),
        (CaptchaSignal::UnauthorizedBody, "401, code 72, the session id in the body"),
        (CaptchaSignal::Silent, "not told from a wrong password, if it is due here"),
    ] {
        assert_observed(with!(captcha_signal: signal), CAPTCHA, &[], "Q6", expected, None);
    }
}

#[test]
fn q07_the_method_of_a_captcha_is_named_without_a_login() {
    let post = Some("Config::with_captcha_form(CaptchaForm::Post)");
    let get = Some("Config::with_captcha_form(CaptchaForm::Get)");
    assert_observed(Settings::default(), USER, &[], "Q7", "POST or GET", None);
    assert_observed(with!(captcha_method: CaptchaMethod::Post), USER, &[], "Q7", "POST only", post);
    assert_observed(with!(captcha_method: CaptchaMethod::Get), CAPTCHA, &[], "Q7", "GET only", get);
}

#[test]
fn q08_what_a_right_captcha_does_is_named() {
    assert_observed(Settings::default(), CAPTCHA, &[], "Q8", "it does", None);
    assert_observed(with!(captcha_logs_in: false), CAPTCHA, &[], "Q8", "it does not: the login goes once more", None);
}

#[test]
fn q09_the_answers_to_whoever_is_not_let_in_are_named() {
    assert_observed(Settings::default(), USER, &[], "Q9", "401, code 14", None);
    assert_observed(with!(gone: Refused { status: 403, code: 70 }), USER, &[], "Q9", "403, code 70", None);
    let contact = Account { contact: true, ..Account::new(USER, PASSWORD) };
    for (no_right, expected) in
        [(Settings::default().no_right, "403, code 50"), (Refused { status: 401, code: 50 }, "401, code 50")]
    {
        let accounts = Accounts { accounts: vec![contact.clone()], ..Accounts::default() };
        let emulator = Emulator::builder().accounts(accounts).settings(with!(no_right: no_right)).start().unwrap();
        let home = Home::of(emulator).with("QUATRIX_USER", USER).with("QUATRIX_PASSWORD", PASSWORD);
        let out = home.run(&["doctor"]).ok();
        let line = out.lines().find(|line| line.contains("a call without the right to it")).unwrap();
        assert!(line.ends_with(expected), "{out}");
    }
}

#[test]
fn q11_an_unfinished_login_is_kept_alive_or_not() {
    assert_observed(Settings::default(), TOTP, &[], "Q11", "refused: 401, code 71", None);
    assert_observed(with!(partial_lifetime: Some(Duration::ZERO)), TOTP, &[], "Q11", "refused: 401, code 14", None);
}

#[test]
fn q12_q14_q15_what_only_files_show_is_named() {
    let seen = |settings, id, expected| assert_observed(settings, USER, &["--write", "/"], id, expected, None);
    seen(Settings::default(), "Q12", "nothing");
    seen(with!(chunks_need_credentials: true), "Q12", "a session or a key (without: 401, code 14)");
    seen(Settings::default(), "Q14", "the number of its items");
    seen(with!(folder_size: FolderSize::Bytes), "Q14", "its bytes");
    seen(Settings::default(), "Q15", "done at once (200)");
    seen(with!(job_from: 10), "Q15", "done later, by a job (202)");
    seen(Settings::default(), "ranges", "served");
    seen(with!(ranges: false), "ranges", "ignored: everything comes, and what is there already is skipped");
    seen(Settings::default(), "replace", "works");
    let without = with!(without: vec!["POST /file/moveone".to_owned()]);
    seen(without, "replace", "not offered (404, code 20): upload in place (Upload::in_place)");
}

#[test]
fn q16_a_limit_is_noticed_in_passing() {
    let limit = |retry_after| Some(RateLimit { calls: 4, per: Duration::from_secs(900), retry_after });
    let seen = |settings, expected| assert_observed(settings, USER, &[], "Q16", expected, None);
    seen(with!(rate_limit: limit(true)), "429 after 7 calls, with Retry-After");
    seen(with!(rate_limit: limit(false)), "429 after 7 calls, without Retry-After");
    let calm = observed(Settings::default(), USER, &[]);
    assert!(calm.last().unwrap().1.starts_with("not met in "), "{calm:?}");
}

#[test]
fn without_a_login_it_looks_at_the_way_there() {
    let home = Home::new();
    let out = home.run(&["doctor"]).ok();
    let lines: Vec<_> = out.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(lines, ["name", "proxy", "TLS", "clock", "account", "Q7", "Q16"]);
    assert!(out.contains("plain, to this machine") && out.contains("active"), "{out}");
    let page = Canned::start(200, "content-type: text/html", "<h1>hello</h1>");
    assert_eq!(home.run(&["doctor", "--base-url", &page.base_url]).code, Some(11));
    assert_eq!(home.run(&["doctor", "--base-url", "http://127.0.0.1:1/api/1.0"]).code, Some(9));
    let tls = Home::of(Emulator::builder().tls().start().unwrap());
    assert_eq!(tls.run(&["doctor"]).code, Some(9));
    let authority = tls.emulator.ca_cert_path().unwrap().to_str().unwrap();
    assert!(tls.run(&["doctor", "--ca-cert", authority]).ok().contains("the certificate is trusted"));
}

#[test]
fn it_looks_around_with_a_key_or_the_kept_session_and_leaves_that_alone() {
    let home = Home::new();
    home.log_in();
    assert!(home.run(&["doctor"]).ok().contains("fields of a listing that are null"));
    home.run(&["status"]).ok();
    let home = home.with("QUATRIX_API_KEY", "test-key-4711");
    assert!(home.run(&["doctor", "--write", "/"]).ok().contains("the order of chunks"));
    assert_eq!(home.paths(), [""; 0]);
}

#[test]
fn its_own_login_is_ended_whatever_comes() {
    let home = Home::new().with("QUATRIX_USER", USER).with("QUATRIX_PASSWORD", PASSWORD);
    home.run(&["doctor", "--write", "/nope"]).code.unwrap();
    assert_eq!(home.asked().pop().unwrap().1, "/session/logout");
    let home = Home::new().with("QUATRIX_USER", TOTP).with("QUATRIX_PASSWORD", PASSWORD);
    assert!(home.run(&["doctor"]).ok().contains("nobody has an answer"));
    assert_eq!(home.asked().pop().unwrap().1, "/session/logout");
}

#[test]
fn m46_the_report_can_be_sent_to_strangers() {
    let account = Account { name: "Canary".to_owned(), ..Account::new("canary@example.com", "canary-password") };
    let accounts = Accounts { accounts: vec![account], ..Accounts::default() };
    let home = Home::of(Emulator::builder().accounts(accounts).start().unwrap());
    let home = home.with("QUATRIX_USER", "canary@example.com").with("QUATRIX_PASSWORD", "canary-password");
    let path = home.folder.path().join("report.json");
    home.run(&["doctor", "--report", path.to_str().unwrap(), "--write", "/"]).ok();
    let text = std::fs::read_to_string(&path).unwrap();
    let report: Value = serde_json::from_str(&text).unwrap();
    assert!(report["findings"].as_array().unwrap().len() > 12, "{text}");
    assert_eq!(report["findings"][0]["id"], json!("name"));
    let port = home.emulator.address().port().to_string();
    for secret in ["canary", "127.0.0.1", &port, "Canary"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}
