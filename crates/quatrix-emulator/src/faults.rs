//! Fault plan: injected faults, the requests they apply to, and how often.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, DATE};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Uri};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::body::Body;
use crate::edits;
use crate::operations::route;
use crate::response::ErrorResponse;

/// Entry of a fault plan: the requests it applies to, and its effect.
///
/// The first entry that matches a request and is not used up applies.
///
/// ```
/// use quatrix_emulator::{Fault, FaultKind, CutPoint};
///
/// let lost_response = Fault::new(FaultKind::Cut(CutPoint::After)).on("POST", "/file/moveone");
/// let busy_twice = Fault::new(FaultKind::Status(503)).on("GET", "/profile").times(2).header("retry-after", "1");
/// let no_listing = Fault::new(FaultKind::Execute).on("GET", "/file/metadata/{id}").item("docs/old").remove("/content");
/// let renamed = Fault::new(FaultKind::Execute).on("POST", "/file/moveone").request("/name", "another");
/// let changed_meanwhile = Fault::new(FaultKind::Rewrite(None)).on("GET", "/file/download/{id}").skip(1);
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The method of the requests; `None` for any.
    #[serde(default)]
    pub method: Option<String>,
    /// The path template of the operation, such as `/file/metadata/{id}`, or the path; with `*` at its end, a prefix;
    /// `None` for any.
    #[serde(default)]
    pub path: Option<String>,
    /// The item that the path refers to by id, upload key or download link, as a path below any user's home; `None` for
    /// any.
    #[serde(default)]
    pub item: Option<String>,
    /// Number of matching requests to leave alone first.
    #[serde(default)]
    pub skip: u32,
    /// Number of requests to affect then; `None`, in JSON `null`, for all. Default: one.
    #[serde(default = "once")]
    pub times: Option<u32>,
    /// Effect of the fault.
    pub fault: FaultKind,
    /// Values to set in the request's JSON before it is executed, by JSON pointer (`/name`, `/ids/0`; `*` is every
    /// member).
    #[serde(default)]
    pub request: BTreeMap<String, Value>,
    /// Headers to add to the response or to change; `None`, in JSON `null`, removes a header.
    #[serde(default)]
    pub headers: BTreeMap<String, Option<String>>,
    /// Body to send in place of the response's own.
    #[serde(default)]
    pub body: Option<String>,
    /// Values to set in the response's JSON, by JSON pointer (`/content/*/size`).
    #[serde(default)]
    pub set: BTreeMap<String, Value>,
    /// Values to remove from the response's JSON, by JSON pointer.
    #[serde(default)]
    pub remove: Vec<String>,
}

fn once() -> Option<u32> {
    Some(1)
}

/// Effect of a fault on a request. In JSON: `{"status": 503}`, `{"cut": "after"}`, `{"cut": {"body": 10}}`, `"expire"`, ..
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// Executes the request, with the fault's changes to request, headers and body.
    Execute,
    /// Responds with this status, without executing the request; with the error model (code -1) unless the fault has a
    /// body.
    Status(u16),
    /// Executes the request, but responds with this status; with the error model (code -1) unless the fault has a body.
    Replace(u16),
    /// Replaces the bytes of the file that the request's path refers to (`None` keeps its length), then executes the
    /// request.
    Rewrite(Option<u64>),
    /// Executes the request after this delay; in JSON a number of seconds.
    #[serde(deserialize_with = "seconds")]
    Delay(Duration),
    /// Closes the connection.
    Cut(CutPoint),
    /// Resets the connection (TCP RST).
    Reset(CutPoint),
    /// Executes the request and shortens the response's body to this many bytes, with headers that fit.
    Truncate(u64),
    /// Executes the request and pads the response's body to this many bytes with spaces.
    Oversize(u64),
    /// Executes the request and responds with this `Content-Type`; `None`, in JSON `null`, removes it.
    WrongType(Option<String>),
    /// Ends all sessions, then executes the request.
    Expire,
}

/// Point at which a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CutPoint {
    /// After this many bytes of the request's body, without executing it.
    Request(u64),
    /// Before the request is executed.
    Before,
    /// After the request is executed, before the response.
    After,
    /// After this many bytes of the response's body, with headers for the whole body. A reset may discard bytes on
    /// their way.
    Body(u64),
}

impl Fault {
    /// Returns a fault that applies to the next request.
    #[must_use]
    pub fn new(fault: FaultKind) -> Self {
        Self {
            method: None,
            path: None,
            item: None,
            skip: 0,
            times: once(),
            fault,
            request: BTreeMap::new(),
            headers: BTreeMap::new(),
            body: None,
            set: BTreeMap::new(),
            remove: Vec::new(),
        }
    }

    /// Applies only to requests of this method and path, see [`Fault::path`].
    #[must_use]
    pub fn on(self, method: &str, path: &str) -> Self {
        Self { method: Some(method.to_owned()), path: Some(path.to_owned()), ..self }
    }

    /// Applies only to requests whose path refers to this item, see [`Fault::item`].
    #[must_use]
    pub fn item(self, path: &str) -> Self {
        Self { item: Some(path.to_owned()), ..self }
    }

    /// Leaves this many matching requests alone first.
    #[must_use]
    pub fn skip(self, skip: u32) -> Self {
        Self { skip, ..self }
    }

    /// Applies to this many requests.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Applies to every request.
    #[must_use]
    pub fn always(self) -> Self {
        Self { times: None, ..self }
    }

    /// Sets a value in the request's JSON before it is executed, see [`Fault::request`].
    #[must_use]
    pub fn request(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        self.request.insert(pointer.to_owned(), value.into());
        self
    }

    /// Adds a header to the response, or changes it.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), Some(value.to_owned()));
        self
    }

    /// Removes a header from the response.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.insert(name.to_owned(), None);
        self
    }

    /// Replaces the response's body.
    #[must_use]
    pub fn body(self, body: impl Into<String>) -> Self {
        Self { body: Some(body.into()), ..self }
    }

    /// Sets a value in the response's JSON, see [`Fault::set`].
    #[must_use]
    pub fn set(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        self.set.insert(pointer.to_owned(), value.into());
        self
    }

    /// Removes a value from the response's JSON, see [`Fault::remove`].
    #[must_use]
    pub fn remove(mut self, pointer: &str) -> Self {
        self.remove.push(pointer.to_owned());
        self
    }

    fn matches(&self, method: &str, uri: &Uri, names: impl Fn(&str) -> bool) -> bool {
        let template = route(uri.path()).map_or("", |route| route.operations[0].template);
        let fits = |path: &String| match path.strip_suffix('*') {
            Some(start) => template.starts_with(start) || uri.path().starts_with(start),
            None => template == path || uri.path() == path,
        };
        self.method.as_ref().is_none_or(|one| one == method)
            && self.path.as_ref().is_none_or(fits)
            && self.item.as_deref().is_none_or(names)
    }

    /// Returns the changed request.
    pub(crate) fn change_request(&self, mut request: Request<Body>) -> Request<Body> {
        if self.request.is_empty() {
            return request;
        }
        let text = std::mem::take(request.body_mut()).into_bytes();
        let text = edits::edit(&text, &self.request, &[]).map_or(text, Bytes::from);
        if request.headers().contains_key(CONTENT_LENGTH) {
            request.headers_mut().insert(CONTENT_LENGTH, text.len().into());
        }
        *request.body_mut() = Body::from(text);
        request
    }

    /// Changes the response, and sets its date.
    pub(crate) fn change(&self, mut response: Response<Body>, date: HeaderValue) -> Response<Body> {
        if let FaultKind::Status(status) | FaultKind::Replace(status) = self.fault {
            response = ErrorResponse::new(status, -1, "unknown: injected fault").into_response();
        }
        response.headers_mut().insert(DATE, date);
        if let Some(body) = &self.body {
            *response.body_mut() = Body::from(body.clone().into_bytes());
        }
        if !(self.set.is_empty() && self.remove.is_empty()) {
            let text = std::mem::take(response.body_mut()).into_bytes();
            *response.body_mut() = edits::edit(&text, &self.set, &self.remove).map_or(text, Bytes::from).into();
        }
        match &self.fault {
            FaultKind::Truncate(len) => response.body_mut().truncate(*len),
            FaultKind::Oversize(len) => pad(response.body_mut(), *len),
            FaultKind::WrongType(media_type) => {
                response.headers_mut().remove(CONTENT_TYPE);
                let value = media_type.as_ref().and_then(|media_type| HeaderValue::from_str(media_type).ok());
                value.map(|value| response.headers_mut().insert(CONTENT_TYPE, value));
            }
            FaultKind::Execute
            | FaultKind::Status(_)
            | FaultKind::Replace(_)
            | FaultKind::Rewrite(_)
            | FaultKind::Delay(_)
            | FaultKind::Cut(_)
            | FaultKind::Reset(_)
            | FaultKind::Expire => {}
        }
        for (name, value) in &self.headers {
            match (HeaderName::try_from(name), value.as_deref().map(HeaderValue::from_str)) {
                (Ok(name), Some(Ok(value))) => drop(response.headers_mut().insert(name, value)),
                (Ok(name), None) => drop(response.headers_mut().remove(name)),
                _ => {}
            }
        }
        response
    }

    /// Returns an error for a fault that cannot be injected.
    fn check(&self) -> Result<(), String> {
        for (name, value) in &self.headers {
            let value = value.as_deref().unwrap_or_default();
            if HeaderName::try_from(name).is_err() || HeaderValue::from_str(value).is_err() {
                return Err(format!("{name}: invalid header name or value"));
            }
        }
        if let Some(wrong) =
            self.request.keys().chain(self.set.keys()).chain(&self.remove).find(|pointer| !edits::is_pointer(pointer))
        {
            return Err(format!("JSON pointer {wrong:?} must start with \"/\""));
        }
        match &self.fault {
            FaultKind::Status(status) | FaultKind::Replace(status)
                if StatusCode::from_u16(*status).is_err() || *status < 200 =>
            {
                Err(format!("invalid status {status}: use 200 to 999"))
            }
            FaultKind::WrongType(Some(media_type)) if HeaderValue::from_str(media_type).is_err() => {
                Err(format!("invalid content type {media_type:?}"))
            }
            _ => Ok(()),
        }
    }
}

/// Pads a body with spaces.
fn pad(body: &mut Body, len: u64) {
    const SPACES: &[u8] = &[b' '; 64 * 1024];
    while body.len() < len {
        let missing = usize::try_from(len - body.len()).unwrap_or(usize::MAX);
        body.push(Bytes::from_static(&SPACES[..missing.min(SPACES.len())]));
    }
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(serde::de::Error::custom)
}

/// Error for a fault that cannot be injected: its index and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidFault(String);

impl fmt::Display for InvalidFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidFault {}

/// Remaining faults.
#[derive(Debug, Default)]
pub(crate) struct Plan(Vec<Fault>);

impl Plan {
    pub(crate) fn new(faults: Vec<Fault>) -> Result<Self, InvalidFault> {
        for (index, fault) in faults.iter().enumerate() {
            fault.check().map_err(|why| InvalidFault(format!("fault {index}: {why}")))?;
        }
        Ok(Self(faults))
    }

    /// Returns the fault of this request; `names` returns whether its path refers to an item.
    pub(crate) fn next(&mut self, method: &str, uri: &Uri, names: impl Fn(&str) -> bool) -> Option<Fault> {
        for fault in self.0.iter_mut().filter(|fault| fault.times != Some(0) && fault.matches(method, uri, &names)) {
            if fault.skip > 0 {
                fault.skip -= 1;
                continue;
            }
            fault.times = fault.times.map(|times| times - 1);
            return Some(fault.clone());
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn next(plan: &mut Plan, method: &str, path: &str) -> Option<FaultKind> {
        plan.next(method, &path.parse().unwrap(), |item| item == "here").map(|fault| fault.fault)
    }

    #[test]
    fn a_fault_hits_the_requests_it_is_for_as_often_as_it_says() {
        let busy = Fault::new(FaultKind::Status(503)).on("GET", "/file/metadata/{id}").skip(1).times(2);
        let slow = Fault::new(FaultKind::Delay(Duration::ZERO)).on("GET", "/api/1.0/file/*").always();
        let mut plan = Plan::new(vec![busy, slow]).unwrap();
        let path = "/api/1.0/file/metadata/4711?content=0";
        assert_eq!(next(&mut plan, "POST", path), None);
        assert_eq!(next(&mut plan, "GET", "/api/1.0/profile"), None);
        assert_eq!(next(&mut plan, "GET", path), Some(FaultKind::Delay(Duration::ZERO)));
        assert_eq!(next(&mut plan, "GET", path), Some(FaultKind::Status(503)));
        assert_eq!(next(&mut plan, "GET", path), Some(FaultKind::Status(503)));
        assert_eq!(next(&mut plan, "GET", path), Some(FaultKind::Delay(Duration::ZERO)));
        let mut any = Plan::new(vec![Fault::new(FaultKind::Expire)]).unwrap();
        assert_eq!(next(&mut any, "PUT", "/x"), Some(FaultKind::Expire));
        assert_eq!(next(&mut any, "PUT", "/x"), None);
        for (item, hit) in [("here", Some(FaultKind::Execute)), ("there", None)] {
            let mut plan = Plan::new(vec![Fault::new(FaultKind::Execute).item(item)]).unwrap();
            assert_eq!(next(&mut plan, "GET", "/x"), hit);
        }
    }

    #[test]
    fn every_form_of_json_is_read() {
        for (json, what) in [
            (json!("execute"), FaultKind::Execute),
            (json!({ "status": 503 }), FaultKind::Status(503)),
            (json!({ "replace": 404 }), FaultKind::Replace(404)),
            (json!({ "rewrite": null }), FaultKind::Rewrite(None)),
            (json!({ "rewrite": 7 }), FaultKind::Rewrite(Some(7))),
            (json!({ "delay": 1.5 }), FaultKind::Delay(Duration::from_millis(1500))),
            (json!({ "cut": "before" }), FaultKind::Cut(CutPoint::Before)),
            (json!({ "cut": { "request": 3 } }), FaultKind::Cut(CutPoint::Request(3))),
            (json!({ "reset": "after" }), FaultKind::Reset(CutPoint::After)),
            (json!({ "reset": { "body": 10 } }), FaultKind::Reset(CutPoint::Body(10))),
            (json!({ "truncate": 4 }), FaultKind::Truncate(4)),
            (json!({ "oversize": 1000 }), FaultKind::Oversize(1000)),
            (json!({ "wrong-type": "text/html" }), FaultKind::WrongType(Some("text/html".to_owned()))),
            (json!({ "wrong-type": null }), FaultKind::WrongType(None)),
            (json!("expire"), FaultKind::Expire),
        ] {
            let read: Fault = serde_json::from_value(json!({ "fault": json })).unwrap();
            assert_eq!(read, Fault::new(what), "{json}");
        }
        let full = json!({
            "method": "GET", "path": "/profile", "skip": 1, "times": null,
            "item": "a/b", "request": { "/name": "x" }, "set": { "/id": null }, "remove": ["/content"],
            "fault": { "status": 429 }, "headers": { "retry-after": "3", "date": null }, "body": "busy",
        });
        let expected = Fault::new(FaultKind::Status(429)).on("GET", "/profile").item("a/b").skip(1).always();
        let expected = expected.request("/name", "x").set("/id", Value::Null).remove("/content");
        let read: Fault = serde_json::from_value(full).unwrap();
        assert_eq!(read, expected.header("retry-after", "3").without_header("date").body("busy"));
        for wrong in [json!({}), json!({ "fault": "explode" }), json!({ "fault": { "delay": -1 } })] {
            assert!(serde_json::from_value::<Fault>(wrong).is_err());
        }
    }

    #[test]
    fn what_cannot_be_carried_out_is_refused() {
        for fault in [
            Fault::new(FaultKind::Status(42)),
            Fault::new(FaultKind::Status(101)),
            Fault::new(FaultKind::WrongType(Some("a\nb".to_owned()))),
            Fault::new(FaultKind::Expire).header("a b", "c"),
            Fault::new(FaultKind::Expire).header("a", "b\nc"),
            Fault::new(FaultKind::Replace(1000)),
            Fault::new(FaultKind::Execute).set("content", 1),
            Fault::new(FaultKind::Execute).request("", 1),
            Fault::new(FaultKind::Execute).remove("content"),
        ] {
            assert!(
                Plan::new(vec![Fault::new(FaultKind::Expire), fault]).unwrap_err().to_string().starts_with("fault 1: ")
            );
        }
    }

    #[test]
    fn an_answer_is_changed_as_the_fault_says() {
        let changed = |fault: Fault| {
            let response = crate::response::ok(&json!({ "a": 1 }));
            let (head, body) = fault.change(response, HeaderValue::from_static("today")).into_parts();
            let media_type = head.headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap().to_owned());
            (head.headers.get("x").is_some(), media_type, String::from_utf8(body.into_bytes().to_vec()).unwrap())
        };
        let json = || Some("application/json".to_owned());
        assert_eq!(changed(Fault::new(FaultKind::Truncate(3))), (false, json(), "{\"a".to_owned()));
        assert_eq!(changed(Fault::new(FaultKind::Truncate(99))), (false, json(), "{\"a\":1}".to_owned()));
        assert_eq!(changed(Fault::new(FaultKind::Oversize(9))), (false, json(), "{\"a\":1}  ".to_owned()));
        assert_eq!(changed(Fault::new(FaultKind::Oversize(200_000))).2.len(), 200_000);
        assert_eq!(changed(Fault::new(FaultKind::WrongType(None))), (false, None, "{\"a\":1}".to_owned()));
        let html = FaultKind::WrongType(Some("text/html".to_owned()));
        let html = Fault::new(html).header("x", "y").body("<p>");
        assert_eq!(changed(html), (true, Some("text/html".to_owned()), "<p>".to_owned()));
        let lie = Fault::new(FaultKind::Execute).set("/b", 2).remove("/a").without_header("content-type");
        assert_eq!(changed(lie), (false, None, "{\"b\":2}".to_owned()));
        let gone = Fault::new(FaultKind::Replace(404)).set("/code", 20).remove("/msg");
        assert_eq!(changed(gone), (false, json(), "{\"code\":20}".to_owned()));
    }
}
