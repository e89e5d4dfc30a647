//! What an observer is told.

use std::collections::VecDeque;

use http::{Method, StatusCode};

use crate::challenge::Challenge;
use crate::endpoint::Spec;
use crate::error::{LoggedOut, TransportErrorKind};
use crate::session::CallId;

/// Something that happened to a session.
///
/// It holds no secret: an exchange is named by its endpoint.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A round trip ended.
    #[non_exhaustive]
    Exchanged {
        /// The call that carried it.
        call: CallId,
        /// The endpoint's name.
        endpoint: &'static str,
        /// The HTTP method.
        method: Method,
        /// The path template.
        path: &'static str,
        /// The status of the answer, or why there is none.
        result: Result<StatusCode, TransportErrorKind>,
    },
    /// A call is sent again, for the n-th time.
    #[non_exhaustive]
    Repeating {
        /// The call.
        call: CallId,
        /// The endpoint's name.
        endpoint: &'static str,
        /// How often it was sent before.
        attempts: u8,
    },
    /// There is a session now.
    #[non_exhaustive]
    LoggedIn {
        /// Whether it replaces one that expired.
        again: bool,
    },
    /// An answer is needed.
    Challenged(Challenge),
    /// There is no session any more.
    LoggedOut(LoggedOut),
}

/// The newest events, for whoever asks; an observer that falls behind loses the oldest.
#[derive(Clone, Default)]
#[allow(clippy::box_collection, reason = "most sessions have no observer: one word instead of four")]
pub(super) struct Events(Option<Box<VecDeque<Event>>>);

impl Events {
    const MAX: usize = 32;

    pub(super) fn new(observe: bool) -> Self {
        Self(observe.then(Box::default))
    }

    pub(super) fn push(&mut self, event: impl FnOnce() -> Event) {
        if let Some(events) = &mut self.0 {
            if events.len() == Self::MAX {
                events.pop_front();
            }
            events.push_back(event());
        }
    }

    pub(super) fn exchanged(
        &mut self,
        call: CallId,
        spec: &'static Spec,
        result: Result<StatusCode, TransportErrorKind>,
    ) {
        self.push(|| Event::Exchanged { call, endpoint: spec.name, method: spec.method(), path: spec.path, result });
    }

    pub(super) fn pop(&mut self) -> Option<Event> {
        self.0.as_mut()?.pop_front()
    }
}
