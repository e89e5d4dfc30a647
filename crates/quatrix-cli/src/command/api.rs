//! `quatrix api`

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use clap::ArgAction;
use http::{HeaderName, HeaderValue, Method, Response};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use quatrix_ureq::proto::CallOptions;
use quatrix_ureq::proto::api::Raw;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use crate::failure::Failure;
use crate::out;
use crate::settings::Settings;
use crate::show::ShownLines;
use indented::Indented;

mod indented;

/// Call any operation of the API.
///
/// METHOD is GET, POST, PUT, PATCH or DELETE; PATH is what follows the base of the
/// API, such as /profile or /file/metadata/ID?content=0. It is only ever sent to
/// the account's own server. The answer is printed as it came: pipe it into a
/// program that reads JSON. On a terminal it is indented, and its control
/// characters are made visible.
///
///   quatrix api GET /profile
///   quatrix api GET /file/metadata/ID -f content=0      # into the query
///   quatrix api POST /file/makedir -f target=ID -f name=Reports -F resolve:=false
///   quatrix api POST /file/search --input query.json
///
/// An answer that is no success is printed all the same; the exit code says what
/// it was. A call that may have arrived is not repeated, because nothing here
/// knows whether that would be safe.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Api {
    /// GET, POST, PUT, PATCH or DELETE
    method: String,

    /// The path below the base of the API
    path: String,

    /// A text: a field of the JSON body, or of the query
    #[arg(short = 'f', long = "field", value_name = "KEY=TEXT", action = ArgAction::Append)]
    texts: Vec<String>,

    /// JSON: a number, true, null, a list ..
    #[arg(short = 'F', long = "json-field", value_name = "KEY:=JSON", action = ArgAction::Append)]
    values: Vec<String>,

    /// One more header; not one of credentials or of the connection
    #[arg(short = 'H', long = "header", value_name = "NAME:VALUE", action = ArgAction::Append)]
    headers: Vec<String>,

    /// The JSON body, from a file or (-) from standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["texts", "values"])]
    input: Option<PathBuf>,

    /// Print the status and the headers, too
    #[arg(short = 'i', long)]
    include: bool,
}

impl Api {
    pub(crate) fn run(self, settings: &Settings) -> Result<(), Failure> {
        let raw = self.request()?;
        let options = self.options(settings)?;
        let response = settings.with_client(|client| Ok(client.call_with(&raw, options)?))?;
        if self.include {
            out::write(head(&response).as_bytes())?;
        }
        print(response.body())?;
        match response.status().is_success() {
            true => Ok(()),
            false => Err(refused(&self.method, &response)),
        }
    }

    fn request(&self) -> Result<Raw, Failure> {
        if self.path.contains("://") {
            return Err(Failure::usage("PATH is a path only: --host or --base-url name the server"));
        }
        let method = self.method.to_ascii_uppercase();
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| Failure::usage("METHOD must be an HTTP method, such as GET or POST"))?;
        let fields = self.fields()?;
        if let Some(path) = &self.input {
            return Ok(Raw::new(method, &*self.path).with_body(input(path)?));
        }
        if fields.is_empty() {
            return Ok(Raw::new(method, &*self.path));
        }
        Ok(match method {
            Method::GET | Method::DELETE => Raw::new(method, with_query(&self.path, &fields)),
            _ => Raw::new(method, &*self.path).with_body(Value::Object(fields).to_string()),
        })
    }

    fn fields(&self) -> Result<Map<String, Value>, Failure> {
        let mut fields = Map::new();
        for text in &self.texts {
            let (key, value) = text.split_once('=').ok_or_else(|| Failure::usage("-f takes KEY=TEXT"))?;
            fields.insert(key.to_owned(), value.into());
        }
        for text in &self.values {
            let (key, json) = text.split_once(":=").ok_or_else(|| Failure::usage("-F takes KEY:=JSON"))?;
            let value = serde_json::from_str(json).map_err(|_| Failure::usage(format!("-F {key}: not JSON")))?;
            fields.insert(key.to_owned(), value);
        }
        Ok(fields)
    }

    fn options(&self, settings: &Settings) -> Result<CallOptions, Failure> {
        let mut options = settings.call_options();
        for text in &self.headers {
            let (name, value) = text.split_once(':').ok_or_else(|| Failure::usage("-H takes NAME:VALUE"))?;
            let name: HeaderName = name
                .trim()
                .parse()
                .map_err(|_| Failure::usage("-H takes NAME:VALUE: the name of the header is not valid"))?;
            let value: HeaderValue = value
                .trim()
                .parse()
                .map_err(|_| Failure::usage("-H takes NAME:VALUE: the value of the header is not valid"))?;
            options = options.with_header(name, value).map_err(|invalid| Failure::usage(invalid.to_string()))?;
        }
        Ok(options)
    }
}

fn input(path: &Path) -> Result<Vec<u8>, Failure> {
    let read = match path == Path::new("-") {
        true => {
            let mut body = Vec::new();
            io::stdin().lock().read_to_end(&mut body).map(|_| body)
        }
        false => fs::read(path),
    };
    read.map_err(|error| Failure::file(path, &error))
}

/// Texts as they are, other values as their JSON.
fn with_query(path: &str, fields: &Map<String, Value>) -> String {
    const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

    let encoded = |text: &str| utf8_percent_encode(text, PLAIN).to_string();
    let pair = |(key, value): (&String, &Value)| match value {
        Value::String(text) => format!("{}={}", encoded(key), encoded(text)),
        value => format!("{}={}", encoded(key), encoded(&value.to_string())),
    };
    let pairs: Vec<_> = fields.iter().map(pair).collect();
    let joint = if path.contains('?') { '&' } else { '?' };
    format!("{path}{joint}{}", pairs.join("&"))
}

fn head<T>(response: &Response<T>) -> String {
    let mut head = format!("{:?} {}\n", response.version(), response.status());
    for (name, value) in response.headers() {
        let secret = matches!(name.as_str(), "x-auth-token" | "set-cookie");
        let value = String::from_utf8_lossy(if secret { b"***" } else { value.as_bytes() });
        head.push_str(&format!("{name}: {}\n", crate::show::Shown(&value)));
    }
    head + "\n"
}

fn print(body: &[u8]) -> Result<(), Failure> {
    if !out::is_terminal() {
        return out::write(body);
    }
    match std::str::from_utf8(body) {
        Ok("") => Ok(()),
        Ok(text) if serde_json::from_str::<IgnoredAny>(text).is_ok() => out::show(Indented(text)),
        Ok(text) => out::show(ShownLines(text.trim_end())),
        Err(_) => out::line(&format!("({} bytes that are no text: send them into a file or a pipe)", body.len())),
    }
}

fn refused(method: &str, response: &Response<bytes::Bytes>) -> Failure {
    #[derive(Default, Deserialize)]
    struct Model {
        code: Option<i64>,
        msg: Option<String>,
    }
    let model: Model = serde_json::from_slice(response.body()).unwrap_or_default();
    let status = response.status();
    let mut what = format!("{}: status {status}", method.to_ascii_uppercase());
    if let Some(message) = model.msg {
        what.push_str(&format!(": {message}"));
    }
    if let Some(code) = model.code {
        what.push_str(&format!(" (code {code})"));
    }
    Failure::answered(status.as_u16(), model.code, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_a_query_are_encoded() {
        let fields = serde_json::from_str(r#"{"path": "/a b&c=ü", "content": 0}"#).unwrap();
        assert_eq!(with_query("/x", &fields), "/x?content=0&path=%2Fa%20b%26c%3D%C3%BC");
        assert_eq!(with_query("/x?y=1", &fields), "/x?y=1&content=0&path=%2Fa%20b%26c%3D%C3%BC");
    }
}
