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
pub struct TransportError {
    kind: TransportErrorKind,
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
pub enum TransportErrorKind {
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
pub enum TransportPhase {
    /// Until there is a connection: name, socket, proxy, TLS.
    Connect,
    /// The request is on its way out.
    Send,
    /// The answer is waited for, or on its way in.
    Receive,
}

impl TransportErrorKind {
    /// Whether the next try may fare better.
    pub(crate) fn is_transient(self) -> bool {
        match self {
            Self::Connect | Self::Proxy | Self::TimedOut | Self::Interrupted | Self::Aborted => true,
            Self::Tls | Self::TooLarge | Self::Encoding | Self::Range | Self::Redirect | Self::Local => false,
        }
    }
}

impl TransportError {
    /// Makes a failure whose request provably never left, such as a connection that was not made.
    pub fn unsent(kind: TransportErrorKind) -> Self {
        Self { kind, may_have_been_sent: false, context: None }
    }

    /// Makes a failure whose request may have reached the server.
    pub fn maybe_sent(kind: TransportErrorKind) -> Self {
        Self { may_have_been_sent: true, ..Self::unsent(kind) }
    }

    /// Makes the failure of a step that took longer than allowed.
    ///
    /// What was still connecting has sent nothing.
    pub fn timed_out(during: TransportPhase) -> Self {
        match during {
            TransportPhase::Connect => Self::unsent(TransportErrorKind::TimedOut).with_detail("while connecting"),
            TransportPhase::Send => Self::maybe_sent(TransportErrorKind::TimedOut).with_detail("while sending"),
            TransportPhase::Receive => {
                Self::maybe_sent(TransportErrorKind::TimedOut).with_detail("while waiting for the answer")
            }
        }
    }

    /// The same failure, of a call whose earlier attempt may have been executed.
    pub(crate) fn after_attempt(self) -> Self {
        Self { may_have_been_sent: true, ..self }
    }

    /// Makes the failure of a caller that went away and took the exchange along.
    pub fn aborted() -> Self {
        Self::maybe_sent(TransportErrorKind::Aborted)
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
        let failure = Self::maybe_sent(TransportErrorKind::Redirect);
        let target = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let uri = target.and_then(|text| text.parse::<http::Uri>().ok());
        // Without a scheme, a word alone is read as a host, and may be anything.
        match uri.as_ref().and_then(|uri| uri.scheme_str().zip(uri.host())) {
            Some((scheme, host)) => failure.with_detail(format!("to {scheme} on {}", Shown(host))),
            None => failure,
        }
    }

    /// What kind of failure it was.
    pub fn kind(&self) -> TransportErrorKind {
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

/// Compares kind, [`may_have_been_sent`](TransportError::may_have_been_sent) and detail; the source is an error of the
/// transport, which cannot be compared.
impl PartialEq for TransportError {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, self.may_have_been_sent, self.detail()) == (other.kind, other.may_have_been_sent, other.detail())
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            TransportErrorKind::Connect => "could not connect",
            TransportErrorKind::Tls => "no secure connection",
            TransportErrorKind::Proxy => "the proxy failed",
            TransportErrorKind::TimedOut => "timed out",
            TransportErrorKind::Interrupted => "the connection was interrupted",
            TransportErrorKind::TooLarge => "the answer is too large",
            TransportErrorKind::Encoding => "the answer is encoded in a way that was not asked for",
            TransportErrorKind::Range => "the answer holds other bytes than the ones asked for",
            TransportErrorKind::Redirect => "the server answered with a redirect, which is not followed",
            TransportErrorKind::Aborted => "the exchange was given up",
            TransportErrorKind::Local => "a local error",
        })?;
        match self.detail() {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source = self.context.as_ref()?.source.as_deref()?;
        Some(source as _)
    }
}

impl fmt::Debug for TransportError {
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
            let failure = TransportError::timed_out(during);
            (failure.to_string(), failure.may_have_been_sent())
        };
        assert_eq!(said(TransportPhase::Connect), ("timed out: while connecting".into(), false));
        assert_eq!(said(TransportPhase::Send), ("timed out: while sending".into(), true));
        assert_eq!(said(TransportPhase::Receive), ("timed out: while waiting for the answer".into(), true));
    }

    #[test]
    fn m26_a_redirect_names_the_host_and_nothing_more() {
        let redirect = |location: &str| {
            let response = http::Response::builder().status(302).header(LOCATION, location);
            TransportError::redirect(&response.body(Bytes::new()).unwrap()).to_string()
        };
        let plain = "the server answered with a redirect, which is not followed";
        assert_eq!(redirect("https://evil.example/canary?x=canary"), format!("{plain}: to https on evil.example"));
        assert_eq!(redirect("https://canary@evil.example/"), format!("{plain}: to https on evil.example"));
        assert_eq!(redirect("/relative"), plain);
        assert_eq!(redirect("canary"), plain);
        assert_eq!(redirect("%%%"), plain);
    }
}
