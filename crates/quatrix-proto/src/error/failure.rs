//! An exchange that did not come to an end.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::LOCATION;

use super::Shown;

/// Why an exchange did not come to an end, and whether the request may have reached the server.
///
/// A driver makes one and hands it to [`Session::handle_failure`](crate::Session::handle_failure). When in doubt it says
/// that the request may have been sent: the core then repeats only what is safe to repeat.
#[derive(Clone)]
pub struct Failure {
    kind: FailureKind,
    may_have_been_sent: bool,
    context: Option<Arc<Context>>,
}

#[derive(Clone, Default)]
struct Context {
    detail: Option<Arc<str>>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// What kind of failure it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// No connection: name not resolved, refused, unreachable.
    Connect,
    /// The server's identity or the encryption could not be established. There is no fallback.
    Tls,
    /// The proxy refused or failed.
    Proxy,
    /// A phase took longer than allowed.
    TimedOut,
    /// The connection broke, or the answer ended early.
    Interrupted,
    /// The answer is larger than allowed: head or body.
    TooLarge,
    /// The answer is encoded although identity was asked for.
    Encoding,
    /// The answer holds other bytes than the ones that were asked for.
    Range,
    /// The server answered with a redirect. None is followed: credentials belong to one server.
    Redirect,
    /// The driver gave the exchange up: its caller went away.
    Aborted,
    /// The machine's own fault: a file could not be read or written.
    Local,
}

/// A step of an exchange, in which it can last too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum During {
    /// Until there is a connection: name, socket, proxy, TLS.
    Connecting,
    /// The request is on its way out.
    Sending,
    /// The answer is waited for, or on its way in.
    Answering,
}

impl FailureKind {
    /// Whether the next try may fare better.
    pub(crate) fn is_transient(self) -> bool {
        match self {
            Self::Connect | Self::Proxy | Self::TimedOut | Self::Interrupted | Self::Aborted => true,
            Self::Tls | Self::TooLarge | Self::Encoding | Self::Range | Self::Redirect | Self::Local => false,
        }
    }
}

impl Failure {
    /// Makes a failure whose request provably never left, such as a connection that was not made.
    pub fn unsent(kind: FailureKind) -> Self {
        Self { kind, may_have_been_sent: false, context: None }
    }

    /// Makes a failure whose request may have reached the server.
    pub fn maybe_sent(kind: FailureKind) -> Self {
        Self { may_have_been_sent: true, ..Self::unsent(kind) }
    }

    /// Makes the failure of a step that took longer than allowed.
    ///
    /// What was still connecting has sent nothing.
    pub fn timed_out(during: During) -> Self {
        match during {
            During::Connecting => Self::unsent(FailureKind::TimedOut).with_detail("while connecting"),
            During::Sending => Self::maybe_sent(FailureKind::TimedOut).with_detail("while sending"),
            During::Answering => Self::maybe_sent(FailureKind::TimedOut).with_detail("while waiting for the answer"),
        }
    }

    /// The same failure, of a call whose earlier attempt may have been executed.
    pub(crate) fn after_attempt(self) -> Self {
        Self { may_have_been_sent: true, ..self }
    }

    /// Makes the failure of a caller that went away and took the exchange along.
    pub fn aborted() -> Self {
        Self::maybe_sent(FailureKind::Aborted)
    }

    /// Adds the error of the transport.
    ///
    /// Its text must hold no secret.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.context_mut().source = Some(Arc::from(source.into()));
        self
    }

    /// Adds a few words on what happened.
    ///
    /// They must hold no secret.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Arc<str>>) -> Self {
        self.context_mut().detail = Some(detail.into());
        self
    }

    fn context_mut(&mut self) -> &mut Context {
        Arc::make_mut(self.context.get_or_insert_default())
    }

    /// A 3xx; of its `Location` only scheme and host are kept, the rest may be a capability.
    pub(crate) fn redirect(response: &http::Response<Bytes>) -> Self {
        let failure = Self::maybe_sent(FailureKind::Redirect);
        let target = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let uri = target.and_then(|text| text.parse::<http::Uri>().ok());
        // Without a scheme, a word alone is read as a host, and may be anything.
        match uri.as_ref().and_then(|uri| uri.scheme_str().zip(uri.host())) {
            Some((scheme, host)) => failure.with_detail(format!("to {scheme} on {}", Shown(host))),
            None => failure,
        }
    }

    /// What kind of failure it was.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// Whether the request may have reached the server.
    pub fn may_have_been_sent(&self) -> bool {
        self.may_have_been_sent
    }

    fn detail(&self) -> Option<&str> {
        self.context.as_ref()?.detail.as_deref()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            FailureKind::Connect => "could not connect",
            FailureKind::Tls => "no secure connection",
            FailureKind::Proxy => "the proxy failed",
            FailureKind::TimedOut => "timed out",
            FailureKind::Interrupted => "the connection was interrupted",
            FailureKind::TooLarge => "the answer is too large",
            FailureKind::Encoding => "the answer is encoded in a way that was not asked for",
            FailureKind::Range => "the answer holds other bytes than the ones asked for",
            FailureKind::Redirect => "the server answered with a redirect, which is not followed",
            FailureKind::Aborted => "the exchange was given up",
            FailureKind::Local => "a local error",
        })?;
        match self.detail() {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source = self.context.as_ref()?.source.as_deref()?;
        Some(source as _)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure")
            .field("kind", &self.kind)
            .field("may_have_been_sent", &self.may_have_been_sent)
            .field("detail", &self.detail())
            .field("source", &self.source().map(ToString::to_string))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m25_what_timed_out_says_when_and_whether_it_was_sent() {
        let said = |during| {
            let failure = Failure::timed_out(during);
            (failure.to_string(), failure.may_have_been_sent())
        };
        assert_eq!(said(During::Connecting), ("timed out: while connecting".into(), false));
        assert_eq!(said(During::Sending), ("timed out: while sending".into(), true));
        assert_eq!(said(During::Answering), ("timed out: while waiting for the answer".into(), true));
    }

    #[test]
    fn m26_a_redirect_names_the_host_and_nothing_more() {
        let redirect = |location: &str| {
            let response = http::Response::builder().status(302).header(LOCATION, location);
            Failure::redirect(&response.body(Bytes::new()).unwrap()).to_string()
        };
        let plain = "the server answered with a redirect, which is not followed";
        assert_eq!(redirect("https://evil.example/canary?x=canary"), format!("{plain}: to https on evil.example"));
        assert_eq!(redirect("https://canary@evil.example/"), format!("{plain}: to https on evil.example"));
        assert_eq!(redirect("/relative"), plain);
        assert_eq!(redirect("canary"), plain);
        assert_eq!(redirect("%%%"), plain);
    }
}
