//! Canaries in every input; nothing that is printed may hold one.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};

use quatrix_proto::api::{GetDownloadLink, GetProfile, ReadLink, UnblockCaptcha, UploadChunk};
use quatrix_proto::{Answer, ApiKey, Credentials, DownloadLink, Login};
use quatrix_tests::stage::{PASSWORD, Stage, Wire, me};
use quatrix_tests::subject::{Setup, Subject};
use tracing_subscriber::fmt::MakeWriter;

/// Gathers what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// A life that uses every secret, with everything printed on the way that can be printed.
fn life<S: Subject>(wire: Wire) -> String {
    let stage = Stage::new(wire);
    let mut shown = String::new();
    let client: S = stage.client();
    let credentials = Credentials::new("pin@example.com", "canary-password").unwrap();
    let _ = write!(shown, "{credentials:?} {:?}", client.login(credentials.clone()));
    let _ = write!(shown, "{:?}", client.login(me("pin@example.com")));
    let wrong = Answer::Pin("canary-code".into());
    let _ = write!(shown, "{wrong:?} {:?}", client.answer(wrong.clone()));
    let captcha = Answer::Captcha("canary-captcha".into());
    let _ = write!(shown, "{captcha:?} {:?}", client.answer(captcha.clone()));
    let _ = write!(shown, "{:?}", UnblockCaptcha::new("canary-captcha"));
    assert_eq!(client.answer(Answer::Pin("24680".into())).unwrap(), Login::Active);
    let saved = client.save().unwrap();
    let _ = write!(shown, "{saved:?} {} {:?}", client.debug(), client.state());
    let _ = write!(shown, "{:?}", client.call(&ReadLink::new(DownloadLink::new("canary-link"))));
    let chunk = UploadChunk { key: "canary-key".into(), range: 0..1, total: 1 };
    let _ = write!(shown, "{chunk:?}");
    let _ = write!(shown, "{:?}", client.call(&GetDownloadLink { ids: vec!["no-such-file".parse().unwrap()] }));
    let _ = write!(shown, "{:?}", client.call(&GetProfile).map(|profile| profile.email));
    let _ = write!(shown, "{:?}", client.logout());

    let key = ApiKey::new("canary-api-key").unwrap();
    let keyed = S::build(Setup { key: Some(key), ..stage.setup() }).unwrap();
    for error in [keyed.call(&GetProfile).unwrap_err(), keyed.keepalive().unwrap_err()] {
        let _ = write!(shown, "{error} {error:?} {} {:?}", keyed.debug(), std::error::Error::source(&error));
    }
    let _ = write!(shown, "{:?}", stage.take_events());

    // The session id is a canary that the server makes.
    assert!(!shown.contains(saved.token().expose()), "{shown}");
    shown
}

#[test]
fn m46_i08_no_secret_is_shown_or_logged() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let mut shown = String::new();
    for wire in [Wire::Plain, Wire::Tls] {
        shown.push_str(&life::<quatrix_ureq::Client>(wire));
        shown.push_str(&life::<quatrix_hyper::Client>(wire));
    }
    assert!(shown.contains("pin@example.com"), "something was printed");

    let log = String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned();
    let ours: Vec<&str> = log.lines().filter(|line| line.contains("quatrix_")).collect();
    assert!(ours.iter().any(|line| line.contains("session.login")), "our targets log: {}", log.len());
    for canary in ["canary", "Y2FuYXJ5", PIN, PASSWORD] {
        assert!(!shown.contains(canary), "{canary} is shown: {shown}");
        assert!(!ours.iter().any(|line| line.contains(canary)), "{canary} is logged: {ours:#?}");
    }
}

/// The right answer of the second factor; an answer that was taken is as secret as one that was not.
const PIN: &str = "24680";
