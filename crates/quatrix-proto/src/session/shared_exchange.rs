//! The exchange that all share, if there is one: it lives in the phase that it belongs to.

use super::{CallId, ExchangeId, Phase, Session};
use crate::endpoint::{Endpoint, Prepared};
use crate::error::Invalid;
use crate::time::Timestamp;

/// A shared exchange and the caller that carries it.
#[derive(Clone)]
pub(super) struct SharedExchange {
    pub(super) prepared: Prepared,
    pub(super) leader: CallId,
    /// `None`: the carrier has not polled yet.
    pub(super) exchange: Option<ExchangeId>,
    pub(super) sent: Timestamp,
    /// When it counts as lost, reported or not.
    pub(super) deadline: Timestamp,
}

impl Session {
    /// A shared exchange that `leader` sends at its next poll.
    pub(super) fn shared_exchange_led_by(
        &self,
        now: Timestamp,
        leader: CallId,
        endpoint: &impl Endpoint,
    ) -> Result<SharedExchange, Invalid> {
        let prepared = endpoint.prepare(&self.config.server)?;
        let deadline = now.saturating_add(self.config.exchange_timeout);
        Ok(SharedExchange { prepared, leader, exchange: None, sent: now, deadline })
    }

    pub(super) fn shared_exchange(&self) -> Option<&SharedExchange> {
        match &self.phase {
            Phase::LoggingIn(logging_in) => Some(&logging_in.shared_exchange),
            Phase::Answering(answering) => Some(&answering.shared_exchange),
            Phase::Active(active) => active.probe.as_deref(),
            Phase::LoggingOut(logging_out) => Some(&logging_out.shared_exchange),
            Phase::LoggedOut(_) | Phase::Challenged(_) | Phase::ApiKey(_) => None,
        }
    }

    pub(super) fn shared_exchange_mut(&mut self) -> Option<&mut SharedExchange> {
        match &mut self.phase {
            Phase::LoggingIn(logging_in) => Some(&mut logging_in.shared_exchange),
            Phase::Answering(answering) => Some(&mut answering.shared_exchange),
            Phase::Active(active) => active.probe.as_deref_mut(),
            Phase::LoggingOut(logging_out) => Some(&mut logging_out.shared_exchange),
            Phase::LoggedOut(_) | Phase::Challenged(_) | Phase::ApiKey(_) => None,
        }
    }
}
