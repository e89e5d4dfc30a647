//! Addresses as people write them, and the proxy on the way there.

use std::io::Write as _;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use crate::support::{Home, head};

const KEY: &str = "test-key-4711";

fn home() -> Home {
    Home::new().with("QUATRIX_API_KEY", KEY)
}

/// A proxy that refuses every tunnel, and where each one was to lead.
struct Refusing {
    address: String,
    targets: Arc<Mutex<Vec<String>>>,
}

impl Refusing {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let targets = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&targets);
        // It ends with the process of the tests; nothing waits for it.
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                noted.lock().unwrap().push(head(&mut connection).lines().next().unwrap_or_default().to_owned());
                let _ = connection.write_all(b"HTTP/1.1 502 No\r\ncontent-length: 0\r\n\r\n");
            }
        });
        Self { address, targets }
    }

    /// The targets since the last look, each once.
    fn targets(&self) -> Vec<String> {
        let mut targets = std::mem::take(&mut *self.targets.lock().unwrap());
        targets.dedup();
        targets
    }
}

#[test]
fn the_address_of_an_emulator_is_taken_however_it_is_written() {
    let home = home();
    let url = home.emulator.url().to_owned();
    for address in [url.clone(), format!("{url}/"), format!("{url}/api/1.0"), format!("{url}/api/1.0/")] {
        for option in ["--host", "--base-url"] {
            for command in ["status", "doctor"] {
                let ended = home.run(&[command, option, &address]);
                assert_eq!(ended.code, Some(0), "{option} {address}: {ended:?}");
            }
        }
    }
}

#[test]
fn a_name_is_an_account_and_a_host_is_itself() {
    let proxy = Refusing::start();
    let home = home().without("QUATRIX_BASE_URL").with("QUATRIX_PROXY", &format!("http://{}", proxy.address));
    let hosts = ["acme", "acme.quatrix.it", "https://acme.quatrix.it/", "https://acme.quatrix.it/api/1.0"];
    for host in hosts {
        for command in ["status", "doctor"] {
            assert_eq!(home.run(&[command, "--host", host, "--retries", "0"]).code, Some(9), "{host}");
            assert_eq!(proxy.targets(), ["CONNECT acme.quatrix.it:443 HTTP/1.1"], "{command} {host}");
        }
    }
    for wrong in ["http://acme.quatrix.it", "http://127.0.0.1.evil.com", "ftp://acme", "me@acme", "a b"] {
        for command in ["status", "doctor"] {
            home.run(&[command, "--host", wrong]).failed(2);
        }
    }
    assert_eq!(proxy.targets(), [""; 0]);
}

#[test]
fn m35_a_proxy_never_gets_plain_http() {
    let proxy = Refusing::start();
    let address = format!("http://me:canary-proxy@{}", proxy.address);
    for home in [home().with("QUATRIX_PROXY", &address), home()] {
        let option: &[&str] = if home.variables.len() > 2 { &[] } else { &["--proxy", &address] };
        for command in ["status", "doctor", "ls"] {
            let error = home.run(&[&[command], option].concat()).failed(2);
            assert!(error.contains("cannot be used for plain http") && !error.contains("canary"), "{error}");
        }
        assert_eq!(home.asked(), []);
    }
    assert_eq!(proxy.targets(), [""; 0]);
}

#[test]
fn m35_a_proxy_of_the_environment_that_cannot_be_used_is_no_direct_connection() {
    let home = home().with("HTTPS_PROXY", "http://me:canary@");
    for command in ["status", "doctor"] {
        let key = home.write("key", "x").display().to_string();
        let error = home.run(&[command, "--host", "acme", "--api-key-file", &key]).failed(2);
        assert!(error.contains("HTTPS_PROXY must be of the form") && !error.contains("canary"), "{error}");
        assert_eq!(home.run(&[command]).code, Some(0), "this machine is reached without a proxy");
    }
}

#[test]
fn only_this_machine_is_reached_without_the_proxy_of_the_environment() {
    let proxy = Refusing::start();
    let home = home().without("QUATRIX_BASE_URL").with("HTTPS_PROXY", &proxy.address);
    for command in ["status", "doctor"] {
        home.run(&[command, "--host", "127.0.0.1.evil.com", "--retries", "0"]);
        assert_eq!(proxy.targets(), ["CONNECT 127.0.0.1.evil.com:443 HTTP/1.1"], "{command}");
    }
}
