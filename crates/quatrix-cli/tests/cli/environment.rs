//! What others can see: the environment of a program that is started, the list of processes.

use crate::support::{Home, TOTP, here};

#[test]
fn m46_a_code_command_gets_none_of_the_secrets() {
    let home = Home::new();
    let password = home.password_file();
    home.write("code", &home.emulator.code(TOTP).unwrap());
    let secrets =
        ["QUATRIX_API_KEY", "QUATRIX_CAPTCHA", "QUATRIX_CODE", "QUATRIX_PASSWORD", "QUATRIX_SESSION"].map(String::from);
    let proxies = ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY", "ftp_proxy"].map(String::from);
    let mut home = secrets.into_iter().fold(home, |home, name| home.with(&name, "canary-of-the-environment"));
    home = proxies.into_iter().fold(home, |home, name| home.with(&name, "http://me:canary-of-the-environment@proxy:1"));
    let home = home
        .with("SOCKS_PROXY", "http://proxy:1")
        .with("QUATRIX_CODE_COMMAND", "cd; umask 077; env > environment; cat code");
    let ended = home.run(&["login", "--user", TOTP, "--password-file", &password]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let environment = std::fs::read_to_string(here(&home, "environment")).unwrap();
    assert!(!environment.contains("canary"), "{environment}");
    for kept in ["QUATRIX_CHALLENGE=totp\n", "SOCKS_PROXY=http://proxy:1\n", "HOME="] {
        assert!(environment.contains(kept), "{kept}: {environment}");
    }
}

#[test]
fn m46_credentials_of_a_proxy_on_the_command_line_are_warned_about() {
    let home = Home::new();
    let warning = "--proxy with credentials is visible to other users in `ps`: use QUATRIX_PROXY instead";
    let warned = home.run(&["status", "--host", "acme", "--proxy", "http://me:canary@127.0.0.1:9"]).err;
    assert!(warned.contains(warning) && !warned.contains("canary"), "{warned}");
    let quiet = home.run(&["status", "--host", "acme", "--proxy", "http://127.0.0.1:9"]).err;
    assert!(!quiet.contains("`ps`"), "{quiet}");
}
