//! Two users, two profiles, two servers: whose account each combination is.

use quatrix_emulator::Emulator;
use serde_json::json;

use crate::accounts::{ANN, BOB, secret, server};
use crate::support::Home;

/// Ann's session at the first server is kept in the default profile, Bob's key at the second one in the profile `work`.
struct World {
    home: Home,
    second: Emulator,
}

impl World {
    fn new() -> Self {
        let mut home = Home::of(server());
        let second = server();
        home.variables.clear();
        let (first, other) = (home.emulator.api().to_owned(), second.api().to_owned());
        let password = secret(&home, ANN, "password");
        home.run(&["login", "--base-url", &first, "--user", ANN, "--password-file", &password]).ok();
        let key = secret(&home, BOB, "key");
        home.run(&["login", "--base-url", &other, "--profile", "work", "--api-key-file", &key]).ok();
        secret(&home, BOB, "password");
        secret(&home, ANN, "key");
        Self { home, second }
    }

    /// Runs a command that changes something; says at which server and as whom it did, or its exit code.
    fn acts(&self, words: &str) -> String {
        let (variables, options): (Vec<_>, Vec<_>) =
            words.split_whitespace().partition(|word| word.starts_with("QUATRIX_"));
        let at = |name: &str| if name == "FIRST" { self.home.emulator.api() } else { self.second.api() }.to_owned();
        let value = |word: &str| match word {
            "FIRST" | "SECOND" => at(word),
            file if file.ends_with(".password") || file.ends_with(".key") => {
                self.home.folder.path().join(file).display().to_string()
            }
            other => other.to_owned(),
        };
        let options: Vec<_> = options.into_iter().map(value).collect();
        let arguments: Vec<_> = ["mkdir", "/new"].into_iter().chain(options.iter().map(String::as_str)).collect();
        let mut command = self.home.command(&arguments);
        for variable in variables {
            let (name, word) = variable.split_once('=').unwrap();
            command.env(name, value(word));
        }
        let code = command.output().unwrap().status.code().unwrap();
        let mut made = Vec::new();
        for (server, name) in [(&self.home.emulator, "first"), (&self.second, "second")] {
            for user in [ANN, BOB] {
                if server.paths(user).contains(&"new/".to_owned()) {
                    let key = format!("{}-key-4711", user.split('@').next().unwrap());
                    let key = self.home.write("cleaner", &key).display().to_string();
                    let clean =
                        ["rm", "-r", "--permanently", "/new", "--base-url", server.api(), "--api-key-file", &key];
                    self.home.run(&clean).ok();
                    made.push(format!("{} at the {name}", user.split('@').next().unwrap()));
                }
            }
        }
        match (code, made.as_slice()) {
            (0, [one]) => one.clone(),
            (0, _) => panic!("{words}: {made:?}"),
            (code, made) => {
                assert!(made.is_empty(), "{words}: exit {code}, and {made:?}");
                format!("exit {code}")
            }
        }
    }
}

#[test]
fn two_users_two_profiles_and_two_servers_hold_no_surprise() {
    let world = World::new();
    let rows = [
        ("", "ann at the first"),
        ("--profile work", "bob at the second"),
        ("QUATRIX_PROFILE=work", "bob at the second"),
        ("--profile third", "exit 4"),
        // The user.
        ("--user bob@example.com", "exit 4"),
        ("QUATRIX_USER=bob@example.com", "exit 4"),
        ("--user ann@example.com QUATRIX_USER=bob@example.com", "ann at the first"),
        ("--user bob@example.com --password-file bob.password", "bob at the first"),
        ("--user bob@example.com QUATRIX_PASSWORD=bob-password-4711", "exit 4"),
        ("--user bob@example.com QUATRIX_PASSWORD=bob-password-4711 QUATRIX_BASE_URL=FIRST", "bob at the first"),
        ("QUATRIX_PASSWORD=bob-password-4711 QUATRIX_BASE_URL=FIRST", "ann at the first"),
        ("--user bob@example.com --password-file ann.password", "exit 4"),
        ("--profile work --user ann@example.com", "exit 4"),
        ("--profile work --user ann@example.com --password-file ann.password", "ann at the second"),
        // The server.
        ("--base-url SECOND", "exit 4"),
        ("QUATRIX_BASE_URL=SECOND", "exit 4"),
        ("--base-url FIRST QUATRIX_BASE_URL=SECOND", "ann at the first"),
        ("--profile work --base-url FIRST", "exit 4"),
        ("--base-url SECOND --user ann@example.com --password-file ann.password", "ann at the second"),
        // Keys.
        ("--api-key-file bob.key", "bob at the first"),
        ("--base-url SECOND --api-key-file bob.key", "bob at the second"),
        ("--user ann@example.com --api-key-file bob.key", "exit 4"),
        ("QUATRIX_API_KEY=bob-key-4711", "ann at the first"),
        ("QUATRIX_API_KEY=bob-key-4711 QUATRIX_BASE_URL=SECOND", "bob at the second"),
        ("QUATRIX_API_KEY=bob-key-4711 --base-url SECOND --profile work", "bob at the second"),
        ("QUATRIX_API_KEY=bob-key-4711 QUATRIX_USER=ann@example.com QUATRIX_BASE_URL=SECOND", "exit 4"),
        ("QUATRIX_API_KEY_FILE=bob.key QUATRIX_BASE_URL=SECOND --user BOB@example.com", "bob at the second"),
    ];
    for (words, expected) in rows {
        assert_eq!(world.acts(words), expected, "{words}");
    }
}

#[test]
fn a_configuration_of_another_user_or_server_is_not_mixed_in() {
    let world = World::new();
    let config = json!({
        "default": { "base_url": world.second.api(), "user": BOB, "password_file": "../../bob.password" },
        "work": { "base_url": world.home.emulator.api(), "api_key_file": "../../ann.key" },
    });
    world.home.write(".config/quatrix/config.json", &config.to_string());
    let rows = [
        ("", "bob at the second"),
        ("--profile work", "ann at the first"),
        ("--base-url FIRST", "ann at the first"),
        ("--user ann@example.com", "exit 4"),
        ("--user ann@example.com --base-url FIRST", "ann at the first"),
        ("--user bob@example.com --base-url FIRST", "exit 4"),
        ("QUATRIX_USER=ann@example.com QUATRIX_PASSWORD=ann-password-4711", "exit 4"),
        ("--user ann@example.com --password-file ann.password", "ann at the second"),
        ("--profile work --user bob@example.com", "exit 4"),
        ("--profile work QUATRIX_BASE_URL=SECOND", "bob at the second"),
        ("--profile work --base-url SECOND --user ann@example.com", "exit 4"),
    ];
    for (words, expected) in rows {
        assert_eq!(world.acts(words), expected, "{words}");
    }
}
