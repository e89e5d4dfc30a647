//! The claims of `docs/emulator.md`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use quatrix_emulator::{Account, Accounts, Emulator, RateLimit, Settings};
use serde_json::{Value, json};

use crate::support::{Answer, Memory, PASSWORD, Worker, get};
use crate::wire::Wire;

const GUIDE: &str = include_str!("../../../../docs/emulator.md");

/// The fenced blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("\n```{language}\n");
    GUIDE.split(&fence).skip(1).map(|rest| rest.split_once("```\n").unwrap().0).collect()
}

/// The rows of the table with this head, cell by cell.
fn rows(head: &str) -> Vec<Vec<&'static str>> {
    let (_, table) = GUIDE.split_once(&format!("\n| {head} |\n")).unwrap();
    let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// What stands between the first two backticks.
fn quoted(cell: &str) -> &str {
    cell.split('`').nth(1).unwrap_or_default()
}

#[test]
fn every_fixture_is_linked_and_run_by_the_checks() {
    let (docs, checks) =
        (Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs"), include_str!("../../../../.ci/fixtures"));
    let mut linked = BTreeSet::new();
    for row in rows("language | file | run") {
        let (name, path) = row[1].trim_matches(['[', ')']).split_once("](").unwrap();
        linked.insert(docs.join(path).canonicalize().unwrap());
        assert!(row[2].contains(name) && checks.contains(name), "{row:?}");
    }
    let files = fs::read_dir(docs.join("../examples/fixtures")).unwrap();
    assert_eq!(linked, files.map(|entry| entry.unwrap().path().canonicalize().unwrap()).collect());
}

#[test]
fn the_options_are_those_of_the_command() {
    let help = Command::new(env!("CARGO_BIN_EXE_quatrix-emulator")).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let of_help = help.lines().filter_map(|line| line.strip_prefix("  --")?.split_once("  "));
    let of_help: BTreeSet<_> = of_help.map(|(option, _)| format!("--{option}")).collect();
    let of_guide: BTreeSet<_> = rows("option | means").iter().map(|row| quoted(row[0]).to_owned()).collect();
    assert_eq!(of_help, of_guide);
}

#[test]
fn the_accounts_are_these() {
    let mut memory = Memory::new();
    let rows = rows("user | second step");
    assert_eq!(rows.len(), Accounts::default().accounts.len());
    for row in rows {
        let login = memory.login(quoted(row[0]));
        let (kind, id) = (login.header("mfa-code").unwrap_or("none"), login.session_id());
        match kind {
            "none" => assert!(row[1].starts_with("none; has the API key `test-key-4711`"), "{row:?}"),
            "71" => assert!(row[1].starts_with("code of an authenticator, secret `JBSWY3DPEHPK3PXP`"), "{row:?}"),
            "73" => assert_eq!(memory.answer(&id, "PIN", quoted(row[1])).status, 200),
            _ => {
                let token = json!({ "token": row[1].rsplit('`').nth(1).unwrap() });
                assert_eq!(memory.post("/session/unblock-captcha", &id, &token).status, 200);
            }
        }
    }
}

#[test]
fn the_file_of_accounts_is_read() {
    let [_ready, file] = blocks("json")[..] else { panic!("a ready line, and accounts") };
    let accounts = Accounts::from_json(file).unwrap();
    let all = Account { name: "Ann".to_owned(), limit: Some(1_000_000), ..Account::new("ann@example.com", "..") };
    assert_eq!((&accounts.accounts[0].name, accounts.accounts[0].limit), (&all.name, all.limit));
    assert!(accounts.accounts[2].captcha && accounts.accounts[3].contact);
}

#[test]
fn the_control_paths_take_what_is_shown() {
    let emulator = Emulator::builder().control().start().unwrap();
    let mut wire = Wire::connect(emulator.url(), None);
    let rows = rows("request | body or query | does");
    assert_eq!(rows.len(), 7);
    for row in rows {
        let (method, path) = quoted(row[0]).split_once(' ').unwrap();
        let (query, body) = match quoted(row[1]) {
            query if query.starts_with('?') => (query, ""),
            body => ("", body),
        };
        let answer = wire.json(method, &format!("/_emulator{path}{query}"), &[], body);
        assert_eq!(answer.status, 200, "{row:?}");
        if path == "/requests" {
            let of_guide: BTreeSet<_> = row[2].split('`').skip(1).step_by(2).collect();
            wire.login("user@example.com");
            let seen = wire.json("GET", "/_emulator/requests", &[], "").json;
            assert_eq!(of_guide, seen[0].as_object().unwrap().keys().map(String::as_str).collect());
        }
    }
}

#[test]
fn the_faults_are_read() {
    let emulator = Emulator::builder().control().start().unwrap();
    let mut wire = Wire::connect(emulator.url(), None);
    let fields = rows("field | means | if left out");
    assert_eq!(fields.len(), 11);
    for row in rows("fault | what happens") {
        let plan =
            format!(r#"[{{"method": "GET", "path": "/x*", "skip": 1, "times": null, "fault": {}}}]"#, quoted(row[0]));
        assert_eq!(wire.json("POST", "/_emulator/faults", &[], &plan).json, json!({}), "{plan}");
    }
    let requests = [json!("GET"), json!("/x"), json!("a/b"), json!(1), Value::Null, json!("expire")];
    let messages =
        [json!({ "/name": null }), json!({ "date": null }), json!("text"), json!({ "/a": 1 }), json!(["/name"])];
    let values = requests.into_iter().chain(messages);
    for row in rows("entry | injects") {
        let plan = format!("[{}]", quoted(row[0]));
        assert_eq!(wire.json("POST", "/_emulator/faults", &[], &plan).json, json!({}), "{plan}");
        wire.json("POST", "/_emulator/faults", &[], "[]");
        let path = serde_json::from_str::<Value>(&plan).unwrap()[0]["path"].as_str().unwrap().to_owned();
        let path = format!("/api/1.0{}", path.replace(['{', '}'], ""));
        assert_ne!(wire.json("POST", &path, &[], "").status, 404, "{path} is no operation");
    }
    for (row, value) in fields.iter().zip(values) {
        let mut plan = json!([{ "fault": "expire" }]);
        plan[0][quoted(row[0])] = value;
        assert_eq!(wire.json("POST", "/_emulator/faults", &[], &plan.to_string()).json, json!({}), "{plan}");
    }
}

#[test]
fn the_refusals_are_these() {
    let shown = rows("status | code | when").into_iter().map(|row| (row[0].parse().unwrap(), row[1].parse().unwrap()));
    assert_eq!(refusals(), shown.collect::<BTreeSet<_>>());
}

/// One way to come by each.
fn refusals() -> BTreeSet<(u16, i64)> {
    let mut seen = BTreeSet::new();
    let limit = Some(RateLimit { calls: 1, per: Duration::from_secs(60), retry_after: true });
    let mut busy = Memory::with(Settings { rate_limit: limit, ..Settings::default() });
    busy.session();
    seen.insert(busy.login("user@example.com").refusal());

    let mut memory = Memory::new();
    seen.insert(memory.login_with("user@example.com", "wrong").refusal());
    for (user, auth_type) in [("totp@example.com", "2FA"), ("pin@example.com", "PIN"), ("captcha@example.com", "PIN")] {
        let id = memory.login(user).session_id();
        seen.extend([memory.get("/profile", &id).refusal(), memory.answer(&id, auth_type, "0").refusal()]);
    }
    let id = memory.session();
    seen.insert(memory.answer(&id, "PIN", "0").refusal());
    seen.extend(["/nothing", "/contact/metadata/1", "/file/id"].map(|path| memory.get(path, &id).refusal()));

    let people = vec![
        Account { limit: Some(3), ..Account::new("user@example.com", PASSWORD) },
        Account { contact: true, ..Account::new("contact@example.com", PASSWORD) },
    ];
    let mut worker = Worker::of(Memory::of(Settings::default(), Accounts::new(people)));
    let contact = worker.memory.login("contact@example.com").session_id();
    seen.insert(worker.memory.get("/file/metadata", &contact).refusal());
    let home = worker.home.clone();
    let file = worker.file(&home, "a", "abc");
    let link = worker.post("/file/download-link", json!({ "ids": [file] })).text("id");
    let beyond = get(&format!("/file/download/{link}")).header("range", "bytes=3-");
    let beyond = beyond.header("x-auth-token", &worker.session).body(Bytes::new()).unwrap();
    seen.insert(Answer::new(worker.memory.send(beyond)).refusal());
    let link = json!({ "parent_id": home, "name": "b", "resolve": false, "file_size": 4 });
    seen.insert(worker.post("/upload/link", link).refusal());
    let taken = json!({ "target": home, "name": "a", "resolve": false });
    seen.extend([taken, json!({ "target": home })].map(|body| worker.post("/file/makedir", body).refusal()));
    seen.insert(worker.post("/file/makedir", json!({ "target": 1, "name": "b", "resolve": false })).refusal());
    let link = worker.post("/upload/link", json!({ "parent_id": home, "name": "c", "resolve": false }));
    for _ in 0..2 {
        worker.memory.pass(600);
        worker.get("/profile");
    }
    seen.insert(worker.chunk(&link.text("upload_key"), "bytes 0-0/1", "x").refusal());
    seen
}
