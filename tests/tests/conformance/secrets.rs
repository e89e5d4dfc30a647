//! Canaries in every input; nothing that is printed may hold one.

use std::fmt::Write as _;

use quatrix_emulator::{Account, Accounts, SecondFactor};
use quatrix_proto::api::{GetDownloadLink, GetProfile, ReadLink, UnblockCaptcha, UploadChunk};
use quatrix_proto::{Answer, ApiKey, Credentials, DownloadLink, Login};
use quatrix_tests::canaries;
use quatrix_tests::stage::{PASSWORD, Stage, Wire, me};
use quatrix_tests::subject::{Setup, Subject};

/// The right answer of the second factor: it is as secret as a wrong one.
const PIN: &str = "canary-pin";

/// A life that uses every secret, with everything printed on the way that can be printed.
fn life<S: Subject>(wire: Wire) -> String {
    let pin = SecondFactor::Pin(PIN.to_owned());
    let account = Account { second_factor: Some(pin), ..Account::new("pin@example.com", PASSWORD) };
    let stage = Stage::built(wire, |builder| builder.accounts(Accounts::new(vec![account])));
    let mut shown = String::new();
    let client: S = stage.client();
    let credentials = Credentials::new("pin@example.com", "canary-password").unwrap();
    let _ = write!(shown, "{credentials:?} {:?}", client.login(credentials.clone()));
    let _ = write!(shown, "{:?}", client.login(me("pin@example.com")));
    let wrong = Answer::pin("canary-code");
    let _ = write!(shown, "{wrong:?} {:?}", client.answer(wrong.clone()));
    let captcha = Answer::Captcha("canary-captcha".into());
    let _ = write!(shown, "{captcha:?} {:?}", client.answer(captcha.clone()));
    let _ = write!(shown, "{:?}", UnblockCaptcha::new("canary-captcha"));
    assert_eq!(client.answer(Answer::pin(PIN)).unwrap(), Login::Active);
    let saved = client.save().unwrap();
    let _ = write!(shown, "{saved:?} {} {:?}", client.debug(), client.state());
    let _ = write!(shown, "{:?}", client.call(&ReadLink::new(DownloadLink::new("canary-link"))));
    let chunk = UploadChunk::new("canary-key".into(), 0..1, 1);
    let _ = write!(shown, "{chunk:?}");
    let _ = write!(shown, "{:?}", client.call(&GetDownloadLink::new(vec!["no-such-file".parse().unwrap()])));
    let _ = write!(shown, "{:?}", client.call(&GetProfile).map(|profile| profile.email));
    let _ = write!(shown, "{:?}", client.logout());

    let key = ApiKey::new("canary-api-key").unwrap();
    let keyed = S::build(Setup { key: Some(key), ..stage.setup() }).unwrap();
    for error in [keyed.call(&GetProfile).unwrap_err(), keyed.keepalive().unwrap_err()] {
        let _ = write!(shown, "{error} {error:?} {} {:?}", keyed.debug(), std::error::Error::source(&error));
    }
    let _ = write!(shown, "{:?}", stage.take_events());
    shown
}

#[test]
fn m46_i08_no_secret_is_shown_or_logged() {
    let mut shown = String::new();
    for wire in [Wire::Plain, Wire::Tls] {
        shown.push_str(&life::<quatrix_ureq::Client>(wire));
        shown.push_str(&life::<quatrix_hyper::Client>(wire));
    }
    assert!(shown.contains("pin@example.com"), "something was printed");
    canaries::none_in(&shown);
    // Each line was looked at when it was logged.
    assert!(canaries::lines() > 20, "the adapters log: {}", canaries::lines());
}
