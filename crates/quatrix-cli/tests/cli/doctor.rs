//! `quatrix doctor`: for every way that a server can be, it says that this one is so.

use std::process::Command;
use std::time::Duration;

use quatrix_emulator::{
    Account, Accounts, CaptchaMethod, CaptchaSignal, CodeEncoding, Emulator, FolderSize, IdPlace, RateLimit, Refused,
    SecondFactorId, Settings, UploadKeyLife,
};
use serde_json::{Value, json};

use crate::support::{CAPTCHA, Canned, Ended, Home, PASSWORD, PIN, TOTP, USER};

/// Every setting of the emulator. One that is missing does not compile: the first are those of open questions, for which
/// there is a test below; the others do not change what a server does to a client that has asked.
const _: fn(Settings) = |settings| {
    let Settings {
        totp_mfa_code: _,
        pin_mfa_code: _,
        code_encoding: _,
        second_factor_id: _,
        id_place: _,
        captcha_signal: _,
        captcha_after: _,
        captcha_method: _,
        captcha_logs_in: _,
        gone: _,
        no_right: _,
        partial_lifetime: _,
        transfers_extend: _,
        chunks_need_credentials: _,
        upload_key_life: _,
        folder_size: _,
        job_from: _,
        rate_limit: _,
        ranges: _,
        without: _,
        idle_timeout: _,
        upload_key_lifetime: _,
        download_link_lifetime: _,
        totp_single_use: _,
        token_prefix: _,
        remembered_requests: _,
    } = settings;
};

/// What it observes of a server like this, as this user.
fn observed(settings: Settings, user: &str, args: &[&str]) -> Vec<(String, String, Option<String>)> {
    observed_by(&Home::of(Emulator::builder().settings(settings).start().unwrap()), user, args)
}

fn observed_by(home: &Home, user: &str, args: &[&str]) -> Vec<(String, String, Option<String>)> {
    let code = home.emulator.code(user).unwrap_or_default();
    let mut command = home.command(&[&["doctor", "--json"], args].concat());
    command.env("QUATRIX_USER", user).env("QUATRIX_PASSWORD", PASSWORD);
    command.env("QUATRIX_CAPTCHA", "test-captcha-4711").env("QUATRIX_CODE", code);
    let ended = Ended::of(command.output().unwrap());
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
    seen(with!(pin_mfa_code: Some(61)), PIN, "61, which no source explains");
    seen(with!(pin_mfa_code: None), PIN, "missing from the 207");
}

#[test]
fn q02_the_form_of_the_code_is_named() {
    assert_observed(Settings::default(), TOTP, &[], "Q2", "plain", None);
    let setting = Some("Compat::with_code_encoding(CodeEncoding::Base64)");
    assert_observed(with!(code_encoding: CodeEncoding::Base64), TOTP, &[], "Q2", "in base64", setting);
    assert_observed(with!(code_encoding: CodeEncoding::Base64), PIN, &[], "Q2", "in base64", setting);
}

#[test]
fn q03_a_flat_body_is_named_and_a_nested_one_not_tried() {
    assert_observed(Settings::default(), TOTP, &[], "Q3", "it does", None);
    let home = Home::new().with("QUATRIX_USER", TOTP).with("QUATRIX_PASSWORD", PASSWORD).with("QUATRIX_CODE", "000000");
    let ended = home.run(&["doctor"]);
    let told = "not seen: nested is not tried, since every refusal counts";
    assert_eq!((ended.code, ended.out.contains(told)), (Some(4), true), "{ended:?}");
    let answers = home.asked().into_iter().filter(|(method, path, _)| method == "POST" && path == "/session/login");
    assert_eq!(answers.count(), 2, "plain and in base64");
}

#[test]
fn q04_the_id_after_the_second_factor_is_named() {
    for (id, expected) in [
        (SecondFactorId::Kept, "the same"),
        (SecondFactorId::Rotated, "a new one"),
        (SecondFactorId::Omitted, "not told again: the first one goes on"),
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
fn q06_the_signal_is_the_same_after_wrong_passwords() {
    let home = Home::of(Emulator::builder().settings(with!(captcha_after: Some(1))).start().unwrap());
    let never = "not looked at: needs a login when a captcha is due";
    assert!(observed_by(&home, USER, &[]).contains(&("Q6".to_owned(), never.to_owned(), None)));
    let wrong = home.write("wrong", "wrong").display().to_string();
    home.run(&["login", "--user", USER, "--password-file", &wrong]).failed(4);
    assert!(observed_by(&home, USER, &[]).contains(&("Q6".to_owned(), "207 with Mfa-Code 72".to_owned(), None)));
}

#[test]
fn q07_the_method_of_a_captcha_is_named_without_a_login() {
    let post = Some("Compat::with_captcha_form(CaptchaForm::Post)");
    let get = Some("Compat::with_captcha_form(CaptchaForm::Get)");
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
    assert!(calm.iter().any(|(id, seen, _)| id == "Q16" && seen.starts_with("not met in ")), "{calm:?}");
}

/// Twice eight minutes pass while it waits: one before the chunk in the middle, one after it.
fn observed_while_time_passes(settings: Settings) -> Vec<(String, String, Option<String>)> {
    let home = Home::of(Emulator::builder().settings(settings).start().unwrap());
    let count = |of: &str| home.asked().iter().filter(|(_, path, _)| path == of).count();
    let until = |seen: &dyn Fn() -> bool| {
        while !seen() {
            std::thread::sleep(Duration::from_millis(5));
        }
        home.emulator.advance(Duration::from_secs(8 * 60));
    };
    std::thread::scope(|scope| {
        let observed = scope.spawn(|| observed_by(&home, USER, &["--write", "/", "--wait", "4s"]));
        // Five links are for what needs no time, and the two sessions that wait have shown that they live.
        until(&|| count("/upload/link") == 7 && count("/session/keepalive") == 2);
        let before = count("/upload/chunked/{upload_key}");
        until(&|| count("/upload/chunked/{upload_key}") > before);
        let observed = observed.join().unwrap();
        assert_eq!(count("/session/logout"), 3, "all sessions are ended");
        observed
    })
}

#[test]
fn q10_q13_what_only_time_shows_is_named() {
    let extends = Some("Compat::with_transfers_as_use(true)");
    for (settings, session, setting, key) in [
        (Settings::default(), "it does not", None, "from the last chunk on"),
        (
            with!(transfers_extend: true, upload_key_life: UploadKeyLife::SinceLink),
            "it does",
            extends,
            "from the link on",
        ),
    ] {
        let findings = observed_while_time_passes(settings);
        for (id, seen, setting) in [("Q10", session, setting), ("Q13", key, None)] {
            let expected = (id.to_owned(), seen.to_owned(), setting.map(str::to_owned));
            assert!(findings.contains(&expected), "{expected:?} in {findings:#?}");
        }
    }
}

#[test]
fn q10_q13_a_wait_that_is_too_short_proves_nothing() {
    let seen = |args: &[&str], id, expected| assert_observed(Settings::default(), USER, args, id, expected, None);
    let args = ["--write", "/", "--wait", "1s"];
    seen(&args, "Q10", "not seen: a session lives longer than the wait");
    seen(&args, "Q13", "not seen: it lives longer than the wait");
    seen(&[], "Q10", "not looked at: needs --write, --wait and a password alone");
    let home = Home::new();
    assert!(home.run(&["doctor", "--write", "/", "--wait", "soon"]).failed(2).contains("--wait"));
    home.run(&["doctor", "--wait", "1s"]).failed(2);
}

#[cfg(unix)]
#[test]
fn an_interrupt_takes_the_scratch_folder_along() {
    let home = Home::new().with("QUATRIX_USER", USER).with("QUATRIX_PASSWORD", PASSWORD);
    let process = home.spawn(&["doctor", "--write", "/", "--wait", "1h"]);
    while !home.asked().iter().any(|(_, path, _)| path == "/session/keepalive") {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(home.paths().len() > 1);
    assert!(Command::new("kill").args(["-INT", &process.id().to_string()]).status().unwrap().success());
    let ended = Ended::of(process.wait_with_output().unwrap());
    assert_eq!((ended.code, home.paths()), (Some(130), Vec::new()), "{ended:?}");
    assert_eq!(home.asked().iter().filter(|(_, path, _)| path == "/session/logout").count(), 3);
}

#[test]
fn without_a_login_it_looks_at_the_way_there() {
    let home = Home::new();
    let out = home.run(&["doctor"]).ok();
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    let lines: Vec<_> = out.lines().filter(|line| !line.starts_with(' ')).collect();
    let lines: Vec<_> = lines.iter().map(|line| line.split_whitespace().next().unwrap()).collect();
    let looked_at = ["name", "proxy", "TLS", "clock", "account", "Q7", "Q16"];
    let not = ["Q1", "Q2", "Q3", "Q4", "Q5", "Q6", "Q8", "Q9", "Q10", "Q11", "Q12", "Q13", "Q14", "Q15"];
    assert_eq!(lines, [&looked_at[..], &not].concat());
    assert_eq!(out.matches("not looked at: needs ").count(), not.len(), "{out}");
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
