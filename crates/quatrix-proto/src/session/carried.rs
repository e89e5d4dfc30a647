//! The exchange that all share, if there is one: it lives in the phase that it belongs to.

use super::{CallId, ExchangeId, Phase, Session};
use crate::endpoint::{Endpoint, Prepared};
use crate::error::Invalid;
use crate::time::Timestamp;

/// A shared exchange and the caller that carries it.
#[derive(Clone)]
pub(super) struct Carried {
    pub(super) prepared: Prepared,
    pub(super) carrier: CallId,
    /// `None`: the carrier has not polled yet.
    pub(super) exchange: Option<ExchangeId>,
    pub(super) sent: Timestamp,
    /// When it counts as lost, reported or not.
    pub(super) deadline: Timestamp,
}

impl Session {
    /// A shared exchange that `carrier` sends at its next poll.
    pub(super) fn carried_by(
        &self,
        now: Timestamp,
        carrier: CallId,
        endpoint: &impl Endpoint,
    ) -> Result<Carried, Invalid> {
        let prepared = endpoint.prepare(&self.config.server)?;
        let deadline = now.saturating_add(self.config.exchange_timeout);
        Ok(Carried { prepared, carrier, exchange: None, sent: now, deadline })
    }

    pub(super) fn carried(&self) -> Option<&Carried> {
        match &self.phase {
            Phase::LoggingIn(logging_in) => Some(&logging_in.carried),
            Phase::Answering(answering) => Some(&answering.carried),
            Phase::Active(active) => active.probe.as_deref(),
            Phase::LoggingOut(logging_out) => Some(&logging_out.carried),
            Phase::LoggedOut(_) | Phase::Challenged(_) | Phase::ApiKey(_) => None,
        }
    }

    pub(super) fn carried_mut(&mut self) -> Option<&mut Carried> {
        match &mut self.phase {
            Phase::LoggingIn(logging_in) => Some(&mut logging_in.carried),
            Phase::Answering(answering) => Some(&mut answering.carried),
            Phase::Active(active) => active.probe.as_deref_mut(),
            Phase::LoggingOut(logging_out) => Some(&mut logging_out.carried),
            Phase::LoggedOut(_) | Phase::Challenged(_) | Phase::ApiKey(_) => None,
        }
    }
}
