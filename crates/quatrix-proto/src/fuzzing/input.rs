//! Bytes, taken as whatever a target needs next. There is always enough: what is missing is zero or empty.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};

pub(super) struct Input<'a> {
    whole: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub(super) fn new(data: &'a [u8]) -> Self {
        Self { whole: data, rest: data }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What has not been taken yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether it holds this text somewhere, taken or not.
    pub(super) fn says(&self, text: &str) -> bool {
        self.whole.windows(text.len()).any(|window| window == text.as_bytes())
    }

    pub(super) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.rest.split_first() else {
            return 0;
        };
        self.rest = rest;
        *first
    }

    /// One of these.
    pub(super) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()]
    }

    pub(super) fn text(&mut self) -> &'a [u8] {
        let length = usize::from(self.byte()).min(self.rest.len());
        let (text, rest) = self.rest.split_at(length);
        self.rest = rest;
        text
    }

    /// An answer with a body of at most 255 bytes, so that more can follow.
    pub(super) fn response(&mut self) -> http::Response<Bytes> {
        let mut response = self.head();
        *response.body_mut() = Bytes::copy_from_slice(self.text());
        response
    }

    /// An answer whose body is all that is left.
    pub(super) fn last_response(&mut self) -> http::Response<Bytes> {
        let mut response = self.head();
        *response.body_mut() = Bytes::copy_from_slice(std::mem::take(&mut self.rest));
        response
    }

    fn head(&mut self) -> http::Response<Bytes> {
        const STATUSES: [u16; 16] = [200, 200, 207, 401, 400, 403, 404, 405, 429, 302, 500, 502, 503, 202, 204, 418];
        const NAMES: [&str; 8] = [
            "mfa-code",
            "x-auth-token",
            "content-type",
            "content-length",
            "content-encoding",
            "retry-after",
            "date",
            "location",
        ];
        let mut response = http::Response::new(Bytes::new());
        *response.status_mut() = self.pick(&STATUSES).try_into().unwrap();
        for _ in 0..self.byte() % 4 {
            let name = HeaderName::from_static(self.pick(&NAMES));
            if let Ok(value) = HeaderValue::from_bytes(self.text()) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }
}
