//! Secrets are gone from memory when their last owner is: freed memory is read back, on Linux, where a process can.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test may fail")]
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "the test reads its own memory")]

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::{Mutex, PoisonError};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use quatrix_proto::api::{SecondFactor, UnblockCaptcha};
use quatrix_proto::{
    Answer, ApiKey, Authorization, CaptchaToken, Code, Config, Credentials, DownloadLink, Endpoint, Login, Password,
    Saved, Server, Session, SessionId, Step, Ticket, Timestamp, UploadKey,
};
use zeroize::Zeroizing;

/// One after the other: whoever reads memory holds copies of it for a moment.
static ALONE: Mutex<()> = Mutex::new(());
const MASK: u8 = 0x80;
const LENGTH: usize = 101;
const NOW: Timestamp = Timestamp::from_micros(1);

/// A text that stands nowhere else, and what to look for: its middle, masked so that it is not found itself. Allocators
/// write into the edges of freed blocks.
struct Canary {
    seed: u64,
    masked: Vec<u8>,
}

impl Canary {
    fn new(seed: u64) -> Self {
        Self { seed, masked: letters(seed).map(|byte| byte ^ MASK).collect() }
    }

    /// The text, sized exactly: a buffer that grows leaves copies of its own.
    fn text(&self) -> String {
        let mut text = String::with_capacity(LENGTH);
        text.extend(letters(self.seed).map(char::from));
        text
    }

    /// The canary that its base64 is.
    fn in_base64(&self) -> Self {
        let mut encoded = Zeroizing::new([0; 136]);
        let text = Zeroizing::new(self.text());
        BASE64_STANDARD.encode_slice(text.as_bytes(), &mut *encoded).unwrap();
        Self { seed: self.seed, masked: encoded.iter().map(|byte| byte ^ MASK).collect() }
    }

    /// Whether it stands anywhere in the memory that this process can write.
    fn is_in_memory(&self) -> bool {
        const PAGE: usize = 4096;
        let wanted = &self.masked[32..64];
        let mut buffer = vec![0; 256 * PAGE];
        let own = buffer.as_ptr() as u64..buffer.as_ptr() as u64 + buffer.len() as u64;
        let mut memory = File::open("/proc/self/mem").unwrap();
        let mut found = false;
        for line in fs::read_to_string("/proc/self/maps").unwrap().lines() {
            let mut words = line.split_whitespace();
            let (start, end) = words.next().unwrap().split_once('-').unwrap();
            let (start, end) = (u64::from_str_radix(start, 16).unwrap(), u64::from_str_radix(end, 16).unwrap());
            if !words.next().unwrap().starts_with("rw") {
                continue;
            }
            // What it has read itself is not looked at.
            for part in [start..end.min(own.start), start.max(own.end)..end] {
                let mut at = part.start;
                while at < part.end && !found {
                    let piece = &mut buffer[..(256 * PAGE).min((part.end - at) as usize)];
                    memory.seek(SeekFrom::Start(at)).unwrap();
                    let Ok(read) = memory.read(piece) else { break };
                    // Most pages were never written; a copy that lies across two begins in the first.
                    let pages = (0..read).step_by(PAGE).filter(|&at| piece[at..read.min(at + PAGE)] != [0; PAGE]);
                    found = pages.map(|at| &piece[at..read.min(at + PAGE + wanted.len())]).any(|page| {
                        page.windows(wanted.len()).any(|window| {
                            window[0] ^ MASK == wanted[0] && window.iter().zip(wanted).all(|(a, b)| a ^ MASK == *b)
                        })
                    });
                    // Pieces overlap by a page, for the same reason.
                    at += (if read > PAGE { read - PAGE } else { read }) as u64;
                }
            }
        }
        buffer.fill(0);
        std::hint::black_box(&buffer);
        found
    }
}

/// Letters from a seed (SplitMix64).
fn letters(seed: u64) -> impl Iterator<Item = u8> {
    (1..=LENGTH as u64).map(move |n| {
        let mut z = seed.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        b'a' + ((z ^ (z >> 27)) % 26) as u8
    })
}

/// Runs something with a secret in it, and looks for what it left.
fn leaves_nothing(what: &str, seed: u64, run: impl FnOnce(String)) {
    let canary = Canary::new(seed);
    run(canary.text());
    assert!(!canary.is_in_memory(), "{what} leaves a copy behind");
    assert!(!canary.in_base64().is_in_memory(), "{what} leaves a copy in base64 behind");
}

fn finish<T>(session: &mut Session, ticket: &Ticket<T>, status: u16, mfa_code: &str, body: &'static str) {
    let Step::Send(transmit) = session.poll_call(NOW, ticket.id()) else { panic!("nothing to send") };
    let response = http::Response::builder().status(status).header("mfa-code", mfa_code);
    let response = response.body(Bytes::from_static(body.as_bytes())).unwrap();
    session.handle_response(NOW, transmit.exchange, response);
}

#[test]
fn what_is_not_wiped_is_found() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let canary = Canary::new(1);
    assert!(!canary.is_in_memory(), "it is not made yet");
    let text = canary.text();
    assert!(canary.is_in_memory(), "it is alive");
    drop(text);
    assert!(canary.is_in_memory(), "it was freed and not wiped");
    let encoded = Canary::new(2).in_base64();
    drop(BASE64_STANDARD.encode(Zeroizing::new(Canary::new(2).text()).as_bytes()));
    assert!(encoded.is_in_memory(), "so was this");
}

#[test]
fn every_kind_of_secret_is_wiped_with_its_last_clone() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    leaves_nothing("a password", 11, |text| drop(Password::new(text).clone()));
    leaves_nothing("a session id", 12, |text| drop(SessionId::new(text).unwrap().clone()));
    leaves_nothing("a code", 13, |text| drop(Code::new(text).clone()));
    leaves_nothing("a captcha token", 14, |text| drop(CaptchaToken::new(text).clone()));
    leaves_nothing("an API key", 15, |text| drop(ApiKey::new(text).unwrap().clone()));
    leaves_nothing("an upload key", 16, |text| drop(UploadKey::new(text).clone()));
    leaves_nothing("a download link", 17, |text| drop(DownloadLink::new(text).clone()));
    leaves_nothing("a refused session id", 18, |mut text| {
        text.replace_range(..1, " ");
        drop(SessionId::new(text).unwrap_err());
    });
}

#[test]
fn requests_are_wiped_with_what_is_secret_in_them() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let server = Server::default();
    let profile = || quatrix_proto::api::GetProfile.prepare(&Server::default()).unwrap();
    leaves_nothing("credentials", 21, |text| {
        let credentials = Credentials::new("my@abc.de", text).unwrap();
        drop(profile().into_request(Authorization::Basic(&credentials)));
    });
    leaves_nothing("a token", 22, |text| {
        drop(profile().into_request(Authorization::Session(&SessionId::new(text).unwrap())));
    });
    leaves_nothing("an API key", 23, |text| {
        drop(profile().into_request(Authorization::Key(&ApiKey::new(text).unwrap())));
    });
    leaves_nothing("a code", 24, |text| {
        drop(SecondFactor::totp(text).prepare(&server).unwrap().into_request(Authorization::None));
    });
    leaves_nothing("a PIN in base64", 25, |text| {
        let pin = SecondFactor::pin(text).encoding(quatrix_proto::api::CodeEncoding::Base64);
        drop(pin.prepare(&server).unwrap().into_request(Authorization::None));
    });
    leaves_nothing("a captcha token", 26, |text| {
        drop(UnblockCaptcha::new(text).prepare(&server).unwrap().into_request(Authorization::None));
    });
}

#[test]
fn a_session_leaves_no_password_and_no_code() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let partial = r#"{"session_id":"partial"}"#;
    leaves_nothing("a password that was kept", 31, |text| {
        let mut session = Session::new(Config::new(Server::default()), 1);
        let login = session.login(NOW, Credentials::new("my@abc.de", text).unwrap());
        finish(&mut session, &login, 200, "", partial);
        assert!(matches!(session.poll_call(NOW, login.id()), Step::Ready(_)));
    });
    leaves_nothing("a password that was refused", 32, |text| {
        let mut session = Session::new(Config::new(Server::default()), 1);
        let login = session.login(NOW, Credentials::new("my@abc.de", text).unwrap());
        finish(&mut session, &login, 401, "", r#"{"code":15}"#);
        assert!(matches!(session.poll_call(NOW, login.id()), Step::Ready(_)));
        let canary = Canary::new(32).in_base64();
        assert!(!canary.is_in_memory(), "a refused password is forgotten while the session goes on");
    });
    for (seed, factor, answer) in [(33, "71", Answer::totp as fn(Code) -> Answer), (34, "73", Answer::pin)] {
        leaves_nothing("a code that was sent", seed, |text| {
            let mut session = Session::new(Config::new(Server::default()), 1);
            let login = session.login(NOW, Credentials::new("me", "password").unwrap());
            finish(&mut session, &login, 207, factor, partial);
            let Step::Ready(outcome) = session.poll_call(NOW, login.id()) else { panic!("not ready") };
            assert!(matches!(login.decode(outcome).unwrap(), Login::Challenged(_)));
            let answered = session.answer(NOW, answer(text.into()));
            finish(&mut session, &answered, 401, "", r#"{"code":83}"#);
            assert!(matches!(session.poll_call(NOW, answered.id()), Step::Ready(_)));
            assert!(!Canary::new(seed).is_in_memory(), "a code is forgotten while the session goes on");
        });
    }
    leaves_nothing("a saved session that was written", 36, |text| {
        let saved = Saved::active(Server::default(), "me", SessionId::new(text).unwrap());
        drop(Zeroizing::new(saved.expose_json()));
    });
    leaves_nothing("a saved session that was read", 35, |text| {
        let saved = Saved::active(Server::default(), "me", SessionId::new(text).unwrap());
        let json = Zeroizing::new(saved.expose_json());
        drop(Saved::from_json(json.as_bytes()).unwrap());
    });
}
