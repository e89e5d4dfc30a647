//! Body of a fuzz target, compiled with the crate so that it stays current.

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;

use crate::accounts::Accounts;
use crate::operations::{self, route};
use crate::server::{Now, Server};
use crate::settings::Settings;

/// Sends any requests in any order, with ids, keys and sessions issued by the server.
pub fn emulator_requests(data: &[u8]) {
    let mut run = Run {
        server: Server::new(Settings::default(), Accounts::default()),
        now: Now::default(),
        sessions: Vec::new(),
        known: Vec::new(),
        secrets: Vec::new(),
    };
    let mut input = Input(data);
    // More steps find nothing new and slow down the search through the issued ids.
    for _ in 0..64 {
        if input.0.is_empty() {
            break;
        }
        run.step(&mut input);
    }
    run.check_secrets();
    let user = &Accounts::default().accounts[0].user;
    let paths = run.server.paths(user);
    assert!(paths.is_sorted() && paths.contains(&"Trash/".to_owned()), "{paths:?}");
    run.server.reset();
    assert_eq!(run.log_in(0).status(), 200, "a reset undoes every change");
    assert_eq!(run.server.paths(user), ["Trash/"]);
}

struct Run {
    server: Server,
    now: Now,
    sessions: Vec<String>,
    /// Ids of every kind, for paths and bodies.
    known: Vec<String>,
    /// Ids that are secrets.
    secrets: Vec<String>,
}

impl Run {
    fn step(&mut self, input: &mut Input<'_>) {
        match input.byte() % 8 {
            0 => {
                self.log_in(usize::from(input.byte()));
            }
            1 => {
                let code = self.server.code(self.now, "totp@example.com").unwrap();
                let body = format!(r#"{{"auth_type":"2FA","code":"{code}"}}"#);
                let token = self.token(input);
                self.send("POST", "/api/1.0/session/login", token, body.into_bytes());
            }
            2 => {
                let waited = Duration::from_secs(u64::from(input.byte()) * 8);
                self.now = Now { elapsed: self.now.elapsed + waited, unix: self.now.unix + waited, ..self.now };
            }
            _ => self.request(input),
        }
    }

    fn log_in(&mut self, which: usize) -> Response<Bytes> {
        let accounts = Accounts::default().accounts;
        let account = &accounts[which % accounts.len()];
        let basic = BASE64_STANDARD.encode(format!("{}:{}", account.user, account.password));
        self.send("GET", "/api/1.0/session/login", Some(("authorization", format!("Basic {basic}"))), Vec::new())
    }

    fn request(&mut self, input: &mut Input<'_>) {
        let all = operations::all();
        let which = usize::from(input.byte()) % all.len();
        let Some(operation) = all.into_iter().nth(which) else { return };
        let base = if operation.base == operations::Base::Api { "/api/1.0" } else { "" };
        let mut path = format!("{base}{}", operation.template);
        if let Some((before, rest)) = operation.template.split_once('{') {
            let after = rest.split_once('}').map_or("", |(_, after)| after);
            path = format!("{base}{before}{}{after}", self.filled(input.text()));
        }
        let query = self.filled(input.text());
        if !query.is_empty() {
            path = format!("{path}?{query}");
        }
        let body = if operation.method == "GET" { Vec::new() } else { self.filled(input.text()).into_bytes() };
        let token = self.token(input);
        self.send(operation.method, &path, token, body);
    }

    fn token(&self, input: &mut Input<'_>) -> Option<(&'static str, String)> {
        let which = usize::from(input.byte());
        let token = self.sessions.get(which % self.sessions.len().max(1))?;
        Some(("x-auth-token", token.clone()))
    }

    /// Replaces `$n` in a text by the n-th newest of the issued ids.
    fn filled(&self, text: &[u8]) -> String {
        let mut parts = String::from_utf8_lossy(text).into_owned();
        for n in 0..10 {
            let Some(id) = self.known.iter().rev().nth(n) else { break };
            parts = parts.replace(&format!("${n}"), id);
        }
        parts
    }

    fn send(
        &mut self,
        method: &str,
        path: &str,
        header: Option<(&'static str, String)>,
        body: Vec<u8>,
    ) -> Response<Bytes> {
        let mut request = Request::builder().method(method).uri(path);
        if method == "POST" {
            request = request.header("content-type", "application/json").header("content-length", body.len());
        }
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        // A request that cannot be built never reaches the server.
        let Ok(request) = request.body(Bytes::from(body)) else { return Response::default() };
        let response = self.server.handle(self.now, request);
        assert!(response.status().is_success() || (400..600).contains(&response.status().as_u16()), "{response:?}");
        if response.headers().get("content-type").is_some_and(|value| value == "application/json") {
            let json: Value = serde_json::from_slice(response.body()).unwrap();
            self.remember(&json, path.starts_with("/api/1.0/file/download-link"));
        }
        response
    }

    fn remember(&mut self, json: &Value, is_link: bool) {
        match json {
            Value::Array(values) => values.iter().for_each(|value| self.remember(value, is_link)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    let Some(text) = value.as_str() else {
                        self.remember(value, is_link);
                        continue;
                    };
                    match name.as_str() {
                        "session_id" => {
                            self.sessions.push(text.to_owned());
                            self.secrets.push(text.to_owned());
                        }
                        "upload_key" => {
                            self.known.push(text.to_owned());
                            self.secrets.push(text.to_owned());
                        }
                        "id" | "file_id" | "parent_id" => {
                            self.known.push(text.to_owned());
                            if is_link {
                                self.secrets.push(text.to_owned());
                            }
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    /// Checks that no recorded header, and no recorded path of a secret id, shows a secret.
    fn check_secrets(&self) {
        for one in self.server.requests() {
            let (path, _) = one.path.split_once('?').unwrap_or((&one.path, ""));
            let has_secret_id = route(path).is_some_and(|route| route.operations[0].id_is_secret());
            let headers = format!("{:?}", one.headers);
            for secret in &self.secrets {
                assert!(!headers.contains(secret), "{headers}");
                assert!(!(has_secret_id && path.contains(secret)), "{path}");
            }
        }
    }
}

/// Input bytes, read in order; missing bytes are zero or empty.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn text(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.0.len());
        let (text, rest) = self.0.split_at(length);
        self.0 = rest;
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uses a generator (xorshift) that reaches every operation.
    #[test]
    fn no_requests_break_the_server() {
        let mut state = 0x9e37_79b9_u32;
        for length in 0..2000 {
            let bytes: Vec<u8> = (0..length % 120)
                .map(|_| {
                    state ^= state << 13;
                    state ^= state >> 17;
                    state ^= state << 5;
                    state as u8
                })
                .collect();
            emulator_requests(&bytes);
        }
    }
}
